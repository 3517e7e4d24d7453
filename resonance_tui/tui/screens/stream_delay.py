"""How late viewers see the stream: found with one key on a mark that is visible in the stream."""

from __future__ import annotations

import time
from collections.abc import Callable
from statistics import median
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.widgets import Static

from resonance_tui.history.words import MOST_DELAY_S
from resonance_tui.texts import mark, tr, tr_n
from resonance_tui.tui.patience import PatientDialog

SHOW_EVERY_S = 0.1
BEGIN = mark(
    "Open your stream as viewers see it, on a phone for one. Press d while you do something that "
    "it shows: wave, or let it show this sign."
)
WAIT = mark("Press d again when you see that in the stream.")


class Tries:
    """Pairs of presses: something is done, and it is seen in the stream. Pure."""

    def __init__(self) -> None:
        self.found: list[float] = []  # s
        self._since: float | None = None

    @property
    def is_running(self) -> bool:
        return self._since is not None

    def press(self, now: float) -> None:
        """`now`: monotonic seconds. A second press that comes after MOST_DELAY_S begins anew."""
        passed = self.passed(now)
        if self._since is None or passed > MOST_DELAY_S:
            self._since = now
        else:
            self._since = None
            self.found.append(passed)

    def passed(self, now: float) -> float:
        """Since it was done; 0 where nothing is waited for."""
        return now - self._since if self._since is not None else 0.0

    @property
    def delay_s(self) -> float | None:
        """The middle of what was found; None where nothing was."""
        return round(median(self.found), 1) if self.found else None


class StreamDelay(PatientDialog[float | None]):
    """Dismissed with seconds, or None."""

    DEFAULT_CSS = """
    StreamDelay #sign { height: 3; width: 1fr; content-align: center middle; text-style: bold; }
    StreamDelay #sign.now { background: $foreground; color: $background; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("d,space", "press", "Now"),
        Binding("enter", "keep", "Keep"),
        Binding("escape,q", "dismiss(None)", "back"),
    ]

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._tries, self._clock = Tries(), clock

    def compose(self) -> ComposeResult:
        with Vertical(classes="card"):
            yield Static(tr("Delay of the stream"), classes="card-title")
            yield Static(id="words")
            yield Static(id="sign")
            yield Static(tr("d now  enter keep  esc back"), classes="keys")

    def on_mount(self) -> None:
        self.set_interval(SHOW_EVERY_S, self._show)
        self._show()

    def action_press(self) -> None:
        self._tries.press(self._clock())
        self._show()

    def action_keep(self) -> None:
        if self._tries.delay_s is not None:
            self.dismiss(self._tries.delay_s)

    def _show(self) -> None:
        tries = self._tries
        sign = self.query_one("#sign", Static)
        sign.set_class(tries.is_running, "now")
        self.query_one("#words", Static).update(tr(WAIT) if tries.is_running else tr(BEGIN))
        sign.update(Content(self._sign(tries)))

    def _sign(self, tries: Tries) -> str:
        if tries.is_running:
            return f"{tries.passed(self._clock()):.1f} s"
        if tries.delay_s is None:
            return "–"
        each = " ".join(f"{found:.1f}" for found in tries.found[-5:])
        count = tr_n("{count} try", "{count} tries", len(tries.found))
        return f"{tries.delay_s:.1f} s  ({count}: {each})"
