"""Annotation lists and folders of frames, good ones and bad ones."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from PIL import Image

from resonance_zoo.train.clips import frames
from resonance_zoo.train.clips.annotations import AnnotatedClip, AnnotationError, read
from resonance_zoo.train.clips.frames import FrameError


def write(root: Path, text: str, *folders: str) -> Path:
    for folder in folders:
        (root / folder).mkdir(parents=True)
    file = root / "list.csv"
    file.write_text(text, encoding="utf-8")
    return file


def test_ferv39k_words_and_numbers(tmp_path: Path) -> None:
    names = ["Action/Happy/0015", "Daily/Fear/7", "a b/Angry/0001"]
    text = f"\ufeff{names[0]} Happy\r\n\r\n{names[1]} 6\r\n{names[2]}\tangry\r\n"
    found = read(write(tmp_path, text, *names), tmp_path)
    assert found == [
        AnnotatedClip(name, tmp_path / name, label)
        for name, label in zip(names, (0, 6, 3), strict=True)
    ]


def test_lists_that_count_frames(tmp_path: Path) -> None:
    file = write(tmp_path, "x y/clip 72 2\n", "x y/clip")
    assert read(file, tmp_path) == [AnnotatedClip("x y/clip", tmp_path / "x y/clip", 2, 72)]


def test_absolute_paths_stay(tmp_path: Path) -> None:
    file = write(tmp_path, f"{tmp_path}/clip 2\n", "clip")
    assert read(file, Path("/elsewhere"))[0].folder == tmp_path / "clip"


def test_dfew_counts_labels_from_one(tmp_path: Path) -> None:
    file = write(tmp_path, "video_name,label\n00002,1\n17.mp4,7\n", "00002", "00017")
    assert [(c.name, c.folder.name, c.label) for c in read(file, tmp_path)] == [
        ("00002", "00002", 0),
        ("17", "00017", 6),
    ]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("good 0\nalone\n", r"line 2: expected 'path label' or 'path frames label', found 'alone'"),
        ("good 9\n", r"line 1: expected a label from 0 to 6 or one of Happy, .*, found '9'$"),
        ("good 7\n", r"found '7'; labels from 1 to 7 need DFEW's first line"),
        ("good smug\n", r"line 1: expected a label .*, found 'smug'"),
        ("good 0 1\n", r"line 1: a clip has at least one frame"),
        ("a/Sad/1 0\n", r"line 1: the path says Sad \(1\), the label says Happy \(0\)"),
        ("video_name,label\n5;3\n", r"line 2: expected 'video_name,label', found '5;3'"),
        ("video_name,label\n5,0\n", r"line 2: expected a label from 1 to 7"),
        ("\n", "lists no clip"),
        ("good 0\nbad 1\nworse 1\n", r"2 of the 3 clips of .* have no folder .* is .*bad"),
    ],
)
def test_bad_lines_say_where_and_what(tmp_path: Path, text: str, said: str) -> None:
    file = write(tmp_path, text, "good")
    with pytest.raises(AnnotationError, match=said) as caught:
        read(file, tmp_path)
    assert str(file) in str(caught.value)


def test_lists_that_are_none(tmp_path: Path) -> None:
    with pytest.raises(AnnotationError, match=f"no annotation list {tmp_path}/gone"):
        read(tmp_path / "gone", tmp_path)
    with pytest.raises(AnnotationError, match="is a folder"):
        read(tmp_path, tmp_path)
    (tmp_path / "picture").write_bytes(b"\xff\xd8\xff\xe0")
    with pytest.raises(AnnotationError, match="not a text file"):
        read(tmp_path / "picture", tmp_path)


def picture(path: Path, grey: int = 0) -> None:
    Image.new("L", (4, 4), grey).save(path)


PUBLISHED = {
    "Former-DFER": "/home/user/datasets/FERV39K/2_ClipsforFaceCrop/Action/Happy/0000 3 0",
    "MAE-DFER": "/mnt/data1/brain/AC/Dataset/FERV39K/2_ClipsforFaceCrop/Action/Happy/0000 0",
    "Windows": "D:\\FERV39K\\2_ClipsforFaceCrop\\Action\\Happy\\0000 0",
    "commas": "/home/user/FERV39K/2_ClipsforFaceCrop/Action/Happy/0000,3,0",
}


@pytest.mark.parametrize("line", PUBLISHED.values(), ids=PUBLISHED)
@pytest.mark.parametrize("below", ["", "2_ClipsforFaceCrop/", "FERV39K/2_ClipsforFaceCrop/"])
def test_published_lists_are_read_below_the_data_folder(
    tmp_path: Path, line: str, below: str
) -> None:
    other = line.replace("Happy", "Sad").replace("0000", "0001")[:-1] + "1"
    text = f"{line}\n{other}\n"
    file = write(tmp_path, text, f"{below}Action/Happy/0000", f"{below}Action/Sad/0001")
    found = [(clip.folder, clip.label) for clip in read(file, tmp_path)]
    at = tmp_path / below / "Action"
    assert found == [(at / "Happy/0000", 0), (at / "Sad/0001", 1)]


def test_one_cut_holds_for_the_whole_list(tmp_path: Path) -> None:
    text = "/far/faces/a 0\n/far/faces/b 1\n"
    file = write(tmp_path, text, "a", "b", "faces/a")
    assert [clip.folder for clip in read(file, tmp_path)] == [tmp_path / "a", tmp_path / "b"]


def test_two_clips_never_become_one_folder(tmp_path: Path) -> None:
    file = write(tmp_path, "/far/Action/0000 0\n/far/Daily/0000 1\n", "0000", "Action/0000")
    with pytest.raises(AnnotationError, match=r"1 of the 2 clips .* is .*Daily/0000$"):
        read(file, tmp_path)


def test_a_list_of_another_machine_says_what_was_sought(tmp_path: Path) -> None:
    file = write(tmp_path, "/far/faces/a 0\n", "b")
    with pytest.raises(AnnotationError, match=r"paths of another machine.* down to a$"):
        read(file, tmp_path)


def test_a_list_that_begins_above_the_data_folder_says_so(tmp_path: Path) -> None:
    file = write(tmp_path, "FERV39K/Action/a 0\nFERV39K/Action/b 1\n", "Action/a", "Action/b")
    with pytest.raises(AnnotationError, match=r"2 of the 2 clips .*the first as .*Action/a: name"):
        read(file, tmp_path)


def test_a_folder_that_was_lost_here_is_no_other_machine(tmp_path: Path) -> None:
    file = write(tmp_path, f"{tmp_path}/a 0\n{tmp_path}/b 1\n", "a")
    with pytest.raises(AnnotationError, match=r"1 of the 2 clips .*/b$"):
        read(file, tmp_path)


@pytest.mark.parametrize("number", [0, 6])
def test_backslashes_part_folders(tmp_path: Path, number: int) -> None:
    file = write(tmp_path, f"Action\\Happy\\0000 {number}\n", "Action/Happy/0000")
    if number:
        with pytest.raises(
            AnnotationError, match=r"the path says Happy \(0\), the label says Fear"
        ):
            read(file, tmp_path)
    else:
        assert read(file, tmp_path)[0].folder == tmp_path / "Action/Happy/0000"


@pytest.mark.parametrize(
    "text",
    ["a, b/clip,2\n", "path,label\na, b/clip,2\n", '"a, b/clip",2\n', "path label\na, b/clip 2\n"],
)
def test_lists_as_pandas_writes_them(tmp_path: Path, text: str) -> None:
    file = write(tmp_path, text, "a, b/clip")
    assert [(clip.folder, clip.label) for clip in read(file, tmp_path)] == [
        (tmp_path / "a, b/clip", 2)
    ]


def test_litter_among_frames_is_no_frame(tmp_path: Path) -> None:
    for name in ("1.jpg", "2.jpg", "3.jpg"):
        Image.new("RGB", (8, 8)).save(tmp_path / name)
    for name in ("._1.jpg", "._2.jpg", ".DS_Store", "Thumbs.db", ".hidden.png"):
        (tmp_path / name).write_bytes(b"litter")
    (tmp_path / "x.jpg").mkdir()
    found = frames.list_frames(tmp_path)
    assert [path.name for path in found] == ["1.jpg", "2.jpg", "3.jpg"]
    assert len(frames.load(found, range(3))) == 3


def test_frames_come_in_the_order_of_their_numbers(tmp_path: Path) -> None:
    for name in ("10.png", "9.png", "0008.jpg", "frame_11.png"):
        picture(tmp_path / name)
    (tmp_path / "notes.txt").write_text("no frame")
    found = [path.name for path in frames.list_frames(tmp_path)]
    assert found == ["0008.jpg", "9.png", "10.png", "frame_11.png"]
    assert [path.name for path in frames.list_frames(tmp_path, 2)] == ["0008.jpg", "9.png"]


def test_frames_become_rgb_and_repeat(tmp_path: Path) -> None:
    picture(tmp_path / "1.png", 7)
    picture(tmp_path / "2.png", 9)
    loaded = frames.load(frames.list_frames(tmp_path), [1, 0, 1])
    assert [image.getpixel((0, 0)) for image in loaded] == [(9, 9, 9), (7, 7, 7), (9, 9, 9)]


def test_bad_frames_are_named(tmp_path: Path) -> None:
    with pytest.raises(FrameError, match=rf"{tmp_path} holds no frames"):
        frames.list_frames(tmp_path)
    picture(tmp_path / "1.png")
    with pytest.raises(FrameError, match=r"holds 1 frames; the list says 2"):
        frames.list_frames(tmp_path, 2)
    cut = tmp_path / "2.png"
    cut.write_bytes((tmp_path / "1.png").read_bytes()[:40])
    gone = tmp_path / "3.png"
    for path, said in ((cut, "no readable image"), (gone, "missing")):
        with pytest.raises(FrameError, match=f"{re.escape(str(path))} is {said}"):
            frames.load([path], [0])


def test_the_message_of_a_decoding_process_is_one_line() -> None:
    error = FrameError("Caught FrameError in worker 0.\nTraceback ...\nx.FrameError: the frame a")
    assert frames.plain_message(error) == "the frame a"
    assert frames.plain_message(FrameError("the frame a")) == "the frame a"
