"""Ports of loopback where nothing listens."""

from __future__ import annotations

import contextlib
import secrets
import socket

_given: set[int] = set()


def free_port() -> int:
    """One below those that the system hands out to connections: with hundreds of viewers beside,
    one of them that was free a moment ago is soon somebody's. No call gives what another gave."""
    while True:
        port = 10_000 + secrets.randbelow(22_768)
        with contextlib.suppress(OSError), socket.socket() as probe:
            probe.bind(("127.0.0.1", port))
            if port not in _given:
                _given.add(port)
                return port
