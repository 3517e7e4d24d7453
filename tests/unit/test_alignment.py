"""Where the square around a face lies, whose face it is, and what is cut out."""

from __future__ import annotations

from dataclasses import replace
from math import cos, pi, radians, sin

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from resonance_tui.pipeline import alignment
from resonance_tui.pipeline.alignment import BLUR, BOX_LIFT, BOX_SCALE, crop
from resonance_tui.pipeline.detectors.base import is_cut
from resonance_tui.pipeline.detectors.haar import HAAR_SCALE, from_haar_box
from resonance_tui.pipeline.detectors.mesh import LEFT_EYE, RIGHT_EYE, from_landmarks
from resonance_tui.pipeline.tracker import Detection, FaceTracker


def landmarks() -> np.ndarray:
    """A level face: 478 points in a box 100 wide and 140 high whose corner is at (200, 100)."""
    points = np.random.default_rng(0).uniform((200, 100), (300, 240), (478, 2))
    points[0], points[1] = (200, 100), (300, 240)
    points[list(RIGHT_EYE)], points[list(LEFT_EYE)] = (225, 150), (275, 150)
    return points


def face(cx=100.0, cy=100.0, side=80.0, scene=0) -> Detection:
    half = side / 2
    return Detection(cx, cy, side, 0.0, (cx - half, cy - half, cx + half, cy + half), scene)


# The crop rule


def test_the_square_is_larger_than_the_landmarks_and_lifted():
    found = from_landmarks(landmarks(), scene=3)
    assert found.side == pytest.approx(140 * BOX_SCALE)
    assert (found.cx, found.cy) == pytest.approx((250, 170 - BOX_LIFT * found.side))
    assert found.roll == pytest.approx(0)
    assert found.box == pytest.approx((200, 100, 300, 240))
    assert found.scene == 3


@given(st.floats(-pi / 2, pi / 2), st.floats(-500, 500), st.floats(-500, 500), st.floats(0.2, 5))
def test_a_tilted_moved_scaled_face_gets_the_same_square(angle, dx, dy, scale):
    turn = scale * np.array([[cos(angle), -sin(angle)], [sin(angle), cos(angle)]])
    level, tilted = from_landmarks(landmarks()), from_landmarks(landmarks() @ turn.T + (dx, dy))
    assert tilted.side == pytest.approx(level.side * scale)
    assert tilted.roll == pytest.approx(angle, abs=1e-6)
    centre = turn @ (level.cx, level.cy) + (dx, dy)
    assert (tilted.cx, tilted.cy) == pytest.approx(tuple(centre), abs=1e-6)


def test_the_haar_square_has_no_roll_and_lies_about_the_box():
    found = from_haar_box(10, 20, 100)
    assert found.side == pytest.approx(100 * HAAR_SCALE)
    assert found.cx == 60
    assert 70 < found.cy < 80
    assert found.roll == 0


# The choice


def test_the_largest_wins():
    chosen = FaceTracker().update([face(side=60), face(400, side=90)], 0.0)
    assert chosen is not None
    assert chosen.side == 90


def test_the_chosen_one_is_kept_while_another_grows_larger():
    tracker, tracks = FaceTracker(), set()
    for k in range(20):
        other = face(400, side=60 + 3 * k)
        chosen = tracker.update([other, face(side=80)], k / 10)
        assert chosen is not None
        assert chosen.cx == 100
        tracks.add(chosen.track)
    assert len(tracks) == 1


def test_nobody_takes_the_place_within_the_gap_then_the_other_is_a_new_track():
    tracker = FaceTracker()
    first = tracker.update([face(), face(400, side=70)], 0.0)
    waiting = [tracker.update([face(400, side=70)], k / 10) for k in range(1, 11)]
    assert waiting == [None] * 10
    second = tracker.update([face(400, side=70)], 1.1)
    assert first is not None
    assert second is not None
    assert second.cx == 400
    assert second.track != first.track


def test_a_face_that_returns_within_the_gap_is_the_same_track():
    tracker = FaceTracker()
    first = tracker.update([face()], 0.0)
    assert tracker.update([], 0.5) is None
    again = tracker.update([face(cx=110)], 0.9)
    assert first is not None
    assert again is not None
    assert again.track == first.track


def test_a_face_that_returns_after_the_gap_is_another_track():
    tracker = FaceTracker()
    first = tracker.update([face()], 0.0)
    later = tracker.update([face()], 1.2)
    assert first is not None
    assert later is not None
    assert later.track != first.track


def test_a_moving_face_stays_one_track():
    tracker = FaceTracker()
    found = [tracker.update([face(cx=100 + 30 * k, side=80 + 4 * k)], k / 10) for k in range(15)]
    assert {f.track for f in found if f is not None} == {0}
    assert None not in found


def test_a_neighbour_who_comes_to_the_place_is_not_taken_for_the_one_who_left():
    tracker = FaceTracker()
    first = tracker.update([face(100, side=80), face(190, side=75)], 0.0)
    chosen = [tracker.update([face(190 - 9 * k, side=75)], k / 10) for k in range(1, 10)]
    assert chosen == [None] * 9
    second = tracker.update([face(100, side=75)], 1.1)
    assert first is not None
    assert second is not None
    assert second.track != first.track


def test_two_who_pass_each_other_closely_are_not_exchanged():
    tracker = FaceTracker()
    for k in range(21):
        walker = face(100 + 12 * k, 40, side=60)
        chosen = tracker.update([walker, face(220, 100, side=80)], k / 10)
        assert chosen is not None
        assert chosen.side == 80


def test_nobody_is_followed_across_a_cut():
    tracker = FaceTracker()
    before = tracker.update([face()], 0.0)
    after = tracker.update([face(scene=1)], 0.1)
    assert before is not None
    assert after is not None
    assert after.track != before.track


def test_a_face_of_a_very_different_size_is_somebody_else():
    tracker = FaceTracker()
    tracker.update([face(side=80)], 0.0)
    assert tracker.update([face(side=200)], 0.1) is None


coordinate = st.floats(0, 640)
in_view = st.lists(st.tuples(coordinate, coordinate, st.floats(1, 400)), max_size=5)


@given(st.lists(st.tuples(in_view, st.floats(0, 1.5), st.booleans()), max_size=30))
def test_one_track_is_one_continuous_face(stream):
    tracker, now, scene, last, seen_at, left = FaceTracker(), 0.0, 0, None, 0.0, set()
    for places, pause, is_cut_before in stream:
        now, scene = now + pause, scene + is_cut_before
        found = [face(*place, scene) for place in places]
        chosen = tracker.update(found, now)
        if chosen is None:
            continue
        assert (chosen.cx, chosen.cy, chosen.side) in places
        assert chosen.track not in left  # who was left is never taken up again
        if last is not None and chosen.track == last.track:
            assert now - seen_at <= 1.0
            assert chosen.scene == last.scene
            assert abs(chosen.cx - last.cx) <= max(chosen.side, last.side)
        elif last is not None:
            left.add(last.track)
        last, seen_at = chosen, now


# Cuts


def test_another_picture_is_a_cut_and_another_light_is_not():
    rng = np.random.default_rng(1)
    one, two = rng.uniform(0, 255, (18, 32)), rng.uniform(0, 255, (18, 32))
    assert is_cut(one, two)
    assert not is_cut(one, 0.4 * one + 20)
    assert not is_cut(one, one + rng.normal(0, 30, (18, 32)))
    assert not is_cut(np.zeros((18, 32)), np.zeros((18, 32)))


def test_noise_in_the_dark_is_no_cut_and_another_dark_picture_is():
    rng = np.random.default_rng(1)
    for light in (0.0, 1.0, 3.0):
        one, noise = rng.normal(0, light, (18, 32)), rng.normal(0, 2, (2, 18, 32))
        assert not is_cut(one + noise[0], one + noise[1])
    one, two = rng.normal(0, 8, (18, 32)), rng.normal(0, 8, (18, 32))
    assert is_cut(one + noise[0], two + noise[1])


# The crop


def ramp(height=200, width=300) -> np.ndarray:
    """Blue grows to the right, green downwards, red is 40: any place can be read from it."""
    y, x = np.mgrid[0:height, 0:width]
    return np.stack([x * 255 / width, y * 255 / height, np.full_like(x, 40)], -1).astype(np.uint8)


@pytest.mark.parametrize("size", [48, 112])
def test_the_crop_shows_the_square_in_rgb(size):
    shown = crop(ramp(), face(150, 100, 96), size)
    assert shown.shape == (size, size, 3)
    assert shown.dtype == np.uint8
    assert shown.flags["C_CONTIGUOUS"]
    assert abs(int(shown[..., 0].mean()) - 40) <= 1
    assert shown[:, 0, 2].mean() == pytest.approx((150 - 48) * 255 / 300, abs=2)
    assert shown[:, -1, 2].mean() == pytest.approx((150 + 48) * 255 / 300, abs=2)
    assert shown[0, :, 1].mean() == pytest.approx((100 - 48) * 255 / 200, abs=2)
    assert shown[-1, :, 1].mean() == pytest.approx((100 + 48) * 255 / 200, abs=2)


@pytest.mark.parametrize("degrees", [-30, 20, 75])
def test_the_crop_levels_the_line_of_the_eyes(degrees):
    angle, image = radians(degrees), np.full((300, 300, 3), 90, np.uint8)
    for sign in (-1, 1):  # two bright eyes on a line that falls by the angle to the right
        x, y = 150 + sign * 25 * cos(angle), 150 + sign * 25 * sin(angle)
        image[round(y) - 4 : round(y) + 5, round(x) - 4 : round(x) + 5] = 255
    shown = crop(image, replace(face(150, 150, 100), roll=angle), 100)
    y, x = np.nonzero(shown[..., 0] > 200)
    assert y.mean() == pytest.approx(49.5, abs=1.5)
    assert np.ptp(y) <= 14
    assert x[x < 50].mean() == pytest.approx(24.5, abs=1.5)
    assert x[x > 50].mean() == pytest.approx(74.5, abs=1.5)


def test_outside_the_picture_its_border_is_repeated():
    shown = crop(ramp(), face(0, 0, 100), 50)
    assert np.ptp(shown[:25, :25, 1:]) <= 2
    assert shown[-1, -1, 2] > 30


def test_shrinking_does_not_alias():
    stripes = np.zeros((480, 480, 3), np.uint8)
    stripes[:, ::2] = 255
    assert crop(stripes, face(240, 240, 400), 48).std() < 3


@pytest.mark.parametrize("cx", [-5000.0, 5000.0, 0.0])
@pytest.mark.parametrize("side", [0.0, 1.0, 3000.0])
def test_a_square_anywhere_gives_a_picture(cx, side):
    assert crop(ramp(), face(cx, 10.0, side), 48).shape == (48, 48, 3)


@pytest.mark.parametrize("side", [300, 430, 700])
def test_a_large_face_costs_no_more_and_looks_the_same(monkeypatch, side):
    rng = np.random.default_rng(0)
    rough = cv2.resize(rng.integers(0, 256, (90, 120, 3)).astype(np.uint8), (1200, 900))
    picture, large = np.asarray(rough, np.uint8), replace(face(600, 450, side), roll=0.2)
    blurred: list[int] = []
    plain = cv2.GaussianBlur

    def noted(image, *args, **kwargs):
        blurred.append(image.shape[0])
        return plain(image, *args, **kwargs)

    monkeypatch.setattr(cv2, "GaussianBlur", noted)
    quick = crop(picture, large, 48).astype(int)
    monkeypatch.setattr(alignment, "COARSE", 1e9)
    thorough = crop(picture, large, 48).astype(int)
    assert blurred[0] < 300 and blurred[0] <= blurred[1] / 2
    assert np.abs(quick - thorough).max() <= 6
    assert np.abs(quick - thorough).mean() < 1


def blurred_and_cut(image: np.ndarray, found: Detection, size: int) -> np.ndarray:
    """The crop as it is defined: all of the picture blurred, then sampled."""
    scale = found.side / size
    soft = cv2.GaussianBlur(image, (0, 0), BLUR * scale, borderType=cv2.BORDER_REPLICATE)
    c, s, middle = scale * cos(found.roll), scale * sin(found.roll), (size - 1) / 2
    x, y = found.cx - 0.5 - middle * (c - s), found.cy - 0.5 - middle * (s + c)
    matrix = np.array([[c, -s, x], [s, c, y]])
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    mode = cv2.BORDER_REPLICATE
    return cv2.warpAffine(soft, matrix, (size, size), flags=flags, borderMode=mode)[:, :, ::-1]


@pytest.mark.parametrize("side", [40, 96, 130, 230, 460, 700])
@pytest.mark.parametrize("roll", [0.0, 0.3, -1.2])
def test_a_large_face_is_shrunk_first_and_looks_the_same(side: int, roll: float) -> None:
    rng = np.random.default_rng(side)
    coarse = rng.integers(40, 216, (9, 16, 3)).astype(np.uint8)
    image = cv2.resize(coarse, (1283, 719), interpolation=cv2.INTER_CUBIC)
    found = replace(face(640.3, 355.7, side), roll=roll)
    difference = crop(image, found, 48).astype(int) - blurred_and_cut(image, found, 48)
    assert np.abs(difference).mean() < 0.5
    assert np.abs(difference).max() <= 4
