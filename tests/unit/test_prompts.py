"""Prompts of a film: files that hold them, files that do not, and when each is shown."""

from __future__ import annotations

import asyncio
import math
from pathlib import Path
from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resonance_tui.commands.room.cues import read_prompts, show_prompts
from resonance_tui.errors import BrokerUnreachable, InputError
from resonance_tui.history.prompt_file import Prompt, next_change, parse_prompts, prompt_at
from resonance_tui.hosting.desk import Desk
from resonance_tui.protocol.questions import Question
from resonance_tui.protocol.rules import RoomRules

WEBVTT = """\ufeffWEBVTT - of the film
Kind: metadata

NOTE
00:00.000 --> 00:01.000
is no cue

STYLE
::cue { color: red }

1
00:05.000 --> 00:09.500 line:0 align:start
Look at the <b>door</b> &amp; say
what you <v Mia>feel

01:00:00.000 --> 01:00:05.000
? Who did it? | the cook | the cat
"""
CSV = 'start,end,text\n5,9.5,"Look, there"\n\n1:00:00,,? Who? | cook | cat\n0:02,Now\n'


def parse(text: str) -> tuple[Prompt, ...]:
    return parse_prompts(text.encode(), "cues")


def test_webvtt_is_read_as_browsers_read_it() -> None:
    first, second = parse(WEBVTT.replace("\n", "\r\n"))
    assert first == Prompt(5.0, 9.5, "Look at the door & say what you feel")
    assert (second.start, second.end) == (3600.0, 3605.0)
    assert second.question == ("Who did it?", "the cook", "the cat")
    assert second.words == "Who did it? the cook / the cat"


def test_csv_is_read_with_and_without_its_header_and_ends() -> None:
    now, look, who = parse(CSV)
    assert now == Prompt(2.0, 10.0, "Now")
    assert look == Prompt(5.0, 9.5, "Look, there")
    assert (who.start, who.end, who.question) == (3600.0, 3608.0, ("Who?", "cook", "cat"))
    assert parse(CSV.partition("\n")[2]) == (now, look, who)


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("WEBVTT\n\n00:05 -> 00:09\nLook", 3),
        ("WEBVTT\n\none\n00:05.000 --> soon\nLook", 4),
        ("WEBVTT\n\n00:05.000 --> 00:05.000\nLook", 3),
        ("WEBVTT\n\n00:05.000 --> 00:09.000\n\n", 3),
        ("1,2,Look\nfilm,4,there", 2),
        ("1,2,Look\n\n3", 3),
        ("1,2,Look\n3,2,there", 2),
        ("1,2,3,4", 1),
        ('1,2,"Look\n', 2),
        ("1,2,? Who? | cat", 1),
        ("1,2,? | cook | cat", 1),
        ("1,2,? Who? | cat | Cat", 1),
        ("1,2,? Who? |" + " | ".join("abcdefghi"), 1),
        ("-1,2,Look", 1),
        ("9999999999,Look", 1),
        ("²,Look", 1),
        ("1,2,\x1b\x07", 1),
        ("<html>", 1),
    ],
)
def test_what_is_no_cue_is_refused_with_its_line(text: str, line: int) -> None:
    with pytest.raises(InputError, match=f"cues, line {line}: "):
        parse(text)


@pytest.mark.parametrize(
    "data", [b"", b"\n\n", b"WEBVTT", b"start,end,text", b"\xff\xfe", b"a" * 10**6]
)
def test_a_file_without_cues_is_refused(data: bytes, tmp_path: Path) -> None:
    (tmp_path / "cues.vtt").write_bytes(data)
    with pytest.raises(InputError):
        read_prompts(tmp_path / "cues.vtt")
    with pytest.raises(InputError, match="cannot be read"):
        read_prompts(tmp_path / "none.vtt")


PIECES = [
    "WEBVTT",
    "\n",
    "\n\n",
    "00:05.000",
    " --> ",
    "1:00:05",
    "NOTE ",
    "<b>",
    "&amp;",
    ",",
    '"',
]
texts = st.one_of(st.text(), st.lists(st.sampled_from(PIECES) | st.text(max_size=3)).map("".join))


@given(texts)
def test_no_text_does_more_than_be_refused(text: str) -> None:
    try:
        prompts = parse(text)
    except InputError:
        return
    assert list(prompts) == sorted(prompts, key=lambda each: (each.start, each.end))
    for each in prompts:
        assert 0 <= each.start < each.end and each.words.isprintable()
        assert prompt_at(prompts, each.start) is not None


def test_of_two_prompts_at_once_the_newer_is_shown() -> None:
    long, short = Prompt(1, 10, "long"), Prompt(3, 5, "short")
    both = (long, short)
    shown = {at: prompt_at(both, at) for at in (0, 1, 3, 4.9, 5, 10)}
    assert shown == {0: None, 1: long, 3: short, 4.9: short, 5: long, 10: None}
    assert [next_change(both, at) for at in (0, 1, 3, 5, 10)] == [1, 3, 5, 10, math.inf]


class _Film:
    """A clock that a sleep moves, and a desk that notes what is shown when."""

    def __init__(
        self,
        monkeypatch: pytest.MonkeyPatch,
        *,
        lost_until: float = 0.0,
        stopped_at: float = math.inf,
        question: str = "",
    ) -> None:
        self.now, self.said, self._lost_until = 100.0, list[tuple[float, str]](), lost_until
        self._stopped_at = stopped_at
        self.rules = RoomRules(question=Question(1, question, ("cook", "cat"), 200))
        monkeypatch.setattr(asyncio, "sleep", self._sleep)

    async def _sleep(self, seconds: float) -> None:
        self.now += seconds
        if self.now - 100 >= self._stopped_at:
            raise asyncio.CancelledError

    async def act(
        self, name: str, value: str, *, is_noted: bool = True, whom: str | None = None
    ) -> None:
        if self.now - 100 < self._lost_until:
            raise BrokerUnreachable("Not connected.")
        assert is_noted == (name != "prompt")
        said = {"prompt": value, "ask": f"asked: {whom}", "close-question": "closed"}[name]
        self.said.append((self.now - 100, said))

    def run(self, prompts: tuple[Prompt, ...], position: float) -> None:
        desk = cast("Desk", self)
        asyncio.run(show_prompts(desk, prompts, position, clock=lambda: self.now))


FILM = Prompt(4, 6, "one"), Prompt(6, 9, "two"), Prompt(20, 30, "three")


def test_prompts_are_shown_at_their_times_and_taken_back(monkeypatch: pytest.MonkeyPatch) -> None:
    film = _Film(monkeypatch)
    film.run(FILM, 5)
    assert film.said == [(0, "one"), (1, "two"), (4, ""), (15, "three"), (25, "")]


def test_a_prompt_that_the_broker_did_not_take_is_shown_while_it_is_due(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    film = _Film(monkeypatch, lost_until=5)
    film.run(FILM, 0)
    assert film.said == [(6, "two"), (9, ""), (20, "three"), (30, "")]


def test_a_question_is_asked_once_and_no_line_stands_meanwhile(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    film = _Film(monkeypatch)
    film.run((Prompt(4, 9, "one"), Prompt(6, 8, "? Who? | cook | cat")), 0)
    assert film.said == [(4, "one"), (6, ""), (6, "asked: Who?"), (8, "one"), (9, "")]


@pytest.mark.parametrize(("present", "last"), [("Who?", "closed"), ("Why?", "asked: Who?")])
def test_stopped_meanwhile_a_question_is_taken_back_unless_it_is_anothers(
    monkeypatch: pytest.MonkeyPatch, present: str, last: str
) -> None:
    film = _Film(monkeypatch, stopped_at=7, question=present)
    with pytest.raises(asyncio.CancelledError):
        film.run((Prompt(6, 8, "? Who? | cook | cat"), Prompt(7, 9, "two")), 0)
    assert film.said[-1][1] == last
