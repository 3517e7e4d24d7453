"""Ringing and telling the desktop when something happens in the room; off unless asked for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from resonance_tui.session.events import HappeningKind
from resonance_tui.widths import printable

QUIET_KINDS: frozenset[HappeningKind] = frozenset({"recording_on", "recording_off"})
AlertKind = Literal["bell", "notify"]
ALERTS: tuple[AlertKind, ...] = ("bell", "notify")
GAP_S = 2.0  # between two alerts; a burst of happenings rings once
MOST_CHARACTERS = 120
TITLE = "resonance"
_BY_777 = ("rxvt", "foot")  # terminals that know no other sequence, by the start of TERM


@dataclass(frozen=True, slots=True)
class Alerts:
    """How a person wants to be told: by the terminal's bell, by a notification of the desktop."""

    bell: bool = False
    notify: bool = False


def desktop_notice(text: str, environ: Mapping[str, str]) -> str:
    """The sequence that lets a terminal notify the desktop: OSC 9, or OSC 777 where that is what
    it knows. A terminal that knows neither ignores it. In tmux it is passed through."""
    body = printable(text)[:MOST_CHARACTERS].replace(";", ",")
    is_777 = environ.get("TERM", "").startswith(_BY_777) or "VTE_VERSION" in environ
    order = f"777;notify;{TITLE};{body}" if is_777 else f"9;{TITLE}: {body}"
    sequence = f"\x1b]{order}\x07"
    if environ.get("TMUX"):
        return f"\x1bPtmux;{sequence.replace(chr(27), chr(27) * 2)}\x1b\\"
    return sequence
