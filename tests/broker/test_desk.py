"""A host and co-hosts rule a room over real brokers, open and guarded."""

from __future__ import annotations

import asyncio
import contextlib
import time
from pathlib import Path
from typing import cast

import pytest
from desks import at_desk, hosts
from guests import digest_of, pinned
from limits import patience, until, within
from starts import Start

from resonance_broker import AccountsStore, RunningBroker
from resonance_broker.accounts import Account, Role, add_account
from resonance_tui.emotions import Emotion
from resonance_tui.errors import BrokerRefused, BrokerUnreachable, InputError
from resonance_tui.hosting import rulebook
from resonance_tui.hosting.badge import wear_badge
from resonance_tui.hosting.desk import Desk
from resonance_tui.hosting.rulebook import Rulebook
from resonance_tui.messaging.client import BrokerClient, broker_client
from resonance_tui.messaging.link_status import LinkState
from resonance_tui.messaging.permissions import is_hosts_alone
from resonance_tui.protocol.events import HostKeyEvent, RulesEvent
from resonance_tui.protocol.frames import encode_nickname, encode_report, encode_rules
from resonance_tui.protocol.messages import HOST_KEY, NICKNAME, REPORT, RULES, decode
from resonance_tui.protocol.rules import (
    NUMBER_MOST,
    Act,
    RoomRules,
    delegate,
    encode_delegation,
    sign_rules,
)
from resonance_tui.protocol.table import Outgoing
from resonance_tui.protocol.urls import BrokerUrl, parse_broker_url
from resonance_tui.protocol.values import Report
from resonance_tui.room.asking import act_value
from resonance_tui.room.authority import Authority
from resonance_tui.room_keys import RoomKey, RoomKeys, key_text, parse_key_text
from resonance_tui.signing import SigningKey

pytestmark = pytest.mark.mosquitto
ROOM = "cats-live"
OF_ROOM = {
    "ask": act_value("Which map?", ("Dust", "Mirage"), at=time.time(), open_s=600),
    "close-question": f"{time.time():.0f}",
    "least": "5",
    "teams": "red blue",
}


@pytest.fixture
def keys(tmp_path: Path) -> RoomKeys:
    made = RoomKeys(tmp_path / "host")
    made.make(ROOM)
    return made


def cohost(host: RoomKeys, folder: Path, name: str = "Ben") -> RoomKeys:
    """A machine with a key that the host gave away."""
    key = SigningKey.generate()
    given = delegate(hosts(host).key, ROOM, key.public, name, int(time.time()) + 3600)
    there = RoomKeys(folder)
    public = hosts(host).host_public
    there.keep(RoomKey(ROOM, key, public, encode_delegation(given), name))
    return there


class Silent:
    """A connection that takes everything."""

    was_refused = False

    async def send(self, message: Outgoing) -> None:
        """To nobody."""

    def check_taken(self, problem: str, hint: str) -> None:
        """It was."""


async def retained(url: BrokerUrl) -> list[object]:
    """What the broker shows of a room's key and rules to who comes now."""
    found: list[object] = []

    def take(topic: str, payload: bytes, *_: object) -> None:
        found.append(decode(topic, payload))

    async with broker_client(url, take, identifier="newcomer", version=5) as client:
        for _ in range(2):
            await client.follow(HOST_KEY.topic.of(ROOM), 1)
            await client.follow(RULES.topic.filter(channel=ROOM), 1)
    return found


async def test_an_act_is_at_the_broker_when_it_returns(start: Start, keys: RoomKeys) -> None:
    url = parse_broker_url(start().url)
    async with at_desk(url, keys) as desk:
        await desk.act("mute", "mia")
        assert desk.rules.muted == ("mia",)
        shown = await retained(url)
    assert HostKeyEvent(ROOM, hosts(keys).host_public) in shown
    (rules,) = {each for each in shown if isinstance(each, RulesEvent)}
    assert rules.signed is not None and rules.signed.is_signed(ROOM)
    assert [act.what for act in keys.acts(ROOM)] == ["mute"]


async def test_every_act_of_the_room_is_told_to_be_done(keys: RoomKeys) -> None:
    book, client = Rulebook(keys, hosts(keys), "host"), cast("BrokerClient", Silent())
    for name, value in OF_ROOM.items():
        rules = await book.change(client, name, value, whom="")
        assert rules.acts[-1].what == name


async def test_the_next_run_goes_on_with_the_rules_that_hold(start: Start, keys: RoomKeys) -> None:
    url = parse_broker_url(start().url)
    async with at_desk(url, keys) as desk:
        await desk.act("mute", "mia")
    async with at_desk(url, keys) as desk:
        await desk.act("lock")
        assert (desk.rules.muted, desk.rules.is_locked) == (("mia",), True)


async def test_rules_outlive_a_broker_that_forgot_them(start: Start, keys: RoomKeys) -> None:
    async with at_desk(parse_broker_url(start().url), keys) as desk:
        await desk.act("mute", "mia")
    async with at_desk(parse_broker_url(start().url), keys) as desk:  # another, empty broker
        await desk.act("slow", "5")
        assert (desk.rules.muted, desk.rules.slow_s) == (("mia",), 5)


async def test_acts_of_co_hosts_at_the_same_moment_are_all_kept(
    start: Start, keys: RoomKeys, tmp_path: Path
) -> None:
    url = parse_broker_url(start().url)
    names = ("Ada", "Ben", "Eve")
    there = [cohost(keys, tmp_path / name, name) for name in names]
    async with contextlib.AsyncExitStack() as stack:
        desks = [await stack.enter_async_context(at_desk(url, each)) for each in [keys, *there]]
        await asyncio.gather(*(desk.act("mute", f"v{n}") for n, desk in enumerate(desks)))
        for desk in desks:
            await until(lambda desk=desk: len(desk.rules.muted) == len(desks))
        assert {act.by for act in desks[0].rules.acts} == {"host", *names}


async def test_a_revoked_co_host_is_told_and_changes_nothing(
    start: Start, keys: RoomKeys, tmp_path: Path
) -> None:
    url = parse_broker_url(start().url)
    there = cohost(keys, tmp_path / "ben")
    async with at_desk(url, keys) as host, at_desk(url, there) as ben:
        await ben.act("mute", "mia")
        await until(lambda: host.rules.muted == ("mia",))
        await host.act("cohost-revoke", hosts(there).key.public[:8].hex(), whom="Ben")
        with pytest.raises(BrokerRefused, match="does not rule"):
            await ben.act("unmute", "mia")
        assert host.rules.muted == ("mia",)


async def test_a_value_that_does_not_fit_is_not_sent(start: Start, keys: RoomKeys) -> None:
    url = parse_broker_url(start().url)
    async with at_desk(url, keys) as desk:
        with pytest.raises(InputError):
            await desk.act("slow", "soon")
        assert desk.rules == RoomRules()
        assert not any(isinstance(each, RulesEvent) for each in await retained(url))


async def test_many_acts_in_a_row_are_slow_enough_for_every_receiver(
    start: Start, keys: RoomKeys
) -> None:
    url = parse_broker_url(start().url)
    async with at_desk(url, keys) as desk, at_desk(url, keys) as other:
        for n in range(12):
            await desk.act("mute", f"v{n}")
        await until(lambda: len(other.rules.muted) == 12)


async def test_at_somebody_elses_broker_the_desk_shows_again_what_was_overwritten(
    start: Start, keys: RoomKeys
) -> None:
    url = parse_broker_url(start().url)

    async def is_shown() -> bool:
        found = [each.signed for each in await retained(url) if isinstance(each, RulesEvent)]
        return any(each is not None and each.is_signed(ROOM) for each in found)

    forger = broker_client(url, lambda *_: None, identifier="forger", version=5)
    async with at_desk(url, keys) as desk, forger as client:
        await desk.act("mute", "mia")
        topic = RULES.topic.of(ROOM, f"key-{hosts(keys).key.public.hex()[:12]}")
        await client.send(Outgoing(topic, b"", 1))
        async with within(6):
            while not await is_shown():
                await asyncio.sleep(0.05)


async def test_the_desk_sees_who_is_there_and_who_forges(start: Start, keys: RoomKeys) -> None:
    url = parse_broker_url(start().url)

    async def report(client, boot: int) -> None:
        frame = encode_report(Report(boot, 1, Emotion.ANGER, 90, up_s=1))
        await client.send(REPORT.outgoing(frame, ROOM, "mia"))

    async with (
        at_desk(url, keys) as desk,
        broker_client(url, lambda *_: None, identifier="mia", version=5) as mia,
    ):
        await report(mia, 200)
        await mia.send(NICKNAME.outgoing(encode_nickname("Mia"), ROOM, "mia"))
        await until(lambda: [each.nickname for each in desk.attendees()] == ["Mia"])
        assert desk.is_courtesy is True
        await report(mia, 100)
        await until(lambda: desk.attendees()[0].doubts)


async def test_a_guarded_room_is_ruled_with_an_account_of_it(
    broker: RunningBroker,
    folder: Path,
    keys: RoomKeys,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("resonance_tui.hosting.desk.Desk.watch_s", 0.1)  # nobody is in

    def add(book):
        for name, role in (("cathost", Role.HOST), ("ben", Role.VIEWER)):
            book = add_account(book, Account(name, digest_of("pw"), role, (ROOM,)))
        return book, None

    AccountsStore(folder).change(add)
    broker.renew_people()

    def login(name: str) -> BrokerUrl:
        from dataclasses import replace

        return replace(pinned(broker), username=name, password="pw")

    there = cohost(keys, tmp_path / "ben")
    async with at_desk(login("cathost"), keys) as host, at_desk(login("ben"), there) as ben:
        assert (host.is_courtesy, ben.is_courtesy) == (False, False)
        await ben.act("mute", "mia")
        await until(lambda: host.rules.muted == ("mia",))


async def test_where_nothing_listens_that_is_said(keys: RoomKeys) -> None:
    desk = Desk(parse_broker_url("mqtt://127.0.0.1:9"), keys, hosts(keys))
    running = asyncio.create_task(desk.run())
    with pytest.raises(BrokerUnreachable, match="othing listens"):
        await desk.until_ready(1.0)
    with pytest.raises(BrokerUnreachable, match="Not connected"):
        await desk.act("lock")
    running.cancel()
    await asyncio.wait([running])


async def test_the_reason_is_known_while_another_attempt_is_made(keys: RoomKeys) -> None:
    desk = Desk(parse_broker_url("mqtt://127.0.0.1:9"), keys, hosts(keys))
    running = asyncio.create_task(desk.run())
    await until(lambda: bool(desk.why_lost))
    while desk.status.state is not LinkState.CONNECTING:
        desk.wake.clear()
        await desk.wake.wait()  # too short a state for polling
    with pytest.raises(BrokerUnreachable, match="othing listens"):
        await desk.until_ready(0.0)
    running.cancel()
    await asyncio.wait([running])


async def test_a_host_in_their_own_room_wears_the_badge_while_there(
    start: Start, keys: RoomKeys
) -> None:
    url = parse_broker_url(start().url)
    async with at_desk(url, keys) as desk:
        wearing = asyncio.create_task(wear_badge(keys, hosts(keys), url, "me"))
        await until(lambda: desk.rules.host_ids == ("me",))
        await desk.act("mute", "mia")
        wearing.cancel()
        await asyncio.wait([wearing])
        await until(lambda: desk.rules.host_ids == ())
        assert desk.rules.muted == ("mia",)
        assert [act.what for act in desk.acts()] == ["mute"]  # the badge is no act of anybody's
        await desk.act("badge", "me")
        wearing = asyncio.create_task(wear_badge(keys, hosts(keys), url, "me"))
        await asyncio.wait([wearing], timeout=1.0)
        wearing.cancel()
        await asyncio.wait([wearing])
        assert desk.rules.host_ids == ("me",)  # who was given it keeps it


async def test_a_badge_that_others_see_is_taken_off_though_its_wearer_left_at_once(
    start: Start, keys: RoomKeys
) -> None:
    url = parse_broker_url(start().url)
    async with at_desk(url, keys) as desk:
        seen = asyncio.Event()
        desk.changed.add(lambda rules: seen.set() if rules.host_ids == ("me",) else None)
        wearing = asyncio.create_task(wear_badge(keys, hosts(keys), url, "me"))
        async with within(8):
            await seen.wait()
        wearing.cancel()
        await asyncio.wait([wearing])
        await until(lambda: desk.rules.host_ids == ())


async def test_a_host_on_two_machines_and_two_co_hosts_lose_no_act(
    start: Start, keys: RoomKeys, tmp_path: Path
) -> None:
    url = parse_broker_url(start().url)
    second = RoomKeys(tmp_path / "second")
    second.keep(parse_key_text(key_text(hosts(keys))))
    others = [second, *(cohost(keys, tmp_path / name, name) for name in ("Ben", "Zoe"))]
    rounds = 8

    async def acts(desk: Desk, who: str) -> None:
        for n in range(rounds):
            await desk.act("mute", f"{who}{n}")

    async with contextlib.AsyncExitStack() as stack:
        desks = [await stack.enter_async_context(at_desk(url, each)) for each in (keys, *others)]
        await asyncio.gather(*(acts(desk, f"by{n}-") for n, desk in enumerate(desks)))
        every = {f"by{who}-{n}" for who in range(4) for n in range(rounds)}
        await until(lambda: all(set(desk.rules.muted) == every for desk in desks))
        assert len({desk.rules for desk in desks}) == 1
        for desk in desks:
            await desk.keep()
    for each in (keys, *others):
        assert {act.whom for act in each.acts(ROOM)} >= every


async def test_two_machines_of_one_host_share_what_receivers_take_from_its_topic(
    keys: RoomKeys, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else the last word of one is dropped, and the next rules undo what it was told holds."""
    monkeypatch.setattr(rulebook, "PACE_S", 100.0)
    key, now = hosts(keys), int(time.time())

    async def act_after_those_of(signer: SigningKey, within_s: float) -> None:
        book = Rulebook(keys, key, "host")
        for number in range(now + 1, now + 7):
            elsewhere = sign_rules(RoomRules(slow_s=5), ROOM, number, now + 3600, signer)
            book.observe(RulesEvent(ROOM, "host", elsewhere))
        async with asyncio.timeout(within_s):
            await book.change(cast(BrokerClient, Silent()), "mute", "mia")

    await act_after_those_of(SigningKey.generate(), patience(10))  # a forger delays nobody
    with pytest.raises(TimeoutError):
        await act_after_those_of(key.key, 0.5)


async def test_a_look_at_a_room_that_is_in_order_waits_for_no_turn(
    keys: RoomKeys, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else the rooms behind a busy one are looked at late, and whom their rules remove stays."""
    monkeypatch.setattr(rulebook, "PACE_S", 100.0)
    key, now = hosts(keys), int(time.time())
    book = Rulebook(keys, key, "host")
    for number in range(now + 1, now + 7):
        elsewhere = sign_rules(RoomRules(slow_s=5), ROOM, number, now + 86_400, key.key)
        book.observe(RulesEvent(ROOM, "host", elsewhere))
    async with within(10):
        await book.keep_up(cast(BrokerClient, Silent()))
    assert book.rules.slow_s == 5


async def test_a_co_host_who_takes_the_last_number_is_stopped(
    start: Start, keys: RoomKeys, tmp_path: Path
) -> None:
    url = parse_broker_url(start().url)
    ben = hosts(cohost(keys, tmp_path / "ben"))
    soon = int(time.time()) + 3600
    last = sign_rules(RoomRules(closed="x"), ROOM, NUMBER_MOST, soon, ben.key, ben.delegation)
    async with at_desk(url, keys) as desk:
        await desk.act("mute", "mia")
        async with broker_client(url, lambda *_: None, identifier="ben", version=5) as client:
            await client.send(RULES.outgoing(encode_rules(last), ROOM, "ben"))
        await until(lambda: desk.rules.closed == "x")
        with pytest.raises(BrokerRefused, match="none come after"):
            await desk.act("open")
        await desk.act("cohost-revoke", ben.key.public[:8].hex())
        await desk.act("open")
        assert (desk.rules.closed, desk.rules.muted) == (None, ())


async def test_a_broker_without_mqtt5_carries_the_hosts_word(start: Start, keys: RoomKeys) -> None:
    url = parse_broker_url(start(program="embedded").url)
    async with at_desk(url, keys) as desk:
        await desk.act("mute", "mia")
    authority = Authority(ROOM, host_print=hosts(keys).print)
    stranger = Authority(ROOM)

    def take(topic: str, payload: bytes, *_: object) -> None:
        event = decode(topic, payload)
        if isinstance(event, HostKeyEvent | RulesEvent):
            authority.take(event, time.monotonic())
            stranger.take(event, time.monotonic())

    async with broker_client(url, take, identifier="newcomer", version=4) as newcomer:
        for _ in range(2):
            await newcomer.follow(HOST_KEY.topic.of(ROOM), 1)
            await newcomer.follow(RULES.topic.filter(channel=ROOM), 1)
        await until(lambda: authority.look(time.monotonic(), time.time()))
    assert authority.rules is not None and authority.rules.muted == ("mia",)
    assert stranger.look(time.monotonic(), time.time()) is None
    assert not await is_hosts_alone(url, ROOM)


async def test_the_log_has_acts_that_pass_between_two_looks(keys: RoomKeys) -> None:
    book, soon = Rulebook(keys, hosts(keys), "host"), int(time.time()) + 3600
    acts = tuple(Act(n, "host", "mute", f"v{n}") for n in range(30))
    for n in range(1, 31):
        rules = RoomRules(acts=acts[max(0, n - 8) : n])
        signed = sign_rules(rules, ROOM, n, soon, hosts(keys).key)
        book.observe(RulesEvent(ROOM, "host", signed))
    await book.keep()
    assert [act.whom for act in keys.acts(ROOM)] == [act.whom for act in acts]
