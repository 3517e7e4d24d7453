"""The calls to Google Sheets that the sink makes, through gspread."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

import gspread
import requests

from resonance_tui.errors import SheetsBusy
from resonance_tui.sinks.sheets.http import SOMETHING_ELSE, SheetsHttp
from resonance_tui.sinks.sheets.layout import WIDTH, Cells, header_range

TIMEOUT_S = (5.0, 30.0)  # to connect, and between two bytes of an answer
CHECK_TITLE = "resonance-tui may write here"

_BOOK_FIELDS = "properties.title,sheets.properties(sheetId,title,gridProperties)"
_HEADS_AT_ONCE = 40  # their names travel in the address


@dataclass(frozen=True, slots=True)
class TabInfo:
    """A tab as Google reports it."""

    title: str
    rows: int
    columns: int


@dataclass(frozen=True, slots=True)
class Spreadsheet:
    """A spreadsheet as Google reports it."""

    id: str
    title: str
    tabs: dict[int, TabInfo]  # by Google's number

    @property
    def cells(self) -> int:
        """All cells of all tabs, blank ones included."""
        return sum(tab.rows * tab.columns for tab in self.tabs.values())


class Sheets:
    """Each method makes one call and repeats none. Raises SheetsBusy for what may work later (it
    may have worked, too), SheetsRefused for what will not, and SheetsFull when the spreadsheet has
    no cell left.

    `account`: with which a sheet must be shared. `on_call(is_write, failed)` is called after each.
    """

    def __init__(
        self,
        session: requests.Session,
        account: str = "",
        *,
        on_call: Callable[[bool, bool], None] = lambda is_write, failed: None,
    ) -> None:
        http = partial(SheetsHttp, account=account, on_call=on_call)
        self._client = gspread.Client(auth=None, session=session, http_client=http)  # type: ignore[arg-type]
        self._client.set_timeout(TIMEOUT_S)
        self._http = self._client.http_client

    def book(self, book: str) -> Spreadsheet:
        """The title and the tabs of a spreadsheet, without their cells."""
        found = self._http.fetch_sheet_metadata(
            book, {"fields": _BOOK_FIELDS, "includeGridData": "false"}
        )
        with _documented_answer():
            tabs = (tab["properties"] for tab in found["sheets"])
            return Spreadsheet(
                book,
                str(found["properties"]["title"]),
                {int(tab["sheetId"]): _tab_info(tab) for tab in tabs},
            )

    def make_tab(self, book: str, gid: int, title: str, rows: int, head: Sequence[str]) -> None:
        """Makes a tab with its header and a first column of dates: all of it or nothing."""
        self._http.batch_update(book, {"requests": _new_tab(gid, title, rows, head)})

    def add_rows(self, book: str, gid: int, first: int, rows: int) -> None:
        """Appends `rows` rows to the tab, which has `first`. Unlike setting the number of rows,
        this can never remove rows that others have added meanwhile."""
        more = {"appendDimension": {"sheetId": gid, "dimension": "ROWS", "length": rows}}
        self._http.batch_update(book, {"requests": [more, _dates(gid, first)]})

    def read(self, book: str, ranges: Sequence[str]) -> list[list[Cells]]:
        """The cells of each range, row by row, numbers as numbers; trailing blanks are left out."""
        found = self._http.values_batch_get(
            book, list(ranges), {"valueRenderOption": "UNFORMATTED_VALUE"}
        )
        with _documented_answer():
            values = [part.get("values", []) for part in found["valueRanges"]]
            if len(values) != len(ranges):
                raise ValueError(len(values))
            return values

    def heads(self, book: Spreadsheet) -> dict[int, Cells]:
        """The first row of each tab that is wide enough to be ours, by the tab's number."""
        wide = [gid for gid, tab in book.tabs.items() if tab.columns >= WIDTH and tab.rows]
        heads: dict[int, Cells] = {}
        for at in range(0, len(wide), _HEADS_AT_ONCE):
            some = wide[at : at + _HEADS_AT_ONCE]
            found = self.read(book.id, [header_range(book.tabs[gid].title) for gid in some])
            heads |= {gid: rows[0] if rows else [] for gid, rows in zip(some, found, strict=True)}
        return heads

    def write(self, book: str, cells: str, rows: Sequence[Cells]) -> None:
        """Overwrites a range. Text stays text: no cell becomes a formula."""
        body = {"majorDimension": "ROWS", "values": [list(row) for row in rows]}
        self._http.values_update(book, cells, {"valueInputOption": "RAW"}, body)

    def check_writable(self, book: str, gid: int) -> None:
        """Adds a tab and removes it again in one call, which needs the right to write."""
        properties = {"sheetId": gid, "title": f"{CHECK_TITLE} {gid}"}
        requests = [
            {"addSheet": {"properties": properties}},
            {"deleteSheet": {"sheetId": gid}},
        ]
        self._http.batch_update(book, {"requests": requests})

    def create(self, title: str) -> str:
        """Makes a spreadsheet that belongs to the account; returns its id."""
        return self._client.create(title).id

    def find(self, title: str) -> str | None:
        """The id of a spreadsheet with exactly that title; None when there is none."""
        for file in self._client.list_spreadsheet_files(title):
            if file.get("name") == title:
                return str(file["id"])
        return None

    def share(self, book: str, mail: str, *, notify: bool = True) -> None:
        """Gives an account the right to write in the spreadsheet."""
        self._http.insert_permission(book, mail, "user", "writer", notify=notify)

    def share_alike(self, book: str, like: str) -> None:
        """Copies the permissions of `like` to `book`; no mail is sent."""
        for entry in self._http.list_permissions(like):
            kind, role = str(entry.get("type")), str(entry.get("role"))
            whom = entry.get("emailAddress") or entry.get("domain")
            if role == "owner":
                role = "writer"
            if kind in ("user", "group", "domain", "anyone"):
                self._http.insert_permission(
                    book, str(whom) if whom else None, kind, role, notify=False
                )


def _tab_info(tab: dict[str, Any]) -> TabInfo:
    grid = tab.get("gridProperties", {})  # a chart on a tab of its own has none
    return TabInfo(
        str(tab.get("title", "")), int(grid.get("rowCount", 0)), int(grid.get("columnCount", 0))
    )


def _new_tab(gid: int, title: str, rows: int, head: Sequence[str]) -> list[dict[str, Any]]:
    grid = {"rowCount": rows, "columnCount": len(head), "frozenRowCount": 1}
    names = [{"userEnteredValue": {"stringValue": name}} for name in head]
    return [
        {"addSheet": {"properties": {"sheetId": gid, "title": title, "gridProperties": grid}}},
        {
            "updateCells": {
                "start": {"sheetId": gid, "rowIndex": 0, "columnIndex": 0},
                "rows": [{"values": names}],
                "fields": "userEnteredValue",
            }
        },
        _dates(gid, 1),
    ]


def _dates(gid: int, first: int) -> dict[str, Any]:
    """Formats the first column as dates from row `first` on (counted from 0)."""
    date = {"numberFormat": {"type": "DATE_TIME", "pattern": "yyyy-mm-dd hh:mm:ss"}}
    cells = {"sheetId": gid, "startRowIndex": first, "startColumnIndex": 0, "endColumnIndex": 1}
    return {
        "repeatCell": {
            "range": cells,
            "cell": {"userEnteredFormat": date},
            "fields": "userEnteredFormat.numberFormat",
        }
    }


@contextmanager
def _documented_answer() -> Generator[None]:
    """Raises SheetsBusy for an answer that does not have the documented shape."""
    try:
        yield
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise SheetsBusy(f"Google Sheets cannot be reached: {SOMETHING_ELSE}.") from error
