"""The wire inspector: what left and what came, live, paused, filtered; nothing secret."""

from __future__ import annotations

import time

import msgpack
import pytest

from resonance_tui.messaging.tap import Caught, scrubbed
from resonance_tui.protocol.packets import PINGREQ, connect_packet, publish
from resonance_tui.tui.app import ResonanceApp

from .fakes import FakeLaunch
from .test_live import WIDE, drawn, shown

PLACE = "mqtt://broker.example:1883"


def report(viewer: str, code: int) -> bytes:
    payload = msgpack.packb([1, 1000, 5, code, 83, 0])
    return publish(5, f"resonance/1/cats/r/7/{viewer}", payload, is_retained=False)


def passes(app: ResonanceApp, packet: bytes, *, is_sent: bool) -> None:
    clean = scrubbed(packet, True)
    app.launch.wire(Caught(time.time(), is_sent, PLACE, 1, True, clean, len(packet)))


@pytest.mark.parametrize("size", [WIDE, (60, 15)])
async def test_w_shows_what_leaves_and_what_comes_in_words(size: tuple[int, int]) -> None:
    app = ResonanceApp(FakeLaunch())
    async with app.run_test(size=size) as pilot:
        await shown(pilot, "movie-night")
        login = {"username": "mia", "password": "correct horse"}
        passes(app, connect_packet(5, "rsn-x", keepalive_s=8, **login), is_sent=True)
        await pilot.press("w")
        await shown(pilot, "CONNECT")
        passes(app, report("alice", 0), is_sent=True)
        passes(app, report("bob", 1), is_sent=False)
        await shown(pilot, "bob")
        text = drawn(app)
        assert "correct horse" not in text and "mia" not in text
        assert "→" in text and "←" in text and "code=happiness" in text and PLACE[:7] in text
        assert "/r/7/alice" in text and "left 2 packets" in text
        await pilot.press("escape")
        await shown(pilot, "movie-night")


async def test_paused_it_stands_still_and_looks_back() -> None:
    app = ResonanceApp(FakeLaunch())
    async with app.run_test(size=(60, 15)) as pilot:
        await shown(pilot, "movie-night")
        for number in range(30):
            passes(app, report(f"viewer{number}", 0), is_sent=False)
        await pilot.press("w")
        await shown(pilot, "viewer29")
        assert "viewer0\n" not in drawn(app)
        await pilot.press("pageup", "pageup", "pageup")
        await shown(pilot, "paused")
        passes(app, report("late", 0), is_sent=False)
        await shown(pilot, "viewer0")
        assert "late" not in drawn(app)
        await pilot.press("space")
        await shown(pilot, "late")


async def test_the_filter_goes_round() -> None:
    app = ResonanceApp(FakeLaunch())
    async with app.run_test(size=WIDE) as pilot:
        await shown(pilot, "movie-night")
        passes(app, PINGREQ, is_sent=True)
        passes(app, report("bob", 1), is_sent=False)
        await pilot.press("w", "f")
        await shown(pilot, "what left")
        assert "PINGREQ" in drawn(app) and "bob" not in drawn(app)
        await pilot.press("f")
        await shown(pilot, "what came")
        assert "PINGREQ" not in drawn(app) and "bob" in drawn(app)
        await pilot.press("f")
        await shown(pilot, "messages alone")
        assert "PINGREQ" not in drawn(app) and "bob" in drawn(app)
        await pilot.press("f")
        await shown(pilot, "everything")
