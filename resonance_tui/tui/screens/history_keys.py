"""What the history screen can be told to do: its keys, and how the help explains them."""

from __future__ import annotations

from textual.binding import Binding, BindingType

BINDINGS: list[BindingType] = [
    Binding("left", "step(-1)", "cursor back"),
    Binding("right", "step(1)", "cursor on"),
    Binding("shift+left", "step(-10)", "cursor far back"),
    Binding("shift+right", "step(10)", "cursor far on"),
    Binding("comma,pageup", "pan(-0.25)", "back"),
    Binding("full_stop,pagedown", "pan(0.25)", "on"),
    Binding("plus,equals_sign,up", "zoom(2)", "closer"),
    Binding("minus,down", "zoom(0.5)", "wider"),
    Binding("0,home", "whole", "all"),
    Binding("end", "latest", "newest"),
    Binding("v", "view(1)", "next view"),
    Binding("V", "view(-1)", "view before"),
    Binding("g", "group", "classes / groups"),
    Binding("c", "correct", "corrected"),
    Binding("s", "pick", "session"),
    Binding("m", "moment(1)", "next moment"),
    Binding("M", "moment(-1)", "moment before"),
    Binding("e", "export", "CSV"),
    Binding("p", "picture", "picture"),
    Binding("r", "reload", "reload"),
    Binding("question_mark,f1", "help", "help"),
    Binding("escape", "back", "back"),
    Binding("q", "leave", "quit"),
]

KEYS = (
    ("← →", "cursor, a bucket of time back and on (shift: ten); a click does it too"),
    ("+ −", "closer, wider, around the cursor (also ↑ ↓ and the wheel)"),
    (", .", "back and on in time (also PgUp PgDn)"),
    ("0 End", "the whole session; its newest part, which follows a running recording"),
    ("v V", "next view: viewers per emotion, shares, viewers, resonance"),
    ("g", "the seven emotions, or the four groups"),
    ("c", "corrected for the engine's known mistakes: means with 95 % bands"),
    ("m M", "next moment, the one before: where the room changed its mind most"),
    ("s", "pick a session"),
    ("p e", "what is visible as a picture, as a CSV file, into this directory"),
    ("r", "read the recording again"),
    ("Esc", "put the cursor away; leave"),
    ("q", "leave"),
    ("", "Lines are means; an upright stroke reaches up to a second that stands out."),
    ("", "Shares are means without strokes: short peaks are in the lines."),
    ("", "▾ marks a moment; ▸ in the list says that the new mood stayed."),
)
