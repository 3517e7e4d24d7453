"""What is counted in a room beside its nine counts; every part is optional. Pure values."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from resonance_tui.protocol.values import Counts

REACTION_KINDS = 8
TEAMS_MOST = 8
CHOICES_MOST = 8  # answers that a question offers


@dataclass(frozen=True, slots=True)
class Answers:
    """How often each answer to one question was chosen."""

    question: int  # its id; a later question has a higher one
    counts: Counts  # one for each answer that it offers


@dataclass(frozen=True, slots=True)
class Asked:
    """The host's question, as far as counts of its answers have to fit it."""

    question: int  # its id
    choices: int  # how many answers it offers

    def fits(self, answers: Answers) -> bool:
        return (answers.question, len(answers.counts)) == (self.question, self.choices)


@dataclass(frozen=True, slots=True)
class Aside:
    """Counts of one shard, of one edge or of the whole room, beside its nine.

    `private`: nine counts of randomised reports, which are in no other counts. `reactions`: how
    often each kind was sent since its counter began; eight. `teams`: nine counts of each team that
    somebody is in; `private` and `teams` in the order of `Emotion`. Empty: nothing of the kind.
    """

    private: Counts = ()
    answers: Answers | None = None
    reactions: Counts = ()
    teams: Mapping[int, Counts] = field(default_factory=dict[int, Counts])

    def __bool__(self) -> bool:
        return self != NOTHING


NOTHING = Aside()


@dataclass(frozen=True, slots=True)
class AsidePartial:
    """What one aggregator counted beside its partial. Of two of one agent and shard the higher
    `(boot, seq)` holds."""

    boot: int  # of the agent's partials
    seq: int
    shards: Mapping[int, Aside]  # all that it tells of, empty ones too


def total_of(asides: Iterable[Aside], asked: Asked | None = None) -> Aside:
    """The sum. Answers to another question than `asked` do not count: anybody may name one. Where
    that is not known, those to the newest question are counted."""
    total = NOTHING
    for each in asides:
        if asked is not None and each.answers is not None and not asked.fits(each.answers):
            each = replace(each, answers=None)
        if each:
            total = _sum(total, each) if total else each
    return total


def _sum(one: Aside, other: Aside) -> Aside:
    return Aside(
        added(one.private, other.private),
        _answers(one.answers, other.answers),
        added(one.reactions, other.reactions),
        {
            team: added(one.teams.get(team, ()), other.teams.get(team, ()))
            for team in sorted({*one.teams, *other.teams})
        },
    )


def added(one: Counts, other: Counts) -> Counts:
    """Two equally long rows of counts, or one where the other is empty."""
    if not (one and other):
        return one or other
    return tuple(first + second for first, second in zip(one, other, strict=True))


def _answers(one: Answers | None, other: Answers | None) -> Answers | None:
    if one is None or other is None:
        return one or other
    if one.question != other.question:
        return max(one, other, key=lambda each: each.question)
    if len(one.counts) != len(other.counts):
        return one
    return Answers(one.question, added(one.counts, other.counts))
