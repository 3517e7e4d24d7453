"""A secret in whichever wrong shape, in whichever wrong place, is told to nobody."""

from __future__ import annotations

import contextlib
import io
import logging
import os
import re
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import fields
from pathlib import Path
from typing import NoReturn

import cv2
import numpy as np
import pytest
from command_lines import lines_beside
from hypothesis import HealthCheck, Phase, given, settings
from machine import Mosquitto
from secret_shapes import DRESSES, JSON, MARK, addresses, keys, tells
from textual.app import App

import resonance_broker
from resonance_broker import BrokerSettings
from resonance_tui import cli, config, logs
from resonance_tui.commands import COMMANDS, doctor
from resonance_tui.commands.join_context import CommandLineContext
from resonance_tui.commands.session_builder import check_intent
from resonance_tui.errors import InvalidBrokerUrl, ResonanceError, in_words
from resonance_tui.protocol.urls import parse_broker_url
from resonance_tui.secret import MASK, Secret, describe, shown_address
from resonance_tui.sinks import runner
from resonance_tui.sinks.base import SinkPlan
from resonance_tui.sinks.sheets import login as sheets_login

few = settings(  # shrinking would take minutes, and the shapes are short as they are
    max_examples=6,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
PICTURE = cv2.imencode(".png", np.zeros((48, 48, 3), np.uint8))[1].tobytes()
ANY = keys() | addresses()
NAMES = [
    f"RESONANCE_{section.name}_{item.name}".upper()
    for section in fields(config.Settings)
    for item in fields(getattr(config.Settings(), section.name))
]


@pytest.fixture(autouse=True)
def _what_takes_long(monkeypatch: pytest.MonkeyPatch, empty_home: Path) -> Iterator[None]:
    """Networks, the camera's wait and the keyring are others' tests."""
    for name in ("_faces", "_engine", "_opencv"):
        monkeypatch.setattr(doctor, name, lambda *_, name=name: doctor.Finding(name, "ok", ""))
    monkeypatch.setattr(doctor, "CAMERA_WAIT_S", 0.1)
    monkeypatch.setattr(sheets_login, "_from_keyring", lambda: None)
    monkeypatch.setattr(resonance_broker, "start_broker", _start_briefly)
    monkeypatch.chdir(empty_home)
    (empty_home / "photo.png").write_bytes(PICTURE)
    before = list(logging.getLogger().handlers)
    yield
    logging.getLogger().handlers[:] = before


def _start_briefly(broker_settings: BrokerSettings, **_: object) -> NoReturn:
    """What is wrong with the settings is said; where nothing is, Ctrl-C is pressed at once."""
    broker_settings.validate()
    raise KeyboardInterrupt


@contextlib.contextmanager
def heard() -> Iterator[Callable[[], str]]:
    """Everything that is said to descriptors 1 and 2, by Python and by others."""
    with tempfile.TemporaryFile() as file, contextlib.ExitStack() as stack:
        for number, redirect in (
            (1, contextlib.redirect_stdout),
            (2, contextlib.redirect_stderr),
        ):
            kept = os.dup(number)
            stack.callback(os.close, kept)
            stack.callback(os.dup2, kept, number)
            os.dup2(file.fileno(), number)
            how = {"buffering": 1, "encoding": "utf-8", "errors": "resonance-plain"}
            stream = open(os.dup(number), "w", **how)  # noqa: SIM115 - the stack's
            stack.enter_context(stream)
            stack.enter_context(redirect(stream))

        def all_of_it() -> str:
            sys.stdout.flush()
            sys.stderr.flush()
            return os.pread(file.fileno(), 1 << 24, 0).decode(errors="replace")

        yield all_of_it


def kept(home: Path, asked: Sequence[str] = ()) -> str:
    """What stands in the log, the databases and everything else that was written, and the names
    of all but the files that were `asked` for."""
    wanted = {home / word for word in asked if "\0" not in word}
    while True:
        files = [path for path in home.rglob("*") if path.is_file() and path.name != "config.toml"]
        names = " ".join(str(path) for path in files if path not in wanted)
        try:
            return names + "".join(path.read_bytes().decode(errors="replace") for path in files)
        except FileNotFoundError:  # a thread has just merged its write-ahead log; read anew
            continue


def told(home: Path, *args: str) -> str:
    """All that a command line says and keeps."""
    logging.getLogger().handlers.clear()
    with heard() as said:
        with contextlib.suppress(SystemExit):
            cli.run_verb(cli.cli, ["--verbose", *args])
        words = said()
    assert "should not have happened" not in words
    return words + kept(home, args)


DEEPER = [
    "join %", "join room --headless --camera % --duration 0.1",
    "join room --headless --camera none --broker % --duration 0.1",
    "join room --headless --camera none --name % --duration 0.1",
    "join room --headless --camera none --engine %",
    "join room --headless --camera none --device %",
    "join room --headless --camera none --title % --duration 0.1", "join room --duration %",
    "audience % --duration 0.1", "audience room --viewers 1 --duration 0.1 --broker %",
    "audience room --viewers % --duration 0.1",
    "aggregate % --duration 0.1", "aggregate room --edge % --duration 0.1",
    "aggregate room --duration 0.1 --broker %",
    "log % --duration 0.1", "log room --duration 0.1 --broker %",
    "log room --duration 0.1 --sheet %",
    "history %", "history room --from %", "history room --format %", "history room --recorder %",
    "history room --size % --out a.png", "history room --source %", "history room --session %",
    "history forget % --yes", "history forget --older-than % --yes", "history sync %",
    "sheets setup %", "sheets setup --sheet %", "sheets setup --share %",
    "sheets setup --credentials %", "sheets sync %", "sheets sync --writes %",
    "broker --host %", "broker --port %", "broker --channel %", "broker --expires %",
    "broker --public --users %", "broker --tls-cert % --tls-key %", "broker --program %",
    "broker invite %", "broker invite room --expires %", "broker users add %",
    "broker users add mia --role %", "broker users add mia --channel %", "broker users remove %",
    "doctor --camera %", "doctor --engine %", "doctor %", "config show %", "config consent %",
    "--config % config show", "completion %", "%", "models list %", "models info %",
    "models pull % --yes", "models import % --as former_dfer", "models score %",
    "models bench %", "doctor --%", "doctor --json=%",
    "doctor --broker %", "doctor --broker mqtt://127.0.0.1:1 --ca %",
    "doctor --broker mqtt://127.0.0.1:1 --cert %", "doctor --broker mqtt://127.0.0.1:1 --key %",
    "broker share %", "broker share room --for 3 --until %", "broker share room --for 3 --name %",
    "broker invites revoke %", "room list %", "room list room --for %", "room mute room %",
    "room kick room %", "room title room %", "room slow room %", "room close room %",
    "room log %", "room cohost add room %", "room cohost accept %", "room cohost revoke room %",
    "room key make %", "room key export room --out %", "room key import %", "room badge room %",
    "config set % x", "config set viewer.nickname %", "config set broker.url %",
    "config set camera.fps %", "config set screen.colors %", "config unset %",
    "join room --headless --camera none --duration 0.1 --every %",
    "join room --headless --camera none --people %", "history room --view %",
    "history room --to %", "history room --sessions --format csv --out %",
    "models score % --label %", "models score % --versus %",
    "models bench static_cnn --repeats 1 --threads %",
]  # fmt: skip
VERBS = [*DEEPER, *lines_beside(DEEPER)]


@pytest.mark.parametrize("verb", VERBS)
def test_no_verb_repeats_a_secret_that_it_was_given(verb: str, empty_home: Path) -> None:
    @few
    @given(ANY)
    def check_each(value: str) -> None:
        args = [word.replace("%", value) for word in verb.split()]
        assert not tells(told(empty_home, *args), value)

    check_each()


def test_every_argument_and_every_option_is_tried() -> None:
    assert lines_beside(VERBS) == []
    assert {line.split()[0] for line in VERBS} >= {row.path.split()[0] for row in COMMANDS} - {
        "face-model"  # takes nothing
    }


# What a shell, a script or a slip of the fingers makes of a word.
ODD = [
    "",
    "x" * 5000,
    "a\x00b",
    "a\udcffb",
    "-5",
    "9" * 400,
    "nan",
    "-inf",
    "½",
    "~nobody-of-this-name/x",
]


@pytest.mark.parametrize("verb", VERBS)
def test_no_verb_crashes_of_an_odd_word(verb: str, empty_home: Path) -> None:
    for value in ODD:
        told(empty_home, *[word.replace("%", value) for word in verb.split()])


WATCHERS = ["config show", "doctor --json", "sheets setup", "log room --duration 0.1"]


SERVED = [(f"RESONANCE_SERVE_{name}", "serve room --duration 0.1") for name in ("CSS", "HOST")]


@pytest.mark.parametrize(
    ("name", "verb"), [*((name, verb) for name in NAMES for verb in WATCHERS), *SERVED]
)
def test_no_setting_of_the_environment_is_repeated(
    name: str, verb: str, empty_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    @few
    @given(ANY.filter(lambda text: "\0" not in text))
    def check_each(value: str) -> None:
        with monkeypatch.context() as patched:
            patched.setenv(name, value)
            assert not tells(told(empty_home, *verb.split()), value)

    check_each()


@few
@given(ANY)
def test_no_folder_and_no_settings_file_may_be_a_secret(value: str) -> None:
    for environ in ({"RESONANCE_CONFIG": value}, {"RESONANCE_HISTORY_DATABASE": value}):
        with pytest.raises(ResonanceError) as caught:
            config.load(environ=environ)
        assert not tells(caught.value.message, value)


def in_toml(text: str) -> str:
    """A basic string of TOML that holds any text."""
    return '"' + "".join(f"\\U{ord(char):08x}" for char in text) + '"'


@pytest.mark.parametrize("name", [name.lower().split("_", 2)[1:] for name in NAMES])
def test_no_setting_of_a_file_is_repeated(name: list[str], empty_home: Path) -> None:
    section, key = name
    file = empty_home / "config.toml"

    @few
    @given(ANY)
    def check_each(value: str) -> None:
        for line in (f"{key} = {in_toml(value)}", f"{key} = {value}", f"{key} = [{in_toml(value)}]",
                     f"{in_toml(value)} = 1", f"{key}.{in_toml(value)} = 1"):  # fmt: skip
            file.write_text(f"[{section}]\n{line}\n", encoding="utf-8", errors="replace")
            for verb in ("config show", "doctor --json"):
                assert not tells(told(empty_home, "--config", str(file), *verb.split()), value)

    check_each()


def test_a_number_in_the_place_of_a_password_is_not_repeated(tmp_path: Path) -> None:
    file = tmp_path / "config.toml"
    file.write_text("[broker]\npassword = 8472918\n")
    with pytest.raises(ResonanceError, match="not a number") as caught:
        config.load(file=file, environ={})
    assert "8472918" not in in_words(caught.value)


# What a room says and shows


@pytest.mark.parametrize(
    "value",
    [f"'{JSON[:-9]}", f"KEY={JSON}", JSON.replace("type", "typ")],
    ids=["cut off", "with its name", "of another kind"],
)
async def test_no_notice_of_a_room_repeats_a_key(
    value: str, empty_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runner, "INTERVAL_S", 0.0)
    monkeypatch.setenv("RESONANCE_SHEETS_CREDENTIALS", value)
    notices: list[str] = []
    loaded = config.load()
    plan = SinkPlan("sheets", loaded, "book")
    await runner.SinkRunner(plan, "room", empty_home / "history.sqlite", notices.append).run()
    assert len(notices) == 1 and "RESONANCE_SHEETS_CREDENTIALS" in notices[0]
    assert not tells(notices[0] + kept(empty_home), value)


async def test_no_screen_shows_a_secret(
    empty_home: Path, monkeypatch: pytest.MonkeyPatch, mosquitto: Mosquitto
) -> None:
    from resonance_tui.tui.app import ResonanceApp
    from resonance_tui.tui.screens.live import LiveScreen

    monkeypatch.setenv("RESONANCE_BROKER_URL", mosquitto.url.replace("://", f"://mia:{MARK}@"))
    monkeypatch.setenv("RESONANCE_CAMERA_SOURCE", "none")
    monkeypatch.setenv("RESONANCE_SHEETS_CREDENTIALS", f"'{JSON[:-9]}'")
    monkeypatch.setenv("RESONANCE_SHEETS_URL", "https://docs.google.com/spreadsheets/d/" + "a" * 44)
    loaded = config.load()
    intent = check_intent(loaded)
    launch = CommandLineContext(loaded, intent, record=True)
    app = ResonanceApp(launch)
    async with app.run_test(size=(120, 80), notifications=True) as pilot:
        said = words_of(app)
        await pilot.press(*"room", "enter")
        while not isinstance(app.screen, LiveScreen) or "into the sheet" not in words_of(app):
            await pilot.pause(0.02)
        said += words_of(app)
        await pilot.resize_terminal(120, 80)
        await pilot.press("question_mark")
        while mosquitto.url.rpartition(":")[2] not in words_of(app):  # in the details of the help
            await pilot.pause(0.02)
        said += words_of(app)
    assert not tells(said + kept(empty_home), MARK)


def words_of(app: App[None]) -> str:
    """All that stands on the screen."""
    return re.sub(r"&#160;|<[^>]*>", " ", app.export_screenshot())


# What is behind the messages


def test_a_secret_tells_its_text_when_asked_and_never_else() -> None:
    secret = Secret(MARK)
    assert secret.reveal() == MARK and secret == MARK and secret == Secret(MARK) and secret
    assert not Secret() and str(Secret()) == ""
    for said in (str(secret), repr(secret), f"{secret}", f"{secret!r:>30}", "%s" % secret,  # noqa: UP031

                 describe(secret), repr({"password": secret})):  # fmt: skip
        assert MARK not in said


def test_settings_and_their_tracebacks_show_no_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    from rich.console import Console
    from rich.traceback import Traceback

    monkeypatch.setenv("RESONANCE_BROKER_URL", f"mqtt://mia:{MARK}@127.0.0.1:1")
    monkeypatch.setenv("RESONANCE_BROKER_PASSWORD", MARK)
    monkeypatch.setenv("RESONANCE_CAMERA_SOURCE", f"rtsp://mia:{MARK}@127.0.0.1:1/{MARK}")
    monkeypatch.setenv("RESONANCE_SHEETS_CREDENTIALS", JSON)
    monkeypatch.setattr(os, "environ", dict(os.environ))

    def fail() -> None:
        loaded = config.load(environ=os.environ)
        intent, login = check_intent(loaded), sheets_login.find(loaded)
        raise RuntimeError(str(loaded), intent, login)

    console = Console(file=io.StringIO(), width=200)
    try:
        fail()
    except RuntimeError as error:
        shown = Traceback.from_exception(
            type(error), error, error.__traceback__, show_locals=True, locals_max_string=None
        )
        console.print(shown)
        frames = [frame for frame in console.file.getvalue().splitlines() if "│" in frame]  # type: ignore[attr-defined]
    assert any("loaded = Config(" in frame for frame in frames)
    assert not tells("\n".join(frame for frame in frames if "monkeypatch" not in frame), JSON)


def test_the_log_masks_what_libraries_repeat(empty_home: Path, monkeypatch) -> None:
    url = f"rtsp://mia:p%40{MARK}@camera.example/live"
    monkeypatch.setenv("RESONANCE_CAMERA_SOURCE", url)
    monkeypatch.setenv("RESONANCE_SHEETS_CREDENTIALS", JSON)
    loaded = config.load()
    logs.start(loaded.directories.log_file, secrets=loaded.secrets)
    try:
        raise ValueError(f"cannot open {url} as mia with p@{MARK}")
    except ValueError:
        logging.getLogger("a.library").exception("tried %r with %s", url, JSON)
    text = loaded.directories.log_file.read_text()
    assert "a.library: tried" in text and MASK in text
    assert not tells(text, JSON)


def test_what_native_libraries_print_is_struck_out_of_the_log(tmp_path: Path) -> None:
    file = tmp_path / "a.log"
    file.write_text("before\n")
    with logs.native_output_to(file, [MARK, "no"]):
        os.write(2, f"Opening 'rtsp://mia:{MARK}@camera' for reading\nno more\n".encode())
        with file.open("a") as log:
            log.write("after\n")
    stars = "*" * len(MARK)
    opening = f"Opening 'rtsp://mia:{stars}@camera' for reading"
    assert file.read_text() == f"before\n{opening}\nno more\nafter\n"


@pytest.mark.parametrize("dress", DRESSES)
def test_a_key_is_the_same_key_in_every_dress(dress: str, empty_home: Path) -> None:
    plain = sheets_login.from_text(JSON, "test").key
    assert sheets_login.from_text(DRESSES[dress], "test").key == plain
    file = empty_home / "key.json"
    file.write_bytes(DRESSES[dress].encode())
    file.chmod(0o600)
    assert sheets_login.from_file(file).key == plain
    loaded = config.load(environ={"RESONANCE_SHEETS_CREDENTIALS": DRESSES[dress]})
    assert sheets_login.find(loaded).key == plain


def test_a_quoted_path_is_the_same_path(empty_home: Path) -> None:
    file = empty_home / "key.json"
    file.write_text(JSON, encoding="utf-16")  # as `>` writes it on Windows
    file.chmod(0o600)
    loaded = config.load(environ={"RESONANCE_SHEETS_CREDENTIALS": f'"{file}"'})
    assert sheets_login.find(loaded).account == "robot@project.example"


@pytest.mark.parametrize("sign", "#/?")
def test_a_password_that_ends_the_address_is_named_with_both_ways_out(sign: str) -> None:
    with pytest.raises(InvalidBrokerUrl, match="password") as caught:
        parse_broker_url(f"mqtts://mia:p{sign}{MARK}@host")
    assert "%23" in caught.value.hint and "RESONANCE_BROKER_PASSWORD" in caught.value.hint
    assert not tells(in_words(caught.value), MARK)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("mqtt://localhost:1883", "mqtt://localhost:1883"), ("host:1883", "host:1883"),
        ("mqtts://mia:x@h,mqtts://mia:x@i", f"mqtts://{MASK}@h,mqtts://{MASK}@i"),
        (f"mia:{MARK}", MASK), (f"mqtt://mia:1/{MARK}@h", MASK), (f"mqtt:/mia:{MARK}@h", MASK),
    ],
)  # fmt: skip
def test_an_address_is_shown_as_far_as_it_is_plain(text: str, shown: str) -> None:
    assert shown_address(text) == shown


@pytest.mark.parametrize(
    "text",
    ["cats-live", "20:15", "2026-11-20T20:15:00+01:00", "mqtt://host:1883", "C:\\film.mp4", "-2h",
     "mqtt://[::1]:1883", "/home/mia/a very long folder/of-some-project/film 2026-11-20.mp4",
     "https://docs.google.com/spreadsheets/d/1aB2cD3eF4gH5iJ6kL7mN8oP9qR0sT1uV2wX3yZ4aB5c"],
)  # fmt: skip
def test_what_cannot_hold_a_secret_is_quoted(text: str) -> None:
    assert describe(text, 200) == repr(text)
