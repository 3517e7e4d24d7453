"""A sheet at the fake, and a sender that brings a recording to it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from fake_sheets import FakeBook, FakeSheets, running
from sheet_runs import BOOK, Run

from resonance_tui.history.store import Store
from resonance_tui.sinks.sheets.outbox import Outbox


@pytest.fixture
def fake() -> Iterator[FakeSheets]:
    with running() as fake:
        yield fake


@pytest.fixture
def book(fake: FakeSheets) -> FakeBook:
    return fake.add(BOOK)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store(tmp_path / "history.sqlite") as store:
        yield store


@pytest.fixture
def outbox(store: Store) -> Outbox:
    return Outbox(store)


@pytest.fixture
def run(fake: FakeSheets, outbox: Outbox) -> Run:
    return Run(fake, outbox)
