"""The state of a session in words, with time passed in."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from ui.fakes import OWN_ID, own_row, room, view

from resonance_tui.emotions import Emotion
from resonance_tui.engines.base import EngineState, EngineStatus, Flaw
from resonance_tui.messaging.link_status import LinkState, LinkStatus
from resonance_tui.pipeline.sources import CameraState, CameraStatus, Source
from resonance_tui.session.events import HappeningUpdate, SelfView, SessionView
from resonance_tui.session.outage import Outage
from resonance_tui.tui import state_words
from resonance_tui.tui.alerts import desktop_notice
from resonance_tui.tui.screens.live import shown_rows
from resonance_tui.tui.state_words import (
    absent_words,
    as_read,
    details,
    fitting,
    outage_words,
    own_note,
    own_word,
)
from resonance_tui.tui.widgets.event_line import event_texts
from resonance_tui.tui.widgets.roster import marks
from resonance_tui.tui.widgets.status import arrange, chips, notice_of

NOW = 1000.0
LIMITED = replace(room(1), is_total=True, reads_totals=True)
WHY = "nothing listens at localhost:1883"
READY = EngineStatus("static", EngineState.READY, "mediapipe")


def cut_off(seconds: float = 40.0, retry_at: float | None = NOW + 3) -> SessionView:
    outage = Outage(NOW - seconds, False, "the connection to localhost:1883 was lost", retry_at)
    return view(link=LinkStatus(LinkState.LOST, outage.why, retry_at), outage=outage)


def never(why: str = WHY, seconds: float = 5.0) -> SessionView:
    outage = Outage(NOW - seconds, True, why, NOW + 3 if why else None)
    return view(0, link=LinkStatus(LinkState.CONNECTING), outage=outage)


def bar(of: SessionView, width: int) -> str:
    """Both lines of the status bar."""
    return "\n".join(
        "   ".join(text for text, _ in arrange(line, width)) for line in chips(of, NOW)
    )


def test_a_lost_connection_says_for_how_long_and_that_all_is_old() -> None:
    longest, *shorter = outage_words(cut_off(), NOW)
    assert longest == (
        "not connected for 0:40, what you see is old: the connection to localhost:1883 was lost"
    )
    assert shorter[0] == "not connected for 0:40, what you see is old"
    assert all("old" in text for text in shorter) and len(shorter[-2]) <= 37


def test_a_first_connection_that_fails_was_never_lost() -> None:
    (words,) = outage_words(never(), NOW)
    assert words == "not connected yet: nothing listens at localhost:1883; next try in 3 s"
    (words,) = outage_words(never("no host is called lacalhost"), NOW)
    assert words.startswith("not connected yet: localhost:1883: no host is called lacalhost;")
    assert "lost" not in bar(never(), 120) and "old" not in words


def test_a_first_connection_in_the_making_is_no_news_at_first() -> None:
    assert outage_words(never("", 1.0), NOW) == ()
    assert outage_words(never("", 5.0), NOW)[0] == "connecting to localhost:1883 …"
    assert outage_words(view(), NOW) == ()


@pytest.mark.parametrize("width", [200, 120, 80, 60, 40, 20])
@pytest.mark.parametrize("of", [cut_off(), never(), never("")], ids=["cut", "failed", "first"])
def test_without_a_connection_nobody_is_here_and_nothing_is_shared(
    of: SessionView, width: int
) -> None:
    text = bar(of, width)
    assert " here" not in text and "▲ sharing" not in text and "● connected" not in text
    if width >= 40:
        assert "connect" in text and ("not shared" in text or "nothing is shared" in text)


@pytest.mark.parametrize("width", [200, 120, 80, 60, 40, 20])
@pytest.mark.parametrize("engine", [READY, replace(READY, state=EngineState.LOADING)])
def test_the_status_bar_has_no_jargon_at_any_width(engine: EngineStatus, width: int) -> None:
    for viewers in (room(3), replace(room(3), is_total=True)):
        text = bar(view(engine=engine, room=viewers), width)
        for jargon in ("mesh", "total", "static", "mediapipe", "mqtt", " ms"):
            assert jargon not in text


def test_the_jargon_is_in_the_details() -> None:
    facts = dict(details(view()))
    assert facts["broker"] == "mqtt://localhost:1883" and facts["your id"] == OWN_ID
    assert facts["engine"] == "static ready · mediapipe"
    assert facts["counts"].startswith("mesh") and facts["speed"].startswith("24 ms a clip")
    large = dict(details(view(room=replace(room(3), is_total=True))))
    assert large["counts"].startswith("total")


def test_the_details_have_a_word_for_every_state() -> None:
    assert {*LinkState, *CameraState, *EngineState} == state_words.STATES.keys()


STATES = {
    "no face in view": view(),
    "too far from the camera": view(too_far=True),
    "paused": view(is_sharing=False),
    "engine not there": view(engine=EngineStatus("zoo", EngineState.FAILED, "no torch")),
    "getting ready": view(engine=replace(READY, state=EngineState.LOADING)),
    "camera off": view(camera=CameraStatus(CameraState.OFF)),
    "no camera asked for": view(camera=CameraStatus(CameraState.OFF, Source("none").label)),
    "no camera": view(camera=CameraStatus(CameraState.MISSING, "0")),
    "camera busy": view(camera=CameraStatus(CameraState.BUSY, "0")),
    "camera lost": view(camera=CameraStatus(CameraState.LOST, "0")),
    "film over": view(camera=CameraStatus(CameraState.ENDED, "0")),
}


@pytest.mark.parametrize("words", STATES)
def test_each_reason_for_no_emotion_has_its_own_word(words: str) -> None:
    of = STATES[words]
    assert absent_words(of)[0] == words
    assert len(absent_words(of)[1]) <= 14, "it fits into a line of the roster"
    assert own_word(replace(of, me=SelfView())) == absent_words(of)[1]
    assert own_word(of) == "", "an emotion is read"
    shorts = [absent_words(other)[1] for other in STATES.values()]
    assert len(set(shorts)) == len(shorts)


@pytest.mark.parametrize(
    "me",
    [
        SelfView("ok", Emotion.FEAR, 0.505, is_simulated=True),
        SelfView("ok", Emotion.ANGER, 1.0, is_manual=True),
        SelfView("unsure", Emotion.UNSURE, 0.2),
        SelfView(),
    ],
)
def test_the_own_line_says_what_the_own_panel_says(me: SelfView) -> None:
    stale = replace(own_row(Emotion.HAPPINESS), is_stale=True)
    row = as_read(stale, me)
    assert (row.code, row.is_manual, row.is_simulated) == (me.code, me.is_manual, me.is_simulated)
    assert row.confidence == (round(100 * me.confidence) if me.code.is_emotion else 0)
    shown = view(me=me)
    rows, own = shown_rows(shown)
    assert own is not None
    assert rows[own] == as_read(shown.room.rows[own], me)
    assert set(marks(rows[own], is_own=True)[1:]) == set(own_note(shown)[1:])


def test_what_is_not_shared_is_said_beside_the_reading() -> None:
    assert own_note(view(is_sharing=False)) == ("paused, not shared", "paused")
    assert own_note(cut_off())[1] == "not shared"
    assert own_note(view()) == ()


def test_why_a_face_is_unsure_is_said_beside_it_and_of_no_other_face() -> None:
    unsure = SelfView("read", Emotion.UNSURE, 0.4)
    assert own_note(view(me=unsure, flaw=Flaw.GLARE)) == ("glare on the glasses", "glare")
    assert own_note(view(me=unsure)) == ()
    assert own_note(view(flaw=Flaw.GLARE)) == ()
    assert own_note(view(me=unsure, flaw=Flaw.DARK, is_sharing=False))[1] == "paused"
    for flaw in set(Flaw) - {Flaw.NONE}:
        long, short = own_note(view(me=unsure, flaw=flaw))
        assert len(short) <= 12 <= len(long)


def test_how_many_faces_are_in_view_is_said_where_nothing_matters_more():
    assert own_note(view(faces=1)) == ()
    assert own_note(view(faces=2)) == ("2 faces; the nearest is read", "2 faces")
    assert own_note(view(faces=3, reads=4)) == ("3 faces, each is read", "3 faces")
    assert own_note(view(faces=2, is_sharing=False))[1] == "paused"


def test_of_several_lengths_the_longest_that_fits_is_taken() -> None:
    assert fitting(("long one", "short"), 8) == "long one"
    assert fitting(("long one", "short"), 7) == "short" == fitting(("long one", "short"), 2)
    assert fitting((), 5) == ""


HAPPENED = (
    HappeningUpdate(100.0, "recording_off", "no longer recording"),
    HappeningUpdate(880.0, "laugh", "the room laughs"),
    HappeningUpdate(995.0, "joined", "Mia, Zoë and 3 more came"),
)


@pytest.mark.parametrize(
    ("width", "texts"),
    [
        (80, ["→ Mia, Zoë and 3 more came · just now", "☺ the room laughs · 2 min ago"]),
        (60, ["→ Mia, Zoë and 3 more came · just now"]),
        (20, ["→ Mia, Zoë and 3… "]),
        (1, [""]),
    ],
)
def test_the_event_line_has_the_newest_and_what_fits(width: int, texts: list[str]) -> None:
    assert event_texts(HAPPENED, NOW, width) == texts


def test_what_happened_long_ago_is_no_longer_shown() -> None:
    assert event_texts(HAPPENED, NOW + 700, 80) == []


@pytest.mark.parametrize(
    ("environ", "sequence"),
    [
        ({"TERM": "xterm-kitty"}, "\x1b]9;resonance: Mia came\x07"),
        ({"TERM": "foot"}, "\x1b]777;notify;resonance;Mia came\x07"),
        ({"TERM": "xterm", "VTE_VERSION": "7600"}, "\x1b]777;notify;resonance;Mia came\x07"),
        (
            {"TERM": "tmux-256color", "TMUX": "/tmp/x"},
            "\x1bPtmux;\x1b\x1b]9;resonance: Mia came\x07\x1b\\",
        ),
    ],
)
def test_a_terminal_is_told_in_its_own_way(environ: dict[str, str], sequence: str) -> None:
    assert desktop_notice("Mia came", environ) == sequence


def test_a_name_cannot_end_the_sequence_or_begin_another() -> None:
    notice = desktop_notice("a\x07b\x1b]0;x\x07;c\n" + "d" * 500, {"TERM": "foot"})
    body = notice.removeprefix("\x1b]777;notify;resonance;").removesuffix("\x07")
    assert body.isprintable() and ";" not in body and len(body) <= 120


@pytest.mark.parametrize(
    ("unknown", "long", "short"),
    [
        ({"confirming": 17}, "6 here, confirming 17 …", "6 here +17?"),
        ({"is_counting": True}, "6 here, counting …", "6 here counting …"),
    ],
)
def test_a_number_that_is_no_fact_yet_says_so(
    unknown: dict[str, Any], long: str, short: str
) -> None:
    seen = view(6)
    seen = replace(seen, room=replace(seen.room, **unknown))
    assert long in bar(seen, 120)
    assert short in bar(seen, 58)
    assert "confirming" not in bar(view(6), 120)


def test_a_broker_that_does_not_answer_is_said_while_the_connection_stands() -> None:
    seen = replace(view(6), silent_s=4)
    assert "no answer for 4 s" in bar(seen, 120) and "connected" not in bar(seen, 120)
    assert "no answer" in bar(seen, 58)
    texts, tone = notice_of(seen, NOW)
    assert texts[0].endswith("no answer from the broker for 4 s") and tone == "warn"
    assert ("connection", "connected · no answer from the broker for 4 s") in details(seen)


def test_the_details_say_that_single_reports_may_not_be_read() -> None:
    assert dict(details(view(room=LIMITED)))["counts"].startswith("total: single reports may not")
