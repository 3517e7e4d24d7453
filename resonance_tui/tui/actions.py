"""Everything the live screen can be told to do: keys, key bar, help and palette come from here."""

from __future__ import annotations

from dataclasses import dataclass

from textual.binding import Binding, BindingType

from resonance_tui.emotions import EMOTIONS, STYLES


@dataclass(frozen=True, slots=True)
class Action:
    """One thing to do. `name` is the method on the live screen after `action_`."""

    name: str
    keys: tuple[str, ...]
    label: str  # on the key bar; "" keeps it off
    title: str  # in the help and the palette
    help: str
    group: str


OWN = "You"
SCREEN = "Screen"
SAY = "Say it with a key"

_GENERAL = (
    Action(
        "toggle_camera",
        ("c",),
        "camera",
        "Camera off or on",
        "Off releases the device; you stay in the room.",
        OWN,
    ),
    Action(
        "toggle_sharing",
        ("s",),
        "share",
        "Stop or resume sharing",
        "Stopped, nothing of you leaves this machine.",
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
        "history",
        ("h",),
        "history",
        "History",
        "The room's past, as recorded on this machine.",
        SCREEN,
    ),
    Action(
        "toggle_corrected",
        ("r",),
        "correct",
        "Corrected or raw counts",
        "Takes out how often your engine errs, with a 95 % band; from 20 viewers on.",
        SCREEN,
    ),
    Action("help", ("question_mark", "f1"), "help", "Help", "This page.", SCREEN),
    Action(
        "quit",
        ("q", "ctrl+q"),
        "quit",
        "Quit",
        "Leaves the room, takes your report back, releases the camera.",
        SCREEN,
    ),
)


def _say(index: int) -> Action:
    code = EMOTIONS[index]
    return Action(
        f"say({int(code)})",
        (str(index + 1),),
        "",
        f"Say {code.word}",
        f"{STYLES[code].glyph} for ten seconds, marked as said by key.",
        SAY,
    )


ACTIONS: tuple[Action, ...] = (
    *_GENERAL,
    *(_say(index) for index in range(len(EMOTIONS))),
    Action("say(-1)", ("0",), "", "Back to the camera", "Takes back what a key said.", SAY),
)

KEY_NAMES = {"question_mark": "?", "ctrl+q": "ctrl+q", "f1": "F1"}


def key_name(key: str) -> str:
    """A key as it is written for people."""
    return KEY_NAMES.get(key, key)


def available(has_history: bool) -> tuple[Action, ...]:
    """The actions of this run: history only where there is a screen for it."""
    return tuple(action for action in ACTIONS if has_history or action.name != "history")


def bindings() -> list[BindingType]:
    """Bindings of the live screen. The ids let a user's keymap replace the keys."""
    return [
        Binding(",".join(action.keys), action.name, action.title, id=f"live.{action.name}")
        for action in ACTIONS
    ]
