"""Keys of Google's from every place, and every way in which they lie open or are wrong."""

from __future__ import annotations

import json
import os
from pathlib import Path

import keyring
import pytest
from hypothesis import given
from hypothesis import strategies as st
from keyring.backend import KeyringBackend
from keyring.errors import NoKeyringError

from resonance_tui import config as settings
from resonance_tui.errors import CredentialsInvalid
from resonance_tui.sinks.sheets import login as sheets_login

ROBOT = {
    "type": "service_account",
    "client_email": "robot@project.example",
    "private_key": "-----BEGIN PRIVATE KEY-----",
    "token_uri": "https://oauth2.example/token",
}
PERSON = {
    "type": "authorized_user",
    "client_id": "id-1",
    "client_secret": "s",
    "refresh_token": "r",
}
CLIENT = {
    "installed": {
        "client_id": "id-1",
        "client_secret": "s",
        "auth_uri": "https://accounts.example/auth",
        "token_uri": "https://oauth2.example/token",
    }
}


class Safe(KeyringBackend):
    """A keyring in memory, or a machine without one."""

    priority = 1  # type: ignore[assignment]

    def __init__(self, is_there: bool = True) -> None:
        super().__init__()
        self.is_there = is_there
        self.kept: dict[tuple[str, str], str] = {}

    def get_password(self, service: str, username: str) -> str | None:
        if not self.is_there:
            raise NoKeyringError("none")
        return self.kept.get((service, username))

    def set_password(self, service: str, username: str, password: str) -> None:
        if not self.is_there:
            raise NoKeyringError("none")
        self.kept[service, username] = password


@pytest.fixture(autouse=True)
def safe():
    before, safe = keyring.get_keyring(), Safe()
    keyring.set_keyring(safe)
    yield safe
    keyring.set_keyring(before)


def write(path: Path, key: object, mode: int = 0o600) -> Path:
    path.write_text(key if isinstance(key, str) else json.dumps(key))
    path.chmod(mode)
    return path


def load(tmp_path: Path, environ: dict[str, str] | None = None, toml: str = ""):
    file = tmp_path / "config.toml"
    file.write_text(toml)
    return settings.load(file=file, environ=environ or {})


def with_key(tmp_path: Path, key: str | Path):
    return load(tmp_path, {"RESONANCE_SHEETS_CREDENTIALS": str(key)})


def test_a_key_from_a_path(tmp_path: Path) -> None:
    path = write(tmp_path / "key.json", ROBOT)
    login = sheets_login.find(with_key(tmp_path, path))
    assert (login.kind, login.account) == ("service_account", "robot@project.example")
    assert login.origin == str(path)
    assert "BEGIN" not in repr(login)


def test_a_whole_key_from_the_environment_and_nowhere_else(tmp_path: Path) -> None:
    assert sheets_login.find(with_key(tmp_path, json.dumps(PERSON))).kind == "authorized_user"
    in_file = load(tmp_path, toml=f"[sheets]\ncredentials = '{json.dumps(ROBOT)}'\n")
    with pytest.raises(CredentialsInvalid, match="A whole key stands in") as caught:
        sheets_login.find(in_file)
    assert "RESONANCE_SHEETS_CREDENTIALS" in caught.value.hint


def test_a_whole_key_is_never_shown(tmp_path: Path) -> None:
    rows = settings.settings_table(with_key(tmp_path, json.dumps(ROBOT)))
    assert [row.value for row in rows if row.key == "sheets.credentials"] == ["********"]


def test_without_any_key_it_says_how_to_get_one(tmp_path: Path, safe: Safe) -> None:
    for safe.is_there in (True, False):
        with pytest.raises(CredentialsInvalid, match="There is no login") as caught:
            sheets_login.find(load(tmp_path))
        assert "sheets setup --credentials" in caught.value.hint


@pytest.mark.skipif(os.name != "posix", reason="no permission bits")
@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604, 0o620, 0o666])
def test_a_key_that_others_can_read_is_refused_with_what_to_type(tmp_path: Path, mode: int) -> None:
    path = write(tmp_path / "key.json", ROBOT, mode)
    with pytest.raises(CredentialsInvalid, match="can be read by others") as caught:
        sheets_login.from_file(path)
    assert caught.value.hint == f"Type: chmod 600 {path}"
    path.chmod(0o600)
    assert sheets_login.from_file(path).kind == "service_account"


def test_a_key_inside_a_repository_is_refused(tmp_path: Path) -> None:
    (tmp_path / "project" / ".git").mkdir(parents=True)
    (tmp_path / "project" / "deep").mkdir()
    path = write(tmp_path / "project" / "deep" / "key.json", ROBOT)
    with pytest.raises(CredentialsInvalid, match="lies in a git repository") as caught:
        sheets_login.from_file(path)
    assert str(tmp_path / "project") in caught.value.hint


def test_a_home_under_git_is_its_owners_choice(empty_home: Path) -> None:
    (empty_home / ".git").mkdir()
    assert sheets_login.from_file(write(empty_home / "key.json", ROBOT)).kind == "service_account"


@pytest.mark.parametrize(
    ("key", "said"),
    [
        ("", "no JSON key"), ("hello", "no JSON key"), ("[]", "no JSON key"), ("7", "no JSON key"),
        ("[" * 60_000, "no JSON key"), (json.dumps(ROBOT) + " " * 70_000, "no JSON key"),
        ({"type": "external_account"}, "another kind"), ({"web": {}}, "another kind"),
        ({"installed": 7}, "another kind"), ({**ROBOT, "private_key": 5}, "lacks private_key"),
        ({"type": "authorized_user"}, "lacks client_id, client_secret, refresh_token"),
    ],
)  # fmt: skip
def test_a_file_that_is_no_key(tmp_path: Path, key: object, said: str) -> None:
    with pytest.raises(CredentialsInvalid, match=said):
        sheets_login.from_file(write(tmp_path / "key.json", key))


def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(CredentialsInvalid, match="No such file"):
        sheets_login.from_file(tmp_path / "none.json")
    with pytest.raises(CredentialsInvalid, match="cannot be read"):
        sheets_login.from_file(tmp_path)
    (tmp_path / "noise").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(CredentialsInvalid, match="it is no text"):
        sheets_login.from_file(tmp_path / "noise")


@given(st.text(max_size=40) | st.dictionaries(st.text(max_size=9), st.integers()).map(json.dumps))
def test_any_text_is_a_key_or_refused(text: str) -> None:
    with pytest.raises(CredentialsInvalid):
        sheets_login.from_text(text, "test")


def test_a_damaged_key_is_found_before_anything_is_sent(tmp_path: Path) -> None:
    login = sheets_login.from_file(write(tmp_path / "key.json", ROBOT))
    with pytest.raises(CredentialsInvalid, match="is damaged"):
        sheets_login.open_session(login)


# Kept by `sheets setup`


def test_what_setup_keeps_is_found_and_closed_to_others(tmp_path: Path) -> None:
    config = load(tmp_path)
    where = sheets_login.keep(
        config, sheets_login.from_text(json.dumps(ROBOT), "x"), in_keyring=False
    )
    assert Path(where).stat().st_mode & 0o777 == 0o600
    found = sheets_login.find(config)
    assert (found.kind, found.origin) == ("service_account", where)


def test_the_keyring_takes_it_and_the_file_goes(tmp_path: Path, safe: Safe) -> None:
    config = load(tmp_path)
    login = sheets_login.from_text(json.dumps(ROBOT), "x")
    where = Path(sheets_login.keep(config, login, in_keyring=False))
    assert sheets_login.keep(config, login, in_keyring=True) == "the keyring"
    assert not where.exists()
    assert len(safe.kept) == 1
    assert sheets_login.find(config).origin == "the keyring"


def test_a_machine_without_a_keyring_says_so(tmp_path: Path, safe: Safe) -> None:
    safe.is_there = False
    login = sheets_login.from_text(json.dumps(ROBOT), "x")
    with pytest.raises(CredentialsInvalid, match="no keyring"):
        sheets_login.keep(load(tmp_path), login, in_keyring=True)


def test_an_oauth_client_needs_a_person_once(tmp_path: Path) -> None:
    config = with_key(tmp_path, write(tmp_path / "client.json", CLIENT))
    with pytest.raises(CredentialsInvalid, match="nobody has yet") as caught:
        sheets_login.find(config)
    assert "sheets setup" in caught.value.hint
    person = sheets_login.from_text(json.dumps(PERSON), "the browser")
    sheets_login.keep(config, person, in_keyring=False)
    assert sheets_login.find(config).kind == "authorized_user"
    other = {**PERSON, "client_id": "id-2"}  # logged in with another client
    sheets_login.keep(config, sheets_login.from_text(json.dumps(other), "x"), in_keyring=False)
    with pytest.raises(CredentialsInvalid, match="nobody has yet"):
        sheets_login.find(config)


def test_a_client_is_written_as_google_hands_it_out() -> None:
    login = sheets_login.from_text(json.dumps(CLIENT), "x")
    assert sheets_login.from_text(login.text(), "y").key == CLIENT["installed"]
