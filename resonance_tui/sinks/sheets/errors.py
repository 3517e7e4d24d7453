"""Pure: Google's error answers as SheetsError."""

from __future__ import annotations

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

_BUSY = {408, 425, 429}
_LIMIT_REASONS = {"rateLimitExceeded", "userRateLimitExceeded", "quotaExceeded"}
_SCOPE_REASONS = {"ACCESS_TOKEN_SCOPE_INSUFFICIENT", "insufficientPermissions"}


def problem(status: int, error: Any, account: str, asked_s: float = 0.0) -> SheetsError:
    """The exception for a failed call.

    `error`: the JSON object that Google sent with it, if any. `account`: with which a sheet must be
    shared. `asked_s`: seconds of the Retry-After header.
    """
    said = plain(str(error.get("message", ""))) if is_object(error) else ""
    reasons = _reasons(error)
    if status in _BUSY or status >= 500 or (status == 403 and reasons & _LIMIT_REASONS):
        what = "says that there were too many calls" if status in (403, 429) else "has an outage"
        return SheetsBusy(f"Google {what} ({status}).", retry_after_s=asked_s)
    if "number of cells in the workbook above the limit" in said:
        return SheetsFull("The sheet is full: it has ten million cells.")
    kind = SheetNotOurs if status == 404 or (status == 403 and not reasons) else SheetsRefused
    return kind(*_refusal(status, said, reasons, account or SOMEBODY))


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
    return f"Google refused ({status}): {said or 'no reason given'}", ""


def _reasons(error: Any) -> set[str]:
    """The machine-readable reasons of an error, in the format of Sheets or of Drive."""
    lists = [error.get("details"), error.get("errors")] if is_object(error) else []
    parts = [part for parts in lists if is_array(parts) for part in parts]
    return {str(part["reason"]) for part in parts if is_object(part) and "reason" in part}
