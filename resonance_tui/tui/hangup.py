"""A terminal that went away without a word: a window that was killed, a connection that broke.

Where nobody sends SIGHUP, Textual reads the end of input without a pause and writes to nobody until
its queue is full. Then the event loop stands still, with the camera on.
"""

from __future__ import annotations

import os
import select
import sys
import threading
from collections.abc import Callable
from contextlib import suppress

from resonance_tui.errors import INTERRUPTED

LOOK_EVERY_S = 0.5
GRACE_S = 6.0  # to leave the room in


class HangupWatch:
    """Looks after the terminal from a thread of its own, from `start` until `stop`.

    `hung_up` is called in that thread, once. After it the program has `GRACE_S` to end by itself.
    """

    def __init__(self, hung_up: Callable[[], object]) -> None:
        self._hung_up = hung_up
        self._stopped = threading.Event()

    def start(self) -> None:
        """Does nothing without a terminal, or on a system that cannot tell."""
        if sys.__stdin__ is None or not sys.__stdin__.isatty() or not hasattr(select, "poll"):
            return
        work = (sys.__stdin__.fileno(),)
        threading.Thread(target=self._watch, args=work, name="hangup", daemon=True).start()

    def stop(self) -> None:
        """A terminal that has gone already is still gone."""
        self._stopped.set()

    def _watch(self, terminal: int) -> None:
        poll = select.poll()
        poll.register(terminal, 0)  # an end is told without being asked for
        while not poll.poll(0):
            # Where SIGHUP came first, Textual hangs at its end, with text for nobody in its queue.
            if self._stopped.wait(LOOK_EVERY_S) and not poll.poll(0):
                return
        with suppress(RuntimeError):  # the loop has ended
            self._hung_up()
        threading.Event().wait(GRACE_S)
        os._exit(INTERRUPTED)
