"""A recording that goes into its sheet while it runs: real broker, Google's protocol, and a room
that never waits for either."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from children import run_child
from fake_sheets import Call, FakeBook, FakeSheets, running, session_to
from limits import patience
from sheet_runs import in_sheets
from whole_sessions import live, notices

from resonance_tui import config
from resonance_tui.config import with_setting
from resonance_tui.history.store import Store
from resonance_tui.pipeline.sources import Source
from resonance_tui.protocol.topics import new_viewer_id
from resonance_tui.protocol.urls import parse_broker_url
from resonance_tui.session.core import Session
from resonance_tui.session.plan import SessionPlan
from resonance_tui.sinks import runner
from resonance_tui.sinks.base import SinkPlan
from resonance_tui.sinks.registry import plans
from resonance_tui.sinks.sheets import login as sheets_login
from resonance_tui.sinks.sheets.layout import book_url
from resonance_tui.sinks.sheets.outbox import Outbox

pytestmark = pytest.mark.mosquitto
BOOK = "the-streamers-own-sheet"
PERSON = json.dumps(
    {"type": "authorized_user", "client_id": "i", "client_secret": "s", "refresh_token": "r"}
)


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeSheets]:
    monkeypatch.setenv("RESONANCE_SHEETS_CREDENTIALS", PERSON)
    monkeypatch.setattr(runner, "INTERVAL_S", 0.3)
    with running() as fake:
        monkeypatch.setattr(sheets_login, "open_session", lambda login: session_to(fake.url))
        yield fake


@pytest.fixture
def book(fake: FakeSheets) -> FakeBook:
    return fake.add(BOOK)


@pytest.fixture
def make_session(fake: FakeSheets, mosquitto, tmp_path: Path) -> Callable[[], Session]:
    """Makes viewers without a camera who record the room and bring it to the sheet."""
    found = with_setting(config.load(), "sheets", writes_a_minute=60.0)

    def make() -> Session:
        return Session(
            SessionPlan(
                channel="lobby",
                nickname="",
                viewer_id=new_viewer_id(),
                boot=int(time.time()),
                broker=parse_broker_url(mosquitto.url),
                source=Source("none"),
                engine="static",
                data_dir=tmp_path,
                database=tmp_path / "history.sqlite",
                sinks=(SinkPlan("sheets", found, BOOK),),
            )
        )

    return make


def stored(path: Path) -> list:
    with Store(path, read_only=True) as store:
        return store.read("lobby")


async def test_the_sheet_follows_and_holds_the_last_row(
    fake: FakeSheets, book: FakeBook, make_session, tmp_path: Path
) -> None:
    await live(make_session(), lambda: len(in_sheets(fake)) >= 2)
    rows = stored(tmp_path / "history.sqlite")
    assert len(rows) >= 2
    assert in_sheets(fake) == rows
    assert len(book.tabs) == 2


async def test_a_google_that_hangs_holds_up_nobody(
    fake: FakeSheets, book: FakeBook, make_session, tmp_path: Path, monkeypatch
) -> None:
    monkeypatch.setattr(runner, "FINISH_S", 0.2)
    is_over, session = threading.Event(), make_session()

    def hang(call: Call) -> None:
        is_over.wait(patience(20))

    fake.after = hang
    said = notices(session)
    seen = []
    session.add_listener(seen.append)
    await live(session, lambda: bool(fake.calls) and len(seen) > 5)  # the room goes on
    assert not is_over.is_set()  # it has left, and Google has not answered yet
    assert any("sheets sync lobby" in text for text in said)
    is_over.set()
    fake.after = lambda call: None
    assert len(stored(tmp_path / "history.sqlite")) >= 2


async def test_a_sheet_that_is_not_shared_is_said_once_and_the_recording_goes_on(
    fake: FakeSheets, book: FakeBook, make_session, tmp_path: Path
) -> None:
    book.is_shared = False
    session = make_session()
    said = notices(session)
    seen = []
    session.add_listener(seen.append)
    await live(session, lambda: bool(said) and len(seen) > 6)
    assert len([text for text in said if "Nothing more goes into the sheet" in text]) == 1
    assert said[-1].endswith("sheets sync")
    assert "as editor" in said[0]
    assert len(fake.calls) == 1
    assert len(stored(tmp_path / "history.sqlite")) >= 1


async def test_who_is_offline_leaves_at_once_and_is_told(
    fake: FakeSheets, book: FakeBook, make_session, tmp_path: Path, monkeypatch
) -> None:
    monkeypatch.setattr(runner, "FINISH_S", 60.0)  # nobody waits for it
    monkeypatch.setattr("random.random", lambda: 1.0)
    session = make_session()
    said = notices(session)
    fake.faults = lambda call: "503"
    with Store(tmp_path / "history.sqlite") as store:
        outbox = Outbox(store)
        await live(session, lambda: len(fake.calls) == 0 and outbox.trouble("lobby") is not None)
    assert any("sheets sync lobby" in text for text in said)
    assert len(stored(tmp_path / "history.sqlite")) >= 1


async def test_a_login_that_is_no_login_ends_the_upload_and_not_the_room(
    fake: FakeSheets, make_session, monkeypatch
) -> None:
    def explode(login: object) -> None:
        raise RuntimeError("what nobody expects")

    monkeypatch.setattr(sheets_login, "open_session", explode)
    session = make_session()
    said = notices(session)
    seen = []
    session.add_listener(seen.append)
    await live(session, lambda: bool(said) and len(seen) > 4)
    assert "what nobody expects" in said[0]


def test_which_sheet_a_recording_gets(empty_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = config.load()
    assert plans(found, "lobby") == ()
    with Store(found.database) as store:
        assert plans(found, "lobby") == ()
        Outbox(store).set_target("lobby", BOOK)
        assert plans(found, "lobby") == (SinkPlan("sheets", found, BOOK),)
        assert plans(found, "other") == ()
    monkeypatch.setenv("RESONANCE_SHEETS_URL", book_url("another-sheet-of-the-streamer"))
    found = config.load()
    assert [plan.target for plan in plans(found, "lobby")] == ["another-sheet-of-the-streamer"]


CHILD = """
import sys
from fake_sheets import session_to
from resonance_tui import cli
from resonance_tui.sinks.sheets import login as sheets_login
sheets_login.open_session = lambda login: session_to(sys.argv[1])
sys.exit(cli.run_verb(cli.cli, sys.argv[2:]))
"""


def test_log_names_its_sheet_and_sync_knows_it_later(
    fake: FakeSheets, book: FakeBook, mosquitto, empty_home: Path
) -> None:
    def run(*args: str) -> subprocess.CompletedProcess[str]:
        return run_child(
            [sys.executable, "-c", CHILD, fake.url, *args],
            env=os.environ | {"PYTHONPATH": str(Path(__file__).parent)},
            capture_output=True,
            text=True,
            timeout=40,
        )

    logged = run("log", "lobby", "--broker", mosquitto.url, "--duration", "2.5",
                 "--sheet", book_url(BOOK))  # fmt: skip
    assert logged.returncode == 0, logged.stderr
    rows = stored(config.load().database)
    assert len(rows) >= 2
    assert in_sheets(fake) == rows
    synced = run("sheets", "sync", "lobby")
    assert synced.returncode == 0, synced.stderr
    assert "0 rows sent" in synced.stderr
    refused = run("log", "lobby", "--sheet", "my sheet")
    assert refused.returncode == 2 and "is no Google sheet" in refused.stderr
