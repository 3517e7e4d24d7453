"""The main job on real faces: a film through `join` against a real broker, a second process
watching the room."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from itertools import groupby
from pathlib import Path
from typing import Any

import pytest
from children import run_child, start_child
from limits import patience

pytestmark = [pytest.mark.mosquitto, pytest.mark.faces, pytest.mark.timeout(90)]

JOIN = [sys.executable, "-m", "resonance_tui", "join", "films", "--headless", "--json"]


@pytest.fixture
def environment(shared_data: Path) -> dict[str, str]:
    return os.environ | {"RESONANCE_FACE_MODEL": str(shared_data / "face_landmarker.task")}


def watch_film(film: Path, url: str, environment: dict[str, str]) -> tuple[list, list]:
    """Events of the one whose camera is the film, and of the one who watches the room."""
    watcher = start_child(
        [*JOIN, "--camera", "none", "--broker", url],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment,
        text=True,
    )
    try:
        actor = run_child(
            [*JOIN, "--camera", str(film), "--once", "--broker", url],
            capture_output=True,
            env=environment,
            text=True,
            timeout=60,
        )
    finally:
        watcher.terminate()
        seen, problems = watcher.communicate(timeout=patience(10))
    assert actor.returncode == 0, actor.stderr
    assert watcher.returncode == 130, problems
    return events(actor.stdout), events(seen)


def events(lines: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in lines.splitlines()]


def feelings(told: list[dict[str, Any]]) -> list[str]:
    """The film's emotions in order, repeats and undecided moments left out."""
    read = [e["emotion"] for e in told if e["type"] == "self" and e["emotion"]]
    return [emotion for emotion, _ in groupby(read)]


def counted(told: list[dict[str, Any]], emotion: str) -> int:
    return max(e["counts"][emotion] for e in told if e["type"] == "room")


def test_neutral_then_a_broad_smile(
    shared_data: Path, mosquitto, environment: dict[str, str]
) -> None:
    told, seen = watch_film(shared_data / "clips/single_face.mp4", mosquitto.url, environment)
    assert feelings(told)[:2] == ["neutral", "happiness"]
    assert counted(seen, "happiness") == 1  # a busy machine is in the room after the neutral second
    readings = [e for e in told if e["type"] == "self" and e["probabilities"]]
    assert all(sum(e["probabilities"]) == pytest.approx(1, abs=1e-3) for e in readings)
    assert {"capture", "face", "network", "total"} <= set(readings[-1]["latency_ms"])


def test_sorrow_then_fright_then_joy(
    shared_data: Path, mosquitto, environment: dict[str, str]
) -> None:
    film = shared_data / "clips/WolfgangLanger_Pexels.mp4"
    told, seen = watch_film(film, mosquitto.url, environment)
    order = feelings(told)
    assert order[-1] == "happiness"
    assert "sadness" in order
    assert {"surprise", "fear"} & set(order[order.index("sadness") :])
    assert counted(seen, "sadness") == counted(seen, "happiness") == 1
    last = [e for e in told if e["type"] == "self" and e["emotion"]][-10:]
    assert all(e["emotion"] == "happiness" and e["confidence"] > 0.8 for e in last)


def test_nobody_in_view_is_away_and_counts_as_no_emotion(
    shared_data: Path, mosquitto, environment: dict[str, str]
) -> None:
    told, seen = watch_film(shared_data / "clips/no_face.mp4", mosquitto.url, environment)
    assert {e["state"] for e in told if e["type"] == "self"} == {"away"}
    rooms = [e for e in seen if e["type"] == "room"]
    assert max(e["away"] for e in rooms) == 2  # the film's viewer and the watcher
    assert all(sum(e["counts"].values()) == 0 for e in rooms)
