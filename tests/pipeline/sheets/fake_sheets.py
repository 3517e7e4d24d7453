"""Google Sheets and Drive as far as we use them: their REST protocol over HTTP on loopback.

Ranges, grids, atomic batches, quotas, permissions and error bodies behave as Google documents
them; faults are asked for call by call. gspread talks to it unchanged (see `session_to`).
"""

from __future__ import annotations

import copy
import json
import re
import socket
import struct
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import requests
from requests.adapters import HTTPAdapter

GOOGLE = ("https://sheets.googleapis.com", "https://www.googleapis.com")
Fault = str  # "429", "429 after 7", "503", "reset", "lost", "page" or "slow"


@dataclass
class FakeTab:
    title: str
    rows: int = 1000
    columns: int = 26
    cells: dict[tuple[int, int], Any] = field(default_factory=dict)  # (row, column), from 0

    def values(self, top: int, left: int, bottom: int, right: int) -> list[list[Any]]:
        """Like Google: blank cells at the ends of rows, and blank rows at the end, are left out."""
        found = []
        for row in range(top, min(bottom, self.rows)):
            cells = [self.cells.get((row, col), "") for col in range(left, right)]
            while cells and cells[-1] == "":
                cells.pop()
            found.append(cells)
        while found and not found[-1]:
            found.pop()
        return found

    def put(self, top: int, left: int, rows: list[list[Any]]) -> None:
        for row, cells in enumerate(rows, top):
            for col, cell in enumerate(cells, left):
                if cell in ("", None):
                    self.cells.pop((row, col), None)
                else:
                    self.cells[row, col] = cell

    def all(self) -> list[list[Any]]:
        bottom = max((row + 1 for row, _ in self.cells), default=0)
        return self.values(0, 0, bottom, self.columns)

    def delete_rows(self, first: int, count: int) -> None:
        """As a person does it: what stands below moves up. `first` counts from 0."""
        rows = self.all()
        del rows[first : first + count]
        self.cells.clear()
        self.put(0, 0, rows)


@dataclass
class FakeBook:
    title: str
    tabs: dict[int, FakeTab] = field(default_factory=lambda: {0: FakeTab("Sheet1")})
    permissions: list[dict[str, Any]] = field(default_factory=list)
    is_shared: bool = True  # with whoever calls

    @property
    def cells(self) -> int:
        return sum(tab.rows * tab.columns for tab in self.tabs.values())


class Refusal(Exception):
    def __init__(self, code: int, message: str, status: str = "INVALID_ARGUMENT", **more: Any):
        super().__init__(message)
        self.code = code
        self.body = {"error": {"code": code, "message": message, "status": status, **more}}


@dataclass
class Call:
    method: str
    path: str
    query: dict[str, list[str]]
    body: Any

    @property
    def is_write(self) -> bool:
        return self.method != "GET"


class FakeSheets:
    """`faults(call)` says what goes wrong with each call, or None. `clock` drives the quota."""

    def __init__(self) -> None:
        self.books: dict[str, FakeBook] = {}
        self.calls: list[Call] = []
        self.faults: Callable[[Call], Fault | None] = lambda call: None
        self.clock: Callable[[], float] = time.monotonic
        self.quota = 60  # reads, and writes, a minute
        self.refused_for_quota = 0
        self.cell_limit = 10_000_000
        self.tab_limit = 10_000
        self.can_create = self.can_share = True
        self.token_answer: tuple[int, dict[str, Any]] = (
            200, {"access_token": "t", "expires_in": 3600, "token_type": "Bearer"}
        )  # fmt: skip
        self.after: Callable[[Call], None] = lambda call: None  # applied, not answered yet
        self._spent: dict[bool, deque[float]] = {True: deque(), False: deque()}
        self._lock = threading.Lock()
        fake = self

        class Handler(_Handler):
            sheets = fake

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def add(self, book: str, title: str = "Streams", **more: Any) -> FakeBook:
        self.books[book] = FakeBook(title, **more)
        return self.books[book]

    # What a call does

    def answer(self, call: Call) -> Any:
        with self._lock:
            self.calls.append(call)
            if call.path == "/token":
                status, body = self.token_answer
                if status != 200:
                    raise _Raw(status, body)
                return body
            self._spend(call.is_write)
            return self._route(call)

    def _spend(self, is_write: bool) -> None:
        spent, now = self._spent[is_write], self.clock()
        while spent and spent[0] <= now - 60:
            spent.popleft()
        if len(spent) >= self.quota:
            self.refused_for_quota += 1
            kind = "Write" if is_write else "Read"
            raise Refusal(
                429,
                f"Quota exceeded for quota metric '{kind} requests' and limit '{kind} requests "
                "per minute per user' of service 'sheets.googleapis.com'.",
                "RESOURCE_EXHAUSTED",
            )
        spent.append(now)

    def _route(self, call: Call) -> Any:
        path = call.path
        if match := re.fullmatch(r"/drive/v3/files/([\w-]+)/permissions", path):
            return self._permissions(self._book(match[1]), call)
        if path == "/drive/v3/files":
            return self._create(call.body["name"]) if call.is_write else self._list(call)
        if path == "/v4/spreadsheets" and call.method == "POST":
            made = self._create(call.body["properties"]["title"])
            return {"spreadsheetId": made["id"]} | self._describe(made["id"])
        match = re.fullmatch(
            r"/v4/spreadsheets/([\w-]+)(?:/(values)(?:/(.+?))?)?(:(?:append|batch(?:Get|Update)))?",
            path,
        )
        if match is None:
            raise Refusal(404, f"no such method: {call.method} {path}", "NOT_FOUND")
        book, is_values, cells, verb = self._book(match[1]), match[2], match[3], match[4]
        name = (call.method, bool(is_values), verb)
        if name == ("GET", False, None):
            return self._describe(match[1])
        if name == ("POST", False, ":batchUpdate"):
            return self._batch(book, call.body["requests"])
        if name == ("GET", True, ":batchGet"):
            return {"valueRanges": [_get(book, cells) for cells in call.query["ranges"]]}
        if name == ("GET", True, None):
            return _get(book, cells)
        if name == ("PUT", True, None):
            return _update(book, cells, call.body["values"])
        if name == ("POST", True, ":batchUpdate"):
            parts = call.body["data"]
            return {"responses": [_update(book, part["range"], part["values"]) for part in parts]}
        if name == ("POST", True, ":append"):
            return _append(book, cells, call.body["values"])
        raise Refusal(404, f"no such method: {call.method} {path}", "NOT_FOUND")

    def _book(self, book: str) -> FakeBook:
        if book not in self.books:
            raise Refusal(404, "Requested entity was not found.", "NOT_FOUND")
        if not self.books[book].is_shared:
            raise Refusal(403, "The caller does not have permission", "PERMISSION_DENIED")
        return self.books[book]

    def _describe(self, book: str) -> dict[str, Any]:
        found = self.books[book]
        return {
            "properties": {"title": found.title},
            "sheets": [
                {
                    "properties": {
                        "sheetId": gid,
                        "title": tab.title,
                        "gridProperties": {"rowCount": tab.rows, "columnCount": tab.columns},
                    }
                }
                for gid, tab in found.tabs.items()
            ],
        }

    def _create(self, title: str) -> dict[str, Any]:
        if not self.can_create:
            errors = [{"domain": "usageLimits", "reason": "storageQuotaExceeded"}]
            raise Refusal(403, "The user's Drive storage quota has been exceeded.", errors=errors)
        book = f"made-by-us-{len(self.books):013}"
        self.add(book, title)
        return {"id": book, "name": title}

    def _list(self, call: Call) -> dict[str, Any]:
        wanted = re.search(r'name = "(.*?)"', call.query["q"][0])
        files = [{"id": book, "name": found.title} for book, found in self.books.items()]
        return {"files": [file for file in files if not wanted or file["name"] == wanted[1]]}

    def _permissions(self, book: FakeBook, call: Call) -> dict[str, Any]:
        if not call.is_write:
            return {"permissions": book.permissions}
        if not self.can_share:
            errors = [{"domain": "global", "reason": "appNotAuthorizedToFile"}]
            raise Refusal(403, "The user has not granted the app write access.", errors=errors)
        book.permissions.append(call.body)
        return {"id": str(len(book.permissions))}

    def _batch(self, book: FakeBook, requests: list[dict[str, Any]]) -> dict[str, Any]:
        """All or nothing."""
        before = copy.deepcopy(book.tabs)
        try:
            for number, request in enumerate(requests):
                self._one(book, number, *next(iter(request.items())))
        except Refusal:
            book.tabs = before
            raise
        return {"replies": [{} for _ in requests]}

    def _one(self, book: FakeBook, number: int, kind: str, what: dict[str, Any]) -> None:
        where = f"Invalid requests[{number}].{kind}: "
        if kind == "addSheet":
            properties = what["properties"]
            gid, title = properties["sheetId"], properties["title"]
            if gid in book.tabs:
                raise Refusal(400, f"{where}Sheet with id {gid} already exists.")
            if title in {tab.title for tab in book.tabs.values()}:
                raise Refusal(400, f'{where}A sheet with the name "{title}" already exists.')
            if len(book.tabs) >= self.tab_limit:
                raise Refusal(400, f"{where}There are too many.")  # its words are not known
            grid = properties.get("gridProperties", {})
            book.tabs[gid] = FakeTab(title, grid.get("rowCount", 1000), grid.get("columnCount", 26))
        elif kind == "deleteSheet":
            del book.tabs[what["sheetId"]]
        elif kind == "appendDimension":
            assert what["dimension"] == "ROWS"
            _tab(book, what["sheetId"], where).rows += what["length"]
        elif kind == "updateCells":
            start = what["start"]
            rows = [
                [next(iter(cell["userEnteredValue"].values())) for cell in row["values"]]
                for row in what["rows"]
            ]
            tab = _tab(book, start["sheetId"], where)
            tab.put(start["rowIndex"], start["columnIndex"], rows)
        elif kind == "repeatCell":
            _tab(book, what["range"]["sheetId"], where)
        else:
            raise Refusal(400, f"{where}unknown")
        if book.cells > self.cell_limit:
            raise Refusal(
                400,
                f"{where}This action would increase the number of cells in the workbook above "
                f"the limit of {self.cell_limit} cells.",
            )


class _Raw(Exception):
    def __init__(self, code: int, body: dict[str, Any]) -> None:
        super().__init__(code)
        self.code, self.body = code, body


def _tab(book: FakeBook, gid: int, where: str) -> FakeTab:
    if gid not in book.tabs:
        raise Refusal(400, f"{where}No sheet with id: {gid}")
    return book.tabs[gid]


def _range(book: FakeBook, text: str) -> tuple[FakeTab, int, int, int, int]:
    """A tab, and the first and the first-not-included row and column, from 0."""
    match = re.fullmatch(r"'((?:[^']|'')+)'!([A-Z])(\d+)(?::([A-Z])(\d+))?", text)
    title = match[1].replace("''", "'") if match else ""
    tab = next((tab for tab in book.tabs.values() if tab.title == title), None)
    if match is None or tab is None:
        raise Refusal(400, f"Unable to parse range: {text}")
    left, top = ord(match[2]) - 65, int(match[3]) - 1
    right = ord(match[4] or match[2]) - 64
    bottom = int(match[5] or match[3])
    if top >= tab.rows or left >= tab.columns:
        raise Refusal(400, _beyond(text, tab))
    return tab, top, left, bottom, right


def _beyond(text: str, tab: FakeTab) -> str:
    limits = f"Max rows: {tab.rows}, max columns: {tab.columns}"
    return f"Range ({text}) exceeds grid limits. {limits}"


def _get(book: FakeBook, text: str) -> dict[str, Any]:
    tab, top, left, bottom, right = _range(book, text)
    values = tab.values(top, left, bottom, min(right, tab.columns))
    return {"range": text, "majorDimension": "ROWS"} | ({"values": values} if values else {})


def _update(book: FakeBook, text: str, rows: list[list[Any]]) -> dict[str, Any]:
    tab, top, left, bottom, right = _range(book, text)
    if bottom > tab.rows or right > tab.columns:
        raise Refusal(400, _beyond(text, tab))
    if len(rows) > bottom - top or any(len(row) > right - left for row in rows):
        raise Refusal(400, f"Requested writing within range [{text}], but tried writing beyond")
    tab.put(top, left, rows)
    return {"updatedRange": text, "updatedRows": len(rows)}


def _append(book: FakeBook, text: str, rows: list[list[Any]]) -> dict[str, Any]:
    tab, _, left, _, _ = _range(book, text)
    top = len(tab.all())
    tab.rows = max(tab.rows, top + len(rows))
    tab.put(top, left, rows)
    return {"updates": {"updatedRows": len(rows)}}


class _Handler(BaseHTTPRequestHandler):
    sheets: FakeSheets
    protocol_version = "HTTP/1.1"
    wbufsize = -1  # one packet an answer: else Nagle and delayed ACK cost 40 ms each

    def _serve(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        raw = self.rfile.read(length)
        parts = urlsplit(self.path)
        is_json = "json" in self.headers.get("Content-Type", "")
        call = Call(
            self.command,
            unquote(parts.path),
            parse_qs(parts.query),
            json.loads(raw) if raw and is_json else raw,
        )
        fault = self.sheets.faults(call) or ""
        if fault == "reset":
            self._cut()
        elif fault == "page":
            self._send(200, b"<html>Please log in to the hotel's network</html>", "text/html")
        elif fault[:3] in ("429", "503"):
            after = fault.partition(" after ")[2]
            self._send_json(int(fault[:3]), {"error": {"code": int(fault[:3])}}, after)
        else:
            self._apply(call, fault)

    def _apply(self, call: Call, fault: Fault) -> None:
        status, body = 200, None
        try:
            body = self.sheets.answer(call)
        except (Refusal, _Raw) as refusal:
            status, body = refusal.code, refusal.body
        self.sheets.after(call)
        if fault == "lost":
            self._cut()
            return
        if fault == "slow":
            time.sleep(0.3)
        self._send_json(status, body)

    def _send_json(self, status: int, body: Any, after: str = "") -> None:
        self._send(status, json.dumps(body).encode(), "application/json", after)

    def _send(self, status: int, data: bytes, kind: str, after: str = "") -> None:
        try:
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(data)))
            if after:
                self.send_header("Retry-After", after)
            self.end_headers()
            self.wfile.write(data)
            self.wfile.flush()
        except OSError:  # whoever asked has left
            self.close_connection = True

    def _cut(self) -> None:
        """The connection breaks without an answer."""
        self.close_connection = True
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.connection.close()

    do_GET = do_PUT = do_POST = do_DELETE = _serve

    def finish(self) -> None:
        with suppress(OSError):
            super().finish()

    def log_message(self, format: str, *args: Any) -> None:
        pass


class _ToFake(HTTPAdapter):
    """Sends what is meant for Google to the fake."""

    def __init__(self, google: str, url: str) -> None:
        super().__init__()
        self._google, self._url = google, url

    def send(self, request: Any, *args: Any, **kwargs: Any) -> requests.Response:
        request.url = request.url.replace(self._google, self._url, 1)
        return super().send(request, *args, **kwargs)


def session_to(url: str, session: requests.Session | None = None) -> requests.Session:
    """A session, or the given one, that takes the fake at `url` for Google."""
    session = session or requests.Session()
    session.trust_env = False
    for google in GOOGLE:
        session.mount(google, _ToFake(google, url))
    return session


@contextmanager
def running() -> Iterator[FakeSheets]:
    fake = FakeSheets()
    try:
        yield fake
    finally:
        fake.close()
