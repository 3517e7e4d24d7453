"""Mesh or total: at which size, for how long, and what a viewer shows in between."""

from __future__ import annotations

from dataclasses import replace

import pytest

from resonance_tui.emotions import Emotion
from resonance_tui.protocol.events import (
    LeaveEvent,
    NicknameEvent,
    ReportEvent,
    RoomEvent,
    TotalEvent,
    TotalOverEvent,
)
from resonance_tui.protocol.traits import BrokerTraits
from resonance_tui.protocol.values import Report, RoomSettings
from resonance_tui.room.state import ViewerRow
from resonance_tui.room.subscription_mode import Mode, ModeSelector
from resonance_tui.session.room_model import RoomModel, timing_of

ME = ViewerRow("me", "ann", Emotion.FEAR, 60, False, False, False)


def people(viewers: int) -> tuple[int, ...]:
    return (viewers, *[0] * 8)


def total(viewers: int, seq: int, boot: int = 1) -> TotalEvent:
    return TotalEvent("room", viewers, people(viewers), boot, seq)


def test_a_room_around_the_limit_does_not_go_back_and_forth() -> None:
    switch, seen = ModeSelector(mesh_max=100), []
    for seq, viewers in enumerate((90, 100, 101, 99, 101, 81, 80, 99, 101)):
        switch.observe((1, seq), people(viewers), seq)
        seen.append(switch.select(seq))
    mesh, total = Mode.MESH, Mode.TOTAL
    assert seen == [mesh, mesh, total, total, total, total, mesh, mesh, total]


def test_a_total_that_nobody_renews_is_no_longer_believed() -> None:
    switch = ModeSelector(mesh_max=100, stale_after=10)
    switch.observe((1, 1), people(500), 0)
    assert switch.select(9.9) is Mode.TOTAL
    switch.observe((1, 1), people(500), 9.9)  # what a broker kept, told again
    assert switch.select(10) is Mode.MESH
    switch.observe((2, 1), people(500), 11)  # another root
    assert switch.select(11) is Mode.TOTAL


def test_a_small_room_hears_everybody_though_there_is_a_total() -> None:
    room = RoomModel()
    room.take(total(3, 1), 0)
    room.take(ReportEvent("room", "a", Report(1, 1, Emotion.FEAR, 50)), 0)
    seen = room.look(0, ME)
    assert room.subscribes_all
    assert (seen.is_total, seen.viewers, seen.counts[Emotion.FEAR]) == (False, 1, 1)


def test_the_limit_is_the_hosts() -> None:
    room = RoomModel()
    room.take(RoomEvent("room", RoomSettings(mesh_max=2)), 0)
    room.take(total(3, 1), 0)
    seen = room.look(0, ME)
    assert not room.subscribes_all
    assert (seen.is_total, seen.viewers, seen.rows, seen.changed) == (True, 3, (ME,), {"me"})
    room.take(RoomEvent("room", None), 1)
    room.look(1, ME)
    assert room.subscribes_all, "the host has closed it: the defaults hold"


def test_back_in_the_mesh_the_last_total_is_shown_until_everybody_is_in() -> None:
    room = RoomModel()
    room.take(total(300, 1), 0)
    assert room.look(0, ME).viewers == 300
    room.take(TotalOverEvent("room"), 5)
    filling = room.look(5, ME)
    assert room.subscribes_all
    assert (filling.is_total, filling.viewers) == (True, 300)
    for number in range(300):
        room.take(NicknameEvent("room", f"v{number}", f"name {number}"), 5.1)
        room.take(ReportEvent("room", f"v{number}", Report(1, 1, Emotion.FEAR, 50)), 5.1)
    there = room.look(5.2, ME)
    assert (there.is_total, there.viewers, there.counts[Emotion.FEAR]) == (False, 300, 300)
    assert len(there.changed) == len(there.rows) == 300
    assert there.gone == {"me"}
    assert room.look(5.3, ME).changed == frozenset()


def test_who_left_while_the_total_was_followed_is_not_waited_for_long() -> None:
    room = RoomModel()
    room.take(total(300, 1), 0)
    room.look(0, None)
    room.look(11, None)
    room.take(ReportEvent("room", "a", Report(1, 1, Emotion.FEAR, 50)), 11.5)
    assert room.look(12.9, None).viewers == 300
    assert room.look(13.1, None).viewers == 1


def test_reports_heard_before_the_total_are_not_believed_after_it() -> None:
    room = RoomModel()
    report = ReportEvent("room", "a", Report(1, 7, Emotion.FEAR, 50))
    room.take(report, 0)
    room.look(0, None)
    room.take(total(300, 1), 1)
    room.look(1, None)
    room.take(TotalOverEvent("room"), 2)
    room.look(2, None)
    assert room.look(5, None).viewers == 0
    room.take(report, 5)  # what the broker keeps is not newer than what was known before
    assert room.look(5, None).viewers == 1


def test_the_own_row_follows_what_one_says() -> None:
    room = RoomModel()
    room.take(total(300, 1), 0)
    first, same = room.look(0, ME), room.look(1, ME)
    assert same.rows is first.rows and same.changed == frozenset()
    silent = room.look(2, None)
    assert (silent.rows, silent.gone) == ((), {"me"})


def test_who_is_silent_is_gone_soon_after_a_heartbeat_but_never_before_one() -> None:
    usual, slow, quick = RoomSettings(), RoomSettings(heartbeat_s=60), RoomSettings(heartbeat_s=2)
    assert [timing_of(each).ttl_s for each in (usual, slow, quick)] == [14, 64, 6]
    assert timing_of(replace(quick, ttl_s=5)).ttl_s == 5, "the host may want it sooner"
    assert timing_of(replace(usual, ttl_s=5)).ttl_s == 14, "but not that soon"
    for each in (usual, slow, quick):
        pace = timing_of(each)
        assert pace.heartbeat_s < pace.stale_after_s < pace.ttl_s
    assert timing_of(usual).total_stale_after_s == 10.75


def test_in_a_cluster_that_keeps_sessions_who_moves_is_waited_for() -> None:
    several, kept = BrokerTraits(expires=False, has_others=True), BrokerTraits(expires=False)
    room = RoomModel()
    patience = []
    for traits in (None, kept, several, replace(several, expires=True), several):
        room.know(traits, 0)
        patience.append(room.pace.ttl_s)
    assert patience == [14, 14, 26, 14, 26]
    assert room.pace.stale_after_s == RoomSettings().stale_after_s, "overdue as anywhere"
    room.take(RoomEvent("room", RoomSettings(ttl_s=15)), 0)
    assert room.pace.ttl_s == 15, "the host may want it sooner"


# --- what may be recorded ----------------------------------------------------------------------


def speak(room: RoomModel, names: str, seq: int, now: float) -> None:
    for name in names:
        room.take(ReportEvent("room", name, Report(1, seq, Emotion.FEAR, 50)), now)


def fact(room: RoomModel, now: float, *, connected: bool = True) -> bool:
    room.connected(connected, now)
    room.look(now, None)
    return room.is_fact(now)


def test_a_room_that_was_just_entered_is_a_fact_once_what_was_kept_is_in() -> None:
    room = RoomModel()
    assert [fact(room, now, connected=now >= 1) for now in (0, 1, 1.4)] == [False] * 3
    assert fact(room, 1.5)


def test_a_short_cut_is_a_gap_of_its_own_length() -> None:
    room = RoomModel()
    speak(room, "abc", 1, 0)
    assert not fact(room, 0) and fact(room, 1)
    assert not fact(room, 2, connected=False)
    speak(room, "abc", 1, 8)  # the broker has kept all three
    assert fact(room, 8)


def test_who_left_while_one_was_cut_off_is_no_fact_and_gone_after_a_heartbeat() -> None:
    room = RoomModel()
    speak(room, "abc", 1, 0)
    assert not fact(room, 0) and fact(room, 1)
    assert not fact(room, 2, connected=False)
    speak(room, "a", 1, 6)  # heard even before the line counts as connected
    assert not fact(room, 6, connected=False)
    speak(room, "b", 2, 7)
    assert not fact(room, 7)
    speak(room, "ab", 3, 12)
    assert [fact(room, now) for now in (13, 20.9, 21)] == [False, False, True]
    assert [row.viewer_id for row in room.look(21, None).rows] == ["a", "b"]
    speak(room, "c", 2, 23)
    assert room.look(23, None).viewers == 3, "who was given up comes back with the next report"


def test_who_was_cut_off_for_long_waits_for_as_many_as_there_were() -> None:
    room = RoomModel()
    speak(room, "abc", 1, 0)
    assert not fact(room, 0) and fact(room, 1)
    assert not fact(room, 2, connected=False)
    assert not fact(room, 40, connected=False)
    speak(room, "a", 2, 41)
    assert not fact(room, 41), "the others are on their way back"
    assert not fact(room, 42, connected=False), "lost again"
    speak(room, "a", 2, 43)
    assert not fact(room, 43)
    speak(room, "bc", 2, 44)
    assert fact(room, 44)
    room.take(LeaveEvent("room", "c"), 45)
    assert fact(room, 45), "who leaves now is not waited for"


def test_who_does_not_come_back_is_not_waited_for_longer_than_a_heartbeat_and_the_way() -> None:
    room = RoomModel()
    speak(room, "abc", 1, 0)
    assert not fact(room, 0) and fact(room, 1)
    assert not fact(room, 2, connected=False)
    assert [fact(room, now) for now in (50, 63.9, 64, 65)] == [False, False, True, True]
    assert room.look(65, None).viewers == 0


def test_a_room_on_several_brokers_is_told_by_its_total_however_small_it_is() -> None:
    switch = ModeSelector(mesh_max=100, stale_after=10)
    switch.observe((1, 1), people(2), 0, is_spread=True)
    assert switch.select(0) is Mode.TOTAL
    assert switch.select(10) is Mode.MESH  # nobody adds up any more
    switch.observe((1, 2), people(2), 11, is_spread=True)
    assert switch.select(11) is Mode.TOTAL
    switch.observe((1, 3), people(2), 12)  # the other brokers are gone
    assert switch.select(12) is Mode.MESH


# --- where totals alone may be read ------------------------------------------------------------


def limited() -> RoomModel:
    room = RoomModel()
    room.take(RoomEvent("room", RoomSettings(mesh_max=1, totals=True)), 0)
    room.connected(True, 0)
    return room


def test_where_the_host_says_so_a_total_is_followed_however_few_there_are() -> None:
    room = limited()
    room.take(total(2, 1), 0)
    seen = room.look(0, ME)
    assert not room.subscribes_all
    assert (seen.is_total, seen.viewers, seen.reads_totals) == (True, 2, True)
    assert not (seen.is_counting or seen.is_uncounted)
    assert room.is_fact(1)


def test_without_a_total_there_nothing_is_taken_for_a_fact() -> None:
    room = limited()
    assert room.look(0, ME).is_uncounted and not room.is_fact(0)
    room.take(total(6, 1), 1)
    assert not room.look(1, ME).is_uncounted
    room.take(TotalOverEvent("room"), 2)
    seen = room.look(2, ME)
    assert (seen.is_uncounted, seen.viewers, seen.rows) == (True, 1, (ME,))
    assert not (room.is_fact(2) or room.subscribes_all)


def test_a_broker_that_refuses_reports_is_believed() -> None:
    room = RoomModel()
    room.know(BrokerTraits(expires=True, denies_reports=True), 0)
    room.connected(True, 0)
    room.take(total(6, 1), 0)
    assert room.look(0, ME).is_total and not room.subscribes_all


def test_reports_that_never_come_are_noticed_where_others_are_there() -> None:
    room = RoomModel()
    room.connected(True, 0)
    for at in range(0, 24, 2):
        room.take(ReportEvent("room", "me", Report(1, at, Emotion.FEAR, 50)), at)
        room.take(total(6, at), at)
        seen = room.look(at, ME)
    assert (seen.is_total, seen.viewers, seen.reads_totals) == (True, 6, True)


@pytest.mark.parametrize("heard", [("a", "b"), ("me", "a")])
def test_reports_of_others_say_that_they_may_be_read(heard: tuple[str, str]) -> None:
    room = RoomModel()
    room.connected(True, 0)
    for at in range(0, 60, 2):
        for viewer_id in heard:
            room.take(ReportEvent("room", viewer_id, Report(1, at, Emotion.FEAR, 50)), at)
        room.take(total(6, at), at)
        assert not room.look(at, ME).reads_totals


@pytest.mark.parametrize("settings", [RoomSettings(totals=True), RoomSettings(mesh_max=3)])
def test_who_was_long_without_reports_hears_them_again_once_that_is_over(
    settings: RoomSettings,
) -> None:
    """Be it that the host opens a small room again, or that a large one is small now."""
    room = RoomModel()
    room.take(RoomEvent("room", settings), 0)
    room.connected(True, 0)
    for at in range(0, 60, 2):
        room.take(total(6, at), at)
        assert room.look(at, ME).is_total
    room.take(RoomEvent("room", RoomSettings()), 60)
    room.look(60, ME)
    assert room.subscribes_all


def test_a_total_that_is_over_tells_nothing_of_who_should_be_heard() -> None:
    """An audience left, its aggregator after it, and one stayed who is not alone for ever."""
    room = RoomModel()
    room.connected(True, 0)
    room.take(total(300, 1), 0)
    room.look(0, ME)
    room.take(TotalOverEvent("room"), 5)
    for at in range(5, 60, 2):
        room.take(ReportEvent("room", "me", Report(1, at, Emotion.FEAR, 50)), at)
        assert not room.look(at, ME).reads_totals
    room.take(ReportEvent("room", "a", Report(1, 1, Emotion.FEAR, 50)), 60)
    assert (room.look(60, ME).viewers, room.subscribes_all) == (2, True)
