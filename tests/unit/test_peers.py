"""Aggregators beside us: who counts, who is a rumour, and whose presence is to be cleared."""

from __future__ import annotations

from collections.abc import Iterable

from hypothesis import given
from hypothesis import strategies as st

from resonance_tui.protocol.events import AgentEvent
from resonance_tui.protocol.messages import AGENT
from resonance_tui.room.peers import PEERS_MOST, Peers
from resonance_tui.room.sweeping import JITTER_S

LIFETIME_S = AGENT.lifetime_s
NAMES = ("ann", "ben", "zoe")

names = st.sampled_from(NAMES)
# What is heard of an agent: a presence for certain, a doubtful one, a goodbye, or that it counts.
hearsay = st.lists(st.tuples(st.sampled_from(("here", "kept", "gone", "counts")), names))


def presence(agent_id: str, edge: str = "", *, boot: int | None = 1) -> AgentEvent:
    return AgentEvent("lobby", agent_id, boot, edge)


def hear(peers: Peers, told: Iterable[tuple[str, str]], now: float = 0.0) -> None:
    for what, agent_id in told:
        if what == "counts":
            peers.confirm(agent_id, now)
        else:
            boot = None if what == "gone" else 1
            peers.take(presence(agent_id, boot=boot), now, is_doubtful=what == "kept")


@given(hearsay)
def test_who_is_announced_by_nothing_but_a_kept_presence_never_counts(
    told: list[tuple[str, str]],
) -> None:
    peers = Peers()
    hear(peers, [(what, who) for what, who in told if what in ("kept", "gone")])
    assert not peers and peers.edges() == {}


@given(hearsay, names)
def test_a_goodbye_is_the_end_whatever_was_heard_before(
    told: list[tuple[str, str]], who: str
) -> None:
    peers = Peers()
    hear(peers, told)
    hear(peers, [("gone", who), ("counts", who)])
    assert who not in peers


@given(hearsay, names, st.lists(st.sampled_from(("kept", "counts"))))
def test_a_presence_for_certain_holds_whatever_is_doubted_later(
    told: list[tuple[str, str]], who: str, later: list[str]
) -> None:
    peers = Peers()
    hear(peers, told)
    assert peers.take(presence(who, "oslo"), 0.0, is_doubtful=False)
    for what in later:
        hear(peers, [(what, who)])
    assert who in peers


def test_a_rumour_counts_at_its_edge_as_soon_as_it_counts() -> None:
    peers = Peers()
    assert not peers.take(presence("ann", "oslo"), 0.0, is_doubtful=True)
    peers.confirm("ann", 1.0)
    peers.confirm("ben", 1.0)  # of whom no presence tells an edge
    assert peers.edges() == {"ann": "oslo"}


def test_who_moves_is_at_the_new_edge_alone() -> None:
    peers = Peers()
    for edge in ("oslo", "rome"):
        peers.take(presence("ann", edge), 0.0, is_doubtful=False)
    assert peers.edges() == {"ann": "rome"}


@given(st.lists(st.booleans(), min_size=PEERS_MOST + 2, max_size=3 * PEERS_MOST))
def test_no_flood_of_names_makes_more_than_so_many(doubts: list[bool]) -> None:
    peers = Peers()
    for number, is_doubtful in enumerate(doubts):
        peers.take(presence(f"agent-{number}"), 0.0, is_doubtful=is_doubtful)
    for number in range(len(doubts)):
        peers.confirm(f"agent-{number}", 0.0)
    assert len(peers.edges()) <= PEERS_MOST


def test_who_is_known_renews_its_presence_in_a_full_room_too() -> None:
    peers = Peers()
    for number in range(PEERS_MOST):
        peers.take(presence(f"agent-{number}"), 0.0, is_doubtful=False)
    assert not peers.take(presence("ann"), 1.0, is_doubtful=False)
    assert peers.take(presence("agent-7"), 1.0, is_doubtful=True)
    peers.expire(LIFETIME_S + 0.5, leaves_ghosts=False)
    assert peers.edges() == {"agent-7": ""}


@given(st.dictionaries(names, st.floats(0, 2 * LIFETIME_S)), st.booleans())
def test_who_renews_its_presence_no_more_is_dropped_and_perhaps_a_ghost(
    heard_at: dict[str, float], leaves_ghosts: bool
) -> None:
    peers, now = Peers(), 2 * LIFETIME_S
    for who, at in heard_at.items():
        peers.take(presence(who), at, is_doubtful=False)
    peers.expire(now, leaves_ghosts=leaves_ghosts)
    gone = {who for who, at in heard_at.items() if at < now - LIFETIME_S}
    assert set(peers.edges()) == heard_at.keys() - gone
    assert set(peers.ghosts(now + JITTER_S)) == (gone if leaves_ghosts else set())
    assert peers.ghosts(now + JITTER_S) == []  # each once


def test_who_counts_has_a_lifetime_from_then_on() -> None:
    peers = Peers()
    peers.take(presence("ann"), 0.0, is_doubtful=True)
    peers.confirm("ann", LIFETIME_S)
    peers.expire(2 * LIFETIME_S, leaves_ghosts=True)
    assert "ann" in peers
    peers.expire(2 * LIFETIME_S + 1, leaves_ghosts=True)
    assert "ann" not in peers


def test_a_rumour_that_nothing_confirms_is_a_ghost_in_the_end() -> None:
    peers = Peers()
    peers.take(presence("ann"), 0.0, is_doubtful=True)
    peers.expire(LIFETIME_S, leaves_ghosts=True)
    assert peers.ghosts(LIFETIME_S + JITTER_S) == []
    peers.expire(LIFETIME_S + 1, leaves_ghosts=True)
    assert peers.ghosts(LIFETIME_S + 1 + JITTER_S) == ["ann"]
    peers.confirm("ann", LIFETIME_S + 2)
    assert "ann" not in peers


def test_the_presence_of_one_that_is_heard_again_is_left_alone() -> None:
    for boot, counts in ((1, True), (None, False)):  # it speaks, or has cleared it itself
        peers = Peers()
        peers.take(presence("ann"), 0.0, is_doubtful=False)
        peers.expire(2 * LIFETIME_S, leaves_ghosts=True)
        told = presence("ann", boot=boot)
        assert peers.take(told, 2 * LIFETIME_S, is_doubtful=False) is counts
        assert peers.ghosts(3 * LIFETIME_S) == []


def test_a_new_connection_tells_again_what_is_kept_and_who_counts_still_does() -> None:
    peers = Peers()
    hear(peers, [("here", "ann"), ("kept", "ben"), ("here", "zoe")])
    peers.take(presence("ann"), LIFETIME_S, is_doubtful=False)
    peers.expire(LIFETIME_S + 1, leaves_ghosts=True)
    peers.begin()
    assert set(peers.edges()) == {"ann"}
    assert peers.ghosts(3 * LIFETIME_S) == []
    peers.confirm("ben", LIFETIME_S + 1)
    assert "ben" not in peers
