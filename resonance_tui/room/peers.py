"""The other aggregators of a room, as their presence and their partials tell; pure."""

from __future__ import annotations

import random
from dataclasses import dataclass

from resonance_tui.protocol.events import AgentEvent
from resonance_tui.protocol.messages import AGENT
from resonance_tui.room.sweeping import JITTER_S

PEERS_MOST = 64


@dataclass(frozen=True, slots=True)
class _Peer:
    edge: str
    heard_at: float  # monotonic seconds


class Peers:
    """Who counts beside us, and at which edge. Times are monotonic seconds.

    Where nothing expires, a retained presence may be of one that has gone: it is a rumour until its
    owner counts or speaks. `ghosts` are those whose presence we have to clear.
    """

    def __init__(self) -> None:
        self._agents: dict[str, _Peer] = {}
        self._rumoured: dict[str, _Peer] = {}  # known from a retained presence alone
        self._ghosts: dict[str, float] = {}  # whose presence is cleared, and when

    def __contains__(self, agent_id: str) -> bool:
        return agent_id in self._agents

    def __bool__(self) -> bool:
        return bool(self._agents)

    def edges(self) -> dict[str, str]:
        """The edge of each."""
        return {agent_id: peer.edge for agent_id, peer in self._agents.items()}

    def begin(self) -> None:
        """A new connection: what it retains is told again."""
        self._rumoured.clear()
        self._ghosts.clear()

    def take(self, presence: AgentEvent, now: float, *, is_doubtful: bool) -> bool:
        """Whether that is one that counts beside us. `is_doubtful`: it may have gone long ago."""
        agent_id, peer = presence.agent_id, _Peer(presence.edge, now)
        if presence.boot is None:
            for known in (self._agents, self._rumoured, self._ghosts):
                known.pop(agent_id, None)
        elif is_doubtful and agent_id not in self._agents:
            if len(self._rumoured) < PEERS_MOST:
                self._rumoured[agent_id] = peer
        elif agent_id in self._agents or len(self._agents) < PEERS_MOST:
            self._rumoured.pop(agent_id, None)
            self._ghosts.pop(agent_id, None)
            self._agents[agent_id] = peer
            return True
        return False

    def confirm(self, agent_id: str, now: float) -> None:
        """Who counts is there, whatever is known of its presence."""
        rumoured = self._rumoured.pop(agent_id, None)
        if rumoured is not None and len(self._agents) < PEERS_MOST:
            self._agents[agent_id] = _Peer(rumoured.edge, now)

    def expire(self, now: float, *, leaves_ghosts: bool) -> None:
        """Drops who renews its presence no more. `leaves_ghosts`: nothing expires at the broker."""
        oldest = now - AGENT.lifetime_s
        for peers in (self._agents, self._rumoured):
            for agent_id in [each for each, peer in peers.items() if peer.heard_at < oldest]:
                del peers[agent_id]
                if leaves_ghosts:
                    self._ghosts[agent_id] = now + random.uniform(0.0, JITTER_S)

    def ghosts(self, now: float) -> list[str]:
        """Whose presence is to be cleared now; each once."""
        due = [each for each, at in self._ghosts.items() if now >= at]
        for agent_id in due:
            del self._ghosts[agent_id]
        return due
