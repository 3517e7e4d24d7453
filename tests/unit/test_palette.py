"""A colour stands in one place."""

from __future__ import annotations

import re
from pathlib import Path

import resonance_tui
from resonance_tui import palette

SOURCE = Path(resonance_tui.__file__).parent
COLOR = re.compile(r"#[0-9a-fA-F]{6}\b")


def test_only_the_palette_spells_out_colours() -> None:
    files = [*SOURCE.rglob("*.py"), *SOURCE.rglob("*.tcss")]
    with_colours = {file.name for file in files if COLOR.search(file.read_text())}
    assert with_colours == {"palette.py"}


def test_every_colour_of_the_palette_is_used() -> None:
    names = {name for name in vars(palette) if name.isupper()}
    elsewhere = "".join(
        file.read_text() for file in SOURCE.rglob("*.py") if file.name != "palette.py"
    )
    unused = {name for name in names if f"palette.{name}" not in elsewhere}
    assert not unused
