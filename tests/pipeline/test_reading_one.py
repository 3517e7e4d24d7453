"""Two before a camera, of whom one alone is read from a moment on: the other is nobody's then."""

from __future__ import annotations

from typing import cast

from limits import until
from test_frame_rate_live import BRIGHT, DARK, ByShade, Stage, playing

from resonance_tui.emotions import Emotion
from resonance_tui.pipeline.camera import FrameSource
from resonance_tui.pipeline.clip_buffer import FrameRateMonitor
from resonance_tui.pipeline.emotion_reader import EmotionReader
from resonance_tui.pipeline.face_status import CameraSwitch, FaceStatus
from resonance_tui.pipeline.frame_loop import FrameLoop
from resonance_tui.pipeline.perception import Perception
from resonance_tui.pipeline.smoothing import Steady
from resonance_tui.pipeline.sources import Frame, Source
from resonance_tui.pipeline.threads import FaceThreads
from resonance_tui.pipeline.tracker import Detection


class Halves:
    """Finds two faces, the left half and the right one."""

    name = "halves"

    def detect(self, frame: Frame) -> list[Detection]:
        return [Detection(x, 24, 30, 0.0, (x - 15, 9, x + 15, 39)) for x in (16, 48)]

    def forget(self) -> None: ...

    def close(self) -> None: ...


async def test_who_is_read_no_more_is_absent_at_once_and_costs_nothing() -> None:
    stage, engine, threads = Stage(), ByShade(1), FaceThreads()
    first, second = list[Steady](), list[Steady]()
    other = EmotionReader(lambda steady, _: second.append(steady))
    loop = FrameLoop(
        cast(FrameSource, stage),
        Perception(engine.spec, Halves(), people=2),
        engine,
        threads,
        reader=EmotionReader(lambda steady, _: first.append(steady)),
        others=[other],
        frame_rate=FrameRateMonitor("shade", 0.0),
        switch=CameraSwitch(True),
        status=FaceStatus(Source("demo"), "shade", lambda: None, lambda _: None),
    )

    async def scene() -> None:
        await until(lambda: first and second and second[-1].code is Emotion.SADNESS)
        other.forget()
        loop.read_one()
        told, looks = len(second), engine.count
        stage.shade = BRIGHT
        await until(lambda: first[-1].code is Emotion.HAPPINESS)
        read, frames = engine.count, stage._index
        await until(lambda: stage._index >= frames + 4)
        assert engine.count - read <= stage._index - frames + 1, "one look a frame"
        assert len(second) == told and looks < read and stage.shade != DARK

    try:
        await playing(loop, scene())
    finally:
        threads.close()
