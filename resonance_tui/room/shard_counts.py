"""What an aggregator counts of the viewers in its shards: nine counts, and what lies beside them;
pure."""

from __future__ import annotations

from collections.abc import Callable

from resonance_tui.protocol.asides import Aside, total_of
from resonance_tui.protocol.events import AnswerEvent, Event, LeaveEvent, ReactionEvent, ReportEvent
from resonance_tui.protocol.topics import shard_of
from resonance_tui.protocol.values import RoomSettings
from resonance_tui.room.ballot import Ballot, age_of
from resonance_tui.room.conduct import FREE, Conduct
from resonance_tui.room.doubts import CONFIRM_S
from resonance_tui.room.reaction_counts import ShardReactions
from resonance_tui.room.tally import Tally


class ShardCounts:
    """Viewers' messages in, counts out; the same rules hold for all that is counted.

    `settings` are the room's. `at`: seconds by the room's clock, `now`: monotonic, `epoch_s`: epoch
    seconds.
    """

    def __init__(self, most_senders: int) -> None:
        self.settings = RoomSettings()
        self.tally = Tally()
        self.ballot = Ballot()
        self.reactions = ShardReactions(most_senders)
        self._conduct = FREE
        # What is counted in a shard beside its nine counts: one function for each kind.
        self._counters: tuple[Callable[[int], Aside], ...] = (
            self._reactions_of,
            self._teams_of,
            self.tally.aside,
            self.ballot.of_shard,
        )

    @property
    def fill_s(self) -> float:
        """How long after its SUBACK a shard's count is complete, at most: everybody has reported
        once."""
        return self.settings.heartbeat_s + CONFIRM_S

    def obey(self, conduct: Conduct) -> None:
        """What holds in the room from now on."""
        self._conduct = conduct
        self.tally.obey(conduct)
        self.ballot.obey(conduct)

    def watch(self, shards: frozenset[int]) -> None:
        """Counts the reports and answers of these shards, and drops those of all others."""
        self.tally.watch(shards)
        self.ballot.watch(shards)

    def take(self, event: Event, *, at: float, now: float, epoch_s: float) -> None:
        """Whatever a viewer says; nicknames are counted nowhere."""
        match event:
            case ReportEvent(is_retained=True):
                self._recall(event, at)
            case ReportEvent():
                self.tally.report(event.viewer_id, event.report, at)
            case ReactionEvent():
                self._take_reaction(event, now)
            case LeaveEvent():
                self.tally.leave(event.viewer_id, at, is_swept=event.is_swept)
            case AnswerEvent(answer=answer) if answer is not None:
                age_s = age_of(event.left_s) if event.is_retained else 0.0
                self.ballot.take(event.viewer_id, answer, epoch_s, age_s=age_s)
            case _:
                return

    def _recall(self, event: ReportEvent, at: float) -> None:
        age_s = self.settings.age_s(event.report, event.left_s)
        self.tally.recall(event.viewer_id, event.report, at, age_s, until=at + self.fill_s)

    def _take_reaction(self, event: ReactionEvent, now: float) -> None:
        if self._conduct.counts(event.viewer_id):
            said = event.boot, event.counts, now, event.newest
            self.reactions.take(shard_of(event.viewer_id), event.viewer_id, *said)

    def aside(self, shard: int) -> Aside:
        """All that is counted there beside the nine counts."""
        return total_of(count(shard) for count in self._counters)

    def _reactions_of(self, shard: int) -> Aside:
        return Aside(reactions=self.reactions.of(shard))

    def _teams_of(self, shard: int) -> Aside:
        return Aside(teams=self.tally.teams(shard))
