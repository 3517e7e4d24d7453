#!/usr/bin/env bash
# Mosquitto: who subscribes with more certainty to a full room is told of fewer viewers.
#
# Guessed: of 1,500 retained messages below one wildcard a new subscriber gets all at any QoS, and
#          if some are lost, then at QoS 0; QoS 1 is the careful choice.
# Seen:    QoS 0 brings 1,500, QoS 1 and 2 bring 1,020 each: what may be in flight (20) plus what
#          may wait (max_queued_messages, 1,000), because all are queued before the first is
#          acknowledged. The subscription is granted; only the broker's log knows. They do not
#          come later either.
# With:    Mosquitto 2.0.11 with its usual limits, paho-mqtt 2.2.0
# Source:  own run; upstream issues eclipse-mosquitto/mosquitto#2196 and #1517
# So:      read what is retained at QoS 0, or raise max_queued_messages above the largest room.
set -euo pipefail

PATH=$PATH:/usr/sbin
command -v mosquitto >/dev/null || exit 77
work=$(mktemp -d)
broker=
trap '[ -z "$broker" ] || kill "$broker"; rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q paho-mqtt==2.2.0 || exit 77

port=$("$work/venv/bin/python" -c '
import socket
with socket.create_server(("127.0.0.1", 0)) as server:
    print(server.getsockname()[1])')
printf 'listener %s 127.0.0.1\nallow_anonymous true\n' "$port" >"$work/mosquitto.conf"
mosquitto -c "$work/mosquitto.conf" >"$work/log" 2>&1 &
broker=$!
timeout 10 bash -c "until : </dev/tcp/127.0.0.1/$port; do sleep 0.1; done" 2>/dev/null

{ mosquitto -h || true; } | head -1
"$work/venv/bin/python" - "$port" <<'PYTHON'
import sys
import time
from importlib.metadata import version

from paho.mqtt import client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

RETAINED, IN_FLIGHT, QUEUED = 1500, 20, 1000


def connected(name: str) -> mqtt.Client:
    client = mqtt.Client(CallbackAPIVersion.VERSION2, name, protocol=mqtt.MQTTv5)
    client.connect("127.0.0.1", int(sys.argv[1]))
    client.loop_start()
    return client


def received(qos: int) -> int:
    """How many retained messages a new subscriber has when none has come for two seconds."""
    topics: set[str] = set()
    client = connected(f"subscriber-{qos}")
    client.on_message = lambda _client, _data, message: topics.add(message.topic)
    client.subscribe("room/+", qos)
    before = -1
    while len(topics) > before:
        before = len(topics)
        time.sleep(2)
    client.disconnect()
    client.loop_stop()
    return len(topics)


sender = connected("sender")
for sent in [sender.publish(f"room/{n}", b"here", qos=1, retain=True) for n in range(RETAINED)]:
    sent.wait_for_publish(30)
seen = [received(qos) for qos in (0, 1, 2)]
print("paho-mqtt", version("paho-mqtt"))
print(f"guessed: {RETAINED} at QoS 0, 1 and 2")
print("seen:    {} at QoS 0, {} at QoS 1, {} at QoS 2".format(*seen))
sys.exit(0 if seen == [RETAINED, IN_FLIGHT + QUEUED, IN_FLIGHT + QUEUED] else 1)
PYTHON
