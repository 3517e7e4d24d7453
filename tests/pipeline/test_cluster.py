"""Rooms on several brokers: viewers on different nodes, one dies, the whole room is counted."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from clusters import NATS, mosquitto_edges, nats_cluster, nats_of_totals
from crowds import aggregating
from limits import until
from machine import MOSQUITTO, Mosquitto
from seats import CHANNEL, HAPPY, SAD, Seat, publish, seated

from resonance_tui.emotions import Emotion
from resonance_tui.errors import BrokerRefused
from resonance_tui.messaging.aggregator import Aggregator
from resonance_tui.messaging.client import broker_client
from resonance_tui.messaging.discovery import list_channels
from resonance_tui.protocol.events import Event, TotalEvent
from resonance_tui.protocol.frames import encode_room
from resonance_tui.protocol.messages import ROOM_SETTINGS, TOTAL
from resonance_tui.protocol.urls import parse_broker_url
from resonance_tui.protocol.values import RoomSettings
from resonance_tui.room.room_clock import RoomClock
from resonance_tui.room.tally import ROOT, owner
from resonance_tui.session.room_model import RoomModel

SETTINGS = RoomSettings(tick_ms=50, heartbeat_s=4, ttl_s=30, mesh_max=200)


class Watched(Seat):
    """A seat that sees what the session would show of the room: the mesh, or the total."""

    def __init__(self, broker: str, **options: Any) -> None:
        super().__init__(broker, heartbeat_s=1.0, **options)
        self.shown = RoomModel(SETTINGS)
        self.clock = RoomClock()
        self.seen: list[tuple[float, int]] = []  # when, how many

    def see(self) -> tuple[int, ...]:
        """The seven counts; is_total in `was_total`."""
        now, link = time.monotonic(), self.link
        at = self.clock.at(now, asked_at=link.asked_at, is_connected=self.is_connected)
        self.shown.know(link.traits, at)
        events: list[Event] = link.drain()
        for event in events:
            self.shown.take(event, at)
            if isinstance(event, TotalEvent):
                self.seen.append((now, event.viewers))
        snapshot = self.shown.look(at, None)
        self.was_total = snapshot.is_total
        link.check_line(self.shown.awaits_somebody)
        return snapshot.counts


def turn(brokers: Sequence[str], first: int) -> str:
    """The same list for everybody, but each begins elsewhere."""
    return ",".join((*brokers[first:], *brokers[:first]))


def counter(broker: Mosquitto, edge: str) -> Aggregator:
    return Aggregator(parse_broker_url(broker.url), CHANNEL, f"agg-{edge}", edge=edge)


def all_see(seats: Sequence[Watched], happy: int, sad: int) -> bool:
    views = [seat.see() for seat in seats]
    return all((view[Emotion.HAPPINESS], view[Emotion.SADNESS]) == (happy, sad) for view in views)


@pytest.mark.mosquitto
@pytest.mark.skipif(MOSQUITTO is None, reason="needs Mosquitto: sudo apt-get install mosquitto")
async def test_edges_of_mosquitto_count_one_room_and_lose_nobody_with_an_edge(
    tmp_path: Path,
) -> None:
    """Six viewers on three edges. The one that adds up is killed, and its two viewers go on."""
    root = owner(ROOT, ["agg-berlin", "agg-oslo", "agg-quito"])
    names = sorted(("berlin", "oslo", "quito"), key=lambda name: f"agg-{name}" != root)
    with mosquitto_edges(tmp_path, *names) as brokers:
        edges = [brokers[name] for name in names]
        publish(edges[1], ROOM_SETTINGS.topic.of(CHANNEL), encode_room(SETTINGS), retain=True)
        urls = [edge.url for edge in edges]
        people = [Watched(turn(urls, number % 3)) for number in range(6)]
        agents = [counter(edge, name) for name, edge in brokers.items() if name != "core"]
        async with seated(*people), aggregating(*agents):
            for seat in people:
                seat.link.publish_report(HAPPY)
            await until(lambda: all_see(people, 6, 0))
            assert all(seat.was_total for seat in people)
            await until(lambda: {agent.figures.edges for agent in agents} == {3})
            assert {agent.figures.viewers for agent in agents} == {2}
            assert [agent.figures.is_root for agent in agents] == [True, False, False]
            killed_at = time.monotonic()
            edges[0].kill()
            people[1].link.publish_report(SAD)
            await until(lambda: all_see(people, 5, 1), within=SETTINGS.heartbeat_s)
            assert people[0].is_connected and people[3].is_connected
            assert sorted(agent.figures.viewers for agent in agents[1:]) == [2, 4]
            totals = {many for seat in people[1:3] for at, many in seat.seen if at > killed_at}
            assert max(totals) == 6  # nobody was counted at two edges
            back_at = time.monotonic()
            edges[0].start()
            await until(lambda: {agent.figures.edges for agent in agents} == {3})
            people[4].link.publish_report(SAD)
            await until(lambda: all_see(people, 4, 2), within=SETTINGS.heartbeat_s)
            totals = {many for seat in people for at, many in seat.seen if at > back_at}
            assert totals == {6}  # nor forgotten because one came back who had heard nothing


@pytest.mark.skipif(NATS is None, reason="needs NATS: sudo apt-get install nats-server")
async def test_a_cluster_of_nats_loses_nobody_with_a_node(tmp_path: Path) -> None:
    """Six viewers on three nodes, over MQTT 3.1.1. The streams of a dead node need some seconds
    to find another leader; nobody comes in meanwhile, and nobody who is in is missed."""
    with nats_cluster(tmp_path) as nodes:
        urls = [each.node.url for each in nodes]
        people = [Watched(turn(urls, number % 3)) for number in range(6)]
        staff = [url.replace("://", "://staff:staff@") for url in urls]
        agent = Aggregator(parse_broker_url(turn(staff, 1)), CHANNEL)
        async with seated(*people, connect=False), aggregating(agent):
            await until(lambda: all(seat.is_connected for seat in people), within=25)
            for seat in people:
                seat.link.publish_report(HAPPY)
            await until(lambda: all_see(people, 6, 0) and agent.figures.room == 6)
            dead = next(each for each in nodes if each.node.url == people[0].link.place)
            moving = [seat for seat in people if seat.link.place == dead.node.url]
            staying = [seat for seat in people if seat not in moving]
            assert staying, "all were on one node"
            dead.kill()
            counts: set[int] = set()

            def are_back() -> bool:
                counts.update(sum(seat.see()) for seat in staying)
                is_left = all(seat.link.place != dead.node.url for seat in people)
                return is_left and all(seat.is_connected for seat in people)

            await until(are_back, within=30)
            assert counts == {6}
            people[0].link.publish_report(SAD)
            await until(lambda: all_see(people, 5, 1) and agent.figures.room == 6)
            assert {seat.link.place for seat in moving}.isdisjoint({dead.node.url})


@pytest.mark.skipif(NATS is None, reason="needs NATS: sudo apt-get install nats-server")
async def test_viewers_of_a_nats_read_totals_alone_where_its_files_say_so(tmp_path: Path) -> None:
    heard: list[str] = []
    with nats_of_totals(tmp_path) as node:
        spy, staff = (
            parse_broker_url(node.node.url.replace("://", f"://{login}@"))
            for login in ("viewer:v", "staff:s")
        )
        viewer = Seat(str(node.node.url).replace("://", "://viewer:v@"))
        agent = Aggregator(staff, CHANNEL)

        def take(topic: str, *_: object) -> None:
            heard.append(topic)

        async with (
            broker_client(spy, take, identifier="spy", version=4) as client,
            seated(viewer),
            aggregating(agent),
        ):
            for topic in ("#", "resonance/1/+/r/+/+", "$MQTT/#", "$share/a/resonance/1/+/r/#"):
                with pytest.raises(BrokerRefused):
                    await client.follow(topic, 1)
            await client.follow(TOTAL.topic.filter(), 1)
            viewer.link.publish_report(HAPPY)
            await until(lambda: agent.figures.viewers == 1 and TOTAL.topic.of(CHANNEL) in heard)
            assert viewer.link.traits is not None and viewer.link.traits.denies_reports
            assert [each.channel for each in await list_channels(spy, wait=0.1)] == [CHANNEL]
        assert set(heard) == {TOTAL.topic.of(CHANNEL)}
