"""Pictures to share: text stays text, gaps stay gaps, the same recording gives the same bytes."""

from __future__ import annotations

import hashlib
import os
import re
import struct
import sys
from dataclasses import replace
from datetime import UTC
from pathlib import Path
from xml.etree import ElementTree
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from children import run_child
from recordings import from_samples

from resonance_tui.charting.chart import ChartRequest
from resonance_tui.charting.image import draw_request, render, save_picture
from resonance_tui.charting.view_state import Viewport, ViewState
from resonance_tui.charting.views import VIEWS, ViewSpec
from resonance_tui.emotions import Emotion
from resonance_tui.errors import InputError
from resonance_tui.history.loading import Request
from resonance_tui.history.moments import Moment
from resonance_tui.history.recording import Recorded, with_scores
from resonance_tui.history.samples import Sample
from resonance_tui.history.store import Store

EVENING = 1_795_371_000  # Sun 22 Nov 2026, 18:10:00 UTC
BERLIN = ZoneInfo("Europe/Berlin")


def rows(gap: range = range(0)) -> list[Sample]:
    return [
        Sample("lobby", EVENING + t, 30, (9, 0, 18 - t // 60 % 3, 1, t // 60 % 3, 1, 1), 0, 0)
        for t in range(900)
        if t not in gap
    ]


def subject(channel: str = "lobby", gap: range = range(0), **look: object) -> ChartRequest:
    recorded = with_scores(Recorded(from_samples(rows(gap)), np.eye(7) * 90 + 2))
    window = Viewport.over(recorded.track.start, recorded.track.end)
    moment = Moment(EVENING + 300, 0.5, Emotion.SURPRISE, 0.1, 0.5)
    return ChartRequest(channel, recorded, ViewState(window, **look), (moment,), BERLIN)  # pyright: ignore


def texts(svg: bytes) -> list[str]:
    tree = ElementTree.fromstring(svg)
    return ["".join(e.itertext()) for e in tree.iter("{http://www.w3.org/2000/svg}text")]


def test_all_words_are_text() -> None:
    said = texts(render(subject(), "svg"))
    title = "lobby · Sun 22 Nov 19:10 – 19:24 · 15 min · peak 30 viewers"
    assert title in said
    assert "local time, UTC+01:00" in said
    assert "viewers per emotion" in said
    assert {"H  happiness", "U  surprise", "F  fear"} <= set(said)
    assert said.count("U") == 2  # at the highest point, and at the moment
    assert {"19:10", "19:12", "19:24"} <= set(said)


@pytest.mark.parametrize("channel", ["</text><script>x</script>", "a & b", "$x^2$", "\\alpha_1"])
def test_a_name_is_never_markup(channel: str) -> None:
    (title,) = (said for said in texts(render(subject(channel), "svg")) if "peak" in said)
    assert title.startswith(f"{channel} · ")


@pytest.mark.parametrize("view", VIEWS.values(), ids=VIEWS)
@pytest.mark.parametrize("is_grouped", [False, True])
def test_every_view_is_labelled(view: ViewSpec, is_grouped: bool) -> None:
    said = texts(render(subject(view=view, is_grouped=is_grouped), "svg"))
    assert view.title in said
    assert ("G  negative" in said) == (is_grouped and view.is_of_emotions)


def test_corrected_is_said_twice() -> None:
    said = texts(render(subject(is_corrected=True), "svg"))
    assert "corrected viewers per emotion" in said
    assert any("corrected for the engine's mistakes, 95 % bands" in words for words in said)


def test_a_gap_parts_the_lines() -> None:
    def pieces(svg: bytes) -> int:
        return len(re.findall(rb"<path [^>]*stroke: #b8b8b8; stroke-width: 1\.4", svg))

    whole, parted = (render(subject(gap=gap), "svg") for gap in (range(0), range(300, 420)))
    assert pieces(parted) == pieces(whole) + 1


def test_the_same_bytes_every_time() -> None:
    code = (
        "import hashlib, sys\n"
        "from tests.unit.test_picture import subject, render\n"
        "for format in ('svg', 'png'):\n"
        "    print(hashlib.sha256(render(subject(), format)).hexdigest())\n"
    )
    path = str(Path(__file__).parents[1])
    env = os.environ | {"PYTHONHASHSEED": "7", "TZ": "Asia/Tokyo", "PYTHONPATH": path}
    other = run_child(
        [sys.executable, "-c", code], env=env, capture_output=True, text=True, check=True
    )
    here = [hashlib.sha256(render(subject(), format)).hexdigest() for format in ("svg", "png")]
    assert other.stdout.split() == here


def test_a_png_has_the_size_that_was_asked_for() -> None:
    for size in ((300, 300), (640, 360), (1921, 777)):
        data = render(subject(), "png", size)
        assert data.startswith(b"\x89PNG\r\n")
        assert struct.unpack(">II", data[16:24]) == size


def test_what_cannot_be_drawn() -> None:
    with pytest.raises(InputError, match="gif"):
        render(subject(), "gif")
    for size in ((10, 1080), (1920, 90_000)):
        with pytest.raises(InputError, match="8000"):
            render(subject(), "png", size)


def test_saved_beside_those_that_are_there(tmp_path: Path) -> None:
    first, second = (save_picture(subject(), tmp_path) for _ in range(2))
    assert first.name == "lobby-20261122-191000-emotions.png"
    assert second.name == "lobby-20261122-191000-emotions-2.png"
    assert first.read_bytes() == second.read_bytes()


@pytest.fixture
def request_(tmp_path: Path) -> Request:
    with Store(tmp_path / "history.sqlite") as store:
        store.append(rows())
    return Request(tmp_path / "history.sqlite", "lobby", zone=UTC)


def test_what_the_command_line_asks_for(request_: Request) -> None:
    shares = draw_request(request_, "svg", view=VIEWS["shares"], is_grouped=True)
    assert {"% of the room", "G  negative"} <= set(texts(shares))
    small = draw_request(request_, "png", size=(400, 300))
    assert struct.unpack(">II", small[16:24]) == (400, 300)


def test_nothing_to_draw(request_: Request) -> None:
    empty = Request(request_.db_path, "lobby", start=1, end=2)
    with pytest.raises(InputError, match="Nothing was recorded"):
        draw_request(empty, "svg")


def test_a_picture_without_a_line_says_why() -> None:
    few = subject(view=VIEWS["emotions"], is_corrected=True)
    alone = replace(few.recorded, track=from_samples([Sample("lobby", EVENING, 0, (0,) * 7, 0, 0)]))
    said = texts(render(replace(few, recorded=alone, moments=()), "svg"))
    assert "fewer than 50 viewers: too few to correct" in said
