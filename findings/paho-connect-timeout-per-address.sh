#!/usr/bin/env bash
# paho-mqtt: `connect_timeout` counts for each address of a name, not for the connection.
#
# Guessed: `connect_timeout` bounds how long `connect` takes: with 1.0 it fails after a second.
# Seen:    it is handed to socket.create_connection, which tries the addresses of the name one after
#          the other and gives each of them that long: two dead ones take two seconds, eight eight.
# With:    paho-mqtt 2.2.0
# Source:  own run; the standard library's documentation of create_connection says nothing of it
# So:      resolve the name oneself and dial the addresses side by side, or bound the whole.
set -euo pipefail

[[ $(uname) == Linux ]] || exit 77 # a full queue drops callers elsewhere in other ways
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q paho-mqtt==2.2.0 || exit 77

"$work/venv/bin/python" - <<'PYTHON'
import contextlib
import socket
import sys
import time
from importlib.metadata import version

import paho.mqtt.client as mqtt

TIMEOUT_S = 1.0


def silent(address: str, port: int = 0) -> tuple[list[socket.socket], int]:
    """A listener that takes nobody: its queue is full, so that callers get no answer."""
    server = socket.create_server((address, port), backlog=0)
    port = server.getsockname()[1]
    callers = [socket.socket() for _ in range(4)]
    for caller in callers:
        caller.setblocking(False)
        with contextlib.suppress(BlockingIOError):
            caller.connect((address, port))
    return [server, *callers], port


def seconds(addresses: list[str], port: int) -> float:
    """How long `connect` to a name with these addresses takes."""
    kind = socket.AF_INET, socket.SOCK_STREAM, 6, ""
    socket.getaddrinfo = lambda *_, **__: [(*kind, (each, port)) for each in addresses]
    client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2)
    client.connect_timeout = TIMEOUT_S
    began = time.monotonic()
    with contextlib.suppress(OSError):
        client.connect("broker.example", port)
    return time.monotonic() - began


held, port = silent("127.0.0.1")
held += silent("127.0.0.2", port)[0]
time.sleep(0.2)
one, two = seconds(["127.0.0.1"], port), seconds(["127.0.0.1", "127.0.0.2"], port)

print("paho-mqtt", version("paho-mqtt"))
print(f"guessed: {TIMEOUT_S:.1f} s, however many addresses a name has")
print(f"seen:    {one:.1f} s with one dead address, {two:.1f} s with two")
sys.exit(0 if round(one) == 1 and round(two) == 2 else 1)
PYTHON
