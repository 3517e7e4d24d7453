"""Whole sessions: real broker, two people in one room."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from limits import until
from loopback import LoopbackHub, LoopbackLink
from whole_sessions import living, names, plan

from resonance_tui.emotions import Emotion
from resonance_tui.messaging.link_status import LinkState
from resonance_tui.pipeline.smoothing import Steady
from resonance_tui.pipeline.sources import Source
from resonance_tui.protocol.events import ReportEvent
from resonance_tui.protocol.urls import BrokerUrl
from resonance_tui.session.core import Session

pytestmark = pytest.mark.mosquitto


async def test_what_one_says_the_other_sees(quiet: Callable[[str], Session]) -> None:
    ann, ben = quiet("ann"), quiet("ben")
    async with living(ann, ben):
        await until(lambda: names(ben) == ["ann", "ben"] == names(ann))
        assert ben.view.room.away == 2
        ann.say(Emotion.SURPRISE)
        await until(lambda: ben.view.room.counts[Emotion.SURPRISE] == 1)
        row = next(row for row in ben.view.room.rows if row.nickname == "ann")
        assert row.is_manual and not row.is_simulated
        ann.say(None)
        await until(lambda: ben.view.room.away == 2)


async def test_one_who_leaves_is_gone_at_once(quiet: Callable[[str], Session]) -> None:
    ann, ben = quiet("ann"), quiet("ben")
    async with living(ann):
        async with living(ben):
            await until(lambda: ann.view.room.viewers == 2)
        await until(lambda: ann.view.room.viewers == 1, 2)


async def test_not_sharing_leaves_the_room_and_comes_back(quiet: Callable[[str], Session]) -> None:
    ann, ben = quiet("ann"), quiet("ben")
    async with living(ann, ben):
        await until(lambda: ben.view.room.viewers == 2)
        ann.set_sharing(False)
        await until(lambda: names(ben) == ["ben"], 2)
        assert ann.view.me.state == "paused"
        ann.say(Emotion.ANGER)
        await asyncio.sleep(1.5)
        assert ben.view.room.viewers == 1
        ann.set_sharing(True)
        await until(lambda: "ann" in names(ben), 3)


async def test_the_room_hears_nothing_of_what_was_read_while_nothing_was_shared(
    quiet: Callable[[str], Session], monkeypatch: pytest.MonkeyPatch
) -> None:
    hub = LoopbackHub()
    ann, ben = quiet("ann"), LoopbackLink(hub, "room", "ben")
    monkeypatch.setattr(ann, "_connect", lambda *_: LoopbackLink(hub, "room", "ann"))
    hub.attach(ben)

    def heard() -> list[Emotion]:
        return [e.report.code for e in ben.drain() if isinstance(e, ReportEvent)]

    def read(code: Emotion) -> None:
        ann._read(Steady(code, 0.9, (1 / 7,) * 7), {"total": 1.0})

    async with living(ann):
        await until(lambda: ann.view.link.state is LinkState.CONNECTED)
        read(Emotion.ANGER)
        await until(lambda: Emotion.ANGER in heard())
        ann.set_sharing(False)
        read(Emotion.FEAR)
        assert ann.view.me.code is Emotion.FEAR  # the own panel goes on
        ann.set_sharing(True)
        await asyncio.sleep(1.5)
        assert set(heard()) == {Emotion.AWAY}
        read(Emotion.HAPPINESS)
        await until(lambda: Emotion.HAPPINESS in heard())


async def test_an_observer_sees_and_is_not_seen(
    quiet: Callable[[str], Session], broker: BrokerUrl, tmp_path: Path
) -> None:
    ann = quiet("ann")
    watcher = Session(replace(plan(broker, Source("none"), tmp_path), observe_only=True))
    async with living(ann, watcher):
        await until(lambda: names(watcher) == ["ann"])
        await asyncio.sleep(0.5)
        assert ann.view.room.viewers == 1


async def test_others_see_a_new_nickname_at_once_and_none_while_nothing_is_shared(
    quiet: Callable[[str], Session],
) -> None:
    ann, ben = quiet("ann"), quiet("ben")
    async with living(ann, ben):
        await until(lambda: names(ben) == ["ann", "ben"] == names(ann))
        ann.set_nickname("zoe")
        await until(lambda: names(ben) == ["ben", "zoe"] == names(ann))
        assert ann.view.nickname == "zoe"
        ann.set_sharing(False)
        await until(lambda: names(ben) == ["ben"])
        ann.set_nickname("mia")
        ann.set_sharing(True)
        await until(lambda: names(ben) == ["ben", "mia"])
        ann.set_nickname("")
        await until(lambda: sorted(names(ben)) == ["", "ben"])
