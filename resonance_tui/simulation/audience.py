"""A simulated crowd in a room, watched by an observer that compares what was sent and counted."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass

from resonance_tui.errors import BrokerError, NotPrivate
from resonance_tui.messaging.link_status import LinkState, LinkStatus
from resonance_tui.messaging.permissions import announced_by, check_audience
from resonance_tui.messaging.probe import negotiate_version
from resonance_tui.protocol.asides import added
from resonance_tui.protocol.urls import BrokerUrl
from resonance_tui.protocol.values import CAN_PRIVATE, REACTIONS
from resonance_tui.room.private_answers import USUAL_EPSILON
from resonance_tui.shutdown import for_seconds
from resonance_tui.simulation.crowd import SimulatedCrowd
from resonance_tui.simulation.observer import RoomObserver
from resonance_tui.simulation.simulated_connection import find_route
from resonance_tui.simulation.standing import Standing, count_mismatch
from resonance_tui.texts import mark

SETTLE_S = 3.0  # reports that are on their way arrive, a total has its tick
_OTHER_VIEWERS = 5000  # beside the crowd, that the observer's room can count

Report = Callable[[Standing], object]
LinkReport = Callable[[LinkStatus, bool], object]  # whether there was no connection before


@dataclass(frozen=True, slots=True)
class AudiencePlan:
    """The crowd that was asked for."""

    channel: str
    viewers: int
    connections: int
    seed: int
    stay_s: float
    duration: float | None  # seconds; None: until interrupted
    host_print: str | None = None  # of the room's own key, whose rules the count obeys
    is_private: bool = False  # all report privately; else as the host has it


async def run_audience(
    plan: AudiencePlan,
    url: BrokerUrl,
    *,
    every_s: float,
    on_standing: Report,
    on_end: Report,
    on_link: LinkReport,
) -> None:
    """Fill the room for as long as planned, across restarts of the broker. `on_standing` is called
    every `every_s` seconds, `on_end` once, however it ends, `on_link` when the observer's
    connection is lost and when it is back. Raises BrokerRefused, and BrokerUnreachable where
    nothing listens at the start."""
    version = await negotiate_version(url)
    await check_audience(url, plan.channel)
    route = await find_route(url, version)
    route.obey(await announced_by(url, version))
    most = plan.viewers + _OTHER_VIEWERS
    observer = RoomObserver(url, plan.channel, most, host_print=plan.host_print)
    crowd = SimulatedCrowd(
        route,
        plan.channel,
        plan.viewers,
        plan.seed,
        connections=plan.connections,
        stay_s=plan.stay_s,
        repeats_names=lambda: observer.newcomers_lack_names,
        reacts=lambda: REACTIONS in observer.abilities,
        question=lambda: observer.question,
        teams=lambda: observer.teams,
        epsilon=lambda: _epsilon(plan, observer),
    )
    failure: BaseException | None = None
    try:
        async with asyncio.TaskGroup() as tasks:
            others = [
                tasks.create_task(observer.run(), name="audience observer"),
                tasks.create_task(_tell_link(observer, on_link), name="audience link"),
                tasks.create_task(
                    _report_regularly(crowd, observer, every_s, on_standing),
                    name="audience reports",
                ),
            ]
            await observer.listens.wait()
            _check_private(plan, observer)
            await _run_crowd(crowd, observer, plan.duration, on_end)
            for task in others:
                task.cancel()
    except* (BrokerError, NotPrivate) as group:
        failure = group.exceptions[0]
    if failure is not None:
        raise failure


def _check_private(plan: AudiencePlan, observer: RoomObserver) -> None:
    """Raises NotPrivate where the room cannot count what is asked for."""
    if plan.is_private and CAN_PRIVATE not in observer.abilities:
        raise NotPrivate(
            mark("The room does not understand private reports, so nobody enters."),
            mark(
                "Start its host first: resonance-tui broker --channel {channel}",
                channel=plan.channel,
            ),
        )


def _epsilon(plan: AudiencePlan, observer: RoomObserver) -> float | None:
    """Of the crowd's reports now; None: they are open."""
    if CAN_PRIVATE not in observer.abilities:
        return None
    return observer.private_epsilon or (USUAL_EPSILON if plan.is_private else None)


async def _run_crowd(
    crowd: SimulatedCrowd, observer: RoomObserver, duration: float | None, on_end: Report
) -> None:
    """However it ends, the crowd leaves, and what it did is reported."""
    try:
        await for_seconds(crowd.run(), duration)
        await _wait_for_reports(crowd, observer)
    finally:
        last = _standing(crowd, observer)
        await crowd.leave()
        on_end(last)


async def _wait_for_reports(crowd: SimulatedCrowd, observer: RoomObserver) -> None:
    """No viewer sends any more: what is still missing after `SETTLE_S` was lost."""
    ends = time.monotonic() + SETTLE_S
    while time.monotonic() < ends and not _standing(crowd, observer).is_complete:
        await asyncio.sleep(0.1)


async def _report_regularly(
    crowd: SimulatedCrowd, observer: RoomObserver, every_s: float, on_standing: Report
) -> None:
    while True:
        await asyncio.sleep(every_s)
        if not crowd.is_leaving:
            on_standing(_standing(crowd, observer))


async def _tell_link(observer: RoomObserver, on_link: LinkReport) -> None:
    """What became of each attempt, once; that there is a connection is news after a loss only."""
    told = ("", LinkState.CONNECTED)
    while True:
        await observer.wake.wait()
        observer.wake.clear()
        status = observer.status
        news = (status.detail, status.state)
        if status.state in (LinkState.LOST, LinkState.CONNECTED) and news != told:
            told = news
            on_link(status, not observer.listens.is_set())


def _standing(crowd: SimulatedCrowd, observer: RoomObserver) -> Standing:
    room = observer.view()
    mismatch = count_mismatch(crowd.shown, added(room.counts, room.private))
    link = observer.status.state
    return Standing(crowd.alive, crowd.sent, crowd.lost, crowd.turned_away, room, mismatch, link)
