"""Ways to look at a recording: what each draws, what the cursor reads, where the keys take it."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from recordings import from_samples

from resonance_tui.charting import series
from resonance_tui.charting.lines import collect, is_too_small, means_over
from resonance_tui.charting.view_state import Viewport, ViewState
from resonance_tui.charting.views import CLASSES, GROUPS, VIEWS, ViewSpec, neighbour
from resonance_tui.emotions import EMOTIONS, STYLES
from resonance_tui.history.recording import Recorded, Recording, cut, with_scores
from resonance_tui.history.samples import Sample
from resonance_tui.room.correction import LEAST_VIEWERS

CALM = (0, 0, 10, 0, 0, 0, 0)
NEVER_WRONG = np.eye(7) * 1e6
CONFUSED = NEVER_WRONG / 2 + NEVER_WRONG[[1, 0, 2, 3, 4, 5, 6]] / 4  # happy and sad


def row(t: int, counts: tuple[int, ...] = CALM, unsure: int = 0) -> Sample:
    return Sample("lobby", t, sum(counts) + unsure, counts, unsure, 0)


def recorded(*rows: Sample, confusion: np.ndarray | None = None) -> Recorded:
    return Recorded(from_samples(rows), confusion)


def lines(
    what: Recorded,
    view: ViewSpec,
    bins: int = 1,
    *,
    is_grouped: bool = False,
    corrected: bool = False,
) -> series.Series:
    grid = series.grid(what.track, what.track.start, what.track.end, bins)
    return view.series(what, grid, view.legend(is_grouped=is_grouped), is_corrected=corrected)


def told(
    what: Recorded, part: Recording, *, is_grouped: bool = False
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    view = VIEWS["emotions"]
    return means_over(what, view, part, is_grouped=is_grouped, is_corrected=True)


# Legends


def test_the_groups_hold_each_emotion_once() -> None:
    assert sorted(code for band in GROUPS for code in band.codes) == list(EMOTIONS)
    assert all(STYLES[code].group == band.word for band in GROUPS for code in band.codes)


@pytest.mark.parametrize("bands", [CLASSES, GROUPS, VIEWS["viewers"].lines, VIEWS["score"].lines])
def test_colour_is_never_alone(bands: tuple) -> None:
    for sign in ("word", "glyph", "letter", "color"):
        assert len({getattr(band, sign) for band in bands}) == len(bands)


def test_counts_are_collected_by_group() -> None:
    counts = np.array([[1, 2, 4, 8, 16, 32, 64]])
    found = dict(zip((band.word for band in GROUPS), collect(counts, GROUPS)[0], strict=True))
    assert found == {"happy": 1, "negative": 2 + 8 + 32 + 64, "neutral": 4, "surprise": 16}
    assert collect(counts, CLASSES) is counts


# Views


def test_views_go_around() -> None:
    first, *others = VIEWS.values()
    view = first
    for expected in (*others, first):
        view = neighbour(view, 1)
        assert view is expected
    assert neighbour(first, -1) is others[-1]


def test_unsure_viewers_are_part_of_the_room() -> None:
    share = lines(recorded(row(0, (3, 0, 0, 0, 0, 0, 0), unsure=1)), VIEWS["shares"])
    assert share.mean[0].tolist() == [75]
    assert series.stacked(share.mean)[6].tolist() == [75]


@given(
    st.lists(st.tuples(*[st.integers(0, 50)] * 7), min_size=1, max_size=40),
    st.integers(0, 9),
    st.integers(1, 20),
    st.booleans(),
)
def test_shares_stack_up_to_a_hundred_at_most(
    counts: list[tuple[int, ...]], unsure: int, bins: int, is_grouped: bool
) -> None:
    what = recorded(*(row(t, c, unsure) for t, c in enumerate(counts)))
    edges = series.stacked(lines(what, VIEWS["shares"], bins, is_grouped=is_grouped).mean)
    known = np.isfinite(edges)
    assert (known.all(axis=0) | ~known.any(axis=0)).all()
    assert (np.diff(edges, axis=0)[known[1:]] >= 0).all()
    assert np.nanmax(edges, initial=0) <= 100.0001


def test_an_empty_room_has_no_shares_and_parts_the_bands() -> None:
    rows = [row(t, (0,) * 7 if t in (4, 5) else CALM) for t in range(10)]
    share = lines(recorded(*rows), VIEWS["shares"], 10)
    parts = series.pieces(share.mean[2], share.starts)
    assert [len(part) for part in parts] == [4, 4]


def test_viewers_and_how_many_of_them_were_read() -> None:
    found = lines(recorded(row(0, CALM, 3), row(1, CALM, 5)), VIEWS["viewers"])
    assert found.mean[:, 0].tolist() == [14, 10]
    assert found.high[:, 0].tolist() == [15, 10]


def test_a_room_that_swings_together_scores_high() -> None:
    def mood(t: int) -> tuple[int, ...]:
        return (40, 0, 0, 0, 0, 0, 0) if t // 10 % 2 else (0, 0, 40, 0, 0, 0, 0)

    what = recorded(*(row(t, mood(t)) for t in range(120)))
    assert np.isnan(lines(what, VIEWS["score"]).mean).all()  # not worked out yet
    assert 80 <= lines(with_scores(what), VIEWS["score"]).mean[0, 0] <= 100


# Corrected


def test_corrected_lines_come_with_their_band_and_keep_everybody() -> None:
    what = recorded(*(row(t, (60, 20, 20, 0, 0, 0, 0)) for t in range(30)), confusion=CONFUSED)
    raw, better = (lines(what, VIEWS["emotions"], corrected=is_on) for is_on in (False, True))
    assert better.mean[0, 0] > raw.mean[0, 0] + 3
    assert better.mean.sum() == pytest.approx(100)
    assert (better.low <= better.mean).all()
    assert (better.mean <= better.high).all()
    assert better.high[0, 0] - better.low[0, 0] > 1


def test_corrected_groups_are_sums() -> None:
    what = recorded(*(row(t, (60, 20, 20, 0, 0, 0, 0)) for t in range(30)), confusion=CONFUSED)
    seven = lines(what, VIEWS["emotions"], corrected=True).mean[:, 0]
    four = lines(what, VIEWS["emotions"], corrected=True, is_grouped=True).mean[:, 0]
    assert four == pytest.approx([seven[0], seven[[1, 3, 5, 6]].sum(), seven[2], seven[4]])


def test_corrected_shares_are_of_everyone_present() -> None:
    what = recorded(row(0, (60, 0, 0, 0, 0, 0, 0), unsure=40), confusion=NEVER_WRONG)
    assert lines(what, VIEWS["shares"], corrected=True).mean.sum() == pytest.approx(60)


def test_small_rooms_are_never_corrected() -> None:
    rows = [row(t, (LEAST_VIEWERS - (t < 5), 0, 0, 0, 0, 0, 0)) for t in range(10)]
    what = recorded(*rows, confusion=CONFUSED)
    found = lines(what, VIEWS["emotions"], 10, corrected=True)
    assert np.isnan(found.mean[:, :5]).all()
    assert np.isfinite(found.mean[:, 5:]).all()
    assert is_too_small(cut(what.track, 0, 4))
    assert not is_too_small(what.track)
    mean, low, high = told(what, cut(what.track, 0, 4))
    assert np.isnan([*mean, *low, *high]).all()


def test_without_a_confusion_matrix_counts_stay_raw() -> None:
    what = recorded(row(0))
    assert lines(what, VIEWS["emotions"], corrected=True).mean[2, 0] == 10
    mean, low, high = told(what, what.track, is_grouped=True)
    assert mean.tolist() == low.tolist() == high.tolist() == [0, 0, 10, 0]


# Where the keys take it


def test_the_cursor_steps_by_buckets_and_takes_the_window_along() -> None:
    look = ViewState(Viewport.over(0, 999).zoom(10))  # 450 to 549
    look = look.step(1, 50)
    assert look.cursor == look.window.middle
    on = look.step(3, 50)
    assert on.cursor == pytest.approx(look.window.middle + 3 * look.width_s(50))
    assert on.window == look.window
    far = look.step(40, 50)
    assert far.window.start > look.window.start
    assert far.window.span == pytest.approx(look.window.span)
    assert far.cursor == pytest.approx(far.window.end)
    assert look.step(10_000, 50).cursor == 999
    assert look.step(-10_000, 50).cursor == 0


def test_the_bucket_under_the_cursor() -> None:
    look = ViewState(Viewport.over(0, 99))
    assert look.bucket(10) is None
    start, end = look.point(25).bucket(10) or (0, 0)
    assert (start, round(end, 2)) == (20, 30)
    start, end = look.point(1e9).bucket(10) or (0, 0)
    assert (start, round(end, 2)) == (90, 100)


moves = st.one_of(
    st.tuples(st.just("step"), st.integers(-300, 300)),
    st.tuples(st.just("zoom"), st.sampled_from([0.5, 2.0])),
    st.tuples(st.just("pan"), st.sampled_from([-0.25, 0.25])),
    st.tuples(st.just("grow"), st.integers(0, 50)),
)


@given(st.integers(0, 100_000), st.lists(moves, max_size=25), st.integers(1, 120))
def test_the_cursor_is_always_in_sight(span: int, keys: list[tuple[str, float]], bins: int) -> None:
    high = 1_795_000_000 + span
    look = ViewState(Viewport.over(1_795_000_000, high))
    for key, by in keys:
        if key == "step":
            look = look.step(int(by), bins)
        elif key == "zoom":
            look = look.zoom(by)
        elif key == "pan":
            look = look.on(look.window.pan(by))
        else:
            high += int(by)
            look = look.grown(1_795_000_000, high)
        if look.cursor is not None:
            assert look.window.start - 1e-3 <= look.cursor <= look.window.end + 1e-3
            start, end = look.bucket(bins) or (0, 0)
            assert start - 1e-3 <= look.cursor <= end + look.width_s(bins)


def test_every_view_has_bands() -> None:
    for view in VIEWS.values():
        single, grouped = (len(view.legend(is_grouped=value)) for value in (False, True))
        assert (single, grouped) == (7, 4) if view.is_of_emotions else single == grouped >= 1
