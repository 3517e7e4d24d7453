"""Programs that tests start: each ends with its test, and whatever it started ends with it."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import uuid
from collections.abc import Iterator
from typing import Any

import psutil
from limits import Limit, patience

MARK = "SUITE_WORKER"  # every descendant inherits it, also one whose parent is gone
_started: list[subprocess.Popen[Any]] = []


def adopt_descendants() -> None:
    """Marks whatever is started from now on as ours, so that `left_over` finds it."""
    os.environ[MARK] = uuid.uuid4().hex


def start_child(command: Any, **options: Any) -> subprocess.Popen[Any]:
    """`subprocess.Popen` in a session of its own, ended by `ended_afterwards` at the latest."""
    process = subprocess.Popen(command, start_new_session=True, **options)
    _started.append(process)
    return process


def run_child(
    command: Any,
    *,
    timeout: float = 60,
    check: bool = False,
    capture_output: bool = False,
    input: Any = None,
    **options: Any,
) -> subprocess.CompletedProcess[Any]:
    """`subprocess.run`, which also ends what the program started; `timeout` is for an idle machine.

    Raises what `subprocess.run` raises.
    """
    if capture_output:
        options |= {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    if input is not None:
        options["stdin"] = subprocess.PIPE
    process = start_child(command, **options)
    try:
        out, err = process.communicate(input, timeout=patience(timeout))
    finally:
        end_child(process)
    done = subprocess.CompletedProcess(command, process.returncode, out, err)
    if check:
        done.check_returncode()
    return done


def end_child(process: subprocess.Popen[Any]) -> None:
    """SIGKILL for it and its process group; safe to call again."""
    if process in _started:
        _started.remove(process)
        if hasattr(os, "killpg"):
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(process.pid, signal.SIGKILL)
        process.kill()
        process.wait(patience(10))
    for stream in (process.stdin, process.stdout, process.stderr):
        if stream is not None:
            with contextlib.suppress(OSError):  # what was still to be written has no reader
                stream.close()


@contextlib.contextmanager
def ended_afterwards() -> Iterator[None]:
    """Ends every child that was started within the block."""
    before = list(_started)
    try:
        yield
    finally:
        for process in [each for each in _started if each not in before]:
            end_child(process)


def left_over(grace_s: float = 10.0) -> list[str]:
    """Command lines of our descendants that still run after the grace, which are then killed."""
    deadline = Limit(grace_s)
    while (found := list(_descendants())) and not deadline.ran_out():
        psutil.wait_procs(found, timeout=0.2)
    described = [_describe(process) for process in found]
    for process in found:
        with contextlib.suppress(psutil.Error):
            process.kill()
    return described


def _descendants() -> Iterator[psutil.Process]:
    own = psutil.Process()
    children = set(own.children(recursive=True))
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            is_ours = process in children or process.environ().get(MARK) == os.environ[MARK]
            if process != own and is_ours and not _is_over_or_pythons(process):
                yield process


def _is_over_or_pythons(process: psutil.Process) -> bool:
    """The tracker and the fork server of multiprocessing live as long as the interpreter."""
    command = " ".join(process.cmdline())
    is_pythons = "multiprocessing.resource_tracker" in command
    is_pythons |= "multiprocessing.forkserver" in command
    return is_pythons or process.status() == psutil.STATUS_ZOMBIE


def _describe(process: psutil.Process) -> str:
    with contextlib.suppress(psutil.Error):
        test = process.environ().get("PYTEST_CURRENT_TEST", "a test with an environment of its own")
        return f"{' '.join(process.cmdline())} (pid {process.pid}, started by {test})"
    return f"pid {process.pid}"
