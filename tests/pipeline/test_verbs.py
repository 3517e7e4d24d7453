"""Verbs as a person runs them: own processes against a real broker."""

from __future__ import annotations

import contextlib
import csv
import io
import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest
from children import run_child, start_child
from limits import patience, wait_until

APP = [sys.executable, "-m", "resonance_tui"]


def run(*args: str, **options) -> subprocess.CompletedProcess[str]:
    return run_child([*APP, *args], capture_output=True, text=True, timeout=40, **options)


def start(*args: str) -> subprocess.Popen[str]:
    return start_child([*APP, *args], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


@pytest.mark.mosquitto
def test_an_audience_fills_the_room_and_leaves_it(mosquitto) -> None:
    crowd = start("audience", "show", "--viewers", "24", "--broker", mosquitto.url)
    try:
        watch = run(
            *("join", "show", "--camera", "none", "--headless", "--json"),
            *("--broker", mosquitto.url, "--duration", "6"),
        )
    finally:
        crowd.send_signal(signal.SIGINT)
        _, said = crowd.communicate(timeout=patience(10))
    assert crowd.returncode == 130
    assert "24 simulated viewers" in said and "reports sent" in said
    rooms = [json.loads(line) for line in watch.stdout.splitlines() if '"room"' in line]
    assert rooms[-1]["viewers"] == 25
    assert sum(rooms[-1]["counts"].values()) + rooms[-1]["unsure"] + rooms[-1]["away"] == 25
    after = run(
        *("join", "show", "--camera", "none", "--headless", "--json"),
        *("--broker", mosquitto.url, "--duration", "1.5"),
    )
    assert json.loads(after.stdout.splitlines()[-1]).get("viewers", 1) == 1


@pytest.mark.mosquitto
def test_log_records_what_history_prints(mosquitto, empty_home: Path) -> None:
    crowd = start("audience", "show", "--viewers", "5", "--broker", mosquitto.url)
    try:
        logged = run(
            *("log", "show", "--broker", mosquitto.url),
            *("--duration", "5", "--title", "Karaoke night"),
        )
    finally:
        crowd.send_signal(signal.SIGTERM)
        crowd.communicate(timeout=patience(10))
    assert logged.returncode == 0, logged.stderr
    printed = run("history", "show", "--format", "csv")
    assert printed.returncode == 0, printed.stderr
    rows = list(csv.DictReader(io.StringIO(printed.stdout)))
    assert len(rows) >= 3
    assert rows[-1]["viewers"] == "5"  # the logger itself is not in the room
    (session,) = json.loads(run("history", "show", "--sessions", "--format", "json").stdout)
    assert (session["title"], session["rows"]) == ("Karaoke night", len(rows))
    as_json = json.loads(run("history", "show", "--format", "json").stdout)
    assert [row["t"] for row in as_json] == [row["t"] for row in rows]


@pytest.mark.mosquitto
@pytest.mark.skipif(sys.platform == "win32", reason="needs a pseudo terminal")
def test_on_a_terminal_log_is_one_line_that_says_what_it_records(mosquitto) -> None:
    import pty

    ours, theirs = pty.openpty()
    log = start_child(
        [*APP, "log", "show", "--broker", mosquitto.url, "--duration", "4"],
        stdin=subprocess.DEVNULL,
        stdout=theirs,
        stderr=theirs,
        env={**os.environ, "TERM": "xterm"},
    )
    os.close(theirs)
    seen = b""
    with contextlib.suppress(OSError):  # Linux says so at the end
        while part := os.read(ours, 4096):
            seen += part
    os.close(ours)
    assert log.wait(patience(10)) == 0
    text = seen.decode()
    first, *_, summary, how = (line for line in text.replace("\r", "\n").splitlines() if line[4:])
    assert "Recording show into " in first and "resonance-tui history show" in first
    assert text.count("\x1b[2Krecording show · 0 people · 0:00:0") >= 3
    assert "room  " not in text
    assert "0:00:0" in summary and "recorded in " in summary
    assert how.endswith("resonance-tui history show")


def test_ctrl_c_leaves_the_room_at_once(mosquitto) -> None:
    watcher = start(
        *("join", "show", "--camera", "none", "--headless", "--json"),
        *("--broker", mosquitto.url, "--duration", "12"),
    )
    guest = start("join", "show", "--camera", "none", "--headless", "--broker", mosquitto.url)
    lines: list[dict] = []

    def viewers(wanted: int) -> bool:
        assert watcher.stdout is not None
        lines.append(json.loads(watcher.stdout.readline()))
        return lines[-1].get("viewers") == wanted

    wait_until(lambda: viewers(2))
    left_at = time.monotonic()
    guest.send_signal(signal.SIGINT)
    wait_until(lambda: viewers(1), 5)
    assert time.monotonic() - left_at < patience(3)
    _, said = guest.communicate(timeout=patience(10))
    assert guest.returncode == 130, said
    assert "Traceback" not in said
    watcher.terminate()
    watcher.communicate(timeout=patience(10))


def test_without_any_broker_one_is_started_and_said(empty_home: Path) -> None:
    done = run("join", "alone", "--camera", "none", "--headless", "--json", "--duration", "4")
    assert done.returncode == 0, done.stderr
    told = [json.loads(line) for line in done.stdout.splitlines()]
    assert any(e["type"] == "link" and e["status"] == "connected" for e in told)
    assert [e for e in told if e["type"] == "room"][-1]["viewers"] == 1
    if "No broker was listening" not in done.stderr:
        assert _listens(1883), "neither a broker of others nor one of our own"


def _listens(port: int) -> bool:
    import socket

    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def test_nobody_at_the_configured_broker_is_said_and_retried() -> None:
    done = run(
        *("join", "x", "--camera", "none", "--headless", "--json"),
        *("--broker", "mqtt://127.0.0.1:1", "--duration", "3"),
    )
    told = [json.loads(line) for line in done.stdout.splitlines()]
    lost = [e for e in told if e["type"] == "link" and e["status"] == "lost"]
    assert lost and "127.0.0.1:1" in lost[0]["detail"]
    assert done.returncode == 1
    assert "error: There was no connection to mqtt://127.0.0.1:1." in done.stderr
    assert "nothing listens" in done.stderr.splitlines()[-1]


def test_a_corrupt_database_to_record_into_is_one_clear_line(tmp_path: Path) -> None:
    database = tmp_path / "history.sqlite"
    database.write_bytes(b"this is no database, it is a diary " * 200)
    done = run(
        *("join", "x", "--camera", "none", "--headless", "--record"),
        *("--broker", "mqtt://127.0.0.1:1", "--duration", "3"),
        env=os.environ | {"RESONANCE_HISTORY_DATABASE": str(database)},
    )
    assert done.returncode == 1
    assert str(database) in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.mosquitto
def test_a_wrong_password_and_a_right_one(make_mosquitto, tmp_path: Path) -> None:
    file = tmp_path / "users"
    file.touch(mode=0o644)
    run_child(["mosquitto_passwd", "-b", str(file), "ann", "secret"], check=True)
    server = make_mosquitto("allow_anonymous false", f"password_file {file}")
    server.start()
    args = ["join", "x", "--camera", "none", "--headless", "--duration", "2", "--broker"]
    nobody = run(*args, server.url)
    assert nobody.returncode == 1
    assert "asks for a user and a password" in nobody.stderr
    wrong = run(*args, server.url.replace("//", "//ann:guess@"))
    assert wrong.returncode == 1
    assert "wrong user or password" in wrong.stderr and "guess" not in wrong.stderr
    right = run(
        *args,
        server.url.replace("//", "//ann@"),
        env=os.environ | {"RESONANCE_BROKER_PASSWORD": "secret"},
    )
    assert right.returncode == 0
    assert "1 viewer" in right.stdout


@pytest.mark.mosquitto
def test_an_invite_is_enough_to_join(mosquitto) -> None:
    invite = f"resonance://127.0.0.1:{mosquitto.port}/show"
    done = run("join", invite, "--camera", "none", "--headless", "--duration", "2")
    assert done.returncode == 0, done.stderr
    assert "1 viewer" in done.stdout
    odd = run("join", "resonance://127.0.0.1/", "--camera", "none", "--headless")
    assert odd.returncode == 2 and "cut short" in odd.stderr


@pytest.mark.mosquitto
def test_a_reader_who_has_seen_enough_ends_the_session_quietly(mosquitto) -> None:
    line = (
        f"{sys.executable} -m resonance_tui join show --camera none --headless --json "
        f"--broker {mosquitto.url} --duration 8 | head -1; exit ${{PIPESTATUS[0]}}"
    )
    started = time.monotonic()
    done = run_child(["bash", "-c", line], capture_output=True, text=True, timeout=30)
    assert done.returncode == 1
    assert "error" not in done.stderr and "Traceback" not in done.stderr
    assert time.monotonic() - started < patience(7)


@pytest.mark.mosquitto
@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")
def test_output_onto_a_full_disk_ends_the_session(mosquitto) -> None:
    args = ("join", "show", "--camera", "none", "--headless", "--json", "--duration", "20")
    with open("/dev/full", "w") as full:
        done = run_child(
            [*APP, *args, "--broker", mosquitto.url],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            timeout=15,
        )
    assert done.returncode == 1
    assert "the disk is full" in done.stderr and "Traceback" not in done.stderr


@pytest.mark.mosquitto
def test_the_face_is_read_whatever_the_encoding_of_what_is_printed(
    mosquitto, face_model: None
) -> None:
    encoding = "cp1252"  # of a pipe on Windows
    args = ("join", "show", "--camera", "demo", "--headless", "--engine", "static")
    line = [*APP, *args, "--broker", mosquitto.url, "--duration", "30"]
    environment = os.environ | {"PYTHONIOENCODING": encoding}
    viewer = start_child(line, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=environment)
    assert viewer.stdout is not None
    lines: list[str] = []
    try:
        for raw in viewer.stdout:
            lines.append(raw.decode(encoding))
            if "room" in lines[-1] and "neutral" in lines[-1]:  # what was printed went out, too
                break
    finally:
        viewer.terminate()
        viewer.communicate(timeout=patience(20))
    assert any("you" in each and "neutral" in each for each in lines), lines
    assert "neutral" in lines[-1], lines
    assert not [each for each in lines if "failed" in each]


def has_a_row(database: sqlite3.Connection) -> bool:
    try:
        return database.execute("SELECT 1 FROM snapshot").fetchone() is not None
    except sqlite3.OperationalError:  # it is being laid out
        return False


@pytest.mark.mosquitto
def test_rows_that_could_not_be_stored_are_not_lost_in_silence(mosquitto, tmp_path: Path) -> None:
    database = tmp_path / "history.sqlite"
    environment = os.environ | {"RESONANCE_HISTORY_DATABASE": str(database)}
    log = start_child(
        [*APP, "log", "show", "--broker", mosquitto.url],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        env=environment,
    )
    assert log.stderr is not None
    wait_until(database.is_file)
    holder = sqlite3.connect(database, isolation_level=None, timeout=20)
    wait_until(lambda: has_a_row(holder))
    holder.execute("BEGIN IMMEDIATE")
    while "Not recording" not in log.stderr.readline():
        assert log.poll() is None
    time.sleep(1.5)  # for it to say so again
    log.send_signal(signal.SIGINT)
    _, said = log.communicate(timeout=patience(40))
    holder.execute("ROLLBACK")
    holder.close()
    assert log.returncode == 1
    assert "were not stored" in said
    assert "Not recording" not in said, "said once"


@pytest.mark.mosquitto
def test_two_who_join_at_once_without_a_broker_meet(empty_home: Path) -> None:
    if _listens(1883):
        pytest.skip("a broker of somebody else runs on this machine's port 1883")
    args = ("join", "cats", "--camera", "none", "--headless", "--json", "--duration", "6")
    viewers = [start(*args) for _ in range(3)]
    told = [viewer.communicate(timeout=patience(40)) for viewer in viewers]
    assert [viewer.returncode for viewer in viewers] == [0, 0, 0], [err for _, err in told]
    seen = [
        max(json.loads(line)["viewers"] for line in out.splitlines() if '"room"' in line)
        for out, _ in told
    ]
    assert seen == [3, 3, 3]
