"""The formats that moments are written in for other programs: a new one is a row here."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from resonance_tui.history.cues.cue import CueSheet
    from resonance_tui.history.cues.rates import FrameRate

    Writer = Callable[[CueSheet, FrameRate], Iterator[str]]


@dataclass(frozen=True, slots=True)
class CueFormat:
    """How cues are written for one program; its module is imported when it is used."""

    title: str  # what a person calls it
    place: str  # of the writer: "module:function" in this package
    suffix: str = ""  # of files that hold nothing else; "" where the name does not tell
    has_rate: bool = False  # whether times are frames
    is_experimental: bool = False  # no program that is not its writer has read it back
    remark: str = ""  # in the same module: what the person should know of a sheet, or ""

    def write(self, sheet: CueSheet, rate: FrameRate) -> Iterator[str]:
        """The file, in parts. Raises InputError where the format cannot hold it."""
        return cast("Writer", self._load(self.place.partition(":")[2]))(sheet, rate)

    def remark_on(self, sheet: CueSheet) -> str:
        """What the person should know of it; "" where there is nothing."""
        if not self.remark:
            return ""
        return cast("Callable[[CueSheet], str]", self._load(self.remark))(sheet)

    def _load(self, name: str) -> object:
        return getattr(import_module(f"{__package__}.{self.place.partition(':')[0]}"), name)


_YOUTUBE = CueFormat("YouTube chapters", "chapters:youtube", "txt", remark="youtube_remark")
FORMATS: dict[str, CueFormat] = {
    "text": _YOUTUBE,
    "youtube": _YOUTUBE,
    "webvtt": CueFormat("WebVTT", "subtitles:webvtt", "vtt"),
    "srt": CueFormat("SubRip subtitles", "subtitles:srt", "srt"),
    "matroska": CueFormat("Matroska chapters", "chapters:matroska"),
    "ffmetadata": CueFormat("FFmpeg metadata for Matroska", "chapters:ffmetadata", "ffmeta"),
    "mp4": CueFormat("FFmpeg metadata for mp4", "chapters:mp4", remark="mp4_remark"),
    "kdenlive": CueFormat("Kdenlive guides", "editors:kdenlive", "kdenlive", has_rate=True),
    "shotcut": CueFormat("Shotcut markers", "editors:shotcut", "mlt", has_rate=True),
    "audacity": CueFormat("Audacity labels", "subtitles:audacity", is_experimental=True),
    "edl": CueFormat("EDL, non-drop", "edit_lists:edl", "edl", has_rate=True, remark="edl_remark"),
    "fcp7": CueFormat("Final Cut Pro 7 XML", "edit_lists:fcp7", has_rate=True),
    "otio": CueFormat("OpenTimelineIO", "edit_lists:opentimeline", "otio", has_rate=True),
}
BY_SUFFIX = {each.suffix: name for name, each in reversed(FORMATS.items()) if each.suffix}
