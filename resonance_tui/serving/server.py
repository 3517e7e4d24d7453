"""Serves one room: events, rows and pages, on the loop of whoever runs it."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import socket
import time
from collections.abc import AsyncGenerator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import h11

from resonance_tui.errors import ResonanceError, StoreError
from resonance_tui.serving.feed import Feed
from resonance_tui.serving.gate import Gate
from resonance_tui.serving.http import JSON, HttpConnection, Request, Response
from resonance_tui.serving.pages import OWN_STYLE, PAGES, own_style, page
from resonance_tui.serving.rows import TYPES, rows
from resonance_tui.serving.subscribers import MOST, Subscribers

log = logging.getLogger(__name__)
CONNECTIONS = MOST + 56
COMMENT_EVERY_S = 10  # browsers and what lies between give up after some time of silence
LOOK_EVERY_S = 1.0
EVENTS = "/events"
PRIVATE = (EVENTS, "/state.json", *(f"/history.{format}" for format in TYPES), *PAGES)


@dataclass(frozen=True, slots=True)
class ServerOptions:
    gate: Gate = field(default_factory=Gate)
    database: Path | None = None  # whose rows are served; None: none
    style: Path | None = None  # the streamer's own style sheet


class Server:
    """Answers at `listening` while `run` runs, and closes it."""

    def __init__(self, feed: Feed, listening: socket.socket, options: ServerOptions) -> None:
        self._feed, self._listening, self._options = feed, listening, options
        self.subscribers = Subscribers(feed)
        self._tasks: dict[asyncio.Task[None], asyncio.StreamWriter] = {}
        # Who does not listen to the events; whose last request is the oldest comes first.
        self._others: dict[asyncio.StreamWriter, None] = {}
        self._is_open = True

    async def run(self) -> None:
        """Until cancelled; then every connection is cut at once."""
        server = await asyncio.start_server(self._accept, sock=self._listening)
        try:
            for second in range(1, 1 << 62):
                await asyncio.sleep(LOOK_EVERY_S)
                self._feed.expire(time.time(), time.monotonic())
                if second % COMMENT_EVERY_S == 0:
                    self.subscribers.comment()
        finally:
            self._is_open = False  # connections that the loop has accepted and not told of yet
            server.close()
            await self._cut_all()

    async def _cut_all(self) -> None:
        tasks = list(self._tasks)
        for task, writer in list(self._tasks.items()):
            writer.transport.abort()
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Not a coroutine: the tasks are ours to end."""
        # Cut without an answer, so that a page tries again.
        if not self._is_open or not self._has_place():
            writer.transport.abort()
            return
        self._others[writer] = None
        task = asyncio.get_running_loop().create_task(self._converse(reader, writer))
        self._tasks[task] = writer
        task.add_done_callback(self._over)

    def _has_place(self) -> bool:
        """Connections that ask for nothing, or do not read, must not keep others out."""
        if len(self._tasks) < CONNECTIONS:
            return True
        oldest = next(iter(self._others), None)
        if oldest is None:
            return False
        del self._others[oldest]
        oldest.transport.abort()
        return True

    def _over(self, task: asyncio.Task[None]) -> None:
        self._others.pop(self._tasks.pop(task), None)

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection = HttpConnection(reader, writer)
        try:
            while (request := await self._next(connection)) is not None:
                await self._answer(connection, request)
        except (OSError, TimeoutError, h11.ProtocolError):
            writer.transport.abort()  # they have gone, or take too long
        except Exception:  # one connection must not end the room
            log.exception("a request could not be answered")
            writer.transport.abort()
        finally:
            await connection.close()

    async def _next(self, connection: HttpConnection) -> Request | None:
        try:
            return await connection.request()
        except h11.RemoteProtocolError as error:
            await connection.refuse(error)
            return None

    async def _answer(self, connection: HttpConnection, request: Request) -> None:
        self._others[connection.writer] = self._others.pop(connection.writer, None)  # the newest
        refused = self._refused(request)
        if refused is None and request.path == EVENTS and request.method == "GET":
            await self._stream(connection, request)
        else:
            response = refused or await self._respond(request)
            await connection.respond(response, is_head=request.method == "HEAD")

    def _refused(self, request: Request) -> Response | None:
        gate, path = self._options.gate, request.path
        if why := gate.refusal(request.headers, is_page=path in PAGES):
            return trouble(403, why)
        if request.method not in ("GET", "HEAD"):
            return trouble(
                405, "Nothing can be changed from here.", headers=(("Allow", "GET, HEAD"),)
            )
        if path in PRIVATE and not gate.admits(request.headers, request.query):
            hint = "Open the address that `resonance-tui serve` printed, with its token."
            return trouble(401, "This room asks for a token.", hint)
        return None

    async def _respond(self, request: Request) -> Response:
        if request.path == EVENTS:  # asked for its head alone
            return Response(type="text/event-stream")
        if request.path == "/state.json":
            return _json(self._feed.state(time.time(), names=wants_names(request)))
        if request.path == OWN_STYLE:
            return await own_style(self._options.style)
        name, _, format = request.path.rpartition(".")
        if name == "/history" and format in TYPES:
            return await self._history(request, format)
        return page(request.path) or trouble(404, "There is nothing at this address.")

    async def _history(self, request: Request, format: str) -> Response:
        database = self._options.database
        if database is None:
            return trouble(404, "This room keeps no history here.")
        try:
            parts = await rows(database, self._feed.channel, format, request.query)
        except StoreError as error:
            return trouble(404, error.message, error.hint)
        except ResonanceError as error:
            return trouble(400, error.message, error.hint)
        return Response(type=TYPES[format], parts=parts)

    async def _stream(self, connection: HttpConnection, request: Request) -> None:
        """Events until they hang up, or fall behind."""
        if len(self.subscribers) >= MOST:  # no answer: a page would give up for good on a 503
            raise ConnectionAbortedError
        writer = connection.writer
        last_id = request.headers.get("last-event-id", "") or request.query.get("after", "")
        connection.open_stream("text/event-stream")
        self.subscribers.add(writer, last_id, names=wants_names(request))
        self._others.pop(writer, None)
        try:
            await connection.gone()
        finally:
            self.subscribers.discard(writer)
        raise ConnectionAbortedError


def wants_names(request: Request) -> bool:
    return request.query.get("names") == "1"


def trouble(
    status: int, error: str, hint: str = "", *, headers: tuple[tuple[str, str], ...] = ()
) -> Response:
    """What is wrong, and what to do, for a program."""
    return _json({"error": error, "hint": hint}, status=status, headers=headers)


def _json(
    data: dict[str, Any], status: int = 200, headers: tuple[tuple[str, str], ...] = ()
) -> Response:
    return Response(status, JSON, json.dumps(data).encode() + b"\n", headers)


@contextlib.asynccontextmanager
async def serving(server: Server) -> AsyncGenerator[None]:
    """The server runs beside what happens inside."""
    task = asyncio.get_running_loop().create_task(server.run(), name="http")
    try:
        yield
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
