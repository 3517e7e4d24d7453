"""Pure: projects of Kdenlive and Shotcut that hold the cues as guides and markers."""

from __future__ import annotations

import json
from collections.abc import Iterator
from xml.sax.saxutils import escape, quoteattr

from resonance_tui.history.cues.cue import CueSheet
from resonance_tui.history.cues.rates import FrameRate
from resonance_tui.history.cues.texts import hours, one_line

WIDTH, HEIGHT = 1920, 1080


def kdenlive(sheet: CueSheet, rate: FrameRate) -> Iterator[str]:
    """An empty project of the video's length with a guide for each cue. Guides are points."""
    guides = [
        {"comment": one_line(f"{cue.title} ({cue.note})"), "pos": rate.frame(cue.start), "type": 0}
        for cue in sheet.cues
    ]
    last = rate.frame(sheet.length)
    yield _head("main_bin", sheet.title)
    yield _profile(rate)
    yield _black(last)
    yield ' <playlist id="main_bin">\n'
    yield _property("kdenlive:docproperties.version", "1.04", 2)
    yield _property("kdenlive:docproperties.guides", json.dumps(guides, ensure_ascii=False), 2)
    yield _property("xml_retain", "1", 2)
    yield (
        " </playlist>\n"
        ' <playlist id="video"/>\n <playlist id="video_below"/>\n'
        ' <tractor id="track" in="0">\n'
        '  <track hide="audio" producer="video"/>\n  <track hide="audio" producer="video_below"/>\n'
        " </tractor>\n"
        f' <tractor id="timeline" in="0" out="{last}">\n'
        '  <track producer="black"/>\n  <track producer="track"/>\n </tractor>\n</mlt>\n'
    )


def shotcut(sheet: CueSheet, rate: FrameRate) -> Iterator[str]:
    """An empty project of the video's length with a coloured marker for each cue, from its start
    to its end."""
    last = rate.frame(sheet.length)
    yield _head("timeline", sheet.title)
    yield _profile(rate)
    yield _black(last)
    yield f' <playlist id="background">\n  <entry producer="black" in="0" out="{last}"/>\n'
    yield ' </playlist>\n <playlist id="video">\n'
    yield _property("shotcut:video", "1", 2)
    yield _property("shotcut:name", "V1", 2)
    yield " </playlist>\n"
    yield f' <tractor id="timeline" title="Shotcut" in="0" out="{last}">\n'
    yield _property("shotcut", "1", 2)
    yield '  <properties name="shotcut:markers">\n'
    for number, cue in enumerate(sheet.cues):
        yield f'   <properties name="{number}">\n'
        yield _property("text", one_line(cue.title), 4)
        yield _property("start", hours(cue.start), 4)
        yield _property("end", hours(cue.end), 4)
        yield _property("color", cue.color, 4)
        yield "   </properties>\n"
    yield '  </properties>\n  <track producer="background"/>\n  <track producer="video"/>\n'
    yield " </tractor>\n</mlt>\n"


def _head(first: str, title: str) -> str:
    return (
        '<?xml version="1.0" encoding="utf-8"?>\n'
        f'<mlt LC_NUMERIC="C" version="7.12.0" producer="{first}" '
        f"title={quoteattr(one_line(title))}>\n"
    )


def _profile(rate: FrameRate) -> str:
    return (
        f' <profile description="{HEIGHT}p {rate}" width="{WIDTH}" height="{HEIGHT}" '
        'progressive="1" sample_aspect_num="1" sample_aspect_den="1" display_aspect_num="16" '
        f'display_aspect_den="9" frame_rate_num="{rate.value.numerator}" '
        f'frame_rate_den="{rate.value.denominator}" colorspace="709"/>\n'
    )


def _black(last: int) -> str:
    properties = {
        "length": str(last + 1),
        "eof": "pause",
        "resource": "black",
        "mlt_service": "color",
        "kdenlive:playlistid": "black_track",
    }
    inner = "".join(_property(name, value, 2) for name, value in properties.items())
    return f' <producer id="black" in="0" out="{last}">\n{inner} </producer>\n'


def _property(name: str, value: str, indent: int) -> str:
    return f'{" " * indent}<property name="{name}">{escape(value)}</property>\n'
