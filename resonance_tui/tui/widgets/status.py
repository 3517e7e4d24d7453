"""The status lines at the top and the notice under them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil
from textwrap import wrap
from typing import TYPE_CHECKING

from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style

from resonance_tui.texts import mark, tr
from resonance_tui.tui.state_words import (
    NO_CAMERA_ASKED,
    NO_ENGINE,
    asks_no_camera,
    countdown,
    fitting,
    host_words,
    next_try,
    outage_words,
    silence_words,
    unknown_words,
)
from resonance_tui.tui.styles import BOLD, SegmentLine, Styles, fit
from resonance_tui.tui.widgets.line_widget import LineWidget
from resonance_tui.widths import printable

if TYPE_CHECKING:
    from resonance_tui.session import SessionView

SEPARATOR = "   "
TROUBLED = ("missing", "busy", "lost", "frozen")
UNTRAINED = (
    mark("the engine is untrained: it guesses, and the room is told that it is unsure"),
    mark("the engine is untrained: it guesses"),
)


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


def _with(words: str, *more: str) -> str:
    return " · ".join([words, *(part for part in more if part)])


def link_chip(view: SessionView, now: float) -> Chip:
    if view.link.state == "closed":
        return _chip(f"○ {tr('left')}", "muted", 1)
    outage = view.outage
    if outage is None and view.silent_s:
        return Chip(f"◌ {silence_words(view.silent_s)[1]}", f"◌ {tr('no answer')}", "warn", 1)
    if outage is None:
        return _chip(f"● {tr('connected')}", "good", 1)
    if outage.is_first and not outage.why:
        return _chip(f"◌ {tr('connecting')}", "warn", 1)
    words = f"✕ {tr('not connected')}"
    return Chip(_with(words, next_try(outage, now)), words, "bad", 1)


# By state: a sign, the words, the words where there is little room, a tone.
CAMERA_WORDS = {
    "off": ("○", mark("camera off"), mark("cam off"), "muted"),
    "opening": ("◌", mark("camera opening"), mark("cam opening"), "warn"),
    "live": ("●", mark("camera on"), mark("cam on"), "good"),
    "missing": ("✕", mark("no camera"), mark("no cam"), "bad"),
    "busy": ("✕", mark("camera busy"), mark("cam busy"), "bad"),
    "lost": ("✕", mark("camera lost"), mark("cam lost"), "bad"),
    "frozen": ("✕", mark("camera frozen"), mark("cam frozen"), "bad"),
    "ended": ("■", mark("film over"), mark("film over"), "muted"),
}


def camera_chip(view: SessionView, now: float) -> Chip:
    if asks_no_camera(view):
        return Chip(f"○ {tr(NO_CAMERA_ASKED[0])}", f"○ {tr(NO_CAMERA_ASKED[1])}", "muted", 2)
    sign, words, few_words, tone = CAMERA_WORDS[view.camera.state]
    retry_at = view.camera.retry_at if view.camera.state in TROUBLED else None
    source = "" if view.camera.state == "off" else view.camera.source
    long = _with(f"{sign} {tr(words)}", countdown(retry_at, now) or source)
    if retry_at is None:
        return Chip(long, f"{sign} {tr(few_words)}", tone, 2)
    seconds = max(ceil(retry_at - now), 0)
    soon = tr("{seconds} s", seconds=seconds) if seconds else ""
    return Chip(long, f"{sign} {tr(words)} {soon}".rstrip(), tone, 2)


def sharing_chip(view: SessionView) -> Chip:
    if view.link.state == "closed":
        return Chip(f"‖ {tr('nothing is shared')}", f"‖ {tr('not shared')}", "muted", 3)
    if not view.is_sharing:
        return Chip(f"‖ {tr('sharing paused')}", f"‖ {tr('paused')}", "warn", 3)
    if view.outage is not None:
        return Chip(f"‖ {tr('nothing is shared')}", f"‖ {tr('not shared')}", "muted", 3)
    if view.host.standing != "counted":
        return _chip(f"‖ {tr('not counted')}", "warn", 3)
    if view.privacy is not None:
        spent, budget = f"{view.privacy.spent:g}", f"{view.privacy.budget:g}"
        epsilon = f"{view.privacy.epsilon:g}"
        words = mark("private, ε {epsilon} a state: {spent} of {budget} spent")
        long = tr(words, epsilon=epsilon, spent=spent, budget=budget)
        return Chip(f"▲ {long}", f"▲ {tr('private')} {spent}/{budget}", "good", 3)
    return _chip(f"▲ {tr('sharing')}", "good", 3)


def engine_chip(view: SessionView) -> Chip | None:
    """Only what is wrong with reading faces; the name and the rest are in the help's details."""
    if view.engine.state == "failed":
        return Chip(f"✕ {tr(NO_ENGINE[0])}", f"✕ {tr(NO_ENGINE[1])}", "bad", 5)
    if not view.engine.is_trained:
        return _chip(f"! {tr('untrained')}", "warn", 5)
    return _chip(f"◌ {tr('getting ready')}", "warn", 5) if view.engine.state == "loading" else None


def recording_chip(view: SessionView) -> Chip | None:
    if not view.is_recording:
        return None
    if view.outage is not None:
        return Chip(f"◎ {tr('recording waits')}", f"◎ {tr('rec waits')}", "muted", 4)
    return Chip(f"◉ {tr('recording')}", f"◉ {tr('rec')}", "bad", 4)


def size_chip(view: SessionView) -> Chip | None:
    """How many are in the room; nothing while that is not known."""
    if view.outage is not None or view.link.state == "closed":
        return None
    here = tr("{viewers} here", viewers=view.room.people)
    room = view.room
    long, short = unknown_words(room.confirming, room.is_counting, room.is_uncounted)
    return Chip(f"{here}, {long}", f"{here} {short}", "text", 7) if long else _chip(here, "text", 7)


def chips(view: SessionView, now: float) -> tuple[list[Chip], list[Chip]]:
    """First line: the room and the way there. Second line: this machine."""
    channel = _chip(f"#{view.channel}", "accent", 0)
    room = [channel, link_chip(view, now), recording_chip(view), size_chip(view)]
    own = [camera_chip(view, now), sharing_chip(view), engine_chip(view)]
    return [chip for chip in room if chip], [chip for chip in own if chip]


def own_chips(view: SessionView, now: float) -> list[Chip]:
    """What reads the face, where nothing is shared."""
    return [chip for chip in (camera_chip(view, now), engine_chip(view)) if chip]


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
    """Channel, connection, people, camera, sharing: as much as there is room for."""

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


def notice_of(view: SessionView, now: float) -> tuple[tuple[str, ...], str]:
    """(texts, tone): the one thing a person should know now, in several lengths, the longest
    first; () when all is well."""
    if words := outage_words(view, now):
        is_quiet = view.outage is not None and not view.outage.why
        sign, tone = ("◌", "warn") if is_quiet else ("✕", "bad")
        return tuple(f"{sign} {text}" for text in words), tone
    if words := silence_words(view.silent_s):
        return tuple(f"◌ {text}" for text in words), "warn"
    if view.engine.state == "failed" and view.engine.detail:
        return (f"✕ {tr(view.engine.detail)}",), "bad"
    if view.camera.state in TROUBLED and view.camera.detail:
        return (f"✕ {tr(view.camera.detail)}",), "warn"
    if not view.engine.is_trained:
        return tuple(f"! {tr(text)}" for text in UNTRAINED), "warn"
    if words := host_words(view):
        return tuple(f"! {tr(text)}" for text in words), "warn"
    if view.rules is not None and view.rules.prompt:
        return (f"▶ {view.rules.prompt}",), "accent"
    if view.notice:
        return (f"▪ {view.notice}",), "accent"
    return (), "text"


class Notice(LineWidget):
    """One line, gone when there is nothing to say; more where a text has to be read whole."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._texts: tuple[str, ...] = ()
        self._tone, self._most_lines = "text", 1

    def show(self, texts: tuple[str, ...], tone: str, most_lines: int = 1) -> None:
        """`texts`: of one meaning, the longest first; the last one is wrapped where it must."""
        if (texts, tone, most_lines) != (self._texts, self._tone, self._most_lines):
            self._texts, self._tone, self._most_lines = texts, tone, most_lines
            self.display = bool(texts)
            self._fit_height()
            self.redraw()

    def on_resize(self) -> None:
        self._fit_height()
        super().on_resize()

    def _fit_height(self) -> None:
        lines = max(len(self._lines(self.size.width or self.app.size.width)), 1)
        if lines != self.size.height:
            self.styles.height = lines

    def _lines(self, width: int) -> list[str]:
        room = max(width - 2, 1)
        text = printable(fitting(self._texts, room))
        lines = wrap(text, room, subsequent_indent="  " * (room > 8))
        kept = self._most_lines - 1
        last = [lines[kept], *(line.strip() for line in lines[kept + 1 :])] if lines[kept:] else []
        return [*lines[:kept], *([" ".join(last)] if last else [])]

    def draw(self, pen: Styles, width: int, height: int) -> list[SegmentLine]:
        style: Style = getattr(pen, self._tone)
        return [[Segment(fit(f" {line}", width), style)] for line in self._lines(width)]
