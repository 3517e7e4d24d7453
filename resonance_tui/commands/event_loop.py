"""How a command runs its one asyncio loop: signals, and native output off the screen."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import sys
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from resonance_tui.config import Config
from resonance_tui.logs import native_output_to
from resonance_tui.native import share_one_heap

T = TypeVar("T")


def run_loop(config: Config, main: Callable[[], Coroutine[Any, Any, T]]) -> T:
    """Run `main()` to its end. Ctrl-C and SIGTERM cancel it, wait for its clean-up, and end in
    KeyboardInterrupt."""
    with native_output_to(config.directories.log_file, config.secrets):
        return run_until_terminated(main)


def run_until_terminated(main: Callable[[], Coroutine[Any, Any, T]]) -> T:
    """`run_loop` for a command that leaves the process's output as it is."""
    share_one_heap()
    # MQTT needs add_reader, which Windows' default loop lacks
    factory = asyncio.SelectorEventLoop if sys.platform == "win32" else None
    before = signal.getsignal(signal.SIGTERM)  # the loop leaves the system's own behind
    try:
        with asyncio.Runner(loop_factory=factory) as runner:
            return runner.run(_until_terminated(main))
    finally:
        signal.signal(signal.SIGTERM, before)


async def _until_terminated(main: Callable[[], Coroutine[Any, Any, T]]) -> T:
    """A signal that raised inside the loop would end it between two of its steps."""
    task = asyncio.current_task()
    assert task is not None
    terminated = False

    def terminate() -> None:
        nonlocal terminated
        if not terminated:  # `timeout` sends it twice; the second would end the clean-up half done
            terminated = True
            task.cancel()

    with contextlib.suppress(NotImplementedError):  # Windows has no SIGTERM to speak of
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, terminate)
    try:
        return await main()
    except asyncio.CancelledError:
        if terminated:
            raise KeyboardInterrupt from None
        raise
