"""Pure: edit lists: EDL (CMX 3600), Final Cut Pro 7's XML, and OpenTimelineIO."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING
from xml.sax.saxutils import escape

from resonance_tui.errors import InputError
from resonance_tui.extras import require
from resonance_tui.history.cues.cue import Cue, CueSheet, heaviest, left_out
from resonance_tui.history.cues.rates import FrameRate
from resonance_tui.history.cues.texts import one_line

if TYPE_CHECKING:
    import opentimelineio as otio

EDL_MOST = 999  # events are numbered with three digits
EDL_FASTEST = 99  # frames have two
EDL_LONGEST_S = 86_400  # time codes begin again after a day


def edl(sheet: CueSheet, rate: FrameRate) -> Iterator[str]:
    """CMX 3600 with non-drop time codes from 00:00:00:00: an event for each cue, which takes its
    part of the video, with a locator at its start. Of more than 999 cues in the first 24 hours the
    heaviest stay.

    Raises InputError for rates whose frames have three digits.
    """
    if rate.nominal > EDL_FASTEST:
        raise InputError(f"An EDL has no time codes at {rate} frames a second.", "Give --rate 60.")
    yield f"TITLE: {one_line(sheet.title)}\nFCM: NON-DROP FRAME\n"
    for number, cue in enumerate(_events(sheet), start=1):
        part = " ".join(rate.timecode(time) for time in (cue.start, cue.end))
        title = one_line(cue.title)
        yield (
            f"\n{number:03}  AX       V     C        {part} {part}\n"
            f"* FROM CLIP NAME: {title}\n"
            f"* LOC: {rate.timecode(cue.start)} RED     {title}\n"
        )


def edl_remark(sheet: CueSheet) -> str:
    """How many an EDL does not hold; "" where it holds all."""
    return left_out(len(sheet.cues) - len(_events(sheet)), "an EDL holds 999, of 24 hours")


def _events(sheet: CueSheet) -> list[Cue]:
    """Each ends where the next one begins: one track has no two pictures at once."""
    kept = heaviest([cue for cue in sheet.cues if cue.end < EDL_LONGEST_S], EDL_MOST)
    nexts = [*(cue.start for cue in kept[1:]), sheet.length][: len(kept)]
    return [
        replace(cue, end=min(cue.end, after)) if after > cue.start else cue
        for cue, after in zip(kept, nexts, strict=True)
    ]


def fcp7(sheet: CueSheet, rate: FrameRate) -> Iterator[str]:
    """A sequence of the video's length with a marker for each cue, in frames."""
    about = (
        f"<rate><timebase>{rate.nominal}</timebase>"
        f"<ntsc>{'TRUE' if rate.is_ntsc else 'FALSE'}</ntsc></rate>"
    )
    yield (
        '<?xml version="1.0" encoding="UTF-8"?>\n<!DOCTYPE xmeml>\n<xmeml version="5">\n'
        f" <sequence>\n  <name>{escape(one_line(sheet.title))}</name>\n"
        f"  <duration>{rate.frame(sheet.length)}</duration>\n  {about}\n"
        f"  <timecode>{about}<string>00:00:00:00</string><frame>0</frame>"
        "<displayformat>NDF</displayformat></timecode>\n"
        "  <media><video><track/></video></media>\n"
    )
    for cue in sheet.cues:
        start, end = _frames(cue, rate)
        yield (
            f"  <marker><name>{escape(one_line(cue.title))}</name>"
            f"<comment>{escape(one_line(cue.note))}</comment>"
            f"<in>{start}</in><out>{end}</out></marker>\n"
        )
    yield " </sequence>\n</xmeml>\n"


def opentimeline(sheet: CueSheet, rate: FrameRate) -> Iterator[str]:
    """A timeline of the video's length with a marker for each cue, in frames.

    Raises ExtraMissing where OpenTimelineIO is not installed.
    """
    require("editors", "OpenTimelineIO")
    import opentimelineio as otio

    speed = float(rate.value)  # never 29.97, which the library takes for no rate

    def stretch(start: int, end: int) -> otio.opentime.TimeRange:
        first, length = (otio.opentime.RationalTime(n, speed) for n in (start, end - start))
        return otio.opentime.TimeRange(first, length)

    timeline = otio.schema.Timeline(one_line(sheet.title))
    track = otio.schema.Track("Video", kind=otio.schema.TrackKind.Video)
    track.append(otio.schema.Gap(source_range=stretch(0, rate.frame(sheet.length))))
    timeline.tracks.append(track)
    for cue in sheet.cues:
        marker = otio.schema.Marker(one_line(cue.title), stretch(*_frames(cue, rate)))
        marker.metadata["resonance_tui"] = {"note": one_line(cue.note), "color": cue.color}
        timeline.tracks.markers.append(marker)
    yield otio.adapters.write_to_string(timeline, "otio_json")
    yield "\n"


def _frames(cue: Cue, rate: FrameRate) -> tuple[int, int]:
    start = rate.frame(cue.start)
    return start, max(rate.frame(cue.end), start + 1)
