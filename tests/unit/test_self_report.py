"""What a viewer reports of itself, by camera or by key, with time passed in."""

from __future__ import annotations

import pytest

from resonance_tui.emotions import Emotion
from resonance_tui.pipeline.smoothing import Steady
from resonance_tui.session.self_report import MANUAL_LASTS_S, SelfReport

HAPPY = Steady(Emotion.HAPPINESS, 0.83456, (0.83456, 0.1, 0.06, 0.0, 0.0, 0.0, 0.0))


@pytest.fixture
def own() -> SelfReport:
    return SelfReport(1_790_000_000, is_simulated=False)


def test_nobody_in_view_is_away(own: SelfReport) -> None:
    view = own.view(0.0, is_sharing=True)
    assert (view.state, view.code, view.confidence) == ("away", Emotion.AWAY, 0.0)


def test_a_reading_is_reported_in_per_cent(own: SelfReport) -> None:
    own.read(HAPPY, {"network": 1.0})
    view = own.view(0.0, is_sharing=True)
    report = own.report(view)
    assert (view.state, view.latency_ms) == ("ok", {"network": 1.0})
    assert (report.boot, report.code, report.confidence, report.flags) == (
        *(1_790_000_000, Emotion.HAPPINESS, 83, 0),
    )


def test_a_key_counts_for_ten_seconds_and_is_marked(own: SelfReport) -> None:
    own.read(HAPPY, {})
    own.say(Emotion.FEAR, 100.0)
    view = own.view(100.0 + MANUAL_LASTS_S - 0.1, is_sharing=True)
    assert (view.code, view.confidence, view.probabilities) == (Emotion.FEAR, 1.0, ())
    assert own.report(view).is_manual
    later = own.view(100.0 + MANUAL_LASTS_S, is_sharing=True)
    assert later.code is Emotion.HAPPINESS and not own.report(later).is_manual


def test_what_a_key_said_can_be_taken_back(own: SelfReport) -> None:
    own.say(Emotion.FEAR, 0.0)
    own.say(None, 1.0)
    assert own.view(1.0, is_sharing=True).code is Emotion.AWAY


def test_who_does_not_share_is_paused_whatever_is_read(own: SelfReport) -> None:
    own.read(HAPPY, {})
    assert own.view(0.0, is_sharing=False).state == "paused"


def test_built_in_portraits_are_marked_as_simulated() -> None:
    own = SelfReport(1, is_simulated=True)
    own.read(HAPPY, {})
    assert own.report(own.view(0.0, is_sharing=True)).is_simulated


def test_the_same_report_is_due_once_until_it_is_reset(own: SelfReport) -> None:
    view = own.view(0.0, is_sharing=True)
    assert own.due(view, 0.0) == own.report(view) and own.due(view, 60.0) is None
    own.reset()
    assert own.due(view, 61.0) == own.report(view)


def test_who_asks_to_be_forgotten_says_so_with_each_report(own: SelfReport) -> None:
    assert own.due(own.view(0.0, is_sharing=True), 0.0) is not None
    own.asks_to_be_forgotten = True
    report = own.due(own.view(2.0, is_sharing=True), 2.0)
    assert report is not None and report.asks_to_be_forgotten
