"""Every script starts, teaches by --help and is typed; those that measure do so on small data."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Callable
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import pytest
from children import run_child
from machine import MOSQUITTO

ROOT = Path(__file__).resolve().parents[2]
SCRIPTS = ROOT / "scripts"
COMMANDS = sorted(
    path.name for path in SCRIPTS.iterdir() if path.is_file() and os.access(path, os.X_OK)
)
Run = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Start a script as a person does, from a folder of theirs."""
    monkeypatch.setenv("PATH", str(Path(sys.executable).parent), prepend=os.pathsep)

    def started(name: str, *arguments: object) -> subprocess.CompletedProcess[str]:
        command = [str(SCRIPTS / name), *map(str, arguments)]
        done = run_child(
            command, cwd=tmp_path, capture_output=True, text=True, timeout=200, check=False
        )
        if "these packages are missing" in done.stderr:
            pytest.skip(done.stderr.splitlines()[0])
        return done

    return started


def measured(run: Run, name: str, *arguments: object) -> Any:
    done = run(name, *arguments, "--json")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.timeout(200)
@pytest.mark.parametrize("name", COMMANDS)
def test_help_teaches_by_example_and_starts_nothing(run: Run, name: str) -> None:
    done = run(name, "--help")
    assert (done.returncode, done.stderr) == (0, "")
    assert f"scripts/{name}" in done.stdout


@pytest.mark.parametrize("name", ["check", "demo", "fast", "test"])
def test_help_is_found_behind_other_arguments(run: Run, name: str) -> None:
    done = run(name, "tests/unit", "--help")
    assert (done.returncode, done.stderr) == (0, "")
    assert f"scripts/{name}" in done.stdout


def test_check_takes_no_argument(run: Run) -> None:
    done = run("check", "tests/unit")
    assert (done.returncode, done.stdout) == (2, "")
    assert "tests/unit" in done.stderr


def test_no_script_imports_a_package_before_it_found_the_python_that_has_it() -> None:
    known = {*sys.stdlib_module_names, "in_venv"}
    for path in map(SCRIPTS.joinpath, COMMANDS):
        text = path.read_text(encoding="utf-8")
        head, call, _ = text.partition("\nneed(")
        if text.startswith("#!/usr/bin/env python3\n"):
            assert call, f"{path.name} never calls need()"
            assert imported(head) <= known, path.name


def imported(source: str) -> set[str]:
    """The packages that `source` imports at its top."""
    lines = (line.split() for line in source.splitlines() if line.startswith(("import ", "from ")))
    return {words[1].split(".")[0] for words in lines}


def test_every_script_is_linted_and_type_checked() -> None:
    tools = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]
    python = [
        f"scripts/{name}"
        for name in COMMANDS
        if (SCRIPTS / name).read_text(encoding="utf-8").startswith("#!/usr/bin/env python3\n")
    ]
    named = [path for path in tools["basedpyright"]["include"] if path.startswith("scripts/")]
    assert sorted(named) == python
    assert "scripts" in tools["basedpyright"]["include"]  # the modules
    patterns = tools["ruff"]["extend-include"]
    assert [path for path in python if not any(fnmatch(path, each) for each in patterns)] == []


def test_moments_page_writes_its_table_between_the_marks(run: Run, tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text((ROOT / "docs/measures.md").read_text(encoding="utf-8"), encoding="utf-8")
    done = run("moments_page", page, "--hours", "1", "--viewers", "5,20")
    assert (done.returncode, done.stderr) == (0, "")
    head, _, tail = page.read_text(encoding="utf-8").partition("written by scripts/moments_page")
    rows = [line for line in tail.splitlines() if re.match(r"\| \d", line)]
    assert [row.split("|")[1].strip() for row in rows[:2]] == ["5", "20"]
    assert head in (ROOT / "docs/measures.md").read_text(encoding="utf-8")
    page.write_text("no marks")
    assert run("moments_page", page, "--hours", "1").returncode == 2


def test_private_page_writes_its_tables_between_the_marks(run: Run, tmp_path: Path) -> None:
    page, predictions = tmp_path / "page.md", tmp_path / "predictions.csv"
    text = (ROOT / "docs/measures.md").read_text(encoding="utf-8")
    page.write_text(text, encoding="utf-8")
    pairs = [f"{label},{(label + label % 2) % 7}" for label in range(7)] * 40
    predictions.write_text("\n".join(["label,add", *pairs]))
    asked = ("--rooms", "2", "--viewers", "20,100", "--predictions", predictions)
    done = run("private_page", page, *asked)
    assert (done.returncode, done.stderr) == (0, "")
    head, _, tail = page.read_text(encoding="utf-8").partition("written by scripts/private_page")
    rows = [line.split("|")[1].strip() for line in tail.splitlines() if re.match(r"\| \d", line)]
    assert rows[:4] == ["20", "100", "20", "100"] and head in text
    page.write_text("no marks")
    assert run("private_page", page).returncode == 2


@pytest.mark.mosquitto
@pytest.mark.faces
@pytest.mark.timeout(200)
def test_bench_live_measures_every_part(run: Run, shared_data: Path, face_model: None) -> None:
    if MOSQUITTO is None:
        pytest.skip("Mosquitto is not installed")
    film = shared_data / "clips/single_face.mp4"
    found = measured(run, "bench_live", "--quick", "--film", film)
    assert found["stages_ms"]["network"]["n"] > 0
    assert found["stages_ms"]["frame (face + network)"]["n"] == 15
    assert found["report_to_other_viewer_ms"]["n"] == 2
    assert found["viewer"]["cpu_percent_of_a_core"] > 0 and found["first_paint_s"] > 0


@pytest.mark.faces
@pytest.mark.timeout(200)
def test_bench_live_names_a_film_that_is_not_there(run: Run, tmp_path: Path) -> None:
    done = run("bench_live", "--quick", "--film", tmp_path / "none.mp4")
    assert done.returncode == 2
    assert "There is no file" in done.stderr and "Traceback" not in done.stderr


@pytest.mark.mosquitto
@pytest.mark.faces
@pytest.mark.timeout(200)
def test_bench_live_sets_two_builds_side_by_side(
    run: Run, shared_data: Path, face_model: None
) -> None:
    if MOSQUITTO is None:
        pytest.skip("Mosquitto is not installed")
    clips = shared_data / "clips"
    rows = measured(run, "bench_live", "--quick", "--against", ROOT, "--clips", clips)
    found = {row["what"]: (row["before"], row["now"]) for row in rows}
    assert min(found["start to first emotion, CPU-s"]) > 0
    assert min(found["CPU, screen, lively, % of a core"]) > 0
    assert min(found["changed face to changed report, p50, ms"]) > 0
    assert found["changes missed, of 3"] == (0, 0)


def test_bench_live_says_where_no_build_is(run: Run, tmp_path: Path) -> None:
    done = run("bench_live", "--quick", "--against", tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert "holds no build" in done.stderr


@pytest.mark.faces
@pytest.mark.timeout(200)
def test_bench_peer_says_why_it_is_skipped(
    run: Run, shared_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("env", "python3"):
        (tmp_path / name).symlink_to(shutil.which(name) or sys.executable)
    monkeypatch.setenv("PATH", str(tmp_path))
    done = run("bench_peer", "--quick", "--clips", shared_data / "clips")
    assert (done.returncode, done.stdout) == (77, "")
    assert "skipped: node and npm are not installed" in done.stderr


@pytest.mark.mosquitto
@pytest.mark.timeout(200)
def test_bench_room_measures_a_small_room(run: Run) -> None:
    if MOSQUITTO is None:
        pytest.skip("Mosquitto is not installed")
    found = measured(run, "bench_room", "--kind", "aggregated", "--viewers", 8, "--seconds", 2)
    (room,) = found["rooms"]
    assert (room["kind"], room["viewers"]) == ("aggregated", 8)
    assert room["reports_s"] > 0 and room["samples"] == 4
    assert found["ways"]


@pytest.mark.mosquitto
@pytest.mark.timeout(200)
def test_bench_questions_counts_every_answer(run: Run) -> None:
    if MOSQUITTO is None:
        pytest.skip("Mosquitto is not installed")
    found = measured(run, "bench_questions", "--viewers", 8, "--questions", 2)
    assert 0 < found["answered"]["median_ms"] < found["counted"]["worst_ms"]


@pytest.mark.mosquitto
@pytest.mark.timeout(200)
def test_bench_join_times_guests_from_link_to_counts(run: Run) -> None:
    if MOSQUITTO is None:
        pytest.skip("Mosquitto is not installed")
    found = measured(run, "bench_join", "--guests", 2)
    assert found["guests"] == 2 and 0 < found["p50_s"] <= found["p95_s"]


@pytest.mark.timeout(200)
def test_bench_desk_times_the_stream(run: Run) -> None:
    found = measured(run, "bench_desk", "--part", "stream", "--clients", 5, "--seconds", 1)
    assert found["stream"]["events"] > 0
    assert found["stream"]["p99_ms"] > 0


@pytest.mark.faces
@pytest.mark.timeout(200)
def test_bench_decision_shows_a_steady_and_quick_decision(run: Run, shared_data: Path) -> None:
    files = (shared_data / "ferplus.npz", shared_data / "face_landmarker.task")
    if missing := [file.name for file in files if not file.is_file()]:
        pytest.skip(f"no {missing[0]} in the shared data")
    found = measured(run, "bench_decision", *files, "--quick")
    assert found["faces"] >= 5
    now = found["now"]
    for act in ("resting", "talking", "nodding", "looking down"):
        assert now[act]["changes_a_minute"] <= 2.1  # one change in the half minute that it is
        assert now[act]["looks_s"] < 10
    assert now["transients"]["200 ms"] == 0
    assert now["reaction"]["p50_ms"] <= 450 and now["arrival"]["differ"] <= 0.2


@pytest.mark.faces
@pytest.mark.timeout(200)
def test_bench_decision_names_data_that_is_not_there(run: Run, tmp_path: Path) -> None:
    done = run("bench_decision", tmp_path / "none.npz", tmp_path / "none.task", "--quick")
    assert done.returncode == 2
    assert "none.npz" in done.stderr and "Traceback" not in done.stderr


@pytest.mark.faces
@pytest.mark.timeout(200)
def test_bench_baseline_puts_expressions_onto_people_and_counts_each_way(
    run: Run, shared_data: Path
) -> None:
    files = (shared_data / "ferplus.npz", shared_data / "face_landmarker.task")
    if missing := [file.name for file in files if not file.is_file()]:
        pytest.skip(f"no {missing[0]} in the shared data")
    found = measured(run, "bench_baseline", *files, "--quick")
    off, on = (found[name] for name in ("off", "w 1, two-sided"))
    assert found["people"] == 2
    assert on["neutral"][0] >= off["neutral"][0]
    gain = found["w 1, two-sided, less off"]
    assert gain["found"][0] == pytest.approx(on["found"][0] - off["found"][0])
    assert off["happiness"][0] > 0 and on["happiness"][0] > 0


@pytest.mark.faces
@pytest.mark.timeout(200)
def test_bench_counts_reads_stills_and_simulates_rooms(
    run: Run, shared_data: Path, tmp_path: Path
) -> None:
    files = (shared_data / "ferplus.npz", shared_data / "ferv39k_predictions.csv")
    if missing := [file.name for file in files if not file.is_file()]:
        pytest.skip(f"no {missing[0]} in the shared data")
    found = measured(run, "bench_counts", *files, "--quick")
    assert sum(map(sum, found["live"])) == 7  # one still of each class
    scenes = found["covered"]["one scene of other films"]
    assert min(scenes["0.12"]) > 0.9 > min(scenes["0"])
    nothing = run("bench_counts", tmp_path / "none.npz", files[1], "--quick")
    assert nothing.returncode == 2 and "none.npz" in nothing.stderr


def test_confidence_scripts_name_data_that_is_not_there(run: Run, tmp_path: Path) -> None:
    for name, more in (("bench_confidence", ["--quick"]), ("train_surety", ["--faces", "9"])):
        done = run(name, tmp_path / "none.npz", *more)
        assert (done.returncode, done.stdout) == (2, "")
        assert "none.npz does not exist" in done.stderr and "Traceback" not in done.stderr


@pytest.mark.faces
@pytest.mark.timeout(200)
def test_bench_confidence_sets_before_beside_now(run: Run, shared_data: Path) -> None:
    if not (shared_data / "ferplus.npz").is_file():
        pytest.skip("no ferplus.npz in the shared data")
    found = measured(run, "bench_confidence", shared_data / "ferplus.npz", "--quick")
    rows = {row["kind"]: row for row in found["rows"]}
    glare = rows["glare on glasses"]
    assert glare["now"]["confidence"] < glare["before"]["confidence"] - 0.05
    assert glare["now"]["answered"] < glare["before"]["answered"]
    assert glare["reasons"]["glare"] > 0.8 and rows["clean"]["reasons"]["glare"] < 0.1
    assert abs(rows["clean"]["now"]["confidence"] - rows["clean"]["before"]["confidence"]) < 0.05
    assert 0 < found["cost"]["before"] < found["cost"]["now"]


@pytest.fixture
def live_data(shared_data: Path) -> tuple[Path, ...]:
    """What evaluate_live reads: a folder of clips, stills, the face model."""
    names = ("clips", "ferplus.npz", "face_landmarker.task")
    if missing := [name for name in names if not (shared_data / name).exists()]:
        pytest.skip(f"no {missing[0]} in the shared data")
    return tuple(shared_data / name for name in names)


@pytest.mark.faces
@pytest.mark.timeout(200)
def test_evaluate_live_reads_what_a_person_sees_and_the_same_for_two_builds(
    run: Run, live_data: tuple[Path, ...], tmp_path: Path
) -> None:
    clips, *files = live_data
    for name in ("single_face.mp4", "no_face.mp4"):
        (tmp_path / name).symlink_to(clips / name)
    few = ("--part", "clips", "--against", ROOT)
    found = measured(run, "evaluate_live", tmp_path, *files, *few)
    rows = {(row["what"], row["class"]): row["figures"]["share"] for row in found["rows"]}
    assert rows["single_face, 1", "rest"] == [1] and rows["no_face, 1", "empty"] == [1]
    assert rows["single_face, 2", "happiness"][0] > 0.7
    assert found["others"] == found["rows"]  # on the films' own clock, to the last digit


@pytest.mark.faces
@pytest.mark.timeout(200)
def test_evaluate_live_writes_its_table_between_the_marks(
    run: Run, live_data: tuple[Path, ...], tmp_path: Path
) -> None:
    page = tmp_path / "page.md"
    page.write_text((ROOT / "docs/recognition.md").read_text(encoding="utf-8"), encoding="utf-8")
    few = ("--part", "stills", "--quick", "--act", "talking", "--settled", "1")
    done = run("evaluate_live", *live_data, *few, "--page", page)
    assert (done.returncode, done.stdout) == (0, "")
    head, _, rest = page.read_text(encoding="utf-8").partition("written by scripts/evaluate_live")
    table = rest.partition("<!-- end of the table -->")[0]
    assert head in (ROOT / "docs/recognition.md").read_text(encoding="utf-8")
    assert "| talking | neutral | 2 |" in table and "| talking | all |" in table
    assert "of each act after 1 s" in table and "| resting |" not in table


def test_evaluate_live_says_what_it_cannot_use(run: Run, tmp_path: Path) -> None:
    nothing = (tmp_path, tmp_path / "none.npz", tmp_path / "none.task")
    for more, message in (
        (("--compare", "camera.tarot=yes"), "camera.tarot=yes is no setting"),
        (("--compare", "camera.fps=many"), "camera.fps"),
        (("--page", tmp_path / "none.md"), "none.md"),
        (("--against", tmp_path), "holds no film with a plan"),
        (("--settled", "long"), "long is no number of seconds from 0 to 600"),
        (("--settled", "nan"), "nan is no number of seconds"),
        (("--act", "sneezing"), "sneezing"),
    ):
        done = run("evaluate_live", *nothing, *more)
        assert (done.returncode, done.stdout) == (2, "")
        assert message in done.stderr and "Traceback" not in done.stderr


@pytest.mark.faces
@pytest.mark.timeout(200)
def test_bench_faces_finds_the_small_and_the_rolled(run: Run, shared_data: Path) -> None:
    model, clips = shared_data / "face_landmarker.task", shared_data / "clips"
    stills = shared_data / "ferplus.npz"
    found = measured(run, "bench_faces", model, clips, "--stills", stills, "--quick")
    assert found["faces"] == 4
    ours, haar = found["detectors"]["fast + search"], found["detectors"]["haar"]
    turned = {row: share for row, share in ours["recall"].items() if row.startswith("stills")}
    assert turned["stills, from the front"] >= 0.8
    assert {share for row, share in ours["recall"].items() if row not in turned} == {1.0}
    assert haar["recall"]["face of 40 px"] == haar["recall"]["rolled 45 degrees"] == 0
    assert ours["false faces"] == 0 and ours["CPU ms, first look"] > 0


def test_bench_faces_says_what_is_no_film(run: Run, shared_data: Path, tmp_path: Path) -> None:
    (tmp_path / "single_face.mp4").write_text("no film")
    done = run("bench_faces", shared_data / "face_landmarker.task", tmp_path)
    assert done.returncode == 2
    assert done.stderr.splitlines()[-1].endswith("single_face.mp4 is no film")
    assert run("bench_faces", tmp_path, tmp_path).returncode == 2
    model, clips = shared_data / "face_landmarker.task", shared_data / "clips"
    done = run("bench_faces", model, clips, "--stills", tmp_path / "single_face.mp4", "--quick")
    assert done.returncode == 2
    assert done.stderr.splitlines()[-1].endswith("single_face.mp4 holds no stills of FER+")


def test_bench_history_measures_a_short_evening(run: Run) -> None:
    found = measured(run, "bench_history", "--rows", 500, "--seconds", 1)
    assert found["an evening"]["rows"] == found["all rows at once"]["rows"] == 500
    assert found["an evening"]["times_as_fast"] > 0
    assert found["recording"]["channels"] == 100


@pytest.mark.timeout(200)
def test_bench_zoo_measures_one_network(run: Run) -> None:
    few = ("--device", "cpu", "--precision", "float32", "--repeats", 1, "--clips", 3)
    (timing,) = measured(run, "bench_zoo", "mmnet", *few, "--threads", 1)
    assert timing["name"] == "mmnet" and timing["ms"] > 0
    assert timing["same_top"] == 1
