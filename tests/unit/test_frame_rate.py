"""When a person is told that no clip comes together."""

from __future__ import annotations

import pytest

from resonance_tui.pipeline.clip_buffer import (
    WARN_AFTER_S,
    FrameRateMonitor,
    least_rate,
    too_slow_for,
)


def watched(monitor: FrameRateMonitor, fps: float, seconds: float, start: float = 0.0) -> list[str]:
    frames = range(round(seconds * fps) + 1)
    said = [monitor.face_seen(start + n / fps, has_clip=False) for n in frames]
    return [text for text in said if text]


def test_a_slow_camera_is_said_once_with_both_numbers() -> None:
    said = watched(FrameRateMonitor("c3d", 7.5), 5.0, 60)
    assert said == [
        "c3d gets 5.0 frames of a face a second; its clips need 7.5 or more, without gaps."
    ]


def test_nobody_is_told_within_the_first_seconds_or_while_clips_come() -> None:
    assert not watched(FrameRateMonitor("c3d", 7.5), 5.0, WARN_AFTER_S - 0.3)
    monitor = FrameRateMonitor("c3d", 7.5)
    assert not any(monitor.face_seen(n / 5, has_clip=n % 20 == 0) for n in range(300))


def test_a_face_that_comes_and_goes_is_no_slow_camera() -> None:
    monitor = FrameRateMonitor("c3d", 7.5)
    assert not any(watched(monitor, 5.0, 2.0, start=n * 6.0) for n in range(10))


def test_it_is_said_again_after_clips_had_come() -> None:
    monitor = FrameRateMonitor("c3d", 7.5)
    assert len(watched(monitor, 5.0, 20)) == 1
    monitor.face_seen(20.2, has_clip=True)
    assert len(watched(monitor, 5.0, 20, start=20.4)) == 1


@pytest.mark.parametrize(("frames", "rate", "least"), [(16, 15.0, 7.5), (1, 5.0, 0.0)])
def test_what_a_clip_needs_at_least(frames: int, rate: float, least: float) -> None:
    assert least_rate(frames, rate) == least


def test_a_rate_that_was_asked_for_is_said_only_where_it_is_too_low() -> None:
    assert too_slow_for("c3d", 5.0, 7.5) == "camera.fps is 5; the clips of c3d need 7.5 or more."
    assert not too_slow_for("c3d", 7.5, 7.5) and not too_slow_for("c3d", None, 7.5)
