"""Stills that talk, blink, nod and look down under a webcam's noise: faces whose emotion is known
not to change. Pictures stay in memory."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cache
from math import pi, sin
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np
from numpy.typing import NDArray

from resonance_tui.emotions import Emotion
from resonance_tui.engines.base import Engine
from resonance_tui.native import tame
from resonance_tui.pipeline.clip_buffer import Clip
from resonance_tui.pipeline.perception import Prediction, predict
from resonance_zoo.train.still import ferplus

if TYPE_CHECKING:
    from mediapipe import Image
    from mediapipe.tasks.python.vision import NormalizedLandmark

Picture = NDArray[np.uint8]
Plane = NDArray[np.float32]

CAMERA_FPS = 30
NOISE = 4.0  # standard deviation of the sensor's noise, grey levels
SIDE = 96  # pixels in which a face is warped
_ROWS, _COLUMNS = (plane.astype(np.float32) for plane in np.mgrid[0:SIDE, 0:SIDE])
_MIDDLE = SIDE / 2
# Landmarks of MediaPipe's mesh: outer and inner corner, upper and lower lid.
_EYES = ((33, 133, 159, 145), (362, 263, 386, 374))
_MOUTH = (61, 291, 13)  # its corners, and where the upper lip ends
_NOSE = 4  # its tip
_MARGIN = 24  # pixels around a still of 48


@dataclass(frozen=True, slots=True)
class Pose:
    """What moves in a face without any change of its emotion."""

    mouth: float = 0.0  # 0 as in the still, 1 wide open as in a vowel
    spread: float = 0.0  # -1 rounded, 1 wide
    lids: float = 0.0  # 0 as in the still, 1 closed
    nod: float = 0.0  # 1 looks down, -1 up


Act = Callable[[float], Pose]  # the pose at a moment, s


@dataclass(frozen=True, slots=True)
class Features:
    """Where eyes and mouth of a still are, in pixels of SIDE."""

    eyes: tuple[tuple[float, float], tuple[float, float]]  # x, y of their middles
    eye_width: float
    mouth: tuple[float, float]  # the line where the upper lip ends
    mouth_width: float


class Actor:
    """One still (grey, square, 48 pixels or SIDE) that can be posed."""

    def __init__(self, still: Picture | Plane, features: Features) -> None:
        large = cv2.resize(still, (SIDE, SIDE), interpolation=cv2.INTER_CUBIC)
        self._face = np.asarray(large, np.float32)
        self._features = features

    def posed(self, pose: Pose) -> Plane:
        """The face in that pose, float32[SIDE, SIDE]."""
        face = self._with_lids(self._face, pose.lids) if pose.lids > 0 else self._face
        if pose.mouth > 0 or pose.spread:
            face = self._with_mouth(face, pose)
        return _nodded(face, pose.nod) if pose.nod else face

    def _with_lids(self, face: Plane, closed: float) -> Plane:
        wide = 0.62 * self._features.eye_width
        for x, y in self._features.eyes:
            skin = _mean(face, x, y + 0.75 * wide, wide)
            oval = ((_COLUMNS - x) / wide) ** 2 + ((_ROWS - y) / (0.5 * wide)) ** 2
            cover = closed * np.clip(1.7 - oval, 0, 1)
            lash = 0.4 * closed * np.exp(-(((_ROWS - y - 0.2 * wide) / 1.3) ** 2)) * (oval < 1)
            face = (face * (1 - cover) + 0.93 * skin * cover) * (1 - lash)
        return face

    def _with_mouth(self, face: Plane, pose: Pose) -> Plane:
        (middle, top), half = self._features.mouth, 0.5 * self._features.mouth_width
        across = np.clip(1 - np.abs((_COLUMNS - middle) / half) ** 2.5, 0, 1)
        below = _ROWS - top
        gap = 0.42 * half * pose.mouth * across
        drop = gap * (1 - 0.5 * np.clip(below / (SIDE - top), 0, 1))
        stretch = 1 + 0.12 * pose.spread * np.exp(-((below / 14) ** 2))
        from_x = middle + (_COLUMNS - middle) / stretch
        upper = np.minimum(_ROWS, top)
        moved = _remapped(
            face, from_x, np.maximum(_ROWS - np.maximum(drop, 0) * (below > 0), upper)
        )
        inside = (below > 0) & (below < gap)
        return np.where(inside, np.float32(0.25) * np.float32(face.mean()) + 10, moved)


def _mean(face: Plane, x: float, y: float, half: float) -> float:
    rows = slice(max(int(y) - 2, 0), int(y) + 3)
    return float(face[rows, max(int(x - half), 0) : int(x + half)].mean())


def _nodded(face: Plane, nod: float) -> Plane:
    """Features move down (or up) within the crop and come closer together."""
    inner = np.exp(-(((_COLUMNS - _MIDDLE) / 44) ** 4))
    from_y = _MIDDLE + (_ROWS - _MIDDLE - 5 * nod * inner) / (1 - 0.07 * abs(nod))
    return _remapped(face, _COLUMNS, from_y) * np.float32(1 - 0.04 * nod)


def _remapped(face: Plane, x: Plane, y: Plane) -> Plane:
    return np.asarray(
        cv2.remap(
            face,
            np.asarray(x, np.float32),
            np.asarray(y, np.float32),
            cv2.INTER_LINEAR,
            borderMode=cv2.BORDER_REPLICATE,
        ),
        np.float32,
    )


@dataclass(frozen=True, slots=True)
class _Gesture:
    """A movement that rises, stays and falls."""

    start: float
    rise: float
    hold: float
    fall: float
    size: float = 1.0

    def at(self, time: float) -> float:
        gone = time - self.start
        if gone <= 0 or gone >= self.rise + self.hold + self.fall:
            return 0.0
        up = min(gone / self.rise, 1.0)
        down = min((self.rise + self.hold + self.fall - gone) / self.fall, 1.0)
        return self.size * sin(pi / 2 * min(up, down)) ** 2


class _Gestures:
    """Gestures one after the other, none over another."""

    def __init__(self, gestures: list[_Gesture]) -> None:
        self._all = gestures
        self._starts = [each.start for each in gestures]

    def at(self, time: float) -> float:
        place = bisect_right(self._starts, time) - 1
        return self._all[place].at(time) if place >= 0 else 0.0


def blinking(seconds: float, rng: np.random.Generator) -> Act:
    """Somebody at rest: a blink of 150 to 300 ms every two to six seconds."""
    blinks: list[_Gesture] = []
    start = rng.uniform(0, 4)
    while start < seconds:
        blinks.append(_Gesture(start, 0.07, rng.uniform(0.03, 0.1), rng.uniform(0.08, 0.13)))
        start += rng.uniform(2, 6)
    lids = _Gestures(blinks)
    return lambda time: Pose(lids=lids.at(time))


def talking(seconds: float, rng: np.random.Generator) -> Act:
    """Sentences of two to four seconds, four to six syllables a second, pauses, blinks."""
    syllables: list[_Gesture] = []
    spreads: list[_Gesture] = []
    start = rng.uniform(0, 0.5)
    end = start + rng.uniform(2, 4)
    while start < seconds:
        length = 1 / rng.uniform(4, 6)
        rise = length / 2
        syllables.append(_Gesture(start, rise, 0, length - rise, rng.uniform(0.15, 1)))
        spreads.append(_Gesture(start, rise, 0, length - rise, rng.uniform(-1, 1)))
        start += length
        if start > end:
            start += rng.uniform(0.3, 1)
            end = start + rng.uniform(2, 4)
    mouth, spread, face = _Gestures(syllables), _Gestures(spreads), blinking(seconds, rng)
    return lambda time: replace(face(time), mouth=mouth.at(time), spread=spread.at(time))


def nodding(seconds: float, rng: np.random.Generator) -> Act:
    """Two or three nods of half a second, every three to six seconds; blinks."""
    nods: list[_Gesture] = []
    start = rng.uniform(0, 3)
    while start < seconds:
        for _ in range(int(rng.integers(2, 4))):
            nods.append(_Gesture(start, 0.2, 0, 0.25, rng.uniform(0.5, 1)))
            start += 0.45
        start += rng.uniform(3, 6)
    nod, face = _Gestures(nods), blinking(seconds, rng)
    return lambda time: replace(face(time), nod=nod.at(time))


def looking_down(seconds: float, rng: np.random.Generator) -> Act:
    """To the keyboard for half a second to two, with lids that are half down; up for as long."""
    looks: list[_Gesture] = []
    start = rng.uniform(0.5, 2)
    while start < seconds:
        looks.append(_Gesture(start, 0.2, rng.uniform(0.3, 1.8), 0.2))
        start += 0.4 + looks[-1].hold + rng.uniform(1, 3)
    down, face = _Gestures(looks), blinking(seconds, rng)

    def pose(time: float) -> Pose:
        lids = max(face(time).lids, 0.65 * down.at(time))
        return Pose(lids=lids, nod=down.at(time))

    return pose


ACTS: dict[str, Callable[[float, np.random.Generator], Act]] = {
    "resting": blinking,
    "talking": talking,
    "nodding": nodding,
    "looking down": looking_down,
}


class Film:
    """What a webcam with CAMERA_FPS sees of one actor.

    Frame by frame on demand, and always the same frame for the same seed: the crop wanders as a
    detector lets it, light flickers, the sensor is noisy, and a frame arrives late by some
    milliseconds.
    """

    def __init__(self, actor: Actor, act: Act, seconds: float, seed: int) -> None:
        self._actor, self._act, self._seed = actor, act, seed
        self.frames = int(seconds * CAMERA_FPS)
        rng = np.random.default_rng(seed)
        self._wander = _wander(self.frames, rng)
        late = rng.exponential(0.004, self.frames) + 0.02 * (rng.random(self.frames) < 0.03)
        self.times = [float(n / CAMERA_FPS + delay) for n, delay in enumerate(late)]

    def face(self, frame: int, noise: float = NOISE) -> Picture:
        """The crop of that frame, grey uint8[48, 48]; `noise`: its standard deviation."""
        right, down, roll, scale = self._wander[frame]
        turn = cv2.getRotationMatrix2D((_MIDDLE, _MIDDLE), float(roll), float(scale))
        turn[:, 2] += (right, down)
        posed = self._actor.posed(self._act(frame / CAMERA_FPS))
        face = cv2.warpAffine(posed, turn, (SIDE, SIDE), borderMode=cv2.BORDER_REPLICATE)
        small = cv2.resize(face, (48, 48), interpolation=cv2.INTER_AREA)
        rng = np.random.default_rng((self._seed, frame))
        light = 1 + 0.03 * sin(frame / 9)
        lit = np.asarray(small, np.float64) * light
        return np.clip(lit + rng.normal(0, noise, (48, 48)), 0, 255).astype(np.uint8)


def _wander(frames: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """Of the crop, frame by frame: right and down (pixels of SIDE), roll (degrees), scale."""
    slow = np.zeros((frames, 4))
    steps = rng.normal(0, 1, (frames, 4)) * (0.25, 0.25, 0.25, 0.003)
    for n in range(1, frames):
        slow[n] = 0.97 * slow[n - 1] + steps[n]
    quick = rng.normal(0, 1, (frames, 4)) * (0.4, 0.4, 0.3, 0.005)
    return slow + quick + (0, 0, 0, 1)


Look = Callable[[int], Prediction]  # a frame's number to what is said of it


def read(engine: Engine, face: Picture) -> Prediction:
    """What the engine says of one grey face, as the app asks it."""
    return predict(engine, Clip(np.repeat(face[None, :, :, None], 3, axis=3), (0.0,), 1))


def remembered(film: Film, engine: Engine) -> Look:
    """What the engine says of a frame, asked once."""

    @cache
    def look(frame: int) -> Prediction:
        return read(engine, film.face(frame))

    return look


def actors(
    data: Path, model: Path, each: int, half: int, *, neutral: int = 2, among: int = 40
) -> list[tuple[Actor, int]]:
    """So many people of each class, as FER+'s voters see it, `neutral` times as many neutral ones:
    the first of `among` * `each` of one half of its validation split, always the same; of rare
    classes perhaps fewer. Eyes and mouth are found by MediaPipe's `model`.

    Raises DataFileError.
    """
    images, labels = ferplus.labelled(ferplus.load(data, "valid"))
    order = np.random.default_rng(5).permutation(len(images))[half::2][: among * each]
    found, taken = features([images[i] for i in order], model), [0] * 7
    chosen: list[tuple[Actor, int]] = []
    for row, places in zip(order, found, strict=True):
        label = int(labels[row])
        most = each * (neutral if label == Emotion.NEUTRAL else 1)
        if places is not None and taken[label] < most:
            taken[label] += 1
            chosen.append((Actor(images[row], places), label))
    return chosen


def features(stills: Sequence[Picture], model: Path) -> list[Features | None]:
    """Of each still (48x48, grey) what MediaPipe's `model` finds; None where it finds no face that
    looks at the camera upright."""
    return [None if points is None else features_of(points) for points in landmarks(stills, model)]


def landmarks(stills: Sequence[Picture], model: Path) -> list[NDArray[np.float64] | None]:
    """Of each still (48x48, grey) the landmarks (478, 2) of MediaPipe's `model`, in pixels of SIDE;
    None where it finds no face."""
    tame()
    from mediapipe.tasks.python import BaseOptions, vision

    options = vision.FaceLandmarkerOptions(
        base_options=BaseOptions(model_asset_buffer=model.read_bytes()),
        running_mode=vision.RunningMode.IMAGE,
    )
    landmarker = vision.FaceLandmarker.create_from_options(options)
    try:
        return [_points(landmarker.detect(_enlarged(still)).face_landmarks) for still in stills]
    finally:
        landmarker.close()


def _enlarged(still: Picture) -> Image:
    """With a margin: the finder wants to see the whole head."""
    from mediapipe import Image, ImageFormat

    framed = np.pad(still, _MARGIN, mode="edge")
    large = cv2.resize(framed, (480, 480), interpolation=cv2.INTER_CUBIC)
    return Image(image_format=ImageFormat.SRGB, data=cv2.cvtColor(large, cv2.COLOR_GRAY2RGB))


def _points(faces: Sequence[Sequence[NormalizedLandmark]]) -> NDArray[np.float64] | None:
    if not faces:
        return None
    whole = 48 + 2 * _MARGIN
    return np.array(
        [
            [SIDE / 48 * (axis * whole - _MARGIN) for axis in (point.x, point.y)]
            for point in faces[0]
        ]
    )


def features_of(points: NDArray[np.float64]) -> Features | None:
    """Of landmarks (478, 2) in pixels of SIDE; None where the face does not look at the camera
    upright."""
    x, y = points[:, 0].tolist(), points[:, 1].tolist()
    one, other = (((x[a] + x[b]) / 2, (y[up] + y[low]) / 2) for a, b, up, low in _EYES)
    apart = other[0] - one[0]
    is_frontal = abs(x[_NOSE] - (one[0] + other[0]) / 2) < 0.15 * apart
    is_upright = abs(other[1] - one[1]) < 0.2 * apart
    if apart < SIDE / 5 or not (is_frontal and is_upright):
        return None
    width = max(abs(x[b] - x[a]) for a, b, *_ in _EYES)
    left, right, lip = _MOUTH
    return Features((one, other), width, (x[lip], y[lip]), abs(x[right] - x[left]))
