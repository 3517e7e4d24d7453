"""A film, sources that are stopped after their test, and viewers of a room."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest
from cameras import Started
from whole_sessions import plan

from resonance_tui.pipeline.camera import FrameSource
from resonance_tui.pipeline.sources import Source
from resonance_tui.protocol.urls import BrokerUrl, parse_broker_url
from resonance_tui.session.core import Session


@pytest.fixture
def video(tmp_path: Path) -> Path:
    """1.5 s at 30 frames a second; frame i is grey 5 x i."""
    path = tmp_path / "film.avi"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 30, (160, 120))
    assert writer.isOpened()
    for i in range(45):
        writer.write(np.full((120, 160, 3), 5 * i, np.uint8))
    writer.release()
    return path


@pytest.fixture
def started() -> Iterator[Started]:
    """Sources that are started, and stopped after the test; no thread may be left."""
    made: list[FrameSource] = []

    def start(source: Source, **options) -> FrameSource:
        made.append(FrameSource(source, **options))
        made[-1].start()
        return made[-1]

    yield start
    for source in made:
        source.stop()
    assert not [t for t in threading.enumerate() if t.name == "camera"]


@pytest.fixture
def broker(mosquitto) -> BrokerUrl:
    """The address of a running broker without passwords."""
    return parse_broker_url(mosquitto.url)


@pytest.fixture
def quiet(broker: BrokerUrl, tmp_path: Path) -> Callable[[str], Session]:
    """Makes viewers who have no camera and speak by key."""
    return lambda name: Session(plan(broker, Source("none"), tmp_path, name))
