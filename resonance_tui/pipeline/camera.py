"""A picture source that keeps one frame: a thread reads, callers take the newest frame."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
import traceback
from collections.abc import Callable, Sequence
from math import inf
from threading import Event, Lock, Thread
from typing import TYPE_CHECKING

from resonance_tui.errors import CameraBusy, CameraLost, Problem
from resonance_tui.pipeline.attention import Attention, Still
from resonance_tui.pipeline.live_watch import LiveWatch, seconds_to_tell
from resonance_tui.pipeline.playback_clock import PlaybackClock
from resonance_tui.pipeline.sources import (
    CameraState,
    CameraStatus,
    Frame,
    Source,
    parse_source,
)
from resonance_tui.texts import joined, mark, tr

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from resonance_tui.pipeline.devices import Capture

__all__ = [
    "CameraState",
    "CameraStatus",
    "Frame",
    "FrameSource",
    "Source",
    "check_source",
    "parse_source",
]

log = logging.getLogger(__name__)

BACKOFF = (1.0, 2.0, 4.0, 5.0)  # s between tries; the last one repeats
STOP_WITHIN = 1.0  # s that stop() waits for the thread; a driver may hang for longer
NEXT_WITHIN = 0.5  # s that next() waits
MAX_DAMAGED = 30  # frames in a row that cannot be decoded before the source counts as lost
SILENT_AFTER_S = 5.0  # of a driver that neither gives a picture nor says that there is none


def check_source(source: Source) -> None:
    """Raise SourceInvalid for a file that is no video; call it before the screen starts."""
    from resonance_tui.pipeline.devices import check_playable

    check_playable(source)


def slow_words(camera: str, fps: float) -> str:
    """What a camera of so few pictures a second means, and what helps."""
    return tr(
        "{camera} gives {fps:.1f} pictures a second: a changed face shows after about "
        "{seconds:.1f} s. More light may help.",
        camera=camera,
        fps=fps,
        seconds=seconds_to_tell(fps),
    )


def _open_capture(source: Source) -> Capture:
    from resonance_tui.pipeline.devices import open_capture  # OpenCV loads in the thread

    return open_capture(source)


class FrameSource:
    """Delivers at most `fps` frames a second, or as many as `set_rate` asks for where that is less.
    Errors in its thread become a `status`.

    A recording plays in real time and loops, unless `once`. A live source that is missing,
    busy or lost is opened again, with growing pauses, until `stop`.
    """

    in_step = False  # whether the next frame waits for what is read of the last one

    def __init__(
        self,
        source: Source,
        *,
        fps: float = 10.0,
        once: bool = False,
        open_capture: Callable[[Source], Capture] = _open_capture,
        backoff: Sequence[float] = BACKOFF,
    ) -> None:
        self.source = source
        self._most_fps = self._fps = fps
        self._once = once
        self._open = open_capture
        self._backoff = tuple(backoff)
        self._lock = Lock()
        self._stop = Event()  # one per start: a thread that hangs cannot change a later status
        self._thread: Thread | None = None
        self._status = CameraStatus(CameraState.OFF, source.label)
        self._waits_since: float | None = None  # monotonic s; for the next picture of a live source
        self._frame: Frame | None = None
        self._index = -1
        self.note = ""  # what is wrong with a source that is read all the same
        self.offered_fps: float | None = None  # by a live source, of late; None: not known
        self._still: Still | None = None
        self.held_at = -inf  # monotonic s, when the newest frame came that showed the same
        self._waiters: set[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = set()

    @property
    def status(self) -> CameraStatus:
        """As the thread left it; a driver that hangs keeps the thread from saying so itself."""
        status, since = self._status, self._waits_since
        is_silent = since is not None and time.monotonic() - since > SILENT_AFTER_S
        if not is_silent or status.state is not CameraState.LIVE:
            return status
        words = tr("No picture comes any more. Plug it in again, or press v.")
        return CameraStatus(CameraState.FROZEN, self.source.label, words)

    def set_rate(self, fps: float, still: Still | None = None) -> None:
        """Deliver `fps` frames a second from the newest frame on, from any thread; of a live source
        fewer while `still` holds, see `attention`."""
        self._fps, self._still = min(fps, self._most_fps), still

    def wake(self) -> None:
        """End every wait of `next` now, from any thread."""
        self._wake_waiters()

    def start(self) -> None:
        """Open the source in its own thread. Does nothing while it runs, or for `none`."""
        with self._lock:
            is_running = self._thread is not None and self._thread.is_alive()
            if self.source.kind == "none" or (is_running and not self._stop.is_set()):
                return
            self._stop = Event()
            self._status = CameraStatus(CameraState.OPENING, self.source.label)
            arguments = (self._stop, self._thread)
            self._thread = Thread(target=self._run, args=arguments, name="camera", daemon=True)
            self._thread.start()

    def stop(self) -> None:
        """Release the device and drop the frame (blocking, up to a second)."""
        with self._lock:
            self._stop.set()
            self._frame = self._still = None
            self._status = CameraStatus(CameraState.OFF, self.source.label)
            thread = self._thread
        if thread is not None:
            thread.join(STOP_WITHIN)
        self._wake_waiters()

    def latest(self, after: int = -1) -> Frame | None:
        """The newest frame if its index is above `after`. Never blocks."""
        frame = self._frame
        return frame if frame is not None and frame.index > after else None

    async def next(self, after: int) -> Frame | None:
        """Wait up to half a second for a frame newer than `after`; None when there was none."""
        waiter = (asyncio.get_running_loop(), asyncio.Event())
        with self._lock:
            self._waiters.add(waiter)
        try:
            if (frame := self.latest(after)) is not None:
                return frame
            with contextlib.suppress(TimeoutError):
                # not wait_for: up to Python 3.11 it swallows a cancellation that meets a frame
                async with asyncio.timeout(NEXT_WITHIN):
                    await waiter[1].wait()
        finally:
            with self._lock:
                self._waiters.discard(waiter)
        return self.latest(after)

    def _wake_waiters(self) -> None:
        with self._lock:
            waiters = tuple(self._waiters)
        for loop, event in waiters:
            with contextlib.suppress(RuntimeError):  # that loop is closed
                loop.call_soon_threadsafe(event.set)

    # From here on: in the thread.

    def _run(self, stop: Event, previous: Thread | None) -> None:
        if previous is not None:
            previous.join()  # it may still hold the device
        failures, first = 0, self._index
        while not stop.is_set():
            before = self._index
            try:
                self._read(stop)
                if self._once:
                    return self._set_status(stop, CameraState.ENDED)
                stop.wait(1 / self._fps)  # a recording of one frame must not loop without a pause
            except Exception as error:
                failures = 1 if self._index > before else failures + 1
                pause = self._backoff[min(failures, len(self._backoff)) - 1]
                self._report_error(stop, error, self._index > first, pause)
                stop.wait(pause)

    def _read(self, stop: Event) -> None:
        """Return at the end of a recording, or once stopped. Raises CameraError."""
        capture = self._open(self.source)
        try:
            if capture.is_recording:
                self._read_recording(capture, stop)
            else:
                self._read_live(capture, stop)
        finally:
            capture.release()

    def _read_recording(self, capture: Capture, stop: Event) -> None:
        clock, before = PlaybackClock(self._fps), self._index
        while not stop.is_set() and capture.grab():
            media_time = capture.media_time() or 0.0
            # Whether it is wanted is decided when it is due: the rate may have risen by then.
            if stop.wait(clock.early(media_time, time.monotonic())):
                continue
            clock.set_fps(self._fps)
            wait = clock.wait(media_time, time.monotonic())
            if wait is None or stop.wait(wait):
                continue
            if (image := capture.retrieve()) is not None:
                self._publish(stop, image, media_time)
        if stop.is_set():
            return
        if self._index == before:
            raise CameraLost(mark("{label} holds no picture.", label=self.source.label))
        if (short := capture.shortfall()) is not None:
            played, length = short
            self.note = tr(
                "{film} ended after {played:.0f} of {length:.0f} s: "
                "it is damaged, or not all there.",
                film=self.source.label,
                played=played,
                length=length,
            )

    def _read_live(self, capture: Capture, stop: Event) -> None:
        attention, damaged, watch = Attention(self._fps), 0, LiveWatch()
        while not stop.is_set():
            if damaged > MAX_DAMAGED:
                raise CameraLost(
                    mark("The pictures of {label} cannot be read.", label=self.source.label)
                )
            if not self._grab(capture):
                raise CameraLost(mark("No more pictures from {label}.", label=self.source.label))
            now = time.monotonic()
            self._rate_is(watch, now)
            attention.ask(self._fps, self._still)
            if not attention.is_due(now):
                continue
            if attention.keeps_back(capture.glance, now):
                self.held_at = attention.held_at
                continue
            image = capture.retrieve()
            damaged = damaged + 1 if image is None else 0
            if image is not None:
                attention.delivered(now)
                self._show_live(stop, image, watch, now)

    def _grab(self, capture: Capture) -> bool:
        self._waits_since = time.monotonic()
        try:
            return capture.grab()
        finally:
            self._waits_since = None

    def _rate_is(self, watch: LiveWatch, now: float) -> None:
        """Note a picture that has come, and say what a slow camera means."""
        watch.came(now)
        self.offered_fps = watch.fps
        if not watch.is_slow or watch.fps is None:
            self.note = ""
        elif not self.note:  # once: the figure would change with every picture
            self.note = slow_words(self.source.label, watch.fps)

    def _show_live(
        self, stop: Event, image: NDArray[np.uint8], watch: LiveWatch, now: float
    ) -> None:
        if not watch.is_frozen(image, now):
            self._publish(stop, image, None)
        elif self._status.state is not CameraState.FROZEN:
            words = tr("Its picture never changes. Open the shutter, or press v.")
            self._set_status(stop, CameraState.FROZEN, words)

    def _publish(self, stop: Event, image: NDArray[np.uint8], media_time: float | None) -> None:
        with self._lock:
            if stop.is_set():
                return
            self._index += 1
            self._frame = Frame(image, time.monotonic(), self._index, media_time)
            size = f"{image.shape[1]}x{image.shape[0]}"
            self._status = CameraStatus(CameraState.LIVE, self.source.label, size)
        self._wake_waiters()

    def _report_error(self, stop: Event, error: Exception, has_played: bool, pause: float) -> None:
        state = CameraState.LOST if has_played else CameraState.MISSING
        if isinstance(error, CameraBusy):
            state = CameraState.BUSY
        if isinstance(error, Problem):
            detail = joined(error.message, error.hint)
        else:  # a driver may raise anything
            # As text: a record with the traceback would keep the frames in it.
            text = "".join(traceback.format_exception(error))
            log.error("The camera thread met an unknown error.\n%s", text)
            detail = tr("The camera driver failed ({error}).", error=type(error).__name__)
        self._set_status(stop, state, detail, time.monotonic() + pause)

    def _set_status(
        self, stop: Event, state: CameraState, detail: str = "", retry_at: float | None = None
    ) -> None:
        with self._lock:
            if stop.is_set():
                return
            self._frame = self._frame if state is CameraState.ENDED else None
            self._status = CameraStatus(state, self.source.label, detail, retry_at)
        self._wake_waiters()
