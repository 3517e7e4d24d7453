"""Rooms at a broker whose wildcards bring nothing that is retained: no figure that is not known."""

# pyright: reportPrivateUsage=false

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

import pytest
from crowds import CHANNEL, QUICK, aggregating, crowd, ledger, settle
from lacking import lacking
from limits import patience, until
from seats import HAPPY, Seat, publish, seated

from resonance_tui.history.store import Store
from resonance_tui.hosting.desk import Desk
from resonance_tui.messaging import retention
from resonance_tui.messaging.aggregator import Aggregator
from resonance_tui.messaging.client import broker_client
from resonance_tui.messaging.discovery import list_channels
from resonance_tui.messaging.link import MqttLink
from resonance_tui.messaging.link_status import LinkState
from resonance_tui.pipeline.sources import Source
from resonance_tui.protocol.events import NicknameEvent
from resonance_tui.protocol.frames import encode_report
from resonance_tui.protocol.topics import new_viewer_id
from resonance_tui.protocol.urls import parse_broker_url
from resonance_tui.room_keys import RoomKeys
from resonance_tui.session.core import Session
from resonance_tui.session.events import RoomUpdate
from resonance_tui.session.plan import SessionPlan

pytestmark = pytest.mark.mosquitto

COUNTED_S = QUICK.heartbeat_s + 1.0


@pytest.fixture(autouse=True)
def _nothing_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retention, "found", {})


def brings(link: MqttLink) -> bool | None:
    return link.traits.brings_retained if link.traits else None


def session(url: str, folder: Path, *, database: Path | None = None, **options: Any) -> Session:
    """A viewer without a camera, or (with a database) the recorder."""
    return Session(
        SessionPlan(
            channel=CHANNEL,
            nickname="",
            viewer_id=new_viewer_id(),
            boot=int(time.time()),
            broker=parse_broker_url(url),
            source=Source("none"),
            engine="static",
            data_dir=folder,
            database=database,
            observe_only=database is not None,
            **options,
        )
    )


@contextlib.asynccontextmanager
async def running(*sessions: Session) -> AsyncGenerator[None]:
    runs = [asyncio.create_task(each.run()) for each in sessions]
    try:
        yield
    finally:
        for run in runs:
            run.cancel()
        await asyncio.gather(*runs, return_exceptions=True)


# --- asking ------------------------------------------------------------------------------------


@pytest.mark.parametrize("is_observer", [False, True])
async def test_one_is_told_at_once_by_an_empty_room_that_wildcards_bring_what_is_retained(
    mosquitto: Any, is_observer: bool
) -> None:
    seat = Seat(mosquitto, observe_only=is_observer)
    if not is_observer:
        seat.link.publish_report(HAPPY)
    async with seated(seat):
        assert await until(lambda: brings(seat.link) is not None) < patience(0.5)
        assert brings(seat.link) is True


@pytest.mark.parametrize("is_observer", [False, True])
async def test_a_broker_whose_wildcards_bring_nothing_is_found_out_and_remembered(
    mosquitto: Any, is_observer: bool
) -> None:
    async with lacking(mosquitto.port) as url:
        seat, later = Seat(url, observe_only=is_observer), Seat(url, observe_only=True)
        if not is_observer:
            seat.link.publish_report(HAPPY)
        async with seated(seat):
            assert await until(lambda: brings(seat.link) is not None) < patience(1.5)
            assert brings(seat.link) is False
        async with seated(later):
            assert brings(later.link) is False


async def test_whoever_is_there_is_the_answer_and_nothing_is_asked(
    mosquitto: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def ask(*_: object) -> None:
        raise AssertionError("was asked")

    monkeypatch.setattr(retention.Retention, "ask_under_another_id", ask)
    alice, bob = Seat(mosquitto), Seat(mosquitto, observe_only=True)
    async with seated(alice):
        alice.link.publish_report(HAPPY)
        await until(lambda: alice.look().viewers == 1)
        retention.found.clear()
        async with seated(bob):
            await until(lambda: brings(bob.link) is True)


async def test_the_question_leaves_nothing_behind(mosquitto: Any) -> None:
    async with lacking(mosquitto.port) as url:
        for where in (mosquitto.url, url):
            seat = Seat(where, observe_only=True)
            async with seated(seat):
                await until(lambda seat=seat: brings(seat.link) is not None)
                await asyncio.sleep(0.1)
    kept: list[str] = []

    def receive(topic: str, _: bytes, is_retained: bool, *_left: object) -> None:
        kept.extend([topic] * is_retained)

    url = parse_broker_url(mosquitto.url)
    async with broker_client(url, receive, identifier="late", version=5) as late:
        await late.follow(f"resonance/1/{CHANNEL}/#", 0)
        await late.ask(5.0)
    assert kept == []


async def test_another_kind_of_broker_at_the_same_address_is_found_out(mosquitto: Any) -> None:
    async with lacking(mosquitto.port) as url:
        seat = Seat(url)
        retention.found[seat.link.place] = True  # of the one that was there before
        seat.link.publish_report(HAPPY)
        async with seated(seat):
            assert brings(seat.link) is None
            await until(lambda: brings(seat.link) is False)


async def test_a_count_begins_anew_at_another_kind_of_broker(mosquitto: Any) -> None:
    settle(mosquitto)
    async with crowd(mosquitto, 12), lacking(mosquitto.port) as url:
        aggregator = Aggregator(parse_broker_url(url), CHANNEL)
        retention.found[aggregator.place] = True
        async with aggregating(aggregator):
            await until(lambda: aggregator.figures.is_whole)
            assert aggregator.figures.room == 12


async def test_the_own_report_that_comes_back_by_its_full_topic_tells_nothing(
    mosquitto: Any,
) -> None:
    async with lacking(mosquitto.port) as url:
        seat = Seat(url)
        retention.found[seat.link.place] = False
        publish(mosquitto, seat.link._own_topic, encode_report(HAPPY), retain=True)
        seat.link.subscribe_all(False)  # the own report is all that it hears
        async with seated(seat):
            await until(lambda: seat.link._inbox.peek(seat.link._own_topic))
            assert brings(seat.link) is False


async def test_after_the_question_a_viewer_still_hears_that_its_report_is_cleared(
    mosquitto: Any,
) -> None:
    async with lacking(mosquitto.port) as url:
        seat = Seat(url, heartbeat_s=60)
        seat.link.subscribe_all(False)
        seat.link.publish_report(HAPPY)
        async with seated(seat):
            await until(lambda: seat.link._retention._is_done)
            await until(lambda: seat.link._hears_own)
            sent = seat.link._retained._seq
            publish(mosquitto, seat.link._own_topic, b"", retain=True)
            await until(lambda: seat.link._retained._seq > sent, within=3.0)


# --- nothing is a fact until everybody had a heartbeat -----------------------------------------


async def test_a_late_viewer_counts_until_everybody_has_reported(
    mosquitto: Any, tmp_path: Path
) -> None:
    settle(mosquitto)
    async with crowd(mosquitto, 12), lacking(mosquitto.port) as url:
        late, facts = session(url, tmp_path), list[int]()
        late.add_listener(
            lambda event: (
                facts.append(event.room.viewers)
                if isinstance(event, RoomUpdate) and not event.room.is_counting
                else None
            )
        )
        async with running(late):
            await until(lambda: late.view.room.viewers > 1)
            assert late.view.room.is_counting
            await until(lambda: late.view.room.viewers == 13)
            await until(lambda: not late.view.room.is_counting)
            assert late.view.room.viewers == 13
        assert {each for each in facts if each} == {13}


async def test_a_recorder_writes_no_row_before_it_knows_the_room(
    mosquitto: Any, tmp_path: Path
) -> None:
    settle(mosquitto)
    database = tmp_path / "history.sqlite"
    async with crowd(mosquitto, 15), lacking(mosquitto.port) as url:
        recorder = session(url, tmp_path, database=database)
        async with running(recorder):
            await until(lambda: recorder.rows_recorded >= 2, within=COUNTED_S + 6)
    with Store(database, read_only=True) as store:
        assert {row.viewers for row in store.read(CHANNEL, None, None)} == {15}


async def test_an_aggregator_posts_no_total_before_it_has_heard_everybody(mosquitto: Any) -> None:
    settle(mosquitto)
    async with (
        crowd(mosquitto, 40) as people,
        ledger(mosquitto) as book,
        lacking(mosquitto.port) as url,
    ):
        for name in ("first", "second"):  # the one that replaces it, too
            counting = Aggregator(parse_broker_url(url), CHANNEL, name)
            began = time.monotonic()
            async with aggregating(counting):
                await until(lambda began=began: book.since(began), within=COUNTED_S + 5)
                assert set(book.since(began)) == {people.counts}


# --- what newcomers would be brought elsewhere -------------------------------------------------


async def test_a_newcomer_hears_every_name_within_a_heartbeat(mosquitto: Any) -> None:
    async with lacking(mosquitto.port) as url:
        alice, bob = Seat(url), Seat(url)
        alice.link.publish_nickname("Alice")
        alice.link.publish_report(HAPPY)
        async with seated(alice):
            await until(lambda: brings(alice.link) is False)
            async with seated(bob):
                await until(lambda: [row.nickname for row in bob.look().rows] == ["Alice"])


async def test_names_are_not_repeated_where_the_broker_brings_them(mosquitto: Any) -> None:
    alice, bob = Seat(mosquitto, heartbeat_s=0.2), Seat(mosquitto)
    alice.link.publish_nickname("Alice")
    alice.link.publish_report(HAPPY)
    async with seated(alice, bob):
        await until(lambda: brings(alice.link) is True and bob.look().viewers == 1)
        bob.link.drain()
        await asyncio.sleep(1)
        assert not [each for each in bob.link.drain() if isinstance(each, NicknameEvent)]


async def test_the_hosts_rules_reach_who_comes_after_the_host_has_gone(
    mosquitto: Any, tmp_path: Path
) -> None:
    settle(mosquitto)
    keys = RoomKeys(tmp_path / "keys")
    key = keys.make(CHANNEL)
    async with lacking(mosquitto.port) as url:
        desk = Desk(parse_broker_url(url), keys, key, sees_viewers=False)
        run = asyncio.create_task(desk.run())
        await desk.until_ready()
        late = session(url, tmp_path, host_print=key.print)
        await desk.act("mute", late.view.viewer_id)
        run.cancel()
        await asyncio.wait([run])
        async with running(late):
            await until(lambda: late.view.rules is not None)
            assert late.view.rules is not None
            assert late.view.rules.muted == (late.view.viewer_id,)


async def test_a_lock_waits_until_the_host_knows_who_is_in(
    mosquitto: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("resonance_tui.hosting.desk.Desk.watch_s", 1.5)
    settle(mosquitto)
    keys = RoomKeys(tmp_path / "keys")
    async with crowd(mosquitto, 5) as people, lacking(mosquitto.port) as url:
        desk = Desk(parse_broker_url(url), keys, keys.make(CHANNEL))
        run = asyncio.create_task(desk.run())
        try:
            await until(lambda: desk.status.state is LinkState.CONNECTED)
            rules = await desk.act("lock")
            assert set(rules.admitted) == set(people.ids)
        finally:
            run.cancel()
            await asyncio.wait([run])


async def test_the_list_says_that_there_may_be_more(mosquitto: Any) -> None:
    async with crowd(mosquitto, 3), lacking(mosquitto.port) as url:
        sure = await list_channels(parse_broker_url(mosquitto.url), wait=0.3)
        assert [room.is_sure for room in sure] == [True]
        heard = await list_channels(parse_broker_url(url), wait=1.5)
        assert [room.is_sure for room in heard] == [False]
