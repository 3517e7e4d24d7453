"""The live room: every key, every state that must be visible, every size."""

from __future__ import annotations

import time
from dataclasses import replace

import pytest
from textual.pilot import Pilot
from textual.screen import Screen
from textual.widgets import Static

from resonance_tui.emotions import EMOTIONS, Emotion
from resonance_tui.pipeline.baseline import BaselineState
from resonance_tui.pipeline.sources import CameraState, CameraStatus
from resonance_tui.room.state import EMPTY_ROOM, ViewerRow
from resonance_tui.session import EngineState, EngineStatus, SelfView, SessionView
from resonance_tui.texts import tr
from resonance_tui.tui.actions import LIVE
from resonance_tui.tui.app import ResonanceApp
from resonance_tui.tui.screens.help import HelpScreen
from resonance_tui.tui.screens.live import LiveScreen
from resonance_tui.tui.state_words import GETTING_READY
from resonance_tui.tui.widgets.preview import ONLY_HERE, Preview
from resonance_tui.tui.widgets.roster import Roster

from .fakes import FakeLaunch, FakeSession, room, snapshot, view

WIDE = (120, 40)


def drawn(app: ResonanceApp) -> str:
    """The whole screen as text, line by line."""
    width, height = app.size
    strips = app.screen._compositor.render_strips()
    assert len(strips) == height
    return "\n".join(strip.text[:width].rstrip() for strip in strips)


async def shown(pilot: Pilot, text: str) -> None:
    """Wait until the screen is whole and holds `text`; the suite's own time-out is the bound."""
    app = pilot.app
    while len(app.screen._compositor.render_strips()) < app.size.height or text not in drawn(app):  # type: ignore[arg-type]
        await pilot.pause(0.02)


def app_with(first: SessionView, **more) -> tuple[ResonanceApp, FakeSession]:
    session = FakeSession(first)
    return ResonanceApp(FakeLaunch(session), **more), session


async def test_everything_is_on_the_large_screen():
    app, _ = app_with(view())
    async with app.run_test(size=WIDE) as pilot:
        await shown(pilot, "lucky-heron")
        text = drawn(app)
    for part in (
        "#movie-night",
        "● connected",
        "◉ recording",
        "24 here",
        "● camera on · demo",
        "▲ sharing",
        "☺ happiness 83 %",
        "24 viewers",
        "? 2 unsure",
        "· 0 away",
        "5 min ago",
        "sim",
        "anon-",
    ):
        assert part in text, part
    for code in EMOTIONS:
        assert code.word in text
    for jargon in ("mesh", "static", "mediapipe", "mqtt", " ms"):
        assert jargon not in text, jargon


async def test_own_line_comes_first_and_is_marked():
    app, _ = app_with(view())
    async with app.run_test(size=WIDE) as pilot:
        await shown(pilot, "lucky-heron")
        first = next(line for line in drawn(app).splitlines() if "83%" in line)
        assert "lucky-heron" in first and "you" in first
        roster = app.screen.query_one(Roster)
        ids = [row.viewer_id for i in range(24) if (row := roster.row_at(i))]
        assert len(set(ids)) == 24 and roster.row_at(24) is None


async def test_camera_key_switches_the_device_off_and_on():
    app, session = app_with(view())
    async with app.run_test(size=WIDE) as pilot:
        await pilot.press("c")
        await shown(pilot, "○ camera off")
        await shown(pilot, "· camera off")
        await pilot.press("c")
        await shown(pilot, "● camera on")
    assert session.told == [("camera", False), ("camera", True)]


async def test_a_key_takes_the_own_neutral_and_the_screen_says_that_it_is_in_use():
    app, session = app_with(view(2))
    async with app.run_test(size=WIDE, notifications=True) as pilot:
        await shown(pilot, "happiness 83 %")
        assert "own neutral" not in drawn(app)
        await pilot.press("b")
        await shown(pilot, "look neutral for two seconds")
        await shown(pilot, "Look at the screen, neutral")
        session.view = replace(session.view, baseline=BaselineState.KEY)
        await shown(pilot, "own neutral, by key")
        session.view = replace(session.view, me=SelfView("away"))
        while "own neutral" in drawn(app):
            await pilot.pause(0.02)
    assert session.told == ["baseline"]


async def test_in_a_small_window_a_star_says_that_the_own_neutral_is_in_use():
    app, session = app_with(view(2))
    async with app.run_test(size=(60, 15)) as pilot:
        await shown(pilot, "you: ☺ happiness")
        session.view = replace(session.view, baseline=BaselineState.AUTO)
        await shown(pilot, "you*: ☺ happiness")


async def test_without_a_face_or_an_engine_that_knows_neutral_ones_the_key_says_why():
    app, session = app_with(view(2, me=SelfView("away")))
    session.knows_neutral = False
    async with app.run_test(size=WIDE, notifications=True) as pilot:
        await shown(pilot, "you")
        await pilot.press("b")
        await shown(pilot, "No face is read now")
        session.view = replace(session.view, me=SelfView("ok", Emotion.HAPPINESS, 0.8))
        await pilot.press("b")
        await shown(pilot, "switched off, or this")
    assert session.told == ["baseline"]


async def test_sharing_key_stops_and_resumes():
    app, session = app_with(view())
    async with app.run_test(size=WIDE) as pilot:
        await pilot.press("s")
        await shown(pilot, "‖ sharing paused")
        text = drawn(app)
        assert "☺ happiness 83 %   paused, not shared" in text and "camera off" not in text
        await pilot.press("s")
        await shown(pilot, "▲ sharing")
    assert session.told == [("sharing", False), ("sharing", True)]


async def test_digits_say_an_emotion():
    app, session = app_with(view())
    async with app.run_test(size=WIDE) as pilot:
        for code in EMOTIONS:
            await pilot.press(str(code + 1))
            await shown(pilot, f"{code.word} 100 %   said by key")
        await pilot.press("0")
        await pilot.pause()
        assert "said by key" not in drawn(app)
    assert session.told == [*(("say", code) for code in EMOTIONS), ("say", None)]


async def test_the_key_for_corrected_counts_and_back():
    app, session = app_with(view(60))
    async with app.run_test(size=WIDE) as pilot:
        await shown(pilot, "the room feels")
        assert "corrected" not in drawn(app)
        await pilot.press("r")
        await shown(pilot, "the room feels · corrected")
        await shown(pilot, "corrected for the engine's known mistakes · 95 % band")
        await pilot.press("r")
        await pilot.pause()
        assert "corrected" not in drawn(app)
    assert session.told == [("corrected", True), ("corrected", False)]


async def test_the_score_of_the_room_is_shown_and_follows():
    app, session = app_with(view())
    async with app.run_test(size=WIDE) as pilot:
        await shown(pilot, "resonance  42 %  partly together")
        session.view = replace(session.view, resonance=0.97)
        await shown(pilot, "resonance  97 %  as one")
        session.view = replace(session.view, resonance=None)
        await shown(pilot, "resonance listening …")


async def test_preview_is_off_until_asked_for_and_says_who_sees_it():
    app, session = app_with(view())
    async with app.run_test(size=WIDE) as pilot:
        await shown(pilot, "lucky-heron")
        assert not app.screen.query_one(Preview).display
        await pilot.press("p")
        await shown(pilot, "▀")
        assert ONLY_HERE in drawn(app)
        session.set_camera(False)
        await pilot.pause()
        await shown(pilot, "only you see this")
        panel = app.screen.query_one(Preview)
        while "camera off" not in "".join(strip.text for strip in panel._strips):
            await pilot.pause(0.02)
        await pilot.press("p")
        await pilot.pause()
        assert ONLY_HERE not in drawn(app)


@pytest.mark.parametrize("key", ["question_mark", "f1"])
async def test_help_names_every_action_and_closes(key: str):
    app, _ = app_with(view())
    async with app.run_test(size=(120, 90)) as pilot:
        await pilot.press(key)
        await shown(pilot, "Signs")
        text = drawn(app)
        for action in LIVE:
            assert action.title in text or action.needs
        await pilot.press("escape")
        await pilot.pause()
        assert isinstance(app.screen, LiveScreen)


async def test_history_key_needs_a_screen_to_show():
    app, _ = app_with(view())
    async with app.run_test(size=WIDE) as pilot:
        await pilot.press("h")
        assert isinstance(app.screen, LiveScreen)
        assert "history" not in drawn(app)
    asked: list[str] = []

    def history(channel: str) -> Screen:
        asked.append(channel)
        return Screen()

    app, _ = app_with(view(), history=history)
    async with app.run_test(size=WIDE) as pilot:
        await shown(pilot, "h history")
        await pilot.press("h")
        await pilot.pause()
    assert asked == ["movie-night"]


async def test_palette_runs_the_same_actions():
    app, session = app_with(view())
    async with app.run_test(size=WIDE) as pilot:
        await pilot.press("ctrl+p")
        await shown(pilot, "Camera off or on")
        await pilot.press(*"stop or")
        await shown(pilot, "Stop or resume sharing")
        await pilot.pause(0.3)
        await pilot.press("enter", "enter")
        while not session.told:
            await pilot.pause(0.02)
    assert session.told == [("sharing", False)]


async def test_the_key_bar_can_be_clicked():
    app, session = app_with(view())
    async with app.run_test(size=WIDE) as pilot:
        await shown(pilot, "c camera")
        await pilot.click("#keys", offset=(2, 0))
        await pilot.pause()
    assert session.told == [("camera", False)]


async def test_camera_trouble_is_said_with_its_retry():
    app, session = app_with(view())
    async with app.run_test(size=WIDE) as pilot:
        for state, words in {
            CameraState.MISSING: "✕ no camera · retry in",
            CameraState.BUSY: "✕ camera busy · retry in",
            CameraState.LOST: "✕ camera lost · retry in",
        }.items():
            detail = f"camera 7 is {state}"
            camera = CameraStatus(state, "7", detail, time.monotonic() + 60)
            session.view = view(camera=camera)
            await shown(pilot, words)
            await shown(pilot, detail)


@pytest.mark.parametrize("size", [(80, 24), (40, 12)])
async def test_every_camera_state_has_words(size: tuple[int, int]):
    app, session = app_with(view())
    words = {
        CameraState.OFF: "○ cam",
        CameraState.OPENING: "◌ cam",
        CameraState.LIVE: "● cam",
        CameraState.MISSING: "✕ no cam",
        CameraState.BUSY: "✕ cam",
        CameraState.LOST: "✕ cam",
        CameraState.FROZEN: "✕ cam",
        CameraState.ENDED: "film over",
    }
    assert set(words) == set(CameraState)
    async with app.run_test(size=size) as pilot:
        for state, text in words.items():
            session.view = view(camera=CameraStatus(state, "0"))
            await shown(pilot, text)


@pytest.mark.parametrize("size", [WIDE, (80, 24), (60, 15), (40, 12)])
async def test_own_state_is_said_at_every_size(size: tuple[int, int]):
    app, session = app_with(view())
    async with app.run_test(size=size) as pilot:
        for me, words in (
            (SelfView("away", Emotion.AWAY), "no face in view"),
            (SelfView("paused", Emotion.FEAR, 0.5), "◊ fear 50 %"),
            (SelfView("unsure", Emotion.UNSURE), "? unsure"),
            (SelfView("ok", Emotion.FEAR, 0.5), "◊ fear 50 %"),
        ):
            session.view = view(me=me)
            await shown(pilot, words)


async def test_a_failed_engine_and_a_notice_are_said():
    failed = EngineStatus("zoo", EngineState.FAILED, "torch is not installed")
    app, session = app_with(view(engine=failed))
    async with app.run_test(size=WIDE) as pilot:
        await shown(pilot, "✕ engine not there")
        await shown(pilot, "torch is not installed")
        session.view = view(notice="A local broker was started.")
        await shown(pilot, "A local broker was started.")


async def test_a_text_that_is_too_long_is_cut_at_its_end_alone():
    detail = "It gives the same picture for ever. Open its shutter, plug it in again, or go."
    frozen = CameraStatus(CameraState.FROZEN, "camera 0", detail)
    app, _ = app_with(view(camera=frozen))
    async with app.run_test(size=(60, 15)) as pilot:
        await shown(pilot, f"✕ {detail[:55]}")


@pytest.mark.parametrize("size", [WIDE, (80, 24), (60, 15), (40, 12)])
async def test_an_untrained_network_is_said_for_as_long_as_it_runs(size: tuple[int, int]):
    engine = EngineStatus("former_dfer", EngineState.READY, "mediapipe · float32 on cpu", False)
    unsure = SelfView("unsure", Emotion.UNSURE, 0.16)
    app, session = app_with(view(engine=engine, me=unsure))
    async with app.run_test(size=size) as pilot:
        await shown(pilot, "the engine is untrained: it guesses")
        session.view = view(engine=engine, me=unsure, notice="A local broker was started.")
        await pilot.pause(0.3)
        await shown(pilot, "the engine is untrained: it guesses")


async def test_an_engine_that_loads_is_getting_ready_and_named_in_the_details():
    loading = EngineStatus("auto", EngineState.LOADING, "mae_dfer_mmnet_add: warming up")
    app, session = app_with(view(engine=loading, me=SelfView()))
    async with app.run_test(size=(120, 90)) as pilot:
        await shown(pilot, "◌ getting ready")
        await shown(pilot, f"· {GETTING_READY[0]}")
        await pilot.press("question_mark")
        await shown(pilot, "auto loading · mae_dfer_mmnet_add: warming up")
        session.view = view(engine=EngineStatus("c3d", EngineState.READY, "mediapipe · cpu"))
        await shown(pilot, "c3d ready · mediapipe · cpu")
        text = drawn(app)
        for part in ("mesh", "mqtt://localhost:1883", "24 ms a clip · face 14, network 10"):
            assert part in text, part


async def test_an_empty_room():
    app, _ = app_with(view(room=EMPTY_ROOM, me=SelfView()))
    async with app.run_test(size=WIDE) as pilot:
        await shown(pilot, "Nobody is here yet.")
        await shown(pilot, "0 viewers")


async def test_a_room_of_rumours_is_not_called_empty():
    rumoured = replace(EMPTY_ROOM, confirming=6)
    app, _ = app_with(view(room=rumoured, me=SelfView()))
    async with app.run_test(size=WIDE) as pilot:
        await shown(pilot, "confirming 6 …")
        assert "Nobody is here yet." not in drawn(app)


HOSTILE = [
    "[red]x[/]",
    "\x1b[31mred\x1b[0m",
    "a\nb",
    "\u202eabc",
    "[@click=app.quit]q",
    "日本" * 20,
]


@pytest.mark.parametrize("size", [WIDE, (60, 15)])
async def test_hostile_names_are_only_text(size: tuple[int, int]):
    app, session = app_with(view())
    async with app.run_test(size=size) as pilot:
        for sure, name in enumerate(HOSTILE, start=20):
            row = ViewerRow("evil0001", name, Emotion.ANGER, sure, False, False, False)
            session.view = view(
                channel=name,
                broker_url=name,
                notice=name,
                nickname=name,
                room=snapshot([row]),
                engine=EngineStatus("static", detail=name),
            )
            await shown(pilot, f"{sure}%")
            text = drawn(app)
            strips = app.screen._compositor.render_strips()
            assert {strip.cell_length for strip in strips} == {size[0]}
            assert all(char.isprintable() or char == "\n" for char in text)
            assert not name.startswith("[") or name[:5] in text


async def test_a_thousand_viewers_draw_only_what_is_in_view(monkeypatch: pytest.MonkeyPatch):
    asked = []
    real = Roster.row_at
    monkeypatch.setattr(Roster, "row_at", lambda self, i: asked.append(i) or real(self, i))
    app, session = app_with(view(1000))
    async with app.run_test(size=WIDE) as pilot:
        await shown(pilot, "1000 viewers")
        asked.clear()
        session.live(5.0)
        await pilot.pause(0.4)
        assert 0 < len(asked) < 200
        await pilot.press("end")
        await pilot.pause(0.4)
        roster = app.screen.query_one(Roster)
        assert roster.scroll_offset.y == 1000 - roster.size.height
        last = session.view.room.rows[-1]
        await shown(pilot, last.nickname or last.viewer_id[:4])


async def test_the_list_follows_a_room_that_shrinks():
    app, session = app_with(view(200))
    async with app.run_test(size=(80, 24)) as pilot:
        await shown(pilot, "200 viewers")
        await pilot.press("end")
        session.view = view(3)
        await shown(pilot, "3 viewers")
        await shown(pilot, "lucky-heron")
        session.view = view(room=EMPTY_ROOM)
        await shown(pilot, "Nobody is here yet.")


async def test_a_room_too_large_to_list_says_so_and_comes_back():
    app, session = app_with(view(2))
    large = replace(room(1), viewers=512, counts=(400, 0, 100, 0, 0, 0, 0), away=12, is_total=True)
    async with app.run_test(size=WIDE) as pilot:
        await shown(pilot, " 2 here")
        session.view = view(room=large)
        await shown(pilot, "512 here")
        await shown(pilot, "Single viewers are not listed")
        text = drawn(app)
        assert "in a room this large." in text and "lucky-heron" in text
        assert "512 viewers" in text
        session.view = view(2)
        await shown(pilot, " 2 here")
        assert "not listed" not in drawn(app) and "this large" not in drawn(app)


async def test_a_room_that_keeps_its_counts_back_says_why_and_lists_nobody():
    app, session = app_with(view(3))
    kept = replace(room(1), viewers=3, counts=(0,) * 7, least=5, missing=2)
    async with app.run_test(size=WIDE) as pilot:
        await shown(pilot, " 3 here")
        session.view = view(room=kept)
        await shown(pilot, "once 2 more viewers are here")
        text = drawn(app)
        assert "by the host's rule." in text and "3 viewers" in text
        assert "away" not in text and "0 %" not in text.partition("last five minutes")[0]
        session.view = view(room=replace(kept, missing=0, is_blind=True))
        await shown(pilot, "once you have reacted")
        session.view = view(room=replace(kept, viewers=7, counts=(6, *[0] * 6), missing=0))
        await shown(pilot, "in steps of 3")
        assert "6 100 %" in drawn(app)


async def test_where_totals_alone_may_be_read_the_screen_says_so_and_when_none_come():
    app, session = app_with(view(3))
    limited = replace(room(1), viewers=6, is_total=True, reads_totals=True)
    async with app.run_test(size=WIDE) as pilot:
        await shown(pilot, " 3 here")
        session.view = view(room=limited)
        await shown(pilot, "as totals alone may be read.")
        session.view = view(room=replace(limited, is_counting=True, is_uncounted=True))
        await shown(pilot, "no program counts them now")
        assert "counting" not in drawn(app) and "nobody counts now" in drawn(app)


async def test_only_changed_lines_are_drawn_again(monkeypatch: pytest.MonkeyPatch):
    app, session = app_with(view(20))
    async with app.run_test(size=WIDE) as pilot:
        await shown(pilot, "20 viewers")
        lines: list[int] = []
        monkeypatch.setattr(Roster, "refresh_line", lambda self, y: lines.append(y))
        rows = list(session.view.room.rows)
        rows[3] = replace(rows[3], code=Emotion.DISGUST, confidence=77)
        session.view = replace(session.view, room=replace(session.view.room, rows=tuple(rows)))
        while not lines:
            await pilot.pause(0.02)
        own = app.screen.query_one(Roster)._own or 0
        assert lines == [4 if own > 3 else 3]


async def test_a_hidden_room_stops_drawing():
    app, session = app_with(view())
    async with app.run_test(size=WIDE) as pilot:
        await shown(pilot, "24 viewers")
        live = app.screen
        await pilot.press("question_mark")
        await pilot.pause(0.1)
        assert isinstance(app.screen, HelpScreen) and isinstance(live, LiveScreen)
        ticks = live._ticks
        await pilot.pause(0.6)
        assert live._ticks == ticks
        session.view = view(5)
        await pilot.press("escape")
        await shown(pilot, "5 viewers")


SIZES = [(20, 5), (40, 12), (1, 1), (200, 60), (60, 15), (5, 40), (160, 6), (40, 40), (80, 24)]


async def test_a_storm_of_resizes_leaves_a_whole_screen():
    app, session = app_with(view(100))
    async with app.run_test(size=WIDE) as pilot:
        await pilot.press("p")
        for index, size in enumerate([*SIZES, *reversed(SIZES)]):
            await pilot.resize_terminal(*size)
            session.live(index * 3.0)
            await pilot.pause(0.02)
            strips = app.screen._compositor.render_strips()
            assert {strip.cell_length for strip in strips} == {size[0]}
        await pilot.resize_terminal(*WIDE)
        await shown(pilot, "100 viewers")
        await shown(pilot, "5 min ago")


@pytest.mark.parametrize("value", ["1", ""])
async def test_no_color_draws_the_same_words(value: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("NO_COLOR", value)
    app, _ = app_with(view())
    async with app.run_test(size=WIDE) as pilot:
        assert app.no_color == bool(value)
        await pilot.press("p")
        await shown(pilot, "▸")
        await pilot.press("question_mark", "end")
        await shown(pilot, "Signs")
        await pilot.press("escape", "ctrl+p")
        await shown(pilot, "Camera off or on")


@pytest.mark.parametrize("size", [WIDE, (80, 24), (60, 15), (40, 12)])
async def test_the_help_lists_all_keys_and_says_how_to_leave_it(size: tuple[int, int]):
    app, _ = app_with(view())
    async with app.run_test(size=size) as pilot:
        await pilot.press("question_mark")
        await shown(pilot, "esc closes")
        listed = " ".join(str(each.render()) for each in app.screen.query(Static))
        for action in LIVE:
            if not action.needs:
                assert tr(action.title) in listed, action.title
        await pilot.press("end")
        await shown(pilot, "your id")
        assert "esc closes" in drawn(app)


@pytest.mark.parametrize("theme", ["textual-light", "ansi-dark"])
async def test_other_themes_work(theme: str):
    app, _ = app_with(view())
    async with app.run_test(size=WIDE) as pilot:
        await shown(pilot, "24 viewers")
        app.theme = theme
        await pilot.pause(0.1)
        assert "24 viewers" in drawn(app) and "lucky-heron" in drawn(app)


async def test_the_room_moves_on_screen():
    app, session = app_with(view(50))
    async with app.run_test(size=WIDE) as pilot:
        await shown(pilot, "50 viewers")
        session.view = replace(session.view, room=room(51, 40.0))
        await shown(pilot, "51 viewers")


async def test_a_change_in_the_room_shows_before_the_next_tick(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("resonance_tui.tui.screens.live.TICK_S", 3600)
    app, session = app_with(view(5))
    async with app.run_test(size=WIDE) as pilot:
        await shown(pilot, "5 here")
        session.view = replace(session.view, room=room(9))
        for listener in session.listeners:
            listener(object())
        await shown(pilot, "9 here")
