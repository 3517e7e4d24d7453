"""Where a session finds its broker, and what is left of one that was started in vain."""

from __future__ import annotations

import asyncio
import threading
from contextlib import AsyncExitStack

import pytest

from resonance_broker import BrokerSettings
from resonance_tui.protocol.urls import parse_broker_url
from resonance_tui.session import broker_choice
from resonance_tui.session.broker_choice import choose_broker


class SlowBroker:
    """A broker that comes up when told to."""

    url = "mqtt://127.0.0.1:1883"
    settings = BrokerSettings(port=1883)

    def __init__(self) -> None:
        self.starts, self.may_start = threading.Event(), threading.Event()
        self.is_stopped = False

    def start(self) -> SlowBroker:
        self.starts.set()
        assert self.may_start.wait(30)
        return self

    def stop(self) -> None:
        self.is_stopped = True


@pytest.fixture
def slow(monkeypatch: pytest.MonkeyPatch) -> SlowBroker:
    broker = SlowBroker()

    async def nobody(*_: object) -> bool:
        return False

    monkeypatch.setattr(broker_choice, "is_reachable", nobody)
    monkeypatch.setattr(broker_choice, "_start_local_broker", broker.start)
    return broker


async def test_the_configured_broker_is_taken_as_it_is() -> None:
    url = parse_broker_url("mqtt://stream.example")
    async with AsyncExitStack() as stack:
        assert await choose_broker(url, stack, lambda _: None) is url


async def test_a_broker_started_here_is_told_of_and_ends_with_the_session(slow: SlowBroker) -> None:
    told: list[str] = []
    slow.may_start.set()
    async with AsyncExitStack() as stack:
        assert await choose_broker(None, stack, told.append) == parse_broker_url(slow.url)
        assert not slow.is_stopped
    assert told == [slow.url] and slow.is_stopped


async def test_who_leaves_while_a_broker_starts_leaves_none_behind(slow: SlowBroker) -> None:
    async with AsyncExitStack() as stack:
        choosing = asyncio.create_task(choose_broker(None, stack, lambda _: None))
        await asyncio.to_thread(slow.starts.wait, 30)
        choosing.cancel()
        await asyncio.sleep(0)
        slow.may_start.set()
        with pytest.raises(asyncio.CancelledError):
            await choosing
    assert slow.is_stopped
