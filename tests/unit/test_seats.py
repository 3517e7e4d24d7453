"""Who of several people in view is read as whom: nobody is taken for another."""

from __future__ import annotations

from math import cos, hypot, sin, tau

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from resonance_tui.pipeline.seats import MOST_SEATS, Seats
from resonance_tui.pipeline.tracker import Detection, FaceTracker

RATE = 10.0  # frames a second
Place = tuple[float, float, float]  # centre and side


def face(cx: float, cy: float = 100.0, side: float = 80.0, scene: int = 0) -> Detection:
    half = side / 2
    return Detection(cx, cy, side, 0.0, (cx - half, cy - half, cx + half, cy + half), scene)


class Couch:
    """People who move, and who sits where after each frame."""

    def __init__(self, seats: int = MOST_SEATS) -> None:
        self.tracker, self.frames = FaceTracker(seats=seats), 0

    def show(self, **people: Detection) -> dict[str, int]:
        """One frame: the seat by name, of those who are seated."""
        found = self.tracker.update_all(people.values(), self.frames / RATE)
        self.frames += 1
        names = {(each.cx, each.cy): name for name, each in people.items()}
        return {names[seen.cx, seen.cy]: seat for seat, seen in found.items()}

    def show_for(self, seconds: float, **people: Detection) -> dict[str, int]:
        return [self.show(**people) for _ in range(round(seconds * RATE))][-1]


def test_the_largest_has_the_first_seat() -> None:
    assert Couch().show(ann=face(100, side=60), ben=face(400, side=90)) == {"ben": 0, "ann": 1}


def test_no_more_than_four_are_seated() -> None:
    people = {f"p{k}": face(150.0 * k, side=100.0 - k) for k in range(6)}
    assert Couch().show(**people) == {"p0": 0, "p1": 1, "p2": 2, "p3": 3}
    with pytest.raises(ValueError, match="seats"):
        Seats(MOST_SEATS + 1)


def test_nobody_changes_seats_when_another_becomes_the_largest() -> None:
    couch = Couch()
    for k in range(20):
        seats = couch.show(ann=face(100, side=90), ben=face(400, side=60.0 + 4 * k))
        assert seats == {"ann": 0, "ben": 1}


def test_where_one_alone_is_read_from_now_on_the_first_stays_the_first() -> None:
    couch = Couch()
    couch.show(ann=face(100, side=90), ben=face(400))
    couch.tracker.keep_first(1)
    assert couch.show(ann=face(100), ben=face(400, side=120)) == {"ann": 0}
    assert couch.show_for(3.0, ben=face(400)) == {"ben": 0}, "alone in view"


def test_when_the_first_leaves_the_second_keeps_the_second_seat() -> None:
    couch = Couch()
    couch.show(ann=face(100, side=90), ben=face(400))
    assert couch.show_for(5, ben=face(400)) == {"ben": 1}


def test_who_comes_back_within_the_trackers_time_has_the_same_seat() -> None:
    couch = Couch()
    couch.show(ann=face(100, side=90), ben=face(400))
    couch.show_for(0.8, ann=face(100, side=90))
    assert couch.show(ann=face(100, side=90), ben=face(420)) == {"ann": 0, "ben": 1}


def test_two_who_come_back_later_sit_where_each_of_them_sat() -> None:
    couch = Couch()
    couch.show(ann=face(100, side=90), ben=face(400))
    couch.show_for(3)
    assert couch.show(ben=face(390, side=120)) == {"ben": 1}
    assert couch.show(ben=face(390, side=120), ann=face(110)) == {"ben": 1, "ann": 0}


def test_a_face_that_jumped_does_not_count_as_one_more_person() -> None:
    couch = Couch()
    couch.show(ann=face(100, side=90), ben=face(400))
    assert couch.show_for(0.9, ann=face(100, side=90), ben=face(600)) == {"ann": 0}
    assert couch.show_for(0.5, ann=face(100, side=90), ben=face(600)) == {"ann": 0, "ben": 1}


def test_a_third_person_is_seated_at_once() -> None:
    couch = Couch()
    couch.show(ann=face(100, side=90), ben=face(400))
    seats = couch.show(ann=face(100, side=90), ben=face(400), cyd=face(700, side=70))
    assert seats == {"ann": 0, "ben": 1, "cyd": 2}


def test_a_cut_ends_every_track_and_no_seat_is_given_twice() -> None:
    couch = Couch()
    couch.show(ann=face(100, side=90), ben=face(400))
    seats = couch.show(cyd=face(120, scene=1), dan=face(390, side=99, scene=1))
    assert seats == {"cyd": 0, "dan": 1}


def test_one_behind_another_comes_out_on_the_other_side_as_the_same_person() -> None:
    """The one in front hides the one behind for half a second."""
    couch = Couch()
    for k in range(40):
        ann, ben = face(300, side=100), face(520.0 - 12 * k, 96, side=80)
        is_hidden = abs(ben.cx - ann.cx) < 35
        seats = couch.show(ann=ann) if is_hidden else couch.show(ann=ann, ben=ben)
        assert seats == ({"ann": 0} if is_hidden else {"ann": 0, "ben": 1}), k


def test_two_who_swap_places_behind_each_other_are_not_mixed() -> None:
    couch = Couch()
    for k in range(50):
        ann, ben = face(100.0 + 8 * k, 100, side=100), face(500.0 - 8 * k, 95, side=90)
        is_hidden = abs(ann.cx - ben.cx) < 40
        seats = couch.show(ann=ann) if is_hidden else couch.show(ann=ann, ben=ben)
        assert seats == ({"ann": 0} if is_hidden else {"ann": 0, "ben": 1}), k


@given(
    st.floats(0, tau),
    st.floats(0.6, 1.2),
    st.floats(-1.0, 1.0),
    st.floats(60, 120),
    st.lists(st.sampled_from(["both", "both", "both", "ann", "ben"]), min_size=30, max_size=60),
)
def test_two_who_circle_each_other_and_are_lost_for_moments_are_never_mixed(
    angle: float, apart: float, turns_a_second: float, side: float, seen: list[str]
) -> None:
    """`apart`: of the centres, in sides; no detector tells two apart that are nearer. In no frame
    does anybody come nearer to where the other was than to their own place."""
    assume(abs(turns_a_second) * tau / RATE * apart / 2 < 0.2 * apart)
    couch, last = Couch(), {"ann": 0, "ben": 0}
    seats = couch.show(ann=at(angle, apart, side, 1.01 * side), ben=at(angle, -apart, side, side))
    assert seats == {"ann": 0, "ben": 1}
    for k, which in enumerate(seen, 1):
        turned = angle + turns_a_second * tau * k / RATE
        both = {"ann": at(turned, apart, side, 1.01 * side), "ben": at(turned, -apart, side, side)}
        shown = {name: each for name, each in both.items() if which in ("both", name)}
        hidden_for = max(k - last[name] for name in shown)
        if abs(turns_a_second) * tau * hidden_for / RATE > 0.4:  # hidden too long to be sure of
            return
        assert couch.show(**shown) == {name: ("ann", "ben").index(name) for name in shown}
        last |= dict.fromkeys(shown, k)


def at(angle: float, apart: float, side: float, own_side: float) -> Detection:
    """On a circle around (320, 240)."""
    r = apart * side / 2
    return face(320 + r * cos(angle), 240 + r * sin(angle), own_side)


coordinate = st.floats(0, 640)
in_view = st.lists(st.tuples(coordinate, coordinate, st.floats(1, 400)), max_size=6)


@given(
    st.integers(1, MOST_SEATS),
    st.lists(st.tuples(in_view, st.floats(0, 1.5), st.booleans()), max_size=30),
)
def test_whatever_is_seen_each_seat_holds_one_track_until_that_has_ended(
    seats: int, stream: list[tuple[list[Place], float, bool]]
) -> None:
    tracker, now, scene = FaceTracker(seats=seats), 0.0, 0
    seat_of: dict[int, int] = {}
    seen_at: dict[int, float] = {}
    for places, pause, is_cut in stream:
        now, scene = now + pause, scene + is_cut
        found = tracker.update_all([face(*place, scene) for place in places], now)
        assert len({each.track for each in found.values()}) == len(found) <= seats
        for seat, each in found.items():
            assert seat_of.setdefault(each.track, seat) == seat
            holders = [t for t, s in seat_of.items() if s == seat and t != each.track]
            assert all(t < each.track or seen_at[t] < now for t in holders)
            seen_at[each.track] = now


@given(st.floats(-0.75, 0.75), st.floats(-0.75, 0.75), st.floats(40, 200))
def test_a_hidden_face_is_never_looked_for_further_away_than_it_can_be(
    vx: float, vy: float, side: float
) -> None:
    """`vx`, `vy`: sides a frame."""
    assume(hypot(vx, vy) < 0.79)
    tracker = FaceTracker()
    first = [tracker.update([face(k * vx * side, k * vy * side, side)], k / 10) for k in range(3)]
    far = face(2 * vx * side + 1.7 * side, 2 * vy * side, side)
    assert {each.track for each in first if each} == {0}
    assert tracker.update([far], 1.1) is None
