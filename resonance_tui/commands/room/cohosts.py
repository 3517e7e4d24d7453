"""`room cohost`: others who may moderate, with keys that the room's own key has signed."""

from __future__ import annotations

import sys
import time
from pathlib import Path

import click

from resonance_tui.commands.console import put, say
from resonance_tui.commands.groups import Command, Group
from resonance_tui.commands.own_keys import own_keys
from resonance_tui.commands.quantities import FilePath
from resonance_tui.commands.room.place import find_place, with_broker
from resonance_tui.commands.settings import broker_options, load
from resonance_tui.commands.suggestions import CHANNEL
from resonance_tui.errors import InputError
from resonance_tui.secret import shown

KEY_MOST = 4096  # characters of a text with a key


@click.group("cohost", cls=Group, path="room cohost")
def cohost() -> None:
    """Let others moderate, too, and stop that again.

    \b
    Examples:
      resonance-tui room cohost add cats-live Ben
      resonance-tui room cohost accept
      resonance-tui room cohost revoke cats-live Ben
    """


@click.command("add", cls=Command)
@click.argument("channel", type=CHANNEL)
@click.argument("name")
@broker_options
@click.option("--expires", default="90d", show_default=True, metavar="SPAN", help="30m, 24h, 7d.")
@click.pass_context
def add(
    ctx: click.Context, channel: str, name: str, broker_url: str | None, *, expires: str
) -> None:
    """Print a key that lets NAME moderate CHANNEL; send it to that person alone.

    \b
    Example:
      resonance-tui room cohost add cats-live Ben
    """
    run_add(ctx, channel, name, broker_url, expires=expires)


def run_add(
    ctx: click.Context, channel: str, name: str, broker_url: str | None, *, expires: str
) -> None:
    """Make the key, note it in the room, print it. Raises InputError."""
    from resonance_tui.commands.room.acts import run
    from resonance_tui.hosting.accounts import parse_span
    from resonance_tui.protocol.rules import delegate, encode_delegation
    from resonance_tui.protocol.sanitize import clean_nickname
    from resonance_tui.room_keys import GivenKey, RoomKey, key_text
    from resonance_tui.signing import SigningKey

    name = clean_nickname(name)
    place = find_place(with_broker(ctx, broker_url), channel)
    if not name or not place.key.is_host:
        raise InputError("The room's own host makes co-hosts, and each of them has a name.")
    until = int(time.time() + parse_span(expires))
    key = SigningKey.generate()
    run(ctx, "cohost-add", channel, name, broker_url)
    place.keys.give(place.channel, GivenKey(name, key.public, until))
    delegation = delegate(place.key.key, place.channel, key.public, name, until)
    signed = encode_delegation(delegation)
    put(key_text(RoomKey(place.channel, key, place.key.host_public, signed, name)))
    say(f"It is a secret. {name} runs `resonance-tui room cohost accept` and pastes it there.")


@click.command("accept", cls=Command)
@click.argument("file", required=False, type=FilePath(path_type=Path, allow_dash=True))
@click.pass_context
def accept(ctx: click.Context, file: Path | None) -> None:
    """Take a key that a host has made for you; from FILE, or pasted when it is asked for.

    \b
    Example:
      resonance-tui room cohost accept
    """
    from resonance_tui.room_keys import parse_key_text

    key = parse_key_text(read_key(file))
    own_keys(load(ctx).directories).keep(key)
    what = "its host" if key.is_host else "a co-host"
    say(f"This machine is {what} of {key.channel} now: resonance-tui room list {key.channel}")


def read_key(file: Path | None) -> str:
    """The text in that file, or what is pasted: never an argument, which others here could see.

    Raises InputError.
    """
    if file is None and sys.stdin.isatty():
        return click.prompt("The key", hide_input=True, err=True)
    if file is None or str(file) == "-":
        return sys.stdin.read(KEY_MOST)
    try:
        with file.open(encoding="utf-8") as stream:
            return stream.read(KEY_MOST)
    except (OSError, UnicodeError) as error:
        raise InputError(f"{file} cannot be read: {error}") from None


@click.command("revoke", cls=Command)
@click.argument("channel", type=CHANNEL)
@click.argument("name")
@broker_options
@click.pass_context
def revoke(ctx: click.Context, channel: str, name: str, broker_url: str | None) -> None:
    """End what NAME may do in CHANNEL; what that co-host has ruled holds no longer.

    \b
    Example:
      resonance-tui room cohost revoke cats-live Ben
    """
    from resonance_tui.commands.room.acts import run
    from resonance_tui.protocol.rules import KEY_PREFIX

    place = find_place(with_broker(ctx, broker_url), channel)
    given = next((each for each in place.key.given if each.name == name), None)
    if given is None:
        names = ", ".join(each.name for each in place.key.given) or "nobody"
        raise InputError(f"No co-host of {place.channel} is called that.", f"There are: {names}")
    run(ctx, "cohost-revoke", channel, given.public[:KEY_PREFIX].hex(), broker_url, whom=name)


# --- keys --------------------------------------------------------------------------------------


@click.group("key", cls=Group, path="room key")
def key() -> None:
    """The keys of rooms on this machine.

    \b
    Examples:
      resonance-tui room key show
      resonance-tui room key export cats-live --out cats-live.key
      resonance-tui room key import cats-live.key
    """


@click.command("show", cls=Command)
@click.argument("channel", type=CHANNEL, required=False)
@click.pass_context
def show(ctx: click.Context, channel: str | None) -> None:
    """Show the keys that are here: channel, fingerprint, whose it is; and co-hosts with theirs.

    \b
    Example:
      resonance-tui room key show
    """
    found = own_keys(load(ctx).directories).all()
    for each in [key for key in found if channel in (None, key.channel)]:
        put(f"{each.channel:<24}  {each.print}  {'host' if each.is_host else 'co-host'}")
        for given in each.given:
            until = time.strftime("%Y-%m-%d", time.localtime(given.expires_at))
            put(f"{'':<24}  {given.public[:8].hex():<32}  co-host {given.name}, until {until}")
    if not found:
        say("No keys here. `resonance-tui broker --channel NAME` makes one for its room.")


@click.command("make", cls=Command)
@click.argument("channel", type=CHANNEL)
@broker_options
@click.pass_context
def make(ctx: click.Context, channel: str, broker_url: str | None) -> None:
    """Make a key for a room of yours at somebody else's broker, and print the link that names it.

    \b
    Example:
      resonance-tui room key make cats-live --broker mqtt://broker.example
    """
    from resonance_tui.commands.session_builder import broker_or_default
    from resonance_tui.protocol.links import fits_link, invite_link, join_command
    from resonance_tui.protocol.topics import normalize_channel

    config = with_broker(ctx, broker_url)
    made = own_keys(config.directories).make(normalize_channel(channel))
    url = broker_or_default(config)
    if not fits_link(url):  # a path of its own
        put(join_command(url, made.channel))
        say(f"No link names that broker: tell people that the room's key begins with {made.print}.")
        return
    link = invite_link(url, made.channel, None, made.print)
    put(f"resonance-tui join {link}")
    say("Who joins by that link believes this key, and no other.")


@click.command("export", cls=Command)
@click.argument("channel", type=CHANNEL)
@click.option("--out", type=FilePath(path_type=Path), help="Into this file (default: shown).")
@click.pass_context
def export(ctx: click.Context, channel: str, out: Path | None) -> None:
    """Print the key of CHANNEL, a secret: for a backup, or to host the room elsewhere.

    \b
    Example:
      resonance-tui room key export cats-live --out cats-live.key
    """
    from resonance_tui.commands.room.place import known_key
    from resonance_tui.errors import StoreError
    from resonance_tui.files import write_private
    from resonance_tui.protocol.topics import normalize_channel
    from resonance_tui.room_keys import key_text

    text = key_text(known_key(own_keys(load(ctx).directories), normalize_channel(channel)))
    if out is None:
        put(text)
        return
    try:
        write_private(out, f"{text}\n".encode())
    except OSError as error:
        raise StoreError(f"{out} cannot be written: {error.strerror}.") from error
    say(f"{shown(out)} holds the key: whoever reads it rules the room.")


@click.command("import", cls=Command)
@click.argument("file", required=False, type=FilePath(path_type=Path, allow_dash=True))
@click.pass_context
def import_(ctx: click.Context, file: Path | None) -> None:
    """Take a key that was exported elsewhere; from FILE, or pasted when it is asked for.

    \b
    Example:
      resonance-tui room key import cats-live.key
    """
    ctx.invoke(accept, file=file)
