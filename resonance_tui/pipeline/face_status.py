"""What is shown of the face path while it runs, and the switch that it obeys."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Callable
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from resonance_tui.engines.base import EngineState, EngineStatus
from resonance_tui.listeners import Listeners
from resonance_tui.pipeline.sources import CameraState, CameraStatus, Source

COUNT_HOLDS_S = 0.8  # for which a number of faces has to hold before it is shown


class FaceStatus:
    """State of camera and engine, preview and notices. Used on the loop's thread.

    `on_status()` is called after every change of state, `on_notice(text)` with each sentence for
    a person; what they raise is logged.
    """

    def __init__(
        self,
        source: Source,
        engine: str,
        on_status: Callable[[], None],
        on_notice: Callable[[str], None],
    ) -> None:
        self._on_status, self.notice = Listeners(on_status), Listeners(on_notice)
        self._recording_note = ""
        self._source = source.label
        state = CameraState.OFF if source.kind == "none" else CameraState.OPENING
        self.camera = CameraStatus(state, source.label)
        self.engine = EngineStatus(engine)
        self.preview: NDArray[np.uint8] | None = None  # grey (S, S), while a face is in view
        self.faces = FaceCount()
        self.too_far = False  # a face is in view, too far from the camera to be read

    def set_camera(self, status: CameraStatus) -> None:
        if status != self.camera:
            self.camera = status
            self._on_status()

    def set_too_far(self, too_far: bool) -> None:
        if too_far != self.too_far:
            self.too_far = too_far
            self._on_status()

    def set_source(self, source: Source) -> None:
        """Another one is about to be opened; `none` is off."""
        self._source = source.label
        state = CameraState.OFF if source.kind == "none" else CameraState.OPENING
        self.set_camera(CameraStatus(state, source.label))

    def set_camera_off(self, reason: str) -> None:
        self.set_camera(CameraStatus(CameraState.OFF, self._source, reason))

    def set_engine(self, status: EngineStatus) -> None:
        self.engine = status
        self._on_status()

    def set_engine_state(self, state: EngineState, detail: str) -> None:
        self.set_engine(replace(self.engine, state=state, detail=detail))

    def see_faces(self, number: int, at: float) -> None:
        """So many in the frame of `at` (monotonic s)."""
        if self.faces.see(number, at):
            self._on_status()

    def see_nobody(self) -> None:
        """The camera is off."""
        self.faces = FaceCount()

    def set_recording_note(self, note: str) -> None:
        """What is wrong with a recording that nevertheless plays; a notice when it changes."""
        if note != self._recording_note:
            self._recording_note = note
            self.notice(note)


class FaceCount:
    """How many faces are in view, for a person: a number that has held for a while."""

    def __init__(self) -> None:
        self.shown = 0
        self._number, self._since = 0, -math.inf

    def see(self, number: int, at: float) -> bool:
        """So many in the frame of `at` (monotonic s). Returns whether another one is shown now."""
        if number != self._number:
            self._number, self._since = number, at
        is_new = self._number != self.shown and at - self._since >= COUNT_HOLDS_S
        if is_new:
            self.shown = self._number
        return is_new


class CameraSwitch:
    """On or off, and from when on pictures may be read. Used on the loop's thread."""

    def __init__(self, is_on: bool) -> None:
        self.is_on = is_on
        self.valid_from = -math.inf  # monotonic s; pictures captured before are not read
        self._changed = asyncio.Event()

    def set(self, on: bool) -> None:
        self.is_on = on
        self.invalidate()
        self._changed.set()

    def invalidate(self) -> None:
        """Pictures captured before now are no longer read."""
        self.valid_from = time.monotonic()

    async def wait_until_on(self) -> None:
        while not self.is_on:
            self._changed.clear()
            await self._changed.wait()
