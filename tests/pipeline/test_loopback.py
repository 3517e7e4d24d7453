"""The room inside one process."""

from __future__ import annotations

from dataclasses import replace

from loopback import LoopbackHub, LoopbackLink
from seats import CHANNEL, HAPPY, seated

from resonance_tui.messaging.link_status import LinkState
from resonance_tui.protocol.events import LeaveEvent, NicknameEvent, ReportEvent


async def test_the_loopback_does_what_the_link_does() -> None:
    hub = LoopbackHub()
    alice, bob = LoopbackLink(hub, CHANNEL, "alice"), LoopbackLink(hub, CHANNEL, "bob")
    elsewhere = LoopbackLink(hub, "other", "carol")
    alice.publish_nickname("Alice")
    alice.publish_report(HAPPY)
    async with seated(bob, elsewhere):
        async with seated(alice):
            assert bob.wake.is_set()
            assert bob.drain() == [
                NicknameEvent(CHANNEL, "alice", "Alice"),
                ReportEvent(CHANNEL, "alice", HAPPY),
            ]
            hub.cut()
            assert bob.status.state is LinkState.LOST
            hub.restore()
            assert ReportEvent(CHANNEL, "alice", replace(HAPPY, seq=2)) in bob.drain()
        assert LeaveEvent(CHANNEL, "alice") in bob.drain()
        assert elsewhere.drain() == []
