#!/usr/bin/env bash
# Mosquitto: a message that expires after 0 s never expires.
#
# Guessed: Message Expiry Interval 0 (MQTT 5, 3.3.2.3.3) has passed at once: whoever is subscribed
#          may get the message, but it is not kept, and one with 1 s lives longer.
# Seen:    0 is taken for "none": the property is gone from what arrives, and the retained message
#          is there for everybody who subscribes later. The one with 1 s is gone, as it should be.
# With:    Mosquitto 2.0.11 (Debian 12), paho-mqtt 2.2.0
# Source:  own run
# So:      an expiry that is worked out (time left) is at least 1, and nothing is sent at 0.
set -euo pipefail

command -v mosquitto >/dev/null || exit 77
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q paho-mqtt==2.2.0 || exit 77

WORK=$work "$work/venv/bin/python" - <<'PYTHON'
import os
import queue
import re
import socket
import subprocess
import sys
import time
from importlib.metadata import version
from pathlib import Path

import paho.mqtt.client as mqtt
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

with socket.create_server(("127.0.0.1", 0)) as free:
    PORT = free.getsockname()[1]
conf = Path(os.environ["WORK"], "mosquitto.conf")
conf.write_text(f"listener {PORT} 127.0.0.1\nallow_anonymous true\n")
server = subprocess.Popen(["mosquitto", "-c", conf], stderr=subprocess.DEVNULL)
usage = subprocess.run(["mosquitto", "-h"], capture_output=True, text=True).stdout


def expires(seconds: int) -> Properties:
    properties = Properties(PacketTypes.PUBLISH)
    properties.MessageExpiryInterval = seconds
    return properties


try:
    client, up, granted, kept = mqtt.Client(
        mqtt.CallbackAPIVersion.VERSION2, protocol=mqtt.MQTTv5
    ), queue.Queue(), queue.Queue(), {}
    client.on_connect = lambda *a: up.put(a[3])
    client.on_subscribe = lambda *a: granted.put(a[3])
    client.on_message = lambda _, __, message: kept.update({message.topic: message})
    for _ in range(50):
        try:
            client.connect("127.0.0.1", PORT)
            break
        except OSError:
            time.sleep(0.1)
    client.loop_start()
    up.get(timeout=10)
    for seconds in (0, 1, 60):
        publication = client.publish(f"s/{seconds}", b"1", 1, True, expires(seconds))
        publication.wait_for_publish(10)
    time.sleep(3)
    client.subscribe("s/+", 1)
    granted.get(timeout=10)
    time.sleep(1)
finally:
    server.kill()

has_expiry = {name: hasattr(kept[name].properties, "MessageExpiryInterval") for name in kept}
print(re.search(r"mosquitto version \S+", usage)[0], "paho-mqtt", version("paho-mqtt"))
print("guessed: after 3 s only the one with 60 s is there")
print("seen:    there, and with an expiry:", has_expiry)
sys.exit(0 if has_expiry == {"s/0": False, "s/60": True} else 1)
PYTHON
