"""A broker for the room: Mosquitto where there is one, a small built-in one where not."""

from __future__ import annotations

from dataclasses import replace

from resonance_broker import backends
from resonance_broker.accounts_store import AccountsStore
from resonance_broker.mosquitto import find_mosquitto
from resonance_broker.problem import BrokerProblem, ProblemKind
from resonance_broker.running import RunningBroker, Say
from resonance_broker.settings import BrokerSettings

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
    """Start a broker and return once it listens; the caller has to call its `stop()`.

    `settings.program` is a name of `backends`. `say` takes a sentence, from another thread,
    whenever the broker crashed and was restarted; without it the sentence goes to the log.

    Raises:
        BrokerProblem: with the kind, what is wrong and what to do.
    """
    settings.validate()
    running = backends.create(settings.program, settings, say)
    running.start()
    return running


def local_broker(port: int = 1883, *, say: Say | None = None) -> RunningBroker:
    """A broker for this machine only, on `port`, or on a free port where that is taken.

    Raises:
        BrokerProblem: when neither Mosquitto nor the embedded broker comes up.
    """
    from resonance_broker.preflight import free_port

    settings = BrokerSettings(port=port)
    for _ in range(5):  # another program may take a free port before it is used
        try:
            return start_broker(settings, say=say)
        except BrokerProblem as problem:
            if problem.kind is not ProblemKind.PORT_TAKEN:
                raise
            settings = replace(settings, port=free_port())
    return start_broker(settings, say=say)
