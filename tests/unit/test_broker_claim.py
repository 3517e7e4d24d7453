"""The mark of a viewer's broker: seen by everybody, gone with its owner, never believed further."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from children import end_child, start_child

from resonance_tui.session import broker_claim
from resonance_tui.session.broker_claim import BrokerClaim, claim_file, is_claimed

PORT = 1883


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(broker_claim, "claim_file", lambda port: tmp_path / f"{port}.lock")
    return tmp_path


@pytest.fixture
def claim() -> Iterator[BrokerClaim]:
    made = BrokerClaim(PORT)
    yield made
    made.release()


def test_a_broker_is_claimed_until_its_owner_lets_go(claim: BrokerClaim, folder: Path) -> None:
    assert not is_claimed(PORT)
    assert claim.take()
    assert is_claimed(PORT) and is_claimed(PORT) and not is_claimed(PORT + 1)
    claim.release()
    assert not is_claimed(PORT) and not list(folder.iterdir())


def test_all_users_can_see_it_whatever_the_owner_keeps_from_them(
    claim: BrokerClaim, folder: Path
) -> None:
    before = os.umask(0o077)
    try:
        assert claim.take()
    finally:
        os.umask(before)
    assert stat.S_IMODE((folder / "1883.lock").stat().st_mode) == 0o644


def test_one_at_a_time_and_the_next_takes_it_as_soon_as_it_is_free(claim: BrokerClaim) -> None:
    assert claim.take()
    second, took = BrokerClaim(PORT), threading.Event()
    waiting = threading.Thread(target=lambda: second.take() and took.set())
    waiting.start()
    claim.release()
    waiting.join()
    assert took.is_set() and is_claimed(PORT)
    second.release()


def test_of_an_owner_that_was_killed_nothing_but_an_open_lock_is_left(
    claim: BrokerClaim, folder: Path
) -> None:
    code = (
        "import pathlib, sys, time\n"
        "from resonance_tui.session import broker_claim\n"
        "broker_claim.claim_file = lambda port: pathlib.Path(sys.argv[1])\n"
        "claim = broker_claim.BrokerClaim(1883)\n"
        "print(claim.take(), flush=True)\n"
        "time.sleep(60)\n"
    )
    command = [sys.executable, "-c", code, str(folder / "1883.lock")]
    owner = start_child(command, stdout=subprocess.PIPE, text=True)
    try:
        assert owner.stdout is not None and owner.stdout.readline() == "True\n"
        assert is_claimed(PORT)
        owner.kill()
        owner.wait()
        assert not is_claimed(PORT) and list(folder.iterdir())
        assert claim.take()
    finally:
        end_child(owner)


@pytest.mark.parametrize("kind", ["folder", "pipe", "link", "dead link"])
def test_what_is_no_plain_file_claims_nothing_and_is_left_alone(
    kind: str, claim: BrokerClaim, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(broker_claim, "TAKE_WITHIN_S", 0.1)
    path, aim = folder / "1883.lock", folder / "aim"
    if kind == "folder":
        path.mkdir()
    elif kind == "pipe":
        os.mkfifo(path)
    else:
        if kind == "link":
            aim.write_text("private")
        path.symlink_to(aim)
    assert not is_claimed(PORT)
    assert not claim.take()
    claim.release()
    assert path.is_symlink() or path.exists()
    assert aim.exists() is (kind == "link")


def test_the_mark_lies_where_other_users_look_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TMPDIR", "/nowhere")
    assert claim_file(PORT).parent == Path("/tmp")
