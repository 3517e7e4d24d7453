"""A session and its video: when the video began, kept with the session."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import pytest

from resonance_tui.errors import InputError, InvalidTime
from resonance_tui.history.retention import forget
from resonance_tui.history.samples import Sample, SessionSpan
from resonance_tui.history.store import Store
from resonance_tui.history.times import parse_length
from resonance_tui.history.video_clock import (
    keep_video_start,
    parse_offset,
    parse_start,
    video_start,
)

T0 = 1_795_371_126  # 2026-11-22 18:12:06 UTC
SPAN = SessionSpan(T0, T0 + 3599, 3600, 2)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """Two sessions of a channel, with a pause of a quarter of an hour and a second between."""
    with Store(tmp_path / "history.sqlite") as store:
        for start in (T0, T0 + 100 + 901):
            store.append(
                Sample("lobby", start + s, 2, (2,) + (0,) * 6, 0, 0) for s in range(0, 100)
            )
        yield store


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("30s", 30), ("1m30s", 90), ("2h", 7200), ("-26s", -26), ("+1.25s", 1.25), ("90", 90)],
)
def test_lengths_of_time(text: str, seconds: float) -> None:
    assert parse_length(text) == seconds


@pytest.mark.parametrize("text", ["", "-", "s", "soon", "1x", "1:30", "--3s", "nan"])
def test_what_is_no_length(text: str) -> None:
    with pytest.raises(InvalidTime, match="no length of time"):
        parse_length(text)


def test_a_clock_time_is_the_last_one_before_the_session_ended() -> None:
    began = datetime.fromtimestamp(T0 - 26)
    assert parse_start(began.strftime("%H:%M:%S"), SPAN) == T0 - 26
    assert parse_start(began.strftime("%H:%M:%S") + ".25", SPAN) == T0 - 25.75
    ahead = datetime.fromtimestamp(T0 + 60)
    assert parse_start(ahead.strftime("%H:%M:%S"), SPAN) == T0 + 60


def test_an_iso_time_and_an_offset() -> None:
    assert parse_start("2026-11-22T18:11:40.500Z", SPAN) == T0 - 25.5
    assert parse_offset("-26s", SPAN) == T0 - 26
    assert parse_offset("1m0.5s", SPAN) == T0 + 60.5


def test_a_video_that_cannot_be_the_sessions() -> None:
    with pytest.raises(InputError, match="begins after the recording has ended"):
        parse_offset("2h", SPAN)
    with pytest.raises(InputError, match="more than a week before"):
        parse_start("2026-11-01T18:00Z", SPAN)
    with pytest.raises(InvalidTime, match="no point in time"):
        parse_start("soon", SPAN)


def test_each_session_has_its_own_video(store: Store) -> None:
    first, second = store.sessions("lobby")
    keep_video_start(store, "lobby", first, first.start - 26.5)
    assert video_start(store, "lobby", first.start, first.end) == first.start - 26.5
    assert video_start(store, "lobby", second.start, second.end) is None
    keep_video_start(store, "lobby", first, first.start + 3.0)
    assert video_start(store, "lobby", first.start, first.end) == first.start + 3.0
    keep_video_start(store, "lobby", first, None)
    assert video_start(store, "lobby", first.start, first.end) is None


def test_what_is_left_of_a_session_keeps_its_video(store: Store) -> None:
    first, second = store.sessions("lobby")
    for span in (first, second):
        keep_video_start(store, "lobby", span, span.start - 1.0)
    forget(store, ["lobby"], first.start + 40)
    (cut, kept) = store.sessions("lobby")
    assert cut.start == first.start + 40
    assert video_start(store, "lobby", cut.start, cut.end) == first.start - 1.0
    forget(store, ["lobby"], first.end + 300)  # in the pause: the first session is gone
    assert store.sessions("lobby") == [kept]
    assert video_start(store, "lobby", 0, kept.start - 1) is None
    assert video_start(store, "lobby", kept.start, kept.end) == second.start - 1.0
    forget(store, ["lobby"])
    assert video_start(store, "lobby", 0, kept.end) is None
