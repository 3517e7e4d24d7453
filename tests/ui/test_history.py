"""The history screen: its keys, its sizes, and what it says when there is nothing to show."""

from __future__ import annotations

import asyncio
import csv
import re
from collections.abc import Awaitable, Callable
from datetime import UTC
from pathlib import Path

import numpy as np
import pytest
from recordings import from_samples
from textual.app import App
from textual.pilot import Pilot
from textual.widgets import OptionList, Static

from resonance_tui.charting.chart import ChartRequest
from resonance_tui.charting.view_state import Viewport, ViewState
from resonance_tui.history.loading import Request
from resonance_tui.history.recording import Recorded
from resonance_tui.history.runs import mark_gap
from resonance_tui.history.samples import Gap, Sample
from resonance_tui.history.store import Store
from resonance_tui.history.teams import TeamSecond, keep_teams
from resonance_tui.history.video_clock import keep_video_start
from resonance_tui.tui.screens.history import HistoryApp, HistoryScreen
from resonance_tui.tui.screens.history_dialogs import HistoryHelp, SessionPicker
from resonance_tui.tui.widgets.chart import ChartWidget
from resonance_tui.tui.widgets.drawing import draw
from resonance_tui.tui.widgets.team_bars import TeamBars

EVENING = 1_795_371_000  # Sun 22 Nov 2026, 18:10:00 UTC
LENGTH = 1800
CALM = (0, 0, 9, 0, 0, 0, 0)
SIZES = ((120, 40), (80, 24), (60, 15))


def felt(second: int) -> tuple[int, ...]:
    """Twelve people: calm, a laugh in minute 7, a fright in minute 20, sadness at the end."""
    if 420 <= second < 540:
        return (9, 0, 2, 0, 1, 0, 0)
    if 1200 <= second < 1260:
        return (1, 0, 3, 0, 2, 0, 6)
    if second >= 1500:
        return (0, 7, 3, 1, 0, 1, 0)
    return (2 + second // 60 % 2, 0, 9 - second // 60 % 2, 0, 1, 0, 0)


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("history") / "history.sqlite"
    rows = [
        Sample("lobby", EVENING + second, 13, felt(second), 1, 0)
        for second in range(LENGTH)
        if not 780 <= second < 900  # two minutes without a recorder
    ]
    before = [
        Sample("lobby", EVENING - 86_400 + second, 3, (1, 0, 2, 0, 0, 0, 0), 0, 0)
        for second in range(120)
    ]
    with Store(path) as store:
        store.append([*before, *rows])
    return path


@pytest.fixture
def app(database: Path) -> HistoryApp:
    return HistoryApp(Request(database, "lobby", zone=UTC))


@pytest.fixture
def teams(tmp_path: Path) -> HistoryApp:
    """Red laughs in the second half; of blue there were enough in the first one alone."""
    path = tmp_path / "history.sqlite"
    laughs, frowns = (6, 0, 2, 0, 0, 0, 0, 1, 0), (0, 3, 3, 0, 0, 0, 0, 0, 0)
    seconds = [
        *(TeamSecond(EVENING + at, "blue", frowns) for at in range(300)),
        *(TeamSecond(EVENING + at, "red", laughs) for at in range(300, 600)),
    ]
    with Store(path) as store:
        store.append(Sample("lobby", EVENING + at, 13, felt(at), 1, 0) for at in range(600))
        keep_teams(store, "lobby", seconds)
    return HistoryApp(Request(path, "lobby", zone=UTC))


async def settled(pilot: Pilot[None]) -> None:
    """All reading and drawing done, also what a layout starts afterwards."""
    for _ in range(2):
        await pilot.pause()
        await pilot.app.workers.wait_for_complete()
    await pilot.pause()


async def press(pilot: Pilot[None], *keys: str) -> None:
    for key in keys:
        await pilot.press(key)
        await settled(pilot)


def text(app: App[None], selector: str) -> str:
    return str(app.screen.query_one(selector, Static).visual)


def seen(app: App[None]) -> str:
    """From when to when, as the title says it."""
    return next(piece for piece in text(app, "#title").split(" · ") if "–" in piece)


# How it looks

Compare = Callable[..., bool]


def prepared(*keys: str) -> Callable[[Pilot[None]], Awaitable[None]]:
    async def before(pilot: Pilot[None]) -> None:
        await settled(pilot)
        await press(pilot, *keys)

    return before


@pytest.mark.parametrize("size", SIZES[:2], ids=lambda size: f"{size[0]}x{size[1]}")
def test_teams(teams: HistoryApp, size: tuple[int, int], snap_compare: Compare) -> None:
    assert snap_compare(teams, terminal_size=size, run_before=prepared())


async def test_a_team_has_a_bar_only_where_it_could_be_shown(teams: HistoryApp) -> None:
    async with teams.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        bars = teams.screen.query_one(TeamBars)
        both = dict(bars._teams)
        assert both == {"blue": (0, 3, 3, 0, 0, 0, 0, 0, 0), "red": (6, 0, 2, 0, 0, 0, 0, 1, 0)}
        await pilot.click("#chart", offset=(20, 3))  # in the first half
        await settled(pilot)
        assert dict(bars._teams) == {**both, "red": ()}
        blue, red = ("".join(each.text for each in bars.render_line(y)) for y in range(2))
    assert "too few" not in blue and "6" in blue
    assert "too few" in red and "☺" not in red


async def test_on_a_low_screen_the_chart_keeps_the_rows_of_teams(teams: HistoryApp) -> None:
    async with teams.run_test(size=(60, 15)) as pilot:
        await settled(pilot)
        assert not teams.screen.query_one(TeamBars).display


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
def test_lines(app: HistoryApp, size: tuple[int, int], snap_compare: Compare) -> None:
    assert snap_compare(app, terminal_size=size, run_before=prepared())


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
def test_shares_and_a_moment(app: HistoryApp, size: tuple[int, int], snap_compare: Compare) -> None:
    assert snap_compare(app, terminal_size=size, run_before=prepared("v", "m"))


def test_the_smallest_terminal(app: HistoryApp, snap_compare: Compare) -> None:
    assert snap_compare(app, terminal_size=(40, 12), run_before=prepared())


def test_without_colour(
    database: Path, monkeypatch: pytest.MonkeyPatch, snap_compare: Compare
) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    app = HistoryApp(Request(database, "lobby", zone=UTC))
    assert snap_compare(app, terminal_size=(80, 24), run_before=prepared())


def test_an_empty_no_color_is_none(database: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "")
    assert not HistoryApp(Request(database, "lobby", zone=UTC)).no_color


def test_the_list_of_sessions(app: HistoryApp, snap_compare: Compare) -> None:
    assert snap_compare(app, terminal_size=(60, 15), run_before=prepared("s"))


def test_the_keys_explained(app: HistoryApp, snap_compare: Compare) -> None:
    assert snap_compare(app, terminal_size=(60, 15), run_before=prepared("question_mark"))


# What the keys do


async def test_the_last_session_opens_whole(app: HistoryApp) -> None:
    async with app.run_test(size=(120, 40)) as pilot:
        await settled(pilot)
        assert text(app, "#title") == (
            "lobby · Sun 22 Nov · 18:10 – 18:39 · 30 min · peak 13 viewers · viewers per emotion"
        )
        assert "☺ happiness" in text(app, "#legend")
        assert "18:20" in text(app, "#chart")


async def test_zoom_and_pan_and_back(app: HistoryApp) -> None:
    async with app.run_test(size=(80, 12)) as pilot:
        await settled(pilot)
        for keys, expected in (
            (["plus"], "18:17 – 18:32"),
            (["plus"], "18:21:14 – 18:28:44"),
            (["full_stop"], "18:23:07 – 18:30:36"),
            (["comma", "comma"], "18:19:22 – 18:26:51"),
            (["pageup"] * 9, "18:10:00 – 18:17:29"),
            (["minus"], "18:10 – 18:24"),
            (["end"], "18:24 – 18:39"),
            (["0"], "18:10 – 18:39"),
            (["minus", "comma", "pagedown"], "18:10 – 18:39"),
            (["equals_sign", "up", "down", "0"], "18:10 – 18:39"),
        ):
            await press(pilot, *keys)
            assert seen(app) == expected


async def test_the_closest_look_is_half_a_minute(app: HistoryApp) -> None:
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        await press(pilot, *["plus"] * 12)
        assert seen(app) == "18:24:44 – 18:25:14"


async def test_one_view_after_the_other(app: HistoryApp) -> None:
    async with app.run_test(size=(120, 40)) as pilot:
        await settled(pilot)
        lines = text(app, "#chart")
        for title, legend in (
            ("% of the room", "─ neutral 53% 6.9"),
            ("viewers", "● viewers 13.0  ─ read 12.0"),
            ("resonance, 0 to 100", "◆ resonance"),
            ("viewers per emotion", "─ neutral 6.9 53%"),
        ):
            await press(pilot, "v")
            assert text(app, "#title").endswith(f" · {title}")
            assert legend in text(app, "#legend")
        assert text(app, "#chart") == lines
        await press(pilot, "V", "V")
        assert text(app, "#title").endswith(" · viewers")


async def test_seven_emotions_or_four_groups(app: HistoryApp) -> None:
    async with app.run_test(size=(120, 40)) as pilot:
        await settled(pilot)
        lines = text(app, "#chart")
        await press(pilot, "g")
        legend = text(app, "#legend")
        assert [word for word in ("happy", "negative", "neutral", "surprise") if word in legend]
        assert "sadness" not in legend
        assert text(app, "#chart") != lines
        await press(pilot, "g")
        assert text(app, "#chart") == lines


async def test_the_cursor_reads_values(app: HistoryApp) -> None:
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        assert not app.screen.query_one("#reading").display
        await press(pilot, "plus", "plus", "plus", "plus", "plus", "plus", "right")
        reading = text(app, "#reading")  # one second a bucket
        assert reading == "│ 18:25:00 · 13 viewers, 12 read"
        assert "─ neutral 8 62%" in text(app, "#legend")
        await press(pilot, "shift+right")
        assert text(app, "#reading").startswith("│ 18:25:10 · 13 viewers, 12 read · resonance ")
        await press(pilot, "left")
        assert text(app, "#reading").startswith("│ 18:25:09")
        await press(pilot, "shift+right", "shift+right")  # takes the window along
        assert text(app, "#reading").startswith("│ 18:25:29")
        assert seen(app) == "18:24:58 – 18:25:28"
        await press(pilot, "escape")
        assert not app.screen.query_one("#reading").display
        assert app.is_running


async def test_the_cursor_tells_of_a_second_that_stands_out(tmp_path: Path) -> None:
    path = tmp_path / "history.sqlite"
    calm, laugh = (1, 0, 9, 0, 0, 0, 0), (10, 0, 0, 0, 0, 0, 0)
    rows = [
        Sample("lobby", EVENING + s, 10, laugh if s == 20_000 else calm, 0, 0)
        for s in range(43_200)
    ]
    with Store(path) as store:
        store.append(rows)
    app = HistoryApp(Request(path, "lobby", zone=UTC))
    async with app.run_test(size=(60, 15)) as pilot:
        await settled(pilot)
        chart = text(app, "#chart").splitlines()
        assert "☺" in chart[0]  # its sign, above the stroke, at the height of ten viewers
        assert all(row[chart[0].index("☺")] not in " │┤" for row in chart[1:5])
        await pilot.resize_terminal(120, 40)
        await settled(pilot)
        await press(pilot, "right", "left", "left")
        assert text(app, "#reading") == (
            "│ 23:32 – 23:45 · 10.0 viewers, 10.0 read · resonance 1 "
            "· most happiness: 10 at 23:43:20"
        )


async def test_a_click_sets_the_cursor(app: HistoryApp) -> None:
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        await pilot.click("#chart", offset=(4, 5))
        await settled(pilot)
        assert text(app, "#reading").startswith("│ 18:10:00")
        await pilot.click("#chart", offset=(79, 5))
        await settled(pilot)
        assert text(app, "#reading").startswith("│ 18:39")


async def test_in_a_gap_the_cursor_says_so(app: HistoryApp) -> None:
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        await press(pilot, "right", "left")
        assert text(app, "#reading").endswith("nothing was recorded here")


async def test_where_it_is_known_the_cursor_says_why(tmp_path: Path) -> None:
    path = tmp_path / "history.sqlite"
    with Store(path) as store:
        store.append(
            Sample("lobby", EVENING + s, 9, CALM, 0, 0) for s in range(300) if not 100 <= s < 200
        )
        lost = Gap(EVENING + 100, EVENING + 199, 100, "the disk was full")
        mark_gap(store, "lobby", lost)
    app = HistoryApp(Request(path, "lobby", zone=UTC))
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        await press(pilot, "right")
        assert text(app, "#reading").endswith("nothing was recorded here: the disk was full")


async def test_corrected_counts_are_labelled_and_have_a_band(tmp_path: Path) -> None:
    path = tmp_path / "history.sqlite"
    with Store(path) as store:
        store.append(
            Sample("lobby", EVENING + s, 100, (60, 20, 20, 0, 0, 0, 0), 0, 0) for s in range(300)
        )
    confusion = np.eye(7) * 800 + 20
    app = HistoryApp(Request(path, "lobby", zone=UTC, confusion=confusion, is_corrected=True))
    async with app.run_test(size=(120, 40)) as pilot:
        await settled(pilot)
        assert "corrected viewers per emotion" in text(app, "#title")
        assert re.search(r"☺ happiness 6[1-9] \([45]\d–[67]\d\)", text(app, "#legend"))
        await press(pilot, "v")
        assert "corrected % of the room" in text(app, "#title")
        assert re.search(r"☺ happiness 6\d% \([45]\d%–[67]\d%\)", text(app, "#legend"))
        await press(pilot, "v")
        assert "corrected" not in text(app, "#title")  # viewers are counted, not read
        await press(pilot, "c", "V")
        assert "corrected" not in text(app, "#title")
        await press(pilot, "V")
        assert "☺ happiness 60 60%" in text(app, "#legend")
        await press(pilot, "c")
        await pilot.resize_terminal(40, 12)  # no room for bands and words, but for numbers
        await settled(pilot)
        assert re.search(r"☺ 6\d  ☹ 1\d", text(app, "#legend"))


async def test_a_small_room_is_not_corrected(database: Path) -> None:
    app = HistoryApp(Request(database, "lobby", zone=UTC, confusion=np.eye(7)))
    async with app.run_test(size=(120, 40)) as pilot:
        await settled(pilot)
        await press(pilot, "c")
        assert "corrected" not in text(app, "#title")
        assert ["too few to correct" in toast.message for toast in app._notifications] == [True]


async def test_moments_one_after_the_other(app: HistoryApp) -> None:
    async with app.run_test(size=(80, 12)) as pilot:
        await settled(pilot)
        assert not app.screen.query_one("#reading").display
        told: list[str] = []
        for _ in range(6):
            await press(pilot, "m")
            told.append(text(app, "#reading"))
        assert "18:17:00" in told[0]
        assert "☺ happiness" in told[0]
        assert "moment 1 of 3" in told[0]
        assert told[:3] == told[3:]
        assert len(set(told)) == 3
        await press(pilot, "M")
        assert text(app, "#reading") == told[1]
        await press(pilot, "right")  # the cursor leaves the moment
        assert "moment" not in text(app, "#reading")
        await press(pilot, "0")
        assert not app.screen.query_one("#reading").display


async def test_a_moment_comes_into_view(app: HistoryApp) -> None:
    async with app.run_test(size=(120, 40)) as pilot:
        await settled(pilot)
        await press(pilot, "plus", "plus", "plus", "m")
        assert seen(app) == "18:15:07 – 18:18:52"


async def test_another_session(app: HistoryApp) -> None:
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        await press(pilot, "s")
        assert isinstance(app.screen, SessionPicker)
        prompts = [str(option.prompt) for option in app.screen.query_one(OptionList).options]
        assert prompts == [
            "Sun 22 Nov 18:10 30 min      peak 13",
            "Sat 21 Nov 18:10 2 min       peak 3",
        ]
        await press(pilot, "down", "enter")
        assert text(app, "#title").startswith("lobby · Sat 21 Nov · 18:10:00 – 18:11:59 · ")
        await press(pilot, "s", "escape")
        assert seen(app) == "18:10:00 – 18:11:59"


async def test_export_of_what_is_visible(
    app: HistoryApp, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    async with app.run_test(size=(120, 40)) as pilot:
        await settled(pilot)
        await press(pilot, "plus", "plus", "e", "e")
        assert len(app._notifications) == 2
        first = tmp_path / "lobby-20261122-182114.csv"
        assert any(str(first) in toast.message for toast in app._notifications)
    assert (tmp_path / "lobby-20261122-182114-2.csv").read_text() == first.read_text()
    rows = list(csv.DictReader(first.read_text().splitlines()))
    assert (rows[0]["t"], rows[-1]["t"]) == ("2026-11-22T18:21:14Z", "2026-11-22T18:28:44Z")


async def test_a_picture_of_what_is_visible(
    app: HistoryApp, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    async with app.run_test(size=(120, 40)) as pilot:
        await settled(pilot)
        await press(pilot, "plus", "plus", "v", "p")
        (toast,) = app._notifications
        picture = tmp_path / "lobby-20261122-182114-shares.png"
        assert toast.message == str(picture)
    assert picture.read_bytes().startswith(b"\x89PNG")


async def test_export_into_a_folder_that_is_gone(
    app: HistoryApp, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.setattr(Path, "cwd", lambda: gone)
    gone.rmdir()
    async with app.run_test(size=(120, 40)) as pilot:
        await settled(pilot)
        await press(pilot, "e", "p")
        while len(app._notifications) < 2:
            await pilot.pause(0.01)
        assert {toast.severity for toast in app._notifications} == {"error"}


async def test_help_opens_and_closes(app: HistoryApp) -> None:
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        await press(pilot, "question_mark")
        assert isinstance(app.screen, HistoryHelp)
        await press(pilot, "question_mark")
        assert isinstance(app.screen, HistoryScreen)


@pytest.mark.parametrize(
    ("keys", "code"), [(("q",), 0), (("ctrl+q",), 0), (("ctrl+c",), 130), (("s", "ctrl+c"), 130)]
)
async def test_ways_out(app: HistoryApp, keys: tuple[str, ...], code: int) -> None:
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        await pilot.press(*keys)
        await pilot.pause()
        assert not app.is_running
    assert app.return_code == code


async def test_inside_another_app_q_goes_back(database: Path) -> None:
    host: App[None] = App()
    async with host.run_test(size=(80, 24)) as pilot:
        await host.push_screen(HistoryScreen(Request(database, "lobby", zone=UTC)))
        await settled(pilot)
        assert seen(host) == "18:10 – 18:39"
        await pilot.press("q")
        await pilot.pause()
        assert not isinstance(host.screen, HistoryScreen)
        assert host.is_running


async def test_reload_finds_new_rows(tmp_path: Path) -> None:
    path = tmp_path / "history.sqlite"
    with Store(path) as store:
        store.append([Sample("lobby", EVENING, 1, (1, 0, 0, 0, 0, 0, 0), 0, 0)])
        app = HistoryApp(Request(path, "lobby", zone=UTC))
        async with app.run_test(size=(120, 40)) as pilot:
            await settled(pilot)
            assert "peak 1 viewer " in text(app, "#title")
            store.append([Sample("lobby", EVENING + 60, 4, (4, 0, 0, 0, 0, 0, 0), 0, 0)])
            await press(pilot, "r")
            assert "peak 4 viewers" in text(app, "#title")


async def test_a_running_recording_is_followed(tmp_path: Path) -> None:
    path = tmp_path / "history.sqlite"

    def rows(first: int, last: int) -> list[Sample]:
        return [Sample("lobby", EVENING + s, 9, CALM, 0, 0) for s in range(first, last)]

    with Store(path) as store:
        store.append(rows(0, 600))
        app = HistoryApp(Request(path, "lobby", zone=UTC))
        async with app.run_test(size=(120, 40)) as pilot:
            await settled(pilot)
            assert "recording" not in text(app, "#title")
            store.append(rows(600, 660))
            await followed(pilot)
            assert seen(app) == "18:10 – 18:20"
            assert text(app, "#title").endswith("● recording")
            await press(pilot, "plus", "end")
            store.append(rows(660, 720))
            await followed(pilot)
            assert seen(app) == "18:16:29 – 18:21:59"
            await press(pilot, "comma")  # somebody looks at what was: it stays
            store.append(rows(720, 780))
            before = seen(app)
            await followed(pilot)
            assert seen(app) == before


async def followed(pilot: Pilot[None]) -> None:
    """One reading of what is new, without waiting for its turn."""
    screen = pilot.app.screen
    assert isinstance(screen, HistoryScreen)
    screen._follow()
    await settled(pilot)


async def test_an_earlier_session_does_not_grow(database: Path) -> None:
    app = HistoryApp(Request(database, "lobby", session=2, zone=UTC))
    async with app.run_test(size=(120, 40)) as pilot:
        await settled(pilot)
        before = seen(app)
        await followed(pilot)
        assert seen(app) == before == "18:10:00 – 18:11:59"


async def test_a_new_size_is_drawn_anew(app: HistoryApp) -> None:
    async with app.run_test(size=(120, 40)) as pilot:
        await settled(pilot)
        await pilot.resize_terminal(60, 15)
        await settled(pilot)
        chart = app.screen.query_one(ChartWidget)
        widths = {len(line) for line in text(app, "#chart").splitlines()}
        assert widths == {chart.content_size.width} == {60}


async def test_the_newest_view_wins(app: HistoryApp) -> None:
    tracks = [
        from_samples(
            [Sample("lobby", EVENING + s, 9, (9, 0, 0, 0, 0, 0, 0), 0, 0) for s in range(length)]
        )
        for length in (60, 120, 240)
    ]
    views = [
        ChartRequest("lobby", Recorded(t), ViewState(Viewport.over(t.start, t.end)), zone=UTC)
        for t in tracks
    ]
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        chart = app.screen.query_one(ChartWidget)
        for view in views:  # the first is being drawn while the others come
            chart.show(view)
            await asyncio.sleep(0)
        await settled(pilot)
        width, height = chart.content_size
        assert text(app, "#chart") == draw(views[-1], width, height).plain


# When there is nothing to show


async def test_every_key_is_harmless_without_data(database: Path) -> None:
    app = HistoryApp(Request(database, "lobby", start=1, end=2, zone=UTC))
    async with app.run_test(size=(40, 12)) as pilot:
        await settled(pilot)
        assert "Nothing was recorded" in text(app, "#chart")
        await press(pilot, "left", "plus", "minus", "0", "v", "g", "c", "m", "M", "e", "r", "end")
        assert "Nothing was recorded" in text(app, "#chart")
        await press(pilot, "s", "enter")
        assert "18:10 – 18:39" in text(app, "#title")


async def test_a_damaged_database_is_said_on_screen(tmp_path: Path) -> None:
    path = tmp_path / "history.sqlite"
    path.write_bytes(b"\xa5" * 5000)
    app = HistoryApp(Request(path, "lobby"))
    async with app.run_test(size=(120, 40)) as pilot:
        await settled(pilot)
        assert "no history database" in text(app, "#chart")
        await press(pilot, "s", "left", "e", "m")
        assert app.is_running


async def test_a_room_that_never_changed_its_mind(tmp_path: Path) -> None:
    path = tmp_path / "history.sqlite"
    rows = [Sample("lobby", EVENING + s, 9, (0, 0, 9, 0, 0, 0, 0), 0, 0) for s in range(300)]
    with Store(path) as store:
        store.append(rows)
    app = HistoryApp(Request(path, "lobby", zone=UTC))
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        await press(pilot, "m")
        assert [str(toast.message) for toast in app._notifications] == [
            "The room never changed its mind: no moments in this range."
        ]


async def test_positions_in_the_video_stand_beside_the_clock(tmp_path: Path) -> None:
    path = tmp_path / "history.sqlite"
    with Store(path) as store:
        store.append(
            Sample("lobby", EVENING + second, 13, felt(second), 1, 0) for second in range(900)
        )
        (span,) = store.sessions("lobby")
        keep_video_start(store, "lobby", span, EVENING - 26.0)
    app = HistoryApp(Request(path, "lobby", zone=UTC))
    async with app.run_test(size=(120, 40)) as pilot:
        await settled(pilot)
        assert "0:07:26" in text(app, "#moments")
        await press(pilot, "m")
        assert "18:17:00  video 0:07:26" in text(app, "#reading")
        await press(pilot, "home", "right")
        assert re.search(r"18:1\d:\d\d.* · video 0:\d\d:\d\d", text(app, "#reading"))
