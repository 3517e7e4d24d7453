"""Teams of a room: nine counts each, and which of them may be shown; pure.

A team is a number, 1 to 8: its place in the host's list of names. 0 is nobody's team.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from resonance_tui.emotions import Emotion
from resonance_tui.protocol.sanitize import safe_text
from resonance_tui.protocol.values import NO_COUNTS, Counts

TEAM_LEAST = 5  # viewers from which on a team is shown, where the host names no other number

Teams = Mapping[int, Counts]


def number_of(name: str, names: Sequence[str]) -> int:
    """The team of that name in the host's list, whatever its case; 0 for none."""
    wanted = safe_text(name, 2 * len(name)).casefold()
    folded = [each.casefold() for each in names]  # a co-host's program may send an empty one
    return folded.index(wanted) + 1 if wanted and wanted in folded else 0


def counted(members: Iterable[tuple[int, Emotion]], teams: int) -> dict[int, Counts]:
    """Nine counts of each team that somebody is in. `members`: the team that each viewer names,
    and their state; `teams`: how many the host's list has. Any other is nobody's team."""
    counts: dict[int, list[int]] = {}
    for team, code in members:
        if 1 <= team <= teams:
            counts.setdefault(team, list(NO_COUNTS))[code] += 1
    return {team: tuple(nine) for team, nine in sorted(counts.items())}


def visible(teams: Teams, room: Counts, least: int) -> dict[int, Counts]:
    """The teams that may be shown: none below `least` viewers, and, where one is hidden, none from
    which, taken off the room's nine counts, those of a smaller rest would follow. That rest is the
    viewers without a team, and in the hidden ones: it is as many as a team must be."""
    shown = {team: nine for team, nine in teams.items() if sum(nine) >= max(least, 1)}
    hidden = any(sum(nine) for team, nine in teams.items() if team not in shown)
    while hidden and shown:
        rest = sum(room) - sum(map(sum, shown.values()))
        if rest >= least:
            break
        del shown[min(shown, key=lambda team: (sum(shown[team]), team))]
    return shown


class TeamTally:
    """Who is in which team and shows what, by shard. The same whatever the order."""

    def __init__(self) -> None:
        self._members: dict[str, tuple[int, int, Emotion]] = {}  # by viewer: shard, team, state
        self._counts: dict[tuple[int, int], list[int]] = {}  # by shard and team

    def put(self, viewer_id: str, shard: int, team: int, code: Emotion) -> None:
        """This viewer's state, in place of the one before; `team` 0: in none."""
        self.remove(viewer_id)
        if team:
            self._members[viewer_id] = shard, team, code
            self._counts.setdefault((shard, team), list(NO_COUNTS))[code] += 1

    def remove(self, viewer_id: str) -> None:
        known = self._members.pop(viewer_id, None)
        if known is None:
            return
        shard, team, code = known
        nine = self._counts[shard, team]
        nine[code] -= 1
        if not any(nine):
            del self._counts[shard, team]

    def of(self, shard: int, teams: int) -> dict[int, Counts]:
        """Nine counts of the shard's teams; `teams`: how many the host's list has."""
        numbers = range(1, teams + 1)
        found = {team: self._counts.get((shard, team)) for team in numbers}
        return {team: tuple(nine) for team, nine in found.items() if nine is not None}
