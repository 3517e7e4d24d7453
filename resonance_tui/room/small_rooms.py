"""Small rooms: which counts may be shown so that nobody's own state is read from them; pure.

The rule is made of three that statistical offices use for tables of counts (Hundepool et al.,
Statistical Disclosure Control, 2012, chapters 5.2 to 5.4):

1. threshold: of fewer than k viewers there is no table;
2. rounding to base 3, downwards: the state of two viewers at least stays out of every table, so
   that the other viewers are unknown even to somebody who is in it;
3. a least difference: a table stays as it is until three viewers at least have come, gone, or
   changed, so that no difference of two tables is one viewer's.

docs/measures.md says what this does not stop.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from resonance_tui.protocol.asides import Answers, Aside, added
from resonance_tui.protocol.questions import Question
from resonance_tui.protocol.values import NO_COUNTS, Counts

STEP = 3  # counts are shown in multiples of it
LEFT_OUT = 2  # viewers at least whose state is in no table
MOVED_LEAST = 3  # viewers between two tables
LEAST_DEFAULT = 5  # viewers, where nicknames are off


@dataclass(frozen=True, slots=True)
class Table:
    """What may be shown of a room. `counts` are nine, in steps of three."""

    viewers: int  # of `counts`; everybody, while there are none
    counts: Counts = NO_COUNTS
    missing: int = 0  # viewers, until there are counts; 0: these are they


class SmallRoom:
    """Counts in, tables out. Keeps the newest one: later ones must not differ by one viewer."""

    def __init__(self) -> None:
        self._made_from: Counts | None = None
        self._table = Table(0)
        self._teams: dict[int, SmallRoom] = {}
        # Of a question's id, and how many answers it has.
        self._answered: tuple[tuple[int, int], SmallRoom] | None = None
        self._reacted: Counts = ()  # the counters as they were last
        self._untold: Counts = ()  # of them, what came from too few

    def aside(
        self, aside: Aside, table: Table, least: int, question: Question | None = None
    ) -> Aside:
        """What may be shown beside that table: a team or an answer is a table of its own. Reactions
        are no viewers, but what came while there were too few is never told; and private reports
        say nothing of one. Nor do answers to a private
        `question`, the host's: their noise can only be taken out of exact counts, so these are not
        rounded here."""
        reactions = self._told_reactions(aside.reactions, is_told=not table.missing)
        if table.missing:
            return Aside()
        teams = {
            team: self._teams.setdefault(team, SmallRoom())._part(nine, least)
            for team, nine in aside.teams.items()
        }
        answers = aside.answers
        if answers is not None:
            is_private = _is_private(answers, question)
            counts = _if_enough if is_private else self._of_question
            answers = replace(answers, counts=counts(answers, least))
        return replace(aside, teams=teams, answers=answers, reactions=reactions)

    def _told_reactions(self, counters: Counts, *, is_told: bool) -> Counts:
        """Counters that only rise, without what they rose by while nothing was told."""
        before = self._reacted or (0,) * len(counters)
        if counters and not is_told:
            rises = [max(0, now - then) for now, then in zip(counters, before, strict=True)]
            self._untold = added(self._untold, tuple(rises))
        self._reacted = counters or self._reacted
        if not self._untold or not counters:
            return counters
        told = zip(counters, self._untold, strict=True)
        return tuple(max(0, now - untold) for now, untold in told)

    def _of_question(self, answers: Answers, least: int) -> Counts:
        """One question is kept: a forger could name any, and each with any number of answers."""
        asked = answers.question, len(answers.counts)
        if self._answered is None or self._answered[0] != asked:
            self._answered = asked, SmallRoom()
        return self._answered[1]._part(answers.counts, least)

    def _part(self, counts: Counts, least: int) -> Counts:
        table = self.table(counts, least)
        return (0,) * len(counts) if table.missing else table.counts

    def table(self, counts: Counts, least: int, private: int = 0) -> Table:
        """What may be shown of a room with these nine counts, from `least` viewers on. `private`:
        how many there are besides, whose reports are randomised."""
        present = sum(counts) + private
        if present < least:
            return Table(present, missing=least - present)
        if self._made_from is None or moved(self._made_from, counts) >= MOVED_LEAST:
            self._made_from, self._table = counts, Table(sum(counts), in_steps(counts))
        return self._table


def _is_private(answers: Answers, question: Question | None) -> bool:
    return question is not None and question.is_private and question.id == answers.question


def _if_enough(answers: Answers, least: int) -> Counts:
    return answers.counts if sum(answers.counts) >= least else (0,) * len(answers.counts)


def in_steps(counts: Sequence[int]) -> Counts:
    """Each count rounded down to a multiple of `STEP`; the largest further down, where fewer than
    `LEFT_OUT` viewers would be left out."""
    shown = [count // STEP * STEP for count in counts]
    while any(shown) and sum(counts) - sum(shown) < LEFT_OUT:
        shown[shown.index(max(shown))] -= STEP
    return tuple(shown)


def moved(before: Sequence[int], after: Sequence[int]) -> int:
    """How many viewers have come, gone or changed at least, for one to become the other."""
    differences = [new - old for old, new in zip(before, after, strict=True)]
    return max(sum(each for each in differences if each > 0), -sum(min(d, 0) for d in differences))
