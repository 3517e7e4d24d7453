"""How `scripts/bench_live --against` reads changes out of what a viewer said."""

from __future__ import annotations

import pytest

pytest.importorskip("cv2")
from beside import follow
from beside_viewer import Said

SHOWN = [(0.0, "calm"), (4.0, "smile"), (8.0, "calm"), (12.0, "smile"), (16.0, "end")]
QUIET = [False] * 4
GOOD = [(0.5, "neutral"), (4.3, "happiness"), (8.4, "neutral"), (12.2, "happiness")]


def said(*steps: tuple[float, str | None]) -> list[Said]:
    return [Said(at, emotion) for at, emotion in sorted(steps, key=lambda step: step[0])]


def test_every_change_has_its_wait() -> None:
    answer = follow(said(*GOOD), SHOWN, QUIET)
    assert answer.waits_ms == pytest.approx([300, 400, 200])
    assert (answer.missed, answer.false, answer.flashes) == (0, 0, 0)


def test_a_report_that_leaves_and_comes_back_is_two_false_changes() -> None:
    answer = follow(said(*GOOD, (10.0, "sadness"), (10.5, "neutral")), SHOWN, QUIET)
    assert (answer.missed, answer.false) == (0, 2)


def test_a_transient_that_is_reported_is_counted_as_one() -> None:
    steps = (*GOOD, (10.0, "happiness"), (10.3, "neutral"))
    answer = follow(said(*steps), SHOWN, [False, False, True, False])
    assert (answer.false, answer.flashes) == (0, 1)


def test_a_change_that_is_not_reported_is_missed() -> None:
    twice = [*SHOWN[:-1], (16.0, "calm"), (20.0, "smile"), (24.0, "end")]
    steps = said(*GOOD[:2], (12.2, "happiness"), (16.2, "neutral"), (20.2, "happiness"))
    assert follow(steps, twice, [False] * 6).missed == 1
