"""One point a second, five minutes deep."""

from __future__ import annotations

from dataclasses import replace

from resonance_tui.room.state import EMPTY_ROOM
from resonance_tui.room.timeline import Timeline


def test_the_last_snapshot_of_a_second_stays() -> None:
    timeline = Timeline()
    for tenth in range(25):
        timeline.add(replace(EMPTY_ROOM, viewers=tenth), 100 + tenth / 10)
    assert [(point.t, point.viewers) for point in timeline.points()] == [
        (100, 9),
        (101, 19),
        (102, 24),
    ]


def test_only_the_last_span_is_kept() -> None:
    timeline = Timeline(span_s=10)
    for second in range(30):
        timeline.add(EMPTY_ROOM, float(second))
    assert [point.t for point in timeline.points()] == list(range(20, 30))


def test_a_clock_that_jumps_back_leaves_time_in_order() -> None:
    timeline = Timeline()
    for at in (100.0, 101.0, 90.0, 91.0, 92.0):
        timeline.add(EMPTY_ROOM, at)
    times = [point.t for point in timeline.points()]
    assert times == sorted(times)
