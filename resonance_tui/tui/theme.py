"""The app's own theme: dark and quiet, so that the emotions carry the colour."""

from __future__ import annotations

import os

from textual.theme import Theme

RESONANCE = Theme(
    name="resonance",
    primary="#7aa2c8",
    secondary="#8f8fb8",
    accent="#86c5c0",
    success="#7fb68a",
    warning="#d9b26a",
    error="#e0796f",
    foreground="#d5d8e0",
    background="#11131a",
    surface="#161922",
    panel="#1d212c",
    dark=True,
    variables={
        "line": "#2b3140",
        "quiet": "#868da0",
        "track": "#2b3140",
        "border-blurred": "#2b3140",
        "input-selection-background": "#7aa2c8 35%",
        "footer-key-foreground": "#86c5c0",
    },
)


def heed_no_color() -> None:
    """By convention an empty NO_COLOR is none; Textual counts it. To be called before an app is."""
    if os.environ.get("NO_COLOR") == "":
        del os.environ["NO_COLOR"]
