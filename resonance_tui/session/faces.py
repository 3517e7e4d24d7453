"""Who sits before a session's camera: its own person, and guests, each a viewer of the room."""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from resonance_tui.pipeline.face_pipeline import FacePipeline
from resonance_tui.pipeline.smoothing import Steady
from resonance_tui.pipeline.sources import Source
from resonance_tui.session.guests import Guests
from resonance_tui.session.plan import LinkFactory, SessionPlan
from resonance_tui.session.shown import Shown


class Faces:
    """The face path of a session. `on_reading` takes what is read of its own person."""

    def __init__(
        self,
        plan: SessionPlan,
        connect: LinkFactory,
        shown: Shown,
        on_reading: Callable[[Steady, dict[str, float]], None],
    ) -> None:
        self._shown, self._on_reading = shown, on_reading
        self._pipeline = FacePipeline(
            plan.face,
            once=plan.once,
            on_reading=self._read,
            on_status=self._show,
            on_notice=shown.notice,
            people=plan.people,
            on_other=self._read_other,
        )
        self.guests = Guests(plan, connect, shown.notice, marks_of(plan.source))

    def preview(self) -> NDArray[np.uint8] | None:
        """As `Session.preview`."""
        return self._pipeline.preview

    def switch(self, on: bool) -> None:
        """Off releases the device."""
        self._pipeline.switch(on)

    def capture_baseline(self) -> bool:
        """As `Session.capture_baseline`."""
        is_begun = self._pipeline.capture_baseline()
        self._show()
        return is_begun

    def set_source(self, source: Source) -> None:
        """Read another one from now on."""
        self.guests.mark_source(marks_of(source))
        self._pipeline.set_source(source)

    def forget(self) -> None:
        """Nothing that was seen before now is reported."""
        self._pipeline.forget()

    def read_one(self, why: str) -> None:
        """Nobody but the own person is read from now on."""
        self._pipeline.read_one()
        self.guests.dismiss()
        self._shown.change(reads=1)
        self._shown.notice(why)

    async def run(self) -> None:
        """As `FacePipeline.run`."""
        await self._pipeline.run()

    def _read(self, steady: Steady, latency_ms: dict[str, float]) -> None:
        view = self._shown.view
        if (self._pipeline.baseline, self._pipeline.flaw) != (view.baseline, view.flaw):
            self._show()
        self._on_reading(steady, latency_ms)

    def _read_other(self, seat: int, steady: Steady) -> None:
        self.guests.read(seat, steady, time.monotonic())

    def _show(self) -> None:
        face = self._pipeline
        self._shown.change(
            camera=face.camera,
            engine=face.engine,
            faces=face.faces,
            too_far=face.too_far,
            baseline=face.baseline,
            flaw=face.flaw,
        )


def marks_of(source: Source) -> dict[str, bool]:
    """What every report says that is read from there."""
    return {"is_simulated": source.kind == "demo", "is_film": source.kind == "file"}
