"""The app's own theme: dark and quiet, so that the emotions carry the colour."""

from __future__ import annotations

import os

from textual.theme import Theme

from resonance_tui import palette

RESONANCE = Theme(
    name="resonance",
    primary=palette.PRIMARY,
    secondary=palette.SECONDARY,
    accent=palette.ACCENT,
    success=palette.SUCCESS,
    warning=palette.WARNING,
    error=palette.ERROR,
    foreground=palette.TEXT,
    background=palette.BACKGROUND,
    surface=palette.SURFACE,
    panel=palette.PANEL,
    dark=True,
    variables={
        "line": palette.LINE,
        "quiet": palette.QUIET,
        "track": palette.LINE,
        "border-blurred": palette.LINE,
        "input-selection-background": f"{palette.PRIMARY} 35%",
        "footer-key-foreground": palette.ACCENT,
    },
)


def heed_no_color() -> None:
    """By convention an empty NO_COLOR is none; Textual counts it. To be called before an app is."""
    if os.environ.get("NO_COLOR") == "":
        del os.environ["NO_COLOR"]
