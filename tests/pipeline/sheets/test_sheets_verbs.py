"""`sheets setup`, `sync`, `status` and reading back, as a person meets them: the real command line
and the real login of Google's library, against the fake."""

from __future__ import annotations

import base64
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
import requests
from children import start_child
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from fake_sheets import Call, FakeBook, FakeSheets, FakeTab, running, session_to
from limits import patience
from sheet_runs import T0, edit, in_sheets, row

from resonance_tui import cli, config
from resonance_tui.errors import InputError, SheetsBusy, SheetsRefused
from resonance_tui.history.store import Store
from resonance_tui.sinks.sheets import channel as sheets
from resonance_tui.sinks.sheets import login as sheets_login
from resonance_tui.sinks.sheets.layout import book_url
from resonance_tui.sinks.sheets.outbox import Outbox

BOOK = "the-streamers-own-sheet"
ROBOT = "robot@project.example"


@pytest.fixture(scope="module")
def private_key() -> str:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeSheets]:
    real = sheets_login.open_session
    with running() as fake:
        monkeypatch.setattr(
            sheets_login, "open_session", lambda login: session_to(fake.url, real(login))
        )
        yield fake


@pytest.fixture
def book(fake: FakeSheets) -> FakeBook:
    return fake.add(BOOK)


@pytest.fixture
def key(fake: FakeSheets, private_key: str, empty_home: Path) -> Path:
    """A service account's key whose login is at the fake."""
    path = empty_home / "key.json"
    path.write_text(
        json.dumps(
            {
                "type": "service_account",
                "client_email": ROBOT,
                "private_key": private_key,
                "token_uri": f"{fake.url}/token",
            }
        )
    )
    path.chmod(0o600)
    return path


@pytest.fixture
def logged_in(key: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RESONANCE_SHEETS_CREDENTIALS", str(key))


@pytest.fixture
def database(empty_home: Path) -> Path:
    return config.load().database


def record(database: Path, numbers: range, channel: str = "lobby") -> None:
    with Store(database) as store:
        store.append(row(n, channel) for n in numbers)


def run(*args: str) -> int:
    return cli.run_verb(cli.cli, list(args))


def test_setup_takes_a_sheet_and_a_key_and_remembers_both(
    fake: FakeSheets, book: FakeBook, key: Path, database: Path, capsys
) -> None:
    before = list(book.tabs)
    assert run("sheets", "setup", "Lobby", "--sheet", book_url(BOOK), "--credentials", str(key),
               "--share", "mia@example.com") == 0  # fmt: skip
    out, err = capsys.readouterr()
    assert out == book_url(BOOK) + "\n"
    assert "'Streams' can be written" in err and ROBOT in err
    assert list(book.tabs) == before  # the trial left nothing behind
    assert [entry["emailAddress"] for entry in book.permissions] == ["mia@example.com"]
    key.unlink()  # what is kept is enough
    record(database, range(70))
    assert run("sheets", "sync", "lobby") == 0
    assert "70 rows sent, none is left" in capsys.readouterr().err
    assert in_sheets(fake) == [row(n) for n in range(70)]


def in_base64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


@pytest.mark.parametrize(
    "dressed",
    [
        "'{}'".format,
        "\ufeff{}".format,
        lambda text: text.replace("\\n", "\n"),
        lambda text: text.replace("\\n", "\\\\n"),
        in_base64,
    ],
    ids=["in quotes", "with a byte order mark", "lines broken", "escaped twice", "in base64"],
)
def test_a_key_that_tools_have_changed_logs_in_and_is_not_shown(
    fake: FakeSheets, book: FakeBook, key: Path, dressed, capfd, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = dressed(key.read_text())
    key.write_text(text, encoding="utf-8")
    assert run("sheets", "setup", "a", "--sheet", BOOK, "--credentials", str(key)) == 0
    sheets_login._file(config.load()).unlink()
    monkeypatch.setenv("RESONANCE_SHEETS_CREDENTIALS", text)
    assert run("sheets", "setup", "lobby", "--sheet", BOOK) == 0
    assert run("config", "show") == run("sheets", "status") == 0
    said = "".join(capfd.readouterr())
    assert f"Its name, to share sheets with: {ROBOT}" in said
    assert "PRIVATE KEY" not in said and text[40:80] not in said


def test_setup_makes_a_sheet_for_every_channel(
    fake: FakeSheets, logged_in: None, database: Path, capsys
) -> None:
    record(database, range(5))
    record(database, range(7), "other")
    assert run("sheets", "setup", "--share", "mia@example.com") == 0
    (made,) = fake.books
    assert fake.books[made].title == "Resonance rooms"
    assert capsys.readouterr().out == book_url(made) + "\n"
    assert run("sheets", "sync") == 0
    assert len(in_sheets(fake)) == 5 and len(in_sheets(fake, "other")) == 7


def test_a_sheet_that_is_not_shared_is_said_with_whom(
    book: FakeBook, logged_in: None, database: Path, capsys
) -> None:
    book.is_shared = False
    assert run("sheets", "setup", "--sheet", book_url(BOOK)) == 1
    assert f"Share it with {ROBOT} as editor" in capsys.readouterr().err
    assert run("sheets", "status") == 0


def test_a_login_that_may_not_share_says_so_and_the_rest_stands(
    fake: FakeSheets, book: FakeBook, logged_in: None, database: Path, capsys
) -> None:
    fake.can_share = False
    assert run("sheets", "setup", "--sheet", book_url(BOOK), "--share", "mia@example.com") == 1
    out, err = capsys.readouterr()
    assert out == book_url(BOOK) + "\n"
    assert "may not share the sheet with mia@example.com" in err and "in the browser" in err
    record(database, range(3))
    assert run("sheets", "sync") == 0


def test_an_account_that_may_not_make_sheets(fake: FakeSheets, logged_in: None, capsys) -> None:
    fake.can_create = False
    assert run("sheets", "setup") == 1
    err = capsys.readouterr().err
    assert "https://sheets.new" in err and ROBOT in err


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (["setup"], "There is no login for Google Sheets"),
        (["setup", "--sheet", "my sheet"], "is no Google sheet"),
        (["setup", "--share", "mia"], "is no mail address"),
        (["setup", "!"], "channel"),
        (["setup", "--credentials", "none.json"], "none.json cannot be read"),
        (["sync", "lobbi"], "Recorded channels: lobby"),
        (["sync", "lobby"], "lobby has no Google sheet yet"),
        (["sync"], "No channel has a Google sheet yet"),
        (["sync", "--writes", "61"], "--writes"),
    ],
)
def test_bad_input_is_one_clear_line(
    args: list[str], said: str, database: Path, capsys, monkeypatch: pytest.MonkeyPatch
) -> None:
    record(database, range(3))
    assert run("sheets", *args) == 2
    out, err = capsys.readouterr()
    assert said in err and out == "" and "Traceback" not in err


def test_nothing_recorded_yet(capsys) -> None:
    assert run("sheets", "sync") == 1
    assert "Nothing was recorded yet" in capsys.readouterr().err


@pytest.mark.skipif(os.name != "posix", reason="no permission bits")
def test_an_open_key_is_refused(key: Path, capsys) -> None:
    key.chmod(0o644)
    assert run("sheets", "setup", "--credentials", str(key)) == 2
    assert f"chmod 600 {key}" in capsys.readouterr().err


def test_a_key_that_google_no_longer_takes(
    fake: FakeSheets, book: FakeBook, logged_in: None, database: Path, capsys
) -> None:
    fake.token_answer = (400, {"error": "invalid_grant", "error_description": "Invalid JWT"})
    assert run("sheets", "setup", "--sheet", book_url(BOOK)) == 1
    err = capsys.readouterr().err
    assert "Google no longer accepts this login: invalid_grant: " in err and "sheets setup" in err
    assert "{" not in err


class Browser:
    """Somebody who is asked by Google whether the program may, and answers."""

    def __init__(self, says_yes: bool) -> None:
        self.says_yes = says_yes

    def open(self, url: str, **_: object) -> None:
        asked = parse_qs(urlsplit(url).query)
        answer = {"code": "c"} if self.says_yes else {"error": "access_denied"}
        back = f"{asked['redirect_uri'][0]}?{urlencode(answer | {'state': asked['state'][0]})}"
        threading.Thread(target=requests.get, args=(back,), daemon=True).start()


@pytest.mark.parametrize("says_yes", [True, False])
def test_a_person_logs_in_once_through_the_browser(
    fake: FakeSheets, book: FakeBook, empty_home: Path, monkeypatch, capsys, says_yes: bool
) -> None:
    client = empty_home / "client.json"
    uris = {"auth_uri": "https://accounts.example/auth", "token_uri": f"{fake.url}/token"}
    client.write_text(json.dumps({"installed": {"client_id": "i", "client_secret": "s", **uris}}))
    client.chmod(0o600)
    monkeypatch.setenv("OAUTHLIB_INSECURE_TRANSPORT", "1")  # the fake has no certificate
    monkeypatch.setattr("webbrowser.get", lambda name=None: Browser(says_yes))
    fake.token_answer[1]["refresh_token"] = "r"
    code = run("sheets", "setup", "--sheet", book_url(BOOK), "--credentials", str(client))
    out, err = capsys.readouterr()
    if not says_yes:
        assert code == 1 and "Nobody has logged in" in err
        return
    assert code == 0, err
    assert out == book_url(BOOK) + "\n" and "accounts.example" in err
    client.unlink()
    assert sheets_login.find(config.load()).kind == "authorized_user"
    assert run("sheets", "setup", "--sheet", book_url(BOOK)) == 0


def target(database: Path, book: str = BOOK) -> None:
    with Store(database) as store:
        Outbox(store).set_target("", book)


def test_status_says_what_is_left_and_why(
    fake: FakeSheets, book: FakeBook, logged_in: None, database: Path, capsys
) -> None:
    target(database)
    record(database, range(30))
    book.is_shared = False
    assert run("sheets", "sync") == 1
    capsys.readouterr()
    assert run("sheets", "status") == 0
    out = capsys.readouterr().out
    assert f"lobby: 0 rows sent, 30 left, {book_url(BOOK)}" in out
    assert "does not let us write" in out and ROBOT in out
    book.is_shared = True
    assert run("sheets", "sync") == 0
    capsys.readouterr()
    assert run("sheets", "status", "--json") == 0
    found = json.loads(capsys.readouterr().out)
    (channel,) = found["channels"]
    assert (channel["sent"], channel["left"], channel["trouble"]) == (30, 0, "")
    assert sum(hour["writes"] for hour in found["calls"]) == 2  # the tab, and one batch
    assert sum(hour["failed"] for hour in found["calls"]) == 1


def test_sync_gives_up_an_outage_and_goes_on_later(
    fake: FakeSheets, book: FakeBook, logged_in: None, database: Path, capsys
) -> None:
    target(database)
    record(database, range(130))
    puts = iter(range(100))
    fake.faults = lambda call: "503" if call.method == "PUT" and next(puts) else None
    slept: list[float] = []
    found = config.load()
    with pytest.raises(SheetsBusy, match="70 rows are left") as caught:
        sync_without_waiting(found, slept)
    assert "Nothing is lost" in caught.value.hint
    assert capsys.readouterr().err.count("Google has an outage (503). Trying again.") == 1
    fake.faults = lambda call: None
    sync_without_waiting(found, slept)
    assert in_sheets(fake) == [row(n) for n in range(130)]


def sync_without_waiting(found: config.Config, slept: list[float]) -> None:
    """`commands.sheets.sync` on a clock that passes by sleeping."""
    from resonance_tui.commands.sheets import sync as verb
    from resonance_tui.sinks.sheets import sender as sheets_sender

    now = [0.0]

    def sleep(seconds: float) -> None:
        slept.append(seconds)
        now[0] += seconds

    with pytest.MonkeyPatch.context() as patch:
        make = sheets_sender.Sender.__init__
        patch.setattr(
            sheets_sender.Sender,
            "__init__",
            lambda self, *args, **more: make(self, *args, **more, clock=lambda: now[0]),
        )
        verb.sync(found, sleep=sleep)


# Reading back


def test_what_was_sent_is_read_back(
    fake: FakeSheets, book: FakeBook, logged_in: None, database: Path
) -> None:
    target(database)
    record(database, range(100))
    record(database, range(20), "other")
    assert run("sheets", "sync") == 0
    found = config.load()
    assert sheets.read_channel(found, "lobby", None, None) == [row(n) for n in range(100)]
    assert sheets.read_channel(found, "lobby", T0 + 10, T0 + 12) == [row(n) for n in (10, 11, 12)]
    assert sheets.read_channel(found, "nobody", None, None) == []


def test_history_reads_the_sheet_like_the_store(
    fake: FakeSheets, book: FakeBook, logged_in: None, database: Path, capsys
) -> None:
    target(database)
    record(database, range(90))
    assert run("history", "sync", "lobby") == 0
    capsys.readouterr()
    printed = []
    for source in ("local", "sheets"):
        assert run("history", "lobby", "--source", source, "--format", "csv") == 0
        printed.append(capsys.readouterr().out)
    assert printed[0] == printed[1]
    assert len(printed[0].splitlines()) >= 91


def test_a_machine_that_recorded_nothing_reads_by_the_address_alone(
    fake: FakeSheets, book: FakeBook, logged_in: None, database: Path, monkeypatch
) -> None:
    target(database)
    record(database, range(50))
    assert run("sheets", "sync") == 0
    database.unlink()
    monkeypatch.setenv("RESONANCE_SHEETS_URL", book_url(BOOK))
    faults = iter(["503", "reset"])
    fake.faults = lambda call: next(faults, None)
    monkeypatch.setattr("time.sleep", lambda seconds: None)
    assert len(sheets.read_channel(config.load(), "lobby", None, None)) == 50


def test_rows_edited_by_hand_and_foreign_tabs_are_left_out(
    fake: FakeSheets, book: FakeBook, logged_in: None, database: Path
) -> None:
    target(database)
    record(database, range(20))
    assert run("sheets", "sync") == 0

    def change(cells: list[list[object]]) -> None:
        cells[3][2] = "many"
        cells[4] = ["=1+1", -7]
        cells.append(cells[5])  # copied: the second is there twice

    edit(book, change)
    book.tabs[5] = FakeTab("mine", cells={(0, 0): "UTC, lobby, local", (1, 1): T0})
    said: list[str] = []
    found = sheets.read_channel(config.load(), "lobby", None, None, said.append)
    assert found == [row(n) for n in range(20) if n not in (2, 3)]
    assert said == ["2 rows of the sheet were edited by hand and left out."]


def test_reading_needs_a_sheet_a_login_and_a_google_that_answers(
    fake: FakeSheets, book: FakeBook, key: Path, database: Path, monkeypatch
) -> None:
    with pytest.raises(InputError, match="no login"):
        sheets.read_channel(config.load(), "lobby", None, None)
    monkeypatch.setenv("RESONANCE_SHEETS_CREDENTIALS", str(key))
    with pytest.raises(InputError, match="No Google sheet is known"):
        sheets.read_channel(config.load(), "lobby", None, None)
    monkeypatch.setenv("RESONANCE_SHEETS_URL", book_url(BOOK))
    book.is_shared = False
    with pytest.raises(SheetsRefused, match="does not let us"):
        sheets.read_channel(config.load(), "lobby", None, None)
    book.is_shared = True
    monkeypatch.setattr("time.sleep", lambda seconds: None)
    fake.faults = lambda call: "503"
    with pytest.raises(SheetsBusy, match="503"):
        sheets.read_channel(config.load(), "lobby", None, None)


# kill -9

CHILD = """
import sys
from fake_sheets import session_to
from resonance_tui import cli
from resonance_tui.sinks.sheets import login as sheets_login
real = sheets_login.open_session
sheets_login.open_session = lambda login: session_to(sys.argv[1], real(login))
sys.exit(cli.run_verb(cli.cli, ["sheets", "sync", "--writes", "60"]))
"""


def is_sheets_write(call: Call) -> bool:
    return call.is_write and call.path != "/token"


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="no kill -9")
def test_killed_between_the_write_and_the_mark_at_every_write(
    fake: FakeSheets, book: FakeBook, logged_in: None, database: Path
) -> None:
    """Each process gets one write further: Google has it, and the process never hears so."""
    target(database)
    record(database, range(700))
    child: list[subprocess.Popen[bytes]] = []
    writes = 0

    def kill(call: Call) -> None:
        nonlocal writes
        writes += is_sheets_write(call)
        if is_sheets_write(call) and writes % 3 == 1 and child[-1].poll() is None:
            child[-1].kill()
            child[-1].wait()

    fake.after = kill
    folder = Path(__file__).parent
    for _ in range(12):
        child.append(
            start_child(
                [sys.executable, "-c", CHILD, fake.url],
                env=os.environ | {"PYTHONPATH": str(folder)},
                stderr=subprocess.PIPE,
            )
        )
        _, said = child[-1].communicate(timeout=patience(30))
        if child[-1].returncode == 0:
            break
        assert child[-1].returncode == -signal.SIGKILL, said
    assert child[-1].returncode == 0 and len(child) >= 5
    assert in_sheets(fake) == [row(n) for n in range(700)]
    with Store(database) as store:
        assert Outbox(store).left("lobby") == 0


def test_history_reads_the_sheet_as_it_reads_the_database(
    fake: FakeSheets, book: FakeBook, logged_in: None, database: Path, capsys
) -> None:
    record(database, range(70))
    assert run("sheets", "setup", "lobby", "--sheet", book_url(BOOK)) == 0
    assert run("history", "sync", "lobby") == 0
    capsys.readouterr()
    assert run("history", "lobby", "--format", "csv") == 0
    local = capsys.readouterr().out
    assert local.count("\n") == 71
    assert run("history", "forget", "lobby", "--yes") == 0
    assert "stays there: lobby" in capsys.readouterr().err
    assert run("history", "lobby", "--format", "csv") == 2
    capsys.readouterr()
    assert run("history", "lobby", "--format", "csv", "--source", "sheets") == 0
    assert capsys.readouterr().out == local
