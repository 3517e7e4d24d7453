"""The history screen's keys that write: marks, the session's title, and a note."""

from __future__ import annotations

from datetime import UTC
from pathlib import Path

import pytest
from textual.pilot import Pilot
from textual.widgets import Input

from resonance_tui.charting.image import draw_request
from resonance_tui.history.about import keep_title
from resonance_tui.history.loading import Request
from resonance_tui.history.marks import add_mark, marks
from resonance_tui.history.questions import KeptQuestion, keep_question
from resonance_tui.history.reactions import keep_reactions
from resonance_tui.history.samples import Sample
from resonance_tui.history.store import Store
from resonance_tui.protocol.questions import Question
from resonance_tui.tui.screens.dialogs import TextDialog
from resonance_tui.tui.screens.history import HistoryApp, HistoryScreen

from .test_history import EVENING, felt, press, settled, text


@pytest.fixture
def database(tmp_path: Path) -> Path:
    path = tmp_path / "history.sqlite"
    with Store(path) as store:
        store.append(
            Sample("lobby", EVENING + second, 13, felt(second), 1, 0) for second in range(900)
        )
    return path


@pytest.fixture
def app(database: Path) -> HistoryApp:
    return HistoryApp(Request(database, "lobby", zone=UTC))


def marked(database: Path) -> list[tuple[float, str]]:
    with Store(database, read_only=True) as store:
        return [(each.t, each.text) for each in marks(store, "lobby", 0, 1 << 40)]


async def typed(pilot: Pilot[None], key: str, text: str) -> None:
    """A key that opens a line to type, and what is typed in place of what is there."""
    await pilot.press(key)
    while not isinstance(pilot.app.screen, TextDialog):
        await pilot.pause(0.02)
    pilot.app.screen.query_one(Input).value = text
    await pilot.press("enter")
    while isinstance(pilot.app.screen, TextDialog):
        await pilot.pause(0.02)
    await settled(pilot)


@pytest.mark.parametrize("size", [(80, 24), (60, 15)])
async def test_a_mark_is_made_changed_and_taken_away(
    app: HistoryApp, database: Path, size: tuple[int, int]
) -> None:
    async with app.run_test(size=size) as pilot:
        await settled(pilot)
        await pilot.press("k")  # without a cursor there is no place for it
        await settled(pilot)
        assert isinstance(app.screen, HistoryScreen)
        await press(pilot, "right")
        await typed(pilot, "k", "the cat falls")
        ((at, words),) = marked(database)
        assert words == "the cat falls"
        await pilot.press("escape")
        assert isinstance(app.screen, HistoryScreen)
        chart_request = app.screen._chart_request
        assert chart_request is not None
        place = [each.t for each in chart_request.points].index(at)
        await press(pilot, *["m"] * (place + 1))
        assert "the cat falls" in text(app, "#reading")
        await typed(pilot, "k", "it falls")
        assert marked(database) == [(at, "it falls")]
        await press(pilot, "escape", *["m"] * (place + 1))
        await typed(pilot, "k", "")
        assert marked(database) == []


async def test_a_title_stands_in_the_header_and_a_note_is_kept(
    app: HistoryApp, database: Path
) -> None:
    async with app.run_test(size=(120, 30)) as pilot:
        await settled(pilot)
        await typed(pilot, "t", "Cats, part two")
        assert "Cats, part two" in text(app, "#title")
        await typed(pilot, "n", "no sound")
        await pilot.press("s")
        await settled(pilot)
    with Store(database, read_only=True) as store:
        span = store.sessions("lobby")[-1]
    assert (span.title, span.note) == ("Cats, part two", "no sound")


async def test_a_copy_of_a_sheet_is_not_written_to(database: Path) -> None:
    app = HistoryApp(Request(database, "lobby", zone=UTC, is_copy=True))
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        await pilot.press("right", "k", "t", "n")
        await settled(pilot)
        assert isinstance(app.screen, HistoryScreen)


async def test_marks_of_a_session_are_in_its_picture(database: Path) -> None:
    with Store(database) as store:
        (*_, span) = store.sessions("lobby")
        add_mark(store, "lobby", span.start + 60, "the $cat$ falls")
        keep_title(store, "lobby", span, "Cats")
    picture = draw_request(Request(database, "lobby", zone=UTC), "svg").decode()
    assert "the $cat$ falls" in picture and "lobby · Cats · " in picture


async def test_what_was_asked_and_sent_has_a_line_of_its_own(
    app: HistoryApp, database: Path
) -> None:
    maps = Question(9, "Which map?", ("Dust", "Mirage"), EVENING + 400)
    with Store(database) as store:
        keep_question(store, "lobby", KeptQuestion(EVENING + 300, maps, (3, 5)))
        keep_reactions(store, "lobby", EVENING + 10, (2, 0, 0, 0, 0, 0, 0, 0))
        keep_reactions(store, "lobby", EVENING + 700, (1, 0, 4, 0, 0, 0, 0, 0))
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        assert text(app, "#together") == "≋ 3  ♥ 4  ? Which map? Dust 3, Mirage 5"
        assert isinstance(app.screen, HistoryScreen)
        app.screen._go(lambda state: state.point(EVENING + 10))
        assert text(app, "#together") == "≋ 2"
        app.screen._go(lambda state: state.point(EVENING + 500))
        assert not app.screen.query_one("#together").display


async def test_a_recording_without_questions_and_reactions_has_no_line_for_them(
    app: HistoryApp,
) -> None:
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        assert not app.screen.query_one("#together").display
