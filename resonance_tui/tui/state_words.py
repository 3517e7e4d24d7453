"""Pure: the state of a session in words, as every screen says it.

A sentence comes in several lengths, the longest first; `fitting` takes what there is room for.
Times are monotonic seconds.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from math import ceil
from typing import TYPE_CHECKING

from rich.cells import cell_len

from resonance_tui.emotions import Emotion
from resonance_tui.engines.base import Flaw
from resonance_tui.pipeline.baseline import BaselineState
from resonance_tui.pipeline.seats import MOST_SEATS
from resonance_tui.pipeline.sources import Source
from resonance_tui.session.events import faces_text
from resonance_tui.session.outage import Outage, age_text
from resonance_tui.signing import short_print
from resonance_tui.texts import mark, tr, tr_n

if TYPE_CHECKING:
    from resonance_tui.room.state import RoomSnapshot, ViewerRow
    from resonance_tui.session import SelfView, SessionView

CONNECTS_WITHIN_S = 2.0  # a connection in the making is no news before that

# Why no emotion is read, long and short; the short ones fit into a line of the roster.
PAUSED = (mark("paused"), mark("paused"))
NO_ENGINE = (mark("engine not there"), mark("no engine"))
CAMERA_OFF = (mark("camera off"), mark("camera off"))
NO_CAMERA_ASKED = (mark("no camera asked for"), mark("by key only"))
GETTING_READY = (mark("getting ready"), mark("getting ready"))
NO_FACE = (mark("no face in view"), mark("no face"))
TOO_FAR = (mark("too far from the camera"), mark("too far"))
CAMERA_TROUBLE = {
    "missing": (mark("no camera"), mark("no camera")),
    "busy": (mark("camera busy"), mark("camera busy")),
    "lost": (mark("camera lost"), mark("camera lost")),
    "frozen": (mark("camera frozen"), mark("camera frozen")),
    "ended": (mark("film over"), mark("film over")),
}
# The states of connection, engine and camera, as the details name them.
STATES = {
    "connecting": mark("connecting"),
    "connected": mark("connected"),
    "lost": mark("lost"),
    "closed": mark("closed"),
    "loading": mark("loading"),
    "ready": mark("ready"),
    "failed": mark("failed"),
    "off": mark("off"),
    "opening": mark("opening"),
    "live": mark("running"),
    "missing": mark("missing"),
    "busy": mark("busy"),
    "frozen": mark("frozen"),
    "ended": mark("ended"),
}

# What the host's word means for oneself, by `Standing`.
STANDINGS = {
    "muted": (
        mark("The host muted you: nobody sees or counts you."),
        mark("the host muted you"),
    ),
    "locked-out": (
        mark("The room is locked: you see it, and nobody counts you. Ask the host to let you in."),
        mark("The room is locked, and nobody counts you."),
        mark("locked: not counted"),
    ),
}
OTHER_KEY = (
    mark("Another host key than before, {print}: ask the host, then accept it with Ctrl+P."),
    mark("Another host key than before: ask the host. Ctrl+P accepts it."),
    mark("another host key (Ctrl+P)"),
)


def host_words(view: SessionView) -> tuple[str, ...]:
    """What the room's host, or its key, means for this viewer; () where there is nothing to say."""
    if view.host.trust == "changed":
        longest = mark(OTHER_KEY[0], print=short_print(view.host.shown_key or b""))
        return (longest, *OTHER_KEY[1:])
    return STANDINGS.get(view.host.standing, ())


def fitting(texts: Sequence[str], cells: int) -> str:
    """The first that fits, else the last; "" where there is none."""
    return next((text for text in texts if cell_len(text) <= cells), texts[-1] if texts else "")


def countdown(retry_at: float | None, now: float) -> str:
    """ "retry in 3 s"; "" when there is no moment."""
    if retry_at is None:
        return ""
    seconds = max(ceil(retry_at - now), 0)
    return tr("retry in {seconds} s", seconds=seconds) if seconds else tr("retrying")


def next_try(outage: Outage, now: float) -> str:
    """When the connection is tried again."""
    seconds = 0 if outage.retry_at is None else max(ceil(outage.retry_at - now), 0)
    return tr("next try in {seconds} s", seconds=seconds) if seconds else tr("trying now")


def place_of(broker_url: str) -> str:
    """Host and port of a broker's address."""
    return broker_url.partition("://")[2].partition("?")[0] or broker_url


def outage_words(view: SessionView, now: float) -> tuple[str, ...]:
    """What a person must know while there is no connection; () while all is well."""
    outage = view.outage
    if outage is None:
        return ()
    if outage.is_first:
        return _first_words(outage, place_of(view.broker_url), now)
    age, why = age_text(now - outage.since), tr(outage.why)
    old = tr("not connected for {age}, what you see is old", age=age)
    return (
        *([f"{old}: {why}"] if why else []),
        old,
        tr("not connected for {age}, this is old", age=age),
        tr("not connected, this is old"),
    )


def silence_words(seconds: int) -> tuple[str, ...]:
    """Of a broker that has not answered for so long, while the connection stands; () for 0."""
    if not seconds:
        return ()
    return (
        tr("no answer from the broker for {seconds} s", seconds=seconds),
        tr("no answer for {seconds} s", seconds=seconds),
    )


def unknown_words(confirming: int, is_counting: bool, is_uncounted: bool) -> tuple[str, str]:
    """What is not known of the number of viewers, long and short; "" where it is a fact."""
    if is_uncounted:
        return tr("nobody counts now"), tr("no count")
    if is_counting:
        return tr("counting …"), tr("counting …")
    if confirming:
        return tr("confirming {count} …", count=confirming), f"+{confirming}?"
    return "", ""


def withheld_words(room: RoomSnapshot) -> tuple[str, str]:
    """Why the host's rules keep the counts back, long and short; "" where they do not."""
    if room.is_uncounted:
        return (
            tr("Only totals may be read here, and no program counts them now."),
            tr("no totals come now"),
        )
    if room.is_blind:
        return (
            tr("The room shows itself once you have reacted."),
            tr("react to see the room"),
        )
    if not room.missing:
        return "", ""
    return (
        tr_n(
            "The host shows counts once {count} more viewer is here.",
            "The host shows counts once {count} more viewers are here.",
            room.missing,
        ),
        tr("{count} more for counts", count=room.missing),
    )


def unlisted_words(room: RoomSnapshot) -> tuple[str, str] | None:
    """Why nobody else is listed, on two lines; None where all are."""
    if room.reads_totals and not room.least:
        return tr("Single viewers are not listed"), tr("as totals alone may be read.")
    if room.is_total and not room.least:
        return tr("Single viewers are not listed"), tr("in a room this large.")
    if room.least or room.is_blind:
        return tr("Single viewers are not listed"), tr("by the host's rule.")
    return None


def old_words(outage: Outage | None, now: float) -> str:
    """Of a panel that shows what was known before the connection was lost; "" where it is new."""
    if outage is None or outage.is_first:
        return ""
    return tr("as of {age} ago", age=age_text(now - outage.since))


def _first_words(outage: Outage, place: str, now: float) -> tuple[str, ...]:
    """Nothing was lost yet: what is tried, why it failed, and when it is tried again."""
    if not outage.why:
        is_slow = now - outage.since >= CONNECTS_WITHIN_S
        return (tr("connecting to {place} …", place=place), tr("connecting …")) if is_slow else ()
    why, again = tr(outage.why), next_try(outage, now)
    if place not in why:
        why = f"{place}: {why}"
    return (tr("not connected yet: {why}; {again}", why=why, again=again),)


def absent_words(view: SessionView) -> tuple[str, str]:
    """Why no emotion of one's own is shown, long and short."""
    long, short = _absent(view)
    return tr(long), tr(short)


def _absent(view: SessionView) -> tuple[str, str]:
    if not view.is_sharing:
        return PAUSED
    if view.engine.state == "failed":
        return NO_ENGINE
    if view.camera.state in CAMERA_TROUBLE:
        return CAMERA_TROUBLE[view.camera.state]
    if view.camera.state == "off":
        return NO_CAMERA_ASKED if asks_no_camera(view) else CAMERA_OFF
    if view.engine.state == "loading" or view.camera.state == "opening":
        return GETTING_READY
    return TOO_FAR if view.too_far else NO_FACE


def asks_no_camera(view: SessionView) -> bool:
    """Nothing was switched off: the person wanted it so, and speaks by key."""
    return view.camera.source == Source("none").label


def own_note(view: SessionView) -> tuple[str, ...]:
    """The most important thing to know of the own state, () for nothing. What the roster marks on
    the own line is said here too."""
    if not view.is_sharing:
        return tr("paused, not shared"), tr("paused")
    if view.outage is not None:
        return tr("not connected, not shared"), tr("not shared")
    if view.me.is_manual:
        return tr("said by key"), tr("key")
    if view.me.is_simulated:
        return tr("simulated"), tr("sim")
    if not view.engine.is_trained:
        return (tr("untrained"),)
    if view.baseline is BaselineState.WAITING:
        return tr("look neutral for two seconds"), tr("look neutral")
    if view.flaw and view.me.code is Emotion.UNSURE:
        return tuple(map(tr, FLAWS[view.flaw]))
    words = faces_text(view.faces, view.reads)
    few = f"{view.faces}+" if view.faces == MOST_SEATS else view.faces
    return (words, tr("{faces} faces", faces=few)) if words else ()


# Why a face in view is unsure, long and short.
FLAWS = {
    Flaw.DARK: (mark("too dark to be sure"), mark("too dark")),
    Flaw.BLURRED: (mark("too blurred to be sure"), mark("blurred")),
    Flaw.SMALL: (mark("too small: come nearer"), mark("too small")),
    Flaw.TURNED: (mark("the head is tilted too far"), mark("tilted")),
    Flaw.MOUTH: (mark("the mouth is covered"), mark("half covered")),
    Flaw.GLARE: (mark("glare on the glasses"), mark("glare")),
    Flaw.EYES: (mark("the eyes are covered"), mark("half covered")),
}

# By whether the own neutral face is in use.
BASELINES = {
    BaselineState.AUTO: mark("own neutral"),
    BaselineState.KEY: mark("own neutral, by key"),
}


def baseline_word(view: SessionView) -> str:
    """That the reading is set against the own neutral face; "" where it is not, or is not read."""
    word = BASELINES.get(view.baseline, "")
    return tr(word) if word and view.me.code is not Emotion.AWAY else ""


def percent(me: SelfView) -> int:
    """How sure the own reading is, as panel and roster show it."""
    return round(100 * me.confidence)


def as_read(row: ViewerRow, me: SelfView) -> ViewerRow:
    """The own line with what is read now: the room's answer comes later, and less often."""
    return replace(
        row,
        code=me.code,
        confidence=percent(me) if me.code.is_emotion else 0,
        is_manual=me.is_manual,
        is_simulated=me.is_simulated,
        is_stale=False,
    )


def own_word(view: SessionView) -> str:
    """What the own line of the roster says instead of an emotion; "" while there is one."""
    return absent_words(view)[1] if view.me.code is Emotion.AWAY else ""


def details(view: SessionView) -> list[tuple[str, str]]:
    """(label, value) for those who want to know how it works: names, addresses, milliseconds."""
    room = view.room
    way = tr("total: by aggregators") if room.is_total else tr("mesh: every report by itself")
    if room.reads_totals:
        way = tr("total: single reports may not be read here")
    facts = [
        (tr("broker"), view.broker_url),
        (
            tr("connection"),
            _joined(
                tr(STATES[view.link.state]), tr(view.link.detail), *silence_words(view.silent_s)[:1]
            ),
        ),
        (tr("counts"), way),
        (tr("engine"), _engine(view)),
        (
            tr("camera"),
            _joined(tr(STATES[view.camera.state]), tr(view.camera.source), tr(view.camera.detail)),
        ),
    ]
    if view.me.latency_ms:
        facts.append((tr("speed"), _speed(view.me.latency_ms)))
    return [*facts, (tr("your id"), view.viewer_id)]


def _engine(view: SessionView) -> str:
    state = tr(STATES[view.engine.state])
    if not view.engine.is_trained and view.engine.state != "failed":
        state = tr("untrained")
    return _joined(f"{view.engine.name} {state}", tr(view.engine.detail))


def _speed(latency_ms: dict[str, float]) -> str:
    total = latency_ms.get("total", sum(latency_ms.values()))
    stages = [f"{name} {ms:.0f}" for name, ms in latency_ms.items() if name != "total"]
    return _joined(tr("{ms:.0f} ms a clip", ms=total), ", ".join(stages))


def _joined(*parts: str) -> str:
    return " · ".join(part for part in parts if part)
