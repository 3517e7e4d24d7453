"""How many cells a text may take, and that nothing of it moves what stands behind it."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from rich.cells import cell_len

from resonance_tui.protocol.sanitize import safe_text
from resonance_tui.tui.placed import placed
from resonance_tui.tui.styles import fit
from resonance_tui.widths import cells, cut, wrap

SIGNS = st.text(
    st.characters()
    | st.characters(categories=["Mn", "Mc", "So", "Lo"])
    | st.sampled_from("🇩🇪👍🏽\u200d\ufe0f☺漢ද්\U0001fae8"),
    max_size=60,
)


@pytest.mark.parametrize(
    ("text", "wide"),
    [
        ("Ann", 3), ("漢", 2), ("e\u0301", 1), ("நிலா", 4), ("🇩🇪", 4), ("👍", 2), ("🫨", 2),
        ("می\u200cخواهم", 7), ("ශ්\u200dරී", 2), ("", 0), ("ｱ", 1), ("က်မြန်မာ", 6),
    ],
)  # fmt: skip
def test_the_most_that_a_terminal_takes(text: str, wide: int) -> None:
    assert cells(text) == wide


@given(SIGNS)
@example("🇩🇪" * 12)
@example("ද්\u200dර" * 8)
def test_rich_never_counts_more_in_what_strangers_write(text: str) -> None:
    safe = safe_text(text)
    assert cell_len(safe) <= cells(safe) <= 24


@given(SIGNS, st.integers(0, 40))
def test_what_is_fitted_is_as_wide_as_asked_and_has_room_on_every_terminal(
    text: str, width: int
) -> None:
    fitted = fit(safe_text(text), width)
    assert cell_len(fitted) == width
    assert cells(fitted.rstrip(" ")) <= width


@given(SIGNS, st.integers(1, 40))
def test_what_is_cut_says_so(text: str, width: int) -> None:
    shorter = cut(text, width)
    assert cells(shorter) <= width
    assert shorter == text or shorter.endswith("…")


# --- where it is drawn --------------------------------------------------------------------------


def drawn(data: str, count: Callable[[str], int]) -> list[str]:
    """The cells of a terminal that counts with `count`, after it got `data`."""
    line, at, kept = [" "] * 200, 0, 0
    for piece in re.findall(r"\x1b[78]|\x1b\[[\d;]*[A-Za-z]|[^\x1b]", data):
        if piece == "\x1b7":
            kept = at
        elif piece == "\x1b8":
            at = kept
        elif piece.startswith("\x1b"):
            at += int(piece[2:-1]) if piece.endswith("C") else 0
        else:
            line[at : at + count(piece)] = [piece] * count(piece)
            at += count(piece)
    return line


def few(char: str) -> int:
    """A terminal that knows little: spacing marks take nothing, new emoji and flags one cell."""
    if unicodedata.category(char)[0] == "M":
        return 0
    return min(cells(char), 1) if placed(f"{char}") != char else cells(char)


@given(SIGNS, st.integers(1, 30))
@example("👍👍👍 ok", 12)
@example("க்ஷத்ரிய", 10)
@example("🇩🇪🇫🇷 eu", 12)
@example("ද්\u200dර" * 3, 9)
def test_what_stands_behind_keeps_its_column_on_every_terminal(text: str, width: int) -> None:
    data = placed(f"\x1b[1;31m{fit(safe_text(text), width)}\x1b[0m\x1b[32m 80%\x1b[0m│")
    for count in (cell_len, cells, few):
        assert drawn(data, count)[width : width + 5] == list(" 80%│")


def test_a_joined_name_is_shown_whole_though_rich_counts_less() -> None:
    name = fit("ශ්\u200dරී", 6)
    assert cell_len("ශ්\u200dරී") < cells("ශ්\u200dරී")
    assert drawn(placed(f"\x1b[1m{name}\x1b[0m"), cells)[:6] == ["ශ", "ර", *"    "]


def test_plain_text_is_left_alone() -> None:
    data = "\x1b[1mAnn Zoë Дмитрий 明美\x1b[0m ─╮│"
    assert placed(data) == data


def test_sequences_stay_whole() -> None:
    data = "\x1b[1;31m☺\x1b[0m\x1b]0;☺\x07\x1b[3;4H"
    assert placed(data) == "\x1b[1;31m\x1b7 \x1b8☺\x1b8\x1b[1C\x1b[0m\x1b]0;☺\x07\x1b[3;4H"


def test_what_has_no_width_is_not_moved() -> None:
    assert placed("\x1b[1m\u0301\x1b[0m") == "\x1b[1m\u0301\x1b[0m"


@given(st.text(st.sampled_from("字體，。（」ab -–…☺"), max_size=60), st.integers(10, 40))
def test_a_wrapped_paragraph_loses_nothing_and_fits(text: str, width: int) -> None:
    lines = wrap(text, width)
    assert "".join(lines).replace(" ", "") == text.replace(" ", "")
    for line in lines:
        assert cells(line) <= width or " " not in line.strip()


def test_a_line_of_chinese_ends_between_signs_and_not_before_a_comma() -> None:
    assert wrap("畫面和說明，例如 zh_TW（預設：依 LANG）。", 12) == [
        *("畫面和說明，", "例如 zh_TW", "（預設：依", "LANG）。")
    ]
