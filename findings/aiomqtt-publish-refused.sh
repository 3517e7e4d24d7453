#!/usr/bin/env bash
# aiomqtt: a publication that an MQTT 5 broker refuses looks like one that it took.
#
# Guessed: `await client.publish(..., qos=1)` raises MqttError where the PUBACK says 0x87 (not
#          authorized), or hands the reason over: mqtt.js 5.16.0 rejects such a promise.
# Seen:    it returns None both times. paho gives the reason to its callback, where aiomqtt drops
#          it; no setting or attribute brings it back.
# With:    aiomqtt 2.5.1, paho-mqtt 2.2.0, Mosquitto 2.0.11 (Debian 12)
# Source:  own run, and aiomqtt's Client._on_publish
# So:      a subclass whose `_on_publish` keeps the reason, and raises it after the await.
set -euo pipefail

command -v mosquitto >/dev/null || exit 77
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q aiomqtt==2.5.1 paho-mqtt==2.2.0 || exit 77

WORK=$work "$work/venv/bin/python" - <<'PYTHON'
import asyncio
import os
import re
import socket
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

from aiomqtt import Client, MqttError, ProtocolVersion

NOT_AUTHORIZED = 0x87
work = Path(os.environ["WORK"])
work.chmod(0o755)
with socket.create_server(("127.0.0.1", 0)) as free:
    PORT = free.getsockname()[1]
(work / "acl").write_text("topic write open/#\n")
conf = work / "mosquitto.conf"
conf.write_text(f"listener {PORT} 127.0.0.1\nallow_anonymous true\nacl_file {work}/acl\n")
server = subprocess.Popen(["mosquitto", "-c", conf], stderr=subprocess.DEVNULL)
usage = subprocess.run(["mosquitto", "-h"], capture_output=True, text=True).stdout
reasons = []


async def outcome(client: Client, topic: str) -> str:
    try:
        return f"returned {await client.publish(topic, b'1', qos=1)}"
    except MqttError as error:
        return f"raised {error}"


async def run() -> dict[str, str]:
    async with Client("127.0.0.1", PORT, protocol=ProtocolVersion.V5) as client:
        below = client._client.on_publish
        client._client.on_publish = lambda *a: (reasons.append(a[3].value), below(*a))
        return {topic: await outcome(client, topic) for topic in ("open/x", "closed/x")}


async def run_when_up() -> dict[str, str]:
    for _ in range(50):
        try:
            return await run()
        except MqttError:
            await asyncio.sleep(0.1)
    raise SystemExit("Mosquitto did not start")


try:
    seen = asyncio.run(run_when_up())
finally:
    server.kill()

print("aiomqtt", version("aiomqtt"), re.search(r"mosquitto version \S+", usage)[0])
print("guessed: the refused one raises MqttError, or returns the reason")
print(f"seen:    {seen}; reasons in the PUBACKs: {[hex(reason) for reason in reasons]}")
is_silent = set(seen.values()) == {"returned None"}
sys.exit(0 if is_silent and reasons[1] == NOT_AUTHORIZED else 1)
PYTHON
