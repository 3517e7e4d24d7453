#!/usr/bin/env bash
# obsws-python: after one late answer every later request gets the answer of the one before.
#
# Guessed: obs-websocket 5 numbers requests so that answers can be told apart; after a time-out
#          the client drops the late answer, or the connection, and the next request is right.
# Seen:    the late answer is taken for that of the next request, and so on for as long as the
#          client lives: asked for the stream's state it gives the recording's, with the success
#          of a right answer. Neither the number nor the kind of request is compared.
# With:    obsws-python 1.8.0, websockets 15.0.1 (as the server, which speaks as OBS does)
# Source:  own run
# So:      throw the client away at a time-out, or compare `requestId` in a client of one's own.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q obsws-python==1.8.0 websocket-client==1.9.2 websockets==15.0.1 ||
    exit 77

"$work/venv/bin/python" - <<'PYTHON'
import json
import logging
import sys
import threading
import time
from importlib.metadata import version

import obsws_python as obs
from obsws_python.error import OBSSDKTimeoutError
from websockets.sync.server import ServerConnection, serve

LATE, ASKED = "GetStats", ["GetRecordStatus", "GetStreamStatus", "GetSceneList"]
logging.disable(logging.CRITICAL)


def speak(connection: ServerConnection) -> None:
    """Hello, Identified, then to each request an answer that names it; to LATE after 2 s."""
    connection.send(json.dumps({"op": 0, "d": {"obsWebSocketVersion": "5.5.0", "rpcVersion": 1}}))
    connection.recv()
    connection.send(json.dumps({"op": 2, "d": {"negotiatedRpcVersion": 1}}))
    for message in connection:
        asked = json.loads(message)["d"]
        if asked["requestType"] == LATE:
            time.sleep(2)
        answer = {
            "requestType": asked["requestType"],
            "requestId": asked["requestId"],
            "requestStatus": {"result": True, "code": 100},
            "responseData": {"rpcVersion": 1, "to": asked["requestType"]},
        }
        connection.send(json.dumps({"op": 7, "d": answer}))


server = serve(speak, "127.0.0.1", 0)
threading.Thread(target=server.serve_forever, daemon=True).start()
port = server.socket.getsockname()[1]
client = obs.ReqClient(host="127.0.0.1", port=port, password="", timeout=1)
try:
    client.send(LATE, raw=True)
    sys.exit("no time-out")
except OBSSDKTimeoutError:
    time.sleep(2)  # the late answer is there before the next request is made
seen = [client.send(each, raw=True)["to"] for each in ASKED]

print("obsws-python", version("obsws-python"))
print("guessed: each request gets its own answer:", *ASKED)
print("seen:    answers to:                      ", *seen)
sys.exit(0 if seen == [LATE, *ASKED[:-1]] else 1)
PYTHON
