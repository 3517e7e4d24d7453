"""Reactions sent with keys: counted once each, at most two a second a person, never by person."""

from __future__ import annotations

import random

import pytest

from resonance_tui.errors import WireError
from resonance_tui.protocol.events import ReactionEvent
from resonance_tui.protocol.frames import encode_reaction
from resonance_tui.protocol.messages import REACTION, decode
from resonance_tui.reaction_kinds import NO_REACTIONS, REACTION_STYLES, Reaction
from resonance_tui.room.reaction_counts import (
    BURST,
    OwnReactions,
    ReactionCounts,
    ReactionSeconds,
    ShardReactions,
)
from resonance_tui.widths import cells

BOOT = 1_790_000_000


def counts(**kinds: int) -> tuple[int, ...]:
    return tuple(kinds.get(kind.word, 0) for kind in Reaction)


def test_every_reaction_has_a_glyph_of_one_cell_and_a_letter_of_its_own() -> None:
    assert set(REACTION_STYLES) == set(Reaction)
    assert all(cells(style.glyph) == 1 for style in REACTION_STYLES.values())
    letters = [style.letter for style in REACTION_STYLES.values()]
    assert len(set(letters)) == len(letters) and all(letter.isascii() for letter in letters)


def test_a_reaction_comes_back_as_it_was_and_is_short() -> None:
    most = (2**32 - 1,) * 8
    payload = encode_reaction(2**32 - 1, most, Reaction.BOO)
    assert len(payload) == 49 < REACTION.max_bytes
    event = decode(REACTION.topic.of("room", "ann"), payload)
    assert event == ReactionEvent("room", "ann", 2**32 - 1, most, Reaction.BOO)


@pytest.mark.parametrize(
    ("sent", "newest"), [((0,) * 8, 0), ((1,) * 8, 8), ((1,) * 7, 0), ((-1,) * 8, 0)]
)
def test_a_reaction_that_contradicts_itself_is_no_message(
    sent: tuple[int, ...], newest: int
) -> None:
    payload = encode_reaction(BOOT, sent, newest)  # type: ignore[arg-type]
    with pytest.raises(WireError):
        decode(REACTION.topic.of("room", "ann"), payload)


def test_messages_that_come_twice_or_late_or_not_at_all_add_nothing_wrong() -> None:
    dice, room = random.Random(4), ReactionCounts()
    own, sent = OwnReactions(), []
    for second in range(40):
        kind = Reaction(dice.randrange(8))
        assert own.send(kind, float(second))
        sent.append((own.counts, kind))
    for second, message in enumerate(sent):
        if second and dice.random() < 0.3 and second < 39:
            continue  # lost
        room.take("ann", BOOT, *_at(message, second))
        for again in dice.sample(sent[: second + 1], k=min(3, second + 1)):
            room.take("ann", BOOT, *_at(again, second))  # a replay
    assert room.total == own.counts and room.refused == 0


def _at(message: tuple[tuple[int, ...], Reaction], second: float):
    said, newest = message
    return said, second, newest


def test_who_comes_late_counts_from_what_it_hears_first() -> None:
    room = ReactionCounts()
    room.take("ann", BOOT, counts(applause=500, boo=7), 0.0, Reaction.BOO)
    assert room.total == counts(boo=1)
    room.take("ann", BOOT, counts(applause=501, boo=7), 1.0, Reaction.APPLAUSE)
    assert room.total == counts(applause=1, boo=1)


def test_a_program_that_was_started_anew_counts_on_and_its_former_self_no_more() -> None:
    room = ReactionCounts()
    room.take("ann", BOOT, counts(heart=3), 0.0, Reaction.HEART)
    room.take("ann", BOOT + 9, counts(heart=1), 1.0, Reaction.HEART)
    room.take("ann", BOOT, counts(heart=4), 2.0, Reaction.HEART)
    assert room.total == counts(heart=2)


def test_a_flood_is_dropped_and_counted_and_never_made_up_for() -> None:
    room = ReactionCounts()
    room.take("ann", BOOT, counts(wow=1), 0.0, Reaction.WOW)
    room.take("ann", BOOT, counts(wow=100_001), 0.1, Reaction.WOW)
    assert room.total[Reaction.WOW] <= BURST and room.refused >= 100_000 - BURST
    before = room.total[Reaction.WOW]
    room.take("ann", BOOT, counts(wow=100_001, boo=1), 60.0, Reaction.BOO)
    assert room.total == counts(wow=before, boo=1)


def test_a_sender_never_gets_more_than_two_a_second_in_the_long_run() -> None:
    room = ReactionCounts()
    for tenth in range(1, 6001):
        room.take("ann", BOOT, counts(laugh=tenth), tenth / 10, Reaction.LAUGH)
    assert 1190 <= sum(room.total) <= 2 * 600 + BURST
    own = OwnReactions()
    sent = sum(own.send(Reaction.LAUGH, tenth / 10) for tenth in range(6000))
    assert 1190 <= sent <= 1202 == 2 * 600 + 2 and sum(own.counts) == sent


def test_a_crowd_of_forged_senders_costs_bounded_memory_and_none_of_the_others_reactions() -> None:
    room = ReactionCounts(most_senders=50)
    for number in range(1000):
        room.take(f"forged{number}", BOOT, counts(boo=9), 0.0, Reaction.BOO)
    room.take("ann", BOOT, counts(heart=1), 1.0, Reaction.HEART)
    room.take("ann", BOOT, counts(heart=2), 2.0, Reaction.HEART)
    assert len(room._senders) == 50 and room.total[Reaction.HEART] == 2


def test_a_second_is_told_once_it_is_over_and_quiet_ones_are_not_told() -> None:
    seconds = ReactionSeconds()
    assert seconds.take((), 10.0) is None
    assert seconds.take(counts(wow=1), 10.4) is None
    assert seconds.take(counts(wow=3), 10.9) is None
    assert seconds.take(counts(wow=3, boo=1), 11.0) == (10, counts(wow=3))
    assert seconds.take(counts(wow=3, boo=1), 15.0) == (11, counts(boo=1))
    assert seconds.take(NO_REACTIONS, 16.0) is None
    assert seconds.take(counts(wow=1), 17.2) is None  # of another source: it begins anew
    assert seconds.take(counts(wow=1), 18.0) == (17, counts(wow=1))
    assert seconds.take((), 19.0) is None  # hidden by a rule
    assert seconds.take(counts(wow=60), 20.0) is seconds.take(counts(wow=60), 21.0) is None
    assert seconds.take(counts(wow=61), 21.5) is None
    assert seconds.take(counts(wow=61), 22.0) == (21, counts(wow=1))


def test_a_total_counts_what_is_new_in_it_and_nothing_where_another_one_adds_up() -> None:
    room = ReactionCounts()
    room.take_total(1, counts(wow=500), is_news=False)  # from before one came
    room.take_total(1, counts(wow=503), is_news=True)
    room.take_total(1, counts(wow=503), is_news=True)
    assert room.total == counts(wow=3)
    room.take_total(1, counts(wow=20), is_news=True)  # an aggregator has gone with its shards
    room.take_total(1, counts(wow=21), is_news=True)
    room.take_total(9, counts(wow=700), is_news=True)  # another one adds up
    room.take_total(9, counts(wow=701), is_news=True)
    assert room.total == counts(wow=5)


def test_the_first_reaction_of_a_room_that_had_none_is_news() -> None:
    room = ReactionCounts()
    room.take_total(1, counts(heart=1), is_news=True)
    assert room.total == counts(heart=1)


def test_an_aggregator_counts_the_shards_that_it_watches_and_forgets_those_it_leaves() -> None:
    shards = ShardReactions(100)
    shards.watch({3, 4})
    for shard in (3, 4, 5):
        shards.take(shard, f"in{shard}", BOOT, counts(laugh=1), 0.0, Reaction.LAUGH)
    assert shards.of(3) == shards.of(4) == counts(laugh=1) and shards.of(5) == ()
    shards.watch({4})
    shards.watch({3, 4})
    assert shards.of(3) == () and shards.of(4) == counts(laugh=1)
