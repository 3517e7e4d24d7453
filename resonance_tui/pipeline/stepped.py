"""A film as a picture source that waits: each frame is read before the next one comes."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from math import inf
from threading import Event, Lock

from resonance_tui.errors import CameraLost
from resonance_tui.pipeline.attention import Attention
from resonance_tui.pipeline.camera import NEXT_WITHIN, FrameSource
from resonance_tui.pipeline.devices import Capture, open_capture
from resonance_tui.pipeline.sources import CameraState, CameraStatus, Frame, Source


class SteppedSource(FrameSource):
    """Plays a recording once, up to `until` s, as fast as it is read and no faster.

    A frame's `captured_at` is its moment of the film, in seconds from the first frame, so that what
    is read does not depend on how busy the machine is. Those frames are delivered that would be of
    a live camera which gives them in real time. What stops the film is raised by `next`.
    """

    in_step = True

    def __init__(
        self,
        source: Source,
        *,
        fps: float,
        until: float = inf,
        open_capture: Callable[[Source], Capture] = open_capture,
    ) -> None:
        super().__init__(source, fps=fps, once=True, open_capture=open_capture)
        self._until = until
        self._capture: Capture | None = None
        self._attention = Attention(fps)
        self._began_at: float | None = None  # media time of the first frame
        self._reading, self._stopped = Lock(), Event()
        self.position = 0.0  # s into the film, of the newest frame, delivered or not
        self.played = 0.0  # s from the first frame to the end of the newest one

    @property
    def status(self) -> CameraStatus:
        return self._status

    def start(self) -> None:
        """The film is opened with the first frame."""
        self._status = CameraStatus(CameraState.OPENING, self.source.label)

    def stop(self) -> None:
        """Close the film (blocking, for the time of one frame)."""
        self._stopped.set()
        with self._reading:
            self._frame = self._still = None
            if self._capture is not None:
                self._capture.release()
                self._capture = None

    async def next(self, after: int) -> Frame | None:
        """The next frame that is worth reading; None at the end, or after half a second of the film
        in which the faces looked the same. Raises CameraError."""
        return await asyncio.to_thread(self._advance)

    def _advance(self) -> Frame | None:
        since = self.position
        with self._reading:
            if self._capture is None and not self._stopped.is_set():
                self._capture = self._open(self.source)
            while self._capture is not None and not self._stopped.is_set():
                if not self._step(self._capture):
                    break
                frame = self._look(self._capture)
                if frame is not None or self.held_at > since + NEXT_WITHIN:
                    return frame
        return self._end()

    def _step(self, capture: Capture) -> bool:
        """Whether there is another frame within what is to be read."""
        if not capture.grab():
            return False
        at = capture.media_time() or 0.0
        if self._began_at is None:
            self._began_at = at
        at -= self._began_at
        self.played = at + (at - self.position)
        self.position = at
        return at < self._until

    def _look(self, capture: Capture) -> Frame | None:
        attention, at = self._attention, self.position
        attention.ask(self._fps, self._still)
        if not attention.is_due(at):
            return None
        if attention.keeps_back(capture.glance, at):
            self.held_at = attention.held_at
            return None
        if (image := capture.retrieve()) is None:
            return None
        attention.delivered(at)
        self._index += 1
        size = f"{image.shape[1]}x{image.shape[0]}"
        self._status = CameraStatus(CameraState.LIVE, self.source.label, size)
        return Frame(image, at, self._index, at)

    def _end(self) -> None:
        if self._index < 0 and not self._stopped.is_set():
            raise CameraLost(f"{self.source.label} holds no picture.")
        self._status = CameraStatus(CameraState.ENDED, self.source.label)
