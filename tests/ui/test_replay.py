"""The replay's screen: a clock that is pressed, two rooms side by side, and the own layer."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC

import pytest
from recordings import from_samples
from textual.pilot import Pilot

from resonance_tui.emotions import Emotion
from resonance_tui.history.layers import Layer, Table, as_table
from resonance_tui.history.replay_clock import ReplayClock
from resonance_tui.history.replayed_room import ReplayedRoom
from resonance_tui.history.samples import Sample
from resonance_tui.pipeline.sources import CameraState, CameraStatus
from resonance_tui.session import SelfView
from resonance_tui.tui.replay_app import ReplayApp
from resonance_tui.tui.screens.consent import ConsentScreen
from resonance_tui.tui.screens.help import HelpScreen
from resonance_tui.tui.screens.replay import Replay, ReplayScreen

from .fakes import view

T0 = 1_795_371_000
LENGTH = 240
SIZES = ((120, 40), (80, 24), (60, 15), (40, 12))
MINE = "0" * 32


def felt(second: int) -> tuple[int, ...]:
    return (9, 0, 2, 0, 1, 0, 0) if 60 <= second < 90 else (2, 0, 9, 0, 1, 0, 0)


def late(number: int, seconds: int = LENGTH) -> Layer:
    """One person who was afraid all the time."""
    table = as_table([T0 + t, 0, 0, 0, 0, 0, 0, 1, 0, 0] for t in range(seconds))
    return Layer(frozenset({f"{number:032x}"}), table)


class FakeViewer:
    """Reads what it is told to read."""

    def __init__(self, reaction: Emotion | None = None) -> None:
        self.reaction = reaction
        self.view = replace(view(0), me=SelfView(), is_recording=False)
        self.said: list[Emotion | None] = []

    def look(self, now: float) -> None: ...

    def say(self, code: Emotion | None, now: float) -> None:
        self.said.append(code)

    def set_camera(self, on: bool) -> None:
        state = CameraState.LIVE if on else CameraState.OFF
        self.view = replace(self.view, camera=CameraStatus(state, "camera 0"))


class FakeKeeper:
    def __init__(self) -> None:
        self.trouble = ""
        self.kept: dict[int, list[int]] = {}

    def add(self, rows: Table) -> None:
        self.kept |= {t - T0: row for t, *row in rows.tolist()}


class Watched:
    """A replay with a clock that is set by hand."""

    def __init__(
        self, *layers: Layer, video: float | None = None, reaction: Emotion | None = None
    ) -> None:
        self.now = 100.0
        self.viewer, self.keeper = FakeViewer(reaction), FakeKeeper()
        live = [
            Sample("cats", T0 + t, 13, felt(t), 1, 0) for t in range(LENGTH) if not 120 <= t < 140
        ]
        begins = T0 if video is None else video
        clock = ReplayClock(min(begins, T0), T0 + LENGTH, begins)
        room = ReplayedRoom(from_samples(live), layers, MINE)
        self.replay = Replay(
            "cats", room, clock, self.viewer, self.keeper, video=video, title="Cats", zone=UTC
        )

    def app(self, **more) -> ReplayApp:
        return ReplayApp(self.replay, now=lambda: self.now, **more)

    async def wait(self, pilot: Pilot, seconds: float) -> str:
        """So many seconds pass, in steps of a quarter; what is drawn then."""
        for _ in range(round(seconds * 4)):
            self.now += 0.25
            screen_of(pilot.app).tick()
        await pilot.pause()
        return drawn(pilot.app)


def screen_of(app) -> ReplayScreen:
    return next(each for each in app.screen_stack if isinstance(each, ReplayScreen))


def drawn(app) -> str:
    width, _ = app.size
    return "\n".join(s.text[:width].rstrip() for s in app.screen._compositor.render_strips())


async def pressed(pilot: Pilot, *keys: str) -> str:
    await pilot.press(*keys)
    await pilot.pause()
    return drawn(pilot.app)


def line_of(text: str, word: str) -> str:
    return next(line for line in text.splitlines() if word in line)


async def test_the_room_runs_again_at_its_pace_with_pause_seek_and_speed() -> None:
    watched = Watched()
    async with watched.app().run_test(size=(100, 30)) as pilot:
        await pilot.pause()
        text = await watched.wait(pilot, 5)
        assert "‖ paused" in text and "0:00:00 of 0:04:00" in text
        assert "Start your video, and press space" in text
        text = await pressed(pilot, "space")
        assert "▶ playing" in text and "Start your video" not in text
        text = await watched.wait(pilot, 5)
        assert "0:00:05" in text and "Sun 22 Nov 18:10:05" in text
        assert "75%" in line_of(text, "neutral")
        await pressed(pilot, "full_stop")
        text = await watched.wait(pilot, 1)
        assert "0:01:06" in text and "75%" in line_of(text, "happiness")
        await pressed(pilot, "plus", "plus")
        text = await watched.wait(pilot, 2)
        assert "0:01:09" in text and "1.5×" in text
        text = await pressed(pilot, "space", "left", "shift+right")
        assert "‖ paused" in text and "0:01:04" in text
        assert "0:01:04" in await watched.wait(pilot, 9)
        assert "0:00:00" in await pressed(pilot, "home")


async def test_it_ends_clean_and_begins_again() -> None:
    watched = Watched(reaction=Emotion.ANGER)
    async with watched.app().run_test(size=(80, 24)) as pilot:
        await pressed(pilot, "space", *["full_stop"] * 3, *["right"] * 11)
        text = await watched.wait(pilot, 9)
        assert "■ over" in text and "0:04:00 of 0:04:00" in text and "Space begins" in text
        kept = dict(watched.keeper.kept)
        await watched.wait(pilot, 3)
        assert watched.keeper.kept == kept and max(kept) == LENGTH - 1
        text = await pressed(pilot, "space")
        assert "▶ playing" in text and "0:00:00" in text
        await pressed(pilot, "q")
    assert pilot.app.return_code == 0


async def test_positions_are_those_of_the_video_where_it_is_known() -> None:
    watched = Watched(video=T0 - 10.0)
    async with watched.app().run_test(size=(80, 24)) as pilot:
        await pilot.pause()
        text = await pressed(pilot, "space")
        assert "0:00:00 of 0:04:10" in text and "The recording begins in 10 s." in text
        assert "13 viewers" in await watched.wait(pilot, 10)
        assert "0:00:00 of" in await pressed(pilot, "home")


async def test_a_video_that_began_later_is_where_it_starts() -> None:
    watched = Watched(video=T0 + 60.0)
    async with watched.app().run_test(size=(80, 24)) as pilot:
        await pilot.pause()
        assert "0:00:00 of 0:03:00" in drawn(pilot.app)
        assert "-0:00:05" in await pressed(pilot, "left")


async def test_live_and_late_counts_stand_apart() -> None:
    watched = Watched(*map(late, range(1, 7)))
    async with watched.app().run_test(size=(80, 24)) as pilot:
        await pilot.pause()
        text = drawn(pilot.app)
        assert "felt live · 13 viewers" in text and "watched later · 6 viewers" in text
        first, second = line_of(text, "◊ fear").split("%")[:2]
        assert first.split()[-2:] == ["0", "0"] and second.split()[-2:] == ["6", "100"]
        assert "6 layers" in text


async def test_fewer_than_five_are_hidden_and_seconds_of_fewer_too() -> None:
    few = Watched(*map(late, range(1, 5)))
    async with few.app().run_test(size=(80, 24)) as pilot:
        await pilot.pause()
        assert "Shown from 5 layers on." in drawn(pilot.app) and "4 layers" in drawn(pilot.app)
    short = Watched(*(late(number, 3) for number in range(1, 6)))
    async with short.app().run_test(size=(80, 24)) as pilot:
        await pilot.pause()
        assert "later · 5 viewers" in drawn(pilot.app)
        text = await pressed(pilot, "right")
        assert "Fewer than 5" in text


async def test_nothing_was_recorded_in_a_hole() -> None:
    watched = Watched()
    async with watched.app().run_test(size=(80, 24)) as pilot:
        text = await pressed(pilot, "full_stop", "full_stop", "right")
        assert "Nothing was recorded here." in text


async def test_what_is_played_becomes_the_own_layer_and_nothing_else_does() -> None:
    watched = Watched(reaction=Emotion.SURPRISE)
    async with watched.app().run_test(size=(80, 24)) as pilot:
        await pilot.pause()
        assert "kept on this machine" in drawn(pilot.app)
        await watched.wait(pilot, 5)
        assert watched.keeper.kept == {}  # it stands
        await pressed(pilot, "space")
        await watched.wait(pilot, 2.5)
        await pressed(pilot, "full_stop")
        await watched.wait(pilot, 1)
        assert sorted(watched.keeper.kept) == [0, 1, 2, 62, 63]
        assert watched.keeper.kept[62] == [0, 0, 0, 0, 1, 0, 0, 0, 0]
        watched.viewer.reaction = None
        text = await watched.wait(pilot, 5)
        assert "nothing of you is kept" in text and len(watched.keeper.kept) == 5
        watched.viewer.reaction = Emotion.AWAY
        watched.now += 60  # the program was stopped
        await watched.wait(pilot, 0.25)
        assert sorted(watched.keeper.kept)[5:] == [128]


async def test_keys_speak_and_switch_the_camera() -> None:
    watched = Watched()
    async with watched.app().run_test(size=(80, 24)) as pilot:
        await pressed(pilot, "1", "0")
        assert watched.viewer.said == [Emotion.HAPPINESS, None]
        assert "○ camera off" in await pressed(pilot, "c")
        assert "● camera on" in await pressed(pilot, "c")
        await pressed(pilot, "question_mark")
        assert isinstance(pilot.app.screen, HelpScreen)


async def test_a_layer_that_cannot_be_stored_is_said() -> None:
    watched = Watched()
    watched.keeper.trouble = "The history cannot grow: the disk is full."
    async with watched.app().run_test(size=(100, 30)) as pilot:
        await pressed(pilot, "space")
        assert "Your layer waits: The history cannot grow" in await watched.wait(pilot, 1)


@pytest.mark.parametrize("yes", [True, False])
async def test_consent_comes_before_the_face_is_read(yes: bool) -> None:
    watched, agreed = Watched(), list[bool]()
    app = watched.app(asks=True, on_agreed=lambda: agreed.append(True))
    async with app.run_test(size=(80, 40)) as pilot:
        await pilot.pause()
        assert isinstance(app.screen, ConsentScreen) and agreed == []
        text = drawn(app)
        assert "In this replay" in text and "Nothing is sent." in text and "What is sent" in text
        await pressed(pilot, "y" if yes else "n")
        assert agreed == [True] * yes and app.has_declined is not yes
        if yes:
            assert isinstance(app.screen, ReplayScreen)


@pytest.mark.parametrize("size", SIZES)
async def test_every_size_shows_both_rooms_the_own_state_and_how_to_leave(
    size: tuple[int, int],
) -> None:
    watched = Watched(*map(late, range(1, 7)))
    async with watched.app().run_test(size=size) as pilot:
        await pressed(pilot, "space")
        text = await watched.wait(pilot, 1)
        for words in ("live", "later", "☺ happiness", "◊ fear", "0:00:01", "q quit", "space play"):
            assert words in text, words
        assert "no face in view" in text
