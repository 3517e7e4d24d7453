"""The wire inspector: every message that left this machine and that came, live, in words."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.widgets import Static

from resonance_tui.messaging.tap import Caught
from resonance_tui.messaging.wire_log import Flow, Shown, WireLog
from resonance_tui.messaging.wire_words import words_of
from resonance_tui.texts import mark, tr, tr_n
from resonance_tui.tui.patience import PatientScreen
from resonance_tui.widths import cut

TICK_S = 0.5
LINES = 2  # of a packet: what it says, and where it went
SHOWN_WORDS = {
    Shown.ALL: mark("everything"),
    Shown.SENT: mark("what left"),
    Shown.RECEIVED: mark("what came"),
    Shown.MESSAGES: mark("messages alone"),
}
NOTHING = mark("Nothing was sent or received yet.")


class WireScreen(PatientScreen[None]):
    """The newest packet is the lowest. Paused, it can be looked through; the log goes on behind."""

    DEFAULT_CSS = """
    WireScreen { layout: vertical; }
    WireScreen #totals { height: 1; background: $surface; padding: 0 1; }
    WireScreen #packets { height: 1fr; padding: 0 1; }
    WireScreen #keys { height: 1; padding: 0 1; color: $text-muted; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("space,p", "pause", "Pause"),
        Binding("f", "filter", "Filter"),
        Binding("up,k", "move(1)", "Back"),
        Binding("down,j", "move(-1)", "On"),
        Binding("pageup", "move(10)", "Far back"),
        Binding("pagedown", "move(-10)", "Far on"),
        Binding("escape,q,w", "dismiss(None)", "back"),
    ]

    def __init__(
        self, log: WireLog, local_time: Callable[[float], time.struct_time] = time.localtime
    ) -> None:
        super().__init__()
        self._log, self._local_time = log, local_time
        self._shown = Shown.ALL
        self._paused: tuple[Caught, ...] | None = None  # what was there then
        self._back = 0  # packets below the lowest that is drawn

    def compose(self) -> ComposeResult:
        yield Static(id="totals")
        yield Static(id="packets")
        yield Static(tr("space pause  f filter  ↑ ↓ look back  esc back"), id="keys")

    def on_mount(self) -> None:
        self.set_interval(TICK_S, self._draw)
        self.call_after_refresh(self._draw)

    def on_resize(self) -> None:
        self.call_after_refresh(self._draw)

    def action_pause(self) -> None:
        self._paused = self._log.packets() if self._paused is None else None
        self._back = 0
        self._draw()

    def action_filter(self) -> None:
        self._shown, self._back = self._shown.next, 0
        self._draw()

    def action_move(self, by: int) -> None:
        """Looking back pauses: what one reads does not run away."""
        if self._paused is None and by > 0:
            self._paused = self._log.packets()
        self._back = max(0, min(self._back + by, len(self._packets()) - 1))
        self._draw()

    def _packets(self) -> list[Caught]:
        there = self._log.packets() if self._paused is None else self._paused
        return [each for each in there if self._shown.holds(each)]

    def _draw(self) -> None:
        if not self.is_mounted:
            return
        area = self.query_one("#packets", Static)
        width, height = area.content_size
        packets = self._packets()
        end = len(packets) - self._back
        drawn = packets[max(0, end - max(1, height // LINES)) : end]
        lines = [line for each in drawn for line in self._lines(each, max(width, 1))]
        area.update(Content("\n").join(lines) if lines else Content(tr(NOTHING)))
        self.query_one("#totals", Static).update(Content(self._totals()))

    def _totals(self) -> str:
        log = self._log
        said = [
            tr(SHOWN_WORDS[self._shown]),
            tr("left {flow}", flow=_flow(log.sent)),
            tr("came {flow}", flow=_flow(log.received)),
        ]
        # On a small screen the figures lose their end, not what the keys have changed.
        return "  ".join([tr("paused"), *said] if self._paused is not None else said)

    def _lines(self, caught: Caught, width: int) -> list[Content]:
        words, at = words_of(caught), time.strftime("%H:%M:%S", self._local_time(caught.at))
        arrow, style = ("→", "$accent") if caught.is_sent else ("←", "bold")
        head = f"{at} {arrow} {caught.size:>4} B  {words.kind}"
        says = cut(words.says, max(width - len(head) - 2, 0))
        where = cut(" " * 9 + "  ".join(filter(None, (words.topic, caught.place))), width)
        return [
            Content.assemble((cut(head, width), style), f"  {says}"),
            Content.styled(where, "dim"),
        ]


def _flow(flow: Flow) -> str:
    packets = tr_n("{count:,} packet", "{count:,} packets", flow.packets)
    return f"{packets}, {flow.bytes:,} B"
