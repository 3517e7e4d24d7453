"""What the host says, in whole sessions, in totals and at an observer."""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from limits import until, within
from loopback import LoopbackHub, LoopbackLink

from resonance_tui.emotions import Emotion
from resonance_tui.errors import BrokerRefused, RemovedByHost, RoomClosed
from resonance_tui.history.store import Store
from resonance_tui.messaging.aggregator import Aggregator
from resonance_tui.messaging.client import broker_client
from resonance_tui.messaging.link import MqttLink
from resonance_tui.messaging.link_status import LinkState
from resonance_tui.pipeline.sources import Source
from resonance_tui.protocol.events import HostKeyEvent, ReportEvent
from resonance_tui.protocol.frames import (
    encode_host_key,
    encode_nickname,
    encode_report,
    encode_room,
    encode_rules,
)
from resonance_tui.protocol.messages import HOST_KEY, NICKNAME, REPORT, ROOM_SETTINGS, RULES, decode
from resonance_tui.protocol.rules import NO_RULES, RoomRules, sign_rules
from resonance_tui.protocol.table import Outgoing
from resonance_tui.protocol.urls import parse_broker_url
from resonance_tui.protocol.values import ABILITIES, NO_COUNTS, Report, RoomSettings
from resonance_tui.room.authority import Authority
from resonance_tui.room.moderation import perform
from resonance_tui.room.trust import Trust
from resonance_tui.session.core import Session
from resonance_tui.session.events import HappeningUpdate, Standing
from resonance_tui.session.plan import KnownHost, SessionPlan
from resonance_tui.signing import SigningKey, print_of
from resonance_tui.simulation.observer import RoomObserver

ROOM = "cats"
HOST, OTHER = SigningKey.from_private(bytes([1] * 32)), SigningKey.from_private(bytes([2] * 32))
HAPPY = Emotion.HAPPINESS


class Stage:
    """A room in this process: who is there besides the session, and what its host says."""

    def __init__(self, folder: Path) -> None:
        self.hub = LoopbackHub()
        self.told: list[KnownHost] = []
        self._folder = folder
        self._number = 0

    def session(self, viewer_id: str = "ann", **plan: Any) -> Session:
        plan = {"host_print": print_of(HOST.public), "remember_host": self.told.append} | plan
        made = SessionPlan(
            channel=ROOM,
            nickname=viewer_id.title(),
            viewer_id=viewer_id,
            boot=int(time.time()),
            broker=parse_broker_url("mqtt://nowhere.invalid"),
            source=plan.pop("source", Source("none")),
            engine="static",
            data_dir=self._folder,
            **plan,
        )
        return Session(made, connect=lambda *_: LoopbackLink(self.hub, ROOM, viewer_id))

    def enter(self, viewer_id: str, nickname: str = "") -> None:
        self.carry(NICKNAME.outgoing(encode_nickname(nickname or viewer_id), ROOM, viewer_id))
        self.carry(REPORT.outgoing(encode_report(Report(1, 1, HAPPY, 80, up_s=1)), ROOM, viewer_id))

    def newest(self, viewer_id: str) -> Report:
        topic = REPORT.topic.of(ROOM, viewer_id)
        event = decode(topic, self.hub._retained[topic])
        assert isinstance(event, ReportEvent)
        return event.report

    def show_key(self, key: SigningKey = HOST) -> None:
        self.carry(HOST_KEY.outgoing(encode_host_key(key.public), ROOM))

    def rule(self, rules: RoomRules, key: SigningKey = HOST, lasts_s: int = 3600) -> None:
        self._number += 1
        signed = sign_rules(rules, ROOM, self._number, int(time.time()) + lasts_s, key)
        self.carry(RULES.outgoing(encode_rules(signed), ROOM, "host"))

    def carry(self, message: Outgoing) -> None:
        self.hub.carry(message)


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    return Stage(tmp_path)


@contextlib.asynccontextmanager
async def living(session: Session) -> AsyncIterator[Session]:
    running = asyncio.create_task(session.run())
    try:
        yield session
    finally:
        running.cancel()
        await asyncio.wait([running])


def seen(session: Session) -> dict[str, str]:
    return {row.viewer_id: row.nickname for row in session.view.room.rows}


# --- who was removed before --------------------------------------------------------------------


class Refusing(LoopbackLink):
    """A broker that lets nobody in."""

    async def run(self) -> None:
        raise BrokerRefused("broker:1883 refused: wrong user or password", "Check them")


def refused(stage: Stage, **plan: Any) -> Session:
    session = stage.session(**plan)
    session._connect = lambda *_: Refusing(stage.hub, ROOM, "ann")
    return session


async def test_who_was_removed_is_told_so_when_the_broker_refuses_them_later(stage: Stage) -> None:
    told: list[bool] = []
    with pytest.raises(RemovedByHost, match="the host removed you from cats"):
        await refused(stage, was_removed=True, remember_removal=told.append).run()
    with pytest.raises(BrokerRefused, match="wrong user"):
        await refused(stage, remember_removal=told.append).run()
    assert told == []


async def test_a_removal_is_remembered_until_one_is_let_in_again(stage: Stage) -> None:
    told: list[bool] = []
    stage.show_key()
    stage.rule(RoomRules(removed=("ann",)))
    with pytest.raises(RemovedByHost):
        await stage.session(remember_removal=told.append).run()
    assert told == [True]
    stage.rule(RoomRules())
    async with living(stage.session(was_removed=True, remember_removal=told.append)):
        await until(lambda: told == [True, False])


async def test_who_is_still_removed_stays_remembered_as_that(stage: Stage) -> None:
    told: list[bool] = []
    stage.show_key()
    stage.rule(RoomRules(removed=("ann",)))
    with pytest.raises(RemovedByHost):
        await stage.session(was_removed=True, remember_removal=told.append).run()
    assert told[-1] is True


async def test_a_guest_whose_clock_is_ahead_is_told_why_nothing_holds(stage: Stage) -> None:
    stage.enter("bob")
    stage.show_key()
    stage.rule(RoomRules(muted=("bob",)), lasts_s=-86_400)
    async with living(stage.session()) as ann:
        await until(lambda: "If that clock is wrong, set it" in ann.view.notice)
        assert "bob" in seen(ann)
        stage.rule(RoomRules(muted=("bob",)))
        await until(lambda: set(seen(ann)) == {"ann"})


# --- others ------------------------------------------------------------------------------------


async def test_who_is_muted_is_not_on_the_screen_and_comes_back(stage: Stage) -> None:
    stage.enter("bob")
    stage.show_key()
    async with living(stage.session()) as ann:
        await until(lambda: set(seen(ann)) == {"ann", "bob"})
        stage.rule(RoomRules(muted=("bob",), host_ids=("ann",)))
        await until(lambda: set(seen(ann)) == {"ann"})
        assert (ann.view.room.viewers, ann.view.room.counts[HAPPY]) == (1, 0)
        assert ann.view.room.rows[0].is_host
        assert ann.view.trust is Trust.LINK and ann.view.rules is not None
        stage.rule(RoomRules())
        await until(lambda: ann.view.room.viewers == 2)


async def test_rules_are_there_before_a_newcomer_sees_whom_they_are_about(stage: Stage) -> None:
    stage.enter("bob")
    stage.rule(RoomRules(removed=("bob",)))
    ever: set[str] = set()
    ann = stage.session()
    ann.add_listener(lambda _event: ever.update(seen(ann)))
    async with living(ann):
        await until(lambda: ann.view.rules)
        await until(lambda: ann.view.room.viewers == 1)
    assert ever == {"ann"}


async def test_nobody_is_said_to_have_left_who_was_muted(stage: Stage) -> None:
    for each in ("bob", "mia", "zoe"):
        stage.enter(each, each.title())
    stage.show_key()
    async with living(stage.session()) as ann:
        await until(lambda: set(seen(ann)) == {"ann", "bob", "mia", "zoe"})
        await until(ann.timeline)  # what is seen is a fact
        stage.rule(RoomRules(muted=("bob",)))
        ann.mute_locally("mia")
        await until(lambda: set(seen(ann)) == {"ann", "zoe"})
        stage.carry(REPORT.clearing(ROOM, "zoe"))
        await until(lambda: [e.names for e in ann.view.happenings if e.kind == "left"])
        assert [e.names for e in ann.view.happenings if e.kind == "left"] == [("Zoe",)]


async def test_a_forgers_rules_move_nothing(stage: Stage) -> None:
    stage.enter("bob")
    stage.show_key()
    async with living(stage.session()) as ann:
        await until(lambda: set(seen(ann)) == {"ann", "bob"})
        stage.show_key(OTHER)
        for rules in (RoomRules(muted=("bob",)), RoomRules(removed=("ann",)), RoomRules(closed="")):
            stage.rule(rules, OTHER)
        stage.enter("mia")
        await until(lambda: set(seen(ann)) == {"ann", "bob", "mia"})
        assert (ann.view.rules, ann.view.notice, ann.view.trust) == (None, "", Trust.LINK)


async def test_a_room_without_a_key_is_as_it_always_was(stage: Stage) -> None:
    stage.enter("bob")
    async with living(stage.session(host_print=None)) as ann:
        await until(lambda: set(seen(ann)) == {"ann", "bob"})
        assert (ann.view.rules, ann.view.trust, ann.view.notice) == (None, Trust.UNKNOWN, "")
        assert ann.view.host.standing is Standing.COUNTED


async def test_one_viewer_mutes_somebody_and_hides_nicknames_for_itself_alone(
    stage: Stage,
) -> None:
    stage.enter("bob", "Bob")
    stage.enter("mia", "Mia")
    async with living(stage.session()) as ann:
        await until(lambda: set(seen(ann)) == {"ann", "bob", "mia"})
        ann.mute_locally("bob")
        await until(lambda: set(seen(ann)) == {"ann", "mia"})
        ann.hide_nicknames(True)
        await until(lambda: seen(ann) == {"ann": "Ann", "mia": ""})
        assert (ann.view.host.muted_here, ann.view.host.hides_nicknames) == ({"bob"}, True)
        ann.hide_nicknames(False)
        ann.mute_locally("bob", False)
        await until(lambda: seen(ann) == {"ann": "Ann", "bob": "Bob", "mia": "Mia"})


async def test_who_is_muted_is_not_recorded(stage: Stage, tmp_path: Path) -> None:
    stage.rule(RoomRules(muted=("bob",)))
    stage.enter("bob")
    database = tmp_path / "history.db"
    watcher = stage.session("log", database=database, observe_only=True)
    async with living(watcher):
        await until(lambda: watcher.view.rules)
        stage.enter("mia")
        await until(lambda: watcher.view.room.viewers == 1)
        with Store(database) as store:
            await until(lambda: len(store.read(ROOM)) >= 2)
            assert {row.viewers for row in store.read(ROOM)} <= {0, 1}


async def test_of_few_nothing_is_recorded_and_the_screen_counts_nobody(
    stage: Stage, tmp_path: Path
) -> None:
    stage.rule(RoomRules(least=4))
    stage.enter("bob")
    stage.enter("mia")
    database = tmp_path / "history.db"
    async with living(stage.session(database=database)) as ann:
        await until(lambda: ann.view.room.missing == 1)
        assert (ann.view.room.counts, seen(ann)) == ((0,) * 7, {"ann": "Ann"})
        assert ann.view.resonance is None and ann.timeline() == ()
        stage.enter("zoe")
        with Store(database) as store:
            await until(lambda: store.read(ROOM))
            assert all(row.viewers >= 4 and row.counts[HAPPY] == 0 for row in store.read(ROOM))


async def test_a_blind_room_is_seen_and_recorded_by_who_has_reacted(
    stage: Stage, tmp_path: Path
) -> None:
    stage.rule(RoomRules(blind=True))
    stage.enter("bob")
    async with living(stage.session()) as ann, living(stage.session("host", has_key=True)) as host:
        await until(lambda: ann.view.room.viewers == 3 and ann.view.room.is_blind)
        await until(lambda: host.view.room.counts[HAPPY] == 1)
        assert (ann.view.room.counts, ann.timeline()) == ((0,) * 7, ())
        ann.say(Emotion.NEUTRAL)
        await until(lambda: ann.view.room.counts[HAPPY] == 1)
        assert not ann.view.room.is_blind


# --- oneself -----------------------------------------------------------------------------------


async def test_who_is_muted_itself_is_told_and_told_when_it_is_over(stage: Stage) -> None:
    async with living(stage.session()) as ann:
        await until(lambda: set(seen(ann)) == {"ann"})
        stage.rule(RoomRules(muted=("ann",)))
        await until(lambda: ann.view.room.viewers == 0)
        assert ann.view.host.standing is Standing.MUTED
        assert "muted you" in ann.view.notice
        stage.rule(RoomRules())
        await until(lambda: ann.view.room.viewers == 1)
        assert "counts you again" in ann.view.notice


async def test_who_asks_to_be_forgotten_says_so_until_the_host_has(stage: Stage) -> None:
    stage.rule(perform(NO_RULES, "forgotten", "ann", by="host", t=1.0))  # of another evening
    async with living(stage.session()) as ann:
        await until(lambda: ann.view.rules)
        assert "deleted" not in ann.view.notice, "nobody asked on this one"
        ann.ask_to_be_forgotten(True)
        await until(lambda: stage.newest("ann").asks_to_be_forgotten)
        stage.rule(perform(NO_RULES, "forgotten", "bob", by="host", t=2.0))
        stage.rule(perform(NO_RULES, "forgotten", "ann", by="host", t=3.0))
        await until(lambda: not ann.view.asks_to_be_forgotten)
        assert "recorded of you is deleted" in ann.view.notice
        rules = ann.view.rules  # the same once more, after some time without any
        assert not any(ann._host._forgets(each, "ann") for each in (None, rules))


async def test_who_comes_after_the_lock_watches_and_is_told(stage: Stage) -> None:
    stage.enter("bob")
    stage.rule(RoomRules(is_locked=True, admitted=("bob",)))
    async with living(stage.session()) as ann:
        await until(lambda: "locked" in ann.view.notice)
        assert set(seen(ann)) == {"bob"}
        assert ann.view.host.standing is Standing.LOCKED_OUT
        assert not [e for e in ann.view.happenings if e.kind == "host"]


async def test_who_is_removed_is_told_and_leaves_nothing_behind(stage: Stage) -> None:
    ann = stage.session()
    running = asyncio.create_task(ann.run())
    await until(lambda: set(seen(ann)) == {"ann"})
    stage.rule(RoomRules(removed=("ann",)))
    with pytest.raises(RemovedByHost, match="the host removed you"):
        async with within(5):
            await running
    assert REPORT.topic.of(ROOM, "ann") not in stage.hub._retained
    with pytest.raises(RemovedByHost):  # and so again, by what is remembered
        async with within(5):
            await stage.session(host_print=None, known_host=stage.told[-1]).run()


async def test_the_host_is_remembered_by_who_leaves_while_that_is_about_to_be_written(
    stage: Stage,
) -> None:
    loop, is_free = asyncio.get_running_loop(), threading.Event()
    loop.set_default_executor(ThreadPoolExecutor(1))
    async with living(stage.session()) as ann:
        await until(lambda: set(seen(ann)) == {"ann"})
        other_work = loop.run_in_executor(None, is_free.wait)
        stage.show_key()
        await until(lambda: ann.view.host.key)
        loop.call_later(0.1, is_free.set)
    await other_work
    assert stage.told == [KnownHost(HOST.public, 0)]


async def test_a_closed_room_is_left_with_the_hosts_word_but_not_by_its_host(
    stage: Stage,
) -> None:
    stage.rule(RoomRules(closed="Thanks, all!", host_ids=("eve",)))
    ann = stage.session()
    with pytest.raises(RoomClosed, match="the host closed the room: Thanks, all!") as caught:
        async with within(5):
            await ann.run()
    assert caught.value.is_final
    assert (ann.view.link.state, ann.view.camera.state) == (LinkState.CLOSED, "off")
    async with living(stage.session("eve")) as eve:
        await until(lambda: eve.view.rules)
        await until(lambda: set(seen(eve)) == {"eve"})


async def test_in_slow_mode_one_says_less_and_in_between_nothing_is_lost(stage: Stage) -> None:
    link = LoopbackLink(stage.hub, ROOM, "ear")
    stage.hub.attach(link)
    async with living(stage.session()) as ann:
        await until(lambda: set(seen(ann)) == {"ann"})
        stage.rule(RoomRules(slow_s=2))
        await until(lambda: ann.view.rules)
        told: list[tuple[float, Emotion]] = []

        def is_told(code: Emotion) -> bool:
            reports = [e.report.code for e in link.drain() if hasattr(e, "report")]
            told.extend((time.monotonic(), each) for each in reports)
            return any(each[1] is code for each in told)

        ann.say(Emotion.ANGER)
        await until(lambda: is_told(Emotion.ANGER))
        ann.say(Emotion.FEAR)
        await until(lambda: is_told(Emotion.FEAR))
        assert told[-1][0] - told[-2][0] > 1.5


async def test_a_film_as_camera_is_marked(stage: Stage, tmp_path: Path) -> None:
    source = Source("file", str(tmp_path / "film.mp4"))
    async with living(stage.session(source=source)) as ann:
        await until(lambda: set(seen(ann)) == {"ann"})
        assert ann.view.room.rows[0].is_film
        ann.set_source(Source("none"))
        await until(lambda: not ann.view.room.rows[0].is_film)


async def test_what_the_host_changes_for_all_is_told_as_something_that_happens(
    stage: Stage,
) -> None:
    heard: list[str] = []
    ann = stage.session()
    ann.add_listener(
        lambda event: (
            heard.append(event.text)
            if isinstance(event, HappeningUpdate) and event.kind == "host"
            else None
        )
    )
    stage.rule(RoomRules(slow_s=5))
    async with living(ann):
        await until(lambda: ann.view.rules)
        stage.rule(RoomRules(slow_s=5, is_locked=True, admitted=("ann",), nicknames_off=True))
        await until(lambda: len(heard) == 2)
    assert heard == ["the host locked the room", "nicknames are off"]


# --- the host's key ----------------------------------------------------------------------------


async def test_the_hosts_key_and_number_are_remembered(stage: Stage) -> None:
    stage.show_key()
    async with living(stage.session()) as ann:
        await until(lambda: stage.told)
        stage.rule(RoomRules(slow_s=1))
        await until(lambda: ann.view.rules)
        await until(lambda: stage.told[-1:] == [KnownHost(HOST.public, 1)])


async def test_a_changed_key_is_said_and_holds_once_it_is_accepted(stage: Stage) -> None:
    stage.enter("bob")
    stage.show_key(OTHER)
    stage.rule(RoomRules(muted=("bob",)), OTHER)
    known = KnownHost(HOST.public, 40)
    async with living(stage.session(host_print=None, known_host=known)) as ann:
        await until(lambda: "another host key" in ann.view.notice)
        assert ann.view.trust is Trust.CHANGED
        await until(lambda: set(seen(ann)) == {"ann", "bob"})
        assert stage.told == []
        ann.accept_host_key()
        await until(lambda: set(seen(ann)) == {"ann"})
        await until(lambda: stage.told[-1:] == [KnownHost(OTHER.public, 1)])


# --- over a broker -----------------------------------------------------------------------------


@pytest.mark.mosquitto
async def test_rules_go_over_a_broker_and_stay_when_their_author_has_left(
    mosquitto: Any,
) -> None:
    url = parse_broker_url(mosquitto.url)
    signed = sign_rules(RoomRules(muted=("bob",)), ROOM, 1, int(time.time()) + 3600, HOST)
    author = MqttLink(url, ROOM, "host")
    author.publish_rules(signed)
    running = asyncio.create_task(author.run())
    authority = Authority(ROOM, host_print=print_of(HOST.public))

    def is_heard(link: MqttLink) -> bool:
        for event in link.drain():
            if hasattr(event, "signed") or isinstance(event, HostKeyEvent):
                authority.take(event, time.monotonic())
        return authority.look(time.monotonic(), time.time()) is not None

    await until(lambda: is_heard(author))
    running.cancel()
    await asyncio.wait([running])
    authority = Authority(ROOM, host_print=print_of(HOST.public))
    late = MqttLink(url, ROOM, "late")
    running = asyncio.create_task(late.run())
    await until(lambda: is_heard(late))
    running.cancel()
    await asyncio.wait([running])
    assert authority.rules == RoomRules(muted=("bob",))


@pytest.mark.mosquitto
async def test_totals_and_observers_count_nobody_who_is_muted_and_no_few(mosquitto: Any) -> None:
    url = parse_broker_url(mosquitto.url)
    people = ("ann", "bob", "mia")
    counter = Aggregator(url, ROOM, authority=Authority(ROOM, host_print=print_of(HOST.public)))
    watcher = RoomObserver(url, ROOM, 100, host_print=print_of(HOST.public))
    tasks = [asyncio.create_task(counter.run()), asyncio.create_task(watcher.run())]
    async with broker_client(url, lambda *_: None, identifier="crowd", version=5) as client:
        for each in people:
            await client.send(
                REPORT.outgoing(encode_report(Report(1, 1, HAPPY, 80, up_s=1)), ROOM, each)
            )
        await until(lambda: counter.figures.room == 3)
        await until(lambda: watcher.view().viewers == 3)
        rules = sign_rules(RoomRules(muted=("bob",)), ROOM, 1, int(time.time()) + 3600, HOST)
        await client.send(RULES.outgoing(encode_rules(rules), ROOM, "host"))
        await until(lambda: counter.figures.room == 2)
        await until(lambda: watcher.view().viewers == 2)
        rules = sign_rules(RoomRules(least=5), ROOM, 2, int(time.time()) + 3600, HOST)
        await client.send(RULES.outgoing(encode_rules(rules), ROOM, "host"))
        await until(lambda: watcher.view().counts == NO_COUNTS)
        assert (watcher.view().source, watcher.view().viewers) == ("total", 3)
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks)


@pytest.mark.mosquitto
async def test_totals_and_observers_tell_old_from_fresh_by_the_rooms_own_heartbeat(
    mosquitto: Any,
) -> None:
    url = parse_broker_url(mosquitto.url)
    settings = encode_room(RoomSettings(heartbeat_s=30))
    dead = REPORT.outgoing(encode_report(Report(1, 1, HAPPY, 80, up_s=1)), ROOM, "dead")
    async with broker_client(url, lambda *_: None, identifier="crowd", version=5) as client:
        await client.send(ROOM_SETTINGS.outgoing(settings, ROOM))
        await client.send(replace(dead, expiry_s=8))  # of 45: it was made 37 s ago
        fresh = REPORT.outgoing(encode_report(Report(1, 1, HAPPY, 80, up_s=1)), ROOM, "ann")
        await client.send(replace(fresh, expiry_s=25))  # 20 s ago
        counter, watcher = Aggregator(url, ROOM), RoomObserver(url, ROOM, 100)
        tasks = [asyncio.create_task(watcher.run()), asyncio.create_task(counter.run())]
        await until(lambda: counter.figures.is_whole and watcher.view().viewers)
        assert (counter.figures.room, watcher.view().viewers) == (1, 1)
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks)


# --- who comes to a room whose host wants private reports --------------------------------------


class Watched(LoopbackLink):
    """Keeps what its viewer has said."""

    said: list[Report]

    def publish_report(self, report: Report) -> None:
        self.said.append(report)
        super().publish_report(report)


async def test_nothing_open_is_sent_before_the_rule_is_heard(stage: Stage) -> None:
    """Also where the key that signed it comes a moment after the connection."""
    settings = RoomSettings(abilities=ABILITIES)
    stage.carry(ROOM_SETTINGS.outgoing(encode_room(settings), ROOM))
    stage.rule(RoomRules(private_eps=200))
    link, session = Watched(stage.hub, ROOM, "ann"), stage.session(host_print=None)
    link.said = []
    session._connect = lambda *_: link
    async with living(session):
        session.say(HAPPY)
        await until(lambda: session._host.may_want_privacy)
        stage.show_key()
        await until(lambda: session.view.host.shown_key)
        session.accept_host_key()
        await until(lambda: session.view.privacy is not None)
    assert all(report.is_private for report in link.said)


async def test_rules_of_nobody_known_hold_up_only_who_they_would_make_private(stage: Stage) -> None:
    """Most rooms have rules, and whoever has no link believes none of them at first."""
    stage.rule(RoomRules(title="Cats", least=5))
    session = stage.session(host_print=None)
    async with living(session):
        await until(lambda: session._host._authority.others)
        assert not session._host.may_want_privacy
