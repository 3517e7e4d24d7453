"""Answers to the host's question: one a viewer, counted by shard; pure."""

from __future__ import annotations

from dataclasses import dataclass

from resonance_tui.protocol.asides import NOTHING, Answers, Aside
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
        self._cast: dict[str, _Cast] = {}
        self._counts: list[list[int]] = []  # of each shard, a count for each answer

    def obey(self, conduct: Conduct) -> None:
        """What holds in the room from now on, its question included. Costs a look at every answer
        where that changes."""
        if conduct == self._conduct:
            return
        self._conduct, self.question = conduct, conduct.question
        if self.question is not None:
            oldest = self.question.id
            self._cast = {
                viewer_id: cast
                for viewer_id, cast in self._cast.items()
                if cast.answer.question >= oldest
            }
        self._count_again()

    def _count_again(self) -> None:
        width = len(self.question.choices) if self.question is not None else 0
        self._counts = [[0] * width for _ in range(SHARDS)]
        for viewer_id, cast in self._cast.items():
            self._add(viewer_id, cast, 1)

    def take(self, viewer_id: str, answer: Answer, at: float, *, age_s: float = 0.0) -> bool:
        """Whether this is a viewer's newest word. `at`: epoch seconds; `age_s`: for how long a
        broker has kept it."""
        known, current = self._cast.get(viewer_id), self.question.id if self.question else 0
        cast = _Cast(answer, at - age_s)
        if answer.question < current:
            return False
        if self.question is not None and answer.question == current:
            is_fit = answer.choice <= len(self.question.choices)
            if not (is_fit and self.question.takes(cast.made_at)):
                return False
        if known is None:
            if len(self._cast) >= self._max_viewers:
                return False
        elif not self._is_newer(answer, known.answer, current):
            return False
        else:
            self._add(viewer_id, known, -1)
        self._cast[viewer_id] = cast
        self._add(viewer_id, cast, 1)
        return True

    @staticmethod
    def _is_newer(answer: Answer, known: Answer, current: int) -> bool:
        """What answers the question holds over what answers none that is known."""
        if answer.question == known.question:
            return answer.order > known.order
        return known.question != current

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
        others = [each for each in self._cast if shard_of(each) not in shards]
        for viewer_id in others:
            self._add(viewer_id, self._cast.pop(viewer_id), -1)

    def of_shard(self, shard: int) -> Aside:
        """Nothing while nothing was asked, or nobody in it has answered."""
        if self.question is None or not any(self._counts[shard]):
            return NOTHING
        return Aside(answers=Answers(self.question.id, tuple(self._counts[shard])))

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
