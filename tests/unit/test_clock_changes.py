"""Charts and typed times on the nights when clocks change, in every zone that has such nights."""

from __future__ import annotations

import csv
import io
import itertools
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resonance_tui.charting.ticks import DAY_S, clock, day, exact_clock, offsets, time_ticks
from resonance_tui.cli import cli, run_verb
from resonance_tui.history import research
from resonance_tui.history.cues.registry import FORMATS as CUE_FORMATS
from resonance_tui.history.samples import Sample
from resonance_tui.history.store import Store
from resonance_tui.history.times import parse_range, parse_time
from resonance_tui.sinks.sheets.layout import to_cells, to_row

FROM = int(datetime(2024, 1, 1, tzinfo=UTC).timestamp())
TO = int(datetime(2028, 1, 1, tzinfo=UTC).timestamp())
WEEK_S = 7 * DAY_S
BERLIN = ZoneInfo("Europe/Berlin")


def shift(t: int, zone: ZoneInfo) -> timedelta:
    found = datetime.fromtimestamp(t, zone).utcoffset()
    assert found is not None
    return found


def changes(zone: ZoneInfo) -> tuple[int, ...]:
    """The first second of each new offset."""
    found: list[int] = []
    for low, high in itertools.pairwise(range(FROM, TO, WEEK_S)):
        if shift(low, zone) != shift(high, zone):
            while high - low > 1:
                middle = (low + high) // 2
                low, high = (
                    (middle, high) if shift(middle, zone) == shift(low, zone) else (low, middle)
                )
            found.append(high)
    return tuple(found)


@cache
def every_change() -> list[tuple[str, int]]:
    """Zone and second of every change from 2024 to 2027."""
    return [(name, t) for name in sorted(available_timezones()) for t in changes(ZoneInfo(name))]


@cache
def nights() -> list[tuple[str, int]]:
    """One change of each kind: what clocks show before it, and after."""
    kinds: dict[object, tuple[str, int]] = {}
    for name, t in every_change():
        zone = ZoneInfo(name)
        shown = [datetime.fromtimestamp(at, zone) for at in (t - 1, t)]
        kinds.setdefault(tuple((at.time(), at.utcoffset()) for at in shown), (name, t))
    return list(kinds.values())


def test_there_are_nights_to_try() -> None:
    assert len(every_change()) > 1000 and len(nights()) > 40
    steps = {shift(t, ZoneInfo(name)) - shift(t - 1, ZoneInfo(name)) for name, t in nights()}
    assert {timedelta(minutes=minutes) for minutes in (-60, -30, 30, 60)} <= steps


@pytest.mark.parametrize("span", [600, 3600, 3 * 3600, 7 * 3600, DAY_S, 3 * DAY_S])
def test_every_tick_is_what_the_wall_clock_shows(span: int) -> None:
    for name, moment in nights():
        zone = ZoneInfo(name)
        for start, most in itertools.product((moment - span // 2, moment - span // 3 - 7), (5, 13)):
            ticks = time_ticks(start, start + span, most, zone)
            times = [t for t, _ in ticks]
            assert len(ticks) <= most, (name, start)
            assert all(start <= t <= start + span for t in times), (name, start)
            assert all(a < b for a, b in itertools.pairwise(times)), (name, start)
            for t, label in ticks:
                day = datetime.fromtimestamp(t, zone).strftime("%a %d")
                assert label in (clock(t, zone), clock(t, zone, seconds=True), day), (name, t)


@pytest.mark.parametrize("span", [DAY_S, 5 * DAY_S])
def test_a_tick_with_a_date_is_its_first_second(span: int) -> None:
    for name, moment in nights():
        zone = ZoneInfo(name)
        for t, label in time_ticks(moment - span, moment + span, 3, zone):
            if label[0].isalpha():
                before = datetime.fromtimestamp(t - 1, zone).date()
                assert before < datetime.fromtimestamp(t, zone).date(), (name, t)


@given(
    st.data(), st.integers(-2 * DAY_S, 2 * DAY_S), st.integers(0, 23), st.integers(0, 59)
)  # fmt: skip
def test_a_clock_time_is_the_last_such_moment(
    data: st.DataObject, after: int, hour: int, minute: int
) -> None:
    name, moment = data.draw(st.sampled_from(every_change()))
    zone, now, text = ZoneInfo(name), moment + after, f"{hour:02}:{minute:02}"
    found = parse_time(text, now, zone=zone)
    assert found <= now
    assert clock(found, zone, seconds=True) == f"{text}:00"
    later = range(found + 60, now + 1, 60)
    assert text not in {clock(t, zone) for t in later}


@given(st.data(), st.integers(-DAY_S, DAY_S), st.integers(0, 1439), st.integers(0, 1439))
def test_a_range_of_clock_times_holds_both_ends(
    data: st.DataObject, after: int, first: int, last: int
) -> None:
    name, moment = data.draw(st.sampled_from(every_change()))
    zone = ZoneInfo(name)
    texts = [f"{minutes // 60:02}:{minutes % 60:02}" for minutes in (first, last)]
    start, end = parse_range(*texts, moment + after, zone=zone)
    assert start is not None and end is not None and start <= end
    assert [clock(t, zone) for t in (start, end)] == texts


@pytest.mark.parametrize(
    ("now", "meant"),
    [
        ("2026-10-25T01:10", "2026-10-25T00:30"),
        ("2026-10-25T01:30", "2026-10-25T01:30"),
        ("2026-10-25T00:29", "2026-10-24T00:30"),
        ("2026-03-29T08:00", "2026-03-28T01:30"),
    ],
)
def test_half_past_two_in_berlin(now: str, meant: str) -> None:
    at = [datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp() for text in (now, meant)]
    assert parse_time("02:30", at[0], zone=BERLIN) == at[1]


def test_the_night_in_autumn_shows_its_hour_twice() -> None:
    start = int(datetime(2026, 10, 25, 1, 30, tzinfo=BERLIN).timestamp())
    labels = [label for _, label in time_ticks(start, start + 3 * 3600, 13, BERLIN)]
    assert labels[2:7] == ["02:00", "02:15", "02:30", "02:45", "02:00"]
    assert offsets(start, start + 3 * 3600, BERLIN) == "UTC+02:00 → UTC+01:00"
    assert offsets(start, start + 60, BERLIN) == "UTC+02:00"


def test_no_two_moments_read_alike() -> None:
    for name, moment in nights():
        zone = ZoneInfo(name)
        times = range(moment - 3 * 3600, moment + 3 * 3600, 300)
        assert len({(day(t, zone), exact_clock(t, zone)) for t in times}) == len(times), name
    assert exact_clock(moment_of("2026-10-25T00:59"), BERLIN) == "02:59 UTC+02:00"
    assert exact_clock(moment_of("2026-10-25T01:00"), BERLIN) == "02:00 UTC+01:00"
    assert exact_clock(moment_of("2026-10-25T02:00"), BERLIN) == "03:00"


def moment_of(utc: str) -> int:
    return int(datetime.fromisoformat(utc).replace(tzinfo=UTC).timestamp())


@pytest.fixture
def machine_in(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], None]]:
    """Sets this machine's zone, as TZ can say it."""
    if sys.platform == "win32":
        pytest.skip("TZ is not read there")

    def change(text: str) -> None:
        monkeypatch.setenv("TZ", text)
        time.tzset()

    yield change
    monkeypatch.undo()
    time.tzset()


NIGHTS = {"back": "2026-10-25T00:50", "forward": "2026-03-29T00:50"}
POSIX = "CET-1CEST,M3.5.0,M10.5.0/3"  # of a container without tzdata
BERLINS = ("Europe/Berlin", ":Europe/Berlin", POSIX)


@pytest.fixture(params=NIGHTS.values(), ids=NIGHTS)
def recorded(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> int:
    """Twenty minutes around the change, with a laugh in them: when they began."""
    began, path = moment_of(request.param), tmp_path / "history.sqlite"
    happy, calm = (90, 0, 10, 0, 0, 0, 0), (10, 0, 90, 0, 0, 0, 0)
    with Store(path) as store:
        store.append(
            Sample("lobby", began + n, 100, happy if 500 < n < 530 else calm, 0, 0)
            for n in range(1200)
        )
    monkeypatch.setenv("RESONANCE_HISTORY_DATABASE", str(path))
    return began


ROWS = (*research.FORMATS, "csv")
EXPORTS = [
    *(("--format", format) for format in ROWS),
    *(("--moments", "--format", format) for format in CUE_FORMATS if format != "otio"),
    ("--moments", "--format", "csv"),
    ("--sessions", "--format", "csv"),
]


def test_what_is_exported_depends_on_no_zone(
    recorded: int,
    machine_in: Callable[[str], None],
    empty_home: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def exported(how: tuple[str, ...], zone: str) -> list[list[str]]:
        machine_in(zone)
        assert run_verb(cli, ["history", "lobby", *how]) == 0
        rows = list(csv.reader(io.StringIO(capsys.readouterr().out)))
        at = rows[0].index("local_time") if "local_time" in rows[0] else -1
        for row in rows[1:] if at >= 0 else []:
            told = row.pop(at)
            utc = next(cell for cell in row if cell.endswith("Z"))  # the same moment
            assert datetime.fromisoformat(told) == datetime.fromisoformat(utc), (how, zone)
        return rows

    for how in EXPORTS:
        assert exported(how, POSIX) == exported(how, "UTC0"), how


@pytest.mark.parametrize("zone", BERLINS)
def test_a_list_of_sessions_is_told_by_the_wall_clock(
    recorded: int,
    machine_in: Callable[[str], None],
    empty_home: Path,
    capsys: pytest.CaptureFixture[str],
    zone: str,
) -> None:
    machine_in(zone)
    assert run_verb(cli, ["history", "lobby", "--sessions"]) == 0
    is_back = recorded == moment_of(NIGHTS["back"])
    told = "02:50 UTC+02:00 - 02:09 UTC+01:00" if is_back else "01:50 - 03:09"
    assert f"{told}        20 min" in capsys.readouterr().out


def test_rows_of_a_sheet_are_moments_and_not_clock_times(recorded: int) -> None:
    rows = [Sample("lobby", recorded + n, 5, (5, *(0,) * 6), 0, 0) for n in range(0, 7200, 60)]
    cells = [to_cells(row) for row in rows]
    days = [float(row[0]) for row in cells]
    assert all(round(86_400 * (b - a)) == 60 for a, b in itertools.pairwise(days))
    assert [to_row(row, "lobby", "local") for row in cells] == rows
