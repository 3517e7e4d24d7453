"""Frames, crops, landmarks and probabilities stay in memory: the whole program is watched from
outside while it reads a real face, on the wire, on the disk and at every socket it opens, those of
native libraries included."""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
import struct
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgpack
import pytest
from arrays import probabilities_in
from children import start_child
from limits import patience
from machine import MOSQUITTO, SHARED_DATA, Mosquitto

from resonance_tui import __version__
from resonance_tui.emotions import Emotion
from resonance_tui.json_types import is_array, is_object
from resonance_tui.native import DEAD_END
from resonance_tui.protocol.values import ANSWERS_CALLS, FILM

pytestmark = [pytest.mark.mosquitto, pytest.mark.faces, pytest.mark.timeout(90)]

FRAME_BYTES = 640 * 360 * 3
STRACE = shutil.which("strace")  # sees what Python's audit events do not: C code's own sockets
SENDING = "trace=connect,sendto,sendmsg,sendmmsg"
DESTINATION = re.compile(
    r"sa_family=AF_INET6?, sin6?_port=htons\((\d+)\).*?"
    r"(?:inet_addr\(\"|inet_pton\(AF_INET6, \")([^\"]+)"
)

# Runs `join` with Python's audit events of sockets and opened files written to descriptor 9,
# and the kernel's count of bytes written by this process, native libraries included.
WATCHED = """
import os, sys
out = os.fdopen(9, "w", buffering=1)
def hook(name, args):
    if name in ("socket.connect", "socket.sendto"):
        out.write(f"connect {args[1]!r}\\n")
    elif name == "open" and isinstance(args[2], int) and args[2] & (os.O_WRONLY | os.O_RDWR):
        out.write(f"open {args[0]!r}\\n")
sys.addaudithook(hook)
from resonance_tui.cli import cli, run_verb
code = run_verb(cli, sys.argv[1:])
for name in sorted({name.partition(".")[0] for name in sys.modules}):
    out.write(f"module {name}\\n")
with open("/proc/self/io") as counts:
    out.write(next(line for line in counts if line.startswith("wchar")))
sys.exit(code)
"""


@dataclass
class Wiretap:
    """A TCP relay to the broker that keeps every byte the viewer sends."""

    broker_port: int
    sent: bytearray = field(default_factory=bytearray)

    def __enter__(self) -> Wiretap:
        self._server = socket.create_server(("127.0.0.1", 0))
        self.port = self._server.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.close()

    def _accept(self) -> None:
        while True:
            try:
                viewer, _ = self._server.accept()
            except OSError:
                return
            broker = socket.create_connection(("127.0.0.1", self.broker_port))
            for one, other, tape in ((viewer, broker, self.sent), (broker, viewer, bytearray())):
                threading.Thread(target=_relay, args=(one, other, tape), daemon=True).start()

    def publications(self) -> Iterator[tuple[str, bytes]]:
        """Topic and payload of every MQTT 5 PUBLISH."""
        at, data = 0, bytes(self.sent)
        while at < len(data):
            kind, length, start = data[at] >> 4, *_length(data, at + 1)
            if kind == 3:
                yield _publication(data[at], data[start : start + length])
            at = start + length


def _relay(one: socket.socket, other: socket.socket, tape: bytearray) -> None:
    try:
        while chunk := one.recv(65536):
            tape += chunk
            other.sendall(chunk)
    except OSError:
        pass
    finally:
        other.close()


def _length(data: bytes, at: int) -> tuple[int, int]:
    """An MQTT variable-length integer, and where what follows it begins."""
    value, shift = 0, 0
    while True:
        value |= (data[at] & 0x7F) << shift
        shift, at = shift + 7, at + 1
        if data[at - 1] < 0x80:
            return value, at


def _publication(first: int, body: bytes) -> tuple[str, bytes]:
    topic_end = 2 + struct.unpack(">H", body[:2])[0]
    at = topic_end + (2 if first & 0x06 else 0)  # the packet id of QoS 1
    properties, at = _length(body, at)
    return body[2:topic_end].decode(), body[at + properties :]


@dataclass
class Observed:
    """What one run of `join` left behind."""

    readings: list[list[float]]
    wire: Wiretap
    audit: list[str]
    calls: str | None  # of the kernel, that send something somewhere; None where nobody watched
    written: dict[Path, bytes]
    bytes_written: int


@pytest.fixture(scope="module")
def observed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Observed]:
    film = SHARED_DATA / "clips/single_face.mp4"
    if not film.is_file():
        pytest.skip(f"no clip at {film}")
    if MOSQUITTO is None:
        pytest.skip("Mosquitto is not installed")
    if not Path("/proc/self/io").is_file():
        pytest.skip("this system does not count a process's writes")
    home = tmp_path_factory.mktemp("watched-home")
    server = Mosquitto(tmp_path_factory.mktemp("broker"))
    server.start()
    try:
        with Wiretap(server.port) as wire:
            yield _run(film, home, wire, tmp_path_factory.mktemp("watcher") / "calls")
    finally:
        server.kill()


def _run(film: Path, home: Path, wire: Wiretap, calls: Path) -> Observed:
    args = f"join secret --name ann --camera {film} --once --headless --json".split()
    url = ["--broker", f"mqtt://127.0.0.1:{wire.port}", "--record", "--pcap", "sent.pcap"]
    out, lines, count = _watched([*args, *url], film, home, calls)
    told = [json.loads(line) for line in out.splitlines()]
    return Observed(
        [event["probabilities"] for event in told if event.get("probabilities")],
        wire,
        lines,
        calls.read_text(errors="replace") if calls.is_file() else None,
        {file: file.read_bytes() for file in home.rglob("*") if file.is_file()},
        count,
    )


def _watched(args: list[str], film: Path, home: Path, calls: Path) -> tuple[str, list[str], int]:
    """What the program says, what the audit saw, and how many bytes were written beside that."""
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(home),
        "TMPDIR": str(home),
        "RESONANCE_FACE_MODEL": str(film.parents[1] / "face_landmarker.task"),
        "PYTHONDONTWRITEBYTECODE": "1",  # its first run after a change would write megabytes of it
    }
    read, write = os.pipe()
    watcher = [STRACE, "-f", "--seccomp-bpf", "-e", SENDING, "-o", str(calls)] if STRACE else []

    def hand_over() -> None:
        os.dup2(write, 9)

    process = start_child(
        [*watcher, sys.executable, "-c", WATCHED, *args],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment,
        cwd=home,
        pass_fds=(write, 9),
        preexec_fn=hand_over,
        text=True,
    )
    os.close(write)
    with os.fdopen(read) as audit_pipe:
        lines: list[str] = []
        reader = threading.Thread(target=lambda: lines.extend(audit_pipe))
        reader.start()
        out, problems = process.communicate(timeout=patience(60))
        reader.join(timeout=patience(10))
    assert process.returncode == 0, problems
    return out, lines[:-1], int(lines[-1].split()[1]) - len(out) - len(problems)


def test_a_face_was_really_read(observed: Observed) -> None:
    assert len(observed.readings) >= 3


def test_a_report_is_a_dozen_bytes_of_known_meaning(observed: Observed) -> None:
    reports = [
        payload for topic, payload in observed.wire.publications() if "/r/" in topic and payload
    ]
    assert reports
    for payload in reports:
        assert 10 <= len(payload) <= 17
        version, boot, seq, code, confidence, flags, *up_s = msgpack.unpackb(payload)
        assert version == 1 and boot > 0 and seq >= 0
        assert code in range(9) and confidence in range(101) and flags == FILM | ANSWERS_CALLS
        assert up_s == [] or (len(up_s) == 1 and up_s[0] in range(128))


def test_nothing_else_is_sent(observed: Observed) -> None:
    kinds = {topic.split("/")[3] for topic, _ in observed.wire.publications()}
    assert kinds <= {"r", "n"}
    names = [p for t, p in observed.wire.publications() if "/n/" in t and p]
    assert [msgpack.unpackb(name) for name in names] == [[1, "ann"]] * len(names)
    assert len(observed.wire.sent) < 4096  # one grey 48x48 crop alone would be 2304


def test_nobody_but_the_broker_is_talked_to(observed: Observed) -> None:
    connects = [line for line in observed.audit if line.startswith("connect")]
    assert connects
    assert all(f"('127.0.0.1', {observed.wire.port})" in line for line in connects)


def test_native_libraries_talk_to_nobody_either(observed: Observed) -> None:
    if observed.calls is None:
        pytest.skip("needs strace: sudo apt-get install strace")
    met = {(address, int(port)) for port, address in DESTINATION.findall(observed.calls)}
    assert ("127.0.0.1", observed.wire.port) in met
    assert met <= {("127.0.0.1", observed.wire.port), DEAD_END}


def test_nothing_that_would_report_its_use_has_to_be_stopped(observed: Observed) -> None:
    """On the default path MediaPipe, whose telemetry has no switch, is not even loaded."""
    modules = {line.split()[1] for line in observed.audit if line.startswith("module ")}
    assert {"cv2", "onnxruntime"} <= modules
    assert modules.isdisjoint({"mediapipe", "matplotlib"})
    if observed.calls is None:
        pytest.skip("needs strace: sudo apt-get install strace")
    met = {(address, int(port)) for port, address in DESTINATION.findall(observed.calls)}
    assert DEAD_END not in met  # where tries to report end


def test_what_is_written_is_small_and_known(observed: Observed) -> None:
    known = (
        "profile.json",
        "secret.lock",
        "history.sqlite",
        "resonance-tui.log",
        "fontlist",
        "speed.json",
        "sent.pcap",
    )
    for file in observed.written:
        assert file.name.startswith(known), f"unexpected file {file}"
    # Whatever wrote it and wherever: the frames looked at are 691,200 bytes each, the database's
    # pages, matplotlib's font list and pipes between threads all together a tenth of that sum.
    assert observed.bytes_written < 0.2 * FRAME_BYTES * len(observed.readings)


def test_the_programs_own_tap_sees_all_that_leaves(observed: Observed) -> None:
    """`--pcap` and the relay, of which the program knows nothing, have the same bytes."""
    pcap = next(data for file, data in observed.written.items() if file.name == "sent.pcap")
    streams = _streams(pcap)
    assert sum(map(len, streams)) == len(observed.wire.sent)
    seen = [each for stream in streams for each in Wiretap(0, bytearray(stream)).publications()]
    assert sorted(seen) == sorted(observed.wire.publications())
    assert any("/r/" in topic for topic, _ in seen)


def _streams(pcap: bytes) -> list[bytes]:
    """What each connection sent, of a file of raw IP packets."""
    found: dict[bytes, bytes] = {}
    at = 24
    while at < len(pcap):
        (length,) = struct.unpack("<I", pcap[at + 8 : at + 12])
        ip = pcap[at + 16 : at + 16 + length]
        found[ip[20:22]] = found.get(ip[20:22], b"") + ip[40:]
        at += 16 + length
    return list(found.values())


def test_no_array_outlives_the_process(observed: Observed) -> None:
    """Probabilities, embeddings or landmarks: in home, cache, history, settings, on the wire."""
    assert any(file.name.startswith("history.sqlite") for file in observed.written)
    for file, data in observed.written.items():
        assert probabilities_in(data) == [], file
    assert probabilities_in(bytes(observed.wire.sent)) == []


def test_no_probability_is_in_a_file_or_on_the_wire(observed: Observed) -> None:
    everything = [bytes(observed.wire.sent), *observed.written.values()]
    for reading in observed.readings:
        for value in (value for value in reading if 0.001 < value < 0.999):
            forms = (f"{value:.4f}".encode(), struct.pack("<f", value), struct.pack(">d", value))
            assert not any(form in data for form in forms for data in everything)


# `evaluate`

TASKS = "0 0.6 rest\n0.6 2.3 happiness\n"
FRAMES = 69  # of the film, that the tasks last
SAID = {  # all that a summary may hold: words of the program's own, and numbers of whole tasks
    "": {"version", "program", "engine", "detector", "source", "planned_s", "stopped", "tasks"},
    "task": {"task", "expected", "begin_s", "planned_s", "seconds", "share", "shares", "found_s"},
}
SAID[""] |= {"totals"}
SAID["task"] |= {"changes_a_minute", "confidence", "expected_probability"}


@dataclass
class Evaluated:
    """What one run of `evaluate` left behind."""

    said: str
    audit: list[str]
    written: dict[Path, bytes]
    bytes_written: int

    @property
    def summary(self) -> dict[str, Any]:
        return json.loads(self.said)


@pytest.fixture(scope="module")
def evaluated(tmp_path_factory: pytest.TempPathFactory) -> Evaluated:
    film = SHARED_DATA / "clips/single_face.mp4"
    if not film.is_file():
        pytest.skip(f"no clip at {film}")
    if not Path("/proc/self/io").is_file():
        pytest.skip("this system does not count a process's writes")
    home, given = tmp_path_factory.mktemp("evaluated-home"), tmp_path_factory.mktemp("given")
    plan = given / "plan.txt"
    plan.write_text(TASKS)
    args = ["evaluate", "--source", str(film), "--plan", str(plan), "--json"]
    args += ["--out", str(home / "summary.json")]
    said, audit, count = _watched(args, film, home, given / "calls")
    written = {file: file.read_bytes() for file in home.rglob("*") if file.is_file()}
    return Evaluated(said, audit, written, count)


def test_evaluate_reads_a_face_and_tells_nobody(evaluated: Evaluated) -> None:
    rest, happiness = evaluated.summary["tasks"]
    assert rest["share"] > 0.9 and happiness["found_s"] is not None
    assert [line for line in evaluated.audit if line.startswith("connect")] == []


def test_evaluate_writes_its_summary_and_no_picture(evaluated: Evaluated) -> None:
    known = ("summary.json", "secret.lock", "resonance-tui.log", "fontlist", "speed.json")
    for file, data in evaluated.written.items():
        assert file.name.startswith(known), f"unexpected file {file}"
        assert file.name.startswith("fontlist") or len(data) < 48 * 48  # less than one crop
    # One grey crop of each frame alone would be more than that.
    pictures = FRAMES * 48 * 48
    logs = sum(map(len, evaluated.written.values()))
    assert evaluated.bytes_written - logs < pictures


def test_the_summary_holds_figures_of_whole_tasks_and_nothing_that_identifies(
    evaluated: Evaluated,
) -> None:
    summary = evaluated.summary
    assert json.loads(
        next(d for f, d in evaluated.written.items() if f.name == "summary.json")
    ) == (summary)
    assert set(summary) == SAID[""]
    words = {each.word for each in Emotion} | {"rest", "static", "fast", "film", __version__}
    for task in summary["tasks"]:
        assert set(task) == SAID["task"]
        assert set(task["shares"]) == {each.word for each in Emotion}
    for value in _leaves(summary):
        assert isinstance(value, bool | int | float | None) or value in words, value
        assert not isinstance(value, float) or value == round(value, 3)
    assert len(list(_leaves(summary))) < 60  # an embedding would be more


def _leaves(value: object) -> Iterator[object]:
    """Every word and number in a JSON value, keys left out."""
    if is_object(value):
        value = list(value.values())
    if is_array(value):
        for each in value:
            yield from _leaves(each)
    else:
        yield value
