#!/usr/bin/env bash
# amqtt: a message arrives at the QoS of the subscription, not at the lower one of the two.
#
# Guessed: sent at QoS 0 and subscribed to at QoS 1, a message arrives at QoS 0: the lower one
#          counts (MQTT 3.1.1, 3.8.4), and one subscribes at 1 to have both kinds.
# Seen:    it arrives at QoS 1, so that each is acknowledged and kept until then. A subscription that
#          is repeated at QoS 0 stays at QoS 1. (Mosquitto 2.0.11, NATS 2.15.1, aedes 1.2.0: QoS 0.)
# With:    amqtt 0.12.1, paho-mqtt 2.2.0
# Source:  own run
# So:      subscribe at QoS 0 to what is sent at QoS 0; unsubscribe before lowering a QoS.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q amqtt==0.12.1 paho-mqtt==2.2.0 || exit 77

"$work/venv/bin/python" - <<'PYTHON'
import asyncio
import logging
import queue
import socket
import sys
import threading
from importlib.metadata import version

from amqtt.broker import Broker
from paho.mqtt import client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

logging.disable(logging.CRITICAL)
with socket.create_server(("127.0.0.1", 0)) as server:
    PORT = server.getsockname()[1]
is_up = threading.Event()


async def serve() -> None:
    listener = {"type": "tcp", "bind": f"127.0.0.1:{PORT}"}
    plugins = {"amqtt.plugins.authentication.AnonymousAuthPlugin": {"allow_anonymous": True}}
    await Broker({"listeners": {"default": listener}, "plugins": plugins}).start()
    is_up.set()
    await asyncio.Event().wait()


threading.Thread(target=asyncio.run, args=(serve(),), daemon=True).start()
assert is_up.wait(20)

granted, arrived = queue.Queue(), queue.Queue()
reader, writer = (mqtt.Client(CallbackAPIVersion.VERSION2, name) for name in ("reader", "writer"))
reader.on_subscribe = lambda *a: granted.put(a[3])
reader.on_message = lambda _, __, message: arrived.put(message.qos)
for client in (reader, writer):
    client.connect("127.0.0.1", PORT)
    client.loop_start()


def arrives_at(subscribed: list[int], sent: int) -> int:
    """The QoS that a message sent at `sent` has for somebody who subscribed in this order."""
    for qos in subscribed:
        reader.subscribe("x", qos)
        granted.get(timeout=10)
    writer.publish("x", b"1", sent)
    return arrived.get(timeout=10)


raised, lowered = arrives_at([1], 0), arrives_at([0], 1)
print("amqtt", version("amqtt"), "paho-mqtt", version("paho-mqtt"))
print("guessed: sent at 0, subscribed at 1: QoS 0; then subscribed at 0, sent at 1: QoS 0")
print(f"seen:    QoS {raised}; QoS {lowered}")
sys.exit(0 if (raised, lowered) == (1, 1) else 1)
PYTHON
