"""Every forbidden act, tried on a real Mosquitto: the broker says no, and no peer notices."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import socket
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from aiomqtt import MqttError
from limits import until, within
from machine import free_port

from resonance_broker import AccountsStore, BrokerSettings, RunningBroker, start_broker
from resonance_broker.accounts import Account, Role, StoredInvite, add_account
from resonance_broker.invites import add_invites
from resonance_broker.passwords import hash_password
from resonance_tui.emotions import Emotion
from resonance_tui.errors import BrokerRefused
from resonance_tui.messaging.aggregator import Aggregator
from resonance_tui.messaging.client import BrokerClient, broker_client
from resonance_tui.messaging.link import MqttLink
from resonance_tui.messaging.link_status import LinkState
from resonance_tui.messaging.permissions import check_audience, is_hosts_alone, own_id
from resonance_tui.pipeline.sources import Source
from resonance_tui.protocol import messages
from resonance_tui.protocol.frames import (
    encode_agent,
    encode_enrollment_answer,
    encode_enrollment_request,
    encode_host_key,
    encode_nickname,
    encode_report,
    encode_room,
    encode_rules,
    encode_total,
)
from resonance_tui.protocol.rules import RoomRules, sign_rules
from resonance_tui.protocol.table import Outgoing
from resonance_tui.protocol.topics import new_viewer_id, shard_of
from resonance_tui.protocol.urls import BrokerUrl, parse_broker_url
from resonance_tui.protocol.values import Report, RoomSettings
from resonance_tui.room.state import RoomSnapshot
from resonance_tui.room.trust import Trust
from resonance_tui.session.core import Session
from resonance_tui.session.plan import KnownHost, SessionPlan
from resonance_tui.session.room_model import RoomModel
from resonance_tui.signing import SigningKey

pytestmark = pytest.mark.mosquitto

ROOM, OTHER = "cats", "dogs"
PASSWORD = "correct horse"
DIGEST = hash_password(PASSWORD)
NOT_AUTHORIZED = 135
ACCOUNTS = (
    Account("mia", DIGEST, Role.VIEWER, (ROOM,)),
    Account("bob", DIGEST, Role.VIEWER, (ROOM,)),
    Account("dan", DIGEST, Role.VIEWER, (OTHER,)),
    Account("agg-1", DIGEST, Role.AGGREGATOR, (ROOM,)),
    Account("agg-2", DIGEST, Role.AGGREGATOR, (ROOM,)),
    Account("scribe", DIGEST, Role.LOGGER, (ROOM,)),
    Account("cathost", DIGEST, Role.HOST, (ROOM,)),
)
INVITES = tuple(StoredInvite(name * 8, DIGEST, ROOM, time.time() + 3600) for name in "ab")


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningBroker]:
    """One broker for all acts: none of them may leave a trace that the next would see."""
    folder = tmp_path_factory.mktemp("accounts")

    def fill(book):
        for account in ACCOUNTS:
            book = add_account(book, account)
        return add_invites(book, list(INVITES), time.time()), None

    AccountsStore(folder).change(fill)
    broker = start_broker(BrokerSettings(port=free_port(), accounts=folder, stats_interval_s=1))
    yield broker
    broker.stop()


def url_of(broker: RunningBroker, name: str) -> BrokerUrl:
    return replace(parse_broker_url(broker.url), username=name, password=PASSWORD)


@contextlib.asynccontextmanager
async def connected(
    broker: RunningBroker, name: str, heard: list[str] | None = None, **options
) -> AsyncIterator[BrokerClient]:
    url = url_of(broker, name)
    if name == "the host":
        assert broker.login is not None
        url = replace(url, username=broker.login.name, password=broker.login.password)
    topics: list[str] = [] if heard is None else heard
    async with broker_client(
        url,
        lambda topic, *_: topics.append(topic),
        identifier=f"test-{new_viewer_id()}",
        version=5,
        **options,
    ) as client:
        yield client


# --- an honest room, and who watches it --------------------------------------------------------


class Peer:
    """A viewer as the app has it: the link, and what it shows of the room."""

    def __init__(self, broker: RunningBroker, name: str) -> None:
        self.link = MqttLink(url_of(broker, name), ROOM, name)
        self.room = RoomModel()
        self._seq = itertools.count(1)

    def say(self, code: Emotion) -> None:
        self.link.publish_report(Report(1_790_000_000, next(self._seq), code, 80))

    def look(self) -> RoomSnapshot:
        now = time.monotonic()
        for event in self.link.drain():
            self.room.take(event, now)
        return self.room.look(now, None)

    def rows(self) -> dict[str, tuple[str, Emotion]]:
        return {row.viewer_id: (row.nickname, row.code) for row in self.look().rows}


@contextlib.asynccontextmanager
async def honest_room(broker: RunningBroker) -> AsyncIterator[tuple[Peer, list[str]]]:
    """Bob and Mia, both happy; Bob's eyes, and all that is delivered to the host."""
    bob, mia = Peer(broker, "bob"), Peer(broker, "mia")
    heard: list[str] = []
    runs = [asyncio.create_task(each.link.run()) for each in (bob, mia)]
    try:
        for each in (bob, mia):
            each.link.publish_nickname(each.link.viewer_id.title())
            each.say(Emotion.HAPPINESS)
        happy = {"bob": ("Bob", Emotion.HAPPINESS), "mia": ("Mia", Emotion.HAPPINESS)}
        await until(lambda: bob.rows() == happy)
        async with connected(broker, "the host", heard) as host:
            await host.follow("resonance/#", 1)
            await until(lambda: len(set(heard)) == 4)
            heard.clear()
            yield bob, heard
    finally:
        for run in runs:
            run.cancel()
        await asyncio.wait(runs)


async def nothing_happened(bob: Peer, heard: list[str]) -> None:
    """Bob's next report is the first thing that anybody hears of, and the only change he sees."""
    own = messages.REPORT.topic.of(ROOM, "bob")
    assert not bob.look().is_total
    bob.say(Emotion.SURPRISE)
    await until(lambda: own in heard)
    assert [topic for topic in heard if topic != messages.REPORT.topic.of(ROOM, "mia")] == [own]
    expected = {"bob": ("Bob", Emotion.SURPRISE), "mia": ("Mia", Emotion.HAPPINESS)}
    await until(lambda: bob.rows()["bob"][1] is Emotion.SURPRISE)
    assert bob.rows() == expected
    snapshot = bob.look()
    assert (snapshot.viewers, snapshot.is_total) == (2, False)
    assert bob.room.pace.heartbeat_s == RoomSettings().heartbeat_s


# --- messages ----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Act:
    """Somebody publishes where it must not."""

    who: str
    topic: str
    payload: bytes


REPORT = encode_report(Report(2_000_000_000, 9, Emotion.ANGER, 99))
NICKNAME = encode_nickname("Mallory")
TOTAL = encode_total(2_000_000_000, 9, 9, (900,) * 9)
SETTINGS = encode_room(RoomSettings(heartbeat_s=60, mesh_max=1))
BASE = f"resonance/1/{ROOM}"
MALLORY = SigningKey.generate()
KEY = encode_host_key(MALLORY.public)
MUTING = encode_rules(
    sign_rules(RoomRules(muted=("bob",)), ROOM, 9, int(time.time()) + 3600, MALLORY)
)
WRONG = (shard_of("mia") + 1) % 64
A, B = INVITES

ACTS = {
    "another's report": Act("mia", messages.REPORT.topic.of(ROOM, "bob"), REPORT),
    "another's leaving": Act("mia", messages.REPORT.topic.of(ROOM, "bob"), b""),
    "another's name": Act("mia", messages.NICKNAME.topic.of(ROOM, "bob"), NICKNAME),
    "a second report in another shard": Act("mia", f"{BASE}/r/{WRONG}/mia", REPORT),
    "a report in a shard there is not": Act("mia", f"{BASE}/r/99999/mia", REPORT),
    "a name in another shard": Act("mia", f"{BASE}/n/{WRONG}/mia", NICKNAME),
    "an invented viewer": Act("mia", messages.REPORT.topic.of(ROOM, "nobody"), REPORT),
    "another channel": Act("mia", messages.REPORT.topic.of(OTHER, "mia"), REPORT),
    "a channel that is not there": Act("mia", messages.REPORT.topic.of("birds", "mia"), REPORT),
    "from another channel": Act("dan", messages.REPORT.topic.of(ROOM, "dan"), REPORT),
    "the total": Act("mia", messages.TOTAL.topic.of(ROOM), TOTAL),
    "the end of the total": Act("mia", messages.TOTAL.topic.of(ROOM), b""),
    "room settings": Act("mia", messages.ROOM_SETTINGS.topic.of(ROOM), SETTINGS),
    "closing the room": Act("mia", messages.ROOM_SETTINGS.topic.of(ROOM), b""),
    "the room's key": Act("mia", messages.HOST_KEY.topic.of(ROOM), KEY),
    "taking the room's key back": Act("mia", messages.HOST_KEY.topic.of(ROOM), b""),
    "another's rules": Act("mia", messages.RULES.topic.of(ROOM, "bob"), MUTING),
    "taking another's rules back": Act("mia", messages.RULES.topic.of(ROOM, "cathost"), b""),
    "rules of another room": Act("mia", messages.RULES.topic.of(OTHER, "mia"), MUTING),
    "the room's key, by an aggregator": Act("agg-1", messages.HOST_KEY.topic.of(ROOM), KEY),
    "rules, by an aggregator": Act("agg-1", messages.RULES.topic.of(ROOM, "agg-1"), MUTING),
    "the room's key, by the logger": Act("scribe", messages.HOST_KEY.topic.of(ROOM), KEY),
    "rules, by the logger": Act("scribe", messages.RULES.topic.of(ROOM, "scribe"), MUTING),
    "another room's key, by a host": Act("cathost", messages.HOST_KEY.topic.of(OTHER), KEY),
    "rules under another's id, by a host": Act(
        "cathost", messages.RULES.topic.of(ROOM, "bob"), MUTING
    ),
    "the room's key, with an invite alone": Act(A.name, messages.HOST_KEY.topic.of(ROOM), KEY),
    "rules, with an invite alone": Act(A.name, messages.RULES.topic.of(ROOM, A.name), MUTING),
    "an aggregator's presence": Act("mia", messages.AGENT.topic.of(ROOM, "agg-1"), encode_agent(9)),
    "presence as an aggregator": Act("mia", messages.AGENT.topic.of(ROOM, "mia"), encode_agent(9)),
    "an aggregator's counts": Act("mia", messages.PARTIAL.topic.of(ROOM, "agg-1"), b"\x95"),
    "the broker's figures": Act("mia", "$SYS/broker/clients/connected", b"9"),
    "junk elsewhere": Act("mia", "elsewhere/mia", b"x" * 3000),
    "junk under its own name": Act("mia", f"{BASE}/junk/{WRONG}/mia", b"x" * 3000),
    "junk below its own report": Act("mia", f"{messages.REPORT.topic.of(ROOM, 'mia')}/more", b"x"),
    "another protocol version": Act("mia", f"resonance/2/{ROOM}/r/1/mia", REPORT),
    "somebody's door": Act(
        "mia", messages.ENROLLMENT_REQUEST.topic.of(A.id), encode_enrollment_request("mia", DIGEST)
    ),
    "an answer at a door": Act(
        "mia", messages.ENROLLMENT_ANSWER.topic.of(A.id), encode_enrollment_answer("m", "welcome")
    ),
    "a viewer's report, by an aggregator": Act(
        "agg-1", messages.REPORT.topic.of(ROOM, "bob"), REPORT
    ),
    "an own report, by an aggregator": Act(
        "agg-1", messages.REPORT.topic.of(ROOM, "agg-1"), REPORT
    ),
    "another aggregator's presence": Act("agg-1", messages.AGENT.topic.of(ROOM, "agg-2"), b""),
    "another aggregator's counts": Act("agg-1", messages.PARTIAL.topic.of(ROOM, "agg-2"), b"\x95"),
    "another room's total": Act("agg-1", messages.TOTAL.topic.of(OTHER), TOTAL),
    "settings, by an aggregator": Act("agg-1", messages.ROOM_SETTINGS.topic.of(ROOM), SETTINGS),
    "a total, by the logger": Act("scribe", messages.TOTAL.topic.of(ROOM), TOTAL),
    "settings, by the logger": Act("scribe", messages.ROOM_SETTINGS.topic.of(ROOM), SETTINGS),
    "a report, by the logger": Act("scribe", messages.REPORT.topic.of(ROOM, "scribe"), REPORT),
    "another room's settings, by a host": Act(
        "cathost", messages.ROOM_SETTINGS.topic.of(OTHER), SETTINGS
    ),
    "a viewer's report, by a host": Act("cathost", messages.REPORT.topic.of(ROOM, "bob"), REPORT),
    "the door of another invite": Act(A.name, messages.ENROLLMENT_REQUEST.topic.of(B.id), b"x"),
    "an answer to itself": Act(A.name, messages.ENROLLMENT_ANSWER.topic.of(A.id), b"x"),
    "a report, with an invite alone": Act(A.name, messages.REPORT.topic.of(ROOM, A.name), REPORT),
    "settings, with an invite alone": Act(A.name, messages.ROOM_SETTINGS.topic.of(ROOM), SETTINGS),
}


@pytest.mark.parametrize("who", dict.fromkeys(act.who for act in ACTS.values()))
async def test_who_writes_elsewhere_is_refused_and_nobody_notices(
    guarded: RunningBroker, who: str
) -> None:
    granted = []
    async with honest_room(guarded) as (bob, heard), connected(guarded, who) as client:
        for what, act in ACTS.items():
            for qos, retain in itertools.product((0, 1), (False, True)):
                if act.who == who and await is_granted(client, act, qos, retain):
                    granted.append(what)
        assert granted == []
        await nothing_happened(bob, heard)


async def is_granted(client: BrokerClient, act: Act, qos: int, retain: bool) -> bool:
    """By the broker's reason code, that is; at QoS 0 it says nothing."""
    client._last_answer = None
    await client.send(Outgoing(act.topic, act.payload, qos, retain=retain))
    if qos == 0:
        return False
    assert client._last_answer is not None
    return client._last_answer.value != NOT_AUTHORIZED


@pytest.mark.parametrize(
    ("who", "topic"),
    [
        ("mia", messages.REPORT.topic.of(ROOM, "mia")),
        ("mia", messages.NICKNAME.topic.of(ROOM, "mia")),
        ("dan", messages.REPORT.topic.of(OTHER, "dan")),
        ("agg-1", messages.AGENT.topic.of(ROOM, "agg-1")),
        ("agg-1", messages.PARTIAL.topic.of(ROOM, "agg-1")),
        ("agg-1", messages.TOTAL.topic.of(ROOM)),
        ("cathost", messages.ROOM_SETTINGS.topic.of(ROOM)),
        ("cathost", messages.AGENT.topic.of(ROOM, "cathost")),
        ("cathost", messages.HOST_KEY.topic.of(ROOM)),
        ("cathost", messages.RULES.topic.of(ROOM, "cathost")),
        ("mia", messages.RULES.topic.of(ROOM, "mia")),
        (A.name, messages.ENROLLMENT_REQUEST.topic.of(A.id)),
    ],
)
async def test_who_writes_its_own_is_heard(guarded: RunningBroker, who: str, topic: str) -> None:
    """Without this the table above could be empty words."""
    heard: list[str] = []
    async with connected(guarded, "the host", heard) as host, connected(guarded, who) as client:
        await host.follow("resonance/#", 1)
        await client.send(Outgoing(topic, b"x", 1, retain=False))
        await until(lambda: topic in heard)


async def test_a_packet_of_two_megabytes_costs_its_sender_the_line(guarded: RunningBroker) -> None:
    async with honest_room(guarded) as (bob, heard):
        with pytest.raises(MqttError):
            async with connected(guarded, "mia", answer_timeout_s=2) as client:
                own = messages.REPORT.topic.of(ROOM, "mia")
                await client.publish(own, bytes(2_000_000), 1)  # `send` keeps to what is announced
        await nothing_happened(bob, heard)
        assert bob.link.status.state is LinkState.CONNECTED


# --- wills -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("who", "topic"),
    [
        ("mia", messages.REPORT.topic.of(ROOM, "bob")),
        ("mia", messages.ROOM_SETTINGS.topic.of(ROOM)),
        ("mia", messages.TOTAL.topic.of(ROOM)),
        ("mia", f"{BASE}/r/{WRONG}/mia"),
        ("mia", messages.REPORT.topic.of(OTHER, "dan")),
        ("scribe", messages.REPORT.topic.of(ROOM, "bob")),
        ("agg-1", messages.AGENT.topic.of(ROOM, "agg-2")),
        (A.name, messages.REPORT.topic.of(ROOM, "bob")),
    ],
)
async def test_a_forged_will_is_not_carried_out(
    guarded: RunningBroker, who: str, topic: str
) -> None:
    async with honest_room(guarded) as (bob, heard):
        await die(guarded, who, topic)
        await nothing_happened(bob, heard)


async def test_an_own_will_is_carried_out(guarded: RunningBroker) -> None:
    heard: list[str] = []
    own = messages.REPORT.topic.of(ROOM, "mia")
    async with connected(guarded, "the host", heard) as host:
        await host.follow("resonance/#", 1)
        await die(guarded, "mia", own)
        await until(lambda: own in heard)


async def die(broker: RunningBroker, who: str, will_topic: str) -> None:
    """Somebody's line breaks; returns once the broker has noticed it."""
    with contextlib.suppress(MqttError):
        async with connected(broker, who, will_topic=will_topic, will_delay_s=0) as client:
            client._client.socket().shutdown(socket.SHUT_RDWR)
            async for _ in client.messages:
                pass
    await asyncio.sleep(0.1)


# --- listening ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("who", "may_hear"),
    [("mia", f"{BASE}/"), ("agg-1", f"{BASE}/"), ("scribe", f"{BASE}/"), (A.name, "none")],
)
async def test_who_listens_to_everything_hears_its_own_room(
    guarded: RunningBroker, who: str, may_hear: str
) -> None:
    heard: list[str] = []
    filters = ("#", "$SYS/#", "+/+/+/+/+/+", "resonance/door/#", f"resonance/1/{OTHER}/#")
    async with (
        connected(guarded, who, heard) as curious,
        connected(guarded, "dan") as dan,
        connected(guarded, B.name) as guest,
        connected(guarded, "bob") as bob,
    ):
        for each in filters:
            with contextlib.suppress(BrokerRefused):
                await curious.follow(each, 1)
        own = (
            messages.ENROLLMENT_ANSWER.topic.of(A.id)
            if who == A.name
            else messages.REPORT.topic.of(ROOM, "bob")
        )
        await dan.send(Outgoing(messages.REPORT.topic.of(OTHER, "dan"), REPORT, 1))
        await dan.send(Outgoing(messages.REPORT.topic.of(OTHER, "dan"), b"", 1))
        await guest.send(
            Outgoing(messages.ENROLLMENT_REQUEST.topic.of(B.id), b"x", 1, retain=False)
        )
        await bob.send(Outgoing(messages.REPORT.topic.of(ROOM, "bob"), REPORT, 1, retain=False))
        async with connected(guarded, "the host") as host:
            for invite in INVITES:
                await host.send(
                    Outgoing(messages.ENROLLMENT_ANSWER.topic.of(invite.id), b"x", 1, retain=False)
                )
        await until(lambda: own in heard)
        assert [topic for topic in heard if topic != own and not topic.startswith(may_hear)] == []


# --- coming in ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "password"),
    [
        *(("mia", "wrong"), ("mia", ""), ("eve", PASSWORD), ("#", PASSWORD), ("+", PASSWORD)),
        *((None, None), ("resonance-host", PASSWORD)),
        *((A.name, "wrong"), ("invite-cccccccc", PASSWORD)),
    ],
)
async def test_strangers_stay_outside(guarded: RunningBroker, name, password) -> None:
    url = replace(parse_broker_url(guarded.url), username=name, password=password)
    with pytest.raises(BrokerRefused):
        async with broker_client(url, lambda *_: None, identifier="stranger", version=5):
            pass


async def test_an_account_reports_under_its_name_and_in_its_rooms_only(
    guarded: RunningBroker,
) -> None:
    assert await own_id(url_of(guarded, "mia"), ROOM, "somebody") == "mia"
    with pytest.raises(BrokerRefused, match=f"does not let mia report in {OTHER}"):
        await own_id(url_of(guarded, "mia"), OTHER, "somebody")


async def test_whether_the_host_alone_can_show_a_key_is_found_out_without_a_trace(
    guarded: RunningBroker,
) -> None:
    async with honest_room(guarded) as (bob, heard):
        assert await is_hosts_alone(url_of(guarded, "mia"), ROOM)
        assert not await is_hosts_alone(replace(url_of(guarded, "mia"), username=None), ROOM)
        assert not await is_hosts_alone(replace(url_of(guarded, "mia"), password="wrong"), ROOM)
        await nothing_happened(bob, heard)
    assert not await is_hosts_alone(url_of(guarded, "cathost"), ROOM)


async def test_the_first_key_is_believed_where_the_host_alone_can_show_it(
    guarded: RunningBroker, tmp_path: Path
) -> None:
    """By a viewer, who has no link, and by an aggregator."""
    key = SigningKey.generate()
    told: list[KnownHost] = []
    plan = SessionPlan(
        channel=ROOM,
        nickname="",
        viewer_id="mia",
        boot=int(time.time()),
        broker=url_of(guarded, "mia"),
        source=Source("none"),
        engine="static",
        data_dir=tmp_path,
        remember_host=told.append,
    )
    mia, counter = Session(plan), Aggregator(url_of(guarded, "agg-1"), ROOM, "agg-1")
    rules = sign_rules(RoomRules(muted=("mia",)), ROOM, 1, int(time.time()) + 3600, key)
    runs = [asyncio.create_task(each.run()) for each in (mia, counter)]
    async with connected(guarded, "the host") as host:
        try:
            await host.send(messages.HOST_KEY.outgoing(encode_host_key(key.public), ROOM))
            await host.send(messages.RULES.outgoing(encode_rules(rules), ROOM, "cathost"))
            await until(lambda: mia.view.trust is Trust.FIRST_USE and mia.view.rules)
            await until(lambda: told and told[-1] == KnownHost(key.public, 1))
            await until(lambda: counter._authority.rules == RoomRules(muted=("mia",)))
        finally:
            for run in runs:
                run.cancel()
            await asyncio.wait(runs)
            await host.send(messages.RULES.clearing(ROOM, "cathost"))
            await host.send(messages.HOST_KEY.clearing(ROOM))


async def test_who_may_not_count_is_told_as_soon_as_the_broker_has_answered(
    guarded: RunningBroker,
) -> None:
    aggregator = Aggregator(url_of(guarded, "mia"), ROOM, connect_timeout=120)
    async with within(30):
        with pytest.raises(BrokerRefused, match="does not let this user count"):
            await aggregator.run()


async def test_a_crowd_needs_a_login_that_may_report_as_anybody(guarded: RunningBroker) -> None:
    with pytest.raises(BrokerRefused, match="lets mia report as mia only"):
        await check_audience(url_of(guarded, "mia"), ROOM)
    with pytest.raises(BrokerRefused, match="does not let agg-1 report"):
        await check_audience(url_of(guarded, "agg-1"), ROOM)
    assert guarded.login is not None
    host = replace(url_of(guarded, guarded.login.name), password=guarded.login.password)
    await check_audience(host, ROOM)


async def test_one_account_at_two_machines_is_one_viewer(guarded: RunningBroker) -> None:
    async with honest_room(guarded) as (bob, _):
        second = Peer(guarded, "mia")
        run = asyncio.create_task(second.link.run())
        try:
            await until(lambda: second.link.status.state is LinkState.CONNECTED)
            second.link.publish_report(Report(1_800_000_000, 1, Emotion.FEAR, 80))
            await until(lambda: bob.rows()["mia"][1] is Emotion.FEAR)
            assert bob.look().viewers == 2
            assert second.link.viewer_id == "mia"
        finally:
            run.cancel()
            await asyncio.wait([run])


# --- where nobody has a name -------------------------------------------------------------------


async def test_on_an_open_broker_viewers_drop_what_stands_in_the_wrong_shard(start) -> None:
    """Nobody can be told from another there, but nobody votes twice for one name."""
    broker = start(host="0.0.0.0", public=True, insecure=True)
    url = parse_broker_url(broker.url)
    link, room = MqttLink(url, ROOM, "bob"), RoomModel()
    run = asyncio.create_task(link.run())
    try:
        await until(lambda: link.status.state is LinkState.CONNECTED)
        async with broker_client(url, lambda *_: None, identifier="x", version=5) as client:
            for shard in range(64):
                await client.send(Outgoing(f"{BASE}/r/{shard}/mia", REPORT, 0))
            for forbidden in (
                messages.TOTAL.topic.of(ROOM),
                messages.ROOM_SETTINGS.topic.of(ROOM),
                "elsewhere",
            ):
                assert not await client.may_write(forbidden)
        link.publish_report(Report(1, 1, Emotion.FEAR, 50))

        def viewers() -> int:
            for event in link.drain():
                room.take(event, time.monotonic())
            return room.look(time.monotonic(), None).viewers

        await until(lambda: viewers() == 2)
        await asyncio.sleep(0.1)
        assert viewers() == 2
    finally:
        run.cancel()
        await asyncio.wait([run])
