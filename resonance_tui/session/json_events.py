"""Pure: a session's events as JSON objects, in the keys that scripts depend on.

`t` is epoch seconds. A feed of the same events over another channel uses these.
"""

from __future__ import annotations

from typing import Any

from resonance_tui.emotions import WORDS, Emotion
from resonance_tui.messaging.link_status import LinkStatus
from resonance_tui.protocol.questions import Question
from resonance_tui.reaction_kinds import Reaction
from resonance_tui.room.shown_answers import heard_answers, shown_answers, step_of
from resonance_tui.room.small_rooms import STEP
from resonance_tui.room.state import RoomSnapshot
from resonance_tui.session.events import (
    CorrectedCounts,
    HappeningUpdate,
    NoticeUpdate,
    PrivateCounts,
    ReactionsUpdate,
    RoomUpdate,
    SelfView,
)
from resonance_tui.texts import tr


def self_json(t: float, me: SelfView) -> dict[str, Any]:
    """The own reading. `latency_ms` by stage; `probabilities` never leave this machine."""
    return {
        "type": "self",
        "t": round(t, 3),
        "state": me.state,
        "emotion": me.code.word if me.code.is_emotion else None,
        "confidence": me.confidence,
        "probabilities": list(me.probabilities),
        "latency_ms": me.latency_ms,
    }


def room_json(event: RoomUpdate) -> dict[str, Any]:
    """The room: viewers present, counts by emotion, resonance 0-1 or null; `simulated`, where some
    of them are and everybody is known (`mode` mesh).

    `withheld`, where the host's rules keep the counts back, which are null then: few (`missing`
    viewers, until there are some) or blind (one has not reacted yet). `step`, where they are
    multiples of so many.
    `private`: those beside them whose reports are private.
    """
    room, score = event.room, event.resonance
    data: dict[str, Any] = {
        "type": "room",
        "t": round(event.t, 3),
        "viewers": room.viewers,
        "counts": None if room.is_withheld else dict(zip(WORDS, room.counts, strict=True)),
        "unsure": None if room.is_withheld else room.unsure,
        "away": None if room.is_withheld else room.away,
        "confirming": room.confirming,
        "counting": room.is_counting,
        "mode": "total" if room.is_total else "mesh",
        "resonance": None if score is None else round(score, 2),
    }
    if room.is_withheld:
        data |= {"withheld": "blind" if room.is_blind else "few", "missing": room.missing}
    if room.least:
        data["step"] = STEP
    if simulated := sum(row.is_simulated for row in room.rows):
        data["simulated"] = simulated
    if event.team_names:
        data["teams"] = [team_json(event, number) for number in range(1, len(event.team_names) + 1)]
    if event.private is not None:
        data["private"] = private_json(event.private)
    if event.question is not None:
        data["question"] = question_json(event.question, room, event.t)
    if event.corrected is not None and not room.is_withheld:
        data["corrected"] = corrected_json(event.corrected)
    return data


def team_json(event: RoomUpdate, number: int) -> dict[str, Any]:
    """A team of the host's list: its name, and counts by emotion, or null where it is too small
    for any to be shown."""
    nine = event.room.teams.get(number)
    counts = dict(zip(WORDS, nine, strict=False)) if nine and any(nine) else None
    return {"name": event.team_names[number - 1], "counts": counts}


def private_json(private: PrivateCounts) -> dict[str, Any]:
    """How many report privately and what they probably feel, with the ends of the 95 % band, by
    emotion, `away` and `unsure`; or nulls and why. A count may be below 0: see docs/measures.md."""
    states = [state.word for state in Emotion]
    rows = {"counts": private.counts, "low": private.low, "high": private.high}
    named = {key: dict(zip(states, row, strict=True)) if row else None for key, row in rows.items()}
    about = {"viewers": private.viewers, "epsilon": private.epsilon}
    return {**about, **named, "lacking": private.lacking or None}


def question_json(question: Question, room: RoomSnapshot, at: float) -> dict[str, Any]:
    """The host's question and how often each answer was chosen, in the question's order; null where
    the host's rules keep that back. Of private ones `count` and `margin` are an estimate and half
    of its 95 % band."""
    counts = shown_answers(question, heard_answers(question, room), step_of(room))
    found: list[dict[str, Any]] = [{"text": text, "count": None} for text in question.choices]
    for each, shown in zip(found, counts or (), strict=False):
        each["count"] = round(shown.count, 1)
        if shown.margin is not None:
            each["margin"] = round(shown.margin, 1)
    return {
        "id": question.id,
        "text": question.text,
        "answers": found,
        "open": question.is_open(at),
        "closes_at": question.closes_at,
        "private": question.is_private,
    }


def corrected_json(corrected: CorrectedCounts) -> dict[str, Any]:
    """Counts and the ends of their 95 % band by emotion, or nulls and why."""
    rows = {"counts": corrected.counts, "low": corrected.low, "high": corrected.high}
    named = {key: dict(zip(WORDS, row, strict=True)) if row else None for key, row in rows.items()}
    return {"engine": corrected.engine, **named, "lacking": corrected.lacking or None}


def link_json(t: float, status: LinkStatus) -> dict[str, Any]:
    """The connection, with a line for a person in `detail`."""
    return {"type": "link", "t": round(t, 3), "status": status.state.value, "detail": status.detail}


def notice_json(event: NoticeUpdate) -> dict[str, Any]:
    """Something that the person at this machine should know, in one line."""
    return {"type": "notice", "t": round(event.t, 3), "text": event.text}


def reactions_json(event: ReactionsUpdate) -> dict[str, Any]:
    """What the room sent with keys in the second `t`: how many of each kind, and never who."""
    counts = {kind.word: event.counts[kind] for kind in Reaction if event.counts[kind]}
    return {"type": "reactions", "t": event.t, "counts": counts}


def happening_json(event: HappeningUpdate) -> dict[str, Any]:
    """Something that happened. `kind`: joined, left, laugh, gasp, link_lost, link_back, host,
    recording_on or recording_off; `text` is its line in English, `said` the
    same in the person's language, where that is another. `names` (joined, left) and
    `people` (those, laugh, gasp) are there where it is about people."""
    data: dict[str, Any] = {
        "type": "event",
        "t": round(event.t, 3),
        "kind": event.kind,
        "text": event.text,
    }
    if (said := tr(event.text)) != event.text:
        data["said"] = said
    if event.names:
        data["names"] = list(event.names)
    if event.people:
        data["people"] = event.people
    return data
