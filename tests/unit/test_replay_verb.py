"""`replay` without its screen: layers given, taken and deleted, and what is refused in one line."""

from __future__ import annotations

import json
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from late_rooms import HAPPY, T0, as_table, counts, name, row, single
from textual.pilot import Pilot

from resonance_tui.cli import cli, run_verb
from resonance_tui.commands.replayed_session import find, prepare
from resonance_tui.history import layer_store
from resonance_tui.history.about import keep_delay
from resonance_tui.history.layers import counted, people_in
from resonance_tui.history.samples import Sample, SessionSpan
from resonance_tui.history.store import Store
from resonance_tui.history.video_clock import keep_video_start, video_start
from resonance_tui.tui.replay_app import ReplayApp
from resonance_tui.tui.screens.consent import ConsentScreen
from resonance_tui.tui.screens.replay import ReplayScreen

Replay = Callable[..., tuple[int, str]]
SPAN = SessionSpan(T0, T0 + 99, 100, 3)


def recorded(path: Path, *starts: int, channel: str = "cats") -> Path:
    with Store(path) as store:
        for start in starts:
            store.append(
                Sample(channel, start + t, 3, (2, 0, 1, 0, 0, 0, 0), 0, 0) for t in range(100)
            )
    return path


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two sessions of a channel, a day apart."""
    monkeypatch.setenv("RESONANCE_HISTORY_DATABASE", str(tmp_path / "here.sqlite"))
    monkeypatch.chdir(tmp_path)
    return recorded(tmp_path / "here.sqlite", T0 - 86_400, T0)


@pytest.fixture
def replay(here: Path, capfd: pytest.CaptureFixture[str]) -> Replay:
    """Run `replay` with words; its exit code and what it says."""

    def run(*words: str) -> tuple[int, str]:
        code = run_verb(cli, ["replay", *words])
        out, err = capfd.readouterr()
        assert out == "" and "Traceback" not in err
        return code, err

    return run


def mine(database: Path, number: int) -> None:
    with Store(database) as store:
        layer_store.keep_own(store, "cats", name(number), single(number).table)


def late_people(database: Path) -> int:
    with Store(database, read_only=True) as store:
        return people_in(counted(layer_store.layers(store, "cats", SPAN)))


def test_six_people_meet_in_one_file(
    replay: Replay, here: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each watches alone and sends a file; who collects them sends back one with counts."""
    for number in range(1, 7):
        monkeypatch.setenv(
            "RESONANCE_HISTORY_DATABASE", str(recorded(tmp_path / f"{number}.sqlite", T0))
        )
        mine(tmp_path / f"{number}.sqlite", number)
        assert replay("cats", "--export", f"{number}.json")[0] == 0
    monkeypatch.setenv("RESONANCE_HISTORY_DATABASE", str(here))
    code, said = replay("cats", *(f"--import={number}.json" for number in range(1, 5)))
    assert code == 0 and "4 in all, shown from 5 on" in said
    assert "4 layers of others stay here" in replay("cats", "--export", "few.json")[1]
    assert "1 new; 5 in all." in replay("cats", "--import=5.json")[1]
    assert "1 layer, 0 new; 5 in all." in replay("cats", "--import=5.json")[1]
    replay("cats", "--import=6.json")
    assert replay("cats", "--export", "all.json")[0] == 0
    (layer,) = json.loads(Path("all.json").read_text())["layers"]
    assert len(layer["members"]) == 6 and layer["rows"] == [[0, 10, 6, *[0] * 8]]
    monkeypatch.setenv("RESONANCE_HISTORY_DATABASE", str(tmp_path / "3.sqlite"))
    for _ in range(2):
        assert "6 in all." in replay("cats", "--import=all.json")[1]
    assert late_people(tmp_path / "3.sqlite") == 6


def test_a_file_with_the_room_is_all_that_another_machine_needs(
    replay: Replay, here: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mine(here, 1)
    said = replay("cats", "--export", "room.json", "--with-room")[1]
    assert "1 layer, and 100 s of the live room." in said
    replay("cats", "--export", "bare.json")
    monkeypatch.setenv("RESONANCE_HISTORY_DATABASE", str(tmp_path / "there.sqlite"))
    code, said = replay("cats", "--import", "bare.json")
    assert code == 2 and "when nothing was recorded here" in said and "--with-room" in said
    assert not (tmp_path / "there.sqlite").exists()
    assert "100 s of the live room are new" in replay("cats", "--import", "room.json")[1]
    assert "live room" not in replay("cats", "--import", "room.json")[1]
    with Store(tmp_path / "there.sqlite", read_only=True) as store:
        assert [span.rows for span in store.sessions("cats")] == [100]
    assert late_people(tmp_path / "there.sqlite") == 1


def test_a_room_that_was_recorded_here_is_not_touched(replay: Replay, here: Path) -> None:
    mine(here, 1)
    replay("cats", "--export", "room.json", "--with-room")
    file = json.loads(Path("room.json").read_text())
    file["room"] = [[0, 100, 9000, *[0] * 8]]
    Path("room.json").write_text(json.dumps(file))
    assert replay("cats", "--import", "room.json")[0] == 0
    with Store(here, read_only=True) as store:
        assert {each.viewers for each in store.read("cats")} == {3}


def test_layers_of_several_that_overlap_are_said_and_not_counted_twice(
    replay: Replay, here: Path
) -> None:
    for file, layer in (("a", counts(1, 2, 3, 4, 5)), ("b", counts(4, 5, 6, 7, 8, 9))):
        head = {"format": "resonance-tui layers", "version": 1, "channel": "cats"}
        runs = [[0, 10, layer.people, *[0] * 8]]
        layers = [{"members": sorted(layer.members), "rows": runs}]
        text = json.dumps(head | {"start": T0, "end": T0 + 99, "layers": layers})
        Path(f"{file}.json").write_text(text)
    assert "5 new; 5 in all." in replay("cats", "--import=a.json")[1]
    said = replay("cats", "--import=b.json")[1]
    assert "4 new; 6 in all (3 came only within counts that overlap" in said


def test_own_layers_can_be_deleted(replay: Replay, here: Path) -> None:
    mine(here, 1)
    assert "10 s of your own layers" in replay("cats", "--forget")[1]
    assert "no layer was made here" in replay("cats", "--forget")[1]


def test_the_offset_of_the_video_is_kept_with_the_session(replay: Replay, here: Path) -> None:
    assert replay("cats", "--offset=-26s", "--camera", "none")[0] == 2  # no terminal to draw on
    with Store(here, read_only=True) as store:
        assert video_start(store, "cats", T0, T0 + 99) == T0 - 26


def test_a_replay_stands_where_the_room_saw_the_video_begin(here: Path) -> None:
    with Store(here) as store:
        keep_video_start(store, "cats", SPAN, T0 + 20.0)
        keep_delay(store, "cats", SPAN, 8.5)
    replayed = find(here, "cats", None)
    _, room, clock = prepare(replayed, is_new=True)
    assert replayed.video == T0 + 20.0 and replayed.begins == T0 + 28.5
    assert clock.at(0.0) == T0 + 28.5 and clock.first == room.track.start
    with Store(here) as store:
        keep_delay(store, "cats", SPAN, None)
    assert find(here, "cats", None).begins == T0 + 20.0
    assert find(here, "cats", 2).begins is None


def in_a_terminal(
    monkeypatch: pytest.MonkeyPatch, watch: Callable[[Pilot], Awaitable[None]]
) -> None:
    """From now on there is one, and `watch` sits before it."""
    shown = ReplayApp.run_async
    monkeypatch.setattr(
        ReplayApp, "run_async", lambda app: shown(app, headless=True, auto_pilot=watch)
    )
    for stream in (sys.stdin, sys.stdout):
        monkeypatch.setattr(stream, "isatty", lambda: True, raising=False)


async def laugh_and_leave(pilot: Pilot) -> None:
    while not isinstance(pilot.app.screen, ReplayScreen):
        await pilot.pause(0.02)
    await pilot.press("1", "space")
    await pilot.press("q")


def test_who_watches_twice_makes_one_layer_and_somebody_else_another(
    replay: Replay, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    in_a_terminal(monkeypatch, laugh_and_leave)
    for _ in range(2):
        assert replay("cats", "--camera", "none") == (0, "")
    assert late_people(here) == 1
    with Store(here, read_only=True) as store:
        (own,) = layer_store.layers(store, "cats", SPAN)
    assert own.is_own and own.table[0].tolist() == row(0, HAPPY)
    assert replay("cats", "--source", "none", "--new-layer")[0] == 0
    assert late_people(here) == 2


def test_without_consent_nothing_is_read(
    replay: Replay, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def decline(pilot: Pilot) -> None:
        while not isinstance(pilot.app.screen, ConsentScreen):
            await pilot.pause(0.02)
        await pilot.press("n")

    in_a_terminal(monkeypatch, decline)
    code, said = replay("cats")
    assert code == 1 and "Without your consent nothing is read." in said
    assert late_people(here) == 0


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("dogs", "Nothing was ever recorded in 'dogs'"),
        ("cats --session 3", "There is no session 3: cats has 2 sessions."),
        ("cats --session 0", "session"),
        ("cats --camera none", "There is no terminal"),
        ("cats --offset soon", "no length of time"),
        ("cats --offset 3d", "begins after the recording has ended"),
        ("cats --export x.json", "There is no layer of that session"),
        ("cats --export x.json --import y.json", "exclude each other"),
        ("cats --with-room", "--with-room belongs to --export"),
        ("cats --import none.json", "none.json cannot be read"),
        ("cats --import .", "cannot be read"),
        ("cats --import here.sqlite", "no file of layers"),
        ("dogs --import cats.json", "is of the channel cats, not of dogs"),
        ("cats --import future.json", "has version 9"),
        ("cats --import damaged.json", "is damaged"),
        ("cats --session 2 --import cats.json", "is of another session of cats"),
        ("cats --session 9 --import cats.json", "There is no session 9"),
        ("cats --import cats.json --import damaged.json", "is damaged"),
    ],
)
def test_bad_input_is_one_line_and_a_hint(
    replay: Replay, here: Path, words: str, said: str
) -> None:
    mine(here, 1)
    replay("cats", "--export", "cats.json")
    text = Path("cats.json").read_text()
    Path("future.json").write_text(text.replace('"version":1', '"version":9'))
    Path("damaged.json").write_text(text.replace('"rows":[[0', '"rows":[[-1'))
    with Store(here) as store:
        layer_store.forget_own(store, "cats", SPAN)
    code, err = replay(*words.split())
    assert code == 2 and said in err
    assert late_people(here) == 0


def test_a_file_of_another_session_says_which_one_it_is(replay: Replay, here: Path) -> None:
    mine(here, 1)
    replay("cats", "--export", "cats.json")
    assert "--session 1" in replay("cats", "--session", "2", "--import", "cats.json")[1]


def test_where_a_file_cannot_be_written(replay: Replay, here: Path) -> None:
    mine(here, 1)
    code, err = replay("cats", "--export", "none/cats.json")
    assert code == 1 and "cannot be written" in err


def test_layers_of_a_second_session_stay_with_it(replay: Replay, here: Path) -> None:
    with Store(here) as store:
        table = as_table(row(t - 86_400, HAPPY) for t in range(5))
        layer_store.keep_own(store, "cats", name(7), table)
    assert replay("cats", "--export", "one.json")[0] == 2
    assert replay("cats", "--session", "2", "--export", "two.json")[0] == 0
