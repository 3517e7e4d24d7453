"""The one exception of this package: what stops a broker, in words for a person."""

from __future__ import annotations

from enum import StrEnum


class ProblemKind(StrEnum):
    """What sort of thing is wrong; the caller picks its exit code by it."""

    USAGE = "usage"  # options that contradict each other, or would be unsafe
    FILE = "file"  # a users file, certificate or key that cannot be used
    PORT_TAKEN = "port-taken"
    NOT_INSTALLED = "not-installed"  # no Mosquitto, and the embedded broker cannot do it
    FAILED = "failed"  # it started, or tried to, and ended by itself


class BrokerProblem(Exception):
    """A broker that cannot run as asked: the kind, what was wrong, what to do about it."""

    def __init__(self, kind: ProblemKind, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.kind = kind
        self.message = message
        self.hint = hint
