"""`history --moments` and `--marks`: what the room reacted to, and what a person marked."""

from __future__ import annotations

from resonance_tui.commands.console import say
from resonance_tui.commands.history.output import Asked, put_data, put_text
from resonance_tui.emotions import EMOTIONS, Emotion
from resonance_tui.errors import InputError
from resonance_tui.history import export
from resonance_tui.history.cues.cue import CueSheet
from resonance_tui.history.cues.from_moments import Clip, sheet
from resonance_tui.history.cues.rates import DEFAULT_RATE, FrameRate
from resonance_tui.history.cues.registry import FORMATS
from resonance_tui.history.loading import LoadedSession, Request, read
from resonance_tui.history.moments import Moment
from resonance_tui.history.peaks import APART_S, REACTIONS, peaks
from resonance_tui.texts import tr_n

MOST_MOMENTS = 50  # where --top says nothing
_OF_MOMENTS = ("emotions", "top", "apart")
_OF_CUES = ("clip", "lead_in", "rate")


def check(asked: Asked) -> None:
    """What is asked of moments is asked with them, and can be read. Raises InputError."""
    for names, lists in ((_OF_MOMENTS, ("moments",)), (_OF_CUES, ("moments", "marks"))):
        given = [name for name in names if getattr(asked, name)]
        if given and asked.what not in lists:
            flag = "--" + given[0].replace("emotions", "emotion").replace("_", "-")
            what = " and ".join(lists)
            raise InputError(f"{flag} is for {what}.", f"Give --{lists[0]} with it.")
    for parse in (_clip, _apart_s, _rate):
        parse(asked)


def write_moments(request: Request, asked: Asked, format: str) -> None:
    """The moments and marks of the range in `format`; a word about what is not in them. Of one
    emotion there are no marks."""
    loaded = read(request)
    found = _found(loaded, asked)
    marked = () if asked.emotions else loaded.marks
    zero = _zero(request, loaded)
    cues = sheet(
        found,
        zero,
        max([loaded.track.end, *(int(each.t) for each in marked)]) + 1,
        title=_title(request, loaded, zero),
        clip=_clip(asked),
        marks=marked,
        delay_s=loaded.delay_s or 0.0,
    )
    _say_what_is_missing(asked, len(found) + len(marked), cues)
    if format not in FORMATS:
        lines = export.moment_records(cues, request.zone)
        put_data(export.FORMATS[format](lines, export.MOMENT_COLUMNS), asked.out)
        return
    _write_cues(cues, asked, format)


def _found(loaded: LoadedSession, asked: Asked) -> list[Moment]:
    if asked.what == "marks":
        return []
    top, apart_s = asked.top or MOST_MOMENTS, _apart_s(asked)
    return peaks(loaded.track, _codes(asked), top=top, apart_s=apart_s)


def _title(request: Request, loaded: LoadedSession, zero: float) -> str:
    named = loaded.span.title if loaded.span is not None else ""
    return f"{named or request.channel} {export.in_utc(zero)[:10]}"


def _write_cues(cues: CueSheet, asked: Asked, format: str) -> None:
    chosen, rate = FORMATS[format], _rate(asked)
    if chosen.has_rate and asked.rate is None:
        say(f"Frames are counted at {rate} a second; --rate says otherwise.")
    if cues.cues and (remark := chosen.remark_on(cues)):
        say(remark)
    put = put_text if format in ("text", "youtube") else put_data
    put(chosen.write(cues, rate), asked.out)


def _say_what_is_missing(asked: Asked, count: int, cues: CueSheet) -> None:
    if not count and asked.what == "marks":
        say("Nobody marked anything: no marks.")
    elif not count:
        say("The room never changed its mind beyond chance: no moments.")
    elif before := count - len(cues.cues):
        say(
            tr_n(
                "{count} moment lies before the video begins.",
                "{count} moments lie before the video begins.",
                before,
            )
        )


def _zero(request: Request, loaded: LoadedSession) -> float:
    """Where positions are counted from (epoch s): the video's first picture, or the range's first
    second."""
    if loaded.video is not None:
        return loaded.video
    return request.start if request.start is not None else loaded.track.start


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
            "A lead-in as long as the clip leaves nothing of the moment.", "Give a shorter one."
        )
    return Clip(length, lead_in)


def _rate(asked: Asked) -> FrameRate:
    return DEFAULT_RATE if asked.rate is None else FrameRate.parse(asked.rate)
