"""A small room at a broker with accounts: of others a viewer's login reads totals alone."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import aiomqtt
import pytest
from desks import at_desk, running
from guests import digest_of
from limits import patience, until
from starts import Start

from resonance_broker import AccountsStore, RunningBroker
from resonance_broker.access import totals_alone
from resonance_broker.accounts import (
    HOST_NAME,
    Account,
    AccountList,
    Role,
    add_account,
    set_reading,
)
from resonance_tui.emotions import Emotion
from resonance_tui.errors import InputError
from resonance_tui.hosting.desk import Desk
from resonance_tui.hosting.headcount import Headcount
from resonance_tui.hosting.host import Host, own_url
from resonance_tui.hosting.watch import watch
from resonance_tui.messaging.aggregator import Aggregator
from resonance_tui.messaging.client import BrokerClient, broker_client, ignore
from resonance_tui.messaging.link import MqttLink
from resonance_tui.messaging.link_status import LinkState
from resonance_tui.messaging.permissions import RoomsRead, rooms_read
from resonance_tui.protocol.events import RoomEvent, TotalEvent
from resonance_tui.protocol.frames import (
    encode_answer,
    encode_nickname,
    encode_reaction,
    encode_report,
    encode_rules,
)
from resonance_tui.protocol.messages import ANSWER, NICKNAME, REACTION, REPORT, RULES, decode
from resonance_tui.protocol.questions import Answer
from resonance_tui.protocol.rules import RoomRules, sign_rules
from resonance_tui.protocol.urls import BrokerUrl, parse_broker_url
from resonance_tui.protocol.values import NO_COUNTS, Report
from resonance_tui.reaction_kinds import Reaction
from resonance_tui.room.state import RoomSnapshot
from resonance_tui.room_keys import RoomKeys
from resonance_tui.session.room_model import RoomModel

ROOM = "cats"
CROWD = [f"v{n}" for n in range(1, 6)]
# What a curious viewer may try; of others, of the room, of counters, of the broker.
TRIED = (
    "#",
    "+/+/+/#",
    "resonance/1/cats/#",
    "resonance/1/cats/r/+/+",
    "resonance/1/cats/n/+/+",
    "resonance/1/+/r/#",
    "$share/spies/resonance/1/cats/r/#",
    "$share/spies/#",
    "resonance/1/cats/agg/+",
    "$SYS/#",
)


@pytest.fixture
def keys(tmp_path: Path) -> RoomKeys:
    made = RoomKeys(tmp_path / "host")
    made.make(ROOM)
    return made


@pytest.fixture
def guarded(start: Start, folder: Path) -> RunningBroker:
    """With accounts of viewers, for this room and (`every`) for all, and of a recorder."""
    accounts = [Account(name, digest_of("pw"), Role.VIEWER, (ROOM,)) for name in ("spy", *CROWD)]
    accounts += [Account("every", digest_of("pw")), Account("rec", digest_of("pw"), Role.LOGGER)]

    def add(book: AccountList) -> tuple[AccountList, None]:
        for each in accounts:
            book = add_account(book, each)
        return book, None

    AccountsStore(folder).change(add)
    return start(accounts=folder)


def login(broker: RunningBroker, name: str) -> BrokerUrl:
    return replace(parse_broker_url(broker.url), username=name, password="pw")


@contextlib.asynccontextmanager
async def hosted(broker: RunningBroker, keys: RoomKeys) -> AsyncIterator[None]:
    """All of the host's program: rules, announcement, aggregator."""
    task = asyncio.create_task(watch(broker, [ROOM], lambda _: None, [].append, keys=keys))
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait([task])


class Spy:
    """A viewer's login by hand, subscribed to whatever there is."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.heard: list[tuple[str, bytes]] = []

    @property
    def topics(self) -> set[str]:
        return {topic for topic, _ in self.heard}

    @property
    def totals(self) -> list[TotalEvent]:
        events = [decode(*each) for each in self.heard if each[0].endswith("/total") and each[1]]
        return [each for each in events if isinstance(each, TotalEvent)]

    @property
    def settings(self) -> list[RoomEvent]:
        events = [decode(*each) for each in self.heard if each[0].endswith("/room")]
        return [each for each in events if isinstance(each, RoomEvent)]

    @property
    def of_others(self) -> set[str]:
        """What it heard beyond what a viewer of such a room may."""
        allowed = totals_alone(ROOM, self.name)
        return {
            topic
            for topic in self.topics
            if not any(aiomqtt.Topic(topic).matches(each) for each in allowed)
        }


@contextlib.asynccontextmanager
async def spying(broker: RunningBroker, name: str) -> AsyncIterator[Spy]:
    spy, settings = Spy(name), broker.settings
    client = aiomqtt.Client(
        settings.host,
        settings.port,
        username=name,
        password="pw",
        protocol=aiomqtt.ProtocolVersion.V5,
    )

    async def listen() -> None:
        async for message in client.messages:
            spy.heard.append((message.topic.value, message.payload))

    async with client:
        for topic in TRIED:
            await client.subscribe(topic, 1)
        listening = asyncio.create_task(listen())
        try:
            yield spy
        finally:
            listening.cancel()
            await asyncio.wait([listening])


async def say_everything(client: BrokerClient, name: str, seq: int = 1) -> None:
    """Every kind of message that a viewer sends."""
    boot = int(time.time())
    report = encode_report(Report(boot, seq, Emotion.HAPPINESS, 90, up_s=5))
    await client.send(NICKNAME.outgoing(encode_nickname(name), ROOM, name))
    await client.send(REPORT.outgoing(report, ROOM, name))
    counts = (1, *[0] * 7)
    await client.send(REACTION.outgoing(encode_reaction(boot, counts, Reaction(0)), ROOM, name))
    await client.send(ANSWER.outgoing(encode_answer(Answer(boot, seq, 1, 1)), ROOM, name))


@contextlib.asynccontextmanager
async def present(broker: RunningBroker, *names: str) -> AsyncIterator[list[BrokerClient]]:
    """These viewers, each with its login, who have said everything once."""
    async with contextlib.AsyncExitStack() as stack:
        clients: list[BrokerClient] = []
        for name in names:
            connecting = broker_client(
                login(broker, name),
                ignore,
                identifier=f"rsn-{name}",
                version=5,
                will_topic=REPORT.topic.of(ROOM, name),
                will_delay_s=0,
            )
            clients.append(await stack.enter_async_context(connecting))
            await say_everything(clients[-1], name)
        yield clients


@contextlib.asynccontextmanager
async def ruled(broker: RunningBroker, keys: RoomKeys, least: str = "5") -> AsyncIterator[Desk]:
    """Under the rule for small rooms, once the broker has it."""
    async with at_desk(own_url(broker), keys) as desk:
        await desk.act("least", least)
        assert await desk.until_kept(patience(10))
        yield desk


@pytest.mark.mosquitto
@pytest.mark.parametrize("name", ["spy", "every"])
async def test_a_viewer_who_subscribes_by_hand_hears_nothing_of_anybody_else(
    guarded: RunningBroker, keys: RoomKeys, name: str
) -> None:
    async with hosted(guarded, keys), present(guarded, *CROWD[:3]) as crowd:
        async with spying(guarded, name) as control:
            await until(lambda: REPORT.topic.of(ROOM, "v1") in control.of_others)
        async with ruled(guarded, keys), spying(guarded, name) as spy:
            for client, each in zip(crowd, CROWD, strict=False):
                await say_everything(client, each, seq=2)
            await until(lambda: spy.totals and spy.totals[-1].least)
            crowd[2].abort()  # its will tells that it has gone
            await until(lambda: spy.totals[-1].viewers == 2)
            assert {each.counts for each in spy.totals if each.least} == {NO_COUNTS}
            assert not spy.of_others
            async with present(guarded, *CROWD[2:]):
                await until(lambda: any(spy.totals[-1].counts))
            assert spy.totals[-1].counts[Emotion.HAPPINESS] % 3 == 0
            assert not spy.of_others


@pytest.mark.mosquitto
async def test_from_the_first_moment_of_a_broker_that_is_started_again(
    guarded: RunningBroker, folder: Path, keys: RoomKeys, start: Start
) -> None:
    AccountsStore(folder).change(lambda book: (set_reading(book, {ROOM: True}), None))
    guarded.stop()
    again = start(accounts=folder)
    async with spying(again, "spy") as spy, present(again, *CROWD[:2]):
        async with spying(again, "rec") as recorder:
            await until(lambda: REPORT.topic.of(ROOM, "v2") in recorder.topics)
        assert not spy.of_others


@pytest.mark.mosquitto
async def test_the_first_total_of_a_broker_that_is_started_again_obeys_the_rule(
    guarded: RunningBroker, folder: Path, keys: RoomKeys, start: Start
) -> None:
    async with hosted(guarded, keys), ruled(guarded, keys):
        pass
    guarded.stop()
    again = start(accounts=folder)
    async with spying(again, "spy") as spy, present(again, *CROWD[:3]), hosted(again, keys):
        await until(lambda: spy.totals)
        assert {(each.least, each.counts) for each in spy.totals} == {(5, NO_COUNTS)}


@pytest.mark.mosquitto
async def test_who_counts_with_a_hosts_login_obeys_the_rule(
    guarded: RunningBroker, keys: RoomKeys, folder: Path
) -> None:
    host = Account("hosty", digest_of("pw"), Role.HOST, (ROOM,))
    AccountsStore(folder).change(lambda book: (add_account(book, host), None))
    program = Host(guarded, [ROOM], Headcount(guarded.figures, []), say=[].append, keys=keys)
    async with running(program), ruled(guarded, keys), present(guarded, *CROWD[:3]):
        counting = Aggregator(login(guarded, "hosty"), ROOM, "hosty", version=5)
        async with spying(guarded, "spy") as spy, running(counting):
            await until(lambda: spy.totals)
            assert {(each.least, each.counts) for each in spy.totals} == {(5, NO_COUNTS)}


@pytest.mark.mosquitto
async def test_a_host_who_was_away_for_longer_than_rules_hold_opens_nothing(
    guarded: RunningBroker, folder: Path, keys: RoomKeys
) -> None:
    AccountsStore(folder).change(lambda book: (set_reading(book, {ROOM: True}), None))
    guarded.renew_people()
    old = sign_rules(RoomRules(least=5), ROOM, 7, int(time.time()) - 86_400, keys.make(ROOM).key)
    keys.keep_rules(ROOM, encode_rules(old))
    async with spying(guarded, "spy") as spy, present(guarded, *CROWD[:3]), hosted(guarded, keys):
        await until(lambda: spy.totals and RULES.topic.of(ROOM, HOST_NAME) in spy.topics)
        assert {(each.least, each.counts) for each in spy.totals} == {(5, NO_COUNTS)}
        assert guarded.reading.totals == (ROOM,)
        assert not spy.of_others


@pytest.mark.mosquitto
async def test_without_the_rule_reports_are_read_again(
    guarded: RunningBroker, keys: RoomKeys
) -> None:
    async with hosted(guarded, keys), ruled(guarded, keys) as desk:
        await desk.act("least", "0")
        async with present(guarded, "v1"), spying(guarded, "spy") as spy:
            await until(lambda: not guarded.reading.totals)
            await until(lambda: spy.settings and spy.settings[-1].settings)
            await until(lambda: not desk.keeps_reports)
            async with spying(guarded, "spy") as again:
                await until(lambda: REPORT.topic.of(ROOM, "v1") in again.topics)


class Viewer:
    """The program's own way into a room: a link and what it knows of the room."""

    def __init__(self, broker: RunningBroker, name: str) -> None:
        self.link = MqttLink(login(broker, name), ROOM, name)
        self._model = RoomModel()

    async def run(self) -> None:
        await self.link.run()

    def look(self) -> RoomSnapshot:
        now, link, model = time.monotonic(), self.link, self._model
        model.know(link.traits, now)
        for event in link.drain():
            model.take(event, now)
        model.connected(link.status.state is LinkState.CONNECTED, now)
        room = model.look(now, None)
        link.subscribe_all(model.subscribes_all)
        return room


@pytest.mark.mosquitto
async def test_a_viewers_program_shows_such_a_room_from_its_totals(
    guarded: RunningBroker, keys: RoomKeys
) -> None:
    viewer = Viewer(guarded, "spy")
    async with hosted(guarded, keys), ruled(guarded, keys), present(guarded, *CROWD):
        task = asyncio.create_task(viewer.run())
        await until(lambda: viewer.look().counts[Emotion.HAPPINESS] == 3)
        room = viewer.look()
        assert (room.is_total, room.reads_totals, room.is_uncounted) == (True, True, False)
        assert (room.viewers, room.least, room.rows) == (5, 5, ())
        task.cancel()
        await asyncio.wait([task])


@pytest.mark.mosquitto
async def test_a_co_host_with_a_viewers_account_locks_nobody_out(
    guarded: RunningBroker, keys: RoomKeys, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("resonance_tui.hosting.desk.Desk.watch_s", 0.1)
    async with (
        hosted(guarded, keys),
        ruled(guarded, keys),
        present(guarded, "v1"),
        at_desk(login(guarded, "spy"), keys) as desk,
    ):
        assert desk.keeps_reports and not desk.sees_all
        with pytest.raises(InputError, match="does not read who is in"):
            await desk.act("lock")
        await desk.act("mute", "v1")


@pytest.mark.mosquitto
async def test_doctor_tells_what_viewers_read_and_whether_it_is_so(
    guarded: RunningBroker, keys: RoomKeys, folder: Path
) -> None:
    spy = login(guarded, "spy")
    async with hosted(guarded, keys), present(guarded, "v1"):
        await until_read(spy, RoomsRead(whole=(ROOM,)))
        async with ruled(guarded, keys):
            await until_read(spy, RoomsRead(totals=(ROOM,)))


async def until_read(url: BrokerUrl, expected: RoomsRead) -> None:
    found = None
    for _ in range(50):
        found = await rooms_read(url)
        if found == expected:
            return
    assert found == expected


async def test_the_built_in_broker_has_no_accounts_and_keeps_nothing_back(
    start: Start, keys: RoomKeys
) -> None:
    broker = start(program="embedded")
    async with hosted(broker, keys), at_desk(own_url(broker), keys) as desk:
        await desk.act("least", "5")
        assert (desk.is_courtesy, desk.keeps_reports) == (True, False)
        assert not broker.reading.totals
