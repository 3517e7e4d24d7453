"""HTTP calls to Google through gspread, with every failure translated to a SheetsError."""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Callable
from typing import Any

import gspread
import requests
from google.auth.exceptions import GoogleAuthError, RefreshError
from gspread.exceptions import APIError

from resonance_tui.errors import SheetsBusy, SheetsError
from resonance_tui.listeners import Listeners
from resonance_tui.sinks.backoff import asked_wait
from resonance_tui.sinks.sheets.errors import plain, problem, refused_login

SOMETHING_ELSE = "something else answers, perhaps a network's login page"
NO_JSON = -1  # gspread's code of an answer that is not in Google's form

# gspread raises the last three where a body is not as Google documents it.
_CALL_ERRORS = (
    *(APIError, GoogleAuthError, requests.RequestException, OSError),
    *(KeyError, TypeError, ValueError),
)

_OUT_OF_TIME = re.compile("not yet valid|has expired")  # OpenSSL's words

log = logging.getLogger(__name__)


class SheetsHttp(gspread.HTTPClient):
    """gspread's own client, except that every failure is raised as a SheetsError."""

    def __init__(
        self,
        auth: Any,
        session: requests.Session | None = None,
        *,
        account: str,
        on_call: Callable[[bool, bool], None],
    ) -> None:
        super().__init__(auth, session)
        self._account = account
        self._on_call = Listeners(on_call)

    def request(self, method: str, endpoint: str, *args: Any, **kwargs: Any) -> requests.Response:
        failed = True
        try:
            response = super().request(method, endpoint, *args, **kwargs)
            _check_json(response)
            failed = False
            return response
        except _CALL_ERRORS as error:
            raise translate(error, self._account) from error
        finally:
            self._on_call(method.lower() != "get", failed)


def _check_json(response: requests.Response) -> None:
    """Raises ValueError for a body that is no JSON object: a captive portal answers 200 with its
    own page."""
    if response.content and not isinstance(response.json(), dict):
        raise ValueError("not an object")


def translate(error: Exception, account: str) -> SheetsError:
    match error:
        case APIError() if _is_strangers(error):
            log.info("no answer of Google's: %s", error.response.status_code)
            status = error.response.status_code
            return SheetsBusy(f"Google Sheets cannot be reached: {SOMETHING_ELSE} ({status}).")
        case RefreshError() if _is_page(str(error.args[0]) if error.args else ""):
            return SheetsBusy(f"Google Sheets cannot be reached: {SOMETHING_ELSE}.")
        case APIError():
            answer = error.response
            asked_s = asked_wait(answer.headers.get("Retry-After"), time.time)
            return problem(answer.status_code, error.error, account, asked_s)
        case RefreshError(retryable=False):
            return refused_login(_first_line(error))
        case _:
            log.info("a call to Google failed: %s", _first_line(error))
            return SheetsBusy(f"Google Sheets cannot be reached: {_reason(error)}.")


def _is_strangers(error: APIError) -> bool:
    """Whether a refusal is a proxy's or a portal's: Google's own are JSON, but for some logins."""
    status = error.response.status_code
    return error.code == NO_JSON and 400 <= status < 500 and status not in (401, 408, 425, 429)


def _is_page(text: str) -> bool:
    return not text or text.lstrip().startswith("<")


def _reason(error: Exception) -> str:
    match error:
        case requests.Timeout():
            return "no answer in time"
        case requests.exceptions.SSLError() if _OUT_OF_TIME.search(str(error)):
            return (
                "its certificate is not valid at this time, so that this machine's clock may be "
                "wrong (date, timedatectl)"
            )
        case requests.exceptions.SSLError():
            return "its certificate is not accepted here"
        case RefreshError():
            return f"its login does not answer, {_first_line(error)}"
        case requests.ConnectionError() | GoogleAuthError():
            return "no connection, or one that broke"
        case KeyError() | TypeError() | ValueError():
            return SOMETHING_ELSE
        case _:
            return _first_line(error)


def _first_line(error: Exception) -> str:
    is_googles = isinstance(error, GoogleAuthError) and error.args
    words = str(error.args[0] if is_googles else error)  # the whole answer follows as another
    return plain(words) or type(error).__name__
