"""Whether a broker carries what one answers and reacts with; pure.

Access rules that a version before wrote know neither answers nor reactions, and drop them. A broker
of MQTT 5 says so; any other one says nothing, but who hears the whole room hears themselves, too.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable

from resonance_tui.protocol.events import AnswerEvent, Event, ReactionEvent
from resonance_tui.protocol.messages import ANSWER, REACTION
from resonance_tui.texts import mark, tr

ECHO_WITHIN_S = 5.0  # of a line that answers

DROPPED = {
    ANSWER.kind: mark(
        "Your answer does not count: this broker's access rules are old; its host renews them "
        "with: {command}"
    ),
    REACTION.kind: mark(
        "Your reactions reach nobody: this broker's access rules are old; its host renews them "
        "with: {command}"
    ),
}
RENEW = "resonance-tui broker"  # started again; docs/brokers.md has it for all others


class Echoes:
    """Follows one viewer at one broker. Times are monotonic seconds."""

    def __init__(self) -> None:
        self._awaited: dict[str, float] = {}  # what was sent, and since when it is waited for
        self._dropped: set[str] = set()  # what is known not to be carried

    def sent(self, kind: str, now: float) -> None:
        """`kind`: of a message in `DROPPED`."""
        self._awaited.setdefault(kind, now)

    def hear(self, events: Iterable[Event], own_id: str) -> None:
        """What came back of one's own is carried."""
        for event in events:
            if isinstance(event, AnswerEvent | ReactionEvent) and event.viewer_id == own_id:
                kind = ANSWER.kind if isinstance(event, AnswerEvent) else REACTION.kind
                self._awaited.pop(kind, None)
                self._dropped.discard(kind)

    def look(self, now: float, *, refused: Collection[str], hears_all: bool) -> list[str]:
        """The kinds that are found not to be carried now, each once. `refused`: what the broker
        says that it does not take; `hears_all`: what is carried comes back to here."""
        late = {kind for kind, at in self._awaited.items() if now - at >= ECHO_WITHIN_S}
        dropped = {kind for kind in self._awaited if kind in refused}
        dropped |= late if hears_all else set()
        for kind in dropped | late:
            del self._awaited[kind]
        news = dropped - self._dropped
        self._dropped |= dropped
        return sorted(news)

    def lost(self) -> None:
        """The connection was, and whatever was under way; the next broker may carry it."""
        self._awaited.clear()
        self._dropped.clear()


def dropped_words(kind: str) -> str:
    """For the person, with what the host can do."""
    return tr(DROPPED[kind], command=RENEW)
