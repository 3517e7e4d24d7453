"""The interface of a running broker, of whatever program."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Literal, Protocol

from resonance_broker.access import BrokerLogin
from resonance_broker.accounts import Reading
from resonance_broker.settings import BrokerSettings

Figure = Literal["sent"]  # messages to clients since its start
Say = Callable[[str], None]  # takes one sentence; called from the broker's own thread


class RunningBroker(Protocol):
    """A broker on this machine. Its starter must call `stop`."""

    settings: BrokerSettings

    @property
    def kind(self) -> str:
        """Program and version: "mosquitto 2.0.11", "embedded amqtt 0.12.1"."""
        ...

    @property
    def url(self) -> str:
        """For clients on this machine, without a password: mqtt://127.0.0.1:1883."""
        ...

    @property
    def limits(self) -> tuple[str, ...]:
        """Limits to show to the user, one sentence each."""
        ...

    @property
    def has_mqtt5(self) -> bool: ...

    @property
    def figures(self) -> Mapping[str, Figure]:
        """The topics on which it publishes figures, as decimal digits, and what each one is;
        empty where it publishes none."""
        ...

    @property
    def login(self) -> BrokerLogin | None:
        """The host's own account; None where none is needed."""
        ...

    @property
    def reading(self) -> Reading:
        """What viewers may read by the rules in force; everything where there are no accounts."""
        ...

    @property
    def is_running(self) -> bool:
        """Whether it is up, or down for a moment and about to be started again."""
        ...

    @property
    def last_words(self) -> str:
        """What it last complained of; "" when it never did."""
        ...

    def start(self) -> None:
        """Start it and return once it listens. Raises BrokerProblem."""
        ...

    def renew_people(self) -> None:
        """Take accounts and invites as they are now, where it knows any."""
        ...

    def stop(self) -> None:
        """End it: within a few seconds, and no matter how often it is called."""
        ...
