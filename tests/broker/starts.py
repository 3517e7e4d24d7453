"""How tests of brokers start one: the type of the fixture `start`."""

from __future__ import annotations

from collections.abc import Callable

from resonance_broker import RunningBroker

Start = Callable[..., RunningBroker]
