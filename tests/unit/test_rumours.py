"""What a broker without expiry remembers is a rumour: shown beside the room, never counted."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resonance_tui.emotions import Emotion
from resonance_tui.messaging.roll_call import FIRST_S, GAP_S, LAST_S, RollCallAnswers
from resonance_tui.protocol.events import (
    Event,
    LeaveEvent,
    ReportEvent,
    RollCallEvent,
    RoomEvent,
    TotalEvent,
)
from resonance_tui.protocol.traits import BrokerTraits
from resonance_tui.protocol.values import ANSWERS_CALLS, Report, RoomSettings
from resonance_tui.room.conduct import Conduct
from resonance_tui.room.rumours import ANSWER_S
from resonance_tui.room.state import RoomSnapshot, ViewerRow
from resonance_tui.session.room_model import CALL_MOST, RETURN_S, RoomModel

KEEPS = BrokerTraits(expires=False, brings_retained=True)
FORGETS = BrokerTraits(expires=True, brings_retained=True)
BRINGS_NOTHING = BrokerTraits(expires=True, brings_retained=False)
HAPPY = Report(10, 5, Emotion.HAPPINESS, 80)
SAYS = replace(HAPPY, up_s=1)  # for how long it is connected
ANSWERING = replace(HAPPY, flags=ANSWERS_CALLS)
ME = ViewerRow("me", "ann", Emotion.FEAR, 60, False, False, False)


class Room:
    """A model that is connected since 0 s, looked at every quarter of a second."""

    def __init__(self, traits: BrokerTraits = KEEPS) -> None:
        self.model = RoomModel()
        self.model.know(traits, 0)
        self.now = 0.0
        self.calls = 0
        self.patience_s = self.model.pace.ttl_s
        self.wait(0)

    def take(self, *events: Event) -> RoomSnapshot:
        for event in events:
            self.model.take(event, self.now)
        return self.look()

    def look(self, *, is_connected: bool = True) -> RoomSnapshot:
        self.model.connected(is_connected, self.now)
        self.room = self.model.look(self.now, ME)
        self.is_fact = self.model.is_fact(self.now)
        self.calls += self.model.calls_roll(self.now)
        return self.room

    def wait(self, seconds: float, *, is_connected: bool = True) -> RoomSnapshot:
        ends = self.now + seconds
        while self.now < ends:
            self.now = min(self.now + 0.25, ends)
            self.look(is_connected=is_connected)
        return self.look(is_connected=is_connected)

    @property
    def known(self) -> tuple[int, int]:
        return self.room.viewers, self.room.confirming


def kept(viewer_id: str, report: Report = HAPPY) -> ReportEvent:
    return ReportEvent("room", viewer_id, report, is_retained=True)


def expiring(viewer_id: str, report: Report = SAYS, *, left_s: int) -> ReportEvent:
    return ReportEvent("room", viewer_id, report, is_retained=True, left_s=left_s)


def live(viewer_id: str, report: Report = HAPPY) -> ReportEvent:
    return ReportEvent("room", viewer_id, report)


def total(viewers: int, seq: int, *, is_retained: bool = False) -> TotalEvent:
    return TotalEvent("room", viewers, (viewers, *[0] * 8), 1, seq, is_retained=is_retained)


def newer(report: Report, by: int = 1) -> Report:
    return replace(report, seq=report.seq + by)


# --- viewers -----------------------------------------------------------------------------------


def test_whom_only_the_broker_knows_is_not_counted() -> None:
    room = Room()
    room.take(kept("a"), kept("b"), live("c"))
    assert room.known == (1, 2)
    assert [row.viewer_id for row in room.room.rows] == ["c"]


@pytest.mark.parametrize("report", [HAPPY, newer(HAPPY)])
def test_a_live_report_confirms_a_rumour(report: Report) -> None:
    room = Room()
    room.take(kept("a"))
    room.take(live("a", report))
    assert room.known == (1, 0)


def test_a_live_report_older_than_the_rumour_confirms_nothing() -> None:
    room = Room()
    room.take(kept("a", newer(HAPPY)))
    room.take(live("a"))
    assert room.known == (0, 1)


def test_a_rumour_that_nobody_confirms_ends_after_a_heartbeat() -> None:
    room = Room()
    room.take(kept("a"))
    assert room.wait(10.75).confirming == 1
    assert not room.is_fact
    assert room.wait(0.5).confirming == 0
    assert room.is_fact


def test_the_hosts_heartbeat_holds_for_rumours_too() -> None:
    room = Room()
    room.take(kept("a"), RoomEvent("room", RoomSettings(heartbeat_s=2)))
    assert room.wait(2.75).confirming == 1
    assert room.wait(0.5).confirming == 0


def test_who_leaves_is_no_rumour_any_more() -> None:
    room = Room()
    room.take(kept("a"))
    room.take(LeaveEvent("room", "a"))
    assert room.known == (0, 0)


def test_what_the_broker_tells_again_later_is_ignored() -> None:
    room = Room()
    room.wait(12)
    room.take(kept("a"))
    assert room.known == (0, 0)
    assert room.is_fact


def test_a_copy_of_who_is_there_changes_nothing() -> None:
    room = Room()
    room.take(live("a"))
    room.take(kept("a"), kept("a", newer(HAPPY)))
    assert room.known == (1, 0)
    room.wait(1)
    assert room.is_fact


def test_muted_viewers_are_not_waited_for() -> None:
    room = Room()
    room.model.obey(Conduct(excluded=frozenset({"a"})))
    assert room.take(kept("a")).confirming == 0


def test_where_reports_expire_a_retained_one_counts_at_once() -> None:
    room = Room(FORGETS)
    room.take(expiring("a", left_s=10))
    assert room.known == (1, 0)
    room.take(live("b", replace(HAPPY, up_s=90)))
    room.wait(1)
    assert room.known == (2, 0)
    assert room.is_fact
    assert not room.calls


def test_a_broker_that_was_started_since_makes_no_row_of_who_died_with_it() -> None:
    room = Room(FORGETS)
    ids = [f"v{number}" for number in range(CALL_MOST + 1)]
    room.take(*(expiring(each, left_s=11) for each in ids))  # 4 s old
    room.take(live("back", replace(HAPPY, up_s=2)))
    room.wait(7)
    assert room.room.viewers == len(ids) + 1
    assert not room.is_fact
    room.wait(0.75)  # they were to report before
    assert room.room.viewers == 1
    room.take(live("back", replace(newer(HAPPY), up_s=10)))
    room.wait(2.5)
    assert room.known == (1, 0)
    assert room.is_fact


def test_of_few_a_newcomer_knows_it_by_a_call() -> None:
    room = Room(FORGETS)
    answers = replace(HAPPY, flags=ANSWERS_CALLS, up_s=9)
    room.take(expiring("dead", answers, left_s=14), expiring("back", answers, left_s=14))
    room.wait(1)
    assert room.calls == 1
    room.take(RollCallEvent("room", "me"))
    room.take(live("back", replace(newer(answers), up_s=1)))
    room.wait(ANSWER_S)
    assert room.known == (1, 0)
    assert room.is_fact


@pytest.mark.parametrize(("left_s", "known"), [(15, (1, 0)), (4, (1, 0)), (3, (0, 1)), (1, (0, 0))])
def test_what_is_left_of_its_expiry_tells_how_old_a_report_is(
    left_s: int, known: tuple[int, int]
) -> None:
    room = Room(FORGETS)
    room.take(expiring("a", left_s=left_s))
    assert room.known == known


def test_a_client_of_before_has_its_own_lifetime() -> None:
    room = Room(FORGETS)
    room.take(expiring("a", HAPPY, left_s=20), expiring("b", HAPPY, left_s=10))
    assert room.known == (1, 0)


def test_who_is_known_from_a_kept_report_is_gone_as_for_all_others() -> None:
    room = Room(FORGETS)
    room.take(expiring("a", left_s=8), live("b", replace(HAPPY, up_s=90)))
    room.wait(room.patience_s - 7 - 0.25)
    assert room.known == (2, 0)
    room.wait(0.25)
    assert room.known == (1, 0)


def test_a_total_that_nobody_renews_is_no_row() -> None:
    room = Room(FORGETS)
    room.take(total(5000, 1, is_retained=True))
    room.wait(3)
    assert not room.is_fact
    room.take(total(5000, 2))
    assert room.is_fact


def test_after_a_reconnection_a_retained_report_says_nothing_of_who_was_there() -> None:
    room = Room()
    room.take(live("gone"), live("back"))
    room.wait(5)
    room.wait(2, is_connected=False)
    room.look()
    room.take(kept("gone", newer(HAPPY)), kept("back", newer(HAPPY)), kept("new"))
    room.take(live("back", newer(HAPPY, 2)))
    assert room.known == (2, 1)  # "gone" is shown as before the loss, and is no fact
    room.wait(8)
    room.take(live("back", newer(HAPPY, 3)))
    room.wait(2 + RETURN_S - 0.25)
    assert not room.is_fact
    room.wait(0.5)
    assert room.known == (1, 0)
    assert room.is_fact


def test_a_rumour_of_who_left_is_not_waited_for() -> None:
    room = Room()
    room.take(live("a"))
    room.take(LeaveEvent("room", "a"))
    room.take(kept("a"))
    assert room.known == (0, 0)


messages = st.lists(
    st.tuples(
        st.sampled_from(["kept", "live", "leave", "wait", "lose"]),
        st.sampled_from("abc"),
        st.builds(
            Report,
            st.integers(0, 2),
            st.integers(0, 3),
            st.sampled_from(Emotion),
            st.just(50),
            st.sampled_from([0, ANSWERS_CALLS]),
        ),
        st.sampled_from([0.25, 1.0, 4.0, 11.0]),
    ),
    max_size=40,
)


@given(messages)
def test_nobody_is_counted_who_was_never_heard_live(
    history: list[tuple[str, str, Report, float]],
) -> None:
    room, heard = Room(), set[str]()
    for what, viewer_id, report, seconds in history:
        match what:
            case "kept":
                room.take(kept(viewer_id, report))
            case "live":
                heard.add(viewer_id)
                room.take(live(viewer_id, report))
            case "leave":
                room.take(LeaveEvent("room", viewer_id))
            case "wait":
                room.wait(seconds)
            case _:
                room.wait(seconds, is_connected=False)
                room.look()
        assert {row.viewer_id for row in room.room.rows} <= heard
        assert room.room.viewers == len(room.room.rows)
        assert room.room.viewers + room.room.confirming <= 3
        assert not (room.room.confirming and room.is_fact)
    room.wait(16)
    assert room.room.confirming == 0


# --- the total ---------------------------------------------------------------------------------


def test_a_retained_total_spares_the_reports_and_is_no_count() -> None:
    room = Room()
    seen = room.take(total(5000, 1, is_retained=True))
    assert not room.model.subscribes_all
    assert (seen.viewers, seen.confirming, seen.counts[Emotion.FEAR]) == (1, 4999, 1)
    room.wait(2)
    assert not room.is_fact
    assert room.take(total(4000, 2)).viewers == 4000
    assert room.known == (4000, 0)
    assert room.is_fact


def test_a_total_that_nobody_repeats_is_gone_before_a_heartbeat() -> None:
    room = Room()
    room.take(total(5000, 1, is_retained=True))
    room.wait(8)
    assert not room.model.subscribes_all
    room.wait(0.5)
    assert room.model.subscribes_all
    assert room.known == (0, 0)  # not what the total said, while reports are arriving


def test_the_same_total_live_confirms_it() -> None:
    room = Room()
    room.take(total(5000, 1, is_retained=True))
    assert room.take(total(5000, 1)).viewers == 5000
    assert room.take(total(9, 0, is_retained=True)).viewers == 5000


# --- roll calls --------------------------------------------------------------------------------


def test_a_newcomer_calls_once_where_few_are_waited_for() -> None:
    room = Room()
    room.take(*[kept(f"v{each}") for each in range(50)])
    assert room.calls == 0  # more may be arriving
    room.wait(5)
    assert room.calls == 1


def test_many_are_not_called_and_nobody_is_where_there_is_nobody() -> None:
    room = Room()
    room.wait(3)
    room.take(*[kept(f"v{each}") for each in range(51)])
    room.wait(5)
    assert room.calls == 0


def test_where_wildcards_bring_nothing_a_newcomer_calls() -> None:
    room = Room(BRINGS_NOTHING)
    room.wait(5)
    assert room.calls == 1


def test_each_subscription_may_call_once() -> None:
    room = Room(BRINGS_NOTHING)
    room.wait(1)
    room.wait(1, is_connected=False)
    room.wait(2)
    assert room.calls == 2
    room.take(total(500, 1))
    room.wait(3)
    room.take(total(9, 2))
    room.wait(5)
    assert room.calls == 3


def test_who_answers_calls_and_did_not_is_not_waited_for() -> None:
    room = Room()
    room.take(kept("old client"), kept("ghost", ANSWERING), kept("there", ANSWERING))
    room.wait(0.5)
    room.take(RollCallEvent("room", "me"))
    room.take(live("there", newer(ANSWERING)))
    room.wait(ANSWER_S - 0.5)
    assert room.known == (1, 2)
    room.wait(0.5)
    assert room.known == (1, 1)  # who knows no calls may still be there


def test_who_was_there_before_the_broker_died_and_answers_no_call_is_gone() -> None:
    room = Room()
    room.take(live("dead", ANSWERING), live("old client"), live("back", ANSWERING))
    room.wait(1, is_connected=False)
    room.wait(0.5)
    assert room.calls == 1 and room.known == (3, 0)
    room.take(RollCallEvent("room", "me"), live("back", newer(ANSWERING)))
    room.wait(ANSWER_S)
    assert room.known == (2, 0)  # who knows no calls has the heartbeat


def test_calls_are_answered_within_the_time_that_callers_wait() -> None:
    assert max(LAST_S, GAP_S) < ANSWER_S


@given(st.lists(st.floats(0, 2), max_size=60), st.randoms(use_true_random=False))
def test_every_call_is_answered_soon_and_never_often(gaps: list[float], random: object) -> None:
    answers = RollCallAnswers(random.uniform)  # type: ignore[attr-defined]
    now, made = 0.0, list[float]()
    for gap in gaps:
        now += gap
        if (delay := answers.called(now)) is not None:
            assert delay >= FIRST_S - 1e-9
            made.append(now + delay)
        assert now < made[-1] <= now + max(LAST_S, GAP_S) + 1e-9
    assert all(later - sooner >= GAP_S - 1e-9 for sooner, later in pairwise(made))
