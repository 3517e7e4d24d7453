"""`audience`: simulated viewers for demos, every one of them marked as simulated."""

from __future__ import annotations

import asyncio
import contextlib
import time
from dataclasses import dataclass

import click
from aiomqtt import MqttError

from resonance_tui.config import Config
from resonance_tui.errors import BrokerUnreachable
from resonance_tui.messaging.client import BrokerClient, broker_client
from resonance_tui.messaging.knock import newest_version
from resonance_tui.messaging.outbox import NICKNAME_EXPIRY_S, REPORT_EXPIRY_S, Outgoing
from resonance_tui.messaging.wire import (
    BrokerUrl,
    encode_nickname,
    encode_report,
    new_viewer_id,
    nickname_topic,
    normalize_channel,
    report_topic,
)
from resonance_tui.room.simulate import SimulatedViewer, crowd
from resonance_tui.room.state import SIMULATED, Report
from resonance_tui.verbs.planning import broker_or_default
from resonance_tui.verbs.running import for_seconds, run_loop

TICK_S = 0.2
HEARTBEAT_S = 10.0


@dataclass(slots=True)
class _Seat:
    """A simulated viewer's place in the room."""

    viewer: SimulatedViewer
    viewer_id: str
    seq: int = 0
    sent_at: float = 0.0


def run(config: Config, channel: str, *, viewers: int, duration: float | None, seed: int) -> None:
    """Fill the room until interrupted or `duration` seconds have passed; say what was sent."""
    show = _Show(normalize_channel(channel), viewers, seed)
    url = broker_or_default(config)
    click.echo(f"{viewers} simulated viewers enter {show.channel} at {url.public}", err=True)
    try:
        run_loop(config, lambda: for_seconds(_play(show, url), duration))
    finally:
        click.echo(f"{show.sent} reports sent", err=True)


async def _play(show: _Show, url: BrokerUrl) -> None:
    version = await newest_version(url)
    async with broker_client(
        url, lambda _topic, _payload: None, identifier=f"rsn-{new_viewer_id()}", version=version
    ) as client:
        try:
            await show.run(client)
        except MqttError as error:
            raise BrokerUnreachable(f"The connection to {url.public} was lost: {error}") from error
        finally:
            with contextlib.suppress(MqttError, TimeoutError):
                await asyncio.wait_for(show.leave(client), 3)


class _Show:
    """The crowd in its room; one connection speaks for all of it."""

    def __init__(self, channel: str, viewers: int, seed: int) -> None:
        self.channel = channel
        self.sent = 0
        self._boot = int(time.time())
        self._seats = [_Seat(viewer, new_viewer_id()) for viewer in crowd(viewers, seed)]

    async def run(self, client: BrokerClient) -> None:
        """Until cancelled. Nothing is published that did not change, but for the heartbeat."""
        for seat in self._seats:
            await client.send(self._nickname(seat, encode_nickname(seat.viewer.nickname)))
        started = time.monotonic()
        while True:
            now = time.monotonic() - started
            for seat in self._seats:
                if seat.viewer.step(now) or now - seat.sent_at >= HEARTBEAT_S:
                    await client.send(self._report(seat, now))
            await asyncio.sleep(TICK_S)

    async def leave(self, client: BrokerClient) -> None:
        """Take the whole crowd out of the room."""
        for seat in self._seats:
            await client.send(Outgoing(report_topic(self.channel, seat.viewer_id), b"", 1))
            await client.send(self._nickname(seat, b""))

    def _nickname(self, seat: _Seat, payload: bytes) -> Outgoing:
        topic = nickname_topic(self.channel, seat.viewer_id)
        return Outgoing(topic, payload, 1, NICKNAME_EXPIRY_S)

    def _report(self, seat: _Seat, now: float) -> Outgoing:
        seat.seq, seat.sent_at = seat.seq + 1, now
        viewer = seat.viewer
        report = Report(self._boot, seat.seq, viewer.code, viewer.confidence, SIMULATED)
        self.sent += 1
        topic = report_topic(self.channel, seat.viewer_id)
        return Outgoing(topic, encode_report(report), 0, REPORT_EXPIRY_S)
