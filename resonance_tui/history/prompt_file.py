"""Pure: what a host wants to say or ask at times of a film, read from a WebVTT or CSV file.

A text that begins with a question mark is a question, its answers after bars:
`? Which map? | Dust | Mirage`.
"""

from __future__ import annotations

import csv
import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import unescape

from resonance_tui.errors import InputError
from resonance_tui.protocol.rules import WORD_MOST
from resonance_tui.protocol.sanitize import safe_text
from resonance_tui.room.asking import act_value
from resonance_tui.texts import mark

PROMPTS_MOST = 5000
BYTES_MOST = 1_000_000
STAYS_S = 8.0  # where a row of CSV says no end
LATEST_S = 360_000.0  # a hundred hours
SHOWN = mark("WebVTT, or CSV with the columns start, end, text.")

_CLOCK = re.compile(r"(?:(\d{1,3}):)?(?:(\d{1,2}):)?(\d{1,6}(?:[.,]\d{1,6})?)", re.ASCII)
_TIMES = re.compile(r"\s*(\S+)\s+-->\s+(\S+)(?:\s.*)?")
_TAG = re.compile(r"<[^<>]*>")
_NO_CUE = ("NOTE", "STYLE", "REGION")


@dataclass(frozen=True, slots=True)
class Prompt:
    """Words on the screens of a room, from `start` to `end` (s of the film)."""

    start: float
    end: float
    text: str  # one line, safe to draw

    @property
    def question(self) -> tuple[str, ...]:
        """A question and its answers, two at least; empty where it is none."""
        if not self.text.startswith("?"):
            return ()
        parts = tuple(part.strip() for part in self.text[1:].split("|"))
        return parts if len(parts) > 2 and all(parts) else ()

    @property
    def words(self) -> str:
        """As a line to read."""
        question, *answers = self.question or (self.text,)
        return f"{question} {' / '.join(answers)}".strip()


def parse_prompts(data: bytes, name: str) -> tuple[Prompt, ...]:
    """In order of time. `name`: of the file. Raises InputError, with the line if it is of one."""
    if len(data) > BYTES_MOST:
        words = mark(
            "{name} is no file of cues: more than {most} bytes.", name=name, most=BYTES_MOST
        )
        raise InputError(words, SHOWN)
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise InputError(mark("{name} is no text in UTF-8.", name=name), SHOWN) from None
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    is_webvtt = re.match(r"WEBVTT(\s|$)", lines[0]) is not None
    try:
        found = list(_of_webvtt(lines) if is_webvtt else _of_csv(lines))
    except _NoCue as error:
        line, why = error.args
        words = mark("{name}, line {line}: {why}", name=name, line=line, why=why)
        raise InputError(words, SHOWN) from None
    if not found:
        raise InputError(mark("There is no cue in {name}.", name=name), SHOWN)
    if len(found) > PROMPTS_MOST:
        words = mark("{name} has more than {most} cues.", name=name, most=PROMPTS_MOST)
        raise InputError(words, mark("Split it."))
    return tuple(sorted(found, key=lambda each: (each.start, each.end)))


class _NoCue(Exception):
    """A line that cannot be meant: its number, and why, a sentence for `tr`."""


def _of_webvtt(lines: Sequence[str]) -> Iterator[Prompt]:
    number = 0
    while number < len(lines):
        first = number
        while number < len(lines) and lines[number].strip():
            number += 1
        if first and not lines[first].startswith(_NO_CUE):
            yield from _of_block(lines[first:number], first + 1)
        number += 1


def _of_block(block: Sequence[str], number: int) -> Iterator[Prompt]:
    """`number`: of its first line. A name may stand before the times."""
    at = next((index for index, line in enumerate(block[:2]) if "-->" in line), None)
    if at is None:
        if block:
            raise _NoCue(number, mark("times as 00:05.000 --> 00:09.000 are missing."))
        return
    times = _TIMES.fullmatch(block[at])
    if times is None:
        raise _NoCue(number + at, mark("these are no times as 00:05.000 --> 00:09.000."))
    text = " ".join(unescape(_TAG.sub("", line)) for line in block[at + 1 :])
    yield _prompt(times[1], times[2], text, number + at)


def _of_csv(lines: Sequence[str]) -> Iterator[Prompt]:
    reader = csv.reader((f"{line}\n" for line in lines), strict=True)
    is_first = True
    try:
        for row in reader:
            if not any(cell.strip() for cell in row):
                continue
            is_header, is_first = is_first and row[0].strip().lower() == "start", False
            if is_header:
                continue
            if len(row) not in (2, 3):
                raise _NoCue(reader.line_num, mark("a row has start, end, text."))
            start, end, text = row if len(row) == 3 else (row[0], "", row[1])
            yield _prompt(start, end, text, reader.line_num)
    except csv.Error as error:
        raise _NoCue(reader.line_num, mark("no CSV ({error}).", error=error)) from None


def _prompt(start: str, end: str, text: str, line: int) -> Prompt:
    begins = _seconds(start, line)
    ends = _seconds(end, line) if end.strip() else begins + STAYS_S
    if ends <= begins:
        raise _NoCue(line, mark("a cue ends after it begins."))
    words = safe_text(" ".join(text.split()), WORD_MOST)
    if not words:
        raise _NoCue(line, mark("a cue without words."))
    prompt = Prompt(begins, ends, words)
    if words.startswith("?") and "|" in words:
        _check_question(prompt, line)
    return prompt


def _check_question(prompt: Prompt, line: int) -> None:
    if not prompt.question:
        raise _NoCue(line, mark("a question is: ? text | answer | answer"))
    question, *answers = prompt.question
    try:
        act_value(question, answers, at=0, open_s=1)
    except InputError as error:
        raise _NoCue(line, error.message) from None


def _seconds(text: str, line: int) -> float:
    """Of 83, 1:23, 00:01:23.500."""
    match = _CLOCK.fullmatch(text.strip())
    if match is None:
        raise _NoCue(line, mark("a time is seconds, or as 1:23 or 00:01:23.500."))
    *places, last = (part for part in match.groups() if part is not None)
    seconds = float(last.replace(",", "."))
    for place, factor in zip(reversed(places), (60, 3600), strict=False):
        seconds += factor * int(place)
    if seconds > LATEST_S:
        raise _NoCue(line, mark("a time of more than a hundred hours."))
    return seconds


def prompt_at(prompts: Sequence[Prompt], position: float) -> Prompt | None:
    """The one that is shown at that second of the film: of several the newest."""
    shown = [each for each in prompts if each.start <= position < each.end]
    return max(shown, key=lambda each: each.start, default=None)


def next_change(prompts: Sequence[Prompt], position: float) -> float:
    """When another one is shown, or none any more; infinite after the last."""
    times = (time for each in prompts for time in (each.start, each.end) if time > position)
    return min(times, default=math.inf)
