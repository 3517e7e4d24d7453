"""`config`: what holds, where it comes from, how to change it, and the consent."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

import click

from resonance_tui.commands.console import put, put_lines, say
from resonance_tui.commands.groups import Command, Group, TableChoice
from resonance_tui.commands.settings import load
from resonance_tui.secret import shown
from resonance_tui.widths import printable

if TYPE_CHECKING:
    from resonance_tui.config import SettingRow


@click.group("config", cls=Group, path="config")
def config() -> None:
    """See and change the settings, where each comes from, and the consent you gave.

    \b
    Examples:
      resonance-tui config show
      resonance-tui config set viewer.nickname Mia
      resonance-tui config path
      resonance-tui config consent --revoke
    """


@click.command("show", cls=Command)
@click.pass_context
def show(ctx: click.Context) -> None:
    """Print every setting with its origin, as a settings file has it; secrets are masked.

    \b
    Examples:
      resonance-tui config show
      resonance-tui config show > config.toml
    """
    from resonance_tui.config import settings_table

    put_lines(toml_lines(settings_table(load(ctx))))


def toml_lines(rows: Iterable[SettingRow]) -> Iterator[str]:
    """A settings file of the same meaning. What is a default, or masked, is a comment."""
    from tomlkit import item

    section = ""
    for row in rows:
        before, (section, name) = section, row.key.split(".")
        if section != before:
            yield from ([""] if before else []) + [f"[{section}]"]
        mark = "# " if row.is_masked or row.origin == "default" else ""
        remark = printable(f"from {row.origin}; {row.help}")
        yield f"{mark}{name} = {item(row.value).as_string()}  # {remark}"


class _Key(TableChoice):
    """Completed from the table of settings; the body says in a line that there is no such one."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        return str(value)


@click.command("set", cls=Command)
@click.argument("key", type=_Key("resonance_tui.config", "keys"), metavar="KEY")
@click.argument("value")
@click.pass_context
def set_(ctx: click.Context, key: str, value: str) -> None:
    """Write VALUE for KEY into the settings file, which keeps its comments.

    \b
    Examples:
      resonance-tui config set viewer.nickname Mia
      resonance-tui config set broker.url mqtts://stream.example
    """
    from resonance_tui.commands.config_file import set_value
    from resonance_tui.config import settings_file, variable

    file = settings_file(ctx.obj["file"])
    set_value(file, key, value)
    put(f"{key} is set in {file}.")
    _say_what_wins(variable(key))


@click.command("unset", cls=Command)
@click.argument("key")
@click.pass_context
def unset(ctx: click.Context, key: str) -> None:
    """Take KEY out of the settings file: its default holds again.

    \b
    Example:
      resonance-tui config unset viewer.nickname
    """
    from resonance_tui.commands.config_file import unset_value
    from resonance_tui.config import settings_file, variable

    file = settings_file(ctx.obj["file"])
    was_there = unset_value(file, key)
    name = shown(key, 80)
    put(f"{name} is no longer set in {file}." if was_there else f"{name} was not set in {file}.")
    _say_what_wins(variable(key))


def _say_what_wins(name: str) -> None:
    if name in os.environ:
        say(f"The variable {name} is set, too; it wins over the file.")


@click.command("path", cls=Command)
@click.pass_context
def path(ctx: click.Context) -> None:
    """Print where settings, data and logs live.

    \b
    Example:
      $EDITOR "$(resonance-tui config path | head -1 | cut -f2)"
    """
    loaded = load(ctx)
    where = loaded.directories
    places = {
        "settings": loaded.file,
        "history": loaded.database,
        "profile": where.profile_file,
        "log": where.log_file,
    }
    for name, place in places.items():
        put(f"{name}\t{place}")


@click.command("consent", cls=Command)
@click.option("--give", "answer", flag_value="give", help="Agree without the screen.")
@click.option("--revoke", "answer", flag_value="revoke", help="Take it back; you are asked again.")
@click.option(
    "--people",
    type=click.Choice(("one", "all")),
    help="With --give: for your face, or for those of everybody in view, whom you have told.",
)
@click.pass_context
def consent(ctx: click.Context, answer: str | None, people: str | None) -> None:
    """Show, give or take back the consent to read your face on this machine.

    \b
    Examples:
      resonance-tui config consent --revoke
      resonance-tui config consent --give --people all
    """
    from resonance_tui.commands.session_builder import people_read
    from resonance_tui.profile import Profile

    loaded = load(ctx, {"camera.people": people})
    profile = Profile(loaded.directories.profile_file)
    if answer is not None:
        at = time.time() if answer == "give" else None
        profile.set_consent(at, covers_all=people_read(loaded) > 1)
    memory = profile.load()
    if memory.consented_at is None:
        put("No consent: the camera will not be opened before you are asked.")
        return
    when = time.strftime("%Y-%m-%d %H:%M", time.localtime(memory.consented_at))
    all_of_them = ", for everybody in view" if memory.consent_covers_all else ""
    put(f"Consent given on {when}{all_of_them}.")
