"""`history --moments`: what the room reacted to, as chapters, clips and markers."""

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
from resonance_tui.history.loading import LoadedSession, Request, moments_in, read
from resonance_tui.history.peaks import APART_S, REACTIONS
from resonance_tui.texts import tr_n

MOST_MOMENTS = 50  # where --top says nothing
_OF_MOMENTS = ("emotions", "top", "apart", "clip", "lead_in", "rate")


def check(asked: Asked) -> None:
    """What is asked of moments is asked with them, and can be read. Raises InputError."""
    given = [name for name in _OF_MOMENTS if getattr(asked, name)]
    if given and asked.what != "moments":
        flag = "--" + given[0].replace("emotions", "emotion").replace("_", "-")
        raise InputError(f"{flag} is for moments.", "Give --moments with it.")
    for parse in (_clip, _apart_s, _rate):
        parse(asked)


def write_moments(request: Request, asked: Asked, format: str) -> None:
    """The moments of the range in `format`; a word about what is not in them."""
    loaded = read(request)
    found = moments_in(
        request,
        loaded.track,
        _codes(asked),
        top=asked.top or MOST_MOMENTS,
        apart_s=_apart_s(asked),
    )
    zero = _zero(request, loaded)
    title = f"{request.channel} {export.in_utc(zero)[:10]}"
    cues = sheet(found, zero, loaded.track.end + 1, title=title, clip=_clip(asked))
    _say_what_is_missing(len(found), cues)
    if format not in FORMATS:
        lines = export.moment_records(cues, request.zone)
        put_data(export.FORMATS[format](lines, export.MOMENT_COLUMNS), asked.out)
        return
    _write_cues(cues, asked, format)


def _write_cues(cues: CueSheet, asked: Asked, format: str) -> None:
    chosen, rate = FORMATS[format], _rate(asked)
    if chosen.is_experimental:
        say(f"{chosen.title}: experimental, no other program has read it back so far.")
    if chosen.has_rate and asked.rate is None:
        say(f"Frames are counted at {rate} a second; --rate says otherwise.")
    if cues.cues and (remark := chosen.remark_on(cues)):
        say(remark)
    put = put_text if format in ("text", "youtube") else put_data
    put(chosen.write(cues, rate), asked.out)


def _say_what_is_missing(count: int, cues: CueSheet) -> None:
    if not count:
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
