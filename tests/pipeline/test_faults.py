"""The fault table: what breaks at a real broker, and what every screen and the recorder make of it.

Two viewers and a recorder, all of them sessions, with a heartbeat of one second and a time to live
of two and a half. However a fault goes, the counts are right again within a heartbeat, nobody is
counted twice, ghosts go with their time to live, and what the recorder could not know is missing
from its rows.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import signal
import time
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import crowds
import pytest
from crowds import aggregating, aggregator, crowd, ledger, settle, start_aggregator
from limits import until
from seats import CHANNEL, SAD, Seat, cable

from resonance_tui.emotions import Emotion
from resonance_tui.errors import StoreError
from resonance_tui.history.samples import Sample
from resonance_tui.history.store import Store
from resonance_tui.messaging.link import Link, MqttLink
from resonance_tui.messaging.link_status import LinkState
from resonance_tui.pipeline.sources import Source
from resonance_tui.protocol.topics import new_viewer_id
from resonance_tui.protocol.urls import BrokerUrl, parse_broker_url
from resonance_tui.protocol.values import RoomSettings
from resonance_tui.session import core, room_news
from resonance_tui.session.core import Session
from resonance_tui.session.events import RoomUpdate, SessionEvent
from resonance_tui.session.plan import SessionPlan
from resonance_tui.session.room_model import RoomModel

pytestmark = [pytest.mark.mosquitto, pytest.mark.usefixtures("lasting_words")]

BRISK = RoomSettings(tick_ms=50, heartbeat_s=1, ttl_s=2, mesh_max=20)
HEARTBEAT_S, TTL_S = 1.0, BRISK.patience_s
ANSWER_S, WILL_DELAY_S = 0.7, 1
SLACK_S = 3.0  # for a busy machine, and for dialling again

Nine = tuple[int, ...]


def brisk_link(broker: BrokerUrl, plan: SessionPlan, viewer_id: str) -> Link:
    """A link that gives up soon."""
    return MqttLink(
        broker,
        plan.channel,
        viewer_id,
        observe_only=plan.observe_only,
        heartbeat_s=HEARTBEAT_S,
        connect_timeout=ANSWER_S,
        will_delay_s=WILL_DELAY_S,
    )


class Brisk(Session):
    """A session that gives up soon, and remembers every room it showed."""

    def __init__(self, plan: SessionPlan) -> None:
        super().__init__(plan, connect=brisk_link, room=RoomModel(BRISK))
        self.seen: list[tuple[float, Nine]] = []
        self.states: list[LinkState] = []
        self.add_listener(self._note)

    def _note(self, event: SessionEvent) -> None:
        if isinstance(event, RoomUpdate):
            self.seen.append((time.monotonic(), self.nine))
        self.states.append(self.view.link.state)

    @property
    def nine(self) -> Nine:
        room = self.view.room
        return (*room.counts, room.away, room.unsure)

    @property
    def is_connected(self) -> bool:
        return self.view.link.state is LinkState.CONNECTED

    def since(self, at: float) -> set[Nine]:
        """The rooms that were shown from then on."""
        return {nine for told_at, nine in self.seen if told_at >= at}


def nine(*codes: Emotion) -> Nine:
    return tuple(codes.count(code) for code in Emotion)


BOTH = nine(Emotion.HAPPINESS, Emotion.SADNESS)
FIRST = {BOTH, nine(Emotion.HAPPINESS), nine(Emotion.SADNESS)}  # while everybody comes in


@dataclass
class House:
    """ann is happy, ben is sad, and log writes down what it sees of them."""

    ann: Brisk
    ben: Brisk
    log: Brisk
    database: Path
    everybody: tuple[Brisk, ...] = field(init=False)

    def __post_init__(self) -> None:
        self.everybody = (self.ann, self.ben, self.log)

    def all_see(self, *rooms: Nine) -> bool:
        return all(each.is_connected and each.nine in rooms for each in self.everybody)

    def are(self, state: LinkState) -> bool:
        return all(each.view.link.state is state for each in self.everybody)

    def rows(self) -> list[Sample]:
        with Store(self.database, read_only=True) as store:
            return list(store.read(self.log.view.channel, None, None))

    def has_rows(self) -> bool:
        with contextlib.suppress(StoreError):  # the database is being laid out
            return bool(self.rows())
        return False


def session(url: str, folder: Path, name: str, viewer_id: str = "", **more: Any) -> Brisk:
    plan = SessionPlan(
        channel=CHANNEL,
        nickname=name,
        viewer_id=viewer_id or new_viewer_id(),
        boot=1_790_000_000,
        broker=parse_broker_url(url),
        source=Source("none"),
        engine="static",
        data_dir=folder,
    )
    return Brisk(replace(plan, **more))


@contextlib.asynccontextmanager
async def house(
    broker: Any, folder: Path, *, ann: str = "", log: str = "", ids: tuple[str, str] = ("", "")
) -> AsyncIterator[House]:
    """Everybody is in, unless both have one id. `ann`, `log`: another way to the broker."""
    database = folder / "history.sqlite"
    home = House(
        session(ann or broker.url, folder, "ann", ids[0]),
        session(broker.url, folder, "ben", ids[1]),
        session(log or broker.url, folder, "", database=database, observe_only=True),
        database,
    )
    home.ann.say(Emotion.HAPPINESS)
    home.ben.say(Emotion.SADNESS)
    async with asyncio.TaskGroup() as tasks:
        runs = [tasks.create_task(each.run()) for each in home.everybody]
        if not any(ids):
            await until(lambda: home.all_see(BOTH))
        yield home
        for run in runs:
            run.cancel()


def recorded(rows: list[Sample]) -> set[Nine]:
    return {(*row.counts, row.away, row.unsure) for row in rows}


def missing(rows: list[Sample]) -> list[int]:
    """The seconds without a row between the first and the last."""
    pairs = itertools.pairwise(row.t for row in rows)
    return [second for one, other in pairs for second in range(one + 1, other)]


# --- the broker --------------------------------------------------------------------------------


async def test_killed_and_restarted_it_has_everybody_back_and_no_ghost(
    mosquitto: Any, tmp_path: Path
) -> None:
    """It takes what was retained and every will with it into the grave."""
    async with cable(mosquitto.port) as line, house(mosquitto, tmp_path) as home:
        ghost = Seat(line.url)
        run = asyncio.create_task(ghost.link.run())
        ghost.link.publish_report(SAD)
        three = nine(Emotion.HAPPINESS, Emotion.SADNESS, Emotion.SADNESS)
        await until(lambda: home.all_see(three))
        down_at = time.time()
        mosquitto.kill()
        run.cancel()  # nobody hears its farewell
        await asyncio.wait([run])
        await until(lambda: home.are(LinkState.LOST))
        for each in home.everybody:
            assert each.view.link.detail
            assert each.view.link.retry_at is not None
            assert each.view.link.retry_at - time.monotonic() <= 5
        mosquitto.start()
        await until(lambda: home.are(LinkState.CONNECTED))
        back_at = time.time()
        await until(lambda: home.all_see(three, BOTH), within=HEARTBEAT_S + SLACK_S)
        late = Seat(mosquitto)
        late_run = asyncio.create_task(late.link.run())
        await until(lambda: late.look().viewers == 2, within=HEARTBEAT_S + SLACK_S)
        late_run.cancel()
        await until(lambda: home.all_see(BOTH), within=TTL_S + SLACK_S)
        right_at = time.monotonic()
        await asyncio.sleep(1.1)
        assert all(each.since(right_at) <= {BOTH} for each in home.everybody)
        assert home.all_see(BOTH)
    rows = home.rows()
    assert recorded(rows) <= {three} | FIRST
    assert all(down_at - 1 <= second <= back_at + 1 for second in missing(rows))


async def test_stopped_for_a_moment_nobody_notices(mosquitto: Any, tmp_path: Path) -> None:
    async with house(mosquitto, tmp_path) as home:
        began = time.monotonic()
        mosquitto.freeze()
        await asyncio.sleep(0.4)
        home.ben.say(Emotion.FEAR)
        await asyncio.sleep(0.1)
        mosquitto.thaw()
        changed = nine(Emotion.HAPPINESS, Emotion.FEAR)
        await until(lambda: home.all_see(changed), within=HEARTBEAT_S + SLACK_S)
        assert all(each.since(began) <= {BOTH, changed} for each in home.everybody)
        assert not any(LinkState.LOST in each.states for each in home.everybody)
    assert missing(home.rows()) == []


async def test_stopped_for_long_it_is_given_up_and_found_again(
    mosquitto: Any, tmp_path: Path
) -> None:
    async with house(mosquitto, tmp_path) as home:
        ids = [each.view.viewer_id for each in home.everybody]
        mosquitto.freeze()
        await until(lambda: home.are(LinkState.LOST), within=HEARTBEAT_S + ANSWER_S + SLACK_S)
        lost_at = time.time()
        home.ben.say(Emotion.FEAR)
        await asyncio.sleep(1.2)
        thawed_at = time.time()
        mosquitto.thaw()
        changed = nine(Emotion.HAPPINESS, Emotion.FEAR)
        await until(lambda: home.all_see(changed))
        right_at = time.monotonic()
        await asyncio.sleep(WILL_DELAY_S + 0.5)
        assert all(each.since(right_at) <= {changed} for each in home.everybody)
        assert [each.view.viewer_id for each in home.everybody] == ids, "nobody met himself"
    seconds = {row.t for row in home.rows()}
    assert seconds.isdisjoint(range(int(lost_at) + 1, int(thawed_at)))
    assert recorded(home.rows()) <= {changed} | FIRST


# --- the way to it -----------------------------------------------------------------------------


async def test_a_viewer_whose_line_is_cut_and_mended_never_left(
    mosquitto: Any, tmp_path: Path
) -> None:
    async with (
        cable(mosquitto.port) as line,
        house(mosquitto, tmp_path, ann=line.url) as home,
    ):
        began, dials = time.monotonic(), line.dials
        line.cut()
        await until(lambda: line.dials > dials)
        home.ben.say(Emotion.FEAR)
        changed = nine(Emotion.HAPPINESS, Emotion.FEAR)
        await until(lambda: home.all_see(changed), within=HEARTBEAT_S + SLACK_S)
        await asyncio.sleep(WILL_DELAY_S + 0.5)
        assert home.ben.since(began) | home.log.since(began) <= {BOTH, changed}
    rows = home.rows()
    assert recorded(rows) <= {changed} | FIRST and missing(rows) == []


async def test_a_viewer_who_stays_cut_off_is_taken_out_by_the_will(
    mosquitto: Any, tmp_path: Path
) -> None:
    async with (
        cable(mosquitto.port) as line,
        house(mosquitto, tmp_path, ann=line.url) as home,
    ):
        line.is_cut = True
        line.cut()
        alone = nine(Emotion.SADNESS)
        await until(lambda: home.ben.nine == home.log.nine == alone, within=TTL_S + SLACK_S)
        line.is_cut = False
        await until(lambda: home.all_see(BOTH), within=HEARTBEAT_S + SLACK_S)


async def test_a_recorder_that_is_cut_off_leaves_a_gap_and_no_guess(
    mosquitto: Any, tmp_path: Path
) -> None:
    async with (
        cable(mosquitto.port) as line,
        house(mosquitto, tmp_path, log=line.url) as home,
    ):
        await until(home.has_rows)  # something was recorded before
        line.is_cut = True
        line.cut()
        await until(lambda: not home.log.is_connected)
        cut_at = time.time()
        home.ben.say(Emotion.FEAR)
        changed = nine(Emotion.HAPPINESS, Emotion.FEAR)
        await until(lambda: home.ann.nine == home.ben.nine == changed)
        await asyncio.sleep(2.1)  # a whole second of the clock lies within
        mended_at = time.time()
        line.is_cut = False
        await until(lambda: home.all_see(changed), within=HEARTBEAT_S + SLACK_S)
        await until(lambda: home.rows()[-1].t > mended_at)
    rows = home.rows()
    assert {row.t for row in rows}.isdisjoint(range(int(cut_at) + 1, int(mended_at)))
    assert missing(rows), "the gap shows"
    assert recorded([row for row in rows if row.t > mended_at]) == {changed}


async def test_a_half_open_peer_is_gone_and_back_as_one(mosquitto: Any, tmp_path: Path) -> None:
    """Nobody hangs up, and nothing comes through: only silence tells."""
    async with (
        cable(mosquitto.port) as line,
        house(mosquitto, tmp_path, ann=line.url) as home,
    ):
        name = home.ann.view.viewer_id
        began = time.monotonic()
        line.is_blind = True
        await until(lambda: not home.ann.is_connected, within=HEARTBEAT_S + ANSWER_S + SLACK_S)
        alone = nine(Emotion.SADNESS)
        await until(lambda: home.ben.nine == home.log.nine == alone, within=TTL_S + SLACK_S)
        line.is_blind = False
        await until(lambda: home.all_see(BOTH), within=HEARTBEAT_S + SLACK_S)
        right_at = time.monotonic()
        await asyncio.sleep(WILL_DELAY_S + 0.5)  # the will of the connection before
        assert home.ben.since(right_at) <= {BOTH}
        assert home.ben.since(began) <= {BOTH, alone}
        assert home.ann.view.viewer_id == name
    assert recorded(home.rows()) <= {alone} | FIRST


# --- peers -------------------------------------------------------------------------------------


async def test_twins_part_and_are_two(mosquitto: Any, tmp_path: Path) -> None:
    async with house(mosquitto, tmp_path, ids=("samesame", "samesame")) as home:
        await until(lambda: home.ann.view.viewer_id != home.ben.view.viewer_id, within=20)
        await until(lambda: home.all_see(BOTH), within=TTL_S + SLACK_S)
        details = {home.ann.view.link.detail, home.ben.view.link.detail}
        assert any("another program uses your id" in detail for detail in details)
        assert max(sum(nine) for _, nine in home.log.seen) == 2
        right_at = time.monotonic()
        await asyncio.sleep(WILL_DELAY_S + 0.5)
        assert home.log.since(right_at) <= {BOTH}
    assert max(row.viewers for row in home.rows()) == 2


@pytest.fixture
def start(mosquitto: Any) -> Iterator[Callable[[str], Any]]:
    """Starts aggregators as processes of their own; all are ended after the test."""
    started: list[Any] = []

    def start_one(agent_id: str) -> Any:
        started.append(start_aggregator(mosquitto, agent_id))
        return started[-1]

    yield start_one
    for process in started:
        process.kill()
        process.communicate()


async def test_a_killed_aggregator_leaves_no_dip_and_no_double_count(
    mosquitto: Any, start: Callable[[str], Any], tmp_path: Path
) -> None:
    settle(mosquitto)
    stays = aggregator(mosquitto, "stays")
    database = tmp_path / "history.sqlite"
    log = session(
        mosquitto.url, tmp_path, "", channel=crowds.CHANNEL, database=database, observe_only=True
    )
    async with crowd(mosquitto, 60) as people, ledger(mosquitto) as book, aggregating(stays):
        doomed = start("doomed")
        await until(lambda: 0 < stays.figures.shards < 64 and book.last == people.counts, 15)
        run = asyncio.create_task(log.run())
        await until(lambda: log.nine == people.counts and log.view.room.is_total)
        killed_at = time.monotonic()
        doomed.send_signal(signal.SIGKILL)
        await until(lambda: stays.figures.shards == 64)
        people.codes = [Emotion.FEAR] * 60
        await people.tell()
        await until(lambda: book.last == log.nine == people.counts, within=2)
        assert {sum(counts) for counts in book.since(killed_at)} == {60}
        assert {sum(counts) for counts in log.since(killed_at)} == {60}
        run.cancel()
        await asyncio.wait([run])
    with Store(database, read_only=True) as store:
        assert {row.viewers for row in store.read(crowds.CHANNEL, None, None)} == {60}


# --- the clock ---------------------------------------------------------------------------------


@pytest.mark.parametrize("jump_s", [3600, -3600])
async def test_a_clock_that_jumps_moves_the_rows_and_nothing_else(
    mosquitto: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, jump_s: int
) -> None:
    """The wall clock of viewers and recorder alike; who is here is told by the monotonic one."""
    ahead = 0.0
    clock = SimpleNamespace(time=lambda: time.time() + ahead, monotonic=time.monotonic)
    for part in (core, room_news):
        monkeypatch.setattr(part, "time", clock)
    async with house(mosquitto, tmp_path) as home:
        await until(home.has_rows)
        before = home.rows()
        began = time.monotonic()
        ahead = jump_s
        home.ben.say(Emotion.FEAR)
        changed = nine(Emotion.HAPPINESS, Emotion.FEAR)
        await until(lambda: home.all_see(changed), within=HEARTBEAT_S + SLACK_S)
        await asyncio.sleep(HEARTBEAT_S + 0.2)
        assert all(each.since(began) <= {BOTH, changed} for each in home.everybody)
        assert not any(LinkState.LOST in each.states for each in home.everybody)
    rows = home.rows()
    assert set(before) <= set(rows), "what was recorded stays as it was"
    jumped = [row for row in rows if abs(row.t - time.time() - jump_s) < 60]
    assert missing(jumped) == [] and recorded(jumped[-1:]) == {changed}
