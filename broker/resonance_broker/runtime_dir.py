"""The private files a Mosquitto works from: written, renewed while it runs, removed."""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import tempfile
from pathlib import Path

from resonance_broker.access import BrokerLogin, access_rules, parse_users, users_file
from resonance_broker.accounts import (
    EVERYTHING,
    HOST_NAME,
    Account,
    AccountList,
    Reading,
    StoredInvite,
)
from resonance_broker.accounts_store import AccountsStore
from resonance_broker.preflight import read_text
from resonance_broker.problem import BrokerProblem, ProblemKind
from resonance_broker.settings import (
    ACCESS_FILE,
    CERT_FILE,
    KEY_FILE,
    USERS_FILE,
    BrokerSettings,
    Version,
    mosquitto_conf,
)


class RuntimeDir:
    """The files of one Mosquitto, in a folder that only its account can read.

    It reads all of them at its start, and again whenever it is signalled that users changed.
    """

    def __init__(
        self, settings: BrokerSettings, version: Version, login: BrokerLogin | None
    ) -> None:
        self._settings, self._version, self._login = settings, version, login
        self.path = Path(tempfile.mkdtemp(prefix="resonance-broker-", dir=_parent()))
        self._account = _hand_over_to(self.path)
        self.reading = EVERYTHING  # what viewers may read by the rules that are written

    @property
    def conf(self) -> Path:
        return self.path / "mosquitto.conf"

    def fill(self) -> None:
        """Everything that a start needs.

        Raises:
            BrokerProblem: of kind FILE for what cannot be used.
            OSError: for what cannot be written.
        """
        settings = self._settings
        self.put_people()
        if settings.tls_cert is not None and settings.tls_key is not None:
            self._put(CERT_FILE, read_text(settings.tls_cert, "certificate"))
            self._put(KEY_FILE, read_text(settings.tls_key, "key"))
        conf = mosquitto_conf(settings, self.path, self._version, run_as=self._account)
        self._put(self.conf.name, conf)

    def put_people(self) -> None:
        """Users and rules as they are now, where there are any. Raises as `fill` does."""
        if not self._settings.is_guarded or self._login is None:
            return
        accounts, invites, reading = everybody(self._settings, self._version)
        is_open = not self._settings.asks_for_names
        self._put(USERS_FILE, users_file(accounts, invites, self._login))
        self._put(ACCESS_FILE, access_rules(accounts, invites, reading=reading, is_open=is_open))
        self.reading = reading  # only now: rooms say that it holds

    def started(self) -> None:
        """It listens: without people it will read nothing again."""
        if not self._settings.is_guarded:
            self.remove()

    def remove(self) -> None:
        shutil.rmtree(self.path, ignore_errors=True)

    def _put(self, name: str, text: str) -> None:
        """In one step: Mosquitto never sees half a file."""
        draft = self.path / f".{name}"
        draft.unlink(missing_ok=True)
        _write(draft, text, self._account)
        os.replace(draft, self.path / name)


def everybody(
    settings: BrokerSettings, version: Version
) -> tuple[list[Account], list[StoredInvite], Reading]:
    """Who may come in: the users file's people, the book's, and who holds an invite; and what
    viewers may read.

    Raises:
        BrokerProblem: of kind FILE.
    """
    users: tuple[Account, ...] = ()
    if settings.users is not None:
        text = read_text(settings.users, "users file")
        users = parse_users(text, version, name=f"users file {settings.users}")
    book = (
        AccountsStore(settings.accounts).load() if settings.accounts is not None else AccountList()
    )
    for user in users:
        if user.name in book.accounts:
            message = f"{user.name!r} is in {settings.users} and among the accounts here, too"
            hint = f"remove one: resonance-tui broker users remove {user.name}"
            raise BrokerProblem(ProblemKind.FILE, message, hint)
    return [*users, *book.accounts.values()], list(book.invites.values()), book.reading


def new_login(settings: BrokerSettings) -> BrokerLogin | None:
    """A fresh account for the host, where the broker asks for names at all."""
    return BrokerLogin(HOST_NAME, secrets.token_urlsafe(24)) if settings.is_guarded else None


def _parent() -> str | None:
    """Where root's files go: root's own TMPDIR may be closed to the account Mosquitto drops to."""
    return "/run" if _is_root() and os.access("/run", os.W_OK | os.X_OK) else None


def _hand_over_to(data_dir: Path) -> str:
    """Give the folder to the account a root-started Mosquitto changes to; "" when not root.

    Mosquitto gives up root's rights before it reads its files, so they must belong to the
    account it ends up with. Where there is no such account it has to stay root.
    """
    if not _is_root():
        return ""
    for account in ("mosquitto", "nobody"):
        with contextlib.suppress(LookupError, OSError):
            shutil.chown(data_dir, account)
            return account
    return "root"


def _write(path: Path, text: str, account: str) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with open(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
    if account not in ("", "root"):
        shutil.chown(path, account)


def _is_root() -> bool:
    return hasattr(os, "geteuid") and os.geteuid() == 0
