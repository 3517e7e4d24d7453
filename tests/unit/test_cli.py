"""The command line: exit codes, and one clear line for everything that cannot be meant."""

from __future__ import annotations

import logging
import subprocess
import sys
import weakref
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from children import run_child

from resonance_tui import __version__
from resonance_tui.cli import cli, run_verb
from resonance_tui.commands import join as joining
from resonance_tui.config import directories


def all_verbs(group: click.Group, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """`("models", "list")` and so on; groups themselves, too."""
    for name, command in group.commands.items():
        if command.name != "show" or group.name != "history":  # `history` stands for it
            yield (*path, name)
        if isinstance(command, click.Group):
            yield from all_verbs(command, (*path, name))


def complaint(capsys: pytest.CaptureFixture[str], args: list[str], code: int = 2) -> str:
    """stderr of a command line that must fail with `code`; nothing is on stdout."""
    assert run_verb(cli, args) == code
    out, err = capsys.readouterr()
    assert out == ""
    assert "Traceback" not in err
    return err


@pytest.mark.parametrize("verb", all_verbs(cli), ids=" ".join)
def test_every_verb_teaches_with_an_example(
    verb: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_verb(cli, [*verb, "--help"]) == 0
    _, found, examples = capsys.readouterr().out.partition("Example")
    assert found
    assert f"resonance-tui {' '.join(verb)}" in examples


@pytest.mark.parametrize("args", [[], ["--verbose"]], ids=str)
def test_alone_in_a_terminal_it_opens_the_start_screen(
    args: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for stream in (sys.stdin, sys.stdout):
        monkeypatch.setattr(stream, "isatty", lambda: True)
    opened: list[object] = []
    monkeypatch.setattr(joining, "run", lambda config, channel, **_: opened.append(channel) or 0)
    assert run_verb(cli, args) == 0
    assert opened == [None]


def test_alone_in_a_terminal_it_still_tells_version_and_help(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for stream in (sys.stdin, sys.stdout):
        monkeypatch.setattr(stream, "isatty", lambda: True)
    assert run_verb(cli, ["--version"]) == 0
    assert run_verb(cli, ["--help"]) == 0
    assert "choose a room" in capsys.readouterr().out


def test_alone_without_a_terminal_it_says_what_there_is(capsys: pytest.CaptureFixture[str]) -> None:
    run_verb(cli, [])
    said = capsys.readouterr()
    assert "choose a room" in said.out + said.err


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_verb(cli, ["--version"]) == 0
    assert __version__ in capsys.readouterr().out


@pytest.mark.parametrize(
    ("args", "expected"),
    [
        (["join", "Hello World!", "--headless"], "hello-world"),
        (["join", "x" * 65, "--headless"], "64"),
        (["join", "cats", "--name", "a\x1b[31mb", "--headless"], "ickname"),
        (["join", "cats", "--camera", "missing.mp4", "--headless"], "missing.mp4"),
        (["join", "cats", "--camera", "gopher://x", "--headless"], "gopher"),
        (["join", "cats", "--camera", "demo", "--broker", "ftp://x", "--headless"], "mqtt://"),
        (["join", "cats", "--camera", "demo", "--broker", "mqtt://:x", "--headless"], "mqtt://"),
        (["join", "cats", "--camera", "demo", "--engine", "magic", "--headless"], "static"),
        (["join", "--camera", "demo", "--headless"], "channel"),
        (["join", "cats", "--duration", "-1"], "duration"),
        (["jion", "cats"], "jion"),
        (["log", "no spaces please"], "no-spaces-please"),
        (["audience", "cats", "--viewers", "0"], "viewers"),
        (["broker", "--port", "99999"], "port"),
        (["--config", "none.toml", "config", "show"], "none.toml"),
    ],
)
def test_bad_input_is_named_and_exits_with_2(
    args: list[str], expected: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert expected in complaint(capsys, args)


def test_a_file_that_is_no_video(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "notes.mp4"
    file.write_text("dear diary")
    assert "notes.mp4" in complaint(capsys, ["join", "cats", "--camera", str(file), "--headless"])


def test_a_camera_needs_consent_where_nobody_can_be_asked(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert "consent --give" in complaint(capsys, ["join", "cats", "--headless"])


def test_consent_to_ones_own_face_is_none_to_those_of_others(
    capsys: pytest.CaptureFixture[str],
) -> None:
    join = ["join", "cats", "--headless", "--people", "all"]
    assert run_verb(cli, ["config", "consent", "--give"]) == 0
    assert "everybody" not in capsys.readouterr().out
    assert "consent --give --people all" in complaint(capsys, join)
    assert run_verb(cli, ["config", "consent", "--give", "--people", "all"]) == 0
    assert "for everybody in view" in capsys.readouterr().out
    assert run_verb(cli, ["config", "consent", "--revoke"]) == 0
    assert "No consent" in capsys.readouterr().out
    assert "consent --give --people all" in complaint(capsys, join)


def test_people_are_one_or_all(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    join = ["join", "cats", "--camera", "demo", "--headless"]
    assert "one, all" in complaint(capsys, [*join, "--people", "three"])
    monkeypatch.setenv("RESONANCE_CAMERA_PEOPLE", "three")
    assert "camera.people: one, all" in complaint(capsys, join)


def test_a_screen_needs_a_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    assert "--headless" in complaint(capsys, ["join", "cats", "--camera", "demo"])


def test_corrupt_settings_name_file_key_and_nearest_key(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "c.toml"
    file.write_text("[camera]\nsorce = '1'\n")
    err = complaint(capsys, ["--config", str(file), "config", "show"])
    assert str(file) in err and "camera.sorce" in err and "camera.source" in err


def test_nobody_answers_at_a_broker_that_the_audience_needs(
    capsys: pytest.CaptureFixture[str],
) -> None:
    args = ["audience", "cats", "--broker", "mqtt://127.0.0.1:1", "--duration", "1"]
    assert run_verb(cli, args) == 1
    assert "127.0.0.1:1" in capsys.readouterr().err


def test_consent_can_be_given_and_taken_back(capsys: pytest.CaptureFixture[str]) -> None:
    for args, expected in (
        (["--give"], "given"),
        ([], "given"),
        (["--revoke"], "No consent"),
        ([], "No consent"),
    ):
        assert run_verb(cli, ["config", "consent", *args]) == 0
        assert expected in capsys.readouterr().out


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_scripts(shell: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_verb(cli, ["completion", shell]) == 0
    assert "_RESONANCE_TUI_COMPLETE" in capsys.readouterr().out


def test_a_reader_that_has_seen_enough_is_no_error() -> None:
    code = "from resonance_tui.cli import main; main()"
    pipe = f"{sys.executable} -c '{code}' completion bash | head -c 1"
    done = run_child(["bash", "-c", pipe], capture_output=True, text=True, timeout=30)
    assert done.stderr == ""


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no device that is always full")
@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_a_full_disk_behind_the_output_is_said(
    unbuffered: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONUNBUFFERED", unbuffered)
    code = "from resonance_tui.cli import main; main()"
    with open("/dev/full", "w") as full:
        done = run_child(
            [sys.executable, "-c", code, "completion", "bash"],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            timeout=30,
        )
    assert done.returncode == 1
    assert done.stderr.startswith("error: ") and "the disk is full" in done.stderr
    assert "Exception" not in done.stderr


@pytest.mark.parametrize("closed", ["<&-", ">&-", "<&- >&- 2>&-"])
def test_streams_that_were_closed_are_no_error(closed: str) -> None:
    code = "from resonance_tui.cli import main; main()"
    line = f"{sys.executable} -c '{code}' config show {closed}"
    done = run_child(["bash", "-c", line], capture_output=True, text=True, timeout=30)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize(
    ("configured", "invite", "user"),
    [
        ("mqtts://mine.example", "resonance://mine.example:8883/cats?tls=1", "me"),
        ("mqtts://mine.example", "resonance://mine.example:8883/cats", None),
        ("mqtts://mine.example", "resonance://evil.example/cats", None),
        ("mqtts://mine.example", f"resonance://mine.example:8883/cats?tls=1&pin={'e' * 64}", None),
        (None, "resonance://evil.example/cats", None),
    ],
)
def test_an_invite_gets_only_the_login_made_for_its_broker(
    configured: str | None, invite: str, user: str | None
) -> None:
    from resonance_tui.commands.room_argument import find_destination
    from resonance_tui.commands.session_builder import broker_url
    from resonance_tui.config import load

    login = {"broker.url": configured, "broker.user": "me", "broker.password": "s3cret"}
    there = find_destination(load(login, environ={}), invite)
    config, channel = there.config, there.channel
    url = broker_url(config)
    assert channel == "cats" and url is not None
    assert url.username == user and url.password == (user and "s3cret")


def test_doctor_opens_no_camera_without_consent(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def never(*_: object, **__: object) -> None:
        raise AssertionError("the camera was opened")

    monkeypatch.setattr("resonance_tui.pipeline.camera.FrameSource.start", never)
    run_verb(cli, ["doctor"])
    assert "nobody has agreed" in capsys.readouterr().out


@pytest.mark.parametrize("group", ["face-model", "models", "broker users"])
def test_a_group_alone_shows_its_verbs_and_calls_them_no_error(
    group: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_verb(cli, group.split()) == 2
    said = capsys.readouterr().err
    assert said.startswith("Usage:") and "Commands:" in said and "Error" not in said


@pytest.mark.parametrize("words", [{}, {"COMP_WORDS": "resonance-tui jo", "COMP_CWORD": "x"}])
def test_a_shell_that_does_not_say_what_to_complete_is_told_so_in_one_line(
    words: dict[str, str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {"_RESONANCE_TUI_COMPLETE": "bash_complete", **words}.items():
        monkeypatch.setenv(name, value)
    assert "What is to be completed is missing" in complaint(capsys, [])


def test_a_crash_before_the_log_is_open_is_in_the_log_and_not_on_the_screen(
    empty_home: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logging.getLogger(), "handlers", [])

    def crash(**_: object) -> None:
        raise ZeroDivisionError("boom")

    assert run_verb(crash, []) == 1
    logging.shutdown(list(map(weakref.ref, logging.getLogger().handlers)))
    assert capsys.readouterr().err.count("\n") == 2
    assert "Traceback" in directories().log_file.read_text()


@pytest.mark.parametrize("name", ["", "none/sent.pcap", "file/sent.pcap"])
def test_a_pcap_that_cannot_be_written_is_said_before_anything_is_sent(
    name: str, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("")
    where = str(tmp_path / name)
    args = ["join", "cats", "--headless", "--camera", "none", "--pcap", where]
    err = complaint(capsys, [*args, "--broker", "mqtt://127.0.0.1:9"])
    assert "127.0.0.1" not in err and "pcap" in err
