"""The whole program with a real network of the zoo."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from children import run_child, start_child
from limits import patience
from tiny_network import NAME, imported

JOIN = [sys.executable, "-m", "resonance_tui", "join", "films", "--headless", "--json"]


def join(*args: str, data_dir: Path) -> tuple[list[dict], str]:
    done = run_child(
        [*JOIN, *args],
        capture_output=True,
        text=True,
        timeout=80,
        env=os.environ | {"RESONANCE_DATA_DIR": str(data_dir)},
    )
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()], done.stderr


def join_until(
    is_enough: Callable[[dict], bool], *args: str, data_dir: Path
) -> tuple[list[dict], str]:
    """The same, ended by Ctrl-C at the second view of the room after the event one waits for."""
    viewer = start_child(
        [*JOIN, *args],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"RESONANCE_DATA_DIR": str(data_dir)},
    )
    try:
        assert viewer.stdout is not None
        told = [json.loads(viewer.stdout.readline())]
        while not is_enough(told[-1]):
            told.append(json.loads(viewer.stdout.readline()))
        enough = len(told)
        while sum(event["type"] == "room" for event in told[enough:]) < 2:
            told.append(json.loads(viewer.stdout.readline()))
        viewer.send_signal(signal.SIGINT)
        rest, said = viewer.communicate(timeout=patience(20))
    finally:
        viewer.kill()
        viewer.communicate()
    assert viewer.returncode == 130, said
    return told + [json.loads(line) for line in rest.splitlines()], said


@pytest.mark.mosquitto
@pytest.mark.faces
@pytest.mark.timeout(90)
def test_a_film_is_read_by_a_network_of_the_zoo(
    shared_data: Path, tmp_path: Path, mosquitto, face_model: None
) -> None:
    imported(tmp_path)
    film = str(shared_data / "clips/single_face.mp4")
    told, said = join(
        *("--camera", film, "--once", "--engine", NAME, "--device", "cpu"),
        *("--broker", mosquitto.url),
        data_dir=tmp_path,
    )
    readings = [e for e in told if e["type"] == "self" and e["latency_ms"]]
    assert len(readings) >= 5
    assert all(sum(e["probabilities"]) == pytest.approx(1, abs=1e-3) for e in readings)
    assert {"capture", "face", "network", "smoothing", "total"} == set(readings[-1]["latency_ms"])
    assert any(e["emotion"] for e in readings)
    assert not any("untrained" in e for e in told)
    assert f"engine {NAME}: ready" in said and "on cpu" in said


@pytest.mark.mosquitto
@pytest.mark.timeout(90)
def test_an_untrained_network_is_said_and_the_room_hears_unsure(
    tmp_path: Path, mosquitto, face_model: None
) -> None:
    told, said = join_until(
        lambda event: event["type"] == "room" and event["unsure"] == 1,
        *("--camera", "demo", "--engine", "former_dfer", "--allow-untrained"),
        *("--broker", mosquitto.url, "--duration", "30"),
        data_dir=tmp_path,
    )
    own = [e for e in told if e["type"] == "self" and e["latency_ms"]]
    assert own and all(e["untrained"] and e["state"] == "unsure" for e in own)
    assert all(e["emotion"] is None for e in own)
    rooms = [e for e in told if e["type"] == "room"]
    assert rooms[-1]["unsure"] == 1
    assert all(sum(e["counts"].values()) == 0 for e in rooms)
    assert said.count("former_dfer is untrained") == 1


@pytest.mark.mosquitto
@pytest.mark.timeout(90)
def test_ctrl_c_ends_the_program_at_once_whatever_the_network_does(
    tmp_path: Path, mosquitto, face_model: None
) -> None:
    code = (
        "import sys, torch\n"
        "from resonance_tui import cli\n"
        "from resonance_tui.engines import registry\n"
        "def hang(*_):\n"
        "    torch.set_num_threads(1)  # half a minute of work, however many cores there are\n"
        "    one = torch.ones(12_000, 12_000)\n"
        "    print('hangs', flush=True); torch.mm(one, one); print('done', flush=True)\n"
        "registry.create = hang\n"
        "sys.argv[1:] = ['join', 'x', '--camera', 'demo', '--headless',\n"
        f"                '--broker', {mosquitto.url!r}]\n"
        "cli.main()"
    )
    child = start_child(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert child.stdout is not None
    while "hangs" not in child.stdout.readline():
        assert child.poll() is None
    left_at = time.monotonic()
    child.send_signal(2)
    after, said = child.communicate(timeout=patience(60))
    assert "done" not in after  # it ended while C++ was computing in a thread
    assert child.returncode == 130
    # A farewell to the broker may take three seconds; another program may have the cores.
    assert time.monotonic() - left_at < patience(15)
    assert " s in x: " in said and "Traceback" not in said
