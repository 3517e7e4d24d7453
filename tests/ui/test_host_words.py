"""What the room's host does shows on the live screen, and what one may do for oneself."""

from __future__ import annotations

from dataclasses import replace

from resonance_tui.room.trust import Trust
from resonance_tui.session.events import HostView, Standing
from resonance_tui.signing import short_print
from resonance_tui.tui.screens.mute_here import MuteHere
from resonance_tui.tui.widgets.roster import HOST_MARK

from .fakes import own_row, snapshot, view, viewer
from .test_extension import commands
from .test_live import WIDE, app_with, drawn, shown

MIA = replace(viewer(1, 0.0), viewer_id="mia", nickname="Mia", is_simulated=False)
ACCEPT = "Accept the other host key"
BOB = replace(MIA, viewer_id="bob", nickname="Bob")


def seen(**host):
    people = snapshot([own_row(), MIA, BOB])
    return view(room=people, host=HostView(**host))


async def test_who_is_muted_or_locked_out_reads_it_as_long_as_it_holds():
    app, session = app_with(seen(standing=Standing.MUTED))
    async with app.run_test(size=WIDE) as pilot:
        await shown(pilot, "The host muted you: nobody sees or counts you.")
        assert "not counted" in drawn(app) and "sharing" not in drawn(app)
        session.view = seen(standing=Standing.LOCKED_OUT)
        await shown(pilot, "The room is locked: you see it, and nobody counts you.")
        session.view = seen()
        await shown(pilot, "lucky-heron")
        while "locked" in drawn(app):
            await pilot.pause(0.02)


async def test_a_changed_host_key_is_shown_and_can_be_accepted():
    other = bytes(32)
    app, session = app_with(seen(trust=Trust.CHANGED, shown_key=other))
    async with app.run_test(size=(160, 40)) as pilot:
        await shown(pilot, f"Another host key than before, {short_print(other)}: ask the host")
        await pilot.resize_terminal(60, 15)
        await shown(pilot, "another host key (Ctrl+P)")
        assert ACCEPT in commands(app)
        await app.run_action("screen.accept_host_key")
        assert session.told == ["accept"]
        await app.run_action("screen.accept_host_key")
        assert session.told == ["accept"]


async def test_only_another_host_key_can_be_accepted():
    app, session = app_with(seen())
    async with app.run_test(size=WIDE) as pilot:
        await shown(pilot, "lucky-heron")
        assert ACCEPT not in commands(app), "one slip in the palette is not a decision"
        await app.run_action("screen.accept_host_key")
        assert session.told == []


async def test_a_host_has_a_badge_and_a_film_a_mark():
    rows = [own_row(), replace(MIA, is_host=True), replace(BOB, is_film=True)]
    app, _ = app_with(view(room=snapshot(rows)))
    async with app.run_test(size=WIDE) as pilot:
        await shown(pilot, HOST_MARK)
        lines = drawn(app).splitlines()
    assert HOST_MARK in next(line for line in lines if "Mia" in line)
    assert "vid" in next(line for line in lines if "Bob" in line)


async def test_nicknames_are_hidden_and_shown_by_a_key():
    app, session = app_with(seen())
    async with app.run_test(size=WIDE) as pilot:
        await shown(pilot, "lucky-heron")
        await pilot.press("x")
        await pilot.press("x")
        assert session.told == [("hide", True), ("hide", False)]


async def test_somebody_is_muted_for_oneself_and_shown_again_under_the_same_name():
    app, session = app_with(seen())
    async with app.run_test(size=WIDE) as pilot:
        await shown(pilot, "Mia")
        await pilot.press("u")
        await shown(pilot, "Mute for you alone")
        assert isinstance(app.screen, MuteHere)
        await pilot.press("down", "enter")
        assert session.told == [("mute", "mia", True)]
        await pilot.press("u")
        await shown(pilot, "Mia · muted: show again")
        await pilot.press("home", "enter")
        assert session.told[-1] == ("mute", "mia", False)


async def test_alone_there_is_nobody_to_mute():
    app, session = app_with(view(room=snapshot([own_row()])))
    async with app.run_test(size=WIDE) as pilot:
        await pilot.press("u")
        await shown(pilot, "Nobody else is here.")
        await pilot.press("enter", "escape")
        assert session.told == []
