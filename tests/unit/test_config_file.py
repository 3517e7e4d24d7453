"""`config set` and `config unset`: the file keeps what a person wrote; `config show` is one."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resonance_tui import config
from resonance_tui.cli import cli, run_verb
from resonance_tui.commands.config import toml_lines
from resonance_tui.commands.config_file import set_value, unset_value
from resonance_tui.errors import ConfigError, InputError

BY_HAND = """# mine
[viewer]
nickname = "Mia"  # as on the stream

# the good camera
[camera]
fps = 12
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    made = tmp_path / "config.toml"
    made.write_text(BY_HAND)
    return made


def test_a_value_is_set_and_every_comment_stays(file: Path) -> None:
    set_value(file, "viewer.nickname", "Bob")
    set_value(file, "broker.url", "mqtts://stream.example")
    set_value(file, "screen.bell", "true")
    text = file.read_text()
    assert BY_HAND.replace("Mia", "Bob") in text
    settings = config.load(file=file, environ={}).settings
    assert settings.viewer.nickname == "Bob" and settings.camera.fps == 12
    assert settings.broker.url == "mqtts://stream.example" and settings.screen.bell is True


def test_a_file_that_is_not_there_is_made_with_its_folder(tmp_path: Path) -> None:
    file = tmp_path / "new" / "config.toml"
    set_value(file, "camera.fps", "15")
    assert config.load(file=file, environ={}).settings.camera.fps == 15.0


def test_unset_takes_out_a_setting_and_what_no_version_knows(file: Path) -> None:
    file.write_text("bogus = 1\n[viewer]\nnickname = 'Mia'\nnikname = 'Bob'  # oops\n")
    assert unset_value(file, "viewer.nikname") and unset_value(file, "bogus")
    assert not unset_value(file, "viewer.nikname") and not unset_value(file, "camera.fps")
    assert config.load(file=file, environ={}).settings.viewer.nickname == "Mia"
    assert unset_value(file, "viewer.nickname")
    assert config.load(file=file, environ={}).settings.viewer.nickname == ""


@pytest.mark.parametrize(
    ("key", "value", "named"),
    [
        ("viewer.nikname", "Bob", "there is no setting"),
        ("camera.fps", "fast", "must be a number"),
        ("camera.fps", "99", "between 1"),
        ("viewer.nickname", "x" * 100, "nickname"),
        ("camera.source", "no-such-film.mp4", "There is no file"),
        ("camera.detector", "psychic", "no face detector"),
        ("camera.people", "some", "some"),
        ("engine.name", "psychic", "psychic"),
        ("engine.device", "psychic", "no device"),
        ("engine.precision", "psychic", "no precision"),
        ("broker.url", "ftp://x", "mqtt://"),
    ],
)
def test_what_no_command_could_use_is_refused_and_nothing_is_written(
    file: Path, key: str, value: str, named: str
) -> None:
    with pytest.raises(InputError, match=named):
        set_value(file, key, value)
    assert file.read_text() == BY_HAND


@pytest.mark.parametrize(
    ("key", "value", "place"),
    [
        ("broker.password", "hunter2", "RESONANCE_BROKER_PASSWORD"),
        ("broker.url", "mqtt://mia:hunter2@host", "RESONANCE_BROKER_PASSWORD"),
        ("serve.token", "hunter2", "RESONANCE_SERVE_TOKEN"),
        ("camera.source", "rtsp://mia:hunter2@cam/1", "RESONANCE_CAMERA_SOURCE"),
        ("camera.source", "rtmp://live/app/hunter2", "RESONANCE_CAMERA_SOURCE"),
        ("sheets.credentials", '{"private_key": "hunter2"}', "RESONANCE_SHEETS_CREDENTIALS"),
    ],
)
def test_a_secret_is_refused_with_where_to_keep_it_and_never_repeated(
    file: Path, key: str, value: str, place: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        set_value(file, key, value)
    assert place in caught.value.hint
    assert "hunter2" not in caught.value.message + caught.value.hint
    assert file.read_text() == BY_HAND


def test_a_fingerprint_is_no_secret(file: Path) -> None:
    url = f"mqtts://stream.example?pin={'ab' * 32}"
    set_value(file, "broker.url", url)
    rows = config.settings_table(config.load(file=file, environ={}))
    assert next(row for row in rows if row.key == "broker.url").value == url


@pytest.mark.parametrize("text", ["[camera\n", "a = \n", "viewer = 3\n", f"a={'[' * 9999}"])
def test_a_damaged_file_is_named_and_left_as_it_is(file: Path, text: str) -> None:
    file.write_text(text)
    with pytest.raises(ConfigError, match=str(file)):
        set_value(file, "viewer.nickname", "Bob")
    assert file.read_text() == text


def test_a_file_of_a_windows_editor_is_read_and_keeps_its_comments(file: Path) -> None:
    file.write_bytes(b'\xef\xbb\xbf# mine\r\n[viewer]\r\nnickname = "Mia" # me\r\n')
    assert config.load(file=file, environ={}).settings.viewer.nickname == "Mia"
    set_value(file, "viewer.nickname", "Bob")
    assert b'# mine\r\n[viewer]\r\nnickname = "Bob" # me\r\n' in file.read_bytes()


def test_settings_without_end_are_named(file: Path) -> None:
    file.write_text("a=" + "[" * 9999)
    with pytest.raises(ConfigError, match=str(file)):
        config.load(file=file, environ={})


@pytest.mark.parametrize("key", ["viewer", "viewer.", "broker"])
def test_a_whole_section_is_not_taken_out(file: Path, key: str) -> None:
    before = file.read_text()
    with pytest.raises(ConfigError, match="section"):
        unset_value(file, key)
    assert file.read_text() == before


@pytest.mark.skipif(os.name == "nt", reason="POSIX permissions")
def test_a_link_stays_a_link_and_a_private_file_private(file: Path, tmp_path: Path) -> None:
    file.chmod(0o600)
    link = tmp_path / "link.toml"
    link.symlink_to(file)
    set_value(link, "viewer.nickname", "Bob")
    assert link.is_symlink() and 'nickname = "Bob"' in file.read_text()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


@given(st.dictionaries(st.sampled_from(["viewer.nickname", "broker.user"]), st.text(max_size=40)))
def test_what_show_prints_is_a_settings_file_of_the_same_meaning(
    tmp_path_factory: pytest.TempPathFactory, given_values: dict[str, str]
) -> None:
    before = config.load({**given_values, "camera.fps": 12.5, "screen.bell": True}, environ={})
    rows = config.settings_table(before)
    file = tmp_path_factory.mktemp("shown") / "config.toml"
    file.write_text("\n".join(toml_lines(rows)), encoding="utf-8")
    again = config.load(file=file, environ={})
    masked = {row.key for row in rows if row.is_masked}
    assert {
        row.key: row.value for row in config.settings_table(again) if row.key not in masked
    } == {row.key: row.value for row in rows if row.key not in masked}
    defaults = {key for key, origin in before.origins.items() if origin == "default"}
    assert defaults <= {key for key, origin in again.origins.items() if origin == "default"}


def test_set_show_and_unset_as_they_are_typed(
    file: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RESONANCE_VIEWER_NICKNAME", "Eve")
    flag = ["--config", str(file), "config"]
    assert run_verb(cli, [*flag, "set", "viewer.nickname", "Bob"]) == 0
    said = capsys.readouterr()
    assert f"viewer.nickname is set in {file}." in said.out
    assert "RESONANCE_VIEWER_NICKNAME is set, too" in said.err
    monkeypatch.delenv("RESONANCE_VIEWER_NICKNAME")
    assert run_verb(cli, [*flag, "show"]) == 0
    assert f'nickname = "Bob"  # from {file}' in capsys.readouterr().out
    assert run_verb(cli, [*flag, "unset", "viewer.nickname"]) == 0
    assert run_verb(cli, [*flag, "set", "viewer.nikname", "Bob"]) == 2
    assert "viewer.nickname" in capsys.readouterr().err


def test_a_variable_that_nothing_reads_is_named_once_with_the_nearest(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RESONANCE_BROKR_URL", "mqtt://mia:hunter2@host")
    monkeypatch.setenv("RESONANCE_ZZZ", "1")
    for known in config.OTHER_VARIABLES[2:]:
        monkeypatch.setenv(known, "x")
    assert run_verb(cli, ["config", "show"]) == 0
    said = capsys.readouterr().err
    assert said.splitlines() == [
        "note: nothing reads the variable RESONANCE_BROKR_URL; is it RESONANCE_BROKER_URL?",
        "note: nothing reads the variable RESONANCE_ZZZ.",
    ]
