"""`room`, `room list` and `room log`: who is there, and who did what."""

from __future__ import annotations

import asyncio
import time
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import click

from resonance_tui.commands.console import note, put, put_json, say
from resonance_tui.commands.groups import Command, Group
from resonance_tui.commands.own_keys import own_keys
from resonance_tui.commands.quantities import Span
from resonance_tui.commands.room.place import (
    Place,
    at_desk,
    channel_of,
    find_place,
    with_broker,
)
from resonance_tui.commands.settings import broker_options
from resonance_tui.commands.suggestions import CHANNEL

if TYPE_CHECKING:
    from resonance_tui.config import Config
    from resonance_tui.hosting.desk import Desk
    from resonance_tui.protocol.rules import RoomRules
    from resonance_tui.room.attendance import Attendee
    from resonance_tui.room_keys import LoggedAct


@click.group("room", cls=Group, path="room")
def room() -> None:
    """Moderate a room: who is there, mute, remove, lock, close, co-hosts.

    What a host does is signed with the room's key, so that nobody can forge it at any broker. The
    machine that hosts a room has its key.

    \b
    Examples:
      resonance-tui room list cats-live
      resonance-tui room mute cats-live abcdefgh23456
      resonance-tui room lock cats-live
      resonance-tui room cohost add cats-live Ben
    """


@click.command("list", cls=Command)
@click.argument("channel", type=CHANNEL, required=False)
@broker_options
@click.option(
    "--for",
    "seconds",
    type=Span(0.5, 600),
    default=5.0,
    show_default=True,
    metavar="SPAN",
    help="Count reports so long.",
)
@click.option("--json", "as_json", is_flag=True, help="One object for scripts.")
@click.pass_context
def list_(ctx: click.Context, channel: str | None, broker_url: str | None, **options: Any) -> None:
    """List who is in CHANNEL: nickname, id, account, since when, reports a minute, marks.

    \b
    Example:
      resonance-tui room list cats-live
    """
    run_list(find_place(with_broker(ctx, broker_url), channel), **options)


@dataclass(frozen=True, slots=True)
class _Seen:
    """What the desk says of a room; see there."""

    viewers: list[Attendee]
    rules: RoomRules
    is_courtesy: bool | None
    keeps_reports: bool
    sees_all: bool
    behind_s: float


def run_list(place: Place, *, seconds: float, as_json: bool) -> None:
    """Look for so long, then print who is there."""

    async def work(desk: Desk) -> _Seen:
        await asyncio.sleep(seconds)
        behind_s = desk.attendance.clock_behind_s(time.time())
        is_said = desk.is_courtesy, desk.keeps_reports, desk.sees_all
        return _Seen(desk.attendees(), desk.rules, *is_said, behind_s)

    seen = at_desk(place, work, sees_viewers=True)
    viewers, is_courtesy, behind_s = seen.viewers, seen.is_courtesy, seen.behind_s
    if as_json:
        put_json(_as_json(place, seen), indent=1)
        return
    for viewer in viewers:
        put(_line(viewer, is_courtesy))
    say(_summary(place, seen))
    if not seen.sees_all:
        from resonance_tui.hosting.desk import UNSEEN, UNSEEN_HINT

        say(f"{UNSEEN} {UNSEEN_HINT}")
    _say_who_asks(place, viewers)
    if behind_s:
        say(
            f"This machine's clock is {behind_s / 3600:.1f} h behind those of the viewers: what "
            "you rule ends for them by so much too early. Set it."
        )
    if is_courtesy:
        say(
            "Moderation is a courtesy on this broker: anybody can write under any id. "
            "Secure the room: resonance-tui broker --public --channel " + place.channel
        )


def _say_who_asks(place: Place, viewers: list[Attendee]) -> None:
    from resonance_tui.commands.room.forgetting import forget_lines

    for viewer in (each for each in viewers if each.asks_to_be_forgotten):
        for line in forget_lines(place.config.database, place.channel, viewer):
            say(line)


def _line(viewer: Attendee, is_courtesy: bool | None) -> str:
    name = viewer.nickname or "anonymous"
    account = "" if is_courtesy is not False else viewer.viewer_id
    since = time.strftime("%H:%M:%S", time.localtime(viewer.since))
    marks = ", ".join((*viewer.marks, *viewer.doubts))
    pace = f"{viewer.reports_a_minute:6.1f}/min"
    return f"{name:<24}  {viewer.viewer_id:<16}  {account:<16}  {since}  {pace}  {marks}".rstrip()


def _summary(place: Place, seen: _Seen) -> str:
    rules = seen.rules
    state = ["locked"] if rules.is_locked else []
    state += ["nicknames off"] if rules.nicknames_off else []
    state += [f"slow mode {rules.slow_s} s"] if rules.slow_s else []
    how = "by courtesy: programs here read every report"
    if seen.keeps_reports:
        how = "by the broker's rights: viewers' programs read totals alone"
    state += [f"counts from {rules.least} viewers on, {how}"] if rules.least else []
    state += [f"blind for {rules.blind_s} s" if rules.blind_s else "blind first"] * rules.blind
    state += [f"private counts, epsilon {rules.private_epsilon:g}"] * bool(rules.private_eps)
    state += [f"closed: {rules.closed}"] if rules.closed is not None else []
    state += [f"{len(rules.muted)} muted"] if rules.muted else []
    state += [f"{len(rules.removed)} removed"] if rules.removed else []
    here = f"{len(seen.viewers)} here" if seen.sees_all else "who is here is not known"
    return f"{place.channel}: {here}. {', '.join(state)}".strip()


def _as_json(place: Place, seen: _Seen) -> dict[str, Any]:
    shown, is_courtesy = asdict(seen.rules), seen.is_courtesy
    shown["revoked"] = [each.hex() for each in seen.rules.revoked]
    return {
        "channel": place.channel,
        "broker": place.url.public,
        "courtesy": is_courtesy,
        "totals_alone": seen.keeps_reports,
        "rules": shown,
        "viewers": [
            {
                "id": each.viewer_id,
                "nickname": each.nickname,
                "account": each.viewer_id if is_courtesy is False else None,
                "since": round(each.since, 3),
                "reports_a_minute": round(each.reports_a_minute, 1),
                "marks": each.marks,
                "doubts": each.doubts,
            }
            for each in seen.viewers
        ],
    }


# --- log ---------------------------------------------------------------------------------------


@click.command("log", cls=Command)
@click.argument("channel", type=CHANNEL, required=False)
@broker_options
@click.option("--json", "as_json", is_flag=True, help="A list of objects for scripts.")
@click.pass_context
def log(ctx: click.Context, channel: str | None, broker_url: str | None, *, as_json: bool) -> None:
    """Who did what in CHANNEL: what this machine has kept, and the newest from the broker.

    \b
    Example:
      resonance-tui room log cats-live
    """
    run_log(with_broker(ctx, broker_url), channel, as_json=as_json)


def run_log(config: Config, text: str | None, *, as_json: bool) -> None:
    """Print the acts, oldest first; without a broker, those that are kept here."""
    from resonance_tui.errors import BrokerError

    async def work(desk: Desk) -> None:
        await desk.keep()

    try:
        place = find_place(config, text)
        channel = place.channel
        at_desk(place, work)
    except BrokerError as error:
        channel = channel_of(config, text)
        note(f"as this machine knows it: {error.message}")
    acts = own_keys(config.directories).acts(channel)
    if as_json:
        put_json([asdict(act) for act in acts], indent=1)
        return
    for act in acts:
        put(_act_line(act))


def _act_line(act: LoggedAct) -> str:
    from resonance_tui.protocol.rules import Act
    from resonance_tui.room.moderation import sentence

    when = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(act.t))
    whom = f"{act.name} ({act.whom})" if act.name else act.whom
    return f"{when}  {act.by:<16}  {sentence(Act(int(act.t), act.by, act.what, whom))}"
