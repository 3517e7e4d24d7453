"""What other commands learn of the broker that runs on this machine, and what a dead one leaves."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from children import start_child
from limits import patience

from resonance_tui.errors import StoreError
from resonance_tui.hosting.running import (
    RUNNING_FILE,
    all_running,
    find_running,
    running_with,
    told_as_running,
)
from resonance_tui.protocol.urls import BrokerUrl

LOGIN = BrokerUrl(
    "mqtts", "127.0.0.1", 8883, username="resonance-host", password="pw", pin="ab" * 32
)
HOLD = """
import sys
from pathlib import Path
from resonance_tui.hosting.running import told_as_running
from resonance_tui.protocol.urls import parse_broker_url
with told_as_running(Path(sys.argv[1]), parse_broker_url("mqtt://me:pw@127.0.0.1:1883"), ["cats"]):
    print("up", flush=True)
    sys.stdin.read()
"""


def test_while_a_broker_runs_its_owner_finds_address_and_login(tmp_path: Path) -> None:
    folder = tmp_path / "broker"
    assert find_running(folder) is None
    with told_as_running(folder, LOGIN, ["cats", "dogs"]):
        found = find_running(folder)
        assert found is not None
        assert found.login == LOGIN
        assert found.login.password == "pw"
        assert (found.channels, found.pid) == (("cats", "dogs"), os.getpid())
        assert "pw" not in repr(found)
        assert stat.S_IMODE((folder / RUNNING_FILE).stat().st_mode) == 0o600
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert find_running(folder) is None
    assert not (folder / RUNNING_FILE).exists()


def hold(folder: Path) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", HOLD, str(folder)]
    process = start_child(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "up\n"
    return process


def test_what_a_killed_broker_left_is_no_running_broker(tmp_path: Path) -> None:
    process = hold(tmp_path)
    found = find_running(tmp_path)
    assert found is not None and found.pid == process.pid
    process.send_signal(signal.SIGKILL)
    process.communicate(timeout=patience(10))
    assert (tmp_path / RUNNING_FILE).exists()
    assert find_running(tmp_path) is None
    assert not (tmp_path / RUNNING_FILE).exists()


def test_of_two_brokers_here_each_room_leads_to_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("resonance_tui.hosting.running.LOCK_EVERY_S", 0.0)
    process = hold(tmp_path)
    with told_as_running(tmp_path, LOGIN, ["dogs"]):
        cats, dogs = running_with(tmp_path, "cats"), running_with(tmp_path, "dogs")
        assert cats is not None and cats.pid == process.pid
        assert dogs is not None and dogs.login == LOGIN
        assert running_with(tmp_path, "birds") is None
        assert find_running(tmp_path) == cats
    assert all_running(tmp_path) == [cats]
    process.communicate("", timeout=patience(10))
    assert find_running(tmp_path) is None


def test_of_two_with_one_room_the_one_with_accounts_is_meant(tmp_path: Path) -> None:
    open_one = BrokerUrl("mqtt", "127.0.0.1", 1883)
    with (
        told_as_running(tmp_path, open_one, ["cats"]),
        told_as_running(tmp_path, LOGIN, ["cats"]),
    ):
        found = running_with(tmp_path, "cats")
    assert found is not None and found.login == LOGIN


@pytest.mark.parametrize(
    "text", ["", "{", "[]", '{"version": 1, "pid": 1, "url": "x y"}', "\udcff",
     '{"x":' + "[" * 100_000],
)  # fmt: skip
def test_a_damaged_record_is_no_running_broker(tmp_path: Path, text: str) -> None:
    with told_as_running(tmp_path, LOGIN, []):
        (tmp_path / RUNNING_FILE).write_text(text, errors="surrogateescape")
        assert find_running(tmp_path) is None


@pytest.mark.skipif(os.name == "nt", reason="POSIX users")
def test_what_another_user_wrote_there_is_no_broker_of_ours(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with told_as_running(tmp_path, LOGIN, []):
        other = os.geteuid() + 1
        monkeypatch.setattr(os, "geteuid", lambda: other)
        assert find_running(tmp_path) is None


def test_a_folder_that_cannot_be_is_named(tmp_path: Path) -> None:
    (tmp_path / "broker").write_text("")
    with (
        pytest.raises(StoreError, match="broker cannot be written"),
        told_as_running(tmp_path / "broker", LOGIN, []),
    ):
        pass
