"""Pictures of every screen at the sizes people use; look at the report before taking new ones."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from textual.pilot import Pilot
from textual.widgets import Input

from resonance_tui.emotions import Emotion
from resonance_tui.errors import BrokerRefused
from resonance_tui.pipeline.sources import CameraState, CameraStatus
from resonance_tui.session import EngineState, EngineStatus, SelfView
from resonance_tui.tui.app import ResonanceApp
from resonance_tui.tui.join_context import ListedRoom

from .fakes import FakeLaunch, FakeSession, view

LARGE, USUAL, SMALL, SMALLEST = (120, 40), (80, 24), (60, 15), (40, 12)
ALL_SIZES = [LARGE, USUAL, SMALL, SMALLEST]


async def settled(pilot: Pilot) -> None:
    for field in pilot.app.screen.query(Input):
        field.cursor_blink = False
    await pilot.pause(0.1)


@pytest.mark.parametrize("size", ALL_SIZES)
def test_live(snap_compare, size: tuple[int, int]):
    assert snap_compare(ResonanceApp(FakeLaunch()), terminal_size=size, run_before=settled)


@pytest.mark.parametrize("size", ALL_SIZES)
def test_corrected(snap_compare, size: tuple[int, int]):
    app = ResonanceApp(FakeLaunch(FakeSession(view(80))))
    assert snap_compare(app, press=["r"], terminal_size=size, run_before=settled)


def test_preview(snap_compare):
    async def previewing(pilot: Pilot) -> None:
        await pilot.press("p")
        await pilot.pause(0.5)

    assert snap_compare(ResonanceApp(FakeLaunch()), terminal_size=LARGE, run_before=previewing)


def test_trouble(snap_compare):
    bad = view(
        camera=CameraStatus(CameraState.BUSY, "0"),
        is_sharing=False,
    )
    app = ResonanceApp(FakeLaunch(FakeSession(bad)))
    assert snap_compare(app, terminal_size=USUAL, run_before=settled)


@pytest.mark.parametrize("size", [LARGE, USUAL, SMALL])
@pytest.mark.parametrize("unknown", [{"confirming": 17}, {"is_counting": True}])
def test_not_known_yet(snap_compare, unknown: dict[str, Any], size: tuple[int, int]):
    seen = view(6)
    seen = replace(seen, room=replace(seen.room, **unknown))
    app = ResonanceApp(FakeLaunch(FakeSession(seen)))
    assert snap_compare(app, terminal_size=size, run_before=settled)


def test_untrained(snap_compare):
    engine = EngineStatus("former_dfer", EngineState.READY, "mediapipe · float32 on cpu", False)
    unsure = SelfView("unsure", Emotion.UNSURE, 0.16, (0.16, *(0.14,) * 6), {"total": 612.0})
    app = ResonanceApp(FakeLaunch(FakeSession(view(engine=engine, me=unsure))))
    assert snap_compare(app, terminal_size=LARGE, run_before=settled)


@pytest.mark.parametrize("size", [USUAL, SMALLEST])
def test_consent(snap_compare, size: tuple[int, int]):
    app = ResonanceApp(FakeLaunch(needs_consent=True))
    assert snap_compare(app, terminal_size=size, run_before=settled)


@pytest.mark.parametrize("size", [USUAL, SMALLEST])
def test_consent_for_everybody_in_view(snap_compare, size: tuple[int, int]):
    app = ResonanceApp(FakeLaunch(needs_consent=True, reads_all=True))
    assert snap_compare(app, terminal_size=size, run_before=settled)


@pytest.mark.parametrize("size", [LARGE, USUAL])
def test_two_faces_in_view(snap_compare, size: tuple[int, int]):
    app = ResonanceApp(FakeLaunch(FakeSession(view(faces=2))))
    assert snap_compare(app, terminal_size=size, run_before=settled)


@pytest.mark.parametrize("size", [USUAL, SMALLEST])
def test_setup(snap_compare, size: tuple[int, int]):
    found = [ListedRoom("movie-night", 24), ListedRoom("music", 1)]
    app = ResonanceApp(FakeLaunch(channel=None, found=found))
    assert snap_compare(app, terminal_size=size, run_before=settled)


@pytest.mark.parametrize("size", [LARGE, SMALL])
def test_help(snap_compare, size: tuple[int, int]):
    app = ResonanceApp(FakeLaunch())
    assert snap_compare(app, press=["question_mark"], terminal_size=size, run_before=settled)


def test_problem(snap_compare):
    refused = BrokerRefused("The broker refused us.", "Check the user name and the password.")
    app = ResonanceApp(FakeLaunch(FakeSession(view(), failure=refused)))
    assert snap_compare(app, terminal_size=USUAL, run_before=settled)
