"""What teams felt, in the history: as it could be shown, and never of a team that is too small."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, cast

import pytest

from resonance_tui.cli import cli, run_verb
from resonance_tui.history.retention import forget, forget_session
from resonance_tui.history.samples import Sample, SessionSpan
from resonance_tui.history.store import Store
from resonance_tui.history.teams import (
    TeamSecond,
    keep_teams,
    kept_teams,
    team_seconds,
    team_tracks,
)
from resonance_tui.room.state import EMPTY_ROOM
from resonance_tui.session.recording import Recording

if TYPE_CHECKING:
    from resonance_tui.history.recorder import Recorder
    from resonance_tui.session.plan import SessionPlan

T0 = 1_795_000_000
CALM = (0, 0, 6, 0, 0, 0, 0, 0, 0)
RED = TeamSecond(T0 + 10, "red", CALM)


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "history.sqlite"
    monkeypatch.setenv("RESONANCE_HISTORY_DATABASE", str(path))
    with Store(path) as store:
        store.append(Sample("cats", T0 + at, 9, (0, 0, 9, 0, 0, 0, 0), 0, 0) for at in range(60))
        keep_teams(store, "cats", [RED, replace(RED, t=T0 + 50)])
        keep_teams(store, "dogs", [RED])
    return path


def test_only_teams_that_show_somebody_are_kept() -> None:
    teams = {1: (0,) * 9, 2: CALM, 3: CALM}  # the third is not in the host's list any more
    assert team_seconds(T0, ("red", "blue"), teams) == (TeamSecond(T0, "blue", CALM),)


def test_a_teams_mean_is_of_the_seconds_in_which_it_could_be_shown() -> None:
    glad = (6, *CALM[1:])
    blue, red = team_tracks([replace(RED, name="blue"), RED, replace(RED, t=T0 + 12, counts=glad)])
    assert (blue.name, red.name) == ("blue", "red")
    assert red.mean(T0, T0 + 12) == (3, *CALM[1:])
    assert red.mean(T0 + 10.5, T0 + 11.9) == ()
    assert red.mean(T0 + 12, T0 + 12) == glad
    assert blue.mean(T0 + 11, T0 + 99) == ()


def test_two_programs_that_record_one_second_keep_it_once(path: Path) -> None:
    with Store(path) as store:
        keep_teams(store, "cats", [replace(RED, counts=(1, *CALM[1:]))])
        assert kept_teams(store, "cats", T0, T0 + 20) == [RED]


def test_a_recorder_keeps_each_second_once_and_nothing_while_it_is_off(path: Path) -> None:
    words: list[Callable[[Store], None]] = []
    plan = cast("SessionPlan", SimpleNamespace(channel="cats", database=path, is_recording=True))
    recording = Recording(plan, lambda _: None)
    recording._recorder = cast("Recorder", SimpleNamespace(keep=words.append))
    room = replace(EMPTY_ROOM, teams={2: CALM})
    for at in (T0 + 70.1, T0 + 70.9, T0 + 71.0):
        recording.add_teams(room, ("red", "blue"), at)
    recording.switch(False)
    recording.add_teams(room, ("red", "blue"), T0 + 80.0)
    with Store(path) as store:
        for word in words:
            word(store)
        found = kept_teams(store, "cats", T0 + 60, T0 + 99)
    assert found == [TeamSecond(T0 + at, "blue", CALM) for at in (70, 71)]


def test_they_are_exported_by_second_and_team(
    path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert run_verb(cli, ["history", "cats", "--teams"]) == 0
    header, first, _ = capfd.readouterr().out.splitlines()
    assert header.startswith("t,team,viewers,happiness,") and ",red,6,0,0,6," in first
    assert run_verb(cli, ["history", "cats", "--teams", "--format", "json"]) == 0
    assert [row["neutral"] for row in json.loads(capfd.readouterr().out)] == [6, 6]


def test_they_are_forgotten_with_the_rows_of_their_time(path: Path) -> None:
    with Store(path) as store:
        forget(store, ["cats"], T0 + 30)
        assert [each.t for each in kept_teams(store, "cats", 0, T0 + 99)] == [T0 + 50]
        forget_session(store, "cats", SessionSpan(T0 + 30, T0 + 59, 30, 9))
        assert kept_teams(store, "cats", 0, T0 + 99) == []
        assert len(kept_teams(store, "dogs", 0, T0 + 99)) == 1
