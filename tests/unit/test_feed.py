"""What is told of a session over HTTP, and to whom."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resonance_tui import texts
from resonance_tui.catalogues import FOLDER as LANGUAGES
from resonance_tui.catalogues import read
from resonance_tui.emotions import Emotion
from resonance_tui.messaging.link_status import LinkState, LinkStatus
from resonance_tui.protocol.asides import Answers
from resonance_tui.protocol.questions import Question
from resonance_tui.protocol.values import NO_COUNTS
from resonance_tui.room.state import EMPTY_ROOM, ViewerRow
from resonance_tui.serving.feed import KEPT, SILENT_S, Feed, without_names
from resonance_tui.serving.pages import FOLDER
from resonance_tui.session.events import (
    CorrectedCounts,
    HappeningKind,
    HappeningUpdate,
    LinkUpdate,
    NoticeUpdate,
    PrivateCounts,
    ReactionsUpdate,
    RoomUpdate,
    SelfUpdate,
    SelfView,
    SessionEvent,
)
from resonance_tui.session.json_events import happening_json, self_json

ROOT = Path(__file__).resolve().parents[2]
SCHEMA: dict[str, Any] = json.loads(FOLDER.joinpath("events.schema.json").read_text("utf-8"))
ROOM = replace(EMPTY_ROOM, viewers=4, counts=(3, 0, 1, 0, 0, 0, 0), is_counting=False)
PLAYED = ViewerRow("id", "", Emotion.HAPPINESS, 90, False, True, False)
SEVEN = (3.2, 0.0, 0.8, 0.0, 0.0, 0.0, 0.0)
ASKED = Question(7, "Which map?", ("Dust", "Mirage"), 60)
NINE = (*SEVEN, -0.4, 0.0)
KINDS: tuple[HappeningKind, ...] = get_args(HappeningKind)
EVENTS: list[SessionEvent] = [
    RoomUpdate(1.5, ROOM),
    RoomUpdate(1.5, replace(ROOM, rows=(PLAYED,))),
    RoomUpdate(1.5, replace(ROOM, is_total=True, confirming=2, is_counting=True), 0.456),
    RoomUpdate(1.5, ROOM, 1.0, CorrectedCounts("static", SEVEN, SEVEN, SEVEN)),
    RoomUpdate(1.5, ROOM, 0.0, CorrectedCounts("static", lacking="too few")),
    RoomUpdate(1.5, ROOM, private=PrivateCounts(40, 2.0, NINE, NINE, NINE)),
    RoomUpdate(1.5, ROOM, private=PrivateCounts(3, 0.5, lacking="too few")),
    RoomUpdate(1.5, replace(ROOM, least=5, missing=1)),
    RoomUpdate(1.5, replace(ROOM, least=3, teams={1: (3, *NO_COUNTS[1:])}), team_names=("red", "")),
    RoomUpdate(1.5, replace(ROOM, is_blind=True), team_names=("red",), question=ASKED),
    RoomUpdate(1.5, replace(ROOM, answers=Answers(7, (2, 1))), question=ASKED),
    RoomUpdate(1.5, replace(ROOM, least=5), question=replace(ASKED, is_private=True)),
    *(LinkUpdate(2.5, LinkStatus(state, "why", 3.0)) for state in LinkState),
    ReactionsUpdate(5, (3, 0, 0, 0, 0, 0, 0, 1)),
    NoticeUpdate(3.5, "Recording again.", "mqtt://127.0.0.1"),
    *(HappeningUpdate(4.5, kind, "the room laughs", (), 3) for kind in KINDS),
    *(HappeningUpdate(4.5, kind, "Mia and Zoë came", ("Mia", "Zoë"), 2) for kind in KINDS),
]


def told(*events: SessionEvent, names: bool = False) -> list[dict[str, Any]]:
    """What a listener hears of these events."""
    feed, heard = Feed("cats", "boot"), list[dict[str, Any]]()
    feed.add_listener(lambda message: heard.append(message.data(names=names)))
    for event in events:
        feed.take(event, 0.0)
    return heard


def faults(value: Any, schema: dict[str, Any], at: str = "") -> list[str]:
    """Where a value breaks the schema; only the keywords that ours has are known."""
    known = {"type", "const", "enum", "oneOf", "$ref", "minimum", "maximum", "items"}
    known |= {"properties", "required", "additionalProperties", "$schema", "title", "$defs"}
    assert set(schema) <= known, set(schema) - known
    if "$ref" in schema:
        return faults(value, SCHEMA["$defs"][schema["$ref"].removeprefix("#/$defs/")], at)
    if "oneOf" in schema:
        results = [faults(value, each, at) for each in schema["oneOf"]]
        fitting = sum(not each for each in results)
        return [] if fitting == 1 else [f"{at}: fits {fitting}: {results}"]
    if "const" in schema and value != schema["const"]:
        return [f"{at}: {value!r}"]
    if "enum" in schema and value not in schema["enum"]:
        return [f"{at}: {value!r}"]
    return [*_wrong_type(value, schema, at), *_wrong_parts(value, schema, at)]


def _wrong_type(value: Any, schema: dict[str, Any], at: str) -> list[str]:
    kinds = {dict: "object", list: "array", str: "string", bool: "boolean", type(None): "null"}
    kinds |= {int: "integer", float: "number"}
    wanted = schema.get("type", kinds[type(value)])
    allowed = [wanted] if isinstance(wanted, str) else wanted
    kind = kinds[type(value)]
    if kind not in allowed and not (kind == "integer" and "number" in allowed):
        return [f"{at}: {value!r} is no {wanted}"]
    if isinstance(value, int | float) and not isinstance(value, bool):
        low, high = schema.get("minimum", value), schema.get("maximum", value)
        return [] if low <= value <= high else [f"{at}: {value!r}"]
    return []


def _wrong_parts(value: Any, schema: dict[str, Any], at: str) -> list[str]:
    if isinstance(value, list) and "items" in schema:
        return [fault for each in value for fault in faults(each, schema["items"], f"{at}[]")]
    if not isinstance(value, dict) or "properties" not in schema:
        return []
    parts = schema["properties"]
    found = [f"{at}.{key} is missing" for key in schema.get("required", ()) if key not in value]
    found += [f"{at}.{key} is unknown" for key in value if key not in parts]
    for key in value.keys() & parts.keys():
        found += faults(value[key], parts[key], f"{at}.{key}")
    return found


@pytest.mark.parametrize("names", [True, False])
@pytest.mark.parametrize("event", EVENTS, ids=lambda event: type(event).__name__)
def test_every_event_keeps_to_the_schema(event: SessionEvent, names: bool) -> None:
    (data,) = told(event, names=names)
    assert faults(json.loads(json.dumps(data)), SCHEMA) == []


def test_the_schema_refuses_what_is_no_event() -> None:
    room = told(RoomUpdate(1.0, ROOM))[0]
    assert faults(self_json(1.0, SelfView()), SCHEMA)
    for wrong in ({"viewers": -1}, {"viewers": "4"}, {"mode": "ring"}, {"extra": 1}):
        assert faults({**room, **wrong}, SCHEMA)
    assert faults({key: value for key, value in room.items() if key != "t"}, SCHEMA)


def test_the_page_has_the_schema_that_is_served() -> None:
    text = (ROOT / "docs/EVENTS.md").read_text("utf-8")
    (block,) = re.findall(r"^```json schema\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    assert json.loads(block) == SCHEMA


def test_viewers_that_a_program_plays_are_told_as_such() -> None:
    real, played = told(*EVENTS[:2])
    assert (real.get("simulated"), played["simulated"]) == (None, 1)


def test_the_own_reading_is_never_told() -> None:
    me = SelfView("ok", Emotion.FEAR, 0.9, (0.1,) * 7)
    feed = Feed("cats", "boot")
    feed.take(SelfUpdate(1.0, me), 0.0)
    assert told(SelfUpdate(1.0, me)) == []
    assert feed.missed("") == []


@pytest.mark.parametrize(("kind", "text"), [("joined", "2 came"), ("left", "2 left")])
def test_nicknames_are_told_to_those_alone_who_ask(kind: HappeningKind, text: str) -> None:
    event = HappeningUpdate(4.5, kind, "Mia and Zoë came", ("Mia", "Zoë"), 2)
    (shy,), (open_,) = told(event), told(event, names=True)
    assert "Mia" not in json.dumps(shy)
    assert (shy["text"], shy["people"]) == (text, 2)
    assert open_["names"] == ["Mia", "Zoë"]


def test_frames_have_no_nickname_either() -> None:
    feed = Feed("cats", "boot")
    feed.take(HappeningUpdate(4.5, "joined", "Mia came", ("Mia",), 1), 0.0)
    (message,) = feed.missed("boot-0")
    assert b"Mia" not in message.frame(names=False)
    assert b"Mia" in message.frame(names=True)
    assert "Mia" not in json.dumps(feed.state(5.0, names=False))
    assert "Mia" in json.dumps(feed.state(5.0, names=True))


def test_a_frame_is_one_event_whatever_its_text_holds() -> None:
    feed = Feed("cats", "boot")
    feed.take(NoticeUpdate(1.0, "one\n\ndata: two\rid: three"), 0.0)
    (message,) = feed.missed("boot-0")
    assert message.frame(names=True).count(b"\n") == 3
    assert b"\r" not in message.frame(names=True)


def test_a_newcomer_hears_how_it_stands_and_no_old_lines() -> None:
    feed = Feed("cats", "boot")
    for event in (EVENTS[0], LinkUpdate(2.0, LinkStatus(LinkState.CONNECTED)), EVENTS[-1]):
        feed.take(event, 0.0)
    assert [message.named["type"] for message in feed.missed("")] == ["room", "link"]
    assert [message.named["type"] for message in feed.missed("other-1")] == ["room", "link"]


@given(st.lists(st.sampled_from(EVENTS), max_size=40), st.integers(0, 40))
def test_who_comes_back_has_missed_nothing_that_happened(
    events: list[SessionEvent], heard: int
) -> None:
    feed, lines = Feed("cats", "boot"), list[tuple[int, dict[str, Any]]]()
    feed.add_listener(
        lambda message: (
            lines.append((message.number, message.named))
            if message.named["type"] in ("event", "notice")
            else None
        )
    )
    for event in events:
        feed.take(event, 0.0)
    missed = feed.missed(f"boot-{heard}")
    numbers = [message.number for message in missed]
    assert numbers == sorted(set(numbers))
    kept = [(each.number, each.named) for each in missed]
    assert [each for each in lines if each[0] > heard] == [
        each for each in kept if each[1]["type"] in ("event", "notice")
    ]


def test_old_lines_are_forgotten() -> None:
    feed = Feed("cats", "boot")
    for second in range(KEPT + 50):
        feed.take(NoticeUpdate(float(second), f"line {second}"), 0.0)
    assert len(feed.missed("boot-0")) == KEPT


def test_a_session_that_fell_silent_is_closed_once() -> None:
    feed = Feed("cats", "boot")
    feed.take(EVENTS[0], 10.0)
    feed.expire(1.0, 10.0 + SILENT_S)
    assert feed.state(1.0, names=False)["room"] is not None
    feed.expire(2.0, 10.1 + SILENT_S)
    state = feed.state(2.0, names=False)
    assert (state["room"], state["link"]["status"]) == (None, "closed")
    number = feed.missed("")[-1].number
    feed.expire(3.0, 99.0)
    assert feed.missed("")[-1].number == number


def test_another_room_begins_with_nothing_of_the_one_before() -> None:
    feed = Feed("cats", "boot")
    for event in EVENTS:
        feed.take(event, 0.0)
    feed.enter("dogs")
    assert feed.missed("boot-0") == []
    state = feed.state(1.0, names=True)
    assert (state["channel"], state["room"], state["events"]) == ("dogs", None, [])


def test_reactions_are_told_as_they_happen_and_not_again_to_who_comes_back() -> None:
    feed = Feed("cats", "boot")
    (heard,) = told(ReactionsUpdate(5, (3, 0, 0, 0, 0, 0, 0, 1)))
    assert heard == {"type": "reactions", "t": 5, "counts": {"applause": 3, "boo": 1}}
    feed.take(ReactionsUpdate(5, (3, 0, 0, 0, 0, 0, 0, 1)), 0.0)
    assert feed.missed("boot-0") == []


def test_a_line_with_fields_is_said_in_the_persons_language_too() -> None:
    text = texts.mark("the host asks: {text}", text="Which map?")
    event = HappeningUpdate(4.5, "host", text)
    assert "said" not in happening_json(event)
    before = texts.use(read(LANGUAGES / "zh_TW.po"))
    try:
        told = happening_json(event)
        came = HappeningUpdate(4.5, "joined", texts.mark("{one} came", one="Mia"), ("Mia",), 1)
        nameless = happening_json(without_names(came))
    finally:
        texts.use(before)
    assert told["text"] == "the host asks: Which map?"
    assert told["said"].endswith("Which map?") and told["said"] != told["text"]
    assert "Mia" not in str(nameless)
