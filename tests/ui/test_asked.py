"""A host's question on the live screen: bars for all, a digit to answer."""

from __future__ import annotations

import time
from dataclasses import replace

import pytest
from rich.cells import cell_len
from rich.style import Style
from textual.pilot import Pilot

from resonance_tui.protocol.asides import Answers
from resonance_tui.protocol.questions import Question
from resonance_tui.protocol.rules import RoomRules
from resonance_tui.session import SessionView
from resonance_tui.session.events import HostView, OwnChoice
from resonance_tui.tui.actions import bar_entries, host_actions
from resonance_tui.tui.app import ResonanceApp
from resonance_tui.tui.screens.answer import AnswerDialog
from resonance_tui.tui.screens.live import LiveScreen
from resonance_tui.tui.styles import Styles
from resonance_tui.tui.widgets.bars import Bars
from resonance_tui.tui.widgets.question_bars import OWN, Asked, QuestionBars, _in_one_line, asked

from .fakes import FakeLaunch, FakeSession, view
from .test_flow import until
from .test_live import shown

PLAIN = Style(color="white", bgcolor="black")
PEN = Styles(PLAIN, PLAIN, PLAIN, PLAIN, PLAIN, PLAIN, PLAIN)
NOW = time.time()
MAPS = Question(100, "Which map?", ("Dust", "Mirage"), int(NOW) + 900)


def seen(question: Question = MAPS, counts: tuple[int, ...] = (3, 5)) -> SessionView:
    found = view()
    return replace(
        found,
        host=HostView(RoomRules(question=question)),
        room=replace(found.room, answers=Answers(question.id, counts)),
    )


def test_what_is_asked_has_its_counts_and_the_own_answer() -> None:
    shown = asked(replace(seen(), choice=OwnChoice(100, 2)), NOW)
    assert shown == Asked(MAPS, (3, 5), 900, 2) or (shown is not None and shown.left_s >= 899)
    assert asked(replace(seen(), choice=OwnChoice(99, 2)), NOW) != shown
    assert asked(view(), NOW) is None


def test_a_result_stays_a_minute_after_the_end() -> None:
    over = replace(MAPS, closes_at=int(NOW) - 30)
    shown = asked(seen(over), NOW)
    assert shown is not None
    assert shown.left_s == 0
    assert asked(seen(replace(MAPS, closes_at=int(NOW) - 61)), NOW) is None


def test_counts_of_another_question_are_not_taken_for_these() -> None:
    other = replace(seen(), room=replace(view().room, answers=Answers(99, (3, 5))))
    shown = asked(other, NOW)
    assert shown is not None
    assert shown.counts == (0, 0)


def text_of(app: ResonanceApp) -> str:
    bars = app.screen.query_one(QuestionBars)
    lines = [bars.render_line(y) for y in range(bars.size.height)]
    return "\n".join("".join(segment.text for segment in line) for line in lines)


async def opened(app: ResonanceApp, pilot: Pilot) -> None:
    await until(pilot, lambda: isinstance(app.screen, LiveScreen))
    await until(pilot, lambda: app.screen.query_one(QuestionBars).display)


@pytest.mark.parametrize(("size", "rows"), [((120, 40), 3), ((60, 15), 1)])
async def test_a_question_is_shown_and_a_digit_answers_it(size: tuple[int, int], rows: int) -> None:
    session = FakeSession(seen())
    app = ResonanceApp(FakeLaunch(channel="cats", session=session))
    async with app.run_test(size=size) as pilot:
        await opened(app, pilot)
        await until(pilot, lambda: app.screen.query_one(QuestionBars).size.height == rows)
        for word in ("Which map?", "Dust", "Mirage", "3", "5"):
            assert word in text_of(app)
        await pilot.press("a")
        await until(pilot, lambda: isinstance(app.screen, AnswerDialog) and app.screen.is_mounted)
        await pilot.press("2")
        await until(pilot, lambda: isinstance(app.screen, LiveScreen))
        assert session.told == [("answer question", 2)]


async def test_the_panel_closes_when_the_question_is_over() -> None:
    session = FakeSession(seen())
    app = ResonanceApp(FakeLaunch(channel="cats", session=session))
    async with app.run_test(size=(80, 24)) as pilot:
        await opened(app, pilot)
        await pilot.press("a")
        await until(pilot, lambda: isinstance(app.screen, AnswerDialog) and app.screen.is_mounted)
        session.view = seen(replace(MAPS, closes_at=1))
        await until(pilot, lambda: isinstance(app.screen, LiveScreen))
        await pilot.press("a")
        assert isinstance(app.screen, LiveScreen)
        assert session.told == []


async def test_who_came_without_the_hosts_link_hears_why_nothing_is_asked() -> None:
    stranger = replace(view(), host=HostView(shown_key=b"k" * 32))
    app = ResonanceApp(FakeLaunch(FakeSession(stranger)))
    async with app.run_test(size=(100, 34), notifications=True) as pilot:
        await until(pilot, lambda: isinstance(app.screen, LiveScreen))
        await pilot.press("a")
        await shown(pilot, "vouches")


@pytest.mark.parametrize("width", [60, 80, 100, 120])
def test_a_hosts_key_bar_says_how_to_ask(width: int) -> None:
    shown = [f"{entry.keys} {entry.label}" for entry in bar_entries(host_actions(), width - 1, 2)]
    assert "a ask" in shown
    assert {"m mute", "x remove", "? help", "Esc back"} <= set(shown)


@pytest.mark.parametrize("count", [2, 5, 8])
def test_one_line_has_every_figure_and_marks_the_own_answer(count: int) -> None:
    choices = tuple(f"The way {number} of going on" for number in range(count))
    question = Question(1, "Which of them do you like best?", choices, 2**40)
    counts = tuple(range(20, 20 + count))
    for width in (60, 80, 120):
        line = _in_one_line(PEN, Asked(question, counts, 9, own=2), width)
        said = "".join(segment.text for segment in line)
        assert cell_len(said) <= width
        assert all(f"{number}" in said for number in counts)
        assert f"21{OWN}" in said


async def test_a_notice_is_seen_while_the_hosts_prompt_has_its_line() -> None:
    rules = RoomRules(prompt="Look at the cat")
    session = FakeSession(replace(view(), host=HostView(rules), notice=""))
    app = ResonanceApp(FakeLaunch(channel="cats", session=session))
    async with app.run_test(size=(120, 40), notifications=True) as pilot:
        await shown(pilot, "Look at the cat")
        session.view = replace(session.view, notice="Your answer does not count [here]")
        await shown(pilot, "Your answer does not count [here]")
        await shown(pilot, "Look at the cat")


@pytest.mark.parametrize("height", [24, 30, 40])
@pytest.mark.parametrize("count", [2, 3, 5, 8])
async def test_many_answers_leave_the_room_its_bars(count: int, height: int) -> None:
    many = replace(MAPS, choices=tuple(f"answer {number}" for number in range(count)))
    app = ResonanceApp(FakeLaunch(FakeSession(seen(many, (1,) * count))))
    async with app.run_test(size=(80, height)) as pilot:
        await until(pilot, lambda: app.screen.query_one(QuestionBars).display)
        await pilot.pause()
        assert app.screen.query_one(Bars).size.height >= 4
