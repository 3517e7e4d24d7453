"""Four layers of settings, and complaints that name file, key and the nearest valid key."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resonance_tui import config
from resonance_tui.errors import ConfigError
from resonance_tui.secret import MASK


@pytest.fixture
def settings_file(tmp_path: Path) -> Path:
    return tmp_path / "config.toml"


def load(file: Path, text: str, environ: dict[str, str] | None = None, **flags: object):
    file.write_text(text)
    named = {key.replace("__", "."): value for key, value in flags.items()}
    return config.load(named, file=file, environ=environ or {})


def test_defaults_hold_where_nothing_is_said(settings_file: Path) -> None:
    loaded = load(settings_file, "")
    assert loaded.settings == config.Settings()
    assert set(loaded.origins.values()) == {"default"}


def test_each_layer_overrules_the_one_below(settings_file: Path) -> None:
    text = '[viewer]\nnickname = "file"\n[camera]\nsource = "file"\nfps = 5\n'
    environ = {"RESONANCE_CAMERA_SOURCE": "env", "RESONANCE_CAMERA_FPS": "6"}
    loaded = load(settings_file, text, environ, camera__source="flag")
    assert loaded.settings.viewer.nickname == "file"
    assert loaded.settings.camera == config.CameraSection("flag", 6.0)
    assert loaded.origins["viewer.nickname"] == str(settings_file)
    assert loaded.origins["camera.fps"] == "RESONANCE_CAMERA_FPS"
    assert loaded.origins["camera.source"] == "flag"


def test_a_flag_not_given_changes_nothing(settings_file: Path) -> None:
    assert load(settings_file, "", camera__source=None).origins["camera.source"] == "default"


@pytest.mark.parametrize(
    ("text", "named", "hint"),
    [
        ("[camera]\nsorce = '0'\n", "camera.sorce", "camera.source"),
        ("[brokr]\nurl = 'x'\n", "brokr.url", "broker.url"),
        ("camera = 3\n", "camera", "camera."),
        ("[camera]\nfps = 'ten'\n", "camera.fps", ""),
        ("[camera]\nfps = 500\n", "camera.fps", ""),
        ("[camera]\nfps = true\n", "camera.fps", ""),
        ("[viewer]\nnickname = 7\n", "viewer.nickname", "quotes"),
        ("[screen]\nbell = 'true'\n", "screen.bell", "without quotes"),
        ("[screen]\nbell = 1\n", "screen.bell", ""),
        ("[screen]\nbel = true\n", "screen.bel", "screen.bell"),
    ],
)
def test_a_wrong_setting_is_named(settings_file: Path, text: str, named: str, hint: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load(settings_file, text)
    assert str(settings_file) in caught.value.message
    assert f"`{named}`" in caught.value.message
    assert hint in caught.value.hint


@pytest.mark.parametrize("text", ["[camera\n", "\x00", "a = \n"])
def test_a_damaged_file_is_named(settings_file: Path, text: str) -> None:
    with pytest.raises(ConfigError, match=str(settings_file)):
        load(settings_file, text)


@given(st.binary(max_size=200))
def test_no_file_content_does_worse_than_a_config_error(tmp_path_factory, content: bytes) -> None:
    file = tmp_path_factory.mktemp("any") / "config.toml"
    file.write_bytes(content)
    try:
        config.load({}, file=file, environ={})
    except ConfigError as error:
        assert str(file) in error.message


def test_a_file_that_was_asked_for_must_exist(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no settings file"):
        config.load({}, environ={"RESONANCE_CONFIG": str(tmp_path / "none.toml")})


@pytest.mark.parametrize("key", ["broker.password", "broker.key_password", "serve.token"])
def test_secrets_are_masked_when_shown(settings_file: Path, key: str) -> None:
    loaded = load(settings_file, "", {config.variable(key): "hunter2"})
    section, name = key.split(".")
    assert getattr(getattr(loaded.settings, section), name) == "hunter2"
    assert "hunter2" not in repr(config.settings_table(loaded))
    assert "hunter2" in loaded.secrets


@pytest.mark.parametrize(
    ("variable", "value", "shown"),
    [
        ("RESONANCE_BROKER_URL", "mqtt://me:hunter2@host:1883", "mqtt://********@host:1883"),
        ("RESONANCE_CAMERA_SOURCE", "rtsp://a:hunter2@cam/x", "rtsp://********@cam/..."),
        ("RESONANCE_CAMERA_SOURCE", "rtmp://live/app/hunter2", "rtmp://live/..."),
        ("RESONANCE_CAMERA_SOURCE", "film.mp4", "film.mp4"),
    ],
)
def test_secrets_inside_urls_are_masked_too(
    settings_file: Path, variable: str, value: str, shown: str
) -> None:
    rows = config.settings_table(load(settings_file, "", {variable: value}))
    assert shown in [row.value for row in rows]
    assert "hunter2" not in repr(rows)


def test_without_a_home_the_complaint_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RESONANCE_DATA_DIR", "~nobody-of-that-name/data")
    with pytest.raises(ConfigError, match="No home directory"):
        config.load({}, environ={})


@pytest.mark.parametrize(
    ("text", "holds"),
    [("true", True), ("Yes", True), (" on ", True), ("1", True), ("0", False), ("OFF", False)],
)
def test_a_switch_in_a_variable(settings_file: Path, text: str, holds: bool) -> None:
    loaded = load(settings_file, "[screen]\nbell = false\n", {"RESONANCE_SCREEN_BELL": text})
    assert loaded.settings.screen.bell is holds
    assert loaded.origins["screen.bell"] == "RESONANCE_SCREEN_BELL"


def test_a_switch_in_a_variable_that_is_neither_is_named(settings_file: Path) -> None:
    with pytest.raises(ConfigError, match=r"RESONANCE_SCREEN_BELL.*true or false") as caught:
        load(settings_file, "", {"RESONANCE_SCREEN_BELL": "loud"})
    assert "loud" not in caught.value.message


def test_a_switch_in_the_file_and_as_a_flag(settings_file: Path) -> None:
    text = "[screen]\nbell = true\nnotify = true\n"
    loaded = load(settings_file, text, screen__bell=False, screen__notify=None)
    assert loaded.settings.screen == config.ScreenSection(bell=False, notify=True)
    rows = {row.key: row.value for row in config.settings_table(loaded)}
    assert (rows["screen.bell"], rows["screen.notify"]) == (False, True)
    assert "true" not in loaded.secrets


@pytest.mark.parametrize("key", ["serve.token", "obs.password", "broker.password"])
def test_a_password_that_looks_like_a_word_is_masked(key: str) -> None:
    loaded = config.load({key: "plainword"})
    (row,) = (row for row in config.settings_table(loaded) if row.key == key)
    assert row.is_masked
    assert row.value == MASK
    assert "plainword" in loaded.secrets
