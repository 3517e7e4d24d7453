"""What the screens can do: keys, key bar, help and palette come from these tables.

A new key is a row of LIVE or HISTORY, and a method of the screen.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import groupby
from typing import Any, ClassVar

from rich.cells import cell_len
from textual.app import SystemCommand
from textual.binding import Binding, BindingType
from textual.screen import Screen

from resonance_tui.charting.views import VIEWS
from resonance_tui.emotions import EMOTIONS, STYLES, Emotion
from resonance_tui.room.moderation import ACTS, Needs
from resonance_tui.texts import mark, tr
from resonance_tui.tui.patience import PatientScreen


@dataclass(frozen=True, slots=True)
class Action:
    """One thing to do. `name` is the method of the screen after `action_`, with its argument.

    Label, title, help and group are message ids: they are translated where they are shown.
    """

    name: str
    keys: tuple[str, ...]  # none: by the palette alone
    label: str  # on the key bar; "" keeps it off, and neighbours of one label share an entry
    title: str  # in the palette and the help
    help: str  # one sentence; neighbours of one sentence share a line of the history's help
    group: str  # its heading in the help, which lists a group in one place
    rank: int = 0  # where the key bar is narrow, higher ones stay longer; else the earlier ones
    needs: str = ""  # what a run must have for it to be offered; "" for nothing


@dataclass(frozen=True, slots=True)
class BarEntry:
    """A key, or some of one kind, on a key bar."""

    keys: str
    label: str
    action: str  # what a click does; "" where it could mean several things
    rank: int


OWN = mark("You")
SCREEN = mark("Screen")
SAY = mark("Say it with a key")
LOOK = mark("Look")
TAKE = mark("Recording")
LEAVE = mark("Leave")

HISTORY_SCREEN = "history"  # needs: a history screen to open
ROOM_KEY = "key"  # needs: a key of the room on this machine
OTHER_HOST = "other-host"  # needs: a room that shows another host key than before
OWN_HISTORY = "own-history"  # needs: recordings of this machine, which may be written
CONFUSION = "confusion"  # needs: an engine whose mistakes are known


def _say(code: Emotion) -> Action:
    look = STYLES[code]
    title = mark("Say {emotion}", emotion=look.word)
    sentence = mark("{glyph} for ten seconds, marked as said by key.", glyph=look.glyph)
    return Action(f"say({int(code)})", (str(code + 1),), "say", title, sentence, SAY)


LIVE: tuple[Action, ...] = (
    Action(
        "toggle_camera",
        ("c",),
        "camera",
        "Camera off or on",
        "Off releases the device; you stay in the room.",
        OWN,
        rank=2,
    ),
    Action(
        "toggle_sharing",
        ("s",),
        "share",
        "Stop or resume sharing",
        "Stopped, nothing of you leaves this machine.",
        OWN,
        rank=2,
    ),
    Action(
        "choose_camera",
        ("v",),
        "",
        "Another camera",
        "One of those that there are, the demo portraits, or none.",
        OWN,
    ),
    Action(
        "change_nickname",
        ("n",),
        "",
        "Another nickname",
        "Everyone sees it at once; an empty one is anonymous.",
        OWN,
    ),
    Action(
        "choose_team",
        ("t",),
        "",
        "Your team",
        "One of those that the host lists, or none; a team of few shows no counts.",
        OWN,
    ),
    Action(
        "toggle_preview",
        ("p",),
        "preview",
        "Preview",
        "What the engine sees, in grey. Only on this screen.",
        OWN,
    ),
    Action(
        "capture_baseline",
        ("b",),
        "",
        "Your neutral face",
        "Look at the screen for two seconds: what your resting face leans to is taken off.",
        OWN,
    ),
    Action(
        "history",
        ("h",),
        "history",
        "History",
        "The room's past, as recorded on this machine.",
        SCREEN,
        needs=HISTORY_SCREEN,
    ),
    Action(
        "toggle_corrected",
        ("r",),
        "correct",
        "Corrected or raw counts",
        "Takes out how often your engine errs, with a 95 % band; from 50 viewers on.",
        SCREEN,
    ),
    Action(
        "moderate",
        ("m",),
        "host",
        "Host",
        "Who is here, mute, remove, lock: with this machine's key for the room.",
        SCREEN,
        rank=1,
        needs=ROOM_KEY,
    ),
    Action(
        "toggle_bell",
        ("l",),
        "",
        "Bell on or off",
        "Rings when something happens: who comes, a laugh, the host's word.",
        SCREEN,
    ),
    Action(
        "toggle_notify",
        (),
        "",
        "Notifications on or off",
        "Tells your desktop of the same, where the terminal can.",
        SCREEN,
    ),
    Action(
        "toggle_nicknames",
        ("x",),
        "",
        "Nicknames hidden or shown",
        "Hides those of the others on this screen, for who shows it to others.",
        SCREEN,
    ),
    Action(
        "mute_here",
        ("u",),
        "",
        "Mute somebody for you alone",
        "Neither shown nor counted here; nobody else notices.",
        SCREEN,
    ),
    Action(
        "wire",
        ("w",),
        "",
        "What is sent",
        "Every message that leaves this machine and that comes, in words.",
        SCREEN,
    ),
    Action(
        "ask_to_be_forgotten",
        (),
        "",
        "Ask to be forgotten",
        "Asks the host to delete what was recorded of this room.",
        OWN,
    ),
    Action(
        "accept_host_key",
        (),
        "",
        "Accept the other host key",
        "Where the room shows another one than before: believe it from now on.",
        SCREEN,
        needs=OTHER_HOST,
    ),
    *(_say(code) for code in EMOTIONS),
    Action("say(-1)", ("0",), "unsay", "Back to the camera", "Takes back what a key said.", SAY),
    Action(
        "toggle_reactions",
        ("y",),
        "react",
        "Reactions",
        "Opens the palette: 1 to 8 send one, and everybody sees how many, and nobody who.",
        SAY,
    ),
    Action(
        "answer_question",
        ("a",),
        "",
        "Answer the host's question",
        "Its answers have digits; bars show what everybody says.",
        SAY,
    ),
    Action(
        "toggle_recording",
        ("e",),
        "record",
        "Recording on or off",
        "Keeps the room's history in the local database.",
        SCREEN,
    ),
    Action(
        "mark",
        ("k",),
        "mark",
        "Remember this moment",
        "Marks it in the recording, with a word if you like.",
        SCREEN,
    ),
    Action(
        "stream_delay",
        ("d",),
        "",
        "Delay of the stream",
        "Finds how late viewers see what you do; kept with the recording.",
        SCREEN,
    ),
    Action(
        "save_summary",
        (),
        "",
        "Save the summary of the evening",
        "How you and the room differed, as a picture in this directory; nothing is sent.",
        OWN,
    ),
    Action(
        "other_room",
        ("o",),
        "room",
        "Another room",
        "Leaves this one and opens the start screen.",
        SCREEN,
    ),
    Action("help", ("question_mark", "f1"), "help", "Help", "This page.", SCREEN, rank=3),
    Action(
        "quit",
        ("q", "ctrl+q"),
        "quit",
        "Quit",
        "Leaves the room, takes your report back, releases the camera.",
        SCREEN,
        rank=4,
    ),
)

_CURSOR = mark("cursor, a bucket of time back and on (shift: ten); a click does it too")
_ZOOM = mark("closer, wider, around the cursor (also ↑ ↓ and the wheel)")
_PAN = mark("back and on in time (also PgUp PgDn)")
_ENDS = mark("the whole session; its newest part, which follows a running recording")
_MOMENT = mark("next moment or mark, the one before: where the room changed its mind most")
_KEEP = mark("mark what is under the cursor, or change the mark there (empty: take it away)")
_NAME = mark("the session's title, and a note to keep with it")
_FILES = mark("what is visible as a picture, as a CSV file, into this directory")
_CORRECT = mark("corrected for the engine's known mistakes: means with 95 % bands")
_CLASSES = mark("the seven emotions, or the four groups")


def history_actions() -> tuple[Action, ...]:
    """The table of the history screen, which names the views that there are."""
    views = mark("next view: {views}", views=tuple(view.word for view in VIEWS.values()))
    return (
        Action("step(-1)", ("left",), "read", "Cursor back", _CURSOR, LOOK, rank=9),
        Action("step(1)", ("right",), "read", "Cursor on", _CURSOR, LOOK, rank=9),
        Action("step(-10)", ("shift+left",), "", "Cursor far back", "", LOOK),
        Action("step(10)", ("shift+right",), "", "Cursor far on", "", LOOK),
        Action("zoom(2)", ("plus", "equals_sign", "up"), "zoom", "Closer", _ZOOM, LOOK, rank=6),
        Action("zoom(0.5)", ("minus", "down"), "zoom", "Wider", _ZOOM, LOOK, rank=6),
        Action("pan(-0.25)", ("comma", "pageup"), "pan", "Back in time", _PAN, LOOK, rank=4),
        Action("pan(0.25)", ("full_stop", "pagedown"), "pan", "On in time", _PAN, LOOK, rank=4),
        Action("whole", ("0", "home"), "all", "The whole session", _ENDS, LOOK),
        Action("latest", ("end",), "", "The newest part", _ENDS, LOOK),
        Action("view(1)", ("v",), "view", "Next view", views, LOOK, rank=5),
        Action("view(-1)", ("V",), "", "View before", views, LOOK),
        Action("group", ("g",), "groups", "Emotions or groups", _CLASSES, LOOK, rank=1),
        Action(
            "correct",
            ("c",),
            "corrected",
            "Corrected or raw counts",
            _CORRECT,
            LOOK,
            rank=-1,
            needs=CONFUSION,
        ),
        Action("pick", ("s",), "session", "Session", "pick a session", TAKE, rank=3),
        Action("mark", ("k",), "mark", "Mark here", _KEEP, TAKE, needs=OWN_HISTORY),
        Action("title", ("t",), "", "Title", _NAME, TAKE, needs=OWN_HISTORY),
        Action("note", ("n",), "", "Note", _NAME, TAKE, needs=OWN_HISTORY),
        Action("moment(1)", ("m",), "moment", "Next moment", _MOMENT, LOOK, rank=2),
        Action("moment(-1)", ("M",), "", "Moment before", _MOMENT, LOOK),
        Action("picture", ("p",), "picture", "Save a picture", _FILES, TAKE),
        Action("export", ("e",), "CSV", "Save as CSV", _FILES, TAKE),
        Action("reload", ("r",), "", "Reload", "read the recording again", TAKE),
        Action("help", ("question_mark", "f1"), "help", "Help", "", LEAVE, rank=8),
        Action("back", ("escape",), "", "Back", "put the cursor away; leave", LEAVE),
        Action("leave", ("q",), "quit", "Leave", "leave", LEAVE, rank=7),
    )


PLAY = mark("Play")
_SEEK = mark("Five seconds.")
_FINE = mark("Half a second, to meet your video.")
_SPEED = mark("From a quarter to four times.")

REPLAY: tuple[Action, ...] = (
    Action(
        "play_or_pause", ("space",), "play", "Play or pause", "As your video does.", PLAY, rank=9
    ),
    Action("skip(-5)", ("left",), "seek", "Back", _SEEK, PLAY, rank=7),
    Action("skip(5)", ("right",), "seek", "On", _SEEK, PLAY, rank=7),
    Action("skip(-60)", ("comma",), "minute", "A minute back", "", PLAY, rank=3),
    Action("skip(60)", ("full_stop",), "minute", "A minute on", "", PLAY, rank=3),
    Action("skip(-0.5)", ("shift+left",), "", "A little back", _FINE, PLAY),
    Action("skip(0.5)", ("shift+right",), "", "A little on", _FINE, PLAY),
    Action("faster(-1)", ("minus",), "speed", "Slower", _SPEED, PLAY, rank=6),
    Action("faster(1)", ("plus", "equals_sign"), "speed", "Faster", _SPEED, PLAY, rank=6),
    Action("start", ("home",), "", "From the beginning", "Of the video, if it is known.", PLAY),
    Action(
        "toggle_camera",
        ("c",),
        "camera",
        "Camera off or on",
        "Off releases the device; nothing of you is kept then.",
        OWN,
        rank=4,
    ),
    *(_say(code) for code in EMOTIONS),
    Action("say(-1)", ("0",), "unsay", "Back to the camera", "Takes back what a key said.", SAY),
    Action("help", ("question_mark", "f1"), "help", "Help", "This page.", SCREEN, rank=8),
    Action("leave", ("q", "escape"), "quit", "Leave", "Your layer stays here.", SCREEN, rank=10),
)

VIEWER = mark("The chosen viewer")
ROOM = mark("The room")
_RANKS = {"ask": 4}  # of acts on the room: what a host looks for while the room waits


def host_actions() -> tuple[Action, ...]:
    """The table of the host's screen, made from the acts that have a key."""
    acts = [
        Action(
            f"act('{act.name}')",
            (act.key,),
            act.label,
            act.label,
            act.summary,
            VIEWER if act.needs is Needs.VIEWER else ROOM,
            rank=3 if act.needs is Needs.VIEWER else _RANKS.get(act.name, 1),
        )
        for act in ACTS.values()
        if act.key
    ]
    keys = Action("help", ("question_mark", "f1"), "help", "Help", "This page.", LEAVE, rank=4)
    back = Action("back", ("escape", "q"), "back", "Back", "To the room.", LEAVE, rank=5)
    return (*acts, keys, back)


_KEY_NAMES = {
    "question_mark": "?",
    "f1": "F1",
    "left": "←",
    "right": "→",
    "shift+left": "Shift+←",
    "shift+right": "Shift+→",
    "plus": "+",
    "minus": "−",
    "equals_sign": "=",
    "comma": ",",
    "full_stop": ".",
    "end": "End",
    "escape": "Esc",
}


def key_name(key: str) -> str:
    """A key as it is written for people."""
    return _KEY_NAMES.get(key, key)


def bar_entries(actions: Iterable[Action], room: int, gap: int) -> list[BarEntry]:
    """The entries of a key bar that fit into `room` cells, each followed by `gap`, in the order of
    the table."""
    runs = groupby((action for action in actions if action.label), key=lambda each: each.label)
    entries = [_bar_entry(label, list(run)) for label, run in runs]
    kept: list[BarEntry] = []
    for entry in sorted(entries, key=lambda entry: -entry.rank):
        cells = cell_len(f"{entry.keys} {entry.label}") + gap
        if cells <= room:
            kept.append(entry)
            room -= cells
    return [entry for entry in entries if entry in kept]


def _bar_entry(label: str, run: list[Action]) -> BarEntry:
    names = [key_name(action.keys[0]) for action in run]
    keys = "".join(names) if len(names) <= 2 else f"{names[0]}-{names[-1]}"
    return BarEntry(keys, tr(label), run[0].name if len(run) == 1 else "", run[0].rank)


def by_group(actions: Iterable[Action]) -> dict[str, list[Action]]:
    """Groups in the order in which the table first names them."""
    groups: dict[str, list[Action]] = {}
    for action in actions:
        groups.setdefault(action.group, []).append(action)
    return groups


def help_rows(actions: Iterable[Action]) -> list[tuple[str, str]]:
    """(keys, sentence) a row, without headings: the first key of each action."""
    with_help = [action for group in by_group(actions).values() for action in group if action.help]
    return [
        (" ".join(key_name(action.keys[0]) for action in run if action.keys), tr(sentence))
        for sentence, run in groupby(with_help, key=lambda action: action.help)
    ]


def bindings(actions: Iterable[Action], prefix: str) -> list[BindingType]:
    """Of a screen. The ids, `prefix.name`, let a user's keymap replace the keys."""
    return [
        Binding(",".join(action.keys), action.name, action.title, id=f"{prefix}.{action.name}")
        for action in actions
        if action.keys
    ]


class ActionScreen(PatientScreen[None]):
    """A screen whose keys and commands come from a table of actions."""

    PREFIX: ClassVar[str]

    def __init_subclass__(cls, **options: Any) -> None:
        cls.BINDINGS = bindings(cls.table(), cls.PREFIX)
        super().__init_subclass__(**options)

    @classmethod
    def table(cls) -> Sequence[Action]:
        """All actions that this kind of screen knows."""
        return ()

    @property
    def has(self) -> frozenset[str]:
        """What this run has of that which actions need."""
        return frozenset()

    @property
    def actions(self) -> list[Action]:
        """Those that are offered in this run."""
        return [each for each in self.table() if not each.needs or each.needs in self.has]

    def commands(self) -> Iterable[SystemCommand]:
        """The actions as commands of the palette."""
        for action in self.actions:
            run = partial(self.run_action, action.name)
            yield SystemCommand(tr(action.title), tr(action.help), run)


# Of Textual's own commands the ones worth having here.
OWN_COMMANDS = {
    mark("Theme"): mark("Change the current theme"),
    mark("Screenshot"): mark("Save an SVG 'screenshot' of the current screen"),
}


def palette_commands(
    textuals: Iterable[SystemCommand], screen: Screen[Any]
) -> Iterable[SystemCommand]:
    """What the palette offers on `screen`, given Textual's own commands."""
    for title, _, run, *_ in textuals:
        if title in OWN_COMMANDS:
            yield SystemCommand(tr(title), tr(OWN_COMMANDS[title]), run)
    if isinstance(screen, ActionScreen):
        yield from screen.commands()
