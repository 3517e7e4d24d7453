"""The one exception of this package: what stops a broker."""

from __future__ import annotations

from enum import StrEnum

from resonance_tui.errors import Problem


class ProblemKind(StrEnum):
    """What sort of thing is wrong; the exit code follows from it."""

    USAGE = "usage"  # options that contradict each other, or would be unsafe
    FILE = "file"  # a users file, certificate or key that cannot be used
    PORT_TAKEN = "port-taken"
    NOT_INSTALLED = "not-installed"  # no Mosquitto, and the embedded broker cannot do it
    EXTRA_MISSING = "extra-missing"  # no Mosquitto, and the embedded broker is not installed
    FAILED = "failed"  # it started, or tried to, and ended by itself


_WRONG_INPUT = (
    *(ProblemKind.USAGE, ProblemKind.FILE),
    *(ProblemKind.PORT_TAKEN, ProblemKind.EXTRA_MISSING),
)


class BrokerProblem(Problem):
    """A broker that cannot run as asked: the kind, what was wrong, what to do about it."""

    title = "Broker"

    def __init__(self, kind: ProblemKind, message: str, hint: str = "") -> None:
        super().__init__(message, hint)
        self.kind = kind
        self.exit_code = 2 if kind in _WRONG_INPUT else 1
