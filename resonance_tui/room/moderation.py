"""What a host may do to a room: the table of acts, each from rules to rules; pure.

The command `room` and the host's screen are made from this table.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from resonance_tui.errors import InputError
from resonance_tui.protocol.rules import (
    ACTS_MOST,
    ADMITTED_MOST,
    BLIND_MOST_S,
    KEY_PREFIX,
    LEAST_MOST,
    NAME_MOST,
    PRIVATE_MOST,
    REVOKED_MOST,
    SLOW_MOST_S,
    TEAM_NAME_MOST,
    TEAMS_MOST,
    TITLE_MOST,
    WORD_MOST,
    Act,
    RoomRules,
)
from resonance_tui.protocol.sanitize import safe_text, shown_line
from resonance_tui.protocol.topics import is_id
from resonance_tui.room import asking
from resonance_tui.room.private_answers import HUNDREDTHS, LEAST_EPSILON
from resonance_tui.room.small_rooms import LEAST_DEFAULT, STEP
from resonance_tui.spans import seconds_of
from resonance_tui.texts import mark, tr

BADGES_MOST = 16
NOBODY = "-"  # an id

Apply = Callable[[RoomRules, str, Sequence[str]], RoomRules]


class Needs(StrEnum):
    """What an act has to be given."""

    NOTHING = ""
    VIEWER = "ID"
    SWITCH = "on|off"
    SECONDS = "SECONDS"
    EPSILON = "EPSILON|off"
    WORDS = "TEXT"
    VIEWERS = "VIEWERS"
    DELAY = "on|off|SECONDS"
    NAMES = "NAMES"  # several words, or "" for none
    QUESTION = "QUESTION ANSWER ANSWER..."  # one value: see `room.asking`
    KEY = "KEY"  # the first eight bytes of a co-host's key, as hexadecimal digits
    NAME = "NAME"


@dataclass(frozen=True, slots=True)
class RoomAct:
    """One thing to do. `apply`: of the rules, the value, and the ids of who is in the room."""

    name: str
    needs: Needs
    summary: str  # one sentence, for help
    said: str  # in the log, with {whom}
    apply: Apply
    key: str = ""  # on the host's screen; "" where it has none
    label: str = ""  # on its key bar
    is_hosts_alone: bool = False  # not for co-hosts


def perform(
    rules: RoomRules,
    name: str,
    value: str,
    *,
    by: str,
    t: float,
    present: Sequence[str] = (),
    whom: str | None = None,
) -> RoomRules:
    """The rules after that act, which is noted in them.

    `by`: who acts; `t`: epoch seconds; `present`: ids of who is in the room, for a lock; `whom`:
    what the note says in place of the value. Raises InputError for a value that does not fit.
    """
    changed = ACTS[name].apply(rules, value, present)
    note = _note(name, value, by=by, t=t, whom=whom)
    return replace(changed, acts=(*changed.acts, note)[-ACTS_MOST:])


def noted(rules: RoomRules, name: str, value: str, *, by: str, whom: str | None = None) -> Act:
    """The note of an act that was just performed, of all in `rules`: others may have acted since.
    Arguments as of `perform`."""
    wanted = _note(name, value, by=by, t=0.0, whom=whom)
    alike = [act for act in rules.acts if replace(act, t=0) == wanted]
    return (alike or rules.acts)[-1]


def _note(name: str, value: str, *, by: str, t: float, whom: str | None) -> Act:
    by, whom = safe_text(by, NAME_MOST), safe_text(value if whom is None else whom, NAME_MOST)
    return Act(int(t), by, name, whom)


def switched(rules: RoomRules, name: str, viewer_id: str = "") -> tuple[str, str]:
    """The act and the value of a key that switches: what undoes the act where it is in force."""
    switches = {
        "mute": (viewer_id in rules.muted, "unmute", viewer_id),
        "kick": (viewer_id in rules.removed, "readmit", viewer_id),
        "hide-name": (viewer_id in rules.hidden_names, "show-name", viewer_id),
        "badge": (viewer_id in rules.host_ids, "unbadge", viewer_id),
        "lock": (rules.is_locked, "unlock", ""),
        "close": (rules.closed is not None, "open", ""),
        "nicknames": (rules.nicknames_off, "nicknames", "on"),
        "blind": (rules.blind, "blind", "off"),
    }
    is_on, undo, value = switches.get(name, (False, "", ""))
    if is_on:
        return undo, value
    return name, {"nicknames": "off", "blind": "on"}.get(name, viewer_id)


def sentence(act: Act) -> str:
    """What an act was, for the log: "muted mia"."""
    row = ACTS.get(act.what)
    said = tr(row.said).format(whom=act.whom) if row else f"{act.what} {act.whom}".strip()
    return safe_text(said, WORD_MOST)


# --- one viewer --------------------------------------------------------------------------------


def _with(ids: tuple[str, ...], one: str) -> tuple[str, ...]:
    return ids if one in ids else (*ids, one)


def _without(ids: tuple[str, ...], one: str) -> tuple[str, ...]:
    return tuple(each for each in ids if each != one)


def _id(text: str) -> str:
    """Raises InputError for what is no viewer's id."""
    if not is_id(text):
        raise InputError(
            mark("That is no viewer's id."), mark("`room list CHANNEL` shows the ids.")
        )
    return text


def _mute(rules: RoomRules, value: str, present: Sequence[str]) -> RoomRules:
    return replace(rules, muted=_with(rules.muted, _id(value)))


def _unmute(rules: RoomRules, value: str, present: Sequence[str]) -> RoomRules:
    return replace(rules, muted=_without(rules.muted, _id(value)))


def _remove(rules: RoomRules, value: str, present: Sequence[str]) -> RoomRules:
    """Whoever is removed needs no other entry."""
    gone = _id(value)
    return replace(
        rules,
        removed=_with(rules.removed, gone),
        muted=_without(rules.muted, gone),
        hidden_names=_without(rules.hidden_names, gone),
        admitted=_without(rules.admitted, gone),
        host_ids=_without(rules.host_ids, gone),
    )


def _readmit(rules: RoomRules, value: str, present: Sequence[str]) -> RoomRules:
    back = _id(value)
    admitted = _with(rules.admitted, back) if rules.is_locked else rules.admitted
    return replace(rules, removed=_without(rules.removed, back), admitted=admitted)


def _hide_name(rules: RoomRules, value: str, present: Sequence[str]) -> RoomRules:
    return replace(rules, hidden_names=_with(rules.hidden_names, _id(value)))


def _show_name(rules: RoomRules, value: str, present: Sequence[str]) -> RoomRules:
    return replace(rules, hidden_names=_without(rules.hidden_names, _id(value)))


def _badge(rules: RoomRules, value: str, present: Sequence[str]) -> RoomRules:
    """The newest ones: whoever hosts wears one by itself, under a new id now and then."""
    return replace(rules, host_ids=_with(rules.host_ids, _id(value))[-BADGES_MOST:])


def _unbadge(rules: RoomRules, value: str, present: Sequence[str]) -> RoomRules:
    return replace(rules, host_ids=_without(rules.host_ids, _id(value)))


# --- the room ----------------------------------------------------------------------------------


def _forgotten(rules: RoomRules, value: str, present: Sequence[str]) -> RoomRules:
    """Nothing of it is a rule: the note says so to the viewer."""
    _id(value)
    return rules


def _lock(rules: RoomRules, value: str, present: Sequence[str]) -> RoomRules:
    """A room that is too large for a list is locked at the broker's door alone. An empty list
    would admit everybody, so an empty room admits an id that nobody is given."""
    inside = tuple(dict.fromkeys(present)) or (NOBODY,)
    admitted = inside if len(inside) <= ADMITTED_MOST else ()
    return replace(rules, is_locked=True, admitted=admitted)


def _unlock(rules: RoomRules, value: str, present: Sequence[str]) -> RoomRules:
    return replace(rules, is_locked=False, admitted=())


def _nicknames(rules: RoomRules, value: str, present: Sequence[str]) -> RoomRules:
    if value not in ("on", "off"):
        raise InputError(mark("Nicknames are on or off."), mark("room nicknames CHANNEL off"))
    if value == "on":
        least = 0 if rules.least == LEAST_DEFAULT else rules.least  # names are listed again
        return replace(rules, nicknames_off=False, least=least)
    return replace(rules, nicknames_off=True, least=rules.least or LEAST_DEFAULT)


def _least(rules: RoomRules, value: str, present: Sequence[str]) -> RoomRules:
    least = int(value) if value.isdecimal() and len(value) <= len(str(LEAST_MOST)) else -1
    if least != 0 and not STEP <= least <= LEAST_MOST:
        raise InputError(
            mark(
                "Counts are shown from {low} to {high} viewers on, or always: 0.",
                low=STEP,
                high=LEAST_MOST,
            ),
            mark("In steps of {step}, so that nobody is read from them.", step=STEP),
        )
    return replace(rules, least=least)


def _blind(rules: RoomRules, value: str, present: Sequence[str]) -> RoomRules:
    if value == "off":
        return replace(rules, blind=False, blind_s=0)
    try:
        seconds = 0.0 if value == "on" else seconds_of(value, "s")
    except ValueError:
        seconds = -1.0
    if not 0 <= seconds <= BLIND_MOST_S or not seconds.is_integer():
        raise InputError(
            mark("Blind first is on, off, or a delay of 0 to {most} seconds.", most=BLIND_MOST_S),
            mark("room blind CHANNEL 5"),
        )
    return replace(rules, blind=True, blind_s=int(seconds))


def _slow(rules: RoomRules, value: str, present: Sequence[str]) -> RoomRules:
    try:
        seconds = seconds_of(value, "s")
    except ValueError:
        seconds = -1.0
    if not 0 <= seconds <= SLOW_MOST_S or not seconds.is_integer():
        raise InputError(
            mark(
                "Slow mode is 0 to {slow_most_s} seconds between two reports.",
                slow_most_s=SLOW_MOST_S,
            ),
            mark("0 ends it."),
        )
    return replace(rules, slow_s=int(seconds))


def _private(rules: RoomRules, value: str, present: Sequence[str]) -> RoomRules:
    """Whole hundredths, as they are on the wire: everybody has to use the same."""
    try:
        hundredths = 0.0 if value == "off" else float(value) * HUNDREDTHS
    except ValueError:
        hundredths = math.nan
    least = LEAST_EPSILON * HUNDREDTHS
    if value != "off" and not least <= hundredths <= PRIVATE_MOST:
        raise InputError(
            mark(
                "Epsilon is {low:g} to {high:g}: the less, the more private is one report, and the "
                "larger a room has to be.",
                low=LEAST_EPSILON,
                high=PRIVATE_MOST / HUNDREDTHS,
            ),
            mark("room private CHANNEL 2 is a good one; `off` ends it."),
        )
    return replace(rules, private_eps=round(hundredths))


def _close(rules: RoomRules, value: str, present: Sequence[str]) -> RoomRules:
    return replace(rules, closed=shown_line(value, WORD_MOST))


def _open(rules: RoomRules, value: str, present: Sequence[str]) -> RoomRules:
    return replace(rules, closed=None)


def _prompt(rules: RoomRules, value: str, present: Sequence[str]) -> RoomRules:
    return replace(rules, prompt=shown_line(value, WORD_MOST))


def _teams(rules: RoomRules, value: str, present: Sequence[str]) -> RoomRules:
    words = dict.fromkeys(value.replace(",", " ").split())
    names = tuple(shown_line(word, TEAM_NAME_MOST) for word in words)
    if len(names) > TEAMS_MOST or len({name.casefold() for name in names}) < len(names):
        raise InputError(
            mark("At most {most} teams, each of another name.", most=TEAMS_MOST),
            mark("room teams CHANNEL red blue"),
        )
    return replace(rules, teams=names)


def _title(rules: RoomRules, value: str, present: Sequence[str]) -> RoomRules:
    return replace(rules, title=shown_line(value, TITLE_MOST))


def _ask(rules: RoomRules, value: str, present: Sequence[str]) -> RoomRules:
    return replace(rules, question=asking.asked(value, rules.question))


def _close_question(rules: RoomRules, value: str, present: Sequence[str]) -> RoomRules:
    return replace(rules, question=asking.ended(value, rules.question))


# --- co-hosts ----------------------------------------------------------------------------------


def _cohost_add(rules: RoomRules, value: str, present: Sequence[str]) -> RoomRules:
    """The delegation itself goes to the co-host; here it is only noted."""
    return rules


def _cohost_revoke(rules: RoomRules, value: str, present: Sequence[str]) -> RoomRules:
    prefix = bytes.fromhex(value)[:KEY_PREFIX]
    known = [each for each in rules.revoked if each != prefix]
    return replace(rules, revoked=(*known, prefix)[-REVOKED_MOST:])


_ROWS = (
    RoomAct(
        "mute",
        Needs.VIEWER,
        mark("Neither count nor show a viewer."),
        mark("muted {whom}"),
        _mute,
        "m",
        mark("mute"),
    ),
    RoomAct(
        "unmute",
        Needs.VIEWER,
        mark("Count and show a muted viewer again."),
        mark("unmuted {whom}"),
        _unmute,
    ),
    RoomAct(
        "kick",
        Needs.VIEWER,
        mark("Remove a viewer: the account ends, its link is spent."),
        mark("removed {whom}"),
        _remove,
        "x",
        mark("remove"),
    ),
    RoomAct(
        "readmit",
        Needs.VIEWER,
        mark("Let a removed viewer back, and a new one into a locked room."),
        mark("let {whom} back in"),
        _readmit,
    ),
    RoomAct(
        "hide-name",
        Needs.VIEWER,
        mark("Show a viewer without the nickname."),
        mark("hid the nickname of {whom}"),
        _hide_name,
        "n",
        mark("hide name"),
    ),
    RoomAct(
        "show-name",
        Needs.VIEWER,
        mark("Show a hidden nickname again."),
        mark("shows the nickname of {whom} again"),
        _show_name,
    ),
    RoomAct(
        "badge",
        Needs.VIEWER,
        mark("Give a viewer the host's badge."),
        mark("gave {whom} the host's badge"),
        _badge,
        "b",
        mark("badge"),
    ),
    RoomAct(
        "unbadge",
        Needs.VIEWER,
        mark("Take the host's badge from a viewer."),
        mark("took the host's badge from {whom}"),
        _unbadge,
    ),
    RoomAct(
        "forgotten",
        Needs.VIEWER,
        mark("Tell a viewer who asked that what was recorded is deleted."),
        mark("deleted what was recorded of {whom}"),
        _forgotten,
        "f",
        mark("forgotten"),
    ),
    RoomAct(
        "lock",
        Needs.NOTHING,
        mark("Let nobody new in."),
        mark("locked the room"),
        _lock,
        "l",
        mark("lock"),
    ),
    RoomAct("unlock", Needs.NOTHING, mark("Let people in again."), mark("unlocked it"), _unlock),
    RoomAct(
        "nicknames",
        Needs.SWITCH,
        mark("Show everybody's nickname, or nobody's, and then no counts of few."),
        mark("switched nicknames {whom}"),
        _nicknames,
        "N",
        mark("nicknames"),
    ),
    RoomAct(
        "slow",
        Needs.SECONDS,
        mark("The least seconds between two reports of one viewer; 0 ends it."),
        mark("slow mode: {whom} s"),
        _slow,
        "s",
        mark("slow"),
    ),
    RoomAct(
        "least",
        Needs.VIEWERS,
        mark("From how many viewers on there are counts; 0: always."),
        mark("counts are shown from {whom} viewers on"),
        _least,
        "k",
        mark("small room"),
    ),
    RoomAct(
        "blind",
        Needs.DELAY,
        mark("Show the room only to who has reacted, so many seconds later."),
        mark("switched blind first: {whom}"),
        _blind,
        "B",
        mark("blind"),
    ),
    RoomAct(
        "prompt",
        Needs.WORDS,
        mark("Show everybody a line, until the next one; '' ends it."),
        mark("said to all: {whom}"),
        _prompt,
        "p",
        mark("say"),
    ),
    RoomAct(
        "teams",
        Needs.NAMES,
        mark("Which teams viewers may join; '' for none."),
        mark("the teams: {whom}"),
        _teams,
    ),
    RoomAct(
        "private",
        Needs.EPSILON,
        mark("Have everybody's report randomised before it is sent; off ends it."),
        mark("private counts: epsilon {whom}"),
        _private,
    ),
    RoomAct(
        "title",
        Needs.WORDS,
        mark("What the room is about."),
        mark("the title: {whom}"),
        _title,
        "t",
        mark("title"),
    ),
    RoomAct(
        "ask",
        Needs.QUESTION,
        mark("Ask everybody a question, with two to eight answers."),
        mark("asked: {whom}"),
        _ask,
        "a",
        mark("ask"),
    ),
    RoomAct(
        "close-question",
        Needs.NOTHING,
        mark("End the question: later answers do not count."),
        mark("ended the question"),
        _close_question,
    ),
    RoomAct(
        "close",
        Needs.WORDS,
        mark("End the room for everybody, with a word."),
        mark("closed the room: {whom}"),
        _close,
        "C",
        mark("close"),
    ),
    RoomAct("open", Needs.NOTHING, mark("Open a closed room."), mark("opened it"), _open),
    RoomAct(
        "cohost-add",
        Needs.NAME,
        mark("Make somebody a co-host."),
        mark("made {whom} a co-host"),
        _cohost_add,
        is_hosts_alone=True,
    ),
    RoomAct(
        "cohost-revoke",
        Needs.KEY,
        mark("What that co-host rules from now on has no effect."),
        mark("{whom} is no co-host any more"),
        _cohost_revoke,
        is_hosts_alone=True,
    ),
)
ACTS: Mapping[str, RoomAct] = {row.name: row for row in _ROWS}
