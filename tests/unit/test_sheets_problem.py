"""What Google's refusals mean for a person, and which of them pass."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resonance_tui.errors import SheetsBusy, SheetsError, SheetsFull, SheetsRefused
from resonance_tui.sinks.sheets.errors import problem

ROBOT = "robot@project.example"


def details(reason: str) -> dict:
    return {"message": "no", "details": [{"@type": "x", "reason": reason}]}


def errors(reason: str) -> dict:
    return {"message": "no", "errors": [{"domain": "usageLimits", "reason": reason}]}


@pytest.mark.parametrize(
    ("status", "error"),
    [(429, {}), (408, {}), (500, None), (502, "x"), (503, {}), (504, {}),
     (403, errors("rateLimitExceeded")), (403, errors("userRateLimitExceeded")),
     (403, errors("dailyLimitExceeded")), (403, errors("sharingRateLimitExceeded")),
     (403, details("RATE_LIMIT_EXCEEDED")), (429, details("RATE_LIMIT_EXCEEDED")),
     (409, {"message": "The operation was aborted.", "status": "ABORTED"}),
     (499, {"status": "CANCELLED"})],
)  # fmt: skip
def test_what_passes(status: int, error: object) -> None:
    found = problem(status, error, ROBOT, 12)
    assert isinstance(found, SheetsBusy)
    assert found.retry_after_s == 12
    assert str(status) in found.message


@pytest.mark.parametrize(
    ("status", "error", "message", "hint"),
    [
        (403, {"message": "The caller does not have permission"}, "does not let us", ROBOT),
        (404, {}, "knows no such sheet", "sheets setup --sheet URL"),
        (401, {}, "does not accept this login", "sheets setup"),
        (403, details("ACCESS_TOKEN_SCOPE_INSUFFICIENT"), "not accept this login", "sheets setup"),
        (403, details("SERVICE_DISABLED"), "no access to Google Sheets", "apis/library"),
        (403, errors("accessNotConfigured"), "no access to Google Sheets", "apis/library"),
        (403, errors("storageQuotaExceeded"), "no room for files", "sheets.new"),
        (400, {"message": "This operation is not supported for this document",
               "status": "FAILED_PRECONDITION"}, "no Google sheet", "Excel"),
        (403, {**errors("domainPolicy"), "message": "Drive apps are disabled."},
         "(403): Drive apps are disabled", ""),
        (403, {**errors("forbidden"), "message": "No right."}, "does not let us", ROBOT),
        (409, {"message": "There is one.", "status": "ALREADY_EXISTS"}, "(409): There is", ""),
        (400, {"message": "Unable to parse range: 'x'!A1"}, "(400): Unable to parse", ""),
        (400, None, "(400): no reason given", ""),
    ],
)  # fmt: skip
def test_what_does_not_pass(status: int, error: object, message: str, hint: str) -> None:
    found = problem(status, error, ROBOT)
    assert isinstance(found, SheetsRefused)
    assert message in found.message and hint in found.hint


def test_a_login_without_a_name() -> None:
    assert "your Google account" in problem(403, {}, "").hint


@pytest.mark.parametrize("what", ["cells", "sheets"])
def test_a_full_sheet(what: str) -> None:
    said = (
        f"Invalid requests[0].addSheet: This action would increase the number of {what} in the "
        f"workbook above the limit of 200 {what}."
    )
    assert isinstance(problem(400, {"message": said}, ROBOT), SheetsFull)


@given(
    st.integers(400, 599),
    st.recursive(
        st.none() | st.text(max_size=9) | st.integers(),
        lambda part: (
            st.lists(part, max_size=3)
            | st.dictionaries(
                st.sampled_from(["message", "details", "errors", "reason", "code"]),
                part,
                max_size=5,
            )
        ),
    ),
)
def test_any_answer_has_words(status: int, error: object) -> None:
    found = problem(status, error, ROBOT)
    assert isinstance(found, SheetsError)
    assert found.message
