"""Signals end a screen as a key would: the room is left, the terminal is restored."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Awaitable, Callable
from contextlib import suppress

from textual.app import App


def leave_on_signals(app: App[None], leave: Callable[[], Awaitable[None] | None]) -> None:
    """A polite kill or a closed window calls `leave` on the app's loop."""
    loop = asyncio.get_running_loop()
    for name in ("SIGTERM", "SIGHUP"):  # where a system or a thread cannot take them, it cannot
        with suppress(AttributeError, NotImplementedError, RuntimeError, ValueError):
            loop.add_signal_handler(getattr(signal, name), app.call_later, leave)
