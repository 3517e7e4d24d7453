"""The two threads of a face: one finds it, one judges its clips; each loads what it works with."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from resonance_tui.engines import registry as engines
from resonance_tui.engines.base import Engine, EngineOptions
from resonance_tui.native import tame
from resonance_tui.pipeline.worker import Worker

if TYPE_CHECKING:  # both load OpenCV, which the first paint must not wait for
    from resonance_tui.pipeline.clip_buffer import Clip
    from resonance_tui.pipeline.detectors import FaceDetector
    from resonance_tui.pipeline.perception import Prediction

LINGER_S = 5.0  # that the program's end waits for a prediction that is going on


class FaceThreads:
    """Nobody who leaves waits for them: what they still do, they do for themselves."""

    def __init__(self) -> None:
        tame()
        self.finding = Worker("perception", linger_s=LINGER_S)
        self.judging = Worker("engine", linger_s=LINGER_S)
        self._finders: list[FaceDetector] = []  # built, perhaps after whoever wanted it had left

    async def load_detector(self, model: Path | None) -> tuple[FaceDetector, str]:
        """The face finder, and a sentence where it is not the best there is."""
        return await self.finding.do(partial(self._build_finder, model))

    def _build_finder(self, model: Path | None) -> tuple[FaceDetector, str]:
        from resonance_tui.pipeline.perception import load_detector

        finder, note = load_detector(model)
        self._finders.append(finder)
        return finder, note

    async def load_engine(
        self, name: str, folder: Path, options: EngineOptions, say: Callable[[str], None]
    ) -> tuple[Engine, tuple[str, ...]]:
        """The engine, and why it is not a better one. `say` is called from the thread."""
        passed_over: list[str] = []
        load = partial(engines.create, name, folder, options, say, passed_over.append)
        return await self.judging.do(load), tuple(passed_over)

    async def judge(self, engine: Engine, clip: Clip) -> Prediction:
        from resonance_tui.pipeline.perception import predict

        return await self.judging.do(partial(predict, engine, clip))

    def close(self) -> None:
        """End both after what they do now; face finders are closed by their own thread."""
        self.finding.close(self._close_finders)
        self.judging.close()

    def _close_finders(self) -> None:
        for finder in self._finders:
            finder.close()


async def fetch_face_model(data_dir: Path) -> tuple[Path | None, str]:
    """The face model, downloaded if need be, or None and a sentence why."""
    fetching = Worker("fetch")
    try:
        return await fetching.do(partial(_fetch, data_dir))
    finally:
        fetching.close()


def _fetch(data_dir: Path) -> tuple[Path | None, str]:
    from resonance_tui.pipeline.perception import fetch_face_model

    return fetch_face_model(data_dir)
