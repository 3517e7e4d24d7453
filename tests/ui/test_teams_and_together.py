"""Teams on the live screen, and the line about you and the room."""

from __future__ import annotations

from dataclasses import replace

from rich.cells import cell_len

from resonance_tui.protocol.rules import RoomRules
from resonance_tui.session.events import HappeningUpdate, SessionView
from resonance_tui.tui.widgets.bars import OWN
from resonance_tui.tui.widgets.event_line import EventLine

from .fakes import T0, view
from .test_live import app_with, drawn, shown

LINE = "you and the room: 64 % alike"


def in_teams() -> SessionView:
    first = view()
    teams = {1: (6, 0, 2, 0, 0, 0, 0, 0, 0)}
    host = replace(first.host, rules=RoomRules(teams=("red", "blue")))
    return replace(first, host=host, room=replace(first.room, teams=teams), together=LINE)


async def test_each_team_has_a_bar_and_one_too_small_has_none():
    app, session = app_with(in_teams())
    async with app.run_test(size=(120, 40)) as pilot:
        await shown(pilot, "too few")
        red, blue = (line for line in drawn(app).splitlines() if " red " in line or " blue" in line)
        assert "☺━" in red and "─━" in red and " 8 " in red
        assert "━" not in blue.split("blue")[1]
        assert LINE in drawn(app).splitlines()[-2]
        await pilot.press("t")
        await shown(pilot, "no team")
        await pilot.press("up", "enter")
        await pilot.pause()
    assert session.told == [("team", "blue")]


async def test_the_own_team_is_marked_and_no_other():
    app, _ = app_with(replace(in_teams(), team="blue"))
    async with app.run_test(size=(120, 40)) as pilot:
        await shown(pilot, "too few")
        red, blue = (line for line in drawn(app).splitlines() if " red " in line or " blue" in line)
        assert OWN in blue and OWN not in red


async def test_a_screen_without_room_for_teams_shows_the_room():
    app, _ = app_with(in_teams())
    async with app.run_test(size=(60, 15)) as pilot:
        await shown(pilot, "☺ happiness")
        assert "too few" not in drawn(app)


async def test_a_room_without_teams_says_so_and_a_short_evening_too():
    app, session = app_with(view())
    async with app.run_test(size=(120, 40), notifications=True) as pilot:
        await pilot.press("t")
        await shown(pilot, "no teams")
        await app.screen.run_action("save_summary")
        await shown(pilot, "Too little")
    assert session.told == []


def test_the_newest_happening_goes_before_the_line_about_you() -> None:
    event = HappeningUpdate(T0, "host", "a" * 60)
    line = EventLine()
    line._happenings, line._now, line._aside = (event, event), T0, LINE
    assert line._aside_cells(80) == 0 and line._texts(80)
    assert line._aside_cells(120) == cell_len(LINE) + 3 and len(line._texts(120)) == 1
