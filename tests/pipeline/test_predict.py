"""`models predict` on pictures, films and folders, with an engine that is known; its file is what
`models score` reads."""

from __future__ import annotations

import csv
import errno
import io
import json
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from resonance_tui.cli import cli, run_verb
from resonance_tui.commands.models.predict_file import COLUMNS, open_results
from resonance_tui.commands.models.predictions import SHARES
from resonance_tui.engines import registry
from resonance_tui.engines.base import EngineSpec
from resonance_tui.errors import CameraError, InputError
from resonance_tui.pipeline.detectors.base import FaceDetector
from resonance_tui.pipeline.items import find_items
from resonance_tui.pipeline.recorded import (
    Reader,
    _picture,  # pyright: ignore[reportPrivateUsage]
)
from resonance_tui.pipeline.sources import Frame
from resonance_tui.pipeline.tracker import Detection

CLIP = Path(__file__).resolve().parents[3] / "shared" / "data" / "clips" / "single_face.mp4"


class ByLight:
    """Says the class by how light the clip is, in steps of 32; keeps the clips."""

    def __init__(self, frames: int = 1) -> None:
        self.spec = EngineSpec("by light", frames, 16.0, 32, 0.0, 0.0)
        self.clips: list[NDArray[np.uint8]] = []

    def predict(self, clip: NDArray[np.uint8]) -> NDArray[np.float32]:
        assert clip.shape == (self.spec.clip_frames, 32, 32, 3)
        self.clips.append(clip)
        shares = np.full(7, 0.05, np.float32)
        shares[min(6, int(clip.mean()) // 32)] = 0.7
        return shares


class Corner(FaceDetector):
    """One face, in the left upper quarter of every picture."""

    name = "corner"

    def __init__(self) -> None:
        self.times: list[float] = []

    def detect(self, frame: Frame) -> list[Detection]:
        self.times.append(frame.captured_at)
        side = frame.image.shape[0] / 2
        return [Detection(side / 2, side / 2, side, 0.0, (0.0, 0.0, side, side))]

    def forget(self) -> None:
        self.times.append(-1.0)

    def close(self) -> None: ...


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch) -> ByLight:
    made = ByLight()
    monkeypatch.setattr(registry, "create", lambda *_: made)
    return made


def picture(path: Path, code: int, size: int = 48) -> Path:
    """A picture of one shade, which ByLight calls `code`."""
    path.parent.mkdir(parents=True, exist_ok=True)
    _, data = cv2.imencode(path.suffix, np.full((size, size, 3), 32 * code + 16, np.uint8))
    path.write_bytes(data.tobytes())
    return path


def film(path: Path, codes: list[int], fps: int = 10) -> Path:
    """One second of each shade."""
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), fps, (48, 48))
    for code in codes:
        for _ in range(fps):
            writer.write(np.full((48, 48, 3), 32 * code + 16, np.uint8))
    writer.release()
    return path


def run(*args: object) -> int:
    return run_verb(cli, ["models", "predict", *map(str, args)])


def rows(file: Path) -> list[dict[str, str]]:
    with file.open(newline="", encoding="utf-8") as stream:
        return list(csv.DictReader(stream))


def test_its_file_is_what_score_reads(
    tmp_path: Path, empty_home: Path, engine: ByLight, capsys: pytest.CaptureFixture[str]
) -> None:
    for number, (folder, code) in enumerate([("Happy", 0), ("Sad", 1), ("Fear", 6), ("Sad", 3)]):
        picture(tmp_path / "Action" / folder / f"shot {number}.jpg", code)
    assert run(tmp_path / "Action", "--crops", "-o", tmp_path / "said.csv") == 0
    assert run_verb(cli, ["models", "score", str(tmp_path / "said.csv"), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["war"] == 75.0
    found = rows(tmp_path / "said.csv")
    assert [(row["label"], row["pred"]) for row in found] == [
        *(("6", "6"), ("0", "0"), ("1", "1"), ("1", "3")),
    ]
    assert all(abs(sum(float(row[name]) for name in SHARES) - 1) < 1e-4 for row in found)


def test_folders_of_numbered_frames_are_clips_and_litter_is_not(tmp_path: Path) -> None:
    frames = [picture(tmp_path / "clips" / "0001" / f"{n}.png", 2) for n in (1, 2, 10)]
    alone = picture(tmp_path / "clips" / "me.jpg", 0)
    made = film(tmp_path / "clips" / "b.avi", [1])
    (tmp_path / "clips" / "._me.jpg").write_bytes(b"litter")
    (tmp_path / "clips" / "notes.txt").write_text("no picture")
    assert find_items([tmp_path / "clips"]) == [alone, made, frames[0].parent]
    assert find_items([frames[0], frames[0]]) == [frames[0]]


@pytest.mark.parametrize("make", [lambda p: p / "gone", lambda p: p, lambda p: p / "a.txt"])
def test_what_is_no_item_is_refused(tmp_path: Path, make: Callable[[Path], Path]) -> None:
    (tmp_path / "a.txt").write_text("x")
    with pytest.raises(InputError):
        find_items([make(tmp_path)])


def test_a_film_is_the_mean_of_its_clips(tmp_path: Path) -> None:
    engine = ByLight()
    answer = Reader(engine, None).read(film(tmp_path / "a.avi", [0, 0, 6]))
    assert answer.clips == len(engine.clips) == 15  # five a second
    assert answer.shares.argmax() == 0
    assert answer.shares[6] == pytest.approx(0.7 / 3 + 0.05 * 2 / 3, abs=1e-3)
    assert answer.seconds == pytest.approx(2.9, abs=0.11)


def test_clips_of_many_frames_hold_them_in_order(tmp_path: Path) -> None:
    for number in range(40):
        picture(tmp_path / "c" / f"{number}.png", number // 6)
    engine = ByLight(frames=8)
    answer = Reader(engine, None).read(tmp_path / "c")
    light = [clip.mean((1, 2, 3)).tolist() for clip in engine.clips]
    assert answer.clips == len(light) > 1
    assert all(clip == sorted(clip) for clip in light)
    short = Reader(ByLight(frames=8), None).read(picture(tmp_path / "one.png", 4))
    assert (short.clips, int(short.shares.argmax()), short.seconds) == (1, 4, 0.0)


def test_the_face_is_cut_out_and_the_time_of_a_detector_only_grows(tmp_path: Path) -> None:
    image = np.zeros((64, 64, 3), np.uint8)
    image[:32, :32] = 200
    cv2.imwrite(str(tmp_path / "a.png"), image)
    engine, detector = ByLight(), Corner()
    reader = Reader(engine, detector)
    answers = [reader.read(tmp_path / "a.png") for _ in range(2)]
    assert [answer.faces for answer in answers] == [1.0, 1.0]
    assert engine.clips[0].mean() > 180
    first, forgot, second, _ = detector.times
    assert forgot == -1.0 and second > first + 30


class Several(ByLight):
    """Reads several clips at once; keeps how many."""

    def __init__(self, frames: int = 1) -> None:
        super().__init__(frames)
        self.sizes: list[int] = []

    def predict_many(self, clips: NDArray[np.uint8]) -> NDArray[np.float32]:
        self.sizes.append(len(clips))
        return np.stack([self.predict(clip) for clip in clips])


def test_a_batch_spans_items_and_answers_come_in_their_order(tmp_path: Path) -> None:
    items: list[Path] = [picture(tmp_path / f"{n}.png", n) for n in range(5)]
    items.insert(1, film(tmp_path / "film.avi", [6, 6]))
    (tmp_path / "bad.png").write_bytes(b"x")
    items.insert(3, tmp_path / "bad.png")
    engine = Several()
    found = list(Reader(engine, None, batch=4).read_all(items))
    assert [path for path, _ in found] == items
    assert isinstance(found[3][1], CameraError)
    said = [answer for _, answer in found if not isinstance(answer, CameraError)]
    assert [int(answer.shares.argmax()) for answer in said] == [0, 6, 1, 2, 3, 4]
    assert engine.sizes == [4, 4, 4, 3] and said[1].clips == 10
    assert all(answer.ms > 0 for answer in said)


def test_a_run_that_was_stopped_goes_on(
    tmp_path: Path, empty_home: Path, engine: ByLight, capsys: pytest.CaptureFixture[str]
) -> None:
    folder, said = tmp_path / "pictures", tmp_path / "said.jsonl"
    for number in range(4):
        picture(folder / f"p{number}.png", number)
    assert run(folder, "--crops", "-o", said) == 0
    whole = [json.loads(line) for line in said.read_text().splitlines()]
    lines = said.read_text().splitlines(keepends=True)
    said.write_text("".join(lines[:2]) + lines[2][:25])  # killed in the middle of a line
    engine.clips.clear()
    assert run(folder, "--crops", "-o", said) == 0
    again = [json.loads(line) for line in said.read_text().splitlines()]
    assert len(engine.clips) == 2 and "2 of 4 are in" in capsys.readouterr().err
    assert [(row["clip"], row["pred"]) for row in again] == [
        (row["clip"], row["pred"]) for row in whole
    ]


@pytest.mark.skipif(sys.platform == "win32", reason="links need a right there")
def test_a_folder_within_itself_is_searched_once(tmp_path: Path) -> None:
    item = picture(tmp_path / "a" / "p.png", 1)
    shared = picture(tmp_path / "b" / "q.png", 1)
    for link, target in [("a/self", "."), ("a/up", ".."), ("a/b", "../b"), ("a/gone", "nowhere")]:
        (tmp_path / link).symlink_to(target)
    (tmp_path / "a" / "round.png").symlink_to("round.png")
    assert find_items([tmp_path / "a"]) == [item, tmp_path / "a/b/q.png", tmp_path / "a/up/b/q.png"]
    assert find_items([tmp_path / "b"]) == [shared]


@pytest.mark.skipif(sys.platform == "win32", reason="named pipes are made otherwise there")
def test_a_pipe_is_no_picture(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.png")
    with pytest.raises(InputError, match="neither a file nor a folder"):
        find_items([tmp_path / "pipe.png"])
    with pytest.raises(InputError, match="No picture"):
        find_items([tmp_path])


def test_what_is_passed_over_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    item = picture(tmp_path / "a.png", 1)
    for name in ("b.heic", "c.HEIC", "notes.txt", ".hidden.raw"):
        (tmp_path / name).write_bytes(b"x")
    (tmp_path / "lost+found").mkdir()
    listed = Path.iterdir

    def iterdir(path: Path) -> Iterator[Path]:
        if path.name == "lost+found":
            raise PermissionError(errno.EACCES, "Permission denied")
        return listed(path)

    monkeypatch.setattr(Path, "iterdir", iterdir)
    told: list[str] = []
    assert find_items([tmp_path], told.append) == [item]
    assert told == [
        f"{tmp_path / 'lost+found'} cannot be searched: Permission denied.",
        "Passed over, as neither pictures nor films: 2 .heic, 1 .txt.",
    ]


NAMED = ("named/f_1.png", "named/f_2.png")


@pytest.mark.parametrize(
    ("frames", "found"),
    [
        ("auto", ["numbered", *NAMED, "alone/1.png"]),
        ("always", ["numbered", "named", "alone/1.png"]),
        ("never", ["numbered/1.png", "numbered/2.png", *NAMED, "alone/1.png"]),
    ],
)
def test_whether_a_folder_is_a_clip_can_be_told(
    tmp_path: Path, frames: str, found: list[str]
) -> None:
    for name in ("numbered/1.png", "numbered/2.png", *NAMED, "alone/1.png"):
        picture(tmp_path / name, 1)
    folders = [tmp_path / name for name in ("numbered", "named", "alone")]
    assert find_items(folders, frames=frames) == [tmp_path / name for name in found]


@pytest.mark.parametrize("suffix", ["csv", "jsonl"])
@pytest.mark.skipif(sys.platform == "win32", reason="no such names there")
def test_any_name_is_one_line_that_is_found_again(
    tmp_path: Path, empty_home: Path, engine: ByLight, suffix: str
) -> None:
    names = [b"lat\xe9.png", b"a\rb.png", b"a\nb.png", "\u2028.png".encode(), b'x, "y".png']
    data = picture(tmp_path / "p.png", 1).read_bytes()
    folder = tmp_path / "odd"
    folder.mkdir()
    for name in [*names, "ü 漢字 🎉.png".encode()]:
        with open(os.fsencode(folder) + b"/" + name, "wb") as stream:
            stream.write(data)
    said = tmp_path / f"said.{suffix}"
    assert run(folder, "--crops", "-o", said) == 0
    lines = said.read_text("utf-8").splitlines()
    assert len(lines) == 6 + (suffix == "csv")
    if suffix == "csv":
        clips = {row["clip"].rpartition("/")[2] for row in rows(said)}
        assert {"lat\\udce9.png", "a\\rb.png", 'x, "y".png', "ü 漢字 🎉.png"} < clips
    assert run(folder, "--crops", "-o", said) == 0
    assert said.read_text("utf-8").splitlines() == lines


def test_rows_on_stdout_are_utf_8(
    tmp_path: Path, empty_home: Path, engine: ByLight, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = io.TextIOWrapper(io.BytesIO(), "cp1252", errors="resonance-plain")
    monkeypatch.setattr(sys, "stdout", out)
    assert run(picture(tmp_path / "漢字.png", 1), "--crops") == 0
    out.flush()
    assert "漢字.png" in out.buffer.getvalue().decode("utf-8")  # type: ignore[attr-defined]


def test_two_programs_never_write_one_file(
    tmp_path: Path, empty_home: Path, engine: ByLight, capsys: pytest.CaptureFixture[str]
) -> None:
    item, said = picture(tmp_path / "p.png", 1), tmp_path / "said.csv"
    with open_results(said, "csv", "static"):
        assert run(item, "--crops", "-o", said) == 2
    assert "Another program is writing" in capsys.readouterr().err
    assert run(item, "--crops", "-o", said) == 0
    assert len(rows(said)) == 1


@pytest.mark.parametrize("text", ["a,b\n1,2\n", "{}\n", "x\n", '{"clip": 1}\n', "no line end"])
@pytest.mark.parametrize("name", ["said.csv", "said.jsonl"])
def test_a_file_of_something_else_is_left_alone(
    tmp_path: Path, empty_home: Path, engine: ByLight, name: str, text: str
) -> None:
    (tmp_path / name).write_text(text)
    assert run(picture(tmp_path / "p.png", 1), "--crops", "-o", tmp_path / name) == 2
    assert (tmp_path / name).read_text() == text


def test_one_file_holds_one_engine(tmp_path: Path, empty_home: Path, engine: ByLight) -> None:
    item, said = picture(tmp_path / "p.png", 1), tmp_path / "said.csv"
    assert run(item, "--crops", "-o", said) == 0
    said.write_text(said.read_text().replace(",static,", ",mmnet,"))
    assert run(item, "--crops", "-o", said) == 2


def test_what_cannot_be_read_is_named_and_the_rest_is_read(
    tmp_path: Path, empty_home: Path, engine: ByLight, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "p").mkdir()
    (tmp_path / "p" / "bad.png").write_bytes(b"\x89PNG\r\n")
    (tmp_path / "p" / "empty.mp4").write_bytes(b"")
    picture(tmp_path / "p" / "good.png", 2)
    assert run(tmp_path / "p", "--crops") == 1
    out, err = capsys.readouterr()
    assert len(out.splitlines()) == 2 and "good.png" in out
    assert "bad.png" in err and "empty.mp4" in err and "2 of 3 could not be read" in err
    with pytest.raises(CameraError):
        Reader(engine, None).read(tmp_path / "p" / "bad.png")


def test_a_picture_without_a_face_is_said(
    tmp_path: Path, empty_home: Path, engine: ByLight, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(picture(tmp_path / "grey.png", 3, size=200)) == 0
    out, err = capsys.readouterr()
    assert "No face was found in 1 of 1" in err
    assert dict(zip(COLUMNS, out.splitlines()[1].split(","), strict=True))["faces"] == "0.0"


@pytest.mark.faces
@pytest.mark.skipif(not CLIP.is_file(), reason="the clip of a smile is not here")
def test_a_smile_in_a_film_is_happiness(
    empty_home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(CLIP, "--format", "jsonl") == 0
    row = json.loads(capsys.readouterr().out)
    assert row["faces"] > 0.9 and row["clips"] >= 10
    assert row["p_happiness"] > 0.3


def test_a_run_that_is_interrupted_says_how_it_goes_on(
    tmp_path: Path, empty_home: Path, engine: ByLight, capsys: pytest.CaptureFixture[str]
) -> None:
    items = [picture(tmp_path / f"{name}.png", 1) for name in "ab"]
    ask = engine.predict

    def predict(clip: NDArray[np.uint8]) -> NDArray[np.float32]:
        if engine.clips:
            raise KeyboardInterrupt
        return ask(clip)

    engine.predict = predict  # type: ignore[method-assign]
    assert run(*items, "--crops", "-o", tmp_path / "said.csv") == 130
    assert "The same command goes on" in capsys.readouterr().err
    assert [Path(row["clip"]).name for row in rows(tmp_path / "said.csv")] == ["a.png"]


def test_a_line_for_output_is_stdout(
    tmp_path: Path,
    empty_home: Path,
    engine: ByLight,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run(picture(tmp_path / "p.png", 1), "--crops", "-o", "-", "--format", "jsonl") == 0
    assert json.loads(capsys.readouterr().out)["pred"] == 1
    assert not (tmp_path / "-").exists()


def test_pictures_of_every_kind_are_read_as_they_are_shown(tmp_path: Path) -> None:
    Image = pytest.importorskip("PIL.Image", reason="Pillow is not installed")
    shown = np.zeros((64, 96, 3), np.uint8)
    shown[:32], shown[32:] = (200, 40, 40), (40, 200, 200)  # red above, turquoise below
    image = Image.fromarray(shown)
    turned = Image.Exif()
    turned[0x112] = 6  # to be turned to the right
    image.rotate(90, expand=True).save(tmp_path / "exif.jpg", exif=turned, quality=95)
    image.convert("CMYK").save(tmp_path / "cmyk.jpg", quality=95)
    image.convert("RGBA").save(tmp_path / "alpha.png")
    image.quantize(8).save(tmp_path / "palette.png")
    image.save(tmp_path / "p.jfif", "JPEG", quality=95)
    cv2.imwrite(str(tmp_path / "16.png"), shown[..., ::-1].astype(np.uint16) * 257)
    image.convert("L").convert("LA").save(tmp_path / "grey.png")
    names = ["16.png", "alpha.png", "cmyk.jpg", "exif.jpg", "grey.png", "p.jfif", "palette.png"]
    assert find_items([tmp_path]) == [tmp_path / name for name in names]
    grey = cv2.cvtColor(cv2.cvtColor(shown, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2BGR)
    for name in names:
        found = _picture(tmp_path / name)
        wanted = grey if name == "grey.png" else shown[..., ::-1]
        assert found.shape == wanted.shape and found.dtype == np.uint8, name
        assert np.abs(found.astype(int) - wanted)[[8, 16, 48, 56]].max() < 12, name


def test_an_animated_picture_is_a_film(tmp_path: Path) -> None:
    Image = pytest.importorskip("PIL.Image", reason="Pillow is not installed")
    frames = [Image.new("RGB", (48, 48), (32 * code + 16,) * 3) for code in (6, 6, 6, 0)]
    frames[0].save(tmp_path / "a.gif", save_all=True, append_images=frames[1:], duration=400)
    answer = Reader(ByLight(), None).read(tmp_path / "a.gif")
    assert answer.clips == 4 and int(answer.shares.argmax()) == 6
    assert answer.seconds == pytest.approx(1.2, abs=0.1)
