"""Answers to the host's question: one a viewer, counted by shard; pure."""

from __future__ import annotations

from dataclasses import dataclass

from resonance_tui.protocol.asides import NOTHING, Answers, Aside, Asked
from resonance_tui.protocol.messages import ANSWER
from resonance_tui.protocol.questions import Answer, Question
from resonance_tui.protocol.topics import shard_of
from resonance_tui.protocol.values import SHARDS
from resonance_tui.room.conduct import FREE, Conduct


@dataclass(slots=True)
class _Cast:
    answer: Answer
    made_at: float  # epoch seconds


class Ballot:
    """Answers in, counts out; the same whatever the order they came in.

    Of each viewer the newest answer to the question is kept, also of one that left; an answer that
    was heard of too late, or that the question does not offer, is none. Answers to a question that
    is not known yet wait for it: rules and answers cross each other.
    """

    def __init__(self, *, max_viewers: int = 200_000) -> None:
        self.question: Question | None = None
        self._max_viewers = max_viewers
        self._conduct = FREE
        self._cast: dict[str, _Cast] = {}  # to the question
        self._id = 0  # of the question that those are to
        self._watched: frozenset[int] | None = None  # None: all
        self._ahead: dict[str, _Cast] = {}  # to one that is not known yet
        self._counts: list[list[int]] = []  # of each shard, a count for each answer

    def obey(self, conduct: Conduct) -> None:
        """What holds in the room from now on, its question included. Costs a look at every answer
        where that changes."""
        if conduct == self._conduct:
            return
        self.question, self._conduct = conduct.question, conduct
        if self.question is not None and self._id != self.question.id:
            self._id = self.question.id
            waiting, self._cast, self._ahead = self._ahead, {}, {}
            for viewer_id, cast in waiting.items():
                self._sort_in(viewer_id, cast, self.question)
        self._count_again()

    def _sort_in(self, viewer_id: str, cast: _Cast, question: Question) -> None:
        if cast.answer.question > question.id:
            self._ahead[viewer_id] = cast
        elif cast.answer.question == question.id:
            self._cast[viewer_id] = cast

    def _count_again(self) -> None:
        width = len(self.question.choices) if self.question is not None else 0
        self._counts = [[0] * width for _ in range(SHARDS)]
        for viewer_id, cast in self._cast.items():
            self._add(viewer_id, cast, 1)

    def take(self, viewer_id: str, answer: Answer, at: float, *, age_s: float = 0.0) -> bool:
        """Whether this is a viewer's newest word. `at`: epoch seconds; `age_s`: for how long a
        broker has kept it."""
        question, cast = self.question, _Cast(answer, at - age_s)
        if question is None or answer.question > question.id:
            return self._keep(self._ahead, viewer_id, cast)
        is_to_it = answer.question == question.id and answer.choice <= len(question.choices)
        if not (is_to_it and question.takes(cast.made_at)):
            return False
        before = self._cast.get(viewer_id)
        if not self._keep(self._cast, viewer_id, cast):
            return False
        if before is not None:
            self._add(viewer_id, before, -1)
        self._add(viewer_id, cast, 1)
        return True

    def _keep(self, among: dict[str, _Cast], viewer_id: str, cast: _Cast) -> bool:
        known = among.get(viewer_id)
        if known is None and len(among) >= self._max_viewers:
            return False
        is_same = known is not None and known.answer.question == cast.answer.question
        if is_same and known is not None and cast.answer.order <= known.answer.order:
            return False
        among[viewer_id] = cast
        return True

    def _add(self, viewer_id: str, cast: _Cast, by: int) -> None:
        question, answer = self.question, cast.answer
        if question is None or answer.question != question.id:
            return
        if not self._conduct.counts(viewer_id):
            return
        if 1 <= answer.choice <= len(question.choices) and question.takes(cast.made_at):
            self._counts[shard_of(viewer_id)][answer.choice - 1] += by

    def watch(self, shards: frozenset[int]) -> None:
        """Drops the answers of all other shards."""
        if shards == self._watched:
            return
        self._watched = shards
        others = [each for each in self._cast if shard_of(each) not in shards]
        for viewer_id in others:
            self._add(viewer_id, self._cast.pop(viewer_id), -1)
        for viewer_id in [each for each in self._ahead if shard_of(each) not in shards]:
            del self._ahead[viewer_id]

    def of_shard(self, shard: int) -> Aside:
        """Nothing while nothing was asked, or nobody in it has answered."""
        if self.question is None or not any(self._counts[shard]):
            return NOTHING
        return Aside(answers=Answers(self.question.id, tuple(self._counts[shard])))

    @property
    def asked(self) -> Asked | None:
        """What others' counts of answers have to be of."""
        question = self.question
        return None if question is None else Asked(question.id, len(question.choices))

    @property
    def answers(self) -> Answers | None:
        """Of the whole room; None while nothing was asked."""
        if self.question is None:
            return None
        return Answers(self.question.id, tuple(map(sum, zip(*self._counts, strict=True))))


def age_of(left_s: float | None) -> float:
    """For how long a broker has kept an answer that it forgets after `left_s` more; 0 where it
    does not say."""
    return 0.0 if left_s is None else max(0.0, ANSWER.lifetime_s - left_s)
