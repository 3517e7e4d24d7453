"""A client of obs-websocket 5 that comes back by itself; each answer goes to its own question."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, WebSocketException
from websockets.typing import Subprotocol

from resonance_tui.obs.protocol import (
    LARGEST,
    SUBPROTOCOL,
    Event,
    Events,
    Hello,
    Identified,
    Message,
    ObsProblem,
    Response,
    WrongPassword,
    WrongVersion,
    closed,
    decode,
    identify,
    old_version,
    request,
    what_is_old,
)
from resonance_tui.secret import Secret, shown_address

PORT = 4455
CONNECT_S = 5.0  # for the connection, and again for being taken
GREET_S = 2.0  # OBS greets at once; obs-websocket 4 never does
ANSWER_S = 5.0
WAITS_S = (0.5, 1.0, 2.0, 5.0, 10.0)  # between tries; the last one goes on


class ObsClient:
    """Tells `on_event` what happens in OBS, and `on_link` when it is there (None) or why not.

    `run` connects until it is cancelled. All of it belongs to one event loop.
    """

    def __init__(
        self,
        url: str,
        password: Secret,
        on_event: Callable[[Event], None],
        on_link: Callable[[ObsProblem | None], None],
        *,
        events: Events = Events.GENERAL | Events.OUTPUTS,
        waits_s: tuple[float, ...] = WAITS_S,
    ) -> None:
        self.url = url
        self._password = password
        self._on_event = on_event
        self._on_link = on_link
        self._events = events
        self._waits_s = waits_s
        self._link: ClientConnection | None = None
        self._answers: dict[str, asyncio.Future[Response]] = {}
        self._ids = map(str, itertools.count(1))

    @property
    def is_connected(self) -> bool:
        """OBS has taken us, and the connection stands."""
        return self._link is not None

    async def run(self) -> None:
        """Raises WrongPassword and WrongVersion, which no further try changes."""
        tries = 0
        while True:
            try:
                await self._connection()
            except (WrongPassword, WrongVersion):
                raise
            except ObsProblem as problem:
                tries = 0 if self._link is not None else tries + 1
                self._leave()
                self._on_link(problem)
            finally:
                self._leave()
            await asyncio.sleep(self._waits_s[min(tries, len(self._waits_s) - 1)])

    async def request(self, kind: str, **data: Any) -> dict[str, Any]:
        """What OBS answers. Raises RequestRefused, and ObsProblem where no answer comes."""
        if self._link is None:
            raise ObsProblem("OBS is not connected.", "Start OBS and its WebSocket server.")
        id = next(self._ids)
        answer = self._answers[id] = asyncio.get_running_loop().create_future()
        try:
            async with asyncio.timeout(ANSWER_S):
                await self._link.send(request(id, kind, data or None))
                return (await answer).result()
        except TimeoutError as error:
            raise ObsProblem(f"OBS does not answer {kind}.", "Is a dialog open in OBS?") from error
        except ConnectionClosed as error:
            raise ObsProblem("OBS has gone away.", "It is tried again.") from error
        finally:
            self._answers.pop(id, None)  # a late answer finds nobody

    async def _connection(self) -> None:
        """From dialling to the end, which is always an ObsProblem."""
        try:
            async with asyncio.timeout(CONNECT_S):
                link = await connect(
                    self.url,
                    subprotocols=[Subprotocol(SUBPROTOCOL)],
                    max_size=LARGEST,
                    proxy=None,
                    compression=None,
                )
        except (OSError, TimeoutError, WebSocketException, ValueError) as error:
            raise ObsProblem(
                f"No OBS answers at {shown_address(self.url)}.",
                "In OBS: Tools, WebSocket Server Settings, Enable.",
            ) from error
        try:
            await self._talk(link)
        except ConnectionClosed as error:
            frame = error.rcvd
            raise closed(frame.code if frame else 1006, frame.reason if frame else "") from error
        finally:
            with suppress(OSError, WebSocketException):
                await link.close()

    async def _talk(self, link: ClientConnection) -> None:
        try:
            async with asyncio.timeout(CONNECT_S):
                await self._introduce(link)
        except TimeoutError as error:
            raise ObsProblem("OBS does not greet us.", "Check the port of its server.") from error
        self._link = link
        self._on_link(None)
        async for text in link:
            self._take(decode(text))
        raise closed(link.close_code or 1000, link.close_reason or "")

    async def _introduce(self, link: ClientConnection) -> None:
        hello = decode(await self._first_word(link))
        if not isinstance(hello, Hello):
            raise ObsProblem(
                "What answers there does not speak obs-websocket 5.", "Check the port and OBS."
            )
        await link.send(identify(hello, self._password, self._events))
        while not isinstance(decode(await link.recv()), Identified):
            pass

    async def _first_word(self, link: ClientConnection) -> str | bytes:
        """Raises WrongVersion for a server of obs-websocket 4, which waits to be asked."""
        try:
            async with asyncio.timeout(GREET_S):
                return await link.recv()
        except TimeoutError:
            await link.send(what_is_old())
        text = await link.recv()
        if version := old_version(text):
            raise WrongVersion(
                f"OBS speaks obs-websocket {version}, which is too old.",
                "Upgrade OBS to 28 or later.",
            )
        return text

    def _take(self, message: Message | None) -> None:
        if isinstance(message, Event):
            self._on_event(message)
        elif isinstance(message, Response):
            answer = self._answers.get(message.id)
            if answer is not None and not answer.done():
                answer.set_result(message)

    def _leave(self) -> None:
        """Nobody waits for an answer that cannot come."""
        self._link = None
        for answer in self._answers.values():
            if not answer.done():
                answer.set_exception(ObsProblem("OBS has gone away.", "It is tried again."))
