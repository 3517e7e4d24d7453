#!/usr/bin/env bash
# paho-mqtt: over WebSocket, its answer to a server's ping ends the connection.
#
# Guessed: a ping of the server, which keeps proxies awake, is answered with a pong (RFC 6455,
#          5.5.2), masked as all that a client sends (5.1), and MQTT goes on.
# Seen:    the pong is not masked; the server closes with 1002 (protocol error) at its first ping.
#          `ws` 8.23.0 for Node.js does the same, by WS_ERR_EXPECTED_MASK. Mosquitto sends no pings.
# With:    paho-mqtt 2.2.0, websockets 15.0.1
# Source:  own run
# So:      another WebSocket below paho, or a server that does not ping.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q paho-mqtt==2.2.0 websockets==15.0.1 || exit 77

"$work/venv/bin/python" - <<'PYTHON'
import asyncio
import logging
import sys
from importlib.metadata import version

import paho.mqtt.client as mqtt
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed

CONNACK = b"\x20\x02\x00\x00"
logging.disable(logging.CRITICAL)


async def main() -> str:
    seen: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    async def take(socket: ServerConnection) -> None:
        await socket.recv()
        await socket.send(CONNACK)
        try:
            await asyncio.wait_for(await socket.ping(), 10)
            outcome = "answered"
        except ConnectionClosed as error:
            outcome = f"{error.sent.code} {error.sent.reason}" if error.sent else "cut"
        if not seen.done():
            seen.set_result(outcome)

    options = {"subprotocols": ["mqtt"], "ping_interval": None}
    async with serve(take, "127.0.0.1", 0, **options) as server:
        port = server.sockets[0].getsockname()[1]
        client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, transport="websockets")
        await asyncio.to_thread(client.connect, "127.0.0.1", port)
        client.loop_start()
        outcome = await asyncio.wait_for(seen, 20)
        client.disconnect()
        await asyncio.to_thread(client.loop_stop)
    return outcome


outcome = asyncio.run(main())
print("paho-mqtt", version("paho-mqtt"), "websockets", version("websockets"))
print("guessed: the ping is answered")
print("seen:   ", outcome)
sys.exit(0 if outcome.startswith("1002") else 1)
PYTHON
