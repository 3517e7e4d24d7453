"""A broker whose access rules know neither answers nor reactions: who sends some is told."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from limits import until
from machine import Mosquitto

from resonance_tui.messaging.client import broker_client
from resonance_tui.messaging.link import MqttLink
from resonance_tui.pipeline.sources import Source
from resonance_tui.protocol.frames import encode_room, encode_rules
from resonance_tui.protocol.messages import ANSWER, REACTION, ROOM_SETTINGS, RULES
from resonance_tui.protocol.questions import Question
from resonance_tui.protocol.rules import RoomRules, sign_rules
from resonance_tui.protocol.urls import BrokerUrl, parse_broker_url
from resonance_tui.protocol.values import ABILITIES, RoomSettings
from resonance_tui.reaction_kinds import Reaction
from resonance_tui.session import echoes
from resonance_tui.session.core import Session
from resonance_tui.session.echoes import dropped_words
from resonance_tui.session.plan import SessionPlan
from resonance_tui.signing import SigningKey, print_of

pytestmark = pytest.mark.mosquitto

HOST = SigningKey.from_private(bytes([1] * 32))
ROOM, OLD = "cats", ("r", "n", "room", "call", "total", "host", "rules")
MAPS = Question(1, "Which map?", ("Dust", "Mirage"), int(time.time()) + 900)


@pytest.fixture
def old_broker(tmp_path: Path) -> Iterator[Mosquitto]:
    rules = tmp_path / "access.acl"
    topics = [f"topic readwrite resonance/1/+/{each}/#" for each in OLD]
    rules.write_text("\n".join([*topics, ""]))
    broker = Mosquitto(tmp_path, ("allow_anonymous true", f"acl_file {rules}"))
    broker.start()
    yield broker
    broker.stop()


async def ask(url: BrokerUrl, version: int) -> None:
    """As a host does who knows questions, at a broker whose rules do not."""
    signed = sign_rules(RoomRules(question=MAPS), ROOM, 1, MAPS.closes_at, HOST)
    async with broker_client(url, lambda *_: None, identifier="host", version=version) as client:
        settings = encode_room(RoomSettings(abilities=ABILITIES))
        await client.send(ROOM_SETTINGS.outgoing(settings, ROOM))
        await client.send(RULES.outgoing(encode_rules(signed), ROOM, "host"))


@pytest.mark.parametrize("version", [5, 4])
async def test_who_answers_or_reacts_is_told_that_it_is_not_carried(
    old_broker: Mosquitto, tmp_path: Path, version: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With MQTT 5 the broker says so, before that nothing comes back."""
    if version == 4:
        monkeypatch.setattr(echoes, "ECHO_WITHIN_S", 0.5)
    url = parse_broker_url(old_broker.url)
    await ask(url, version)
    session = session_at(url, tmp_path, version)
    running = asyncio.create_task(session.run())
    await until(lambda: session.view.rules and session._room.is_announced)
    await until(lambda: session._own.is_open)
    assert session.answer_question(1) == ""
    await until(lambda: session.view.notice == dropped_words(ANSWER.kind))
    assert session.view.choice is None
    assert session.react(Reaction.HEART) == ""
    await until(lambda: session.view.notice == dropped_words(REACTION.kind))
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


def session_at(url: BrokerUrl, folder: Path, version: int) -> Session:
    plan = SessionPlan(
        channel=ROOM,
        nickname="",
        viewer_id="ann",
        boot=int(time.time()),
        broker=url,
        source=Source("none"),
        engine="static",
        data_dir=folder,
        host_print=print_of(HOST.public),
    )
    link = MqttLink(url, ROOM, "ann")
    link._known_version = link._version = version
    return Session(plan, connect=lambda *_: link)
