#!/usr/bin/env bash
# amqtt: a viewer that falls silent stays in the room for good; its keepalive is never enforced.
#
# Guessed: a client with a keepalive of 1 s that sends nothing is thrown out after 1.5 s, as MQTT
#          3.1.1 (3.1.2.10) demands, some sweep later at most, and its will is published.
# Seen:    12 s later the connection stands and no will has come. It comes as soon as the socket
#          is closed, so the will itself works. (Mosquitto 2.0.11 publishes it after 3.5 s.)
# With:    amqtt 0.12.1, paho-mqtt 2.2.0
# Source:  own run
# So:      age out peers by the receiver's clock; no will comes from a frozen or unplugged machine.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q amqtt==0.12.1 paho-mqtt==2.2.0 || exit 77

"$work/venv/bin/python" - <<'PYTHON'
import asyncio
import logging
import socket
import sys
import threading
from importlib.metadata import version

from amqtt.broker import Broker
from paho.mqtt import client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

KEEPALIVE_S, PATIENCE_S = 1, 12
logging.disable(logging.CRITICAL)
with socket.create_server(("127.0.0.1", 0)) as server:
    PORT = server.getsockname()[1]
is_up, will_came = threading.Event(), threading.Event()


async def serve() -> None:
    listener = {"type": "tcp", "bind": f"127.0.0.1:{PORT}"}
    plugins = {"amqtt.plugins.authentication.AnonymousAuthPlugin": {"allow_anonymous": True}}
    await Broker({"listeners": {"default": listener}, "plugins": plugins}).start()
    is_up.set()
    await asyncio.Event().wait()


threading.Thread(target=asyncio.run, args=(serve(),), daemon=True).start()
assert is_up.wait(20)

subscribed = threading.Event()
watcher = mqtt.Client(CallbackAPIVersion.VERSION2, "watcher")
watcher.on_subscribe = lambda *_: subscribed.set()
watcher.on_message = lambda *_: will_came.set()
watcher.connect("127.0.0.1", PORT)
watcher.loop_start()
watcher.subscribe("gone", 1)
assert subscribed.wait(10)

silent = mqtt.Client(CallbackAPIVersion.VERSION2, "silent")
silent.will_set("gone", b"silent", qos=1)
silent.connect("127.0.0.1", PORT, keepalive=KEEPALIVE_S)  # no loop follows: it sends no more
came_in_time = will_came.wait(PATIENCE_S)
silent.socket().close()
came_at_close = will_came.wait(10)

print("amqtt", version("amqtt"), "paho-mqtt", version("paho-mqtt"))
print(f"guessed: the will comes within {PATIENCE_S} s of silence, keepalive {KEEPALIVE_S} s")
print(f"seen:    came: {came_in_time}; after the socket was closed: {came_at_close}")
sys.exit(0 if came_at_close and not came_in_time else 1)
PYTHON
