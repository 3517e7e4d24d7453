"""A room on several brokers: the same sum whatever the order, and nobody in it twice."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from hypothesis import given
from hypothesis import strategies as st

from resonance_tui.emotions import Emotion
from resonance_tui.protocol.topics import shard_of
from resonance_tui.protocol.values import SHARDS, Counts, Partial
from resonance_tui.room.federation import EDGES_MOST, Edges
from resonance_tui.room.tally import shards_owned

LIVE = {"core": ["root"], "berlin": ["b1", "b2"], "oslo": ["o1"]}
EDGE_OF = {agent: edge for edge, agents in LIVE.items() for agent in agents}
NOBODY = (0,) * 9


def counted(viewers: Iterable[tuple[str, Emotion]], shards: Iterable[int]) -> dict[int, Counts]:
    told: dict[int, Counter[Emotion]] = {shard: Counter() for shard in shards}
    for viewer_id, code in viewers:
        if shard_of(viewer_id) in told:
            told[shard_of(viewer_id)][code] += 1
    return {shard: tuple(each[code] for code in Emotion) for shard, each in told.items()}


def partial_of(agent: str, viewers: dict[str, tuple[str, Emotion]], seq: int) -> Partial:
    """What this agent tells of the viewers: only those of its edge, only its shards."""
    edge = EDGE_OF[agent]
    here = [(who, code) for who, (at, code) in viewers.items() if at == edge]
    return Partial(1, seq, counted(here, shards_owned(agent, LIVE[edge])))


def full(votes: int, seq: int = 1, boot: int = 1) -> Partial:
    """So many happy ones in the first shard, nobody in all others."""
    return Partial(boot, seq, {shard: NOBODY for shard in range(SHARDS)} | {0: (votes, *[0] * 8)})


def nine(codes: Iterable[Emotion]) -> Counts:
    found = Counter(codes)
    return tuple(found[code] for code in Emotion)


worlds = st.dictionaries(
    st.from_regex(r"[a-z2-7]{13}", fullmatch=True),
    st.tuples(st.sampled_from(sorted(LIVE)), st.sampled_from(Emotion)),
    max_size=30,
)


@given(st.lists(worlds, min_size=1, max_size=4), st.data())
def test_the_sum_is_everybody_once_whatever_the_order_doubling_and_loss(
    history: list[dict[str, tuple[str, Emotion]]], data: st.DataObject
) -> None:
    """Viewers come, go, change their mind and move to another edge between one state and the
    next; of all but the last, any message may be lost, late, or there twice."""
    last = len(history)
    told = [
        (agent, partial_of(agent, viewers, seq))
        for seq, viewers in enumerate(history, 1)
        for agent in EDGE_OF
    ]
    kept = [each for each in told if each[1].seq == last or data.draw(st.booleans())]
    again = data.draw(st.lists(st.sampled_from(kept), max_size=6))
    edges = Edges("core")
    for agent, partial in data.draw(st.permutations(kept + again)):
        edges.post(EDGE_OF[agent], agent, partial, 1.0)
    room = edges.total(LIVE, 2.0)
    assert room.counts == nine(code for _, code in history[-1].values())
    assert room.is_whole and room.edges == len(LIVE)


@given(worlds)
def test_one_edge_without_a_name_is_the_room_of_one_broker(
    viewers: dict[str, tuple[str, Emotion]],
) -> None:
    edges = Edges()
    for agent in ("a", "b"):
        shards = counted(((who, code) for who, (_, code) in viewers.items()), range(SHARDS))
        edges.post("", agent, Partial(1, 1, shards), 0.0)  # both count everything
    room = edges.total({"": ["a", "b"]}, 0.0)
    assert room.counts == nine(code for _, code in viewers.values())
    assert room.edges == 1


def test_an_edge_that_falls_silent_is_out_and_its_viewers_count_where_they_went() -> None:
    edges = Edges("core", silent_after=7.5)
    for edge, agent, votes in (("core", "root", 1), ("berlin", "b", 20), ("oslo", "o", 30)):
        edges.post(edge, agent, full(votes), 0.0)
    live = {"core": ["root"], "berlin": ["b"], "oslo": ["o"]}
    assert edges.total(live, 7.4).counts[0] == 51
    edges.post("core", "root", full(1, 2), 7.0)
    edges.post("oslo", "o", full(50, 2), 7.0)
    room = edges.total(live, 7.6)
    assert (room.counts[0], room.edges, room.is_whole) == (51, 2, True)
    edges.post("berlin", "b", full(7, 2), 8.0)
    assert edges.total(live, 8.0).counts[0] == 58


def test_an_edge_that_is_known_to_be_down_is_out_at_once() -> None:
    edges = Edges("core")
    edges.post("core", "root", full(1), 0.0)
    edges.post("berlin", "b", full(20), 0.0)
    edges.down("berlin")
    edges.down("never-heard-of")
    live = {"core": ["root"], "berlin": ["b"]}
    assert edges.total(live, 0.1).counts[0] == 1
    assert edges.total(live, 0.1).is_whole
    assert edges.is_out("berlin", 0.1) and not edges.is_out("core", 0.1)
    assert edges.post("berlin", "b", full(15), 0.2)  # the same agent, from where it was
    assert edges.total(live, 0.2).counts[0] == 16


def test_ones_own_edge_is_never_out() -> None:
    edges = Edges("core", silent_after=1.0)
    edges.post("core", "root", full(3), 0.0)
    edges.down("core")
    assert edges.total({"core": ["root"]}, 20.0).counts[0] == 3


def test_who_adds_up_waits_for_an_edge_that_announced_itself_but_not_for_ever() -> None:
    edges = Edges("core", silent_after=5.0)
    edges.post("core", "root", full(1), 0.0)
    edges.begin("berlin", "b", 1, 0.0)
    live = {"core": ["root"], "berlin": ["b"]}
    assert not edges.total(live, 1.0).is_whole
    half = {shard: (1, *[0] * 8) for shard in range(32)}
    edges.post("berlin", "b", Partial(1, 1, half), 4.0)
    assert not edges.total(live, 4.5).is_whole
    room = edges.total(live, 5.5)
    assert room.is_whole and room.counts[0] == 33


def test_after_a_time_of_deafness_edges_are_waited_for_again() -> None:
    edges = Edges("core", silent_after=5.0)
    for edge, agent in (("core", "root"), ("berlin", "b")):
        edges.post(edge, agent, full(10), 0.0)
    live = {"core": ["root"], "berlin": ["b"]}
    edges.start_over(20.0)
    edges.post("core", "root", full(11, 2), 20.0)
    assert not edges.total(live, 21.0).is_whole
    assert edges.total(live, 25.1).is_whole
    assert edges.total(live, 25.1).counts[0] == 11
    edges.post("berlin", "b", full(12), 26.0)  # told again, as if it were new
    assert edges.total(live, 26.0).counts[0] == 23


def test_an_agent_that_moves_takes_its_count_along() -> None:
    edges = Edges("core")
    edges.post("core", "root", full(1), 0.0)
    edges.post("berlin", "wanderer", full(20), 0.0)
    edges.post("oslo", "wanderer", full(5, boot=2), 0.5)
    assert edges.total({"core": ["root"], "oslo": ["wanderer"]}, 1.0).counts[0] == 6


def test_nobody_fills_the_memory_with_names_of_edges() -> None:
    edges = Edges("core", ttl=10.0)
    taken = [edges.post(f"e{number}", f"a{number}", full(1), 0.0) for number in range(100)]
    assert taken.count(True) == EDGES_MOST
    assert edges.post("core", "root", full(1), 0.0)
    assert edges.post("late", "l", full(1), 11.0)
