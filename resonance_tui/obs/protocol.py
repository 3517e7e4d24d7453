"""Pure: messages of obs-websocket 5, as OBS publishes them; JSON texts in and values out."""

from __future__ import annotations

import hashlib
import json
from base64 import b64encode
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import IntEnum, IntFlag
from typing import Any

from resonance_tui.errors import ResonanceError
from resonance_tui.secret import Secret

RPC_VERSION = 1
SUBPROTOCOL = "obswebsocket.json"
LARGEST = 1 << 20  # bytes of a message that is read; those asked for here have a few hundred


class Op(IntEnum):
    """What a message is."""

    HELLO = 0
    IDENTIFY = 1
    IDENTIFIED = 2
    EVENT = 5
    REQUEST = 6
    RESPONSE = 7


class Events(IntFlag):
    """Which events OBS is asked for."""

    GENERAL = 1 << 0  # OBS ends
    OUTPUTS = 1 << 6  # recording, stream and replay buffer


class ObsProblem(ResonanceError):
    """OBS is not there, refuses us, or does not understand us."""

    title = "OBS"


class WrongPassword(ObsProblem):
    """It is of no use to try again."""


class WrongVersion(ObsProblem):
    """It is of no use to try again."""


class RequestRefused(ObsProblem):
    """OBS has answered that it cannot; `code` is one of obs-websocket's RequestStatus."""

    def __init__(self, kind: str, code: int, comment: str) -> None:
        why = comment.rstrip(".") or f"code {code}"
        super().__init__(f"OBS refuses {kind}: {why}.", _HINTS.get(code, "See OBS's own log."))
        self.code = code


_HINTS = {
    204: "This OBS does not know the request: upgrade OBS.",
    207: "OBS is not ready yet; try again.",
    500: "Start that output in OBS first.",
    501: "Start the recording, the stream or the replay buffer in OBS first.",
    600: "Name a scene or source that OBS has.",
    604: "Turn on the replay buffer in OBS: Settings, Output.",
    702: "OBS adds chapters to Hybrid MP4 alone: Settings, Output, Recording Format.",
}
# Numbers by which OBS closes a connection.
AUTHENTICATION_FAILED, UNSUPPORTED_RPC, SESSION_INVALIDATED = 4009, 4010, 4011


@dataclass(frozen=True, slots=True)
class Hello:
    """The first word of OBS."""

    version: str  # of obs-websocket
    rpc_version: int
    challenge: str = ""  # both are empty where no password is asked for
    salt: str = ""


@dataclass(frozen=True, slots=True)
class Identified:
    """OBS has taken us."""

    rpc_version: int


@dataclass(frozen=True, slots=True)
class Event:
    """Something happened in OBS."""

    kind: str
    data: dict[str, Any] = field(default_factory=dict[str, Any])


@dataclass(frozen=True, slots=True)
class Response:
    """The answer to a request of ours."""

    id: str
    kind: str
    is_done: bool
    code: int
    comment: str = ""
    data: dict[str, Any] = field(default_factory=dict[str, Any])

    def result(self) -> dict[str, Any]:
        """What OBS answered. Raises RequestRefused."""
        if not self.is_done:
            raise RequestRefused(self.kind, self.code, self.comment)
        return self.data


Message = Hello | Identified | Event | Response


def decode(text: str | bytes) -> Message | None:
    """None for a kind of message that is not of use here. Raises ObsProblem for what is none."""
    try:
        whole = json.loads(text)
        op, body = int(whole["op"]), whole["d"]
        return _READERS[op](body) if op in _READERS else None
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise ObsProblem(
            "What answers there does not speak obs-websocket 5.",
            "Check the port: OBS, Tools, WebSocket Server Settings.",
        ) from error


def identify(hello: Hello, password: Secret, events: Events) -> str:
    """Our answer to `hello`. Raises WrongPassword where one is asked for and none is there, and
    WrongVersion."""
    if hello.rpc_version < RPC_VERSION:
        raise WrongVersion(
            f"OBS's obs-websocket {hello.version} speaks an older protocol.", "Upgrade OBS."
        )
    body: dict[str, Any] = {"rpcVersion": RPC_VERSION, "eventSubscriptions": int(events)}
    if hello.challenge:
        if not password:
            raise WrongPassword(
                "OBS asks for a password.", "It is in OBS: Tools, WebSocket Server Settings."
            )
        body["authentication"] = authentication(password, hello.salt, hello.challenge)
    return _encode(Op.IDENTIFY, body)


def authentication(password: Secret, salt: str, challenge: str) -> str:
    """What proves that we know the password, without telling it."""
    return _digest(_digest(password.reveal() + salt) + challenge)


def request(id: str, kind: str, data: dict[str, Any] | None = None) -> str:
    """A request that OBS answers with the same `id`."""
    body: dict[str, Any] = {"requestType": kind, "requestId": id}
    return _encode(Op.REQUEST, body if data is None else body | {"requestData": data})


def what_is_old() -> str:
    """A question that obs-websocket 4 answers, and 5 does not understand."""
    return json.dumps({"request-type": "GetVersion", "message-id": "1"})


def old_version(text: str | bytes) -> str:
    """Of obs-websocket 4, from its answer; "" for anything else."""
    try:
        return str(json.loads(text)["obs-websocket-version"])[:20]
    except (ValueError, KeyError, TypeError, RecursionError):
        return ""


def closed(code: int, reason: str) -> ObsProblem:
    """Why OBS has closed the connection. A WrongPassword or WrongVersion is final."""
    if code == AUTHENTICATION_FAILED:
        return WrongPassword(
            "OBS does not take the password.", "It is in OBS: Tools, WebSocket Server Settings."
        )
    if code == UNSUPPORTED_RPC:
        return WrongVersion("OBS does not speak obs-websocket 5.", "Upgrade OBS.")
    if code == SESSION_INVALIDATED:
        return ObsProblem("OBS has shut us out.", "Somebody did so in its WebSocket settings.")
    return ObsProblem(f"OBS has closed the connection ({code}).", "It is tried again.")


def _hello(body: dict[str, Any]) -> Hello:
    proof: dict[str, Any] = body.get("authentication") or {}
    version, rpc = str(body["obsWebSocketVersion"]), int(body["rpcVersion"])
    return Hello(version, rpc, str(proof.get("challenge", "")), str(proof.get("salt", "")))


def _identified(body: dict[str, Any]) -> Identified:
    return Identified(int(body["negotiatedRpcVersion"]))


def _event(body: dict[str, Any]) -> Event:
    return Event(str(body["eventType"]), dict(body.get("eventData") or {}))


def _response(body: dict[str, Any]) -> Response:
    status = body["requestStatus"]
    return Response(
        str(body["requestId"]),
        str(body["requestType"]),
        bool(status["result"]),
        int(status["code"]),
        str(status.get("comment", "")),
        dict(body.get("responseData") or {}),
    )


_READERS: dict[int, Callable[[dict[str, Any]], Message]] = {
    Op.HELLO: _hello,
    Op.IDENTIFIED: _identified,
    Op.EVENT: _event,
    Op.RESPONSE: _response,
}


def _encode(op: Op, body: dict[str, Any]) -> str:
    return json.dumps({"op": int(op), "d": body})


def _digest(text: str) -> str:
    return b64encode(hashlib.sha256(text.encode()).digest()).decode()
