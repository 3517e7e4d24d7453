"""Pure: Google's error answers as SheetsError."""

from __future__ import annotations

import re
from typing import Any

from resonance_tui.errors import (
    SheetNotOurs,
    SheetsBusy,
    SheetsError,
    SheetsFull,
    SheetsRefused,
)
from resonance_tui.json_types import is_array, is_object

SOMEBODY = "your Google account"

# Of a login that Google finds too old, or not valid yet; a key that ended has other words.
_CLOCK = re.compile(r"short-lived token|reasonable timeframe|\biat\b|\bexp\b", re.IGNORECASE)
_FULL = re.compile(r"would increase the number of (\w+) in the workbook above the limit")
WRONG_CLOCK = (
    "Google does not take this login now, because this machine's clock is wrong. Set it right "
    "(date, timedatectl)."
)

_BUSY = {408, 425, 429, 499}
_CONFLICT = 409  # with another change that is being made
_LIMIT_REASONS = {
    *("ratelimitexceeded", "userratelimitexceeded", "quotaexceeded"),
    *("dailylimitexceeded", "sharingratelimitexceeded"),
}  # in lower case and without underscores, as one API writes them or the other
_SHARING_REASONS = {"forbidden", "insufficientFilePermissions", "PERMISSION_DENIED"}
_SCOPE_REASONS = {"ACCESS_TOKEN_SCOPE_INSUFFICIENT", "insufficientPermissions"}


def problem(status: int, error: Any, account: str, asked_s: float = 0.0) -> SheetsError:
    """The exception for a failed call.

    `error`: the JSON object that Google sent with it, if any. `account`: with which a sheet must be
    shared. `asked_s`: seconds of the Retry-After header.
    """
    said = plain(str(error.get("message", ""))) if is_object(error) else ""
    reasons = _reasons(error)
    if what := _what_passes(status, error, reasons):
        return SheetsBusy(f"Google {what} ({status}).", retry_after_s=asked_s)
    if full := _FULL.search(said):
        return SheetsFull(f"The sheet is full: Google lets it have no more {full[1]}.")
    kind = SheetNotOurs if status == 404 or (status == 403 and not reasons) else SheetsRefused
    return kind(*_refusal(status, said, reasons, account or SOMEBODY))


def _what_passes(status: int, error: Any, reasons: set[str]) -> str:
    """What Google does, where that may be over soon; "" where it will not."""
    is_limit = {reason.replace("_", "").lower() for reason in reasons} & _LIMIT_REASONS
    if status == 429 or (status == 403 and is_limit):
        return "says that there were too many calls"
    if status == _CONFLICT and is_object(error) and error.get("status") != "ALREADY_EXISTS":
        return "is busy with another change"
    return "has an outage" if status in _BUSY or status >= 500 else ""


def refused_login(said: str) -> SheetsError:
    """The exception for a login that Google's token service refuses with these words. A clock that
    is wrong heals without a new key, so that is tried again."""
    if _CLOCK.search(said):
        return SheetsBusy(WRONG_CLOCK)
    return SheetsRefused(
        f"Google no longer accepts this login: {said}",
        "Make a new key, or log in again: resonance-tui sheets setup",
    )


def plain(text: str) -> str:
    """The first line of a text from the network, without control characters, 200 at most."""
    line = text.strip().partition("\n")[0][:200]
    return "".join(mark if mark.isprintable() else " " for mark in line).strip()


def _refusal(status: int, said: str, reasons: set[str], account: str) -> tuple[str, str]:
    if reasons & {"SERVICE_DISABLED", "accessNotConfigured"}:
        return (
            "The Google project of this login has no access to Google Sheets or Drive.",
            "Enable both: https://console.cloud.google.com/apis/library",
        )
    if "storageQuotaExceeded" in reasons:
        return (
            f"{account} has no room for files of its own.",
            f"Make a sheet at https://sheets.new, share it with {account} as editor, and name it: "
            "resonance-tui sheets setup --sheet URL",
        )
    if status == 401 or reasons & _SCOPE_REASONS:
        return "Google does not accept this login.", "Log in again: resonance-tui sheets setup"
    if status == 403 and reasons - _SHARING_REASONS and said:
        return f"Google refused (403): {said}", ""
    if status == 403:
        return (
            "Google does not let us write into the sheet.",
            f"Share it with {account} as editor; then: resonance-tui sheets sync",
        )
    if status == 404:
        return (
            "Google knows no such sheet: it was deleted, or the address is wrong.",
            "Name another one: resonance-tui sheets setup --sheet URL",
        )
    if status == 400 and "not supported for this document" in said:
        return (
            "That is no Google sheet but another file in Drive, for example one of Excel's.",
            "An Excel file: open it there, choose File, Save as Google Sheets, and name the new "
            "address: resonance-tui sheets setup --sheet URL",
        )
    return f"Google refused ({status}): {said or 'no reason given'}", ""


def _reasons(error: Any) -> set[str]:
    """The machine-readable reasons of an error, in the format of Sheets or of Drive."""
    lists = [error.get("details"), error.get("errors")] if is_object(error) else []
    parts = [part for parts in lists if is_array(parts) for part in parts]
    return {str(part["reason"]) for part in parts if is_object(part) and "reason" in part}
