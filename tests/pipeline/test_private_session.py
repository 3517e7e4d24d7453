"""A session whose reports are private: what leaves it, and where it does not begin."""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace
from itertools import cycle
from pathlib import Path

import pytest
from limits import Limit, within
from loopback import LoopbackHub, LoopbackLink

from resonance_tui.emotions import EMOTIONS, Emotion
from resonance_tui.errors import NotPrivate
from resonance_tui.pipeline.smoothing import Steady
from resonance_tui.pipeline.sources import Source
from resonance_tui.protocol.events import AnswerEvent, LeaveEvent, ReactionEvent, ReportEvent
from resonance_tui.protocol.frames import encode_room
from resonance_tui.protocol.messages import ROOM_SETTINGS
from resonance_tui.protocol.questions import Question
from resonance_tui.protocol.rules import RoomRules
from resonance_tui.protocol.urls import parse_broker_url
from resonance_tui.protocol.values import ABILITIES, CAN_QUESTIONS, PRIVATE, Report, RoomSettings
from resonance_tui.reaction_kinds import Reaction
from resonance_tui.room.state import EMPTY_ROOM
from resonance_tui.session import privacy, private_voice, self_report
from resonance_tui.session.core import Session
from resonance_tui.session.events import HostView
from resonance_tui.session.plan import SessionPlan
from resonance_tui.session.privacy import PrivacyPlan


@pytest.fixture(autouse=True)
def brisk(monkeypatch: pytest.MonkeyPatch) -> None:
    """Looks at the felt state without much waiting."""
    for module in (private_voice, self_report):
        monkeypatch.setattr(module, "SLOT_S", 0.015)
    monkeypatch.setattr(privacy, "RULES_WITHIN_S", 0.0)


@pytest.fixture
def hub() -> LoopbackHub:
    return LoopbackHub()


def announce(hub: LoopbackHub, abilities: frozenset[str]) -> None:
    settings = encode_room(RoomSettings(abilities=abilities))
    hub.carry(ROOM_SETTINGS.outgoing(settings, "room"))


def session(hub: LoopbackHub, folder: Path, **wishes: float) -> Session:
    plan = SessionPlan(
        channel="room",
        nickname="ann",
        viewer_id="ann",
        boot=int(time.time()),
        broker=parse_broker_url("mqtt://nowhere.invalid"),
        source=Source("none"),
        engine="static",
        data_dir=folder,
        privacy=PrivacyPlan(True, **wishes),
    )
    return Session(plan, connect=lambda *_: LoopbackLink(hub, "room", "ann"))


async def test_nothing_but_answers_leaves_and_a_spent_budget_ends_sharing(
    hub: LoopbackHub, tmp_path: Path
) -> None:
    announce(hub, ABILITIES)
    ann, ben = session(hub, tmp_path, budget=6.0), LoopbackLink(hub, "room", "ben")
    hub.attach(ben)
    reports: list[Report] = []
    left: list[LeaveEvent] = []
    running = asyncio.create_task(ann.run())
    moods = cycle(EMOTIONS)
    ends = Limit(8)
    while ann.view.is_sharing:
        assert not ends.ran_out(), "the budget never ended"
        code = next(moods)
        ann.say(Emotion.FEAR if code is Emotion.ANGER else None)
        ann._read(Steady(code, 0.9, (1 / 7,) * 7), {"total": 1.0})
        await asyncio.sleep(0.02)
        events = ben.drain()
        reports += [event.report for event in events if isinstance(event, ReportEvent)]
        left += [event for event in events if isinstance(event, LeaveEvent)]
    assert reports and {report.flags & ~8 for report in reports} == {PRIVATE}
    assert {report.confidence for report in reports} == {0}
    left += [event for event in ben.drain() if isinstance(event, LeaveEvent)]
    assert left and "budget is spent: 6 of 6" in ann.view.notice
    ann.set_sharing(True)
    assert not ann.view.is_sharing and ann.view.privacy is not None and ann.view.privacy.is_over
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


async def test_a_room_that_counts_no_private_reports_hears_nothing(
    hub: LoopbackHub, tmp_path: Path
) -> None:
    announce(hub, frozenset({"roll-call", "sweep"}))
    ann, ben = session(hub, tmp_path), LoopbackLink(hub, "room", "ben")
    hub.attach(ben)
    with pytest.raises(NotPrivate, match="does not understand"):
        await ann.run()
    assert not any(isinstance(event, ReportEvent) for event in ben.drain())


async def test_a_room_with_less_privacy_than_is_accepted_hears_nothing(
    hub: LoopbackHub, tmp_path: Path
) -> None:
    announce(hub, ABILITIES)
    ann, ben = session(hub, tmp_path, most_epsilon=1.0), LoopbackLink(hub, "room", "ben")
    hub.attach(ben)
    with pytest.raises(NotPrivate, match="epsilon 2 here, more than the 1"):
        await ann.run()
    assert not any(isinstance(event, ReportEvent) for event in ben.drain())


async def test_while_nothing_is_shared_yet_no_key_shares_anything_either(
    hub: LoopbackHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(privacy, "RULES_WITHIN_S", 60.0)
    announce(hub, ABILITIES)
    ann, ben = session(hub, tmp_path), LoopbackLink(hub, "room", "ben")
    hub.attach(ben)
    running = asyncio.create_task(ann.run())
    async with within(8):
        while not ann._room.offers(CAN_QUESTIONS):
            await asyncio.sleep(0.02)
    question = Question(1, "Which map?", ("Dust", "Mirage"), int(time.time()) + 60)
    ann._shown.change(host=HostView(rules=RoomRules(question=question)))
    assert "share nothing" in ann.react(Reaction.HEART)
    assert "Nothing of you is shared" in ann.answer_question(1)
    heard = [each for each in ben.drain() if isinstance(each, AnswerEvent | ReactionEvent)]
    assert not heard and ann.view.choice is None
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


def test_who_reports_privately_is_not_taken_out_of_the_others(
    hub: LoopbackHub, tmp_path: Path
) -> None:
    ann, seen = session(hub, tmp_path), []
    ann._shown.change(me=replace(ann.view.me, state="ok", code=Emotion.HAPPINESS))
    ann._news._together.take = lambda own, others, now: seen.append(list(others))
    ann._news._compare(replace(EMPTY_ROOM, viewers=3, counts=(3, *[0] * 6)), 1.0)
    assert seen == [[3, *[0] * 6]]
