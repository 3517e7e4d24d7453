"""Screens whose letters are two cells wide."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC
from gettext import NullTranslations
from typing import Any

import numpy as np
import pytest
from recordings import from_samples
from rich.style import Style
from textual.app import App
from textual.screen import Screen

from resonance_tui import texts
from resonance_tui.catalogues import FOLDER, read
from resonance_tui.charting.chart import ChartRequest
from resonance_tui.charting.view_state import Viewport, ViewState
from resonance_tui.errors import BrokerUnreachable
from resonance_tui.history.recording import Recorded
from resonance_tui.history.replayed_room import People
from resonance_tui.history.samples import Sample
from resonance_tui.pipeline.sources import CameraState, CameraStatus
from resonance_tui.room.timeline import TimelinePoint
from resonance_tui.texts import mark, tr
from resonance_tui.tui.actions import HISTORY_SCREEN, LIVE, bar_entries, history_actions
from resonance_tui.tui.app import ResonanceApp
from resonance_tui.tui.screens.error import ErrorScreen
from resonance_tui.tui.styles import Styles
from resonance_tui.tui.widgets.drawing import draw
from resonance_tui.tui.widgets.preview import Preview
from resonance_tui.tui.widgets.status import StatusBar
from resonance_tui.tui.widgets.timeline import TimelinePanel
from resonance_tui.tui.widgets.two_rooms import Half, TwoRooms
from resonance_tui.widths import cells

from .fakes import FakeLaunch, FakeSession, view

PLAIN = Style(color="white", bgcolor="black")
PEN = Styles(PLAIN, PLAIN, PLAIN, PLAIN, PLAIN, PLAIN, PLAIN)
SIZES = ((60, 15), (80, 24))
CHINESE = read(FOLDER / "zh_TW.po")


@contextmanager
def speaking(catalogue: NullTranslations) -> Iterator[None]:
    before = texts.use(catalogue)
    try:
        yield
    finally:
        texts.use(before)


def live() -> App[None]:
    return ResonanceApp(FakeLaunch())


def trouble() -> App[None]:
    bad = view(camera=CameraStatus(CameraState.BUSY, "0"), is_sharing=False)
    return ResonanceApp(FakeLaunch(FakeSession(bad)))


def consent() -> App[None]:
    return ResonanceApp(FakeLaunch(needs_consent=True))


def lines(screen: Screen[Any]) -> list[str]:
    return [
        "".join(segment.text for segment in strip) for strip in screen._compositor.render_strips()
    ]


async def drawn(
    made: Callable[[], App[None]], size: tuple[int, int], key: str
) -> tuple[list[str], dict[str, Any]]:
    """The lines of a screen, and where its panels are."""
    app = made()
    async with app.run_test(size=size) as pilot:
        await pilot.pause()
        if key:
            await pilot.press(key)
            await pilot.pause()
        panels = app.screen.query("#status, #roster, #bars, #own, #timeline, #keys, #notice")
        return lines(app.screen), {str(each.id): each.region for each in panels}


@pytest.mark.parametrize("size", SIZES, ids=str)
@pytest.mark.parametrize(
    ("made", "key"), [(live, ""), (trouble, ""), (live, "question_mark"), (consent, "")]
)
async def test_no_panel_moves_and_no_line_is_longer_than_the_screen(
    made: Callable[[], App[None]], key: str, size: tuple[int, int]
) -> None:
    _, english = await drawn(made, size, key)
    with speaking(CHINESE):
        shown, panels = await drawn(made, size, key)
    assert panels == english
    assert {cells(line) for line in shown} == {size[0]}
    assert any("\u4e00" <= sign <= "\u9fff" for line in shown for sign in line)


@pytest.mark.parametrize("size", SIZES, ids=str)
async def test_bars_and_chips_are_whole(size: tuple[int, int]) -> None:
    with speaking(CHINESE):
        app = live()
        async with app.run_test(size=size) as pilot:
            await pilot.pause()
            status = app.screen.query_one(StatusBar)
            chips = "\n".join(
                "".join(segment.text for segment in status.render_line(y))
                for y in range(status.size.height)
            )
            shown = "\n".join(lines(app.screen))
    assert "已連線" in chips and "分享中" in chips and "…" not in chips
    for word in ("快樂", "悲傷", "中性", "憤怒", "驚訝", "厭惡", "恐懼", "位觀眾"):
        assert word in shown


@pytest.mark.parametrize("width", [60, 80])
def test_the_key_bar_keeps_as_many_keys_as_in_english(width: int) -> None:
    live_keys = [action for action in LIVE if action.needs in ("", HISTORY_SCREEN)]
    for actions in (live_keys, history_actions()):
        english = bar_entries(actions, width, 2)
        with speaking(CHINESE):
            chinese = bar_entries(actions, width, 2)
        assert len(chinese) >= len(english)
        assert sum(cells(f"{entry.keys} {entry.label}") + 2 for entry in chinese) <= width


async def test_an_error_is_told_with_its_hint() -> None:
    problem = BrokerUnreachable(
        mark("no answer from {authority}", authority="room.example:1883"),
        mark("Is it an MQTT broker, and is that its port?"),
    )
    with speaking(CHINESE):
        app: App[None] = App()
        async with app.run_test(size=(60, 15)) as pilot:
            await app.push_screen(ErrorScreen(problem))
            await pilot.pause()
            text = "\n".join(lines(app.screen))
    assert "✕ 伺服器" in text and "room.example:1883 沒有回應" in text
    assert "那是 MQTT 伺服器嗎？" in text and "再試一次" in text
    assert str(problem) == "no answer from room.example:1883"  # logs and JSON stay English


def test_a_sentence_about_the_broker_is_translated_piece_by_piece() -> None:
    from resonance_tui.messaging.reasons import problem_of

    problem = problem_of(0x8A, "room.example:1883")
    assert problem.message == "room.example:1883 has banned us"
    with speaking(CHINESE):
        assert tr(problem.message) == "room.example:1883 封鎖了我們"
        assert tr(problem.hint) == "請問管理它的人"


def test_a_chart_of_days_has_its_labels_in_chinese_and_no_line_is_longer() -> None:
    start, days = 1_795_000_000, 4 * 86_400
    times = np.arange(start, start + days, 600)
    track = from_samples([Sample("cats", int(t), 5, (5, *[0] * 6), 0, 0) for t in times])
    looked_at = ViewState(Viewport.over(track.start, track.end))
    request = ChartRequest("cats", Recorded(track), looked_at, zone=UTC)
    with speaking(CHINESE):
        shown = draw(request, 70, 14).plain.splitlines()
    assert any("（" in line for line in shown[-2:])
    assert {cells(line) for line in shown} == {70}


@pytest.mark.parametrize("width", [58, 118])
def test_who_shows_no_emotion_is_named_whole_beside_a_late_room(width: int) -> None:
    half = Half("then", "then", People((1,) * 7, 7))
    with speaking(CHINESE):
        rooms = TwoRooms()
        rooms._halves = (half, half)
        shown = ["".join(each.text for each in line) for line in rooms.draw(PEN, width, 9)]
        assert tr("no emotion") in shown[-1]
    assert {cells(line) for line in shown} <= set(range(width + 1))


@pytest.mark.parametrize("size", [(56, 2), (76, 3), (116, 8), (296, 8)], ids=str)
def test_the_last_minutes_end_at_the_panels_edge(size: tuple[int, int]) -> None:
    points = tuple(TimelinePoint(float(t), 4, (3, 1, 0, 0, 0, 0, 0)) for t in range(40))
    with speaking(CHINESE):
        panel = TimelinePanel()
        panel._points = points
        shown = ["".join(each.text for each in line) for line in panel.draw(PEN, *size)]
    assert {cells(line) for line in shown} <= set(range(size[0] + 1))
    assert "現在" in shown[-1]
    assert size[1] == 2 or any(line.endswith("75 %") for line in shown)


@pytest.mark.parametrize("width", range(20, 40))
def test_what_stands_in_place_of_a_picture_is_whole(width: int) -> None:
    with speaking(CHINESE):
        preview = Preview()
        preview._absent = "沒有人在畫面裡"
        lines = preview.draw(PEN, width, 6)
    shown = ["".join(each.text for each in line) for line in lines if line]
    assert {cells(line) for line in shown} == {width}
    assert not any("…" in line for line in shown)
