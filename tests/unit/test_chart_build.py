"""Chart.build: everything that a painter needs is in the value, and nothing else is needed."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from recordings import from_samples

from resonance_tui.charting.chart import Chart
from resonance_tui.charting.view_state import Viewport, ViewState
from resonance_tui.charting.views import VIEWS
from resonance_tui.history.recording import Recorded, with_scores
from resonance_tui.history.samples import Sample

CALM = (0, 0, 10, 0, 0, 0, 0)
CONFUSION = np.eye(7) * 800 + 20


def recorded(counts: dict[int, tuple[int, ...]]) -> Recorded:
    rows = [Sample("lobby", t, sum(seven), seven, 0, 0) for t, seven in counts.items()]
    return with_scores(Recorded(from_samples(rows), CONFUSION))


def chart(what: Recorded, view: str = "emotions", bins: int = 60, **state: bool) -> Chart:
    window = Viewport.over(what.track.start, what.track.end)
    return Chart.build(what, ViewState(window, VIEWS[view], **state), bins)


def test_a_chart_cannot_be_changed() -> None:
    built = chart(recorded(dict.fromkeys(range(60), CALM)))
    with pytest.raises(dataclasses.FrozenInstanceError):
        built.top = 3  # pyright: ignore[reportAttributeAccessIssue]


def test_lines_come_with_their_legend_and_the_edge_with_its_title() -> None:
    built = chart(recorded(dict.fromkeys(range(60), CALM)), is_grouped=True)
    assert [line.legend.word for line in built.lines] == [
        *("happy", "negative", "neutral", "surprise"),
    ]
    assert built.lines[2].mean.tolist() == [10] * 60
    assert (built.title, built.top, built.reason) == ("viewers per emotion", 10, "")


def test_a_gap_parts_every_line() -> None:
    built = chart(recorded({t: CALM for t in range(60) if not 20 <= t < 40}))
    assert [[len(piece) for piece in line.pieces] for line in built.lines] == [[20, 20]] * 7


def test_a_second_that_stands_out_is_a_spike_with_its_sign() -> None:
    what = recorded({t: (9, 0, 1, 0, 0, 0, 0) if t == 31 else CALM for t in range(600)})
    built = chart(what)
    (spike,) = built.lines[0].spikes
    assert built.lines[0].peak == spike
    assert built.lines[0].peak_value == built.lines[0].high[spike] == 9


def test_layers_stand_on_each_other_up_to_everybody() -> None:
    built = chart(recorded(dict.fromkeys(range(60), (3, 0, 6, 0, 0, 0, 1))), "shares")
    for below, above in zip(built.lines, built.lines[1:], strict=False):
        assert above.low.tolist() == below.high.tolist()
    assert built.lines[-1].high == pytest.approx([100] * 60)
    assert built.top == 100
    assert all(line.spikes == () for line in built.lines)


def test_a_corrected_line_has_its_band_and_no_spikes() -> None:
    what = recorded({t: (60, 20, 20, 0, 0, 0, 0) for t in range(60)})
    built = chart(what, is_corrected=True)
    assert built.title == "corrected viewers per emotion"
    assert built.is_corrected
    assert (built.lines[0].low < built.lines[0].high).all()
    assert all(line.spikes == () for line in built.lines)
    assert built.top == max(line.high.max() for line in built.lines)


NOBODY = recorded(dict.fromkeys(range(60), (0,) * 7))
FEW = recorded(dict.fromkeys(range(60), CALM))
ALONE = recorded(dict.fromkeys(range(60), (1, 0, 0, 0, 0, 0, 0)))


@pytest.mark.parametrize(
    ("what", "view", "is_corrected", "reason"),
    [
        (NOBODY, "shares", False, "nobody was there"),
        (FEW, "emotions", True, "fewer than 50 viewers: too few to correct"),
        (ALONE, "score", False, "resonance needs two viewers for ten seconds"),
        (ALONE, "viewers", True, ""),
    ],
)
def test_why_there_is_nothing_to_paint(
    what: Recorded, view: str, is_corrected: bool, reason: str
) -> None:
    assert chart(what, view, is_corrected=is_corrected).reason == reason


def test_where_nothing_was_recorded_the_chart_says_so() -> None:
    what = recorded({t: CALM for t in range(600) if not 200 <= t < 400})
    state = ViewState(dataclasses.replace(Viewport.over(0, 599), start=250, end=300))
    assert Chart.build(what, state, 50).reason == "nothing was recorded here"
