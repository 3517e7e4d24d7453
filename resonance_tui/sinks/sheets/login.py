"""The login at Google: a key from a path, the environment, the data directory or the keyring."""

from __future__ import annotations

import contextlib
import json
import logging
import os
import stat
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from resonance_tui.config import Config
from resonance_tui.errors import CredentialsInvalid, SheetsRefused
from resonance_tui.extras import missing
from resonance_tui.files import write_private
from resonance_tui.json_types import is_object
from resonance_tui.secret import HIDDEN, shown_path
from resonance_tui.sinks.sheets.keytext import MOST_BYTES, read_key, unquoted

if TYPE_CHECKING:  # loaded only for a login
    import requests

# The smallest sufficient scopes: cells of sheets we are given, and files that we made ourselves.
SCOPES = (
    "https://www.googleapis.com/auth/spreadsheets",
    "https://www.googleapis.com/auth/drive.file",
)
TOKEN_URI = "https://oauth2.googleapis.com/token"
SERVICE, ENTRY = "resonance-tui", "google-sheets"  # in the keyring
LOGIN_WAIT_S = 300
HOW_TO = (
    "Make a service account with a JSON key at https://console.cloud.google.com/iam-admin/"
    "serviceaccounts, then: resonance-tui sheets setup --credentials KEY.json"
)

Kind = Literal["service_account", "authorized_user", "client"]
_NEEDED: dict[Kind, tuple[str, ...]] = {
    "service_account": ("client_email", "private_key", "token_uri"),
    "authorized_user": ("client_id", "client_secret", "refresh_token"),
    "client": ("client_id", "client_secret", "auth_uri", "token_uri"),
}

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class GoogleLogin:
    """A key of one of Google's kinds. A `client` can only ask a person to log in."""

    kind: Kind
    key: Mapping[str, Any] = field(repr=False)
    origin: str  # for a person: a path, a variable, or the keyring

    @property
    def account(self) -> str:
        """The account with which a sheet has to be shared; "" when the key does not say."""
        return str(self.key.get("client_email") or self.key.get("account") or "")

    def text(self) -> str:
        """The key as JSON, as `from_text` reads it."""
        whole = {"installed": dict(self.key)} if self.kind == "client" else dict(self.key)
        return json.dumps(whole)


def find(config: Config) -> GoogleLogin:
    """The login in use: the setting `sheets.credentials`, else what `sheets setup` kept.

    Raises CredentialsInvalid when there is none, or when others could read it.
    """
    kept, login = _kept(config), configured(config)
    if login is None:
        if kept is None:
            raise CredentialsInvalid("There is no login for Google Sheets.", HOW_TO)
        return kept
    if login.kind != "client":
        return login
    if kept is not None and kept.key.get("client_id") == login.key["client_id"]:
        return kept
    raise CredentialsInvalid(
        f"{login.origin} lets a person log in at Google, and nobody has yet.",
        "Do it once: resonance-tui sheets setup",
    )


def configured(config: Config) -> GoogleLogin | None:
    """The login that the setting `sheets.credentials` names or holds; None when it is empty.
    Raises CredentialsInvalid, which never repeats what may be a key."""
    given = config.settings.sheets.credentials.reveal().strip()
    origin = config.origins["sheets.credentials"]
    if not given:
        return None
    if read_key(given) is None and not given.startswith("{"):
        return from_file(Path(unquoted(given)), origin)
    if not origin.startswith("RESONANCE_"):
        raise CredentialsInvalid(
            f"A whole key stands in {origin}.",
            "Put it into a file of its own (chmod 600) and name that, or into the variable "
            "RESONANCE_SHEETS_CREDENTIALS.",
        )
    return from_text(given, origin)


def from_file(path: Path, origin: str = "--credentials") -> GoogleLogin:
    """Reads the key in a file that `origin` names. Raises CredentialsInvalid, also for a file that
    others may read or that lies in a git repository, and for a key in the place of a path."""
    named = shown_path(str(path))
    try:
        path = path.expanduser()
        with path.open("rb") as stream:
            mode = os.fstat(stream.fileno()).st_mode
            data = stream.read(MOST_BYTES + 1)
        text = data.decode(json.detect_encoding(data))
    except (OSError, ValueError, RuntimeError) as error:
        if named == HIDDEN:
            raise CredentialsInvalid(
                f"{origin} holds neither the path of a file nor a whole key of Google's.", HOW_TO
            ) from None
        reason = getattr(error, "strerror", None) or "it is no text"
        raise CredentialsInvalid(f"{named} cannot be read: {reason}.", HOW_TO) from None
    if os.name == "posix" and stat.S_ISREG(mode) and mode & 0o077:
        raise CredentialsInvalid(
            f"{path} can be read by others on this machine.", f"Type: chmod 600 {path}"
        )
    if repository := _repository(path):
        raise CredentialsInvalid(
            f"{path} lies in a git repository, from where keys get published.",
            f"Move it out of {repository}, or keep it: resonance-tui sheets setup --credentials "
            "KEY.json",
        )
    return from_text(text, str(path))


def from_text(text: str, origin: str) -> GoogleLogin:
    """Parses a key. Raises CredentialsInvalid for anything that is not one of Google's keys."""
    key = read_key(text)
    if key is None:
        raise CredentialsInvalid(f"{origin} holds no JSON key of Google's.", HOW_TO)
    kind: Kind | None = None
    if key.get("type") in ("service_account", "authorized_user"):
        kind = key["type"]
    elif is_object(client := key.get("installed")):
        kind, key = "client", client
    if kind is None:
        raise CredentialsInvalid(f"{origin} holds another kind of key.", HOW_TO)
    missing = [name for name in _NEEDED[kind] if not isinstance(key.get(name), str)]
    if missing:
        raise CredentialsInvalid(f"The key in {origin} lacks {', '.join(missing)}.", HOW_TO)
    return GoogleLogin(kind, key, origin)


def keep(config: Config, login: GoogleLogin, *, in_keyring: bool) -> str:
    """Stores a login, in a file that only its owner may read or in the keyring; returns where, in
    words.

    Raises CredentialsInvalid when there is no keyring, or the folder cannot be written.
    """
    if in_keyring:
        import keyring
        from keyring.errors import KeyringError

        try:
            keyring.set_password(SERVICE, ENTRY, login.text())
        except KeyringError as error:
            raise CredentialsInvalid(
                "This machine has no keyring that takes it.", "Leave --keyring out."
            ) from error
        with contextlib.suppress(OSError):
            _file(config).unlink()  # or it would hold before the keyring
        return "the keyring"
    path = _file(config)
    try:
        write_private(path, login.text().encode())
    except OSError as error:
        raise CredentialsInvalid(
            f"{path} cannot be written: {error.strerror}.", "Make the folder writable."
        ) from error
    return str(path)


def ask_a_person(client: GoogleLogin) -> GoogleLogin:
    """Opens the browser for a person to log in, or prints on stderr which page to open. Waits at
    most LOGIN_WAIT_S. Raises SheetsRefused."""
    from google_auth_oauthlib.flow import InstalledAppFlow

    flow = InstalledAppFlow.from_client_config({"installed": dict(client.key)}, SCOPES)
    try:
        with contextlib.redirect_stdout(sys.stderr):  # it says where to log in
            credentials = flow.run_local_server(
                port=0, timeout_seconds=LOGIN_WAIT_S, open_browser=_has_browser()
            )
    except Exception as error:  # the flow raises whatever its parts raise, also on time-out
        raise SheetsRefused("Nobody has logged in.", "Try again: resonance-tui sheets setup") from (
            error
        )
    key = json.loads(credentials.to_json(strip=["token", "expiry"]))
    return from_text(json.dumps(key | {"type": "authorized_user"}), "the browser")


def open_session(login: GoogleLogin) -> requests.Session:
    """An HTTP session that logs in with its first call. Raises CredentialsInvalid."""
    from google.auth.exceptions import GoogleAuthError
    from google.auth.transport.requests import AuthorizedSession
    from google.oauth2.credentials import Credentials
    from google.oauth2.service_account import Credentials as ServiceCredentials

    try:
        if login.kind == "service_account":
            made = ServiceCredentials.from_service_account_info(login.key, scopes=SCOPES)
        else:
            made = Credentials(
                None,
                refresh_token=login.key["refresh_token"],
                token_uri=login.key.get("token_uri") or TOKEN_URI,
                client_id=login.key["client_id"],
                client_secret=login.key["client_secret"],
                scopes=SCOPES,
            )
    except (ValueError, GoogleAuthError):  # whose text may repeat a part of the key
        raise CredentialsInvalid(f"The key in {login.origin} is damaged.", HOW_TO) from None
    return AuthorizedSession(made)


def _has_browser() -> bool:
    import webbrowser

    try:
        webbrowser.get()
    except webbrowser.Error:
        return False
    return True


def _kept(config: Config) -> GoogleLogin | None:
    path = _file(config)
    if path.exists():
        return from_file(path)
    text = _from_keyring()
    return from_text(text, "the keyring") if text else None


def _from_keyring() -> str | None:
    if missing("keyring"):  # using the login later says how to install it
        return None
    import keyring
    from keyring.errors import KeyringError

    try:
        return keyring.get_password(SERVICE, ENTRY)
    except (KeyringError, RuntimeError) as error:
        log.debug("no keyring: %s", error)
        return None


def _file(config: Config) -> Path:
    return config.directories.data / "google-sheets.json"


def _repository(path: Path) -> Path | None:
    """The git repository that a file lies in; None for a home directory that is one, which is its
    owner's choice."""
    for folder in path.absolute().parents:
        if folder == Path.home():
            return None
        if (folder / ".git").exists():
            return folder
    return None
