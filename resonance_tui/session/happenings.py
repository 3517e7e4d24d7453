"""Pure: what happens in a room, as lines for people: who comes, who goes, what the room does."""

from __future__ import annotations

from collections.abc import Iterable

from resonance_tui.room.arrivals import Arrivals
from resonance_tui.room.reactions import Reactions
from resonance_tui.room.state import RoomSnapshot
from resonance_tui.session.events import HappeningKind, HappeningUpdate
from resonance_tui.session.outage import Outage, age_text
from resonance_tui.texts import mark

KEPT = 20  # lines that a screen may still show


class Happenings:
    """Watches one session. `at` is epoch seconds, `now` monotonic ones."""

    def __init__(self, *, is_recording: bool) -> None:
        self._arrivals, self._reactions = Arrivals(), Reactions()
        self._outage: Outage | None = None
        self._is_recording = is_recording

    def link(self, outage: Outage | None, at: float, now: float) -> list[HappeningUpdate]:
        """Of the connection: the first one is nothing that happens to a room."""
        before, self._outage = self._outage, outage
        if outage is not None and before is None and not outage.is_first:
            return [HappeningUpdate(at, "link_lost", mark("connection lost"))]
        if outage is None and before is not None and not before.is_first:
            self._reactions.reset()
            text = mark("connected again after {age}", age=age_text(now - before.since))
            return [HappeningUpdate(at, "link_back", text)]
        return []

    def recording(self, is_recording: bool, at: float) -> list[HappeningUpdate]:
        if is_recording == self._is_recording:
            return []
        self._is_recording = is_recording
        if is_recording:
            return [HappeningUpdate(at, "recording_on", mark("recording"))]
        return [HappeningUpdate(at, "recording_off", mark("no longer recording"))]

    def room(
        self,
        room: RoomSnapshot,
        at: float,
        now: float,
        *,
        own_id: str,
        hidden: Iterable[str] = (),
    ) -> list[HappeningUpdate]:
        """Of a room that is a fact. `hidden`: ids whose nickname is not to be shown."""
        came, went = self._arrivals.take(room, now, own_id=own_id, hidden=hidden)
        found: list[HappeningUpdate] = []
        if came:
            text = people_text(came, CAME)
            found.append(HappeningUpdate(at, "joined", text, came, len(came)))
        if went:
            text = people_text(went, WENT)
            found.append(HappeningUpdate(at, "left", text, went, len(went)))
        for name, people in self._reactions.take(room.counts, now).items():
            kind, text = REACTIONS[name]
            found.append(HappeningUpdate(at, kind, text, (), people))
        return found


REACTIONS: dict[str, tuple[HappeningKind, str]] = {
    "laugh": ("laugh", mark("the room laughs")),
    "gasp": ("gasp", mark("the room gasps")),
}
# Of one, two, three, and more people.
CAME = (
    mark("{one} came"),
    mark("{one} and {two} came"),
    mark("{one}, {two} and {three} came"),
    mark("{one}, {two} and {more} more came"),
)
WENT = (
    mark("{one} left"),
    mark("{one} and {two} left"),
    mark("{one}, {two} and {three} left"),
    mark("{one}, {two} and {more} more left"),
)


def people_text(names: tuple[str, ...], sentences: tuple[str, ...]) -> str:
    """ "Mia came", "Mia and Zoë came", "Mia, Zoë and 3 more came". `names`: one at least."""
    fields: dict[str, str] = dict(zip(("one", "two", "three"), names, strict=False))
    if len(names) > 3:
        fields["more"] = str(len(names) - 2)
    return mark(sentences[min(len(names), len(sentences)) - 1], **fields)
