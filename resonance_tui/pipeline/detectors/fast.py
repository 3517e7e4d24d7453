"""MediaPipe's networks run by OpenCV, and between two readings the flow of the picture.

What MediaPipe does in every frame happens here once a second, or when a face looks different: the
whole picture is searched, and landmarks are read from where a face was found, as MediaPipe reads
them. In between a small patch of each face is followed. A picture that stays as it was is searched
every four seconds, and as often are landmarks of a face that rests read.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from resonance_tui.errors import FaceModelMissing
from resonance_tui.pipeline.detectors.base import SceneCounter, narrowed
from resonance_tui.pipeline.detectors.blazeface import BlazeFace
from resonance_tui.pipeline.detectors.bundle import FaceBundle, read_bundle
from resonance_tui.pipeline.detectors.evidence import FACE, STILL_FACE, Looks, stray
from resonance_tui.pipeline.detectors.flow import FacePatch
from resonance_tui.pipeline.detectors.followed import (
    AT_REST,
    IN_REACH,
    FollowedFace,
    distinct,
    is_among,
    placed,
    region_of,
    square_of,
)
from resonance_tui.pipeline.detectors.landmarks import LEAST_PRESENCE, FaceLandmarks
from resonance_tui.pipeline.detectors.mesh import from_landmarks
from resonance_tui.pipeline.detectors.search import FaceSearch
from resonance_tui.pipeline.detectors.square import Square
from resonance_tui.pipeline.face_model import HINT
from resonance_tui.pipeline.sources import Frame
from resonance_tui.pipeline.still_faces import StillPlace
from resonance_tui.pipeline.tracker import Detection

MOST_FACES = 4
SLACK = 0.01  # s by which frames may come early
NEW_PRESENCE = 0.995  # of a face that was not there before; lettering up to .99
SURE_PRESENCE = 0.9999  # the same in a tile, read twice; lettering up to .999, small faces more
HOPELESS = 0.02  # presence in a tile, read twice, below which nothing else is looked at
VOUCHED_FOR = 0.3  # s for which a closer look at a face that is hardly seen holds
SHIFT = 0.08  # of its side, by which a square is moved to see whether landmarks go along
SEARCH_WIDTH = 640  # px; the network that searches sees 128

# Seconds after which the whole picture is searched: with everybody in view, with nobody.
SEARCH_EVERY, SEARCH_NOBODY = 1.0, 0.2
SEARCH_AT_REST = 4.0  # the same with everybody in view, and the picture as it was
READ_AT_REST = 4.0  # s; landmarks of a face that hardly moves


def create(model: Path | None) -> FastDetector:
    """With the face model at `model`. Raises FaceModelMissing, or RuntimeError where this OpenCV
    cannot run it."""
    if model is None:
        raise FaceModelMissing("The fast detector needs the face model.", HINT)
    return FastDetector(read_bundle(model))


class FastDetector:
    """See FaceDetector. Holds 64x64 grey pixels of each face and 24x24 of the picture beside the
    thumbnail."""

    name = "fast"

    def __init__(self, bundle: FaceBundle, *, sees_far: bool = True) -> None:
        """`sees_far`: whether faces are searched that are too small in the whole picture."""
        self._finder = BlazeFace(bundle.detector)
        self._landmarks = FaceLandmarks(bundle.landmarks)
        self._tiles = FaceSearch(self._finder) if sees_far else None
        self._scenes = SceneCounter()
        self._scene = 0
        self._known: list[FollowedFace] = []
        self._is_far = False  # one of them at least is not seen in the whole picture
        self._vouched_at = float("-inf")
        self._searched_at = float("-inf")
        self._searched: StillPlace | None = None  # the picture, where anybody was found in it

    def detect(self, frame: Frame) -> list[Detection]:
        scene = self._scenes.scene(_thinned(frame.image))
        if scene != self._scene:
            self._scene, self._known, self._searched_at = scene, [], float("-inf")
        sure = [known for known in self._known if self._follow(known, frame)]
        if self._is_due(frame) or len(sure) < len(self._known):
            self._known = self._search(frame, sure)
        if not self._known or (self._is_far and len(self._known) < MOST_FACES):
            self._known = distinct([*self._known, *self._search_tiles(frame)])
        return [known.now for known in self._known]

    def forget(self) -> None:
        self._known = []
        self._vouched_at = float("-inf")
        self._scenes.forget()
        if self._tiles is not None:
            self._tiles.forget()
        self._searched = None
        self._searched_at = float("-inf")

    def close(self) -> None:
        self.forget()

    def _is_due(self, frame: Frame) -> bool:
        """Whether the whole picture is to be searched."""
        age = frame.captured_at - self._searched_at
        if not self._known:
            return not 0 <= age < SEARCH_NOBODY - SLACK
        if not 0 <= age < SEARCH_AT_REST - SLACK:
            return True
        if age < SEARCH_EVERY - SLACK:
            return False
        return self._searched is None or not self._searched.hold(frame.image)

    def _follow(self, known: FollowedFace, frame: Frame) -> bool:
        """Move the face to where it is in this frame. False where its landmarks have to be read
        again: it is lost, has moved, or looks different."""
        found = known.patch.follow(frame.image, square_of(known.now))
        if found is None:
            return False
        known.now = placed(known.read, found.square, self._scene)
        known.likeness, known.best = found.likeness, max(known.best, found.likeness)
        age = frame.captured_at - known.read_at
        wait = READ_AT_REST if AT_REST.holds(known) else SEARCH_EVERY
        return IN_REACH.holds(known) and 0 <= age < wait - SLACK

    def _search(self, frame: Frame, sure: list[FollowedFace]) -> list[FollowedFace]:
        """Every face: those that are `sure` as they are, others where BlazeFace finds them, else
        where they were."""
        small = narrowed(frame.image, SEARCH_WIDTH)
        k = frame.image.shape[1] / small.shape[1]
        found = [face.square.scaled(k) for face in self._finder.find(small)]
        self._searched_at, self._searched = frame.captured_at, None
        places = [region_of(known.now) for known in self._known]
        kept = [place for place in places if not is_among(place, found)]
        self._is_far = bool(kept)
        held = [region_of(known.now) for known in sure]
        new = [place for place in (*kept, *found) if not is_among(place, held)]
        faces = (
            self._kept(frame, place) if is_among(place, places) else self._new(frame, place)
            for place in new[: MOST_FACES - len(sure)]
        )
        everybody = distinct([*sure, *(face for face in faces if face is not None)])
        if everybody:
            self._searched = StillPlace(frame.image)
        return everybody

    def _search_tiles(self, frame: Frame) -> list[FollowedFace]:
        """One more face that is too small for `_search`, or not clear enough, or none."""
        if self._tiles is None:
            return []
        known = [region_of(each.now) for each in self._known]
        place = self._tiles.look(frame.image, frame.captured_at, known)
        face = self._examined(frame, place, self._tiles, was_here=False) if place else None
        return [] if face is None else [face]

    def _new(self, frame: Frame, square: Square) -> FollowedFace | None:
        return self._read(frame, square, NEW_PRESENCE)

    def _kept(self, frame: Frame, square: Square) -> FollowedFace | None:
        """A face that was followed to there. One that is half covered now is not read as surely,
        but that a face is there is known: less evidence will do."""
        face = self._read(frame, square, LEAST_PRESENCE)
        if face is not None or self._tiles is None:
            return face
        if 0 <= frame.captured_at - self._vouched_at < VOUCHED_FOR:
            return next(each for each in self._known if is_among(square, [region_of(each.now)]))
        face = self._examined(frame, square, self._tiles, was_here=True)
        self._vouched_at = frame.captured_at if face is not None else float("-inf")
        return face

    def _examined(
        self, frame: Frame, place: Square, tiles: FaceSearch, *, was_here: bool
    ) -> FollowedFace | None:
        """The face in a place, where all looks at it together are evidence enough."""
        image, landmarks = frame.image, self._landmarks
        points, first = landmarks.read(image, place)
        points, second = landmarks.read(image, region_of(from_landmarks(points)))
        face = from_landmarks(points)
        if face.side <= 0 or max(first, second) < HOPELESS:
            return None
        if min(first, second) >= SURE_PRESENCE:
            return self._followed(frame, points)
        if not was_here and (self._known or not tiles.may_doubt(frame.captured_at)):
            return None  # beside others only a sure one counts
        own = region_of(face)
        readings = [landmarks.read(image, own.moved(down)) for down in (0.0, -SHIFT, SHIFT)]
        looks = Looks(
            (first, second, landmarks.presence_mirrored(image, own), *(p for _, p in readings[1:])),
            tiles.scores(image, square_of(face)),
            stray([read for read, _ in readings], face.side),
        )
        least = STILL_FACE if was_here else FACE
        return self._followed(frame, points) if looks.evidence >= least else None

    def _read(self, frame: Frame, square: Square, least_presence: float) -> FollowedFace | None:
        """The face in this square, by its landmarks; None where there is none."""
        points, sure = self._landmarks.read(frame.image, square)
        return self._followed(frame, points) if sure >= least_presence else None

    def _followed(self, frame: Frame, points: NDArray[np.float64]) -> FollowedFace | None:
        face = from_landmarks(points, self._scene)
        if face.side <= 0:
            return None
        return FollowedFace(face, frame.captured_at, FacePatch(frame.image, square_of(face)), face)


def _thinned(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Some of the green pixels: enough for a thumbnail."""
    step = max(1, image.shape[1] // 160)
    return np.ascontiguousarray(image[::step, ::step, 1])
