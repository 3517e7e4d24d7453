"""A broker for the room: Mosquitto where there is one, a small built-in one where not."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from resonance_broker.accounts_store import AccountsStore
from resonance_broker.problem import BrokerProblem, ProblemKind
from resonance_broker.running import RunningBroker, Say
from resonance_broker.server import OLDEST, LocalBroker, Program, find_mosquitto
from resonance_broker.settings import BrokerSettings

if TYPE_CHECKING:  # loaded where there is no Mosquitto
    from resonance_broker.embedded import EmbeddedBroker

__all__ = [
    "AccountsStore",
    "BrokerProblem",
    "BrokerSettings",
    "ProblemKind",
    "RunningBroker",
    "find_mosquitto",
    "local_broker",
    "start_broker",
]


def start_broker(settings: BrokerSettings, *, say: Say | None = None) -> RunningBroker:
    """Start a broker and return once it listens; whoever calls this calls its `stop()`.

    `say` takes a sentence whenever the broker crashed and was brought back (from another
    thread); without it the sentence goes to the log.

    Raises:
        BrokerProblem: with the kind, what is wrong and what to do.
    """
    settings.validate()
    program = None if settings.program == "embedded" else find_mosquitto()
    if program is not None and program.version >= OLDEST:
        running = LocalBroker(settings, program, say=say)
    else:
        running = _embedded(settings, program)
    running.start()
    return running


def _embedded(settings: BrokerSettings, program: Program | None) -> EmbeddedBroker:
    """The built-in broker in place of a Mosquitto that is missing or, as `program`, too old."""
    from resonance_broker.embedded import INSTALL_HINT, EmbeddedBroker

    if settings.program == "mosquitto" or (program is not None and settings.needs_mosquitto):
        message = f"{program.name} is too old" if program else "Mosquitto is not installed"
        raise BrokerProblem(ProblemKind.NOT_INSTALLED, message, INSTALL_HINT)
    return EmbeddedBroker(settings, too_old=program.name if program else "")


def local_broker(port: int = 1883, *, say: Say | None = None) -> RunningBroker:
    """A quiet broker for this machine alone, on `port` or, where that is taken, a free one.

    Raises:
        BrokerProblem: when neither Mosquitto nor the embedded broker comes up.
    """
    from resonance_broker.preflight import free_port

    settings = BrokerSettings(port=port)
    for _ in range(5):  # a free port may be gone again by the time it is used
        try:
            return start_broker(settings, say=say)
        except BrokerProblem as problem:
            if problem.kind is not ProblemKind.PORT_TAKEN:
                raise
            settings = replace(settings, port=free_port())
    return start_broker(settings, say=say)
