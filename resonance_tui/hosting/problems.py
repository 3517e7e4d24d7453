"""Problems of a broker on this machine, as this program's errors with their exit codes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from resonance_tui.errors import (
    BrokerFailed,
    BrokerNotInstalled,
    InputError,
    PortTaken,
    ResonanceError,
)

if TYPE_CHECKING:
    from resonance_broker import BrokerProblem


def translate(problem: BrokerProblem) -> ResonanceError:
    """The same problem as one of this program's errors, with its exit code."""
    from resonance_broker import ProblemKind

    error = {
        ProblemKind.PORT_TAKEN: PortTaken,
        ProblemKind.NOT_INSTALLED: BrokerNotInstalled,
        ProblemKind.FAILED: BrokerFailed,
    }.get(problem.kind, InputError)
    return error(problem.message, problem.hint)
