"""What to type with a link to a room."""

from __future__ import annotations


def share_lines(link: str) -> list[str]:
    """The whole command that joins by this link."""
    return [f"resonance-tui join {link}"]
