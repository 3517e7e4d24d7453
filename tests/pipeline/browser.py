"""A real Chromium, driven over its own protocol: pages, what they draw, and what they ask for."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import io
import itertools
import json
import os
import shutil
import subprocess
import time
from collections.abc import AsyncGenerator, Generator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from children import start_child
from limits import Limit, patience, within
from numpy.typing import NDArray
from PIL import Image
from websockets.asyncio.client import ClientConnection, connect

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "google-chrome", "chrome"))), None)


@dataclass(frozen=True)
class Chromium:
    """A running one. `address`: of its protocol."""

    process: subprocess.Popen[bytes]
    address: str


@contextlib.contextmanager
def running_chromium(folder: Path) -> Generator[Chromium]:
    """Started with an empty profile in `folder`, and ended."""
    flags = ["--headless=new", "--disable-gpu", "--hide-scrollbars", "--remote-debugging-port=0"]
    flags += ["--no-first-run", "--disable-extensions", "--disable-background-networking"]
    flags += ["--no-sandbox"] if os.name == "posix" and os.geteuid() == 0 else []
    assert CHROMIUM is not None
    command = [CHROMIUM, *flags, f"--user-data-dir={folder}", "about:blank"]
    process = start_child(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        yield Chromium(process, _address(folder / "DevToolsActivePort", process))
    finally:
        process.kill()
        process.wait(patience(10))


def _address(file: Path, process: subprocess.Popen[bytes]) -> str:
    until = Limit(30)
    while not until.ran_out() and process.poll() is None:
        with contextlib.suppress(OSError, ValueError):
            port, path = file.read_text().split()
            return f"ws://127.0.0.1:{port}{path}"
        time.sleep(0.02)
    raise TimeoutError("Chromium does not start")


class Browser:
    """One connection to it; pages by session."""

    def __init__(self, socket: ClientConnection) -> None:
        self._socket, self._ids = socket, itertools.count(1)
        self._waiting: dict[int, asyncio.Future[dict[str, Any]]] = {}
        self.pages: dict[str, Page] = {}

    async def call(self, method: str, session: str = "", **params: Any) -> dict[str, Any]:
        number = next(self._ids)
        answer = self._waiting[number] = asyncio.get_running_loop().create_future()
        message = {"id": number, "method": method, "params": params}
        await self._socket.send(json.dumps(message | ({"sessionId": session} if session else {})))
        async with within(15):
            return await answer

    async def read(self) -> None:
        async for text in self._socket:
            message = json.loads(text)
            if "id" in message:
                waiting = self._waiting.pop(message["id"])
                if "error" in message:
                    waiting.set_exception(RuntimeError(message["error"]["message"]))
                elif not waiting.done():
                    waiting.set_result(message["result"])
            elif page := self.pages.get(message.get("sessionId", "")):
                page.told(message["method"], message["params"])

    async def page(self, url: str, width: int = 480, height: int = 320, **media: str) -> Page:
        """A new page, transparent where nothing is drawn. `media`: features, `_` for `-`."""
        target = (await self.call("Target.createTarget", url="about:blank"))["targetId"]
        attached = await self.call("Target.attachToTarget", targetId=target, flatten=True)
        page = self.pages[attached["sessionId"]] = Page(self, attached["sessionId"], target)
        for domain in ("Page", "Runtime", "Network", "Log"):
            await page.call(f"{domain}.enable")
        size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
        await page.call("Emulation.setDeviceMetricsOverride", **size)
        clear = {"r": 0, "g": 0, "b": 0, "a": 0}
        await page.call("Emulation.setDefaultBackgroundColorOverride", color=clear)
        wanted = [{"name": k.replace("_", "-"), "value": v} for k, v in media.items()]
        await page.call("Emulation.setEmulatedMedia", features=wanted)
        await page.call("Page.navigate", url=url)
        return page


class Page:
    def __init__(self, browser: Browser, session: str, target: str) -> None:
        self._browser, self._session, self._target = browser, session, target
        self.asked_for: list[str] = []  # addresses
        self.complaints: list[str] = []  # errors of scripts and of the browser

    def told(self, method: str, params: dict[str, Any]) -> None:
        match method:
            case "Network.requestWillBeSent":
                self.asked_for.append(params["request"]["url"])
            case "Runtime.exceptionThrown":
                self.complaints.append(json.dumps(params["exceptionDetails"]))
            case "Log.entryAdded" if params["entry"]["level"] == "error":
                self.complaints.append(f"{params['entry']['text']} {params['entry'].get('url')}")
            case _:
                pass

    async def call(self, method: str, **params: Any) -> dict[str, Any]:
        return await self._browser.call(method, self._session, **params)

    async def run(self, script: str) -> Any:
        """The value of an expression, awaited."""
        params = {"expression": script, "awaitPromise": True, "returnByValue": True}
        answer = await self.call("Runtime.evaluate", **params)
        if "exceptionDetails" in answer:
            raise RuntimeError(json.dumps(answer["exceptionDetails"]))
        return answer["result"].get("value")

    async def until(self, condition: str, seconds: float = 15) -> None:
        """Wait for an expression to be true."""
        async with within(seconds):
            while not await self.run(f"Boolean({condition})"):
                await asyncio.sleep(0.03)

    async def picture(self) -> NDArray[np.uint8]:
        """What it draws, `uint8[H, W, 4]` with straight alpha."""
        answer = await self.call("Page.captureScreenshot", format="png")
        with Image.open(io.BytesIO(base64.b64decode(answer["data"]))) as image:
            return np.asarray(image.convert("RGBA"))

    async def memory(self) -> tuple[int, int]:
        """Nodes, and bytes of scripts, once what nobody needs has been thrown away."""
        for _ in range(2):
            await self.call("HeapProfiler.collectGarbage")
        found = await self.call("Memory.getDOMCounters")
        used = await self.call("Runtime.getHeapUsage")
        return found["nodes"], int(used["usedSize"])

    async def close(self) -> None:
        await self._browser.call("Target.closeTarget", targetId=self._target)


@contextlib.asynccontextmanager
async def browser(chromium: Chromium) -> AsyncGenerator[Browser]:
    """Its pages are closed afterwards."""
    async with connect(chromium.address, max_size=None, compression=None) as socket:
        found = Browser(socket)
        reading = asyncio.get_running_loop().create_task(found.read())
        try:
            yield found
        finally:
            for page in found.pages.values():
                await page.close()
            reading.cancel()
            await asyncio.wait([reading])
