"""The palette of reactions on the live screen."""

from __future__ import annotations

import pytest

from resonance_tui.reaction_kinds import Reaction
from resonance_tui.tui.screens.live import FLOATING, LiveScreen
from resonance_tui.tui.widgets.reactions import rail_text

from .fakes import view
from .test_live import app_with, drawn, shown


async def test_the_palette_sends_with_one_key_and_gives_the_keys_back_when_it_is_closed():
    app, session = app_with(view())
    async with app.run_test(size=(120, 40)) as pilot:
        await pilot.press("y")
        await shown(pilot, "8 ▼ boo")
        await pilot.press("1", "8", "1")
        await shown(pilot, "≋ 2")
        assert session.told == [("react", kind) for kind in (0, 7, 0)]
        assert isinstance(app.screen, LiveScreen)
        await pilot.press("escape", "1")
        await shown(pilot, "q quit")
        assert session.told[-1] == ("say", 0) and "8 ▼ boo" not in drawn(app)


async def test_why_nothing_is_sent_is_said_and_other_keys_do_what_they_do():
    app, session = app_with(view())
    session.refusal = "Two a second is the most."
    async with app.run_test(size=(120, 40), notifications=True) as pilot:
        await pilot.press("y", "2")
        await shown(pilot, "Two a second")
        await pilot.press("c")
        assert session.told[-1] == ("camera", False)


async def test_keys_that_are_held_down_are_told_once_that_it_is_too_fast() -> None:
    app, session = app_with(view())
    session.refusal = "Two a second is the most."
    async with app.run_test(size=(120, 40), notifications=True) as pilot:
        await pilot.press("y", *"12121212")
        await shown(pilot, "Two a second")
        assert len(session.told) == 8
        assert drawn(app).count("Two a second") == 1


@pytest.mark.parametrize(("size", "there"), [((60, 15), True), ((40, 12), False)])
async def test_a_small_screen_keeps_its_place_for_the_room(size: tuple[int, int], there: bool):
    app, _ = app_with(view())
    async with app.run_test(size=size) as pilot:
        assert not app.screen.has_class(FLOATING)
        await pilot.press("y", "3")
        await shown(pilot, "3♥")
        assert app.screen.has_class(FLOATING)
        assert app.screen.query_one("#rail").display == there


def test_the_rail_says_how_many_in_few_cells() -> None:
    assert rail_text(None, 6) == "" and rail_text((Reaction.HEART, 1), 3) == "♥  "
    assert rail_text((Reaction.BOO, 10**9), 6) == "▼ 999 "
