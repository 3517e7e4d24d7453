"""What terminals can draw, and what becomes of the rest."""

from __future__ import annotations

import re
import unicodedata
from pathlib import Path

import click
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.color import Color, ColorSystem
from rich.segment import Segment
from rich.style import Style
from textual.color import Color as ScreenColor

from resonance_tui import cli, palette
from resonance_tui.emotions import EMOTIONS, STYLES, draw_letters, has_glyphs
from resonance_tui.errors import InputError
from resonance_tui.terminal import Colours, Terminal, terminal
from resonance_tui.tui.base_app import BaseApp
from resonance_tui.tui.reduced import FewerColours, plain
from resonance_tui.widths import cells

ANY_COLOR = st.builds(Color.from_rgb, *[st.integers(0, 255)] * 3)
STYLES_OF_SCREENS = st.builds(
    lambda color, ground, bold: Style(bold=bold) + Style.from_color(color, ground),
    st.none() | ANY_COLOR,
    st.none() | ANY_COLOR,
    st.booleans(),
)


def reduced(style: Style, colours: Colours) -> Style:
    drawn = FewerColours(colours).apply([Segment("x", style)], ScreenColor(0, 0, 0))[0].style
    assert drawn is not None
    return drawn


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({"TERM": "xterm-256color"}, Terminal(Colours.TWO_HUNDRED_FIFTY_SIX)),
        ({"TERM": "xterm-256color", "COLORTERM": "truecolor"}, Terminal()),
        ({"TERM": "xterm-kitty"}, Terminal()),
        ({"TERM": "xterm"}, Terminal(Colours.SIXTEEN)),
        # Over ssh, where COLORTERM is left behind.
        ({"TERM": "xterm-ghostty"}, Terminal()),
        ({"TERM": "alacritty"}, Terminal()),
        ({"TERM": "foot-extra"}, Terminal()),
        ({"TERM": "wezterm"}, Terminal()),
        ({"TERM": "footage"}, Terminal(Colours.SIXTEEN)),
        ({"TERM": "tmux-256color", "COLORTERM": "truecolor", "TMUX": "x"}, Terminal()),
        # GNU screen hands on what the terminal around it can do, and cannot do it.
        ({"TERM": "screen", "COLORTERM": "truecolor", "STY": "1.x"}, Terminal(Colours.SIXTEEN)),
        (
            {"TERM": "screen-256color", "COLORTERM": "truecolor", "STY": "1.x"},
            Terminal(Colours.TWO_HUNDRED_FIFTY_SIX),
        ),
        ({"TERM": "linux", "COLORTERM": "truecolor"}, Terminal(Colours.SIXTEEN, is_plain=True)),
        ({"TERM": "dumb", "COLORTERM": "truecolor"}, Terminal(Colours.NONE, is_plain=True)),
        ({"TERM": "vt100"}, Terminal(Colours.NONE, is_plain=True)),
        ({"TERM": "vt220-w"}, Terminal(Colours.NONE, is_plain=True)),
        ({"TERM": "xterm-mono"}, Terminal(Colours.NONE)),
        ({}, Terminal(Colours.SIXTEEN)),
        ({"OS": "Windows_NT"}, Terminal()),
    ],
    ids=str,
)
def test_the_terminals_name_decides(environ: dict[str, str], expected: Terminal) -> None:
    assert terminal(environ) == expected


def test_a_setting_wins() -> None:
    dumb, kitty = {"TERM": "dumb"}, {"TERM": "xterm-kitty"}
    assert terminal(dumb, colours="16", characters="full") == Terminal(Colours.SIXTEEN)
    assert terminal(kitty, colours="none", characters="plain") == Terminal(Colours.NONE, True)


@pytest.mark.parametrize("setting", ["colours", "characters"])
@pytest.mark.parametrize("value", ["", "many", "TRUECOLOR", "x" * 500])
def test_a_setting_that_is_unknown_is_named(setting: str, value: str) -> None:
    with pytest.raises(InputError, match=r"screen\.col|screen\.cha") as caught:
        terminal({}, **{setting: value})
    assert "auto" in caught.value.hint


def test_a_stream_without_the_signs_gets_plain_ones() -> None:
    assert terminal({"TERM": "xterm"}, encoding="iso8859-1").is_plain
    assert not terminal({"TERM": "xterm"}, encoding="UTF-8").is_plain


def test_sixteen_colours_tell_seven_emotions_apart() -> None:
    numbers = {reduced(Style(color=STYLES[code].color), Colours.SIXTEEN).color for code in EMOTIONS}
    assert len(numbers) == len(EMOTIONS)
    assert set(palette.SIXTEEN) == {look.color for look in STYLES.values()}


@given(STYLES_OF_SCREENS, st.sampled_from([Colours.SIXTEEN, Colours.TWO_HUNDRED_FIFTY_SIX]))
def test_no_more_colours_are_drawn_than_there_are(style: Style, colours: Colours) -> None:
    drawn = reduced(style, colours)
    codes = drawn.render("x", color_system=ColorSystem.TRUECOLOR)
    assert not re.search(r"[34]8;2;", codes)
    assert colours is not Colours.SIXTEEN or not re.search(r"[34]8;5;", codes)
    assert drawn.bold == style.bold


@given(STYLES_OF_SCREENS)
def test_without_colours_what_stood_out_is_drawn_in_reverse(style: Style) -> None:
    drawn = reduced(style, Colours.NONE)
    assert drawn.color is None and drawn.bgcolor is None and drawn.bold == style.bold
    ground = style.bgcolor.get_truecolor() if style.bgcolor else (0, 0, 0)
    assert bool(drawn.reverse) == (max(ground) > 70)


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_plain_signs_are_as_many_and_letters_stay(text: str) -> None:
    found = plain(text)
    assert len(found) == len(text)
    for before, after in zip(text, found, strict=True):
        assert after == before or (after.isascii() and after.isprintable())
        assert after == before or not before.isalpha()


def test_every_sign_that_a_screen_draws_has_a_plain_one() -> None:
    package = Path(cli.__file__).parents[1]
    files = [*(package / "tui").rglob("*.py"), *(package / "charting").glob("*.py")]
    signs = {
        sign
        for file in (*files, package / "emotions.py")
        for sign in file.read_text("utf-8")
        if not sign.isascii() and not sign.isalpha() and unicodedata.category(sign) != "Mn"
    }
    assert len(signs) > 40
    unknown = {sign for sign in signs if plain(sign) == sign or plain(sign) == "?"}
    assert {sign for sign in unknown if cells(sign)} <= set("«»")


@pytest.mark.parametrize(
    ("environ", "is_coloured"),
    [({"TERM": "xterm"}, True), ({"TERM": "dumb"}, False), ({"NO_COLOR": "1"}, False),
     ({"TERM": "xterm", "NO_COLOR": ""}, True)],
    ids=str,
)  # fmt: skip
def test_lines_of_commands_are_coloured_where_that_is_wanted(
    environ: dict[str, str], is_coloured: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("TERM", "NO_COLOR"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    shown: list[bool | None] = []
    monkeypatch.setattr(click, "secho", lambda *_, color=None, **__: shown.append(color))
    assert cli.run_verb(cli.cli, ["history", "nothing-here"]) == 1
    assert shown == [None if is_coloured else False]


def test_without_glyphs_emotions_are_letters_all_of_them_different() -> None:
    kept = dict(STYLES)
    try:
        assert has_glyphs()
        draw_letters()
        assert not has_glyphs()
        assert len({look.glyph for look in STYLES.values()}) == len(STYLES)
        assert all(look.glyph.isascii() for look in STYLES.values())
    finally:
        STYLES.update(kept)


async def test_a_paler_emotion_keeps_its_colour_where_there_are_sixteen() -> None:
    app = BaseApp(Terminal(Colours.SIXTEEN))
    async with app.run_test():
        segments = [Segment("x", Style(color=palette.HAPPINESS, dim=True))]
        for each in app.get_line_filters():
            segments = each.apply(segments, ScreenColor(0, 0, 0))
    style = segments[0].style
    assert style is not None and style.color == Color.from_ansi(11) and style.dim
