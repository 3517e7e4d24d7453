"""A hostile client against a host's word, on an open and on a guarded broker: nothing moves."""

from __future__ import annotations

import asyncio
import contextlib
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest
from children import start_child
from desks import hosts, running
from guests import digest_of
from limits import patience, until
from starts import Start

from resonance_broker import AccountsStore, RunningBroker
from resonance_broker.accounts import Account, Role, add_account
from resonance_tui.emotions import Emotion
from resonance_tui.errors import WireError
from resonance_tui.hosting.desk import Desk
from resonance_tui.hosting.headcount import Headcount
from resonance_tui.hosting.host import Host, own_url
from resonance_tui.messaging.client import BrokerClient, broker_client
from resonance_tui.pipeline.sources import Source
from resonance_tui.protocol.events import RulesEvent
from resonance_tui.protocol.frames import encode_nickname, encode_report, encode_rules
from resonance_tui.protocol.messages import NICKNAME, REPORT, RULES, decode
from resonance_tui.protocol.rules import RoomRules, decode_body, sign_rules
from resonance_tui.protocol.urls import BrokerUrl, parse_broker_url
from resonance_tui.protocol.values import Report
from resonance_tui.room.trust import Trust
from resonance_tui.room_keys import RoomKey, RoomKeys
from resonance_tui.session.core import Session
from resonance_tui.session.plan import SessionPlan

pytestmark = pytest.mark.mosquitto
ROOM = "cats"
SECONDS, RATE = 4.0, 10_000
PEOPLE = ("ann", "ben", "troll", "mallory")


@pytest.fixture
def keys(tmp_path: Path) -> RoomKeys:
    made = RoomKeys(tmp_path / "room-keys")
    made.make(ROOM)
    return made


@pytest.fixture(params=["open", "guarded"])
def house(request: pytest.FixtureRequest, start: Start, tmp_path: Path) -> RunningBroker:
    if request.param == "open":
        return start()
    folder = tmp_path / "accounts"

    def add(book):
        for name in PEOPLE:
            book = add_account(book, Account(name, digest_of("pw"), Role.VIEWER, (ROOM,)))
        return book, None

    AccountsStore(folder).change(add)
    return start(accounts=folder)


def login(broker: RunningBroker, name: str) -> BrokerUrl:
    url = parse_broker_url(broker.url)
    is_guarded = broker.settings.accounts is not None
    return replace(url, username=name, password="pw") if is_guarded else url


def host_of(broker: RunningBroker, keys: RoomKeys) -> Host:
    return Host(broker, [ROOM], Headcount(broker.figures, []), say=[].append, keys=keys)


def session(broker: RunningBroker, keys: RoomKeys, folder: Path) -> Session:
    """Of somebody who joined by the link."""
    return Session(
        SessionPlan(
            channel=ROOM,
            nickname="Ann",
            viewer_id="ann",
            boot=int(time.time()),
            broker=login(broker, "ann"),
            source=Source("none"),
            engine="static",
            data_dir=folder,
            host_print=hosts(keys).print,
        )
    )


async def act(url: BrokerUrl, keys: RoomKeys, *acts: tuple[str, str]) -> None:
    desk = Desk(url, keys, hosts(keys), sees_viewers=False)
    async with running(desk):
        await desk.until_ready(patience(8))
        for name, value in acts:
            await desk.act(name, value)


async def speak(client: BrokerClient, viewer_id: str) -> None:
    """As often as a viewer does, however long the test takes."""
    while True:
        report = Report(1_790_000_000, int(time.monotonic()), Emotion.HAPPINESS, 80, up_s=1)
        await client.send(REPORT.outgoing(encode_report(report), ROOM, viewer_id))
        await asyncio.sleep(1.0)


def genuine(keys: RoomKeys, rules: RoomRules, channel: str = ROOM, age: int = 10**6) -> str:
    """What the host signed once: long ago, or for another room."""
    key = hosts(keys).key
    signed = sign_rules(rules, channel, int(time.time()) - age, int(time.time()) + 9999, key)
    return encode_rules(signed).hex()


def shown(of: Session) -> tuple[set[str], tuple[str, ...], Trust]:
    view = of.view
    rules = view.rules or RoomRules()
    return {row.viewer_id for row in view.room.rows}, rules.muted, view.trust


async def test_a_forger_moves_nothing_on_a_screen_and_the_host_is_still_heard(
    house: RunningBroker, keys: RoomKeys, tmp_path: Path
) -> None:
    file = tmp_path / "genuine"
    old = genuine(keys, RoomRules(muted=("ben",), closed="Long ago"))
    foreign = genuine(keys, RoomRules(muted=("ann", "ben")), channel="dogs", age=-500)
    file.write_text(f"{old}\n{foreign}\n", encoding="ascii")
    ann = session(house, keys, tmp_path)
    async with running(host_of(house, keys), ann), contextlib.AsyncExitStack() as stack:
        for name in ("ben", "troll"):
            line = broker_client(login(house, name), lambda *_: None, identifier=name, version=5)
            client = await stack.enter_async_context(line)
            nickname = encode_nickname(name.title())
            await client.send(NICKNAME.outgoing(nickname, ROOM, name))
            speaking = asyncio.create_task(speak(client, name))
            stack.callback(speaking.cancel)
        await act(own_url(house), keys, ("mute", "troll"))
        expected = ({"ann", "ben"}, ("troll",), Trust.LINK)
        await until(lambda: shown(ann) == expected)

        words = (str(house.settings.port), str(SECONDS), str(RATE), ROOM, str(file))
        me = ("mallory", "pw") if house.settings.accounts else ()
        script = str(Path(__file__).with_name("forger.py"))
        flood = start_child([sys.executable, script, *words, *me], stdout=subprocess.PIPE)
        looks = 0
        while flood.poll() is None:
            assert shown(ann) == expected
            looks += 1
            await asyncio.sleep(0.1)
        sent = int(flood.communicate()[0])
        assert sent == SECONDS * RATE and looks > 5

        await act(own_url(house), keys, ("slow", "5"))
        await until(lambda: ann.view.rules is not None and ann.view.rules.slow_s == 5)
        assert shown(ann) == expected

        newcomer = Seen()
        url = login(house, "ben")
        line = broker_client(url, newcomer.take, identifier="newcomer", version=5)
        client = await stack.enter_async_context(line)
        await client.follow(RULES.topic.filter(channel=ROOM), 1)
        await until(lambda: newcomer.has(hosts(keys), RoomRules(muted=("troll",), slow_s=5)))


class Seen:
    """The newest of each topic, as a newcomer gets it."""

    def __init__(self) -> None:
        self._rules: dict[str, bytes] = {}

    def take(self, topic: str, payload: bytes, *_: object) -> None:
        self._rules[topic] = payload

    def has(self, key: RoomKey, rules: RoomRules) -> bool:
        for topic, payload in self._rules.items():
            with contextlib.suppress(WireError):
                event = decode(topic, payload)
                if isinstance(event, RulesEvent) and event.signed is not None:
                    signed = event.signed
                    is_ours = signed.key == key.host_public and signed.is_signed(ROOM)
                    if is_ours and replace(decode_body(signed.body), acts=()) == rules:
                        return True
        return False
