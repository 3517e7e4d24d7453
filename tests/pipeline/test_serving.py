"""A room over HTTP, asked byte by byte."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import socket
import time
from glob import glob
from pathlib import Path
from unittest.mock import create_autospec

import pytest
from http_clients import get, parsed, raw, served, stream
from limits import Limit, patience, within

from resonance_tui.errors import CannotServe
from resonance_tui.history.export import COLUMNS, records, to_csv, to_json
from resonance_tui.history.samples import Sample
from resonance_tui.history.store import Store
from resonance_tui.secret import Secret
from resonance_tui.serving import http, subscribers
from resonance_tui.serving import server as serving
from resonance_tui.serving.gate import Gate
from resonance_tui.serving.http import HEAD_LIMIT
from resonance_tui.serving.pages import FILES, FOLDER, LAYOUTS
from resonance_tui.serving.server import ServerOptions
from resonance_tui.serving.sockets import listen
from resonance_tui.session.events import HappeningUpdate, NoticeUpdate

START = 1_795_371_000


@pytest.fixture
def database(tmp_path: Path) -> Path:
    path = tmp_path / "history.sqlite"
    with Store(path) as store:
        for begin in (START, START + 50_000):
            rows = [Sample("cats", begin + t, 9, (5, 0, 0, 1, 0, 0, 0), 2, 1) for t in range(90)]
            store.append(rows)
        store.append([Sample("dogs", START, 1, (1, 0, 0, 0, 0, 0, 0), 0, 0)])
    return path


async def test_the_state_is_one_object() -> None:
    async with served() as room:
        before = (await get(room.port, "/state.json")).json
        room.connect()
        room.room(3, 1)
        room.laugh(3)
        after = (await get(room.port, "/state.json")).json
    assert (before["room"], before["link"]["status"]) == (None, "connecting")
    assert (after["channel"], after["link"]["status"]) == ("cats", "connected")
    assert after["room"]["counts"]["happiness"] == 3
    assert [event["kind"] for event in after["events"]] == ["laugh"]


async def test_events_arrive_as_they_happen() -> None:
    async with served() as room, stream(room.port) as client:
        room.connect()
        room.room(2)
        assert (await client.next())["status"] == "connected"
        assert (await client.next())["counts"]["happiness"] == 2
        room.laugh(2)
        assert (await client.next())["kind"] == "laugh"


async def test_who_comes_back_hears_what_was_missed() -> None:
    async with served() as room:
        room.room(2)
        async with stream(room.port) as client:
            await client.until(type="room")
            known = client.last_id
        room.laugh(2)
        for headers, query in (({"Last_Event_ID": known}, ""), ({}, f"?after={known}")):
            async with stream(room.port, query, **headers) as client:
                assert (await client.until(type="event"))["kind"] == "laugh"


async def test_after_a_restart_the_stream_begins_anew() -> None:
    async with served(boot="one") as room:
        room.room(2)
        room.laugh(2)
        async with stream(room.port) as client:
            await client.until(type="room")
            port, known = room.port, client.last_id
            async with served(boot="two", port=0) as other:
                other.room(5)
                async with stream(other.port, Last_Event_ID=known) as again:
                    assert (await again.next())["viewers"] == 5
                    assert again.last_id.startswith("two-")
    listen("127.0.0.1", port).close()  # free at once, whoever was connected


async def test_nicknames_are_for_those_who_ask() -> None:
    async with served() as room:
        for query, is_named in (("", False), ("?names=1", True)):
            async with stream(room.port, query) as client:
                room.room(1)
                await client.next()
                room.take(HappeningUpdate(1.0, "joined", "Mia came", ("Mia",), 1))
                event = await client.until(type="event")
                assert ("Mia" in json.dumps(event)) is is_named
            state = await get(room.port, f"/state.json{query}")
            assert (b"Mia" in state.body) is is_named


async def test_a_reader_that_is_stuck_is_cut_off_and_the_others_hear_on() -> None:
    async with served() as room, stream(room.port) as client:
        with socket.create_connection(("127.0.0.1", room.port)) as stuck:
            stuck.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            stuck.sendall(f"GET /events HTTP/1.1\r\nHost: 127.0.0.1:{room.port}\r\n\r\n".encode())
            room.room(1)
            await client.next()
            until = Limit(20)
            while len(room.server.subscribers) < 2 and not until.ran_out():
                await asyncio.sleep(0.01)
            assert len(room.server.subscribers) == 2
            sent = 0
            while len(room.server.subscribers) == 2 and not until.ran_out():
                began = time.perf_counter()
                room.take(NoticeUpdate(1.0, f"{sent} " + "x" * 4000))
                assert time.perf_counter() - began < patience(0.1)  # nobody is waited for
                assert (await client.next())["text"].startswith(f"{sent} ")
                sent += 1
        assert len(room.server.subscribers) == 1
        room.laugh(7)
        assert (await client.until(type="event"))["people"] == 7


async def test_it_stops_at_once_whoever_is_connected() -> None:
    async with served() as room:
        clients = [await asyncio.open_connection("127.0.0.1", room.port) for _ in range(30)]
        for at, (_, writer) in enumerate(clients):
            path = "/events" if at % 3 else "/state.json"
            writer.write(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
        await asyncio.gather(*(reader.readline() for reader, _ in clients))
        began = time.monotonic()
    assert time.monotonic() - began < patience(1)
    for reader, writer in clients:
        with pytest.raises((ConnectionError, EOFError)):
            while await reader.read(8192):
                pass
            raise EOFError
        writer.close()
    assert not [task for task in asyncio.all_tasks() if "_converse" in repr(task)]


async def test_who_comes_when_it_is_full_is_refused_without_an_answer(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """EventSource gives up for good on an answer of 503, and tries a broken connection again."""
    monkeypatch.setattr(serving, "MOST", 1)
    async with served() as room, stream(room.port) as client:
        room.room(1)
        await client.next()
        request = b"GET /events HTTP/1.1\r\nHost: localhost\r\n\r\n"
        with contextlib.suppress(ConnectionResetError):
            assert await raw(room.port, request) == b""
        assert (await get(room.port, "/state.json")).status == 200


async def test_one_connection_carries_many_requests() -> None:
    async with served() as room:
        one = b"GET /state.json HTTP/1.1\r\nHost: localhost\r\n\r\n"
        last = b"GET /state.json HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
        answers = await raw(room.port, one + one + last)
        assert answers.count(b"HTTP/1.1 200") == 3


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (b"nonsense\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\n\r\n", 400),  # no host
        (b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: localhost\r\nX: " + b"x" * HEAD_LIMIT, 431),
        (b"GET / HTTP/1.1\r\nHost: evil.example\r\n\r\n", 403),
        (b"POST /state.json HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3\r\n\r\nabc", 405),
        (b"GET /../../etc/passwd HTTP/1.1\r\nHost: localhost\r\n\r\n", 404),
        (b"GET /overlay/%2e%2e/feed.py HTTP/1.1\r\nHost: localhost\r\n\r\n", 404),
        (b"GET /overlay/layouts/none.js HTTP/1.1\r\nHost: localhost\r\n\r\n", 404),
        (b"GET //[ HTTP/1.1\r\nHost: localhost\r\n\r\n", 400),
        pytest.param(
            b"GET /?" + b"a=1&" * 60 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n", 400, id="many"
        ),
        (b"GET /state.json?x=%zz%ff HTTP/1.1\r\nHost: localhost\r\n\r\n", 200),
        (b"GET /state.json HTTP/1.0\r\nHost: localhost\r\n\r\n", 200),
        (b"GET /state.json HTTP/1.0\r\n\r\n", 403),
        (b"OPTIONS * HTTP/1.1\r\nHost: localhost\r\n\r\n", 405),
    ],
)
async def test_what_cannot_be_answered_has_a_status(data: bytes, status: int) -> None:
    async with served() as room:
        closing = data.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n", 1)
        assert parsed(await raw(room.port, closing)).status == status


@pytest.mark.parametrize("digits", [pytest.param("9" * 5000, id="thousands"), "\u0663", "-1", ""])
async def test_an_id_that_is_none_begins_the_stream_anew(
    digits: str, caplog: pytest.LogCaptureFixture
) -> None:
    async with served() as room:
        room.room(4)
        async with stream(room.port, Last_Event_ID=f"boot-{digits}") as client:
            assert (await client.next())["viewers"] == 4
    assert caplog.records == []


async def test_idle_connections_keep_nobody_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serving, "CONNECTIONS", 8)
    async with served() as room, stream(room.port) as client:
        room.room(1)
        await client.next()
        idle = [await asyncio.open_connection("127.0.0.1", room.port) for _ in range(20)]
        assert (await get(room.port, "/state.json")).status == 200
        async with stream(room.port) as newcomer:
            assert (await newcomer.next())["viewers"] == 1
        room.laugh(2)
        assert (await client.until(type="event"))["people"] == 2
        for _, writer in idle:
            writer.transport.abort()


async def test_who_does_not_read_the_last_answer_is_hung_up_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A closed transport waits for its reader for ever."""
    monkeypatch.setattr(http, "WRITE_S", 0.01)
    writer = create_autospec(asyncio.StreamWriter, instance=True)
    writer.wait_closed.side_effect = asyncio.Event().wait
    await http.HttpConnection(asyncio.StreamReader(), writer).close()
    writer.close.assert_called_once_with()
    writer.transport.abort.assert_called_once_with()


async def test_a_body_without_end_ends_the_connection() -> None:
    async with served() as room:
        head = b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9000000\r\n\r\n"
        with contextlib.suppress(ConnectionResetError):  # it may end before all was sent
            answer = await raw(room.port, head + b"x" * 200_000)
            assert answer == b"" or parsed(answer).status == 413
        assert (await get(room.port, "/state.json")).status == 200


async def test_a_token_is_asked_for_by_what_tells_of_the_room() -> None:
    options = ServerOptions(Gate(token=Secret("t0ken")))
    async with served(options) as room:
        for path in ("/", "/overlay", "/state.json", "/events", "/history.csv"):
            assert (await get(room.port, path)).status == 401, path
        assert (await get(room.port, "/state.json?token=t0ken")).status == 200
        bearer = await get(room.port, "/state.json", Authorization="Bearer t0ken")
        assert bearer.status == 200
        assert (await get(room.port, "/overlay/overlay.js")).status == 200


async def test_no_answer_lets_another_origin_read() -> None:
    async with served() as room:
        for path in (*FILES, "/state.json", "/overlay/palette.js", "/nothing"):
            headers = (await get(room.port, path)).headers
            assert not [name for name in headers if name.startswith("access-control")]
            assert headers["cross-origin-resource-policy"] == "same-origin"
            assert headers["cache-control"] == "no-store"
        assert (
            "default-src 'self'" in (await get(room.port, "/")).headers["content-security-policy"]
        )
        assert (await get(room.port, "/state.json", Origin="null")).status == 403


async def test_every_file_of_the_pages_is_served_and_each_layout_is_one_file() -> None:
    folder = str(FOLDER)  # as it is installed
    found = glob("**/*.*", root_dir=folder, recursive=True)
    names = {name.replace(os.sep, "/") for name in found}
    assert names == set(FILES.values())
    assert {f"layouts/{name}.js" for name in LAYOUTS} == {n for n in names if "/" in n}
    async with served() as room:
        for path, name in FILES.items():
            answer = await get(room.port, path)
            assert (answer.status, answer.body) == (200, FOLDER.joinpath(name).read_bytes())


def test_no_file_of_the_pages_names_another_origin() -> None:
    allowed = ("http://www.w3.org/2000/svg", "https://json-schema.org/draft/2020-12/schema")
    for name in FILES.values():
        text = FOLDER.joinpath(name).read_text("utf-8")
        for each in allowed:
            text = text.replace(each, "")
        assert "://" not in text, name


async def test_the_own_style_sheet_is_read_anew_each_time(tmp_path: Path) -> None:
    style = tmp_path / "mine.css"
    async with served(ServerOptions(style=style)) as room:
        assert b"mine.css" in (await get(room.port, "/overlay/own.css")).body
        style.write_text("body { color: red }")
        assert (await get(room.port, "/overlay/own.css")).body == b"body { color: red }"


async def test_rows_are_those_of_the_history(database: Path) -> None:
    with Store(database, read_only=True) as store:
        rows = store.read("cats")
    async with served(ServerOptions(database=database)) as room:
        last = await get(room.port, "/history.csv")
        whole = await get(room.port, "/history.csv?from=1970-01-02")
        some = await get(room.port, f"/history.json?from={_iso(START + 10)}&to={_iso(START + 19)}")
    assert last.body.decode() == "".join(to_csv(records(rows[90:]), COLUMNS))
    assert whole.body.decode() == "".join(to_csv(records(rows), COLUMNS))
    assert some.body.decode() == "".join(to_json(records(rows[10:20]), COLUMNS))
    assert last.headers["content-type"].startswith("text/csv")


def _iso(t: int) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(t)) + "%2B00:00"


@pytest.mark.parametrize(
    ("query", "status"),
    [("?from=soon", 400), ("?from=-1h&to=-2h", 400), ("?from=2040-01-01", 404)],
)
async def test_a_range_without_rows_is_said(database: Path, query: str, status: int) -> None:
    async with served(ServerOptions(database=database)) as room:
        answer = await get(room.port, f"/history.csv{query}")
    assert answer.status == status
    assert answer.json["error"]
    assert answer.json["hint"]


async def test_a_database_that_is_not_there_is_said(tmp_path: Path) -> None:
    async with served(ServerOptions(database=tmp_path / "none.sqlite")) as room:
        assert (await get(room.port, "/history.csv")).status == 404
    async with served() as room:
        assert (await get(room.port, "/history.json")).status == 404


async def test_silence_is_broken_and_the_end_of_a_session_told(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(serving, "LOOK_EVERY_S", 0.01)
    async with served() as room, stream(room.port) as client:
        room.room(1)
        await client.next()
        async with within(10):
            while await client.reader.readline() != subscribers.COMMENT[:2]:
                pass
        room.feed.take(NoticeUpdate(1.0, "over"), time.monotonic() - 60)
        assert (await client.until(type="link"))["status"] == "closed"


def test_a_port_that_is_taken_is_said_in_one_line() -> None:
    with socket.create_server(("127.0.0.1", 0)) as other, pytest.raises(CannotServe) as caught:
        listen("127.0.0.1", other.getsockname()[1])
    assert "taken" in caught.value.message
    assert caught.value.hint
    assert caught.value.exit_code == 2


@pytest.mark.parametrize("host", ["192.0.2.7", "no such host", "", "a" * 300])
def test_an_address_that_is_not_ours_is_said(host: str) -> None:
    with pytest.raises(CannotServe) as caught:
        listen(host, 0)
    assert caught.value.hint
