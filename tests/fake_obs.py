"""Servers that speak obs-websocket 5: a plain one, and one that records, streams and saves."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.typing import Subprotocol

from resonance_tui.obs.protocol import SUBPROTOCOL, authentication
from resonance_tui.secret import Secret

PASSWORD = Secret("an excellent password")
SALT, CHALLENGE = "salt", "challenge"
DONE, UNKNOWN, NOT_RUNNING, NO_RESOURCE, NO_BUFFER, NO_CHAPTERS = 100, 204, 501, 600, 604, 702


class Obs:
    """Greets, asks for the password, and answers what it has an answer for."""

    def __init__(self) -> None:
        self.links: list[ServerConnection] = []
        self.asked: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self.close_with: int | None = None
        self.is_silent = False

    async def speak(self, link: ServerConnection) -> None:
        proof = {"challenge": CHALLENGE, "salt": SALT}
        hello = {"obsWebSocketVersion": "5.5.0", "rpcVersion": 1, "authentication": proof}
        await self.tell(link, 0, hello)
        with suppress(ConnectionClosed):
            body = json.loads(await link.recv())["d"]
            if self.close_with is not None:
                return await link.close(self.close_with)
            if body["authentication"] != authentication(PASSWORD, SALT, CHALLENGE):
                return await link.close(4009, "Authentication failed.")
            await self.tell(link, 2, {"negotiatedRpcVersion": 1})
            self.links.append(link)
            async for text in link:
                asked = json.loads(text)["d"]
                self.asked.put_nowait(asked)
                if not self.is_silent:
                    await self.answer(link, asked)

    async def answer(self, link: ServerConnection, asked: dict[str, Any]) -> None:
        code, data = self.result(asked["requestType"], asked.get("requestData") or {})
        status = {"result": code == DONE, "code": code}
        body = {key: asked[key] for key in ("requestType", "requestId")}
        await self.tell(link, 7, body | {"requestStatus": status, "responseData": data})

    def result(self, kind: str, data: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        """Code and answer of a request."""
        code = NO_CHAPTERS if kind == "CreateRecordChapter" else DONE
        return code, {"of": kind, "data": data or None}

    async def tell(self, link: ServerConnection, op: int, body: dict[str, Any]) -> None:
        await link.send(json.dumps({"op": op, "d": body}))

    @asynccontextmanager
    async def listening(self, port: int = 0) -> AsyncIterator[int]:
        server: Server = await serve(
            self.speak, "127.0.0.1", port, subprotocols=[Subprotocol(SUBPROTOCOL)]
        )
        async with server:
            yield next(iter(server.sockets)).getsockname()[1]


@dataclass
class _Output:
    """What runs: since when it was written, without its pauses."""

    file: str
    began: float
    paused_at: float | None = None
    paused_s: float = 0.0

    @property
    def ms(self) -> int:
        now = self.paused_at or time.monotonic()
        return round(1000 * (now - self.began - self.paused_s))


@dataclass
class Machine:
    """What a test says of an OBS before it starts, and finds out about it."""

    version: str = "31.0.2"
    chapters: int = DONE  # or the code of the refusal
    buffer: int = DONE  # NO_BUFFER: switched off in the settings
    is_buffering: bool = True
    is_disk_full: bool = False
    names_file: bool = True  # at the start; older ones do so at the end alone
    sources: list[str] = field(default_factory=lambda: ["Caption", "Jingle"])
    added: list[str] = field(default_factory=list)  # names of chapters
    settings: list[tuple[str, Any]] = field(default_factory=list)
    played: list[str] = field(default_factory=list)
    saved: int = 0  # replays


class FakeObs(Obs):
    """An OBS as a person uses it. Its `start`, `pause` and so on are what that person clicks."""

    def __init__(self, machine: Machine | None = None) -> None:
        super().__init__()
        self.machine = machine or Machine()
        self.outputs: dict[str, _Output] = {}

    def result(self, kind: str, data: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        return getattr(self, f"_{kind}", lambda _: (UNKNOWN, {}))(data)

    async def start(self, output: str = "Record", file: str = "/v/a.mkv") -> None:
        await self.state(output, "STARTING")
        self.outputs[output] = _Output(file, time.monotonic())
        await self.state(output, "STARTED", file if self.machine.names_file else None)

    async def pause(self) -> None:
        self.outputs["Record"].paused_at = time.monotonic()
        await self.state("Record", "PAUSED")

    async def resume(self) -> None:
        record = self.outputs["Record"]
        assert record.paused_at is not None
        record.paused_s += time.monotonic() - record.paused_at
        record.paused_at = None
        await self.state("Record", "RESUMED")

    async def split(self, file: str) -> None:
        await self.event("RecordFileChanged", newOutputPath=file)

    async def stop(self, output: str = "Record", *, by_itself: bool = False) -> None:
        if not by_itself:
            await self.state(output, "STOPPING")
        file = self.outputs.pop(output).file
        await self.state(output, "STOPPED", file)

    async def state(self, output: str, name: str, path: str | None = None) -> None:
        state = f"OBS_WEBSOCKET_OUTPUT_{name}"
        active = name in ("STARTED", "RESUMED")
        await self.event(
            f"{output}StateChanged", outputActive=active, outputState=state, outputPath=path
        )

    async def event(self, kind: str, **data: Any) -> None:
        body = {"eventType": kind, "eventIntent": 64, "eventData": data}
        for link in self.links:
            with suppress(ConnectionClosed):
                await self.tell(link, 5, body)

    def _status(self, output: str) -> tuple[int, dict[str, Any]]:
        found = self.outputs.get(output)
        is_paused = found is not None and found.paused_at is not None
        return DONE, {
            "outputActive": found is not None,
            "outputPaused": is_paused,
            "outputDuration": found.ms if found else 0,
        }

    def _GetVersion(self, _: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        return DONE, {"obsVersion": self.machine.version}

    def _GetRecordStatus(self, _: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        return self._status("Record")

    def _GetStreamStatus(self, _: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        return self._status("Stream")

    def _GetReplayBufferStatus(self, _: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        return self.machine.buffer, {"outputActive": self.machine.is_buffering}

    def _GetStats(self, _: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        return DONE, {"availableDiskSpace": 0.0 if self.machine.is_disk_full else 12345.6}

    def _GetInputSettings(self, data: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        return (DONE if data["inputName"] in self.machine.sources else NO_RESOURCE), {}

    def _GetInputList(self, _: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        return DONE, {"inputs": [{"inputName": name} for name in self.machine.sources]}

    def _SetInputSettings(self, data: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        self.machine.settings.append((data["inputName"], data["inputSettings"]["text"]))
        return self._GetInputSettings(data)

    def _TriggerMediaInputAction(self, data: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        self.machine.played.append(data["inputName"])
        return self._GetInputSettings(data)

    def _CreateRecordChapter(self, data: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        if self.machine.chapters == DONE:
            self.machine.added.append(data["chapterName"])
        return self.machine.chapters, {}

    def _SaveReplayBuffer(self, _: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        """A buffer beside a recording that is paused answers success and saves nothing."""
        if self.machine.buffer != DONE:
            return self.machine.buffer, {}
        if not self.machine.is_buffering:
            return NOT_RUNNING, {}
        record = self.outputs.get("Record")
        if not self.machine.is_disk_full and (record is None or record.paused_at is None):
            self.machine.saved += 1
            path = f"/v/Replay {self.machine.saved}.mkv"
            saved = self.event("ReplayBufferSaved", savedReplayPath=path)
            self._saving = asyncio.get_running_loop().create_task(saved)
        return DONE, {}
