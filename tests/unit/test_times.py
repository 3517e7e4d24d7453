"""What people type for a moment, on ordinary days and on those with 23 or 25 hours."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resonance_tui.errors import InvalidTime
from resonance_tui.history.times import parse_range, parse_time

BERLIN = ZoneInfo("Europe/Berlin")


def at(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=BERLIN).timestamp())


NOW = at("2026-11-22T21:00:00") + 0.7


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("now", "2026-11-22T21:00:00"),
        ("-2h", "2026-11-22T19:00:00"),
        ("-1h30m", "2026-11-22T19:30:00"),
        (" -1h 30m ", "2026-11-22T19:30:00"),
        ("-45s", "2026-11-22T20:59:15"),
        ("-1d", "2026-11-21T21:00:00"),
        ("20:15", "2026-11-22T20:15:00"),
        ("20:15:30", "2026-11-22T20:15:30"),
        ("21:00", "2026-11-22T21:00:00"),
        ("21:01", "2026-11-21T21:01:00"),  # ahead of us: yesterday's
        ("9:05", "2026-11-22T09:05:00"),
        ("today", "2026-11-22T00:00:00"),
        ("Yesterday", "2026-11-21T00:00:00"),
        ("yesterday 20:15", "2026-11-21T20:15:00"),
        ("2026-11-20", "2026-11-20T00:00:00"),
        ("2026-11-20 20:15", "2026-11-20T20:15:00"),
        ("2026-11-20T20:15:30", "2026-11-20T20:15:30"),
    ],
)
def test_what_people_type(text: str, meant: str) -> None:
    assert parse_time(text, NOW, zone=BERLIN) == at(meant)


def test_an_offset_wins_over_the_local_zone() -> None:
    assert parse_time("2026-11-20T20:15Z", NOW, zone=BERLIN) == at("2026-11-20T21:15:00")
    assert parse_time("2026-11-20t20:15+03:00", NOW, zone=BERLIN) == at("2026-11-20T18:15:00")


@pytest.mark.parametrize("text", ["yesterday", "2026-11-21"])
def test_a_day_ends_with_its_last_second(text: str) -> None:
    assert parse_time(text, NOW, zone=BERLIN, is_end=True) == at("2026-11-21T23:59:59")


def test_days_with_23_and_25_hours() -> None:
    for day, hours in (("2026-03-29", 23), ("2026-10-25", 25)):
        first, last = parse_range(day, day, NOW, zone=BERLIN)
        assert first is not None
        assert last is not None
        assert last - first + 1 == hours * 3600


def test_yesterday_is_the_day_before_even_when_the_clock_changed() -> None:
    now = at("2026-03-30T00:30:00")
    assert parse_time("yesterday", now, zone=BERLIN) == at("2026-03-29T00:00:00")
    assert parse_time("23:15", now, zone=BERLIN) == at("2026-03-29T23:15:00")


@pytest.mark.parametrize(
    "text",
    ["", "soon", "25:00", "20:60", "2026-13-01", "2026-02-30", "-", "-2x", "--2h", "2h",
     "yesterday 9", "0001-01-01T00:00+14:00", "9999-12-31", "-999999d", "20:15 yesterday", "2026",
     "١٢:٣٠:", "\x00"],
)  # fmt: skip
def test_nonsense_is_refused_with_examples(text: str) -> None:
    with pytest.raises(InvalidTime) as caught:
        parse_time(text, NOW, zone=BERLIN)
    assert "20:15" in caught.value.hint
    assert caught.value.exit_code == 2


@given(st.text() | st.from_regex(r"[-0-9dhmsTZ:+ .]{1,24}"), st.booleans())
def test_anything_is_a_moment_or_refused(text: str, is_end: bool) -> None:
    try:
        moment = parse_time(text, NOW, zone=BERLIN, is_end=is_end)
    except InvalidTime:
        return
    assert isinstance(moment, int)
    assert abs(moment) < 10**12


@given(st.integers(0, 2 * 10**9))
def test_every_iso_moment_is_read_back(t: int) -> None:
    text = datetime.fromtimestamp(t, BERLIN).isoformat()
    assert parse_time(text, NOW, zone=BERLIN) == t


def test_ranges() -> None:
    assert parse_range(None, None, NOW, zone=BERLIN) == (None, None)
    assert parse_range("20:15", "20:45", NOW, zone=BERLIN) == (
        at("2026-11-22T20:15:00"),
        at("2026-11-22T20:45:00"),
    )
    assert parse_range("yesterday", None, NOW, zone=BERLIN) == (at("2026-11-21T00:00:00"), None)


def test_two_clock_times_may_span_midnight() -> None:
    assert parse_range("22:30", "0:15", NOW, zone=BERLIN) == (
        at("2026-11-21T22:30:00"),
        at("2026-11-22T00:15:00"),
    )
    assert parse_range("2026-11-18 23:00", "01:00", NOW, zone=BERLIN)[1] == at(
        "2026-11-22T01:00:00"
    )


def test_the_end_stays_on_the_day_of_the_start() -> None:
    """At nine, "20:15 to 21:30": the end lies ahead, and yesterday's 21:30 is not meant."""
    assert parse_range("20:15", "21:30", NOW, zone=BERLIN) == (
        at("2026-11-22T20:15:00"),
        at("2026-11-22T21:30:00"),
    )


def test_an_end_before_the_start_is_refused() -> None:
    with pytest.raises(InvalidTime, match="before it starts"):
        parse_range("2026-11-20", "2026-11-19", NOW, zone=BERLIN)
