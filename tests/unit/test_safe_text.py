"""Text from strangers: readable stays readable, and nothing acts on the terminal."""

from __future__ import annotations

import re
import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.text import Text

from resonance_tui.errors import InvalidNickname
from resonance_tui.protocol.sanitize import clean_nickname, safe_text

NASTY = st.text(
    st.characters()
    | st.sampled_from("\x1b\x00\x07\x9b\u202e\u2066\u200b\u200d\ufeff\u2028\u0301\u20dd\ufe0f[]")
    | st.characters(categories=["Mn", "Me", "Mc", "Cf", "Cc", "Co", "So"])
    | st.sampled_from("\u200c\u200dකශර්ීमم‌یخو\u094d\u1039 \U0001fae8\U0001faf0"),
    max_size=80,
)


def acts(char: str) -> bool:
    """Whether a terminal could take it for more than a sign to draw."""
    is_drawn = char in "\u200c\u200d" or 0x1F300 <= ord(char) < 0x1FB00
    return unicodedata.category(char)[0] == "C" and not is_drawn


@given(NASTY, st.integers(1, 60))
@example("👨‍👩‍👧‍👦" * 10, 24)
@example("🇩🇪" * 20, 24)
@example("漢" * 30, 24)
@example("a" + "\u0301" * 500, 24)
@example("✌🏽" * 20, 24)
@example("\U0001f1e6" * 30, 24)
def test_nothing_in_it_acts_and_it_fits(text: str, limit: int) -> None:
    safe = safe_text(text, limit)
    assert len(safe) <= limit
    assert cell_len(safe) <= limit
    assert not [char for char in safe if acts(char)]
    assert not re.search(r"[\u200c\u200d](?![^\W\d_])", safe), "a joiner before no letter"
    assert not [char for char in safe if unicodedata.category(char) in ("Zl", "Zp", "Me")]
    assert "[" not in safe and "]" not in safe
    assert safe == safe.strip()
    assert "  " not in safe


@example("ല്\u200b\u200dക")
@example("ല്\u200c\u200dക")
@given(NASTY)
def test_once_safe_it_stays_as_it_is(text: str) -> None:
    assert safe_text(safe_text(text)) == safe_text(text)


@given(NASTY)
def test_markup_readers_find_no_markup(text: str) -> None:
    assert Text.from_markup(safe_text(text)).spans == []


@given(NASTY)
def test_accents_do_not_pile_up(text: str) -> None:
    run = 2  # a mark must not come first
    for char in safe_text(text):
        run = run + 1 if unicodedata.category(char)[0] == "M" else 0
        assert run <= 2


@pytest.mark.parametrize(
    "name",
    [
        "Alice", "Zoë", "Ömer Çelik", "Nguyễn Văn", "Дмитрий", "明美", "محمد", "สมชาย", "हिन्दी",
        "O'Neil <3", "a_b-c.d", "می\u200cخواهم", "ශ්\u200dරී", "க்ஷ", "🫨🩷", "🇩🇪🇫🇷", "क्षत्रिय",
        "ភាសាខ្មែរ", "က်မြန်မာ",
    ],
)  # fmt: skip
def test_names_of_the_world_stay_as_they_are(name: str) -> None:
    assert safe_text(name) == unicodedata.normalize("NFC", name)
    assert clean_nickname(name) == unicodedata.normalize("NFC", name)


@pytest.mark.parametrize(
    ("text", "safe"),
    [
        ("\x1b[31mred\x1b[0m", "(31mred(0m"),
        ("\x1b]0;title\x07x", ")0;titlex"),
        ("a\u202egnp.exe", "agnp.exe"),
        ("one\r\ntwo\u2028three\x85four", "one two three four"),
        ("A\u200b\u2060\ufeffB", "AB"),
        ("[bold red]Bob[/]", "(bold red)Bob(/)"),
        ("Z" + "\u0335" * 40 + "x", "Z\u0335\u0335x"),
        ("\u3164\u2800\u115f", ""),
        ("x" * 25, "x" * 23 + "…"),
        ("漢" * 13, "漢" * 11 + "…"),
        ("\x00\x01\x02", ""),
        ("👍🏽👍🏿 ok", "👍👍 ok"),
        ("👩\u200d👩\u200d👧", "👩👩👧"),
        ("❤\ufe0f", "❤"),
        ("a\u200db", "ab"),
        ("a\u200cb", "ab"),
        ("م\u200c", "م"),
        ("م \u200c ی", "م ی"),
        ("ශ්\u200d\u200dරී", "ශ්\u200dරී"),
        ("മോഹന്\u200dലാല്\u200d", "മോഹൻലാൽ"),
        ("അനില്\u200d\u200d കെ", "അനിൽ കെ"),
        ("\u200d" * 100 + "x", "x"),
    ],
)
def test_what_becomes_of_tricks(text: str, safe: str) -> None:
    assert safe_text(text) == safe


def test_a_megabyte_costs_no_more_than_a_line() -> None:
    assert safe_text("\u0301" * 1_000_000 + "x") == ""


# --- one's own nickname ------------------------------------------------------------------------


def test_blank_means_anonymous() -> None:
    assert clean_nickname("   ") == ""
    assert clean_nickname("  Alice ") == "Alice"


@pytest.mark.parametrize(
    ("typed", "why"),
    [
        ("x" * 25, "too long"),
        ("漢" * 13, "too long"),
        ("a\nb", "one line"),
        ("\x1b[31m", "one line"),
        ("\u200b\u200b", "no visible"),
    ],
)
def test_a_nickname_others_would_not_see_as_typed_is_refused(typed: str, why: str) -> None:
    with pytest.raises(InvalidNickname, match=why) as caught:
        clean_nickname(typed)
    assert caught.value.exit_code == 2


@given(NASTY)
def test_an_accepted_nickname_reaches_others_unchanged(text: str) -> None:
    try:
        nickname = clean_nickname(text)
    except InvalidNickname as error:
        assert not [char for char in error.message if acts(char)]
    else:
        assert safe_text(nickname) == nickname
