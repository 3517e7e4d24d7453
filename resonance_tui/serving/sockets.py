"""The socket that pages and events are served at."""

from __future__ import annotations

import errno
import ipaddress
import socket

from resonance_tui.errors import CannotServe
from resonance_tui.secret import describe

BACKLOG = 128
_WHY = {
    errno.EADDRINUSE: (
        "{place} is taken by another program.",
        "Choose another port, or stop the other `serve`.",
    ),
    errno.EADDRNOTAVAIL: (
        "{host} is no address of this machine.",
        "127.0.0.1 serves this machine alone, 0.0.0.0 every network that it is on.",
    ),
    errno.EACCES: ("This user may not listen at {place}.", "Ports from 1024 on are free."),
}


def listen(host: str, port: int) -> socket.socket:
    """A socket that listens, so that a port which is taken is known before anything starts.

    Raises CannotServe.
    """
    try:
        family, *_, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        return socket.create_server(address[:2], family=family, backlog=BACKLOG)
    except (socket.gaierror, UnicodeError) as error:
        raise CannotServe(f"{describe(host)} is no address.", "Write 127.0.0.1.") from error
    except OSError as error:
        place = f"port {port} of {host}"
        message, hint = _WHY.get(
            error.errno or 0, (f"{{place}} cannot be used: {error.strerror or error}.", "")
        )
        raise CannotServe(message.format(place=place, host=host), hint) from error


def is_local(listening: socket.socket) -> bool:
    """Whether this machine alone can reach it."""
    return ipaddress.ip_address(listening.getsockname()[0]).is_loopback


def is_everywhere(listening: socket.socket) -> bool:
    """Whether it listens at every address of this machine."""
    return ipaddress.ip_address(listening.getsockname()[0]).is_unspecified


def shown_address(listening: socket.socket, name: str = "") -> str:
    """Host and port as an address has them; `name` in place of the host's own."""
    host, port = listening.getsockname()[:2]
    host = name or host
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
