"""Output that a stream's encoding cannot hold: replaced, never the end."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from children import run_child
from unit.test_cli import all_verbs

from resonance_tui.cli import cli, run_verb
from resonance_tui.cli.streams import open_streams
from resonance_tui.emotions import STYLES
from resonance_tui.history import runs
from resonance_tui.history.samples import Sample
from resonance_tui.history.store import Store

ENCODINGS = ("cp1252", "latin-1", "ascii", "cp437")
TITLE = "Übung 漢字 🙂"


@pytest.fixture
def say(monkeypatch: pytest.MonkeyPatch) -> Callable[..., tuple[int, bytes, bytes]]:
    """Runs a command line on streams of an encoding: exit code, what came out, and what of
    complaints."""

    def run(encoding: str, *args: str) -> tuple[int, bytes, bytes]:
        out, err = io.BytesIO(), io.BytesIO()
        monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(out, encoding))
        monkeypatch.setattr(sys, "stderr", io.TextIOWrapper(err, encoding, "backslashreplace"))
        open_streams()
        code = run_verb(cli, list(args))
        sys.stdout.flush()
        sys.stderr.flush()
        return code, out.getvalue(), err.getvalue()

    return run


@pytest.fixture
def recorded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    database = tmp_path / "history.sqlite"
    monkeypatch.setenv("RESONANCE_HISTORY_DATABASE", str(database))
    with Store(database) as store:
        begin = 1_790_000_000
        number = runs.begin(store, "cats", "local", begin, title=TITLE)
        store.append(
            [Sample("cats", begin + s, 1, (1,) + (0,) * 6, 0, 0, "local") for s in range(60)]
        )
        runs.end(store, number, begin + 59)


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize("verb", all_verbs(cli), ids=" ".join)
def test_every_verb_explains_itself_in_every_encoding(verb, encoding, say) -> None:
    code, out, _ = say(encoding, *verb, "--help")
    assert code == 0
    assert b"Example" in out


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize(
    "args",
    [
        ("history", "cats", "--sessions"),
        ("history", "cats", "--moments"),
        ("history", "channels"),
        ("config", "show"),
        ("config", "path"),
        ("config", "consent"),
        ("models", "list"),
        ("models", "show", "static_cnn"),
        ("join", "漢字 ☺", "--headless"),
        ("join", "cats", "--camera", "漢字☺.mp4", "--headless"),
        ("history", "漢字"),
        ("✓",),
    ],
    ids=" ".join,
)
def test_what_a_verb_says_has_as_many_lines_in_every_encoding(args, encoding, say, recorded):
    usual, here = say("utf-8", *args), say(encoding, *args)
    assert here[0] == usual[0]
    for wanted, found in zip(usual[1:], here[1:], strict=True):
        assert found.count(b"\n") == wanted.count(b"\n")
    assert b"should not have happened" not in here[2]


def test_what_cannot_be_held_becomes_a_plain_sign(say, recorded) -> None:
    _, out, _ = say("cp1252", "history", "cats", "--sessions")
    assert "Übung ?? ?" in out.decode("cp1252")


def test_our_own_signs_have_a_plain_form_of_one_cell() -> None:
    glyphs = {look.glyph for look in STYLES.values()} | {"✓", "✗"}
    plain = {glyph: glyph.encode("ascii", "resonance-plain") for glyph in glyphs}
    assert len(set(plain.values())) == len(glyphs)
    assert [glyph for glyph, sign in plain.items() if sign == b"?"] in ([], ["?"])
    assert all(len(sign) == 1 for sign in plain.values())


@pytest.mark.parametrize("form", ["csv", "json", "jsonl"])
@pytest.mark.parametrize("encoding", ENCODINGS)
def test_data_on_stdout_is_the_same_as_in_a_file(form, encoding, say, recorded, tmp_path) -> None:
    file = tmp_path / f"sessions.{form}"
    args = ("history", "cats", "--sessions", "--format", form)
    assert say(encoding, *args, "--out", str(file))[0] == 0
    code, out, _ = say(encoding, *args)
    assert (code, out) == (0, file.read_bytes())


@pytest.mark.parametrize("encoding", ["cp1252", "latin-1"])
def test_doctor_says_as_much_as_ever(encoding: str) -> None:
    here = {"RESONANCE_CAMERA_SOURCE": "none"}

    def doctor(encoding: str) -> subprocess.CompletedProcess[bytes]:
        return run_child(
            [sys.executable, "-m", "resonance_tui", "doctor"],
            capture_output=True,
            env=os.environ | here | {"PYTHONIOENCODING": encoding},
            timeout=50,
        )

    usual, found = doctor("utf-8"), doctor(encoding)
    assert found.returncode == usual.returncode
    assert found.stdout.count(b"\n") == usual.stdout.count(b"\n") > 5
    assert b"should not have happened" not in found.stderr
