"""A host's list of viewers, made from the messages of a room."""

from __future__ import annotations

from dataclasses import replace

from resonance_tui.emotions import Emotion
from resonance_tui.hosting.attendance import Attendance as People
from resonance_tui.protocol.events import (
    LeaveEvent,
    NicknameEvent,
    ReportEvent,
    SweepEvent,
    Unrenewed,
)
from resonance_tui.protocol.frames import encode_report, encode_sweep
from resonance_tui.protocol.messages import REPORT, SWEEP
from resonance_tui.protocol.rules import NO_RULES, RoomRules
from resonance_tui.protocol.values import FILM, MANUAL, SIMULATED, Report
from resonance_tui.room.attendance import SUSPECT_S, Attendance, Attendee

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
    room = Attendance(ttl_s=30)
    room.take(report("mia"), NOW)
    assert room.present(NOW + 30) == ("mia",)
    assert room.present(NOW + 31) == ()


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
    room = Attendance(ttl_s=30)
    room.take(report("mia", seq=2), NOW)
    room.take(kept("mia", seq=2), NOW + 10)
    assert the_one(room, NOW + 11).marks == ()
    assert room.present(NOW + 36) == (), "nor does it keep anybody"


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
    rooms.begin(0.0)
    topics = {each: REPORT.topic.of(ROOM, each) for each in ("ghost", "mia")}
    payload = encode_report(report("mia").report)
    for topic in topics.values():
        rooms.take(topic, payload, 0.0, is_rumour=True)
    assert rooms.people(0.0) == 0
    rooms.take(topics["mia"], payload, 1.0)
    sweep = encode_sweep([Unrenewed("mia", 1, 1)])
    rooms.take(SWEEP.topic.of(ROOM, "agg-1"), sweep, 2.0)
    rooms.take(topics["mia"], b"", 3.0)
    assert rooms.people(3.0) == 1
    rooms.take(topics["mia"], b"", 8.0)
    assert rooms.people(8.0) == 0
