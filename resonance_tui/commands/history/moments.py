"""`history --moments` and `--marks`: what the room reacted to, and what a person marked."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from fractions import Fraction

from resonance_tui.commands.console import say
from resonance_tui.commands.history.output import Asked, put_data, put_text
from resonance_tui.emotions import EMOTIONS, REACTIONS, Emotion
from resonance_tui.errors import InputError
from resonance_tui.history import export
from resonance_tui.history.cues.cue import CueSheet
from resonance_tui.history.cues.from_live import with_live
from resonance_tui.history.cues.from_moments import Clip, exact, sheet
from resonance_tui.history.cues.rates import DEFAULT_RATE, FrameRate
from resonance_tui.history.cues.registry import FORMATS
from resonance_tui.history.live_marks import LiveMark
from resonance_tui.history.loading import LoadedSession, Request, moments_in, read
from resonance_tui.history.marks import Mark
from resonance_tui.history.moments import Moment
from resonance_tui.history.peaks import APART_S
from resonance_tui.history.reels import Reel, base_name, choose_reel
from resonance_tui.history.video_parts import STREAM, Place, place_of
from resonance_tui.texts import mark, tr_n

MOST_MOMENTS = 50  # where --top says nothing
_OF_MOMENTS = ("emotions", "top", "apart")
_OF_CUES = ("clip", "lead_in", "rate", "file")


def check(asked: Asked) -> None:
    """What is asked of moments is asked with them, and can be read. Raises InputError."""
    for names, lists in ((_OF_MOMENTS, ("moments",)), (_OF_CUES, ("moments", "marks"))):
        given = [name for name in names if getattr(asked, name)]
        if given and asked.what not in lists:
            flag = "--" + given[0].replace("emotions", "emotion").replace("_", "-")
            what = " and ".join(lists)
            raise InputError(
                mark("{flag} is for {what}.", flag=flag, what=what),
                mark("Give --{lists} with it.", lists=lists[0]),
            )
    for parse in (_clip, _apart_s, _rate):
        parse(asked)


def write_moments(request: Request, asked: Asked, format: str) -> None:
    """The moments and marks of the range in `format`; a word about what is not in them. Of one
    emotion there are no marks."""
    loaded = read(request)
    found = _found(request, loaded, asked)
    marked = () if asked.emotions else loaded.marks
    if format not in FORMATS:
        zero = zero_of(request, loaded)
        reel = choose_reel(loaded.parts, asked.file, loaded.video) if asked.file else None
        cues = _in_file(_sheet(request, loaded, asked, found, marked, None), zero, reel)
        _say_what_is_missing(loaded, asked, len(found) + len(marked), cues, reel)
        places = [_place(loaded, zero + float(cue.at)) for cue in cues.cues]
        lines = export.moment_records(cues, request.zone, places)
        put_data(export.FORMATS[format](lines, export.MOMENT_COLUMNS), asked.out)
        return
    reel = choose_reel(loaded.parts, asked.file, loaded.video)
    cues = _sheet(request, loaded, asked, found, marked, reel)
    _say_what_is_missing(loaded, asked, len(found) + len(marked), cues, reel)
    write_cues(cues, asked, format)


def _sheet(
    request: Request,
    loaded: LoadedSession,
    asked: Asked,
    found: Sequence[Moment],
    marked: Sequence[Mark],
    reel: Reel | None,
) -> CueSheet:
    """With a reel, positions are those in that file."""
    zero, clip, late = zero_of(request, loaded), _clip(asked), loaded.delay_s or 0.0
    place = _placed(zero, reel)
    cues = sheet(
        found,
        zero,
        _end(loaded, marked) if reel is None else zero + reel.length_s,
        title=title_of(request, loaded, zero),
        clip=clip,
        marks=marked,
        delay_s=late,
        place=place,
    )
    return with_live(cues, _live(loaded, asked), zero, place, clip=clip, delay_s=late)


def _in_file(cues: CueSheet, zero: float, reel: Reel | None) -> CueSheet:
    """Only those that are in the file, at their places in the session's video."""
    if reel is None:
        return cues
    kept = (cue for cue in cues.cues if reel.position(zero + float(cue.at)) is not None)
    return replace(cues, cues=tuple(kept))


def _end(loaded: LoadedSession, marked: Sequence[Mark]) -> float:
    """Where what is known of the session ends (epoch s)."""
    return max([loaded.track.end, *(int(each.t) for each in marked)]) + 1


def _placed(zero: float, reel: Reel | None) -> Callable[[Fraction], Fraction | None]:
    def place(at: Fraction) -> Fraction | None:
        if reel is None:
            return at
        position = reel.position(zero + float(at))
        return None if position is None else exact(position)

    return place


def _live(loaded: LoadedSession, asked: Asked) -> tuple[LiveMark, ...]:
    """Of the largest N none: they were not measured as the others were."""
    if asked.top is not None:
        return ()
    codes = _codes(asked)
    return tuple(mark for mark in loaded.live if mark.emotion in codes)


def _place(loaded: LoadedSession, t: float) -> Place | None:
    """In the recording, else in the stream."""
    return place_of(loaded.parts, t) or place_of(loaded.parts, t, STREAM)


def _found(request: Request, loaded: LoadedSession, asked: Asked) -> list[Moment]:
    if asked.what == "marks":
        return []
    top, apart_s = asked.top or MOST_MOMENTS, _apart_s(asked)
    return moments_in(request, loaded.track, _codes(asked), top=top, apart_s=apart_s)


def title_of(request: Request, loaded: LoadedSession, zero: float) -> str:
    named = loaded.span.title if loaded.span is not None else ""
    return f"{named or request.channel} {export.in_utc(zero)[:10]}"


def write_cues(cues: CueSheet, asked: Asked, format: str) -> None:
    chosen, rate = FORMATS[format], _rate(asked)
    if chosen.has_rate and asked.rate is None:
        say(f"Frames are counted at {rate} a second; --rate says otherwise.")
    if cues.cues and (remark := chosen.remark_on(cues)):
        say(remark)
    put = put_text if format in ("text", "youtube") else put_data
    put(chosen.write(cues, rate), asked.out)


def _say_what_is_missing(
    loaded: LoadedSession, asked: Asked, count: int, cues: CueSheet, reel: Reel | None = None
) -> None:
    """`count`: moments and marks that were looked for a place in the sheet."""
    only_live = sum(cue.live is not None and cue.moment is None for cue in cues.cues)
    missing = count + only_live - len(cues.cues)
    if not count and not only_live:
        is_of_marks = asked.what == "marks"
        say(
            "Nobody marked anything: no marks."
            if is_of_marks
            else "The room never changed its mind beyond chance: no moments."
        )
    elif missing and reel is not None:
        say(
            tr_n(
                "{count} moment is not in {file}; --file names another one.",
                "{count} moments are not in {file}; --file names another one.",
                missing,
                file=base_name(reel.parts[0].file) or "OBS's file",
            )
        )
    elif missing:
        say(
            tr_n(
                "{count} moment lies before the {what} begins.",
                "{count} moments lie before the {what} begins.",
                missing,
                what="recording" if loaded.video is None else "video",
            )
        )


def zero_of(request: Request, loaded: LoadedSession) -> float:
    """Where positions are counted from (epoch s): the video's first picture; without one the
    picture that the room saw when the range began, or the recording's first second."""
    if loaded.video is not None:
        return loaded.video
    if request.start is not None:
        return request.start - (loaded.delay_s or 0.0)
    return loaded.track.start


def _codes(asked: Asked) -> tuple[Emotion, ...]:
    known = {code.word: code for code in EMOTIONS}
    return tuple(dict.fromkeys(known[word] for word in asked.emotions)) or REACTIONS


def _apart_s(asked: Asked) -> int:
    """Clips do not overlap unless that is asked for."""
    if asked.apart is not None:
        return round(asked.apart)
    return max(APART_S, round(_clip(asked).length_s or 0))


def _clip(asked: Asked) -> Clip:
    length, lead_in = asked.clip, asked.lead_in
    if length is not None and lead_in is not None and lead_in >= length:
        raise InputError(
            mark("A lead-in as long as the clip leaves nothing of the moment."),
            mark("Give a shorter one."),
        )
    return Clip(length, lead_in)


def _rate(asked: Asked) -> FrameRate:
    return DEFAULT_RATE if asked.rate is None else FrameRate.parse(asked.rate)
