"""Questions, reactions and teams in a large room: a simulated crowd, an aggregator, a viewer."""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from crowds import CHANNEL, QUICK, aggregating, aggregator
from limits import until
from seats import publish
from test_aggregator import session

from resonance_tui.protocol.frames import encode_host_key, encode_room, encode_rules
from resonance_tui.protocol.messages import HOST_KEY, ROOM_SETTINGS, RULES
from resonance_tui.protocol.questions import Question
from resonance_tui.protocol.rules import RoomRules, sign_rules
from resonance_tui.protocol.urls import parse_broker_url
from resonance_tui.protocol.values import ABILITIES
from resonance_tui.room.authority import Authority
from resonance_tui.session.plan import KnownHost
from resonance_tui.signing import SigningKey
from resonance_tui.simulation import answers, behaviour
from resonance_tui.simulation.crowd import SimulatedCrowd
from resonance_tui.simulation.simulated_connection import find_route

pytestmark = pytest.mark.mosquitto
CROWD = 60


async def test_a_crowd_in_a_large_room_answers_reacts_and_joins_teams(
    mosquitto: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(answers, "SOONEST_S", 0.0)
    monkeypatch.setattr(answers, "LATEST_S", 0.5)
    monkeypatch.setattr(behaviour, "REACTS", 1.0)
    monkeypatch.setattr("resonance_tui.simulation.crowd._ARRIVE_WITHIN_S", 0.5)
    key, now = SigningKey.generate(), int(time.time())
    rules = RoomRules(
        question=Question(now, "Which map?", ("Dust", "Mirage"), now + 900), teams=("red", "blue")
    )
    signed = sign_rules(rules, CHANNEL, 1, now + 999, key)
    settings = encode_room(replace(QUICK, abilities=ABILITIES))
    publish(mosquitto, ROOM_SETTINGS.topic.of(CHANNEL), settings, retain=True)
    publish(mosquitto, HOST_KEY.topic.of(CHANNEL), encode_host_key(key.public), retain=True)
    publish(mosquitto, RULES.topic.of(CHANNEL, "host"), encode_rules(signed), retain=True)

    url = parse_broker_url(mosquitto.url)
    counting = aggregator(mosquitto, authority=Authority(CHANNEL, remembered=key.public))
    people = SimulatedCrowd(
        *(await find_route(url, 5), CHANNEL, CROWD, 7),
        connections=2,
        stay_s=900,
        reacts=lambda: True,
        question=lambda: rules.question if people.alive == CROWD else None,
        teams=lambda: 2,
    )
    ann = session(mosquitto, tmp_path, known_host=KnownHost(key.public, 1))
    async with aggregating(counting), asyncio.TaskGroup() as tasks:
        runs = [tasks.create_task(people.run()), tasks.create_task(ann.run())]
        await until(lambda: ann.view.room.is_total and ann.view.room.viewers == CROWD + 1)
        await until(lambda: sum(map(sum, ann.view.room.teams.values())) > CROWD / 2)
        await until(lambda: sum(ann.view.room.answers.counts if ann.view.room.answers else ()) > 45)
        await until(lambda: sum(ann.view.room.reactions) > 5)
        assert ann.answer_question(2) == ""
        before = ann.view.room.answers
        await until(lambda: ann.view.room.answers != before)
        assert set(ann.view.room.teams) == {1, 2}
        for run in runs:
            run.cancel()
    await people.leave()
