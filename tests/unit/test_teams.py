"""Teams: the host's list, what is counted of them, and which may be shown."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest

from resonance_tui.emotions import Emotion
from resonance_tui.errors import InputError, WireError
from resonance_tui.protocol.asides import Aside
from resonance_tui.protocol.events import AsideTotalEvent, ReportEvent, TotalEvent
from resonance_tui.protocol.frames import encode_report
from resonance_tui.protocol.messages import REPORT, decode
from resonance_tui.protocol.rules import NO_RULES, RoomRules, decode_body, encode_body
from resonance_tui.protocol.topics import shard_of
from resonance_tui.protocol.values import SHARDS, Report, RoomSettings
from resonance_tui.room.conduct import conduct_of
from resonance_tui.room.moderation import perform
from resonance_tui.room.state import RoomState
from resonance_tui.room.tally import Tally
from resonance_tui.room.teams import TEAM_LEAST, number_of, visible
from resonance_tui.session.events import RoomUpdate
from resonance_tui.session.json_events import room_json
from resonance_tui.session.room_model import RoomModel

RULES = RoomRules(teams=("red", "blue"))
CONDUCT = conduct_of(RULES)
PRIVATE = 16


def report(team: int, code: Emotion = Emotion.HAPPINESS, seq: int = 1, flags: int = 0) -> Report:
    return Report(1, seq, code, 90, flags, 3, team)


def nine(happy: int, calm: int = 0) -> tuple[int, ...]:
    return (happy, 0, calm, 0, 0, 0, 0, 0, 0)


# --- on the wire, and by the host ---------------------------------------------------------------


def test_a_team_is_one_byte_of_a_report_and_comes_back() -> None:
    for team in (0, 1, 8):
        payload = encode_report(report(team))
        event = decode(REPORT.topic.of("room", "ann"), payload)
        assert event == ReportEvent("room", "ann", report(team))
        assert len(payload) == len(encode_report(report(0))) + bool(team)
    alone = encode_report(replace(report(2), up_s=0))
    assert decode(REPORT.topic.of("room", "ann"), alone).report.team == 2  # type: ignore[union-attr]
    with pytest.raises(WireError):
        decode(REPORT.topic.of("room", "ann"), encode_report(report(128)))


def test_the_host_lists_teams_and_ends_them() -> None:
    made = perform(NO_RULES, "teams", "red, blue  Green", by="host", t=1.0)
    assert made.teams == ("red", "blue", "Green")
    assert decode_body(encode_body(made)).teams == made.teams
    assert perform(made, "teams", "", by="host", t=2.0).teams == ()


@pytest.mark.parametrize("value", ["a b c d e f g h i", "red RED", "x" * 17, "re\x1bd"])
def test_a_list_of_teams_that_cannot_be_is_refused(value: str) -> None:
    with pytest.raises(InputError):
        perform(NO_RULES, "teams", value, by="host", t=1.0)


def test_a_team_is_found_by_its_name_whatever_the_case() -> None:
    assert [number_of(name, RULES.teams) for name in ("Red", "blue", "green", "")] == [1, 2, 0, 0]
    assert [number_of(name, ("red", "")) for name in ("", " ", "red")] == [0, 0, 1]


# --- counted ------------------------------------------------------------------------------------


def test_a_small_and_a_large_room_count_teams_alike_and_a_forged_team_is_none() -> None:
    dice, room, tally = random.Random(3), RoomState(), Tally()
    room.obey(CONDUCT)
    tally.obey(CONDUCT)
    tally.watch(frozenset(range(SHARDS)))
    for seq in range(1, 400):
        who, team = f"v{dice.randrange(40)}", dice.choice((0, 1, 2, 3, 8, 127))
        said = report(team, dice.choice(list(Emotion)), seq, dice.choice((0, 0, 0, PRIVATE)))
        room.report(who, said, seq / 100)
        tally.report(who, said, seq / 100)
        if dice.random() < 0.1:
            room.leave(who, seq / 100)
            tally.leave(who, seq / 100)
    found = room.tick(4.0).teams
    summed: dict[int, list[int]] = {}
    for shard in range(SHARDS):
        for team, counts in tally.teams(shard).items():
            row = summed.setdefault(team, [0] * 9)
            summed[team] = [one + other for one, other in zip(row, counts, strict=True)]
    assert {team: tuple(row) for team, row in summed.items()} == found
    assert found.keys() == {1, 2} and all(any(row) for row in found.values())


def test_who_is_muted_is_in_no_team_and_a_room_without_a_list_has_none() -> None:
    room, tally = RoomState(), Tally()
    tally.watch(frozenset(range(SHARDS)))
    for each in (room, tally):
        each.report("ann", report(1), 0.0)
        each.obey(conduct_of(replace(RULES, muted=("ann",))))
    assert room.tick(0.1).teams == tally.teams(shard_of("ann")) == {}
    for each in (room, tally):
        each.obey(CONDUCT)
    assert room.tick(0.2).teams == tally.teams(shard_of("ann")) == {1: nine(1)}
    room.obey(conduct_of(NO_RULES))
    assert room.tick(0.3).teams == {}


# --- shown --------------------------------------------------------------------------------------


def test_a_team_below_the_least_is_never_shown() -> None:
    teams = {1: nine(TEAM_LEAST), 2: nine(TEAM_LEAST - 1), 3: nine(2, 40)}
    assert visible(teams, nine(60), TEAM_LEAST).keys() == {1, 3}
    assert visible(teams, nine(100), 30).keys() == {3}
    assert visible({}, nine(60), 5) == {}


def test_a_small_team_does_not_follow_from_the_room_less_the_others() -> None:
    teams = {1: nine(20), 2: nine(9), 3: nine(2)}
    assert visible(teams, nine(31), 5).keys() == {1}, "9 hide 2"
    assert visible(teams, nine(36), 5).keys() == {1, 2}, "5 without a team hide them"
    assert visible({1: nine(20), 2: nine(2)}, nine(22), 5) == {}
    assert visible({1: nine(20), 2: nine(9)}, nine(30), 5).keys() == {1, 2}, "none is hidden"


def test_a_room_that_follows_its_total_shows_no_small_team_whatever_aggregators_say() -> None:
    room = RoomModel(RoomSettings(mesh_max=50))
    room.obey(CONDUCT)
    room.connected(True, 0.0)
    room.take(TotalEvent("room", 100, nine(100), 1, 1), 0.0)
    teams = {1: nine(40), 2: nine(3)}
    room.take(AsideTotalEvent("room", Aside(teams=teams), 1, 1), 0.0)
    shown = room.look(1.0, None)
    assert shown.teams == {1: nine(40)}
    told = room_json(RoomUpdate(1.0, shown, team_names=RULES.teams))["teams"]
    assert [each["name"] for each in told] == ["red", "blue"]
    assert told[0]["counts"]["happiness"] == 40 and told[1]["counts"] is None
