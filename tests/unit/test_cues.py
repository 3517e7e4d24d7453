"""Exports of moments: exact frames, texts that no format chokes on, and other programs' readings.

A program that is not here skips its test by name.
"""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from children import run_child
from hypothesis import given
from hypothesis import strategies as st

from resonance_tui.errors import ExtraMissing, InputError
from resonance_tui.extras import missing
from resonance_tui.history.cues.cue import Cue, CueSheet
from resonance_tui.history.cues.rates import FrameRate
from resonance_tui.history.cues.registry import BY_SUFFIX, FORMATS

NTSC = FrameRate.parse("29.97")
TWELVE_HOURS = Fraction(43_200)


def cue(at: float, title: str = "Laughter: happiness 61 %", weight: float = 0.5) -> Cue:
    start = Fraction(at)
    return Cue(start, start + 8, start, title, "half of the room, 8 s, sure", "#33aa44", weight)


EVENING = CueSheet(
    'Gelächter & "Katzen" <live>',
    (cue(12), cue(75.5, 'a < b & "c" --> d; e=#1 \\ 😀'), cue(43_140, "Scare: fear 40 %")),
    TWELVE_HOURS,
)
TITLES = [each.title for each in EVENING.cues]
STARTS = [float(each.start) for each in EVENING.cues]


def written(name: str, sheet: CueSheet = EVENING, rate: FrameRate = NTSC) -> str:
    return "".join(FORMATS[name].write(sheet, rate))


# Rates


@pytest.mark.parametrize(
    ("text", "value", "nominal"),
    [
        ("23.976", Fraction(24_000, 1001), 24),
        ("23.98", Fraction(24_000, 1001), 24),
        ("29.97", Fraction(30_000, 1001), 30),
        ("59.94", Fraction(60_000, 1001), 60),
        ("30000/1001", Fraction(30_000, 1001), 30),
        ("25", Fraction(25), 25),
        ("25.0", Fraction(25), 25),
        ("12", Fraction(12), 12),
    ],
)
def test_rates_are_exact(text: str, value: Fraction, nominal: int) -> None:
    assert (FrameRate.parse(text).value, FrameRate.parse(text).nominal) == (value, nominal)


@pytest.mark.parametrize(
    "text", ["", "29.9", "0", "-25", "1000", "25/0", "25/2", "2997/100", "fast", "24p"]
)
def test_what_is_no_rate(text: str) -> None:
    with pytest.raises(InputError, match="no frame rate"):
        FrameRate.parse(text)


def test_time_codes_count_frames() -> None:
    assert FrameRate.parse("23.976").timecode(TWELVE_HOURS) == "11:59:16:20"
    assert FrameRate.parse("25").timecode(TWELVE_HOURS) == "12:00:00:00"
    assert NTSC.timecode(Fraction(12)) == "00:00:12:00"
    assert FrameRate.parse("60").timecode(Fraction(90_000)) == "01:00:00:00"


@given(st.integers(0, 5_000_000), st.sampled_from(["23.976", "29.97", "59.94", "25", "60"]))
def test_a_frame_and_its_time_are_one(frame: int, text: str) -> None:
    rate = FrameRate.parse(text)
    assert rate.frame(frame / rate.value) == frame


# Any text


@pytest.mark.parametrize("name", [name for name in FORMATS if name != "otio"])
@given(texts=st.lists(st.text(min_size=0, max_size=12), min_size=1, max_size=4))
def test_no_title_breaks_a_file(name: str, texts: list[str]) -> None:
    cues = tuple(cue(60 + 60 * number, text) for number, text in enumerate(texts))
    text = written(name, CueSheet(texts[0], cues, Fraction(1000)))
    text.encode()
    if text.startswith("<?xml"):
        ElementTree.fromstring(text)
    lines = {"text": 1, "youtube": 1, "audacity": 1, "webvtt": 3, "srt": 4}.get(name)
    if lines is not None:
        extra = 0 if name in ("audacity", "srt") else 1
        assert len(text.split("\n")) - 1 == lines * len(cues) + extra


def test_the_name_of_a_file_tells_the_format_where_it_can() -> None:
    assert BY_SUFFIX == {
        "txt": "text",
        "vtt": "webvtt",
        "srt": "srt",
        "ffmeta": "ffmetadata",
        "kdenlive": "kdenlive",
        "mlt": "shotcut",
        "edl": "edl",
        "otio": "otio",
    }


@pytest.mark.parametrize("name", [name for name in FORMATS if name != "otio"])
def test_an_evening_without_moments_is_a_whole_file(name: str) -> None:
    text = written(name, CueSheet("quiet", (), Fraction(60)))
    if text.startswith("<?xml"):
        ElementTree.fromstring(text)


# Chapters in files


def probe(path: Path) -> list[tuple[float, float, str]]:
    command = ["ffprobe", "-v", "error", "-show_chapters", "-of", "json", str(path)]
    done = run_child(command, capture_output=True, check=True, timeout=30)
    return [
        (float(each["start_time"]), float(each["end_time"]), each.get("tags", {}).get("title", ""))
        for each in json.loads(done.stdout)["chapters"]
    ]


def need(*programs: str) -> None:
    for program in programs:
        if shutil.which(program) is None:
            pytest.skip(f"{program} is not installed")


@pytest.fixture
def mux(tmp_path: Path) -> Callable[[str, str, CueSheet], Path]:
    """A video of the sheet's length with the metadata of a format, by FFmpeg."""
    need("ffmpeg", "ffprobe")

    def muxed(name: str, suffix: str, sheet: CueSheet) -> Path:
        about, out = tmp_path / f"{name}.ffmeta", tmp_path / f"out{suffix}"
        about.write_text(written(name, sheet), encoding="utf-8")
        source = f"color=c=black:s=16x16:r=1:d={sheet.length}"
        arguments = ["-v", "error", "-y", "-f", "lavfi", "-i", source, "-i", str(about)]
        arguments += ["-map_metadata", "1", "-c:v", "mpeg4", str(out)]
        run_child(["ffmpeg", *arguments], check=True, timeout=60)
        return out

    return muxed


SHORT = CueSheet(EVENING.title, (cue(12, TITLES[0]), cue(75.5, TITLES[1])), Fraction(120))


def test_ffmpeg_reads_matroska_chapters_with_gaps(mux: Any) -> None:
    found = probe(mux("ffmetadata", ".mkv", SHORT))
    assert found == [(12.0, 20.0, TITLES[0]), (75.5, 83.5, TITLES[1])]


def test_ffmpeg_reads_mp4_chapters_from_zero_without_gaps(mux: Any) -> None:
    found = probe(mux("mp4", ".mp4", SHORT))
    assert [(start, title) for start, _, title in found] == [
        (0.0, "Start"),
        (12.0, TITLES[0]),
        (75.5, TITLES[1]),
    ]
    assert all(end == start for (_, end, _), (start, _, _) in pairwise(found))


def test_an_mp4_gets_255_chapters_at_most_and_the_strongest(mux: Any) -> None:
    cues = tuple(cue(10 * n + 10, f"n{n}", weight=n) for n in range(300))
    found = probe(mux("mp4", ".mp4", CueSheet("many", cues, Fraction(3200))))
    assert len(found) == 255
    assert [title for _, _, title in found] == ["Start", *(f"n{n}" for n in range(46, 300))]


@pytest.mark.parametrize("language", ["C", "C.UTF-8"])
def test_mkvmerge_and_ffmpeg_read_matroska_xml(
    tmp_path: Path, language: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    need("mkvmerge", "ffmpeg", "ffprobe")
    monkeypatch.setenv("LC_ALL", language)
    (tmp_path / "c.xml").write_text(written("matroska"), encoding="utf-8")
    (tmp_path / "s.srt").write_text("1\n00:00:00,000 --> 12:00:00,000\nx\n", encoding="utf-8")
    out = tmp_path / "out.mkv"
    command = ["mkvmerge", "-q", "-o", out, "--chapters", tmp_path / "c.xml", tmp_path / "s.srt"]
    run_child(list(map(str, command)), check=True, timeout=60)
    found = probe(out)
    assert [(start, title) for start, _, title in found] == list(zip(STARTS, TITLES, strict=True))


# Subtitles


@pytest.mark.parametrize(("name", "other"), [("webvtt", "srt"), ("srt", "webvtt")])
def test_ffmpeg_reads_subtitles(tmp_path: Path, name: str, other: str) -> None:
    need("ffmpeg")
    path = tmp_path / f"cues.{FORMATS[name].suffix}"
    path.write_text(written(name), encoding="utf-8")
    command = ["ffmpeg", "-v", "error", "-i", str(path), "-f", other, "-"]
    done = run_child(command, capture_output=True, check=True, timeout=30)
    stamps = re.findall(r"^(?:(\d+):)?(\d\d):(\d\d)[.,](\d{3}) -->", done.stdout.decode(), re.M)
    found = [3600 * int(h or 0) + 60 * int(m) + int(s) + int(ms) / 1000 for h, m, s, ms in stamps]
    assert found == STARTS
    assert TITLES[0] in done.stdout.decode()


def test_no_title_ends_a_subtitle_or_styles_it() -> None:
    titles = ("00:00:01,000 --> 00:00:02,000", "<i>a</i> {\\an8}")
    text = written("srt", CueSheet("", tuple(map(cue, (10, 20), titles)), TWELVE_HOURS))
    assert text.count("-->") == 2
    assert not set("<{}") & set(text)


# Editors


def test_melt_reads_shotcuts_markers(tmp_path: Path) -> None:
    need("melt")
    path = tmp_path / "room.mlt"
    path.write_text(written("shotcut"), encoding="utf-8")
    command = ["melt", str(path), "-consumer", "xml"]
    done = run_child(command, capture_output=True, check=True, timeout=60)
    project = ElementTree.fromstring(done.stdout[done.stdout.index(b"<?xml") :])
    markers = project.findall(".//properties[@name='shotcut:markers']/properties")
    found = [{each.get("name"): each.text for each in marker} for marker in markers]
    assert [marker["text"] for marker in found] == TITLES
    assert [marker["start"] for marker in found] == ["00:00:12.000", "00:01:15.500", "11:59:00.000"]
    assert found[0]["color"] == "#33aa44"


def test_a_kdenlive_project_holds_guides_in_frames() -> None:
    project = ElementTree.fromstring(written("kdenlive"))
    (text,) = project.findall(".//property[@name='kdenlive:docproperties.guides']")
    guides = json.loads(text.text or "")
    assert [guide["pos"] for guide in guides] == [360, 2263, 1_292_907]
    assert guides[0]["comment"] == f"{TITLES[0]} (half of the room, 8 s, sure)"


def test_audacity_labels_are_three_columns() -> None:
    rows = [line.split("\t") for line in written("audacity").splitlines()]
    assert [(float(a), float(b), title) for a, b, title in rows] == [
        (float(each.start), float(each.end), each.title) for each in EVENING.cues
    ]


RATES = ["23.976", "24", "25", "29.97", "30", "50", "59.94", "60"]


@pytest.mark.parametrize("text", RATES)
def test_opentimelineio_reads_final_cuts_xml_frame_by_frame(text: str) -> None:
    otio = pytest.importorskip("opentimelineio")
    pytest.importorskip("otio_fcp_adapter")
    rate = FrameRate.parse(text)
    found = otio.adapters.read_from_string(written("fcp7", rate=rate), "fcp_xml")
    markers = found.tracks.markers if hasattr(found, "tracks") else found[0].tracks.markers
    assert [marker.name for marker in markers] == TITLES
    frames = [rate.frame(each.start) for each in EVENING.cues]
    assert [marker.marked_range.start_time.value for marker in markers] == frames


@pytest.mark.parametrize("text", RATES)
def test_opentimelineio_reads_an_edl_frame_by_frame(text: str) -> None:
    otio = pytest.importorskip("opentimelineio")
    pytest.importorskip("otio_cmx3600_adapter")
    rate = FrameRate.parse(text)
    found = otio.adapters.read_from_string(written("edl", rate=rate), "cmx_3600", rate=rate.nominal)
    clips = list(found.find_clips())
    frames = [rate.frame(each.start) for each in EVENING.cues]
    assert [clip.source_range.start_time.value for clip in clips] == frames
    assert [clip.name for clip in clips] == TITLES
    locators = [clip.markers[0] for clip in clips]
    assert [marker.marked_range.start_time.value for marker in locators] == frames
    assert [marker.name for marker in locators] == TITLES


def test_an_edl_holds_the_999_strongest_and_no_rate_of_three_digits() -> None:
    cues = tuple(cue(10 * n, f"n{n}", weight=n) for n in range(1100))
    lines = written("edl", CueSheet("many", cues, Fraction(12_000))).splitlines()
    events = [line for line in lines if re.match(r"\d{3}  AX", line)]
    assert (len(events), events[0][:3], events[-1][:3]) == (999, "001", "999")
    assert "* FROM CLIP NAME: n101" in lines and "* FROM CLIP NAME: n100" not in lines
    with pytest.raises(InputError, match="no time codes at 120"):
        written("edl", rate=FrameRate.parse("120"))


def test_events_of_an_edl_do_not_overlap() -> None:
    cues = (replace(cue(60), end=Fraction(300)), cue(90), cue(90))
    lines = written("edl", CueSheet("scene", cues, TWELVE_HOURS), FrameRate.parse("25"))
    assert re.findall(r"C        (\S+) (\S+) ", lines) == [
        ("00:01:00:00", "00:01:30:00"),
        ("00:01:30:00", "00:01:38:00"),
        ("00:01:30:00", "00:01:38:00"),
    ]


def test_an_edl_has_no_second_day() -> None:
    cues = (cue(60), cue(86_393), cue(90_000))
    sheet = CueSheet("long", cues, Fraction(100_000))
    assert written("edl", sheet).count("FROM CLIP NAME") == 1
    assert FORMATS["edl"].remark_on(sheet).startswith("Left out: 2 of the moments")


@pytest.mark.parametrize(("name", "count"), [("edl", 1000), ("mp4", 255)])
def test_what_a_format_has_no_place_for_is_said(name: str, count: int) -> None:
    cues = tuple(cue(10 * n) for n in range(1, count + 1))
    assert "Left out: 1 " in FORMATS[name].remark_on(CueSheet("", cues, Fraction(12_000)))
    assert FORMATS[name].remark_on(CueSheet("", cues[1:], Fraction(12_000))) == ""


def test_an_otio_file_holds_any_note() -> None:
    otio = pytest.importorskip("opentimelineio")
    noted = replace(cue(60), note="a\x00b\ud800c\nd")
    text = written("otio", CueSheet("\ud800", (noted,), TWELVE_HOURS))
    (marker,) = otio.adapters.read_from_string(text, "otio_json").tracks.markers
    assert marker.metadata["resonance_tui"]["note"] == "a b c d"


@pytest.mark.parametrize("text", RATES)
def test_an_otio_file_has_exact_frames(text: str) -> None:
    otio = pytest.importorskip("opentimelineio")
    rate = FrameRate.parse(text)
    found = otio.adapters.read_from_string(written("otio", rate=rate), "otio_json")
    frames = [rate.frame(each.start) for each in EVENING.cues]
    markers = found.tracks.markers
    assert [marker.marked_range.start_time.value for marker in markers] == frames
    assert markers[0].marked_range.start_time.rate == float(rate.value)
    assert found.duration().value == rate.frame(EVENING.length)


@pytest.mark.skipif(not missing("opentimelineio"), reason="OpenTimelineIO is installed")
def test_without_opentimelineio_it_is_said_how_to_get_it() -> None:
    with pytest.raises(ExtraMissing, match="OpenTimelineIO needs the extra 'editors'") as caught:
        written("otio")
    assert "Install it" in caught.value.hint
