"""When detector `fast` looks closely, and what it keeps of what it saw."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from parity_films import lit, moved, read_clip

from resonance_tui.engines import registry as engines
from resonance_tui.pipeline.detectors.blazeface import BlazeFace
from resonance_tui.pipeline.detectors.fast import FastDetector, create
from resonance_tui.pipeline.detectors.landmarks import FaceLandmarks
from resonance_tui.pipeline.detectors.search import TILES_A_FRAME, TILES_A_SECOND
from resonance_tui.pipeline.perception import Perception
from resonance_tui.pipeline.sources import Frame
from resonance_tui.pipeline.tracker import Detection

pytestmark = pytest.mark.faces
Picture = NDArray[np.uint8]


@pytest.fixture
def man(shared_data: Path) -> Picture:
    """640x360, one face a little left of the middle."""
    return read_clip(shared_data / "clips/single_face.mp4")[0]


@pytest.fixture
def detector(shared_data: Path) -> Iterator[FastDetector]:
    made = create(shared_data / "face_landmarker.task")
    yield made
    made.close()


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> dict[str, int]:
    """How often each network has run."""
    counts = {"search": 0, "landmarks": 0}
    find, read = BlazeFace.find, FaceLandmarks.read

    def counted_find(self, image, *scores):
        counts["search"] += 1
        return find(self, image, *scores)

    def counted_read(self, image, square):
        counts["landmarks"] += 1
        return read(self, image, square)

    monkeypatch.setattr(BlazeFace, "find", counted_find)
    monkeypatch.setattr(FaceLandmarks, "read", counted_read)
    return counts


def play(
    detector: FastDetector, pictures: list[Picture], start: float = 50.0
) -> list[list[Detection]]:
    """Ten frames a second."""
    return [detector.detect(Frame(p, start + i / 10, i)) for i, p in enumerate(pictures)]


def noisy(picture: Picture, count: int) -> list[Picture]:
    rng = np.random.default_rng(3)
    return [lit(picture, 1, 4, rng) for _ in range(count)]


def emptied(picture: Picture) -> Picture:
    """The same room without the man: whatever is left of the picture's middle in its place."""
    empty = picture.copy()
    empty[60:330, 170:430] = np.median(picture[:50, 250:350], axis=(0, 1))
    return empty


def pair(left: Picture, right: Picture) -> Picture:
    return np.concatenate([left[:, 120:480], right[:, 120:480]], axis=1)


def test_a_face_at_rest_is_searched_and_read_every_four_seconds(detector, calls, man):
    found = play(detector, noisy(man, 61))
    assert all(len(faces) == 1 for faces in found)
    assert calls == {"search": 2, "landmarks": 2}


def test_something_new_beside_a_face_at_rest_is_searched_within_a_second(detector, calls, man):
    changed = man.copy()
    changed[200:340, 20:120] = man[100:240, 250:350]
    play(detector, [*noisy(man, 20), *noisy(changed, 1)])
    assert calls["search"] == 2


def test_a_face_that_only_moves_is_followed_without_reading(detector, calls, man):
    found = play(detector, [moved(man, dx=2 * number) for number in range(10)])
    assert calls == {"search": 1, "landmarks": 1}
    assert found[9][0].cx - found[0][0].cx == pytest.approx(18, abs=1)
    assert found[9][0].box[0] - found[0][0].box[0] == pytest.approx(18, abs=1)


def test_a_face_that_looks_different_is_read_at_once(detector, calls, man, shared_data):
    laughing = read_clip(shared_data / "clips/WolfgangLanger_Pexels.mp4")[80:100]
    play(detector, laughing)
    assert 3 <= calls["landmarks"] <= 10


def test_a_face_that_has_gone_is_gone_with_the_next_frame(detector, man):
    found = play(detector, [man, man, emptied(man), emptied(man)])
    assert [len(faces) for faces in found] == [1, 1, 0, 0]


def test_a_face_that_comes_is_seen_within_a_fifth_of_a_second(detector, calls, man):
    found = play(detector, [emptied(man)] * 11 + [man] * 3)
    assert [len(faces) for faces in found][:11] == [0] * 11
    assert len(found[-1]) == 1
    assert calls["search"] <= 7 + TILES_A_FRAME + 1.4 * TILES_A_SECOND


def test_a_second_face_is_seen_within_a_second_and_both_are_followed(detector, man):
    alone, both = pair(man, emptied(man)), pair(man, man[:, ::-1])
    found = play(detector, [alone] * 3 + [both] * 12)
    assert [len(faces) for faces in found[:3]] == [1] * 3
    assert [len(faces) for faces in found[10:]] == [2] * 5
    assert found[14][0].side == pytest.approx(found[14][1].side, rel=0.05)


def test_one_of_two_who_goes_leaves_the_other_unread(detector, calls, man):
    both, alone = pair(man, man[:, ::-1]), pair(man, emptied(man))
    before = play(detector, [both] * 3)
    read = calls["landmarks"]
    after = play(detector, [alone] * 3, start=50.3)
    assert [len(faces) for faces in (*before, *after)] == [2, 2, 2, 1, 1, 1]
    assert calls["landmarks"] - read <= 3  # of the place that is empty now


def test_after_a_cut_no_place_is_carried_over(detector, calls, man):
    other = np.full_like(man, 30)
    other[:, :320] = 200
    found = play(detector, [man, other, man])
    assert [len(faces) for faces in found] == [1, 0, 1]
    assert [faces[0].scene for faces in (found[0], found[2])] == [0, 2]


def test_what_it_has_forgotten_is_found_anew(detector, calls, man):
    play(detector, [man] * 2)
    detector.forget()
    assert len(detector.detect(Frame(man, 50.2, 2))) == 1
    assert calls == {"search": 2, "landmarks": 2}


def test_forgetting_leaves_no_picture_behind(detector, man):
    play(detector, [man] * 2)
    assert pictures_held(detector)
    detector.forget()
    assert not pictures_held(detector)


def test_switching_the_camera_off_makes_it_forget(detector, man):
    perception = Perception(engines.create("static").spec, detector)
    perception.observe(Frame(man, 50.0, 0))
    assert pictures_held(detector)
    perception.reset()
    assert not pictures_held(detector)


def pictures_held(thing: object) -> list[np.ndarray]:
    """Arrays of as many values as a thumbnail or more, wherever they hang."""
    found: list[np.ndarray] = []
    todo, seen = [thing], set[int]()
    while todo:
        one = todo.pop()
        if id(one) in seen:
            continue
        seen.add(id(one))
        if isinstance(one, np.ndarray):
            found += (
                [one] if one.dtype in (np.uint8, np.float64) and one.size in (576, 4096) else []
            )
        elif isinstance(one, list | tuple):
            todo += one
        elif type(one).__module__.startswith("resonance_tui"):
            slots = getattr(type(one), "__slots__", ())
            todo += [getattr(one, name) for name in slots] + list(
                getattr(one, "__dict__", {}).values()
            )
    return found


def test_the_cost_of_following_does_not_grow_with_the_picture(
    detector, calls, man, monkeypatch: pytest.MonkeyPatch
):
    """Whatever OpenCV is handed between two readings is a small output or a part of the picture."""
    large = np.asarray(cv2.resize(man, (2560, 1440)), np.uint8)
    sizes: list[tuple[int, ...]] = []
    for name in ("resize", "cvtColor", "GaussianBlur"):
        watched(monkeypatch, name, sizes)
    detector.detect(Frame(large, 50.0, 0))
    sizes.clear()
    assert len(detector.detect(Frame(large, 50.1, 1))) == 1
    assert calls == {"search": 1, "landmarks": 1}
    assert sizes and max(height * width for height, width in sizes) <= 200 * 200


def watched(monkeypatch: pytest.MonkeyPatch, name: str, sizes: list[tuple[int, ...]]) -> None:
    plain: Callable[..., object] = getattr(cv2, name)

    def noted(image, *args, **kwargs):
        sizes.append(image.shape[:2])
        return plain(image, *args, **kwargs)

    monkeypatch.setattr(cv2, name, noted)
