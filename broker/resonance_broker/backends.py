"""The table of brokers that can run here: what `broker --program` takes.

A new one is one module with `create(settings, say) -> RunningBroker`, and one row in BACKENDS.
Rows are data: no module is imported before its broker is created.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module

from resonance_broker.problem import BrokerProblem, ProblemKind
from resonance_broker.running import RunningBroker, Say
from resonance_broker.settings import BrokerSettings


@dataclass(frozen=True, slots=True)
class Backend:
    """One row."""

    module: str  # has `create(settings: BrokerSettings, say: Say | None) -> RunningBroker`


AUTO = "auto"
BACKENDS: dict[str, Backend] = {
    "mosquitto": Backend("resonance_broker.mosquitto"),
    "embedded": Backend("resonance_broker.embedded"),
}


def names() -> tuple[str, ...]:
    """Everything that `broker --program` takes."""
    return (AUTO, *BACKENDS)


def check(name: str) -> str:
    """`name`, if it is in the table. Raises BrokerProblem of kind USAGE that lists the names."""
    if name not in names():
        hint = f"choose one of: {', '.join(names())}"
        raise BrokerProblem(ProblemKind.USAGE, "there is no broker program of that name", hint)
    return name


def create(name: str, settings: BrokerSettings, say: Say | None = None) -> RunningBroker:
    """The broker, not yet started. `auto` is Mosquitto, or the embedded one where it is missing.

    Raises:
        BrokerProblem: USAGE for a name that is not in the table, NOT_INSTALLED where the program
            is missing or too old.
    """
    if check(name) == AUTO:
        return _mosquitto_or_embedded(settings, say)
    return import_module(BACKENDS[name].module).create(settings, say)


def _mosquitto_or_embedded(settings: BrokerSettings, say: Say | None) -> RunningBroker:
    from resonance_broker import embedded, mosquitto

    program = mosquitto.find_mosquitto()
    if program is not None and (program.is_usable or settings.needs_mosquitto):
        return mosquitto.create(settings, say)
    return embedded.EmbeddedBroker(settings, too_old=program.name if program else "")
