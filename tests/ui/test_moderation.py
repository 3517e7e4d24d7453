"""The host's screen: who is there, what is odd about them, and every key."""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace

import pytest
from textual.pilot import Pilot
from textual.widgets import Input

from resonance_tui.errors import BrokerRefused
from resonance_tui.messaging.link_status import LinkState, LinkStatus
from resonance_tui.protocol.rules import NO_RULES, RoomRules
from resonance_tui.room.attendance import Attendee
from resonance_tui.room.moderation import ACTS, perform
from resonance_tui.room_keys import LoggedAct
from resonance_tui.tui.app import ResonanceApp
from resonance_tui.tui.screens.live import LiveScreen
from resonance_tui.tui.screens.moderation import ModerationScreen
from resonance_tui.tui.screens.moderation_dialogs import Ask, Confirm

from .fakes import FakeLaunch, FakeSession, view
from .test_live import drawn, shown

WIDE, NARROW = (120, 40), (60, 15)


def attendee(viewer_id: str, nickname: str = "", **more) -> Attendee:
    return Attendee(viewer_id, nickname, time.time() - 600, 12.0, **more)


class FakeDesk:
    """Applies acts to rules of its own."""

    channel = "movie-night"

    def __init__(self, *here: Attendee, is_courtesy: bool | None = False) -> None:
        self.here = list(here)
        self.is_courtesy = is_courtesy
        self.keeps_reports, self.sees_all = False, True
        self.trouble = self.why_lost = ""
        self.status = LinkStatus(LinkState.CONNECTED)
        self.rules: RoomRules = NO_RULES
        self.refuses: BrokerRefused | None = None
        self.done: list[tuple[str, str]] = []
        self.is_running = False

    def acts(self) -> list[LoggedAct]:
        return [LoggedAct(act.t, act.by, act.what, act.whom) for act in self.rules.acts]

    def attendees(self) -> list[Attendee]:
        rules = self.rules
        return [
            replace(
                each,
                is_muted=each.viewer_id in rules.muted,
                is_removed=each.viewer_id in rules.removed,
                is_host=each.viewer_id in rules.host_ids,
            )
            for each in self.here
        ]

    async def act(self, name: str, value: str = "", *, whom: str | None = None) -> RoomRules:
        if self.refuses:
            raise self.refuses
        self.done.append((name, value))
        self.rules = perform(self.rules, name, value, by="host", t=time.time(), whom=whom)
        return self.rules

    async def run(self) -> None:
        self.is_running = True
        try:
            await asyncio.Event().wait()
        finally:
            self.is_running = False


def app_with(desk: FakeDesk | None) -> ResonanceApp:
    return ResonanceApp(FakeLaunch(FakeSession(view()), desk=desk))


def three(**more) -> FakeDesk:
    people = (attendee("ben1", "Ben"), attendee("mia1", "Mia", is_simulated=True), attendee("x9"))
    return FakeDesk(*people, **more)


async def opened(pilot: Pilot) -> ModerationScreen:
    await shown(pilot, "#movie-night")
    await pilot.press("m")
    while not isinstance(pilot.app.screen, ModerationScreen):
        await pilot.pause(0.02)
    await shown(pilot, "a min")
    return pilot.app.screen


async def until(pilot: Pilot, is_so) -> None:
    while not is_so():
        await pilot.pause(0.02)


async def test_only_a_machine_with_the_rooms_key_has_the_hosts_screen():
    app = app_with(None)
    async with app.run_test(size=WIDE) as pilot:
        await shown(pilot, "#movie-night")
        assert "m host" not in drawn(app)
        await pilot.press("m")
        await pilot.pause()
        assert isinstance(app.screen, LiveScreen)
    desk = three()
    app = app_with(desk)
    async with app.run_test(size=WIDE) as pilot:
        await shown(pilot, "m host")
        assert not desk.is_running
        await opened(pilot)
        assert desk.is_running
    assert not desk.is_running


async def test_the_list_shows_who_they_are_and_what_is_odd():
    desk = three()
    desk.here[0] = replace(desk.here[0], doubts=("two programs write under this id",))
    app = app_with(desk)
    async with app.run_test(size=WIDE) as pilot:
        await opened(pilot)
        await shown(pilot, "Mia")
        text = drawn(app)
    for part in ("Ben", "ben1", "mia1", "anon-x9", "simulated", "⚠ two programs", "12", "3 here"):
        assert part in text


async def test_a_key_mutes_whoever_is_chosen_and_again_unmutes():
    desk = three()
    async with app_with(desk).run_test(size=WIDE) as pilot:
        await opened(pilot)
        await pilot.press("down", "m")
        await shown(pilot, "muted Mia (mia1)")
        assert desk.done == [("mute", "mia1")]
        await shown(pilot, "simulated, muted")
        await pilot.press("m")
        await until(pilot, lambda: desk.done[-1] == ("unmute", "mia1"))


@pytest.mark.parametrize(
    ("key", "done"),
    [
        ("n", ("hide-name", "ben1")),
        ("b", ("badge", "ben1")),
        ("l", ("lock", "")),
        ("N", ("nicknames", "off")),
    ],
)
async def test_every_other_key_does_its_act(key: str, done: tuple[str, str]):
    desk = three()
    async with app_with(desk).run_test(size=WIDE) as pilot:
        await opened(pilot)
        await pilot.press(key)
        await until(pilot, lambda: desk.done)
        assert desk.done == [done]


@pytest.mark.parametrize(
    ("key", "typed", "done"),
    [("s", "5", ("slow", "5")), ("t", "Cats", ("title", "Cats")), ("C", "Bye", ("close", "Bye"))],
)
async def test_acts_with_words_ask_for_them(key: str, typed: str, done: tuple[str, str]):
    desk = three()
    async with app_with(desk).run_test(size=WIDE) as pilot:
        await opened(pilot)
        await pilot.press(key)
        await until(pilot, lambda: isinstance(pilot.app.screen, Ask))
        await pilot.press("home", "shift+end", "delete", *typed, "enter")
        await until(pilot, lambda: desk.done)
        assert desk.done == [done]


async def test_a_question_is_asked_in_a_line_and_ended_with_the_same_key():
    desk = three()
    async with app_with(desk).run_test(size=WIDE, notifications=True) as pilot:
        await opened(pilot)
        for typed in ("Which map?|Dust", "Which map? | Dust | Mirage"):
            await pilot.press("a")
            await until(pilot, lambda: isinstance(pilot.app.screen, Ask))
            pilot.app.screen.query_one(Input).value = typed
            await pilot.press("enter")
        await until(pilot, lambda: desk.done)
        question = desk.rules.question
        assert question is not None
        assert (question.text, question.choices) == ("Which map?", ("Dust", "Mirage"))
        assert question.closes_at - time.time() == pytest.approx(120, abs=5)
        await shown(pilot, "2 to 8 answers, not 1")
        await shown(pilot, "asked: Which map?")
        await pilot.press("a")
        await until(pilot, lambda: isinstance(pilot.app.screen, Confirm))
        await pilot.press("y")
        await until(pilot, lambda: len(desk.done) == 2)
        assert desk.rules.question is not None
        assert not desk.rules.question.is_open(time.time() + 1)


async def test_nobody_is_muted_for_what_a_forger_wrote_without_both_being_seen():
    doubts = ("two programs write under this id", "was called I hate you")
    desk = FakeDesk(attendee("mia1", "Mia", doubts=doubts), is_courtesy=True)
    app = app_with(desk)
    async with app.run_test(size=WIDE) as pilot:
        await opened(pilot)
        await pilot.press("m")
        await until(pilot, lambda: isinstance(app.screen, Confirm))
        await shown(pilot, "was called I hate you")
        await shown(pilot, "nickname: Mia")
        await pilot.press("n")
        await until(pilot, lambda: isinstance(app.screen, ModerationScreen))
        assert desk.done == []
        await pilot.press("m")
        await until(pilot, lambda: isinstance(app.screen, Confirm))
        await pilot.press("y")
        await until(pilot, lambda: desk.done == [("mute", "mia1")])


async def test_removing_says_that_the_account_ends():
    desk = three(is_courtesy=False)
    app = app_with(desk)
    async with app.run_test(size=WIDE) as pilot:
        await opened(pilot)
        await pilot.press("x")
        await shown(pilot, "The account ends")
        await pilot.press("y")
        await until(pilot, lambda: desk.done == [("kick", "ben1")])


async def test_on_an_open_broker_the_host_is_told_what_moderation_is_worth():
    app = app_with(three(is_courtesy=True))
    async with app.run_test(size=WIDE) as pilot:
        await opened(pilot)
        await shown(pilot, "courtesy on this broker")
        await shown(pilot, "resonance-tui broker --public --channel movie-night")
    app = app_with(three(is_courtesy=False))
    async with app.run_test(size=WIDE) as pilot:
        await opened(pilot)
        assert "courtesy" not in drawn(app)


async def test_small_rooms_are_a_courtesy_where_the_broker_does_not_keep_reports_back():
    desk = three()
    desk.rules = RoomRules(least=5)
    app = app_with(desk)
    async with app.run_test(size=WIDE) as pilot:
        await opened(pilot)
        await shown(pilot, "counts from 5, by courtesy")
        desk.keeps_reports, desk.sees_all = True, False
        await shown(pilot, "counts from 5 ·")
        await shown(pilot, "this account does not see who is here")
        assert "courtesy" not in drawn(app)


async def test_what_was_refused_is_said():
    desk = three()
    desk.refuses = BrokerRefused("The broker does not let this login rule.", "Use another.")
    app = app_with(desk)
    async with app.run_test(size=WIDE) as pilot:
        await opened(pilot)
        await pilot.press("l")
        await until(pilot, lambda: list(app._notifications))
        (told,) = app._notifications
        assert "does not let this login rule" in told.message


async def test_the_cursor_stays_with_its_viewer_when_others_come():
    desk = three()
    async with app_with(desk).run_test(size=WIDE) as pilot:
        screen = await opened(pilot)
        await pilot.press("down")
        desk.here.insert(0, attendee("abc", "Abc"))
        await shown(pilot, "Abc")
        assert screen._chosen_id() == "mia1"


async def test_while_not_connected_that_stands_above():
    desk = three()
    desk.status, desk.why_lost = LinkStatus(LinkState.LOST), "nothing listens at localhost:1883"
    async with (app := app_with(desk)).run_test(size=WIDE) as pilot:
        await opened(pilot)
        await shown(pilot, "nothing listens at localhost:1883")
        assert " here" not in drawn(app), "nobody knows who is there"


@pytest.mark.parametrize("size", [NARROW, (40, 10), (200, 60)])
async def test_it_fits_every_terminal(size: tuple[int, int]):
    app = app_with(three(is_courtesy=True))
    async with app.run_test(size=size) as pilot:
        await opened(pilot)
        await shown(pilot, "Mia")
        await pilot.press("question_mark")
        await pilot.press("escape")
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(app.screen, LiveScreen))


async def test_nicknames_are_drawn_as_text_not_as_markup():
    app = app_with(FakeDesk(attendee("a1", "(b)", doubts=("was called [red]x[/red]",))))
    async with app.run_test(size=WIDE) as pilot:
        await opened(pilot)
        await shown(pilot, "[red]x[/red]")


def test_every_key_of_the_table_is_an_act_of_its_own():
    keys = [act.key for act in ACTS.values() if act.key]
    assert len(keys) == len(set(keys))
