"""One frame after the other: observed, shown as a preview, and every hop clips predicted."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from resonance_tui.engines.base import Engine
from resonance_tui.pipeline.clip_buffer import FrameRateMonitor
from resonance_tui.pipeline.emotion_reader import EmotionReader
from resonance_tui.pipeline.face_status import CameraSwitch, FaceStatus
from resonance_tui.pipeline.flaw import named
from resonance_tui.pipeline.smoothing import ACTIVE_FPS, AWAY_AFTER_S, REST_FPS
from resonance_tui.pipeline.sources import CameraState, Frame
from resonance_tui.pipeline.threads import FaceThreads
from resonance_tui.texts import tr

if TYPE_CHECKING:  # both load OpenCV, which the first paint must not wait for
    from resonance_tui.pipeline.camera import FrameSource
    from resonance_tui.pipeline.clip_buffer import Clip
    from resonance_tui.pipeline.perception import FaceObservation, Perception
    from resonance_tui.pipeline.still_faces import StillFaces


@dataclass(frozen=True, slots=True)
class _Due:
    """A clip to be predicted, for whom, and in which generation it was made."""

    clip: Clip
    reader: EmotionReader
    generation: int
    side: float  # pixels of the face's square; 0 where nobody is told why it is unsure


class FrameLoop:
    """Reads a camera with a detector and an engine that are loaded.

    Frames are observed one at a time, and so are clips predicted, each on its thread. A slow
    engine does not delay the frames: the next clip is the newest one when it is done.

    `reader` has the first seat, `others` have the seats from 1 on.
    """

    def __init__(
        self,
        camera: FrameSource,
        perception: Perception,
        engine: Engine,
        threads: FaceThreads,
        *,
        reader: EmotionReader,
        others: Sequence[EmotionReader] = (),
        frame_rate: FrameRateMonitor,
        switch: CameraSwitch,
        status: FaceStatus,
    ) -> None:
        self._camera, self._perception = camera, perception
        self._engine, self._threads = engine, threads
        self._reader, self._frame_rate = reader, frame_rate
        self._readers: tuple[EmotionReader, ...] = (reader, *others)  # by seat
        self._switch, self._status = switch, status
        self._next_camera: FrameSource | None = None
        self._is_predicting = False
        self._is_resting = False  # nothing speaks for a change of anybody's emotion
        self._still: StillFaces | None = None  # the faces of the newest frame, while that is so
        self._held_at = -math.inf  # monotonic s, when they were last seen to be the same
        self._in_view: list[EmotionReader] = []  # whose faces the newest frame shows
        self._reset_at = -math.inf  # monotonic s, when the crops were last dropped
        self._far_at = -math.inf  # monotonic s, when a face was last too far to be read

    async def run(self) -> None:
        """Return once the recording has ended; otherwise continue until cancelled."""
        after: int | None = -1
        if self._switch.is_on:
            self._camera.start()
        async with asyncio.TaskGroup() as predictions:
            while after is not None:
                if not self._switch.is_on:
                    await self._wait_until_on()
                if self._next_camera is not None:
                    await self._change_camera(self._next_camera)
                    after = -1
                after = await self._next_frame(after, predictions)

    def use(self, camera: FrameSource) -> None:
        """Read this one from now on, which is not started yet; the one before is released."""
        self._next_camera = camera
        self.wake()

    def read_one(self) -> None:
        """Nobody but the first from now on, whatever is observed at this moment."""
        if len(self._readers) == 1:
            return
        self._readers, self._in_view = (self._reader,), []
        self._switch.invalidate()
        self.wake()

    def wake(self) -> None:
        """What was read holds no more, or the camera was switched: look at its next frame, at
        once."""
        self._still = None
        self._camera.set_rate(ACTIVE_FPS)
        self._camera.wake()

    def close(self) -> None:
        """Release the camera (blocking)."""
        self._camera.stop()

    async def _next_frame(self, after: int, predictions: asyncio.TaskGroup) -> int | None:
        """Read one frame newer than `after`; returns its index, None after the last one.

        A method of its own, so that no picture outlives it in a local variable.
        """
        frame = await self._camera.next(after)
        if self._next_camera is not None:
            return after
        self._status.set_camera(self._camera.status)
        self._status.set_recording_note(self._camera.note)
        is_held = self._hold()
        if frame is None:
            if self._camera.status.state is CameraState.ENDED:
                return None
            if not is_held:
                self._no_picture(time.monotonic())
            return after
        seen = await self._observe(frame)
        self._still = seen.still if seen is not None else None
        self._follow_evidence(frame.captured_at)
        if seen is not None and (clips := self._take_in(seen)):
            self._is_predicting = True
            work = self._predict(clips, seen.at, seen.latency_ms)
            prediction = predictions.create_task(work, name="predict")
            if self._camera.in_step:
                await prediction
        return frame.index

    def _hold(self) -> bool:
        """Whether pictures came since the newest frame that show the same faces as it does: those
        are in view as before."""
        held_at, known_until = self._camera.held_at, max(self._held_at, self._switch.valid_from)
        is_live = self._camera.status.state is CameraState.LIVE
        if not is_live or self._still is None or held_at <= known_until:
            return False
        self._held_at = held_at
        for reader in self._in_view:
            reader.face_held(held_at)
        return True

    async def _observe(self, frame: Frame) -> FaceObservation | None:
        """What the frame shows; None for a frame from before the last switch."""
        valid_from = self._switch.valid_from
        if valid_from > self._reset_at:
            self._perception.reset()
            self._perception.keep_first(len(self._readers))
            self._reset_at = valid_from
        if frame.captured_at < valid_from:
            return None
        observe = partial(
            self._perception.observe,
            frame,
            wants_clip=not self._is_predicting,
            wants_still=self._is_resting,
        )
        seen = await self._threads.detection.do(observe)
        is_valid = self._switch.is_on and self._switch.valid_from == valid_from
        return seen if is_valid else None

    def _take_in(self, seen: FaceObservation) -> list[_Due]:
        """Update preview and readings; returns what is to be predicted."""
        self._in_view = []
        self._status.preview = seen.preview
        self._status.see_faces(seen.faces, seen.at)
        self._take_in_others(seen)
        if seen.too_far:
            self._far_at = seen.at
        if seen.track is None or seen.too_far:
            self._no_face(seen.at)
        else:
            self._status.set_too_far(False)
            self._in_view.append(self._reader)
            self._reader.face_seen(seen.track, seen.at)
            has_clip = self._is_predicting or seen.clip is not None
            if notice := self._frame_rate.face_seen(seen.at, has_clip=has_clip):
                self._status.notice(notice)
        clips = [(0, seen.clip), *((each.seat, each.clip) for each in seen.others)]
        return [
            _Due(
                clip,
                self._readers[seat],
                self._readers[seat].generation,
                0.0 if seat else seen.side,
            )
            for seat, clip in clips
            if clip is not None
        ]

    def _take_in_others(self, seen: FaceObservation) -> None:
        tracks = {each.seat: each.track for each in seen.others}
        for seat, reader in enumerate(self._readers[1:], 1):
            if seat in tracks:
                self._in_view.append(reader)
                reader.face_seen(tracks[seat], seen.at)
            else:
                reader.face_missing(seen.at)

    async def _predict(self, clips: list[_Due], at: float, latency_ms: dict[str, float]) -> None:
        """One after the other, each clip only until it is predicted."""
        try:
            while clips:
                await self._predict_one(clips.pop(0), at, latency_ms)
        finally:
            self._is_predicting = False
            clips.clear()
        self._follow_evidence(at)

    async def _predict_one(self, due: _Due, at: float, latency_ms: dict[str, float]) -> None:
        found = await self._threads.predict(self._engine, due.clip)
        latency = latency_ms | {"network": found.network_ms}
        times = due.clip.times
        span = times[-1] - times[0]
        due.reader.predicted(
            found.probabilities,
            at,
            due.generation,
            latency,
            span,
            named(found.flaw, due.side),
            found.demand,
        )

    def _follow_evidence(self, at: float) -> None:
        """Ask for as many frames as the decision wants; clips need theirs whatever it wants."""
        if self._engine.spec.clip_frames == 1:
            fps = max(each.wanted_fps(at) for each in self._readers)
            self._is_resting = fps <= REST_FPS
            self._camera.set_rate(fps, self._still if self._is_resting else None)

    async def _wait_until_on(self) -> None:
        """Release the device and drop every picture; start the camera once it is on again."""
        await self._release()
        self._status.set_camera_off(tr("switched off"))
        await self._switch.wait_until_on()
        if self._next_camera is None:
            self._camera.start()

    async def _change_camera(self, camera: FrameSource) -> None:
        await self._release()
        self._camera, self._next_camera = camera, None
        self._camera.start()

    async def _release(self) -> None:
        await asyncio.to_thread(self._camera.stop)
        self._status.preview = self._still = None
        self._status.see_nobody()
        self._status.set_too_far(False)
        self._perception.reset()
        for reader in self._readers:
            reader.forget()

    def _no_picture(self, at: float) -> None:
        self._no_face(at)
        for reader in self._readers[1:]:
            reader.face_missing(at)
        self._status.see_faces(0, at)

    def _no_face(self, at: float) -> None:
        if self._reader.face_missing(at):
            self._status.preview = None
            self._status.set_too_far(at - self._far_at <= AWAY_AFTER_S)
