"""What is counted beside a room's nine counts: there and back, added up, and never twice."""

from __future__ import annotations

import msgpack
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from resonance_tui.errors import WireError
from resonance_tui.protocol import messages
from resonance_tui.protocol.aside_frames import (
    ASIDE_MOST,
    encode_aside_partials,
    encode_aside_total,
)
from resonance_tui.protocol.asides import NOTHING, Answers, Aside, AsidePartial, Asked, total_of
from resonance_tui.protocol.events import (
    AsidePartialEvent,
    AsideTotalEvent,
    RoomEvent,
    TotalEvent,
)
from resonance_tui.protocol.messages import decode
from resonance_tui.protocol.questions import Question
from resonance_tui.protocol.topics import PARTS
from resonance_tui.protocol.values import SHARDS, Partial, RoomSettings
from resonance_tui.room.conduct import Conduct
from resonance_tui.room.federation import Edges
from resonance_tui.session.room_model import RoomModel

NINE = (1, 2, 3, 0, 0, 0, 0, 4, 5)
LARGEST = Aside(
    private=(999_999,) * 9,
    answers=Answers(2**32 - 1, (999_999,) * 8),
    reactions=(2**32 - 1,) * 8,
    teams={team: (999_999,) * 9 for team in range(1, 9)},
)
LIVE = {"": ["a", "b"]}

nines = st.just(()) | st.tuples(*[st.integers(0, 1000)] * 9)
asides = st.builds(
    Aside,
    private=nines,
    answers=st.none() | st.builds(Answers, st.just(7), st.tuples(*[st.integers(0, 1000)] * 3)),
    reactions=st.just(()) | st.tuples(*[st.integers(0, 2**32 - 1)] * 8),
    teams=st.dictionaries(st.integers(1, 8), st.tuples(*[st.integers(0, 1000)] * 9), max_size=3),
)


def read(*parts: bytes) -> dict[int, Aside]:
    shards: dict[int, Aside] = {}
    for number, payload in enumerate(parts):
        event = decode(messages.ASIDE_PARTIAL.topic.of("room", "a", str(number)), payload)
        assert isinstance(event, AsidePartialEvent)
        assert not shards.keys() & event.partial.shards.keys()
        shards |= event.partial.shards
    return shards


@settings(max_examples=25)
@given(st.dictionaries(st.integers(0, 63), asides, max_size=4))
def test_an_aside_comes_back_as_it_was(shards: dict[int, Aside]) -> None:
    assert read(*encode_aside_partials(AsidePartial(1, 2, shards), 3, "oslo")) == shards


@settings(max_examples=25)
@given(asides)
def test_a_total_aside_comes_back_as_it_was(aside: Aside) -> None:
    event = decode(messages.ASIDE_TOTAL.topic.of("room"), encode_aside_total(1, 2, 3, aside))
    assert event == AsideTotalEvent("room", aside, 1, 2)


def test_the_largest_aside_comes_in_parts_that_fit() -> None:
    shards = dict.fromkeys(range(SHARDS), LARGEST)
    parts = encode_aside_partials(AsidePartial(2**32 - 1, 2**32 - 1, shards), 2**63 - 1, "a" * 16)
    assert read(*parts) == shards
    assert len(parts) <= PARTS
    assert max(map(len, parts)) <= ASIDE_MOST
    total = total_of(shards.values())
    payload = encode_aside_total(2**32 - 1, 2**32 - 1, 2**63 - 1, total)
    assert decode(messages.ASIDE_TOTAL.topic.of("room"), payload)


def test_one_part_is_enough_for_most_rooms() -> None:
    shards = dict.fromkeys(range(SHARDS), Aside(NINE, Answers(2**32 - 1, (20, 9))))
    assert len(encode_aside_partials(AsidePartial(1, 1, shards), 1)) == 1


HEAD = {"v": 1, "boot": 1, "seq": 1, "t_ms": 1}


@pytest.mark.parametrize(
    "more",
    [
        {"shards": [1, 1]}, {"shards": [64]}, {"shards": [1], "private": [[2, *NINE]]},
        {"shards": [1], "private": [[1, *NINE], [1, *NINE]]}, {"shards": [1], "private": [[1, 1]]},
        {"shards": [1], "private": [[1, -1, *NINE[1:]]]}, {"shards": [1], "answers": [[1, [1, 2]]]},
        {"shards": [1, 2], "question": 5, "answers": [[1, [1, 2]], [2, [1, 2, 3]]]},
        {"shards": [1], "question": 5, "answers": [[1, [1] * 9]]},
        {"shards": [1], "teams": [[1, 9, *NINE]]}, {"shards": [1], "teams": [[1, 0, *NINE]]},
        {"shards": [1], "teams": [[1, 1, *NINE], [1, 1, *NINE]]},
        {"shards": [1], "reactions": [[1, 2, 3]]}, {},
    ],
)  # fmt: skip
def test_an_aside_that_cannot_be_is_refused(more: dict[str, object]) -> None:
    with pytest.raises(WireError):
        decode(messages.ASIDE_PARTIAL.topic.of("room", "a", "0"), msgpack.packb(HEAD | more))


@pytest.mark.parametrize(
    "more",
    [
        {"private": [1] * 8}, {"reactions": [1] * 7}, {"question": 1}, {"answers": [1, 2]},
        {"teams": [[1, *NINE], [1, *NINE]]}, {"private": [-1] * 9}, {"v": 2},
    ],
)  # fmt: skip
def test_a_total_aside_that_cannot_be_is_refused(more: dict[str, object]) -> None:
    with pytest.raises(WireError):
        decode(messages.ASIDE_TOTAL.topic.of("room"), msgpack.packb(HEAD | more))


def test_parts_of_later_versions_are_ignored() -> None:
    payload = msgpack.packb(HEAD | {"private": NINE, "smells": [1, 2]})
    event = decode(messages.ASIDE_TOTAL.topic.of("room"), payload)
    assert event == AsideTotalEvent("room", Aside(NINE), 1, 1)


@pytest.mark.parametrize("part", ["16", "-1", "01", "x", ""])
def test_a_part_that_cannot_be_is_refused(part: str) -> None:
    payload = encode_aside_partials(AsidePartial(1, 1, {}), 1)[0]
    with pytest.raises(WireError):
        decode(f"resonance/1/room/side/a/{part}", payload)


@settings(max_examples=25)
@given(st.lists(asides, max_size=5).flatmap(lambda each: st.permutations(each).map(
    lambda other: (each, other))))  # fmt: skip
def test_the_sum_is_the_same_whatever_the_order(two: tuple[list[Aside], list[Aside]]) -> None:
    assert total_of(two[0]) == total_of(two[1])


def test_of_two_questions_the_newer_one_is_counted() -> None:
    old, new = Aside(answers=Answers(1, (5, 0))), Aside(answers=Answers(2, (0, 1, 1)))
    assert total_of([new, old]).answers == total_of([old, new]).answers == new.answers


# --- who counts a shard ------------------------------------------------------------------------


def partial_of(*shards: int, boot: int = 1, seq: int = 1) -> Partial:
    return Partial(boot, seq, {shard: (1, *[0] * 8) for shard in shards})


def aside_of(*shards: int, boot: int = 1, seq: int = 1, count: int = 1) -> AsidePartial:
    return AsidePartial(boot, seq, {shard: Aside(reactions=(count,) * 8) for shard in shards})


def test_a_shard_that_two_agents_count_is_added_up_once() -> None:
    edges = Edges()
    for agent in ("a", "b"):
        edges.post("", agent, partial_of(5), 0.0)
        edges.post_aside("", agent, aside_of(5), 0.0)
    assert edges.aside(LIVE, 0.0).reactions == (1,) * 8


def test_an_aside_of_an_agents_life_before_is_not_counted() -> None:
    edges = Edges()
    edges.post("", "a", partial_of(5, boot=2), 0.0)
    edges.post_aside("", "a", aside_of(5, boot=1), 0.0)
    assert edges.aside(LIVE, 0.0) == NOTHING
    assert edges.post_aside("", "a", aside_of(5, boot=2), 0.0)
    assert not edges.post_aside("", "a", aside_of(5, boot=1, seq=9), 0.0)
    assert edges.aside(LIVE, 0.0).reactions == (1,) * 8


def test_an_aside_that_is_not_newer_changes_nothing_and_one_not_renewed_ends() -> None:
    edges = Edges(ttl=10.0)
    edges.post("", "a", partial_of(5), 0.0)
    edges.post_aside("", "a", aside_of(5, seq=3, count=7), 0.0)
    assert not edges.post_aside("", "a", aside_of(5, seq=2, count=9), 0.0)
    assert edges.aside(LIVE, 1.0).reactions == (7,) * 8
    edges.post("", "a", partial_of(5, seq=2), 9.0)
    assert edges.aside(LIVE, 10.0) == NOTHING


def test_asides_of_several_edges_are_added_up() -> None:
    edges = Edges("core")
    for edge, agent in (("core", "a"), ("oslo", "b")):
        edges.post(edge, agent, partial_of(5), 0.0)
        edges.post_aside(edge, agent, aside_of(5), 0.0)
    live = {"core": ["a"], "oslo": ["b"]}
    assert edges.aside(live, 0.0).reactions == (2,) * 8
    edges.down("oslo")
    assert edges.aside(live, 0.0).reactions == (1,) * 8


@pytest.mark.parametrize("forged", [Answers(2**32 - 1, (9, 9)), Answers(1, (9,)), Answers(7, (9,))])
@pytest.mark.parametrize("forger", ["", "oslo"])
def test_what_answers_no_question_of_the_host_displaces_nothing(
    forged: Answers, forger: str
) -> None:
    edges, true = Edges(), Answers(7, (5, 3))
    for edge, agent, shard, answers in (("", "a", 5, true), (forger, "b", 6, forged)):
        edges.post(edge, agent, partial_of(shard), 0.0)
        told = AsidePartial(1, 1, {shard: Aside(reactions=(1,) * 8, answers=answers)})
        edges.post_aside(edge, agent, told, 0.0)
    live = {"": ["a"], forger: ["b"]} if forger else LIVE
    total = edges.aside(live, 0.0, Asked(7, 2))
    assert total.answers == true
    assert total.reactions == (2,) * 8


# --- a viewer ----------------------------------------------------------------------------------


def following(viewers: int) -> RoomModel:
    room = RoomModel(RoomSettings(mesh_max=50))
    room.connected(True, 0.0)
    room.take(TotalEvent("room", viewers, (viewers, *[0] * 8), 1, 1), 0.0)
    room.look(0.0, None)
    return room


def test_a_room_that_follows_its_total_shows_what_is_counted_beside() -> None:
    room = following(100)
    room.obey(Conduct(question=Question(3, "Which?", ("a", "b"), 2**40)))
    aside = Aside(NINE, Answers(3, (1, 2)), (1,) * 8, {2: NINE})
    room.take(AsideTotalEvent("room", aside, 1, 1), 0.0)
    shown = room.look(1.0, None)
    assert (shown.private, shown.answers, shown.reactions, shown.teams) == (
        aside.private, aside.answers, aside.reactions, aside.teams,
    )  # fmt: skip
    room.take(TotalEvent("room", 100, (100, *[0] * 8), 1, 2), 20.0)
    shown = room.look(20.0, None)
    assert (shown.private, shown.answers) == ((), Answers(3, (0, 0))), "it was not renewed"


@pytest.mark.parametrize("told", [None, Answers(2, (5, 5)), Answers(3, (5, 5, 5))])
def test_what_answers_another_question_is_not_shown(told: Answers | None) -> None:
    room = following(100)
    room.obey(Conduct(question=Question(3, "Which?", ("a", "b"), 2**40)))
    room.take(AsideTotalEvent("room", Aside(NINE, told), 1, 1), 0.0)
    assert room.look(1.0, None).answers == Answers(3, (0, 0))
    room.obey(Conduct())
    assert room.look(1.1, None).answers is None


def test_private_viewers_make_a_room_large() -> None:
    room = following(0)
    room.take(AsideTotalEvent("room", Aside((100, *[0] * 8)), 1, 1), 0.0)
    assert room.look(1.0, None).is_total


def test_what_may_be_used_is_the_hosts_word() -> None:
    room = following(1)
    assert not room.offers("sweep")
    room.take(RoomEvent("room", RoomSettings(abilities=frozenset({"sweep"}))), 0.0)
    assert room.offers("sweep")
