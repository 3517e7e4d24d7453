"""Who is back stays: old wills, clearings by others, and sessions that the broker has kept."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from limits import until
from seats import CHANNEL, HAPPY, SAD, Seat, cable, publish, seated

from resonance_tui.messaging import link as link_module
from resonance_tui.messaging.retained import RetainedState
from resonance_tui.protocol.messages import REPORT

pytestmark = pytest.mark.mosquitto


def clear(broker: Any, viewer_id: str) -> None:
    publish(broker, REPORT.topic.of(CHANNEL, viewer_id), b"", retain=True)


def reports_of(seat: Seat) -> int:
    return seat.link._retained._seq


@pytest.mark.parametrize("hears_everybody", [True, False])
async def test_who_is_cleared_by_somebody_else_is_back_at_once_with_its_name(
    mosquitto: Any, hears_everybody: bool
) -> None:
    alice, bob = Seat(mosquitto, heartbeat_s=60), Seat(mosquitto, heartbeat_s=60)
    async with seated(alice, bob):
        alice.link.subscribe_all(hears_everybody)
        await until(lambda: alice.link._hears_own is not hears_everybody)
        alice.link.publish_nickname("Alice")
        alice.link.publish_report(HAPPY)
        await until(lambda: bob.look().viewers == 1)
        before = reports_of(alice)
        clear(mosquitto, alice.link.viewer_id)
        await until(lambda: reports_of(alice) > before)
        await until(lambda: [row.nickname for row in bob.look().rows] == ["Alice"])


async def test_two_who_clear_and_repeat_one_report_do_not_fight_at_full_speed(
    mosquitto: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(link_module, "RESTORE_EVERY_S", 60.0)
    alice = Seat(mosquitto, heartbeat_s=60)
    async with seated(alice):
        alice.link.publish_report(HAPPY)
        await until(lambda: alice.look().viewers == 1)
        clear(mosquitto, alice.link.viewer_id)
        await until(lambda: reports_of(alice) == 2 and alice.look().viewers == 1)
        clear(mosquitto, alice.link.viewer_id)
        await until(lambda: alice.look().viewers == 0)
        assert reports_of(alice) == 2


async def test_who_withdrew_is_not_brought_back_by_hearing_it(mosquitto: Any) -> None:
    alice, bob = Seat(mosquitto, heartbeat_s=60), Seat(mosquitto, heartbeat_s=60)
    async with seated(alice, bob):
        alice.link.publish_report(HAPPY)
        await until(lambda: alice.look().viewers == bob.look().viewers == 1)
        alice.link.withdraw()
        await until(lambda: alice.look().viewers == bob.look().viewers == 0)
        assert alice.link._retained._seq == 1


def test_only_who_shares_is_there_to_be_restored() -> None:
    state = RetainedState(CHANNEL, "ann")
    assert not state.is_shared
    state.set_report(HAPPY)
    assert state.is_shared
    state.withdraw()
    assert not state.is_shared


async def test_a_session_that_was_kept_hears_what_is_wanted_now_and_nothing_else(
    mosquitto: Any,
) -> None:
    async with cable(mosquitto.port) as line:
        alice, bob = Seat(line.url, heartbeat_s=60), Seat(mosquitto, heartbeat_s=60)
        async with seated(alice, bob):
            bob.link.publish_report(HAPPY)
            await until(lambda: alice.look().viewers == 1)
            line.is_cut = True
            line.cut()
            await until(lambda: not alice.is_connected)
            alice.link.subscribe_all(False)
            line.is_cut = False
            await until(lambda: alice.is_connected and alice.link._subscribed_to_all is False)
            alice.link.drain()
            bob.link.publish_report(SAD)
            carol = Seat(mosquitto)
            async with seated(carol):
                await until(lambda: carol.look().viewers == 1)
            assert alice.link.drain() == []
            line.cut()
            await until(lambda: not alice.is_connected)
            alice.link.subscribe_all(True)
            await until(lambda: alice.is_connected and alice.look().counts[SAD.code] == 1)


async def test_who_comes_back_in_time_on_a_new_line_has_never_left(mosquitto: Any) -> None:
    async with cable(mosquitto.port) as line:
        alice = Seat(line.url, heartbeat_s=0.5, connect_timeout=1.0)
        bob = Seat(mosquitto, heartbeat_s=60)
        async with seated(alice, bob):
            alice.link.publish_report(HAPPY)
            await until(lambda: bob.look().viewers == 1)
            dials = line.dials
            line.cut()
            await until(lambda: line.dials > dials and alice.is_connected)
            seen = set[int]()
            for _ in range(30):  # longer than the will's delay of one second
                seen.add(bob.look().viewers)
                await asyncio.sleep(0.05)
            assert seen == {1}
