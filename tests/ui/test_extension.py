"""What one more row costs: a view, or a key, shows up wherever the others do."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC
from pathlib import Path

import pytest
from click.testing import CliRunner
from rich.console import Console
from textual.screen import Screen
from textual.widgets import Static

from resonance_tui.charting.image import draw_request
from resonance_tui.charting.lines import measured
from resonance_tui.charting.views import VIEWS, LegendEntry, Unit, ViewSpec
from resonance_tui.cli import cli
from resonance_tui.history.loading import Request
from resonance_tui.history.samples import Sample
from resonance_tui.history.store import Store
from resonance_tui.tui.actions import LIVE, Action, history_actions
from resonance_tui.tui.app import ResonanceApp
from resonance_tui.tui.screens.history import HistoryApp, HistoryScreen
from resonance_tui.tui.screens.live import LiveScreen
from resonance_tui.tui.widgets.keys import key_line

from .fakes import FakeLaunch, FakeSession, view
from .test_history import press, settled, text
from .test_live import drawn, shown

EVENING = 1_795_371_000
UNSURE = ViewSpec(
    "unsure",
    "viewers not read",
    "viewers not read",
    Unit.VIEWERS,
    lambda: measured(lambda recorded: recorded.track.others[:, None]),
    (LegendEntry("not read", "×", "X", "#ffffff"),),
)
WAVE = Action("wave", ("z",), "wave", "Wave", "Waves at everybody.", "Gestures")


@pytest.fixture
def database(tmp_path: Path) -> Path:
    path = tmp_path / "history.sqlite"
    with Store(path) as store:
        rows = [Sample("lobby", EVENING + t, 9, (5, 0, 0, 0, 0, 0, 0), 3, 1) for t in range(60)]
        store.append(rows)
    return path


@pytest.fixture
def one_more_view(monkeypatch: pytest.MonkeyPatch) -> ViewSpec:
    monkeypatch.setitem(VIEWS, UNSURE.name, UNSURE)
    return UNSURE


def test_one_more_view_can_be_chosen_and_drawn_on_the_command_line(
    one_more_view: ViewSpec, database: Path, tmp_path: Path
) -> None:
    asked = CliRunner().invoke(cli, ["history", "--help"])
    assert f"[{'|'.join(VIEWS)}]" in asked.output and "unsure" in VIEWS
    out = tmp_path / "room.svg"
    command = ["history", "lobby", "--view", "unsure", "--out", str(out)]
    env = {"RESONANCE_HISTORY_DATABASE": str(database)}
    done = CliRunner().invoke(cli, command, env=env)
    assert done.exit_code == 0, done.output
    assert one_more_view.title in out.read_text()
    assert "X  not read" in out.read_text()


def test_a_view_that_is_not_in_the_table_is_refused() -> None:
    done = CliRunner().invoke(cli, ["history", "lobby", "--view", "unsure"])
    assert done.exit_code == 2
    assert "'score'" in done.output


def test_one_more_view_is_a_picture(one_more_view: ViewSpec, database: Path) -> None:
    svg = draw_request(Request(database, "lobby", zone=UTC), "svg", view=one_more_view)
    assert b"viewers not read" in svg


async def test_one_more_view_is_on_the_screen(
    one_more_view: ViewSpec, database: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    app = HistoryApp(Request(database, "lobby", zone=UTC))
    async with app.run_test(size=(120, 40)) as pilot:
        await settled(pilot)
        await press(pilot, "V")
        assert text(app, "#title").endswith(" · viewers not read")
        assert text(app, "#legend").strip() == "× not read 4.0"
        assert "×" in text(app, "#chart")
        await press(pilot, "v", "V", "p")
        (toast,) = app._notifications
        assert toast.message.endswith("-unsure.png")
        await press(pilot, "question_mark")
        assert "viewers not read" in explained(app.screen)


def explained(screen: Screen) -> str:
    """The table of keys as text."""
    console = Console(width=100, color_system=None)
    with console.capture() as printed:
        console.print(screen.query_one(Static).content)
    return " ".join(printed.get().split())


class WavingLive(LiveScreen):
    waved = 0

    @classmethod
    def table(cls) -> Sequence[Action]:
        return (*LIVE, WAVE)

    def action_wave(self) -> None:
        self.waved += 1


class WavingHistory(HistoryScreen):
    waved = 0

    @classmethod
    def table(cls) -> Sequence[Action]:
        return (*history_actions(), WAVE)

    def action_wave(self) -> None:
        self.waved += 1


def commands(app: ResonanceApp | HistoryApp) -> list[str]:
    return [command.title for command in app.get_system_commands(app.screen)]


async def test_one_more_key_of_the_live_screen() -> None:
    app = ResonanceApp(FakeLaunch(channel=None))
    async with app.run_test(size=(120, 60)) as pilot:
        screen = WavingLive(FakeSession(view()))
        await app.push_screen(screen)
        await pilot.press("z")
        assert screen.waved == 1
        assert "z wave" in drawn(app)
        assert "Wave" in commands(app)
        await pilot.press("question_mark", "pagedown")
        await shown(pilot, "Gestures")
        assert "Waves at everybody." in drawn(app)


async def test_one_more_key_of_the_history_screen(database: Path) -> None:
    app = HistoryApp(Request(database, "lobby", zone=UTC))
    async with app.run_test(size=(140, 40)) as pilot:
        screen = WavingHistory(Request(database, "lobby", zone=UTC))
        await app.push_screen(screen)
        await press(pilot, "z")
        assert screen.waved == 1
        assert text(app, "#keys").endswith("z wave")
        assert "Wave" in commands(app)
        assert "Next view" in commands(app)
        await press(pilot, "question_mark")
        assert "z Waves at everybody." in explained(app.screen)


def test_whoever_ranks_highest_stays_on_a_narrow_key_bar() -> None:
    urgent = Action("urgent", ("u",), "urgent", "Urgent", "", "", rank=99)
    assert key_line(8, (*history_actions(), urgent)).plain == "u urgent"


async def test_the_palette_of_the_room_knows_the_history(database: Path) -> None:
    app = ResonanceApp(FakeLaunch(channel=None))
    async with app.run_test(size=(120, 40)) as pilot:
        await app.push_screen(HistoryScreen(Request(database, "lobby", zone=UTC)))
        await settled(pilot)
        assert {"Next view", "Save a picture"} <= set(commands(app))
        assert "Corrected or raw counts" not in commands(app)  # of no engine is it known
