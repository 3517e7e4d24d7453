"""Whatever answers in Google's place: an error for a person, or values of the right kind."""

from __future__ import annotations

import json

import pytest
import requests
from google.auth.exceptions import RefreshError, TransportError
from hypothesis import given
from hypothesis import strategies as st

from resonance_tui.errors import SheetsBusy, SheetsError, SheetsRefused
from resonance_tui.sinks.sheets.client import Sheets, Spreadsheet, TabInfo

anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=9),
    lambda part: st.lists(part, max_size=3)
    | st.dictionaries(
        st.sampled_from(
            ["properties", "sheets", "title", "sheetId", "gridProperties", "rowCount",
             "valueRanges", "values", "error", "message"]
        ),
        part,
        max_size=4,
    ),
)  # fmt: skip


class Answering(requests.Session):
    """A session where every call ends the same way."""

    def __init__(self, status: int = 200, body: str = "{}", error: Exception | None = None) -> None:
        super().__init__()
        self.status, self.body, self.error = status, body, error

    def request(self, *args: object, **more: object) -> requests.Response:
        if self.error is not None:
            raise self.error
        response = requests.Response()
        response.status_code, response._content = self.status, self.body.encode()
        return response


@given(anything, st.sampled_from([200, 400, 403, 404, 429, 500]))
def test_any_json_is_a_book_or_an_error(answer: object, status: int) -> None:
    sheets = Sheets(Answering(status, json.dumps(answer)))
    try:
        found = sheets.book("b")
        assert all(isinstance(gid, int) for gid in found.tabs)
        assert isinstance(found.cells, int) and isinstance(found.title, str)
    except SheetsError as error:
        assert error.message


@given(anything)
def test_any_json_is_cells_or_an_error(answer: object) -> None:
    try:
        (rows,) = Sheets(Answering(body=json.dumps(answer))).read("b", ["'x'!A1:B2"])
        assert isinstance(rows, list) and all(isinstance(cells, list) for cells in rows)
    except SheetsError as error:
        assert error.message


@pytest.mark.parametrize("status", [200, 400, 403, 404, 407, 451])
@pytest.mark.parametrize("body", ["<html>", "[]", "7", "{", "\x00"])
def test_a_page_of_somebody_else(status: int, body: str) -> None:
    """A company's proxy or a hotel's portal: another network, and all is well."""
    with pytest.raises(SheetsBusy, match="something else answers"):
        Sheets(Answering(status, body)).book("b")


@pytest.mark.parametrize(("status", "said"), [(502, "outage"), (429, "too many calls")])
def test_a_page_of_googles_own(status: int, said: str) -> None:
    with pytest.raises(SheetsBusy, match=said):
        Sheets(Answering(status, "<!DOCTYPE html>")).book("b")


TOO_OLD = (
    "Invalid JWT: Token must be a short-lived token (60 minutes) and in a reasonable timeframe. "
    "Check your iat and exp values in the JWT claim."
)


@pytest.mark.parametrize(
    ("error", "kind", "said"),
    [
        (requests.Timeout("x"), SheetsBusy, "no answer in time"),
        (requests.ConnectionError("('Connection aborted.', x)"), SheetsBusy, "no connection"),
        (requests.exceptions.SSLError("x"), SheetsBusy, "certificate"),
        (requests.exceptions.SSLError("[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed: "
                                      "certificate is not yet valid"), SheetsBusy, "clock may be"),
        (requests.exceptions.ChunkedEncodingError("cut"), SheetsBusy, "cut"),
        (TransportError("dns"), SheetsBusy, "no connection"),
        (RefreshError("invalid_grant: expired\n{...}"), SheetsRefused, "login: invalid_grant: exp"),
        (RefreshError(f"invalid_grant: {TOO_OLD}", {"x": 1}), SheetsBusy, "clock"),
        (RefreshError("invalid_grant: Invalid JWT Signature."), SheetsRefused, "no longer accepts"),
        (RefreshError("<html>403 Forbidden"), SheetsBusy, "something else answers"),
        (RefreshError("internal", retryable=True), SheetsBusy, "does not answer, internal"),
        (RefreshError("\x1b[2Jboo"), SheetsRefused, r"login: \[2Jboo"),
    ],
)  # fmt: skip
def test_every_way_a_call_can_end(error: Exception, kind: type, said: str) -> None:
    heard: list[tuple[bool, bool]] = []
    sheets = Sheets(Answering(error=error), on_call=lambda *call: heard.append(call))
    with pytest.raises(kind, match=said):
        sheets.write("b", "'x'!A1:A1", [[1]])
    with pytest.raises(kind):
        sheets.book("b")
    assert heard == [(True, True), (False, True)]


def test_a_chart_on_a_tab_of_its_own_has_no_cells() -> None:
    answer = {
        "properties": {"title": "Streams"},
        "sheets": [
            {"properties": {"sheetId": 0, "title": "Chart1", "sheetType": "OBJECT"}},
            {
                "properties": {
                    "sheetId": 5,
                    "title": "x",
                    "gridProperties": {"rowCount": 7, "columnCount": 3},
                }
            },
        ],
    }
    found = Sheets(Answering(body=json.dumps(answer))).book("b")
    assert found == Spreadsheet("b", "Streams", {0: TabInfo("Chart1", 0, 0), 5: TabInfo("x", 7, 3)})
    assert found.cells == 21
