"""A secret in whichever wrong shape, in whichever wrong place, is told to nobody."""

from __future__ import annotations

import contextlib
import logging
import os
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import fields
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from secret_shapes import addresses, keys, tells

from resonance_tui import cli, config
from resonance_tui.commands import doctor
from resonance_tui.sinks.sheets import login as sheets_login

few = settings(  # shrinking would take minutes, and the shapes are short as they are
    max_examples=6,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
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
    monkeypatch.chdir(empty_home)
    before = list(logging.getLogger().handlers)
    yield
    logging.getLogger().handlers[:] = before


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
            stream = open(os.dup(number), "w", buffering=1)  # noqa: SIM115 - the stack's
            stack.enter_context(stream)
            stack.enter_context(redirect(stream))

        def all_of_it() -> str:
            sys.stdout.flush(), sys.stderr.flush()
            return os.pread(file.fileno(), 1 << 24, 0).decode(errors="replace")

        yield all_of_it


def kept(home: Path) -> str:
    """What stands in the log, the databases and everything else that was written."""
    files = [path for path in home.rglob("*") if path.is_file() and path.name != "config.toml"]
    names = " ".join(map(str, files))
    return names + "".join(path.read_bytes().decode(errors="replace") for path in files)


def told(home: Path, *args: str) -> str:
    """All that a command line says and keeps."""
    logging.getLogger().handlers.clear()
    with heard() as said:
        with contextlib.suppress(SystemExit):
            cli.run_verb(cli.cli, ["--verbose", *args])
        words = said()
    return words + kept(home)


VERBS = [
    "join %", "join room --headless --camera % --duration 0.1",
    "join room --headless --camera none --broker % --duration 0.1",
    "join room --headless --camera none --name % --duration 0.1",
    "join room --headless --camera none --engine %", "join room --headless --camera none --device %",
    "join room --headless --camera none --title % --duration 0.1", "join room --duration %",
    "audience %", "audience room --viewers 1 --duration 0.1 --broker %", "audience room --viewers %",
    "aggregate %", "aggregate room --edge %", "aggregate room --duration 0.1 --broker %",
    "log %", "log room --duration 0.1 --broker %", "log room --duration 0.1 --sheet %",
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
]  # fmt: skip


@pytest.mark.parametrize("verb", VERBS)
def test_no_verb_repeats_a_secret_that_it_was_given(verb: str, empty_home: Path) -> None:
    @few
    @given(ANY)
    def check_each(value: str) -> None:
        args = [word.replace("%", value) for word in verb.split()]
        assert not tells(told(empty_home, *args), value)

    check_each()


WATCHERS = ["config show", "doctor --json", "sheets setup", "log room --duration 0.1"]


@pytest.mark.parametrize("verb", WATCHERS)
@pytest.mark.parametrize("name", NAMES)
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
