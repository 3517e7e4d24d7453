"""The numbers of the table in docs/benchmarks.md."""

from __future__ import annotations

from sheet_calls import Calls, each_viewer, outbox

from resonance_tui.sinks.runner import INTERVAL_S


def test_one_logger_costs_the_same_for_any_audience() -> None:
    assert outbox(INTERVAL_S) == Calls(241, 241)
    assert outbox(60) == outbox(600) == Calls(61, 61)  # a batch holds 60 rows
    assert round(outbox(INTERVAL_S).of_user_quota, 3) == 0.067


def test_each_viewer_for_himself_is_over_the_quota_at_once() -> None:
    assert each_viewer(1, 60) == Calls(3600, 3600)
    assert each_viewer(1, 60).of_user_quota == 1
    assert each_viewer(5, 60).of_project_quota == 1
    assert each_viewer(6, 6) == Calls(21_600, 2160)
    assert each_viewer(6, 6).of_project_quota > 1
    assert each_viewer(1000, 6).of_user_quota == 1000
