"""Where a room showed one emotion: built series with known answers, and rooms that only chance
moves."""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from moment_rooms import Laughs, laughing_room, quiet_room, recorded
from numpy.typing import NDArray

from resonance_tui.emotions import Emotion
from resonance_tui.history.moments import Moment, jensen_shannon
from resonance_tui.history.peaks import certainty, part_of_room, peaks
from resonance_tui.history.recording import Recording

T0 = 1_795_345_000


def track(counts: NDArray[np.int64], start: int = 0, others: int = 0) -> Recording:
    viewers = counts.sum(axis=1) + others
    times = np.arange(start, start + len(counts), dtype=np.int64)
    return Recording(times, counts.astype(np.int64), np.full(len(counts), others), viewers)


def steady(people: int, length: int = 1200) -> NDArray[np.int64]:
    """A third smiles, the rest looks on."""
    counts = np.zeros((length, 7), np.int64)
    counts[:, Emotion.HAPPINESS] = people // 3
    counts[:, Emotion.NEUTRAL] = people - people // 3
    return counts


def moved(
    counts: NDArray[np.int64], to: Emotion, start: int, end: int, part: float
) -> NDArray[np.int64]:
    """The same room, and `part` of those who look on feel `to` from `start` to `end` - 1."""
    counts = counts.copy()
    gone = np.round(counts[start:end, Emotion.NEUTRAL] * part).astype(np.int64)
    counts[start:end, Emotion.NEUTRAL] -= gone
    counts[start:end, to] += gone
    return counts


LAUGHTER = (Emotion.HAPPINESS,)
STRETCH_S, STRETCHES = 9, 29  # as in `audience`: a mood of the room every 24 s
SCRIPT = (
    *(Emotion.HAPPINESS, Emotion.SURPRISE, Emotion.SADNESS),
    *(Emotion.HAPPINESS, Emotion.FEAR, Emotion.ANGER),
)


def busy_evening(people: int = 40) -> tuple[Recording, dict[int, Emotion]]:
    """Eleven and a half minutes with 29 moods that most of the room share, a third happiness."""
    room = quiet_room(people, STRETCHES * 24, np.random.default_rng(5))
    script = {12 + 24 * number: SCRIPT[number % 6] for number in range(STRETCHES)}
    for start, code in script.items():
        room[: people * 7 // 10, start : start + STRETCH_S] = code
    return recorded(room), script


# Known answers


def test_every_laugh_of_a_busy_evening_and_nothing_else() -> None:
    evening, script = busy_evening()
    wanted = [start for start, code in script.items() if code is Emotion.HAPPINESS]
    found = peaks(evening, LAUGHTER)
    assert len(wanted) == 10
    assert [moment.t for moment in found] == pytest.approx(wanted, abs=2)
    assert all(moment.name == "Laughter" and moment.after > 0.6 for moment in found)


def test_all_moods_of_a_busy_evening_and_none_favoured() -> None:
    evening, script = busy_evening()
    found = peaks(evening, apart_s=10)
    assert [moment.t for moment in found] == pytest.approx(list(script), abs=2)
    assert [moment.code for moment in found] == list(script.values())
    top = {moment.code for moment in peaks(evening, apart_s=10, top=18)}
    assert Emotion.HAPPINESS in top and len(top) > 3


def test_a_laugh_is_told_with_its_second_length_and_shares() -> None:
    room = track(moved(steady(60), Emotion.HAPPINESS, 600, 610, 0.8), T0)
    (found,) = peaks(room)
    assert (found.t, found.length_s, found.code) == (T0 + 600, 10, Emotion.HAPPINESS)
    assert found.before == pytest.approx(20 / 60, abs=0.01)
    assert found.after == pytest.approx(52 / 60)
    assert found.shift == pytest.approx(32 / 60, abs=0.01)
    assert 0 < found.strength < 1
    assert (found.kind, certainty(found)) == ("reaction", "sure")


def test_a_mood_that_stays_is_one_turn_at_its_beginning() -> None:
    (found,) = peaks(track(moved(steady(60), Emotion.SADNESS, 600, 1200, 1.0)))
    assert (found.t, found.code, found.kind) == (600, Emotion.SADNESS, "turn")
    assert found.length_s == 600


def test_calm_is_found_where_it_is_asked_for() -> None:
    counts = steady(60)
    counts[:, Emotion.ANGER], counts[:, Emotion.NEUTRAL] = counts[:, Emotion.NEUTRAL], 0
    counts[600:620, Emotion.NEUTRAL], counts[600:620, Emotion.ANGER] = 40, 0
    assert peaks(track(counts)) == []
    assert [found.t for found in peaks(track(counts), (Emotion.NEUTRAL,))] == [600]


def test_the_top_ones_are_those_that_most_of_the_room_showed() -> None:
    counts = steady(60, 1800)
    for number, part in enumerate((0.5, 0.9, 0.6, 0.8)):
        start = 300 + 300 * number
        counts = moved(counts, Emotion.HAPPINESS, start, start + 8, part)
    assert [found.t for found in peaks(track(counts), LAUGHTER, top=2)] == [600, 1200]


@pytest.mark.parametrize(("apart_s", "wanted"), [(5, [600, 630]), (40, [630])])
def test_two_laughs_are_as_far_apart_as_asked(apart_s: int, wanted: list[int]) -> None:
    room = moved(steady(60), Emotion.HAPPINESS, 600, 610, 0.6)
    room = moved(room, Emotion.HAPPINESS, 630, 640, 0.9)
    found = peaks(track(room), LAUGHTER, apart_s=apart_s)
    assert [moment.t for moment in found] == wanted


def test_a_range_has_the_moments_that_the_whole_has_there() -> None:
    room = moved(steady(60), Emotion.FEAR, 600, 608, 0.9)
    room = moved(room, Emotion.SURPRISE, 616, 622, 0.5)  # too near to the scare
    room = moved(room, Emotion.ANGER, 700, 708, 0.6)
    whole = track(room)
    assert [found.t for found in peaks(whole)] == [600, 700]
    assert [found.t for found in peaks(whole, within=(605, 1199))] == [700]


def test_laughter_that_builds_up_and_dies_down() -> None:
    counts = steady(80)
    for second in range(30):
        part = 0.8 * min(second, 30 - second) / 15
        counts = moved(counts, Emotion.HAPPINESS, 500 + second, 501 + second, part)
    (found,) = peaks(track(counts))
    assert 500 <= found.t <= 512
    assert found.kind == "reaction"


def test_a_scare_of_three_seconds() -> None:
    (found,) = peaks(track(moved(steady(60), Emotion.FEAR, 300, 303, 0.9)))
    assert (found.t, found.name, found.length_s) == (300, "Scare", 3)
    assert found.after == pytest.approx(0.6)


def test_of_several_emotions_at_once_the_clearest_is_told() -> None:
    room = moved(steady(60), Emotion.SURPRISE, 600, 608, 0.4)
    room = moved(room, Emotion.FEAR, 600, 608, 0.5)
    (found,) = peaks(track(room))
    assert (found.t, found.code) == (600, Emotion.SURPRISE)


def test_a_moment_is_told_while_it_is_happening() -> None:
    room = moved(steady(60), Emotion.HAPPINESS, 600, 610, 0.8)
    (found,) = peaks(track(room[:605]))
    assert (found.t, found.kind) == (600, "reaction")
    assert peaks(track(room[:601])) == []  # a second is too little to say


def test_a_room_that_laughs_every_half_minute_is_told_each_time() -> None:
    counts = steady(60, 3000)
    starts = range(100, 2900, 35)
    for start in starts:
        counts = moved(counts, Emotion.HAPPINESS, start, start + 8, 0.8)
    assert [found.t for found in peaks(track(counts), LAUGHTER)] == list(starts)


# What is none


def test_those_who_come_and_go_are_none() -> None:
    counts = steady(60)
    counts[300:600] *= 2
    counts[600:] //= 3
    assert peaks(track(counts)) == []


def test_those_whose_face_is_lost_are_none() -> None:
    counts = steady(60)
    counts[600:] //= 2
    assert peaks(replace(track(counts), viewers=np.full(1200, 60))) == []


@pytest.mark.parametrize("codes", [LAUGHTER, (Emotion.SADNESS,), (Emotion.NEUTRAL,)])
def test_a_raid_in_another_mood_is_no_reaction(codes: tuple[Emotion, ...]) -> None:
    counts = steady(60)
    counts[600:, Emotion.SADNESS] += 60
    assert peaks(track(counts), codes) == []


def test_a_scare_in_a_sad_scene_and_its_beginning_are_both_told() -> None:
    sad = moved(steady(40), Emotion.SADNESS, 300, 1000, 0.6)
    found = peaks(track(moved(sad, Emotion.FEAR, 600, 604, 1.0)))
    assert [(each.t, each.code, each.kind) for each in found] == [
        (300, Emotion.SADNESS, "turn"),
        (600, Emotion.FEAR, "reaction"),
    ]


def test_where_calm_faces_are_lost_nobody_laughs() -> None:
    """The share of those who smile rises among the rest, and no smile is new."""
    counts = steady(42)
    others = np.zeros(len(counts), np.int64)
    others[600:608] = 25
    counts[600:608, Emotion.NEUTRAL] -= 25
    times = np.arange(len(counts), dtype=np.int64)
    room = Recording(times, counts, others, counts.sum(axis=1) + others)
    assert peaks(room) == []
    laughing = moved(counts, Emotion.HAPPINESS, 600, 608, 1.0)
    laughing[600:608, Emotion.HAPPINESS] += 10  # who was lost before laughs into the camera
    (laugh,) = peaks(replace(room, counts=laughing, others=others - 10 * (others > 0)), LAUGHTER)
    assert laugh.t == 600
    assert laugh.shift == pytest.approx(13 / 42, abs=0.01)


def test_a_drift_of_half_an_hour_is_none() -> None:
    counts = steady(300, 2400)
    for second in range(2400):
        counts = moved(counts, Emotion.SADNESS, second, second + 1, second / 2400)
    assert peaks(track(counts)) == []


def test_what_a_gap_hides_is_not_guessed() -> None:
    whole = track(moved(steady(60), Emotion.HAPPINESS, 600, 610, 0.8))
    kept = (whole.times < 595) | (whole.times >= 615)
    parts = (whole.times, whole.counts, whole.others, whole.viewers)
    assert peaks(Recording(*(part[kept] for part in parts))) == []


def test_nothing_recorded_has_none() -> None:
    assert peaks(track(steady(60)[:0])) == []
    assert peaks(track(steady(60)[:1])) == []
    assert peaks(track(np.zeros((600, 7), np.int64))) == []


def test_a_single_one_of_five_who_is_afraid_is_no_scare_of_the_room() -> None:
    counts = np.zeros((1200, 7), np.int64)
    counts[:, Emotion.NEUTRAL] = 5
    counts[600:640, Emotion.NEUTRAL] -= 1
    counts[600:640, Emotion.FEAR] += 1
    assert peaks(track(counts)) == []


# Chance


@pytest.mark.parametrize("stay_s", [(3, 12), (10, 40)])
@pytest.mark.parametrize("people", [5, 12, 20, 50])
def test_chance_makes_one_an_hour_at_most(people: int, stay_s: tuple[int, int]) -> None:
    hours, dice = 12, np.random.default_rng(2)
    rooms = [recorded(quiet_room(people, 3600, dice, stay_s)) for _ in range(hours)]
    assert sum(len(peaks(room, LAUGHTER)) for room in rooms) <= hours
    assert sum(len(peaks(room)) for room in rooms) <= hours
    sure = [found for room in rooms for found in peaks(room) if certainty(found) == "sure"]
    assert len(sure) <= 1


def test_half_of_twenty_laughing_for_four_seconds_is_found_nine_times_in_ten() -> None:
    dice, found, wanted = np.random.default_rng(4), 0, 0
    for _ in range(6):
        room, begins = laughing_room(20, 3600, Laughs(part=0.5, length_s=4), dice)
        times = [moment.t for moment in peaks(recorded(room), LAUGHTER)]
        wanted += len(begins)
        found += sum(any(abs(t - begin) <= 4 for t in times) for begin in begins)
    assert wanted > 60
    assert found / wanted >= 0.9


# The measure


def test_jensen_shannon_by_hand() -> None:
    pure, half = np.array([[1.0, 0.0]]), np.array([[0.5, 0.5]])
    assert jensen_shannon(pure, pure[:, ::-1]).tolist() == [1.0]
    assert jensen_shannon(pure, pure).tolist() == [0.0]
    assert jensen_shannon(pure, half)[0] == pytest.approx(0.3112781)


# Words


def test_words_for_parts_of_a_room() -> None:
    assert [part_of_room(share) for share in (0.15, 0.25, 0.33, 0.5, 0.7, 0.95)] == [
        "some of the room",
        "a quarter of the room",
        "a third of the room",
        "half of the room",
        "most of the room",
        "nearly all of the room",
    ]


def test_certainty_follows_the_rate_of_false_alarms() -> None:
    at = Moment(0, 0.3, Emotion.HAPPINESS, 0.1, 0.4, length_s=4)
    assert certainty(at) == "sure"
    words = [
        certainty(Moment(0, 0.3, Emotion.FEAR, 0, 0.4, length_s=4, chance=rate))
        for rate in (0.01, 0.05, 0.5)
    ]
    assert words == ["sure", "likely", "perhaps"]
    assert certainty(Moment(0, 0.3, Emotion.FEAR, 0.1, 0.4)) == ""


@given(
    st.lists(st.tuples(*[st.integers(0, 40)] * 7), max_size=120),
    st.sets(st.integers(0, 119)),
    st.integers(0, 30),
)
def test_any_recording_has_sound_peaks(
    counts: list[tuple[int, ...]], lost: set[int], apart_s: int
) -> None:
    whole = track(np.array(counts, np.int64).reshape(-1, 7), T0)
    kept = np.array([row not in lost for row in range(len(whole))], np.bool_)
    parts = (whole.times, whole.counts, whole.others, whole.viewers)
    room = Recording(*(part[kept] for part in parts))
    found = peaks(room, apart_s=apart_s)
    for moment in found:
        assert room.start <= moment.t <= moment.t + moment.length_s - 1 <= room.end
        assert 0 <= moment.before <= moment.after <= 1
        assert 0 < moment.chance <= 1
    for one, other in itertools.pairwise(found):
        assert other.t >= one.t + one.length_s + apart_s
