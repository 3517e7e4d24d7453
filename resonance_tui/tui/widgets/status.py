"""The status lines at the top and the notice under them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil
from typing import TYPE_CHECKING

from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style

from resonance_tui.engines.base import untrained
from resonance_tui.texts import mark, tr
from resonance_tui.tui.styles import BOLD, SegmentLine, Styles, fit
from resonance_tui.tui.widgets.line_widget import LineWidget
from resonance_tui.widths import printable

if TYPE_CHECKING:
    from resonance_tui.session import SelfView, SessionView

SEPARATOR = "   "
TROUBLED = ("missing", "busy", "lost")


@dataclass(frozen=True, slots=True)
class Chip:
    """One fact on the status line. Of two that compete for room the lower rank stays."""

    long: str
    short: str
    tone: str  # a field of `Styles`
    rank: int


def _chip(text: str, tone: str, rank: int) -> Chip:
    """A chip that has no shorter form."""
    return Chip(text, text, tone, rank)


def countdown(retry_at: float | None, now: float) -> str:
    """ "retry in 3 s" for a moment in monotonic seconds; "" when there is none."""
    if retry_at is None:
        return ""
    seconds = max(ceil(retry_at - now), 0)
    return tr("retry in {seconds} s", seconds=seconds) if seconds else tr("retrying")


def _with(words: str, *more: str) -> str:
    return " · ".join([words, *(part for part in more if part)])


def link_chip(view: SessionView, now: float) -> Chip:
    state, again = view.link.state, countdown(view.link.retry_at, now)
    if state == "connected":
        return _chip(f"● {tr('connected')}", "good", 1)
    if state == "connecting":
        return _chip(f"◌ {tr('connecting')}", "warn", 1)
    if state == "lost":
        long, short = f"✕ {tr('connection lost')}", f"✕ {tr('lost')}"
        return Chip(_with(long, again), _with(short, again), "bad", 1)
    return _chip(f"○ {tr('left')}", "muted", 1)


# By state: a sign, the words, the words where there is little room, a tone.
CAMERA_WORDS = {
    "off": ("○", mark("camera off"), mark("cam off"), "muted"),
    "opening": ("◌", mark("camera opening"), mark("cam opening"), "warn"),
    "live": ("●", mark("camera on"), mark("cam on"), "good"),
    "missing": ("✕", mark("no camera"), mark("no cam"), "bad"),
    "busy": ("✕", mark("camera busy"), mark("cam busy"), "bad"),
    "lost": ("✕", mark("camera lost"), mark("cam lost"), "bad"),
    "ended": ("■", mark("film over"), mark("film over"), "muted"),
}
ENGINE_WORDS = {
    "loading": ("◌", mark("loading"), "warn"),
    "ready": ("◆", mark("ready"), "text"),
    "failed": ("✕", mark("failed"), "bad"),
}


def camera_chip(view: SessionView, now: float) -> Chip:
    sign, words, few_words, tone = CAMERA_WORDS[view.camera.state]
    retry_at = view.camera.retry_at if view.camera.state in TROUBLED else None
    long = _with(f"{sign} {tr(words)}", countdown(retry_at, now) or view.camera.source)
    if retry_at is None:
        return Chip(long, f"{sign} {tr(few_words)}", tone, 2)
    seconds = max(ceil(retry_at - now), 0)
    soon = tr("{seconds} s", seconds=seconds) if seconds else ""
    return Chip(long, f"{sign} {tr(words)} {soon}".rstrip(), tone, 2)


def sharing_chip(view: SessionView) -> Chip:
    if view.is_sharing:
        return _chip(f"▲ {tr('sharing')}", "good", 3)
    return _chip(f"‖ {tr('not sharing')}", "warn", 3)


def engine_chip(view: SessionView) -> Chip:
    sign, state, tone = ENGINE_WORDS[view.engine.state]
    if not view.engine.is_trained and view.engine.state != "failed":
        state, tone = mark("untrained"), "warn"
    words = f"{sign} {view.engine.name} {tr(state)}"
    detail = view.engine.detail if view.engine.state != "failed" else ""
    return Chip(_with(words, detail), words, tone, 5)


def latency_chip(me: SelfView) -> Chip | None:
    if not me.latency_ms:
        return None
    total = me.latency_ms.get("total", sum(me.latency_ms.values()))
    return Chip(tr("{ms:.0f} ms a clip", ms=total), f"{total:.0f} ms", "muted", 6)


def size_chip(view: SessionView) -> Chip:
    """The number of viewers, and whether it comes from their reports or the aggregators' total."""
    viewers = view.room.viewers
    if view.room.is_total:
        return _chip(tr("total of {viewers}", viewers=viewers), "text", 7)
    here = tr("{viewers} here", viewers=viewers)
    return Chip(_with(here, tr("mesh")), here, "text", 7)


def chips(view: SessionView, now: float) -> tuple[list[Chip], list[Chip]]:
    """First line: the room and the way there. Second line: this machine."""
    room = [
        Chip(f"#{view.channel}", f"#{view.channel}", "accent", 0),
        link_chip(view, now),
        size_chip(view),
        Chip(view.broker_url, "", "muted", 8),
    ]
    if view.is_recording:
        room.insert(2, Chip(f"◉ {tr('recording')}", f"◉ {tr('rec')}", "bad", 4))
    own = [camera_chip(view, now), sharing_chip(view), engine_chip(view)]
    latency = latency_chip(view.me)
    return room, [*own, latency] if latency else own


def arrange(items: Sequence[Chip], width: int) -> list[tuple[str, str]]:
    """(text, tone) of what fits in `width`: the least of them get short words, then go."""
    by_rank = sorted(items, key=lambda chip: -chip.rank)
    texts = {chip.rank: chip.long for chip in items}
    steps = [(chip.rank, chip.short) for chip in by_rank] + [(chip.rank, "") for chip in by_rank]
    for rank, shorter in steps[:-1]:
        shown = [text for text in texts.values() if text]
        if sum(map(cell_len, shown)) + len(SEPARATOR) * (len(shown) - 1) <= width - 2:
            break
        texts[rank] = shorter
    kept = [chip for chip in items if texts[chip.rank]]
    room = max(width - 2, 0) if len(kept) == 1 else width
    return [(_cut(texts[chip.rank], room), chip.tone) for chip in kept]


def _cut(text: str, room: int) -> str:
    text = printable(text)
    return fit(text, room) if cell_len(text) > room else text


class StatusBar(LineWidget):
    """Channel, connection, camera, sharing, engine, speed: as much as there is room for."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._chips: tuple[list[Chip], list[Chip]] = ([], [])

    def show(self, view: SessionView, now: float) -> None:
        """`now` in monotonic seconds, for the countdowns."""
        shown = chips(view, now)
        if shown != self._chips:
            self._chips = shown
            self.redraw()

    def draw(self, pen: Styles, width: int, height: int) -> list[SegmentLine]:
        room, own = self._chips
        groups = [room, own] if height >= 2 else [[*room, *own]]
        return [_chip_line(pen, arrange(group, width)) for group in groups]


def _chip_line(pen: Styles, shown: list[tuple[str, str]]) -> SegmentLine:
    line = [Segment(" ", pen.text)]
    for index, (text, tone) in enumerate(shown):
        style: Style = getattr(pen, tone)
        line.append(Segment(text, style + BOLD if tone in ("accent", "bad") else style))
        if index < len(shown) - 1:
            line.append(Segment(SEPARATOR, pen.text))
    return line


def notice_of(view: SessionView) -> tuple[str, str]:
    """(text, tone): the one thing a person should know now; ("", ...) when all is well."""
    if view.link.state == "lost" and view.link.detail:
        return f"✕ {tr(view.link.detail)}", "bad"
    if view.engine.state == "failed" and view.engine.detail:
        return f"✕ {view.engine.detail}", "bad"
    if view.camera.state in TROUBLED and view.camera.detail:
        return f"✕ {view.camera.detail}", "warn"
    if not view.engine.is_trained:
        return f"! {untrained(view.engine.name)}", "warn"
    if view.notice:
        return f"▪ {view.notice}", "accent"
    return "", "text"


class Notice(LineWidget):
    """One line, gone when there is nothing to say."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._shown = ("", "text")

    def show(self, text: str, tone: str) -> None:
        if (text, tone) != self._shown:
            self._shown = (text, tone)
            self.display = bool(text)
            self.redraw()

    def draw(self, pen: Styles, width: int, height: int) -> list[SegmentLine]:
        text, tone = self._shown
        return [[Segment(fit(f" {text}", width), getattr(pen, tone))]]
