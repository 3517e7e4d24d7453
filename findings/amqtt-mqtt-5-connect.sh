#!/usr/bin/env bash
# amqtt: whether a client of MQTT 5 is refused or left without an answer depends on its properties.
#
# Guessed: a broker that stops at MQTT 3.1.1 refuses every CONNECT of MQTT 5 with return code 1
#          (unacceptable protocol version), as 3.1.2.2 demands, and the client tries 3.1.1 then.
# Seen:    a CONNECT without properties is refused so, at once; that half is run here. One with
#          properties, such as a session expiry, got no answer at all in our runs, and the client
#          waits for its own time limit; that half is told, not run.
# With:    amqtt 0.12.1
# Source:  own run; upstream issue Yakifo/amqtt#325 (negotiation of the version, open)
# So:      ask for the version first, by a CONNECT without properties, under a time limit.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q amqtt==0.12.1 || exit 77

"$work/venv/bin/python" - <<'PYTHON'
import asyncio
import logging
import socket
import sys
from importlib.metadata import version

from amqtt.broker import Broker

# Protocol name, level, flags (clean start), keepalive 5 s, no properties (level 5), no client id.
CONNECT = {
    4: b"\x10\x0c" + b"\x00\x04MQTT" + b"\x04\x02\x00\x05" + b"\x00\x00",
    5: b"\x10\x0d" + b"\x00\x04MQTT" + b"\x05\x02\x00\x05" + b"\x00" + b"\x00\x00",
}
ACCEPTED, REFUSED_VERSION = bytes.fromhex("20020000"), bytes.fromhex("20020001")
logging.disable(logging.CRITICAL)
with socket.create_server(("127.0.0.1", 0)) as server:
    PORT = server.getsockname()[1]


async def answer(level: int) -> bytes:
    """The CONNACK to a CONNECT of this protocol level."""
    reader, writer = await asyncio.open_connection("127.0.0.1", PORT)
    try:
        writer.write(CONNECT[level])
        return await asyncio.wait_for(reader.readexactly(4), 5)
    finally:
        writer.close()


async def answers() -> dict[int, bytes]:
    listener = {"type": "tcp", "bind": f"127.0.0.1:{PORT}"}
    plugins = {"amqtt.plugins.authentication.AnonymousAuthPlugin": {"allow_anonymous": True}}
    broker = Broker({"listeners": {"default": listener}, "plugins": plugins})
    await broker.start()
    seen = {level: await answer(level) for level in CONNECT}
    await broker.shutdown()
    return seen


seen = asyncio.run(answers())
print("amqtt", version("amqtt"))
print("guessed: every CONNECT of MQTT 5 is refused with return code 1")
print(f"seen:    without properties: {seen[5].hex(' ')} (3.1.1: {seen[4].hex(' ')})")
print("told:    with properties: no answer")
sys.exit(0 if seen == {4: ACCEPTED, 5: REFUSED_VERSION} else 1)
PYTHON
