"""What a viewer's report says of a still: the whole live path, detector and decision included.

Each still is held before a webcam for two seconds, with the webcam's noise and a wandering crop,
and what is told at the end counts. Pictures stay in memory.
"""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
from acted_faces import Actor, Features, Film, Picture, Pose
from acted_scene import ActedCapture
from numpy.typing import NDArray

from resonance_tui import config
from resonance_tui.commands.session_builder import check_intent, face_plan
from resonance_tui.emotions import Emotion
from resonance_tui.evaluation.plan import Plan, Step
from resonance_tui.evaluation.sitting import Sitting
from resonance_tui.pipeline.devices import Capture
from resonance_tui.pipeline.face_plan import FacePlan
from resonance_tui.pipeline.sources import Source

HELD_S = 2.0
WAYS = len(Emotion)
_NOWHERE = Features(((0, 0), (0, 0)), 1.0, (0, 0), 1.0)  # a still that holds still needs none


def reader() -> FacePlan:
    """The face path as shipped; no file of the person who runs this has a say."""
    with tempfile.NamedTemporaryFile(suffix=".toml") as empty:
        given = {"camera.source": "demo", "engine.precision": "int8"}
        environ = {config.variable(key): value for key, value in given.items()}
        loaded = config.load(file=Path(empty.name), environ=environ)
    return face_plan(loaded, check_intent(loaded))


def told(stills: list[Picture], by: FacePlan, seed: int) -> Iterator[Emotion]:
    """What the report says of each, AWAY and UNSURE included."""
    for number, still in enumerate(stills):
        film = Film(Actor(still, _NOWHERE), lambda _: Pose(), HELD_S, seed + number)
        yield asyncio.run(_last(film, by))


async def _last(film: Film, by: FacePlan) -> Emotion:
    plan = Plan((Step("rest", 0.0, HELD_S - 0.1),))
    sitting = Sitting(replace(by, source=Source("demo", "")), plan)
    await sitting.of_film(partial(_opened, film))
    return sitting.readings[-1].emotion if sitting.readings else Emotion.AWAY


def _opened(film: Film, _source: Source) -> Capture:
    return ActedCapture(film)


def table(labels: NDArray[np.integer], read: list[Emotion]) -> NDArray[np.int64]:
    """Stills by class (7 rows) and by what was read (9 columns, UNSURE and AWAY the last two)."""
    found = np.zeros((7, WAYS), np.int64)
    np.add.at(found, (labels, np.array(read, np.int64)), 1)
    return found
