"""The two threads of the face path: one detects faces, one runs the engine."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from resonance_tui.engines import registry as engines
from resonance_tui.engines.base import Engine, EngineOptions, weights_folder
from resonance_tui.errors import FaceModelMissing
from resonance_tui.native import give_back_memory, tame
from resonance_tui.pages import drop_idle_pages
from resonance_tui.pipeline import face_model
from resonance_tui.pipeline.detectors import registry as detectors
from resonance_tui.pipeline.worker import Worker
from resonance_tui.texts import tr

if TYPE_CHECKING:  # both load OpenCV, which the first paint must not wait for
    from resonance_tui.pipeline.clip_buffer import Clip
    from resonance_tui.pipeline.detectors.base import FaceDetector
    from resonance_tui.pipeline.perception import Prediction

LINGER_S = 5.0  # s that the end of the program waits for a running prediction


@dataclass(frozen=True, slots=True)
class Loaded:
    """What reads faces from now on."""

    engine: Engine
    detector: FaceDetector
    notices: tuple[str, ...]  # why they are not the best there are, for a person


class FaceThreads:
    """Loads a detector and an engine, each in its own thread, and keeps them there.

    Cancelling a caller does not wait for what a thread is doing.
    """

    def __init__(self) -> None:
        tame()
        self.detection = Worker("perception", linger_s=LINGER_S)
        self.inference = Worker("engine", linger_s=LINGER_S)
        self._detectors: list[FaceDetector] = []  # also one that is built after a cancellation

    async def load(
        self,
        engine: str,
        detector: str,
        data_dir: Path,
        options: EngineOptions,
        say: Callable[[str], None],
    ) -> Loaded:
        """Load both by their names in the registries. `say` takes what is being done.

        Raises what the registries raise; FaceModelMissing where a detector that was asked for by
        name needs a model that cannot be fetched.
        """
        loop = asyncio.get_running_loop()

        def say_from_thread(doing: str) -> None:
            loop.call_soon_threadsafe(say, doing)

        model, unfetched = await self._fetch_face_model(detector, data_dir, say_from_thread)
        wanted = self._load_engine(engine, weights_folder(data_dir), options, say_from_thread)
        async with asyncio.TaskGroup() as tasks:
            building = tasks.create_task(self._load_detector(detector, model), name="detector")
            # Awaited inside: of an error while the group itself waits, CPython before 3.13 leaves
            # this task marked as cancelled, and its later end raises CancelledError.
            loaded, passed_over = await wanted
            found, simpler = await building
        await self.inference.do(give_back_memory)  # loading took more than reading will
        return Loaded(loaded, found, tuple(filter(None, (*passed_over, unfetched or simpler))))

    async def _fetch_face_model(
        self, detector: str, data_dir: Path, say: Callable[[str], None]
    ) -> tuple[Path | None, str]:
        if not detectors.needs_face_model(detector):
            return None, ""
        worker = Worker("fetch")  # a thread of its own: leaving must not wait for a download
        try:
            found = await worker.do(partial(fetch_face_model, detector, data_dir, say))
        finally:
            worker.close()
        say("")
        return found

    async def _load_detector(self, name: str, model: Path | None) -> tuple[FaceDetector, str]:
        return await self.detection.do(partial(self._build_detector, name, model))

    def _build_detector(self, name: str, model: Path | None) -> tuple[FaceDetector, str]:
        reasons: list[str] = []
        found = detectors.create(name, model, reasons.append)
        self._detectors.append(found)
        return found, "; ".join(
            tr("{reason}: using the simpler {name} face finder.", reason=reason, name=found.name)
            for reason in reasons
        )

    async def _load_engine(
        self, name: str, folder: Path, options: EngineOptions, say: Callable[[str], None]
    ) -> tuple[Engine, tuple[str, ...]]:
        passed_over: list[str] = []
        load = partial(engines.create, name, folder, options, say, passed_over.append)
        return await self.inference.do(load), tuple(passed_over)

    async def predict(self, engine: Engine, clip: Clip) -> Prediction:
        """Run the engine on `clip` in its thread."""
        from resonance_tui.pipeline.perception import predict

        return await self.inference.do(partial(predict, engine, clip))

    async def settle(self) -> None:
        """Once faces are read: give back what only the way there needed."""
        await self.inference.do(give_back_memory)
        await self.inference.do(drop_idle_pages)

    def close(self) -> None:
        """End both threads after what they are doing now; detectors are closed by theirs."""
        self.detection.close(self._close_detectors)
        self.inference.close()

    def _close_detectors(self) -> None:
        for detector in self._detectors:
            detector.close()


def fetch_face_model(
    detector: str, data_dir: Path, say: Callable[[str], None] | None = None
) -> tuple[Path | None, str]:
    """The face model, fetched once (blocking, 3.8 MB); for `auto` None and a sentence why not.

    `say` takes from where it is fetched, where it has to be. Raises FaceModelMissing for a
    detector that was asked for by name.
    """
    try:
        return face_model.fetch(data_dir, say=say).path, ""
    except FaceModelMissing as missing:
        if detector != detectors.AUTO:
            raise
        why = missing.message
        return None, tr("{why} A simpler way finds fewer faces.", why=why)
