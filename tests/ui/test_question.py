"""What a session asks while one is in the room."""

from __future__ import annotations

from dataclasses import replace

import pytest
from textual.pilot import Pilot
from textual.widgets import Static

from resonance_tui.session.network_failover import question
from resonance_tui.tui.app import ResonanceApp
from resonance_tui.tui.screens.live import LiveScreen
from resonance_tui.tui.screens.question import QuestionDialog

from .fakes import FakeLaunch, FakeSession, view
from .test_flow import until

SIZES = [(120, 40), (60, 15)]


async def asked(app: ResonanceApp, pilot: Pilot, session: FakeSession) -> None:
    await until(pilot, lambda: isinstance(app.screen, LiveScreen))
    session.view = replace(session.view, question=question("192.168.1.5"))
    await until(pilot, lambda: isinstance(app.screen, QuestionDialog) and app.screen.is_mounted)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize(("key", "yes"), [("y", True), ("n", False), ("escape", False)])
async def test_a_question_is_asked_once_and_its_answer_goes_to_the_session(
    size: tuple[int, int], key: str, yes: bool
) -> None:
    session = FakeSession(view())
    app = ResonanceApp(FakeLaunch(channel="cats", session=session))
    async with app.run_test(size=size) as pilot:
        await asked(app, pilot, session)
        assert "192.168.1.5" in str(app.screen.query_one(Static).render())
        assert all(button.region.bottom <= size[1] for button in app.screen.query("Button"))
        await pilot.press(key)
        await until(pilot, lambda: isinstance(app.screen, LiveScreen))
        assert session.told == [("answer", yes)]


async def test_a_question_that_is_no_longer_asked_closes_by_itself() -> None:
    session = FakeSession(view())
    app = ResonanceApp(FakeLaunch(channel="cats", session=session))
    async with app.run_test() as pilot:
        await asked(app, pilot, session)
        session.view = replace(session.view, question=None)
        await until(pilot, lambda: isinstance(app.screen, LiveScreen))
        assert not session.told
