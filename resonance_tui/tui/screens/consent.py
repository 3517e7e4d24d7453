"""Asked once before the camera is opened: what is read, what is sent, to whom, for how long."""

from __future__ import annotations

from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.content import Content
from textual.widgets import Button, Static

from resonance_tui.texts import tr
from resonance_tui.tui.patience import PatientScreen

REVOKE = "resonance-tui config consent --revoke"


def terms(
    broker_url: str, *, reads_all: bool = False, is_replay: bool = False
) -> list[tuple[str, str]]:
    """Question and answer, in the order in which a person would ask. `broker_url`: "" where the
    room is chosen later; `reads_all`: everybody in view is read; `is_replay`: a recorded room is
    watched. A yes holds for live rooms, too, so their terms are always there."""
    in_replay = [(tr("In this replay"), _replay_text())] if is_replay else []
    return [
        *in_replay,
        (tr("What is read"), _read_text(reads_all)),
        (tr("What is sent"), _sent_text(reads_all)),
        (
            tr("To whom"),
            tr("To the broker at {broker} and to everyone in the channel.", broker=broker_url)
            if broker_url
            else tr("To the broker of the room that you choose, and to everyone in it."),
        ),
        (
            tr("For how long"),
            tr(
                "The broker keeps your last word for 15 seconds (a nickname for up to an hour, "
                "should the app be killed). Anyone in the channel may record the room's counts."
            ),
        ),
        (tr("Not for"), tr("Watching people at work or at school.")),
        (
            tr("Changed your mind"),
            tr("c turns the camera off, s stops sharing. Later: {command}", command=REVOKE),
        ),
    ]


def _read_text(reads_all: bool) -> str:
    if not reads_all:
        return tr("Your face, through the camera, on this machine.")
    return tr(
        "Your face and those of the others in view, four at most, through the camera, on this "
        "machine. Say yes only once all of them have."
    )


def _sent_text(reads_all: bool) -> str:
    if not reads_all:
        return tr(
            "One of seven emotion words, or away or unsure; how sure that is; a nickname if "
            "you give one. Never a picture."
        )
    return tr(
        "For each of you one of seven emotion words, or away or unsure; how sure that is; your "
        "nickname if you give one, with a number for the others. Never a picture."
    )


def _replay_text() -> str:
    return tr(
        "Nothing is sent. The emotion of each second that you watch is kept on this machine, until "
        "you delete it (--forget); it leaves only in a file that you export. What follows is "
        "about live rooms."
    )


class ConsentScreen(PatientScreen[bool]):
    """Dismissed with True for yes, False for no."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("y", "answer(True)", "Yes"),
        Binding("n,escape,q", "answer(False)", "No"),
    ]
    AUTO_FOCUS = "#terms"

    def __init__(
        self, broker_url: str, *, reads_all: bool = False, is_replay: bool = False
    ) -> None:
        super().__init__()
        self._terms = terms(broker_url, reads_all=reads_all, is_replay=is_replay)
        self._yes = tr("y  Yes, watch") if is_replay else tr("y  Yes, join")

    def compose(self) -> ComposeResult:
        with Vertical(classes="card"):
            yield Static(tr("Before your camera is opened"), classes="card-title")
            with VerticalScroll(id="terms"):
                for question, answer in self._terms:
                    with Vertical(classes="term"):
                        yield Static(Content(question), classes="question")
                        yield Static(Content(answer), classes="answer")
            with Horizontal(classes="buttons"):
                yield Button(self._yes, id="yes", variant="success", compact=True)
                yield Button(tr("n  No, leave"), id="no", compact=True)

    def action_answer(self, yes: bool) -> None:
        self.dismiss(yes)

    @on(Button.Pressed)
    def _pressed(self, event: Button.Pressed) -> None:
        self.dismiss(event.button.id == "yes")
