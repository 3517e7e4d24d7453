"""Which texts a message does not quote."""

from __future__ import annotations

import pytest

from resonance_tui.secret import HIDDEN, describe


@pytest.mark.parametrize(
    "text",
    [
        "https://h/live?token=abcdef",
        "https://h/live?a=1&api-key=abcdef",
        "h/live?access_token=abcdef",
        "https://h/x?apikey=abcdef",
        "GOCSPX-abcdefgh1234",
        "ya29.abcdefgh1234",
        "AIzaSyabcdefgh1234",
    ],
)
def test_tokens_in_addresses_and_what_google_hands_out_are_hidden(text: str) -> None:
    assert describe(text) == HIDDEN


@pytest.mark.parametrize(
    "text",
    [
        "https://docs.google.com/spreadsheets/d/1AbC/edit?resourcekey=0-x#gid=0",
        "https://h/live?monkey=1",
        "keys.mp4",
        "Maiza",
    ],
)
def test_plain_words_and_addresses_are_quoted(text: str) -> None:
    assert describe(text) == repr(text)
