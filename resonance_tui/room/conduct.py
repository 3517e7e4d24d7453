"""What holds in a room for those who count and draw it: its rules, and one's own wishes."""

from __future__ import annotations

from dataclasses import dataclass

from resonance_tui.protocol.questions import Question
from resonance_tui.protocol.rules import RoomRules
from resonance_tui.room.private_answers import USUAL_EPSILON

SLOW_SLACK = 0.8  # of the time that slow mode asks for: messages arrive late and early


@dataclass(frozen=True, slots=True)
class Conduct:
    """Whom to count and whose name to show; quick to ask for every viewer."""

    excluded: frozenset[str] = frozenset()
    admitted: frozenset[str] | None = None  # None: everybody
    nameless: frozenset[str] = frozenset()
    shows_names: bool = True
    named: frozenset[str] = frozenset()  # whose names are shown all the same
    hosts: frozenset[str] = frozenset()
    slow_s: int = 0
    least: int = 0  # viewers from which on there are counts; 0: always
    teams: int = 0  # how many the host's list has
    blind_s: int | None = None  # seconds from the own reaction until there are; None: always
    private_epsilon: float = USUAL_EPSILON  # of private reports
    question: Question | None = None

    def counts(self, viewer_id: str) -> bool:
        """Whether this viewer is counted and shown."""
        is_in = self.admitted is None or viewer_id in self.admitted
        return is_in and viewer_id not in self.excluded

    def shows_name(self, viewer_id: str) -> bool:
        is_on = self.shows_names or viewer_id in self.named
        return is_on and viewer_id not in self.nameless

    @property
    def unnamed(self) -> frozenset[str]:
        """Whose name no line of text should hold: who is muted has not left."""
        return self.excluded | self.nameless

    @property
    def patience_s(self) -> float:
        """Seconds after a change within which no other one of the same viewer is taken."""
        return SLOW_SLACK * self.slow_s


FREE = Conduct()  # of a room without rules


def conduct_of(
    rules: RoomRules | None,
    *,
    muted_here: frozenset[str] = frozenset(),
    hides_names: bool = False,
) -> Conduct:
    """`muted_here` and `hides_names`: what this viewer wants for itself alone."""
    if rules is None:
        return Conduct(muted_here, shows_names=not hides_names)
    return Conduct(
        excluded=muted_here.union(rules.muted, rules.removed),
        admitted=admitted_by(rules),
        nameless=frozenset(rules.hidden_names),
        shows_names=not (hides_names or rules.nicknames_off),
        hosts=frozenset(rules.host_ids),
        slow_s=rules.slow_s,
        least=rules.least,
        teams=len(rules.teams),
        blind_s=rules.blind_s if rules.blind else None,
        private_epsilon=rules.private_epsilon or USUAL_EPSILON,
        question=rules.question,
    )


def admitted_by(rules: RoomRules) -> frozenset[str] | None:
    """Who alone is counted; None for everybody. A host is never locked out."""
    if not (rules.is_locked and rules.admitted):
        return None
    return frozenset((*rules.admitted, *rules.host_ids))
