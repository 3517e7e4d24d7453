"""The private files a Mosquitto is started from; they exist only while it starts."""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from broker.access import HOST_NAME, Login, access_rules, hash_login, parse_users, users_file
from broker.preflight import read_text
from broker.settings import (
    ACCESS_FILE,
    CERT_FILE,
    KEY_FILE,
    USERS_FILE,
    BrokerSettings,
    Version,
    mosquitto_conf,
)


@contextlib.contextmanager
def work_files(settings: BrokerSettings, version: Version, login: Login | None) -> Iterator[Path]:
    """Write configuration, users, rules, certificate and key; yields the configuration's path.

    Nobody but the account that Mosquitto runs under can read them, and they are removed at
    the end of the block: Mosquitto reads each of them once, at its start.
    """
    data_dir = Path(tempfile.mkdtemp(prefix="resonance-broker-", dir=_parent()))
    try:
        contents = _contents(settings, version, login)
        account = _hand_over_to(data_dir)
        contents["mosquitto.conf"] = mosquitto_conf(settings, data_dir, version, run_as=account)
        for name, text in contents.items():
            _write(data_dir / name, text, account)
        yield data_dir / "mosquitto.conf"
    finally:
        shutil.rmtree(data_dir, ignore_errors=True)


def _contents(settings: BrokerSettings, version: Version, login: Login | None) -> dict[str, str]:
    contents = {}
    if settings.is_guarded and login is not None:
        users = ()
        if settings.users is not None:
            text = read_text(settings.users, "users file")
            users = parse_users(text, version, name=f"users file {settings.users}")
        host = hash_login(login, secrets.token_bytes(12))
        contents[USERS_FILE] = users_file(users, host)
        contents[ACCESS_FILE] = access_rules(users)
    if settings.tls_cert is not None and settings.tls_key is not None:
        contents[CERT_FILE] = read_text(settings.tls_cert, "certificate")
        contents[KEY_FILE] = read_text(settings.tls_key, "key")
    return contents


def new_login(settings: BrokerSettings) -> Login | None:
    """A fresh account for the host, where the broker asks for names at all."""
    return Login(HOST_NAME, secrets.token_urlsafe(24)) if settings.is_guarded else None


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
