"""A host's list of viewers, made from the messages of a room."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resonance_tui.emotions import Emotion
from resonance_tui.hosting.attendance import Attendance as People
from resonance_tui.hosting.headcount import Headcount
from resonance_tui.protocol.events import (
    LeaveEvent,
    NicknameEvent,
    ReportEvent,
    RoomEvent,
    SweepEvent,
    Unrenewed,
)
from resonance_tui.protocol.frames import encode_report, encode_room, encode_sweep
from resonance_tui.protocol.messages import REPORT, ROOM_SETTINGS, SWEEP
from resonance_tui.protocol.rules import NO_RULES, RoomRules
from resonance_tui.protocol.values import FILM, MANUAL, SIMULATED, Report, RoomSettings
from resonance_tui.room.attendance import SUSPECT_S, Attendance, Attendee
from resonance_tui.room.state import RoomState

ROOM = "cats-live"
NOW = 1_800_000_000.0


def report(viewer: str, *, boot: int = 1_799_999_000, seq: int = 1, flags: int = 0) -> ReportEvent:
    return ReportEvent(ROOM, viewer, Report(boot, seq, Emotion.HAPPINESS, 90, flags))


def named(viewer: str, nickname: str) -> NicknameEvent:
    return NicknameEvent(ROOM, viewer, nickname)


def the_one(room: Attendance, now: float = NOW, rules: RoomRules = NO_RULES) -> Attendee:
    (only,) = room.attendees(now, rules)
    return only


def test_a_viewer_is_there_from_its_first_report_until_it_leaves() -> None:
    room = Attendance()
    room.take(named("mia", "Mia"), NOW)
    assert room.present(NOW) == ()
    room.take(report("mia"), NOW)
    assert (room.present(NOW), the_one(room).nickname) == (("mia",), "Mia")
    room.take(LeaveEvent(ROOM, "mia"), NOW)
    assert room.attendees(NOW) == []


def test_who_falls_silent_is_gone() -> None:
    room = Attendance()
    room.take(report("mia"), NOW)
    assert room.present(NOW + 13.9) == ("mia",)
    assert room.present(NOW + 14) == ()


def test_a_room_with_slow_heartbeats_is_waited_for_as_long_as_its_host_says() -> None:
    room = Attendance()
    room.take(RoomEvent(ROOM, RoomSettings(heartbeat_s=30)), NOW)
    room.take(report("mia"), NOW)
    assert not room.has_overdue(NOW + 30)
    assert room.present(NOW + 33.9) == ("mia",)
    assert room.present(NOW + 34) == ()
    assert room.confirm_s == 31


def test_nobody_goes_in_a_time_in_which_nobody_could_be_heard() -> None:
    room = Attendance()
    room.take(report("mia"), NOW)
    room.still_s = 100.0
    assert room.present(NOW + 113) == ("mia",)
    assert room.present(NOW + 114) == ()


def test_the_list_says_how_often_somebody_reports() -> None:
    room = Attendance()
    for second in range(120):
        room.take(report("often", seq=second), NOW + second)
        if second % 10 == 0:
            room.take(report("seldom", seq=second), NOW + second)
    pace = {each.viewer_id: round(each.reports_a_minute) for each in room.attendees(NOW + 119)}
    assert abs(pace["often"] - 60) <= 1 and abs(pace["seldom"] - 6) <= 1


def test_since_when_is_what_the_viewer_says_unless_that_cannot_be() -> None:
    room = Attendance()
    room.take(report("mia", boot=int(NOW) - 600), NOW)
    assert the_one(room).since == NOW - 600
    later = Attendance()
    later.take(report("mia", boot=int(NOW) + 999), NOW)
    assert the_one(later).since == NOW


def test_marks_say_what_a_report_says_of_itself_and_what_the_rules_say() -> None:
    room = Attendance()
    room.take(report("mia", flags=SIMULATED | MANUAL | FILM), NOW)
    assert the_one(room).marks == ("simulated", "key", "film")
    rules = RoomRules(host_ids=("mia",), muted=("mia",), is_locked=True, admitted=("ben",))
    ruled = the_one(room, NOW, rules)
    assert {"host", "muted", "locked-out"} <= set(ruled.marks)
    assert "locked-out" not in the_one(room, NOW, RoomRules(is_locked=True)).marks


def test_two_programs_under_one_id_are_noticed_and_a_restart_is_not() -> None:
    room = Attendance()
    room.take(report("mia", boot=100), NOW)
    room.take(report("mia", boot=200), NOW + 1)
    assert the_one(room, NOW + 1).doubts == ()
    room.take(report("mia", boot=100, seq=9), NOW + 2)
    assert the_one(room, NOW + 2).doubts == ("two programs write under this id",)
    room.take(report("mia", boot=200, seq=9), NOW + 2 + SUSPECT_S)
    assert the_one(room, NOW + 2 + SUSPECT_S).doubts == ()


def test_a_forger_shows_whatever_it_leaves_between() -> None:
    for between in (LeaveEvent(ROOM, "mia"), report("mia", boot=100, seq=500)):
        room = Attendance()
        room.take(report("mia", boot=100, seq=7), NOW)
        room.take(between, NOW)
        room.take(report("mia", boot=90, seq=9), NOW + 1)
        assert room.has_two_writers("mia", NOW + 1)


def test_one_program_that_goes_on_or_is_heard_twice_is_no_forger() -> None:
    room = Attendance()
    for event in (report("mia", seq=7), report("mia", seq=7), LeaveEvent(ROOM, "mia")):
        room.take(event, NOW)
    room.take(report("mia", seq=8), NOW)
    assert not room.has_two_writers("mia", NOW)
    room.take(report("mia", seq=8, flags=MANUAL), NOW)  # the same place, other words
    assert room.has_two_writers("mia", NOW)


def test_who_comes_back_under_a_new_id_with_the_name_is_marked() -> None:
    room = Attendance()
    room.know_names({"old": "Zoe", "bystander": "Ben"})
    for viewer, nickname in (("troll", "Eve"), ("new", "еvе"), ("late", "Z0e"), ("ben", "Ben")):
        room.take(report(viewer), NOW)
        room.take(named(viewer, nickname), NOW)
    rules = RoomRules(muted=("old",), removed=("troll",))
    doubts = {each.viewer_id: each.doubts for each in room.attendees(NOW, rules)}
    assert "has the nickname of troll, who is removed" in doubts["new"]
    assert doubts["late"] == ("has the nickname of old, who is muted",)
    assert doubts["ben"] == ()
    room.take(LeaveEvent(ROOM, "troll"), NOW)
    after = {each.viewer_id: each.doubts for each in room.attendees(NOW, rules)}
    assert after["new"] == ("has the nickname of troll, who is removed",)
    assert "new" not in {each.viewer_id for each in room.attendees(NOW) if each.doubts}


def test_both_nicknames_of_an_id_are_shown_to_the_host() -> None:
    room = Attendance()
    room.take(report("mia"), NOW)
    for nickname in ("Mia", "I hate you", "Mia"):
        room.take(named("mia", nickname), NOW)
    seen = the_one(room)
    assert seen.nickname == "Mia"
    assert seen.doubts == ("two programs write under this id", "was called I hate you")


def test_the_same_nickname_twice_is_marked_at_both() -> None:
    room = Attendance()
    for viewer, nickname in (("a", "Mia"), ("b", "mIA"), ("c", "Ben"), ("d", ""), ("e", "")):
        room.take(report(viewer), NOW)
        room.take(named(viewer, nickname), NOW)
    doubted = {each.viewer_id for each in room.attendees(NOW) if each.doubts}
    assert doubted == {"a", "b"}


def test_memory_is_bounded_and_old_faces_are_forgotten() -> None:
    room = Attendance(most=3)
    for n in range(10):
        room.take(report(f"v{n}"), NOW)
    assert len(room.present(NOW)) == 3
    room.tick(NOW + SUSPECT_S + 1)
    room.take(report("new"), NOW + SUSPECT_S + 1)
    assert room.present(NOW + SUSPECT_S + 1) == ("new",)


def test_who_is_cut_off_for_a_moment_is_still_around() -> None:
    room = Attendance()
    room.take(report("mia"), NOW)
    room.take(named("ghost", "never reported"), NOW)
    room.take(LeaveEvent(ROOM, "mia"), NOW + 5)
    assert room.present(NOW + 5) == ()
    assert room.around(NOW + 20) == ("mia",)
    assert room.around(NOW + 90) == ()


def test_a_host_learns_that_the_own_clock_is_behind() -> None:
    room = Attendance()
    for n in range(5):
        room.take(report(f"v{n}", boot=int(NOW) + 86_400 - n), NOW)
    room.take(report("liar", boot=1), NOW)
    assert 86_000 < room.clock_behind_s(NOW) <= 86_400
    honest = Attendance()
    for n in range(5):
        honest.take(report(f"v{n}", boot=int(NOW) - n), NOW)
    honest.take(report("liar", boot=int(NOW) + 10**6), NOW)
    assert honest.clock_behind_s(NOW) == 0.0
    assert Attendance().clock_behind_s(NOW) == 0.0


# --- at a broker where nothing expires ---------------------------------------------------------


def kept(viewer: str, seq: int = 1) -> ReportEvent:
    return replace(report(viewer, seq=seq), is_retained=True)


def test_who_is_only_remembered_is_unconfirmed_and_dropped_after_a_heartbeat() -> None:
    room = Attendance()
    room.take(kept("ghost"), NOW)
    room.take(kept("mia"), NOW)
    assert [each.marks for each in room.attendees(NOW)] == [("unconfirmed",)] * 2
    room.take(report("mia", seq=2), NOW + 5)
    assert room.present(NOW + 12) == ("mia",)
    assert the_one(room, NOW + 12).marks == ()


def test_a_report_that_is_brought_again_does_not_make_anybody_doubtful() -> None:
    room = Attendance()
    room.take(report("mia", seq=2), NOW)
    room.take(kept("mia", seq=2), NOW + 5)
    assert the_one(room, NOW + 6).marks == ()
    assert room.present(NOW + 15) == (), "nor does it keep anybody"


@given(
    st.dictionaries(st.sampled_from(["ann", "bob", "mia"]), st.integers(0, 15), min_size=1),
    st.lists(st.tuples(st.integers(0, 15), st.just("live"), st.integers(0, 60)), max_size=3),
    st.booleans(),
)
def test_whom_the_broker_kept_is_listed_as_long_as_in_a_viewers_room(
    left: dict[str, int], live: list[tuple[int, str, int]], reconnects: bool
) -> None:
    hosts, viewers, said = Attendance(), RoomState(), RoomSettings()
    first = {each: replace(report(each).report, up_s=1) for each in left}
    if reconnects:
        for each in left:
            hosts.take(ReportEvent(ROOM, each, first[each]), NOW - 5)
            viewers.report(each, first[each], NOW - 5)
        viewers.doubt()
        viewers.doubt_until(NOW + 14)
        hosts.reconnected(NOW)
    for each, left_s in left.items():
        event = ReportEvent(ROOM, each, first[each], is_retained=True, left_s=left_s)
        hosts.take(event, NOW)
        viewers.recall(each, first[each], NOW, said.age_s(first[each], left_s))
    heard = sorted(live)
    for tick in range(80):
        now = NOW + tick / 4
        while heard and NOW + heard[0][0] <= now:
            _, who, up_s = heard.pop(0)
            newer = replace(report(who, seq=10 + tick).report, up_s=up_s)
            hosts.take(ReportEvent(ROOM, who, newer), now)
            viewers.report(who, newer, now)
        shown = viewers.tick(now)
        sure = {each.viewer_id for each in hosts.attendees(now) if not each.is_unconfirmed}
        assert sure == {row.viewer_id for row in shown.rows}
        assert len(hosts.present(now)) <= shown.viewers + shown.confirming


def test_a_clearing_that_a_sweep_explains_is_no_leaving() -> None:
    room = Attendance()
    for viewer in ("mia", "bob"):
        room.take(report(viewer), NOW)
    room.take(SweepEvent(ROOM, "agg-1", (Unrenewed("mia", 1, 1),)), NOW)
    for viewer in ("mia", "bob"):
        room.take(LeaveEvent(ROOM, viewer), NOW + 1)
    assert room.present(NOW + 1) == ("mia",)


def test_a_hosts_figure_counts_no_rumour_and_nobody_out_who_was_swept() -> None:
    rooms = People()
    rooms.begin()
    topics = {each: REPORT.topic.of(ROOM, each) for each in ("ghost", "mia")}
    payload = encode_report(report("mia").report)
    for topic in topics.values():
        rooms.take(topic, payload, 0.0, is_retained=True)
    assert rooms.people(0.0) == 0
    rooms.take(topics["mia"], payload, 1.0)
    sweep = encode_sweep([Unrenewed("mia", 1, 1)])
    rooms.take(SWEEP.topic.of(ROOM, "agg-1"), sweep, 2.0)
    rooms.take(topics["mia"], b"", 3.0)
    assert rooms.people(3.0) == 1
    rooms.take(topics["mia"], b"", 8.0)
    assert rooms.people(8.0) == 0


def test_a_hosts_figure_counts_whom_the_broker_kept_as_long_as_a_viewers_room_does() -> None:
    counted = {left_s: _counted_for(left_s) for left_s in range(16)}
    shown = {left_s: _shown_for(left_s) for left_s in range(16)}
    assert counted == shown
    assert (counted[0], counted[3], counted[15]) == (0, 0, 11.75)


def _counted_for(left_s: int) -> float:
    """Seconds for which somebody is counted who died before the host came."""
    rooms, died = People(), replace(report("mia").report, up_s=1)
    rooms.take(
        REPORT.topic.of(ROOM, "mia"), encode_report(died), NOW, is_retained=True, left_s=left_s
    )
    return next(tick / 4 for tick in range(80) if not rooms.people(NOW + tick / 4))


def _shown_for(left_s: int) -> float:
    room, died = RoomState(), replace(report("mia").report, up_s=1)
    room.recall("mia", died, NOW, RoomSettings().age_s(died, left_s))
    return next(tick / 4 for tick in range(80) if not room.tick(NOW + tick / 4).viewers)


def test_a_hosts_figure_waits_in_each_room_as_long_as_its_settings_say() -> None:
    rooms = People()
    rooms.take(ROOM_SETTINGS.topic.of("slow"), encode_room(RoomSettings(heartbeat_s=30)), 0.0)
    for channel in ("slow", ROOM):
        rooms.take(REPORT.topic.of(channel, "mia"), encode_report(report("mia").report), 0.0)
    assert rooms.people(13.75) == 2
    assert not rooms.has_overdue(11.0)
    assert rooms.people(14.0, without={ROOM}) == rooms.people(33.75) == 1
    assert rooms.people(34.0) == 0


def test_a_hosts_figure_loses_nobody_while_the_broker_or_the_host_stands_still(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now = 1000.0
    monkeypatch.setattr("resonance_tui.hosting.headcount.time.monotonic", lambda: now)
    headcount = Headcount({}, [])
    headcount.begin()
    headcount.feed(REPORT.topic.of(ROOM, "mia"), encode_report(report("mia").report))
    for _ in range(12):
        now += 1
        assert headcount.figures(now).people == 1
    assert headcount.has_overdue
    now += 60  # suspended
    assert headcount.figures(now).people == 1
    people = [headcount.figures(now := now + 1).people for _ in range(6)]
    assert people[-1] == 0
