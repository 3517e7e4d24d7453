"""What a host's process does for its rooms: keys and rules shown and kept up, accounts ended."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
from desks import at_desk, hosts
from guests import comes_in, digest_of, invited, pinned
from limits import until, within
from starts import Start

from resonance_broker import AccountsStore, RunningBroker
from resonance_broker.accounts import Account, AccountList, Role, add_account
from resonance_tui.errors import InviteRefused, WireError
from resonance_tui.hosting.headcount import Headcount
from resonance_tui.hosting.host import Host, own_url
from resonance_tui.hosting.keeper import expel
from resonance_tui.hosting.protection import LIFETIME_S
from resonance_tui.messaging.client import BrokerClient, broker_client
from resonance_tui.messaging.enrollment import enroll
from resonance_tui.protocol.events import HostKeyEvent, RulesEvent
from resonance_tui.protocol.frames import encode_host_key, encode_rules
from resonance_tui.protocol.messages import HOST_KEY, RULES, decode
from resonance_tui.protocol.rules import NO_RULES, SignedRules, decode_body, sign_rules, vouched
from resonance_tui.protocol.table import Outgoing
from resonance_tui.protocol.urls import BrokerUrl, parse_broker_url
from resonance_tui.room_keys import RoomKeys
from resonance_tui.signing import SigningKey, spki_print, verify_voucher

ROOM = "cats"


@pytest.fixture
def keys(tmp_path: Path) -> RoomKeys:
    return RoomKeys(tmp_path / "room-keys")


@contextlib.asynccontextmanager
async def kept(
    broker: RunningBroker, keys: RoomKeys, said: list[str] | None = None
) -> AsyncIterator[Host]:
    say = [].append if said is None else said.append
    host = Host(broker, [ROOM], Headcount(broker.figures, []), say=say, keys=keys)
    broker.renew_people()
    run = asyncio.create_task(host.run())
    try:
        yield host
    finally:
        run.cancel()
        await asyncio.wait([run])


class Newcomer:
    """What the broker shows of a room, as it is now."""

    def __init__(self) -> None:
        self.key: HostKeyEvent | None = None
        self.rules: dict[str, RulesEvent] = {}

    def take(self, topic: str, payload: bytes, *_: object) -> None:
        try:
            event = decode(topic, payload)
        except WireError:
            self.rules.pop(topic.rpartition("/")[2], None)
            return
        if isinstance(event, HostKeyEvent):
            self.key = event
        elif isinstance(event, RulesEvent):
            self.rules[event.viewer_id] = event

    @property
    def signed(self) -> list[SignedRules]:
        return [each.signed for each in self.rules.values() if each.signed is not None]


@contextlib.asynccontextmanager
async def watching(url: BrokerUrl) -> AsyncIterator[tuple[Newcomer, BrokerClient]]:
    seen = Newcomer()
    version = 5 if url.username or url.is_tls else 4
    async with broker_client(url, seen.take, identifier="newcomer", version=version) as client:
        await client.follow(HOST_KEY.topic.of(ROOM), 1)
        await client.follow(RULES.topic.filter(channel=ROOM), 1)
        yield seen, client


async def test_the_first_start_makes_a_key_and_shows_it(
    either: RunningBroker, keys: RoomKeys
) -> None:
    async with kept(either, keys), watching(parse_broker_url(either.url)) as (seen, _):
        await until(lambda: seen.key)
        assert seen.key == HostKeyEvent(ROOM, hosts(keys).host_public)


@pytest.mark.mosquitto
async def test_the_certificates_key_vouches_for_the_rooms(
    broker: RunningBroker, keys: RoomKeys
) -> None:
    async with kept(broker, keys), watching(own_url(broker)) as (seen, _):
        await until(lambda: seen.key)
        assert seen.key is not None and seen.key.key == hosts(keys).host_public
        data = vouched(ROOM, hosts(keys).host_public)
        assert verify_voucher(seen.key.spki, seen.key.voucher, data)
        assert len(spki_print(seen.key.spki)) == 32


@pytest.mark.mosquitto
async def test_what_a_forger_overwrites_is_shown_again(start: Start, keys: RoomKeys) -> None:
    broker = start()
    url = parse_broker_url(broker.url)
    forger = SigningKey.generate()
    async with kept(broker, keys), watching(url) as (seen, forging):
        await until(lambda: seen.key)
        async with at_desk(url, keys) as desk:
            await desk.act("mute", "mia")
        ours = seen.key
        await forging.send(HOST_KEY.outgoing(encode_host_key(forger.public), ROOM))
        await until(lambda: seen.key == ours)
        lies = sign_rules(NO_RULES, ROOM, 2**52, int(time.time()) + 999, forger)
        for viewer_id in list(seen.rules):
            await forging.send(RULES.outgoing(encode_rules(lies), ROOM, viewer_id))
        key = hosts(keys).host_public
        await until(lambda: any(each.key == key for each in seen.signed))
        for topic in [RULES.topic.of(ROOM, each) for each in list(seen.rules)]:
            await forging.send(Outgoing(topic, b"garbage", 1))
            await forging.send(Outgoing(topic, b"", 1))
        await until(lambda: any(each.key == key for each in seen.signed))


@pytest.mark.mosquitto
async def test_rules_that_are_about_to_expire_are_renewed(start: Start, keys: RoomKeys) -> None:
    broker = start()
    made = keys.make(ROOM)
    rules = replace(NO_RULES, muted=("mia",))
    soon = int(time.time()) + 600
    number = keys.take_number(ROOM, 0, time.time())
    old = sign_rules(rules, ROOM, number, soon, made.key)
    async with watching(parse_broker_url(broker.url)) as (seen, client):
        await client.send(RULES.outgoing(encode_rules(old), ROOM, "somewhere"))
        async with kept(broker, keys):
            await until(lambda: any(each.expires_at > soon for each in seen.signed))
        newest = max(seen.signed, key=lambda each: each.number)
        assert newest.number > number and decode_body(newest.body) == rules
        assert newest.expires_at - time.time() > LIFETIME_S / 2


@pytest.mark.mosquitto
async def test_a_room_that_was_closed_is_open_when_it_is_started_again(
    start: Start, keys: RoomKeys
) -> None:
    first = start()
    async with kept(first, keys), watching(parse_broker_url(first.url)) as (seen, _):
        await until(lambda: seen.key)
        async with at_desk(parse_broker_url(first.url), keys) as desk:
            await desk.act("close", "See you tomorrow")
    second = start()
    async with kept(second, keys), watching(parse_broker_url(second.url)) as (seen, _):
        await until(lambda: [each for each in seen.signed if not decode_body(each.body).closed])


@pytest.mark.mosquitto
async def test_whoever_is_removed_loses_the_account_and_its_link(
    broker: RunningBroker, keys: RoomKeys, folder: Path
) -> None:
    async with kept(broker, keys), watching(own_url(broker)) as (seen, _):
        await until(lambda: seen.key)
        invite = invited(broker, ROOM)
        broker.renew_people()
        await enroll(invite, "troll", digest_of("pw"))
        assert await comes_in(pinned(broker), "troll", "pw")
        async with at_desk(own_url(broker), keys) as desk:
            await desk.act("kick", "troll")
        await until(lambda: "troll" not in AccountsStore(folder).load().accounts)
        await until_refused(broker)
        with pytest.raises(InviteRefused):
            await enroll(invite, "troll2", digest_of("pw"))


async def until_refused(broker: RunningBroker) -> None:
    async with within(6):
        while await comes_in(pinned(broker), "troll", "pw", within_s=0.0):
            await asyncio.sleep(0.1)


@pytest.mark.mosquitto
async def test_a_locked_room_makes_no_accounts(broker: RunningBroker, keys: RoomKeys) -> None:
    async with kept(broker, keys) as host, watching(own_url(broker)) as (seen, _):
        await until(lambda: seen.key)
        invite = invited(broker, ROOM)
        broker.renew_people()
        async with at_desk(own_url(broker), keys) as desk:
            await desk.act("lock")
            await until(lambda: ROOM in host.locked)
            with pytest.raises(InviteRefused, match="locked"):
                await enroll(invite, "late", digest_of("pw"))
            await desk.act("unlock")
            await until(lambda: ROOM not in host.locked)
            await enroll(invite, "late", digest_of("pw"))


@pytest.mark.mosquitto
async def test_a_key_that_cannot_be_read_is_told_and_the_room_goes_on(
    start: Start, keys: RoomKeys, tmp_path: Path
) -> None:
    keys.make(ROOM)
    (tmp_path / "room-keys" / f"key-{ROOM}.json").write_text("{", encoding="utf-8")
    said: list[str] = []
    async with kept(start(), keys, said):
        await until(lambda: said)
    assert "goes on without rules" in said[0]


def test_who_is_removed_from_one_room_stays_in_the_others() -> None:
    stored = AccountList()
    for name, role, channels in (
        ("only", Role.VIEWER, (ROOM,)),
        ("both", Role.VIEWER, (ROOM, "dogs")),
        ("all", Role.VIEWER, ()),
        ("other", Role.VIEWER, ("dogs",)),
        ("chief", Role.HOST, (ROOM,)),
    ):
        stored = add_account(stored, Account(name, digest_of("pw"), role, channels))
    left = expel(stored, ROOM, list(stored.accounts)).accounts
    assert {name: each.channels for name, each in left.items()} == {
        "both": ("dogs",),
        "all": (),
        "other": ("dogs",),
        "chief": (ROOM,),
    }
