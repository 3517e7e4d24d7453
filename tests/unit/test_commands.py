"""The table of commands, and help that comes from the catalogue."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from gettext import NullTranslations

import pytest
from click.shell_completion import ShellComplete

from resonance_tui import texts
from resonance_tui.charting.views import VIEWS
from resonance_tui.cli import cli, run_verb
from resonance_tui.commands import COMMANDS, CommandRow
from resonance_tui.commands.groups import load_command
from resonance_tui.config import load
from resonance_tui.history.samples import Sample
from resonance_tui.history.store import Store
from resonance_tui.profile import Profile
from resonance_tui.texts import tr, tr_n


@pytest.mark.parametrize("row", COMMANDS, ids=lambda row: row.path)
def test_a_row_names_a_command_and_says_how_its_help_begins(row: CommandRow) -> None:
    command = load_command(row)
    assert command.name == row.name
    sentences = " ".join(inspect.cleandoc(command.help or "").split())
    assert sentences.startswith(row.summary)


def test_every_group_of_the_table_has_a_row_of_its_own() -> None:
    paths = {row.path for row in COMMANDS}
    assert len(paths) == len(COMMANDS)
    assert {row.group for row in COMMANDS} - {""} <= paths


class Shouting(NullTranslations):
    """Every message in capitals, its fields left as they are."""

    def gettext(self, message: str) -> str:
        parts = message.split("{")
        fields = [part.partition("}") for part in parts[1:]]
        return parts[0].upper() + "".join(f"{{{name}}}{rest.upper()}" for name, _, rest in fields)

    def ngettext(self, msgid1: str, msgid2: str, n: int) -> str:
        return self.gettext(msgid1 if n == 1 else msgid2)


@pytest.fixture
def shouting() -> Iterator[None]:
    before = texts.use(Shouting())
    yield
    texts.use(before)


@pytest.mark.usefixtures("shouting")
def test_a_sentence_is_translated_and_then_filled_in() -> None:
    assert tr("retry in {seconds} s", seconds=3) == "RETRY IN 3 S"
    assert tr_n("{count} viewer", "{count} viewers", 1) == "1 VIEWER"
    assert tr_n("{count} viewer", "{count} viewers", 2) == "2 VIEWERS"


def test_a_field_that_holds_braces_is_shown_as_it_is() -> None:
    assert tr("No camera: {detail}", detail="{0} {seconds}") == "No camera: {0} {seconds}"
    assert tr("{not a field}") == "{not a field}"


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("join", ("JOIN CHANNEL (OR A LINK)", "NICKNAME SHOWN TO THE ROOM")),
        ("broker", ("RUN THE BROKER THAT A CHANNEL MEETS AT", "PRINT A LINK", "NO STATUS LINE.")),
        ("doctor", ("TRY EVERYTHING THE APP NEEDS", "THE ENGINE TO TIME")),
        ("history", ("SHOW HOW A CHANNEL FELT", "DELETE WHAT WAS RECORDED", "ISO TIME, HH:MM")),
    ],
)
@pytest.mark.usefixtures("shouting")
def test_help_comes_from_the_catalogue(
    path: str, said: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_verb(cli, [path, "--help"]) == 0
    shown = capsys.readouterr().out
    for text in said:
        assert text in shown


@pytest.mark.usefixtures("shouting")
def test_options_keep_their_names_in_every_language(capsys: pytest.CaptureFixture[str]) -> None:
    run_verb(cli, ["join", "--help"])
    assert "--duration S" in capsys.readouterr().out
    assert run_verb(cli, ["join", "--duration", "x"]) == 2


def test_the_help_of_history_names_every_view_though_it_does_not_load_them(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert run_verb(cli, ["history", "--help"]) == 0
    line = next(row for row in capsys.readouterr().out.splitlines() if "--view" in row)
    assert all(name in line for name in VIEWS)


def test_a_mistyped_command_is_answered_with_the_nearest(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert run_verb(cli, ["models", "inf"]) == 2
    assert "info" in capsys.readouterr().err


NETWORKS = {"mae_dfer_mmnet_add", "mae_dfer_mmnet_add_pc", "mae_dfer_mmnet_concat"}


@pytest.mark.parametrize(
    ("typed", "begun", "offered"),
    [
        ([], "jo", {"join"}),
        (["broker", "users"], "", {"add", "remove", "list"}),
        (["history"], "f", {"forget"}),
        (["history"], "--mo", {"--moments"}),
        (["models", "list"], "--j", {"--json"}),
        (["models", "info"], "mae_dfer_mm", NETWORKS),
        (["models", "import", "x.pth", "--as"], "mae_dfer_mm", NETWORKS),
        (["join", "cats", "--engine"], "mae_dfer_mm", NETWORKS),
        (["join", "cats", "--engine"], "au", {"auto"}),
        (["history", "cats", "--format"], "s", {"shotcut", "srt", "svg"}),
    ],
)
def test_completion_offers_commands_and_options(
    typed: list[str], begun: str, offered: set[str]
) -> None:
    completer = ShellComplete(cli, {}, "resonance-tui", "_RESONANCE_TUI_COMPLETE")
    assert {item.value for item in completer.get_completions(typed, begun)} == offered


@pytest.mark.parametrize("verb", ["join", "log", "history", "history forget", "room list"])
def test_completion_offers_the_channels_that_are_known_here(verb: str) -> None:
    loaded = load()
    Profile(loaded.directories.profile_file).remember_channel("zebras")
    with Store(loaded.database) as store:
        store.append([Sample("zoo", 1_790_000_000, 1, (1,) + (0,) * 6, 0, 0, "local")])
    completer = ShellComplete(cli, {}, "resonance-tui", "_RESONANCE_TUI_COMPLETE")
    found = completer.get_completions(verb.split(), "z")
    assert {item.value for item in found} == {"zebras", "zoo"}


def test_completion_says_nothing_of_a_file_that_is_damaged() -> None:
    database = load().database
    database.parent.mkdir(parents=True, exist_ok=True)
    database.write_bytes(b"no database" * 100)
    completer = ShellComplete(cli, {}, "resonance-tui", "_RESONANCE_TUI_COMPLETE")
    assert completer.get_completions(["join"], "z") == []
