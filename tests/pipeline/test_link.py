"""The line to a room against a real broker: as it should be, and when things break."""

# pyright: reportPrivateUsage=false

from __future__ import annotations

import asyncio
import shutil
import signal
import time
from pathlib import Path
from typing import Any

import pytest
from children import run_child
from limits import patience, until, within
from seats import CHANNEL, HAPPY, SAD, Seat, publish, rows, seated, start_python

from resonance_tui.emotions import Emotion
from resonance_tui.errors import BrokerRefused, CertificateProblem
from resonance_tui.messaging.discovery import ChannelInfo, list_channels
from resonance_tui.messaging.link_status import LinkState
from resonance_tui.messaging.probe import is_reachable
from resonance_tui.protocol.events import ReportEvent, RoomEvent
from resonance_tui.protocol.frames import encode_room
from resonance_tui.protocol.messages import ROOM_SETTINGS
from resonance_tui.protocol.urls import parse_broker_url
from resonance_tui.protocol.values import RoomSettings
from resonance_tui.room.state import RoomState

pytestmark = pytest.mark.mosquitto


# --- a room as it should be --------------------------------------------------------------------


async def test_a_report_is_seen_by_another_within_a_second(mosquitto: Any) -> None:
    alice, bob = Seat(mosquitto), Seat(mosquitto)
    async with seated(alice, bob):
        alice.link.publish_nickname("Alice")
        alice.link.publish_report(HAPPY)
        expected = {alice.link.viewer_id: ("Alice", Emotion.HAPPINESS)}
        assert await until(lambda: rows(bob) == expected) < patience(1)
        alice.link.publish_report(SAD)
        assert await until(lambda: bob.look().counts[Emotion.SADNESS] == 1) < patience(1)
        assert bob.look().viewers == 1


async def test_who_comes_late_sees_everybody_at_once(mosquitto: Any) -> None:
    alice = Seat(mosquitto, heartbeat_s=60)
    async with seated(alice):
        alice.link.publish_nickname("Alice")
        alice.link.publish_report(HAPPY)
        await until(lambda: alice.look().viewers == 1)
        bob = Seat(mosquitto, heartbeat_s=60)
        async with seated(bob):
            expected = {alice.link.viewer_id: ("Alice", Emotion.HAPPINESS)}
            assert await until(lambda: rows(bob) == expected) < patience(1)


async def test_leaving_in_good_order_shows_at_once_and_leaves_nothing_behind(
    mosquitto: Any,
) -> None:
    bob = Seat(mosquitto)
    async with seated(bob):
        alice = Seat(mosquitto)
        async with seated(alice):
            alice.link.publish_nickname("Alice")
            alice.link.publish_report(HAPPY)
            await until(lambda: bob.look().viewers == 1)
        assert await until(lambda: bob.look().viewers == 0) < patience(0.5)
        late = Seat(mosquitto)
        async with seated(late):
            await asyncio.sleep(0.2)
            assert late.link.drain() == []


async def test_withdrawing_hides_and_the_next_report_shows_again_with_the_name(
    mosquitto: Any,
) -> None:
    alice, bob = Seat(mosquitto), Seat(mosquitto)
    async with seated(alice, bob):
        alice.link.publish_nickname("Alice")
        alice.link.publish_report(HAPPY)
        await until(lambda: bob.look().viewers == 1)
        alice.link.withdraw()
        await until(lambda: bob.look().viewers == 0)
        await asyncio.sleep(1.2)  # two heartbeats, which must not bring her back
        assert bob.look().viewers == 0
        alice.link.publish_report(SAD)
        await until(lambda: rows(bob) == {alice.link.viewer_id: ("Alice", Emotion.SADNESS)})


async def test_a_nickname_alone_tells_nobody_that_one_is_there(mosquitto: Any) -> None:
    alice, bob = Seat(mosquitto), Seat(mosquitto)
    async with seated(alice, bob):
        alice.link.publish_nickname("Alice")
        await asyncio.sleep(0.3)
        assert bob.link.drain() == []


async def test_heartbeats_keep_a_still_viewer_alive(mosquitto: Any) -> None:
    alice, bob = Seat(mosquitto, heartbeat_s=0.3), Seat(mosquitto)
    bob.room = RoomState(ttl=1.0, stale_after=0.8)
    async with seated(alice, bob):
        alice.link.publish_report(HAPPY)
        await until(lambda: bob.look().viewers == 1)
        ends = time.monotonic() + 2.0
        while time.monotonic() < ends:
            assert [row.is_stale for row in bob.look().rows] == [False]
            await asyncio.sleep(0.05)


async def test_another_heartbeat_holds_at_once(mosquitto: Any) -> None:
    alice, bob = Seat(mosquitto, heartbeat_s=60), Seat(mosquitto)
    async with seated(alice, bob):
        alice.link.publish_report(HAPPY)
        await until(lambda: bob.look().viewers == 1)
        bob.link.drain()
        alice.link.set_heartbeat(0.2)
        assert await until(bob.link.drain) < patience(10)  # not in a minute


async def test_who_does_not_hear_everybody_hears_nobody_until_it_does_again(mosquitto: Any) -> None:
    alice, bob = Seat(mosquitto, heartbeat_s=0.1), Seat(mosquitto, heartbeat_s=60)
    async with seated(alice, bob):
        alice.link.publish_nickname("Alice")
        alice.link.publish_report(HAPPY)
        await until(lambda: bob.look().viewers == 1)
        bob.link.subscribe_all(False)
        await until(lambda: not bob.link._subscribed_to_all)
        bob.link.drain()
        await asyncio.sleep(0.5)
        assert bob.link.drain() == []
        bob.room = RoomState()
        bob.link.subscribe_all(True)
        await until(lambda: rows(bob) == {alice.link.viewer_id: ("Alice", Emotion.HAPPINESS)})


async def test_a_report_after_heartbeats_still_counts_as_newer(mosquitto: Any) -> None:
    alice, bob = Seat(mosquitto, heartbeat_s=0.1), Seat(mosquitto)
    async with seated(alice, bob):
        alice.link.publish_report(HAPPY)
        await until(lambda: bob.look().viewers == 1)

        def took_sads_number() -> bool:
            drained = bob.link.drain()
            return any(isinstance(e, ReportEvent) and e.report.seq > SAD.seq for e in drained)

        await until(took_sads_number)  # a heartbeat
        alice.link.publish_report(SAD)
        await until(lambda: bob.look().counts[Emotion.SADNESS] == 1)


async def test_an_observer_hears_and_is_not_heard(mosquitto: Any) -> None:
    alice, watcher = Seat(mosquitto), Seat(mosquitto, observe_only=True)
    async with seated(alice, watcher):
        alice.link.publish_report(HAPPY)
        await until(lambda: watcher.look().viewers == 1)
        rooms = await list_channels(parse_broker_url(mosquitto.url), wait=0.2)
        assert rooms == [ChannelInfo(CHANNEL, 1, False)]


async def test_the_settings_of_the_host_arrive(mosquitto: Any) -> None:
    publish(
        mosquitto, ROOM_SETTINGS.topic.of(CHANNEL), encode_room(RoomSettings(ttl_s=45)), retain=True
    )
    alice = Seat(mosquitto)
    async with seated(alice):
        await until(lambda: alice.link.wake.is_set())
        await until(
            lambda: RoomEvent(CHANNEL, RoomSettings(ttl_s=45)) in alice.link.drain(), within=2
        )


# --- what goes wrong ---------------------------------------------------------------------------

VIEWER = """
import asyncio, sys
from resonance_tui.emotions import Emotion
from resonance_tui.messaging.link import MqttLink
from resonance_tui.protocol.urls import parse_broker_url
from resonance_tui.protocol.values import Report

link = MqttLink(parse_broker_url(sys.argv[1]), "cinema", "doomed", will_delay_s=1)
link.publish_nickname("Doomed")
link.publish_report(Report(1, 1, Emotion.FEAR, 50))
asyncio.run(link.run())
"""


async def test_a_killed_viewer_is_gone_after_the_will(mosquitto: Any) -> None:
    bob = Seat(mosquitto)
    async with seated(bob):
        viewer = start_python(VIEWER, mosquitto.url)
        try:
            await until(lambda: rows(bob) == {"doomed": ("Doomed", Emotion.FEAR)}, within=15)
        finally:
            viewer.send_signal(signal.SIGKILL)
            viewer.communicate()
        took = await until(lambda: bob.look().viewers == 0)
        assert took > 0.5, "the will has to wait: a viewer who is back in time never left"


async def test_a_broker_that_forgot_everything_is_told_at_once(mosquitto: Any) -> None:
    """Not with the next heartbeat only."""
    alice, bob = Seat(mosquitto, heartbeat_s=60), Seat(mosquitto, heartbeat_s=60)
    async with seated(alice, bob):
        alice.link.publish_nickname("Alice")
        alice.link.publish_report(HAPPY)
        bob.link.publish_report(SAD)
        await until(lambda: alice.look().viewers == bob.look().viewers == 2)
        mosquitto.kill()
        mosquitto.start()
        carol = Seat(mosquitto)
        async with seated(carol):
            names = {("Alice", Emotion.HAPPINESS), ("", Emotion.SADNESS)}
            await until(lambda: set(rows(carol).values()) == names)


async def test_a_broker_that_comes_later_is_found(make_mosquitto: Any) -> None:
    broker = make_mosquitto()
    alice = Seat(broker)
    async with seated(alice, connect=False):
        await until(lambda: alice.link.status.retry_at is not None)
        assert "nothing listens" in alice.link.status.detail
        alice.link.publish_report(HAPPY)
        broker.start()
        await until(lambda: alice.is_connected)
        await until(lambda: alice.look().viewers == 1)


async def test_a_wrong_password_ends_it(make_mosquitto: Any) -> None:
    broker = make_mosquitto()
    demand_password(broker, "secret")
    broker.start()
    for url, words in (
        (f"mqtt://alice:wrong@127.0.0.1:{broker.port}", "wrong user or password"),
        (f"mqtt://k3v4x2qmabcde:wrong@127.0.0.1:{broker.port}", "does not know this account"),
        (broker.url, "asks for a user"),
    ):
        seat = Seat(url)
        with pytest.raises(BrokerRefused, match=words) as caught:
            async with within(5):
                await seat.link.run()
        assert "wrong" not in caught.value.hint
        assert seat.link.status.state is LinkState.CLOSED
    alice = Seat(f"mqtt://alice:secret@127.0.0.1:{broker.port}")
    async with seated(alice):
        assert alice.link.status.detail == ""


async def test_a_login_that_worked_before_is_tried_again_slowly(make_mosquitto: Any) -> None:
    broker = make_mosquitto()
    broker.start()
    alice = Seat(f"mqtt://alice:secret@127.0.0.1:{broker.port}")
    async with seated(alice):
        broker.kill()
        demand_password(broker, "changed")
        broker.start()
        await until(lambda: "refused" in alice.link.status.detail)
        assert alice.link.status.retry_at is not None
        assert alice.link.status.retry_at - time.monotonic() > 10


def demand_password(broker: Any, password: str) -> None:
    """From its next start on, the broker lets in alice with this password and nobody else."""
    tool = shutil.which("mosquitto_passwd")
    if tool is None:
        pytest.skip("mosquitto_passwd is not installed")
    users = broker.folder / "users"
    run_child([tool, "-b", "-c", str(users), "alice", password], check=True)
    broker.lines = ("allow_anonymous false", f"password_file {users}")


async def test_tls_is_spoken_and_a_certificate_from_nobody_is_not_trusted(
    make_mosquitto: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    broker = make_mosquitto()
    certificate = present_certificate(broker)
    broker.start()
    url = f"mqtts://localhost:{broker.port}"
    with pytest.raises(CertificateProblem, match="is not valid"):
        await Seat(url).link.run()
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    alice = Seat(url)
    async with seated(alice):
        alice.link.publish_report(HAPPY)
        await until(lambda: alice.look().viewers == 1)
    assert await is_reachable(parse_broker_url(url))
    assert not await is_reachable(parse_broker_url(broker.url)), "TLS only"


def present_certificate(broker: Any) -> Path:
    tool = shutil.which("openssl")
    if tool is None:
        pytest.skip("openssl is not installed")
    certificate, key = broker.folder / "cert.pem", broker.folder / "key.pem"
    run_child(
        [tool, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-keyout", str(key),
         "-out", str(certificate), "-subj", "/CN=localhost",
         "-addext", "subjectAltName=DNS:localhost"],
        check=True, capture_output=True,
    )  # fmt: skip
    broker.lines += (f"certfile {certificate}", f"keyfile {key}")
    return certificate


async def test_cancelling_is_quick_even_when_the_broker_is_frozen(mosquitto: Any) -> None:
    alice = Seat(mosquitto)
    run = asyncio.create_task(alice.link.run())
    await until(lambda: alice.is_connected)
    alice.link.publish_report(HAPPY)
    await until(lambda: alice.look().viewers == 1)
    mosquitto.freeze()
    started = time.monotonic()
    run.cancel()
    with pytest.raises(asyncio.CancelledError):
        await run
    assert time.monotonic() - started < patience(3.5)
    mosquitto.thaw()


async def test_cancelled_at_any_moment_it_ends_at_once_and_leaves_nothing(mosquitto: Any) -> None:
    bob = Seat(mosquitto)
    async with seated(bob):
        tasks = len(asyncio.all_tasks())
        for moment in range(40):
            alice = Seat(mosquitto, heartbeat_s=0.005)
            alice.link.publish_report(HAPPY)
            run = asyncio.create_task(alice.link.run())
            await asyncio.sleep(0.001 * moment)
            run.cancel()
            done, _ = await asyncio.wait([run], timeout=patience(3))
            assert done and run.cancelled(), f"cancelled after {moment} ms"
        await until(lambda: len(asyncio.all_tasks()) <= tasks, within=3)
        await until(lambda: bob.look().viewers == 0, within=4)


async def test_a_heartbeat_that_changes_again_and_again_makes_few_reports(mosquitto: Any) -> None:
    seat = Seat(mosquitto, heartbeat_s=60)
    seat.link.publish_report(HAPPY)
    async with seated(seat):
        await until(lambda: seat.link._retained._seq)
        before = seat.link._retained._seq
        for number in range(100):
            seat.link.set_heartbeat(30.0 + number % 2)
            await asyncio.sleep(0.01)
        await until(lambda: seat.link._retained._seq > before)
        assert seat.link._retained._seq <= before + 2


async def test_a_report_that_is_cleared_twice_comes_back_twice(mosquitto: Any) -> None:
    seat = Seat(mosquitto, heartbeat_s=60)
    seat.link.publish_report(HAPPY)
    async with seated(seat):
        await until(lambda: seat.link._retained._seq)
        for _ in range(2):
            sent = seat.link._retained._seq
            publish(mosquitto, seat.link._own_topic, b"", retain=True)
            await until(lambda sent=sent: seat.link._retained._seq > sent, within=3.0)
