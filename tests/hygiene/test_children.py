"""The suite itself: what it starts ends with it, and limits follow the machine."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import children
import limits
import psutil
import pytest
import pytest_timeout
from children import end_child, ended_afterwards, left_over, run_child, start_child

SLEEPER = [sys.executable, "-c", "import time; print('up', flush=True); time.sleep(600)"]
PARENT = """
import subprocess, sys, time
print(subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"]).pid, flush=True)
time.sleep(600)
"""


def test_ctrl_c_arrives_at_a_child_however_the_run_was_started() -> None:
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    child = start_child(SLEEPER, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    child.stdout.readline()
    child.send_signal(signal.SIGINT)
    assert child.wait(limits.patience(10)) == -signal.SIGINT


def test_a_child_ends_with_its_block_and_so_does_what_it_started() -> None:
    with ended_afterwards():
        parent = start_child([sys.executable, "-c", PARENT], stdout=subprocess.PIPE)
        grandchild = psutil.Process(int(parent.stdout.readline()))
        assert grandchild.is_running()
    assert parent.returncode == -signal.SIGKILL
    assert psutil.wait_procs([grandchild], limits.patience(10))[1] == []


def test_a_program_that_does_not_end_in_time_is_ended_with_its_children(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(children, "patience", lambda seconds: seconds)
    with pytest.raises(subprocess.TimeoutExpired):
        run_child(["bash", "-c", "sleep 601 & sleep 601"], capture_output=True, timeout=0.3)
    assert not any("601" in process.cmdline() for process in psutil.Process().children(True))


def test_what_outlives_the_run_is_named_with_its_test_and_ended(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv(children.MARK, "of this test alone")
    code = """
import subprocess
quiet = subprocess.DEVNULL
print(subprocess.Popen(["sleep", "602"], stdout=quiet, start_new_session=True).pid)
"""
    told = run_child([sys.executable, "-c", code], stdout=subprocess.PIPE).stdout
    orphan = psutil.Process(int(told))
    (line,) = left_over(grace_s=0)
    assert line.startswith(f"sleep 602 (pid {orphan.pid}, started by tests/hygiene/test_children.")
    assert psutil.wait_procs([orphan], limits.patience(10))[1] == []


def test_a_child_may_be_ended_twice_and_after_its_end() -> None:
    child = start_child(["true"])
    child.wait()
    end_child(child)
    end_child(child)
    assert child.returncode == 0


def test_a_limit_holds_on_an_idle_machine_and_grows_with_load_and_slow_cores(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(limits, "_measure_core", lambda: 0.5 * limits.REFERENCE_S)
    monkeypatch.setattr(limits, "_waiting_for_a_core", lambda: 0.5)
    assert limits.patience(10) == 10
    monkeypatch.setattr(limits, "_waiting_for_a_core", lambda: 5.0)
    assert limits.patience(10) == 50
    monkeypatch.setattr(limits, "_measure_core", lambda: 3 * limits.REFERENCE_S)
    assert limits.patience(10) == pytest.approx(150)


def test_a_test_that_hangs_has_twice_the_limit_of_this_moment(
    monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    set_timers: list[float] = []
    monkeypatch.setattr(
        pytest_timeout,
        "pytest_timeout_set_timer",
        lambda _, settings: set_timers.append(settings.timeout) or True,
    )
    settings = pytest_timeout.Settings(60, "signal", False, False)
    monkeypatch.setattr(limits, "slowness", lambda: 3.0)
    request.config.hook.pytest_timeout_set_timer(item=request.node, settings=settings)
    assert set_timers == [360]


def test_every_program_is_started_through_the_one_helper() -> None:
    ways = ("subprocess." + "Popen(", "subprocess." + "run(", "create_" + "subprocess_exec(")
    tests = Path(__file__).resolve().parents[1]
    found = {
        str(path.relative_to(tests))
        for path in tests.rglob("*.py")
        if any(way in path.read_text() for way in ways)
    }
    assert found == {"children.py", "hygiene/test_children.py"}
