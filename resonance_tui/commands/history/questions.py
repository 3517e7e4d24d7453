"""`history --questions`: what the host asked, and how often each answer was chosen."""

from __future__ import annotations

from collections.abc import Iterator

from resonance_tui.commands.console import say
from resonance_tui.commands.history.moments import title_of, write_cues, zero_of
from resonance_tui.commands.history.output import Asked, put_data, put_text
from resonance_tui.history import export
from resonance_tui.history.cues.from_questions import sheet
from resonance_tui.history.cues.registry import FORMATS
from resonance_tui.history.loading import Request, read
from resonance_tui.history.questions import KeptQuestion

COLUMNS = (
    *("t", "question", "text", "choice", "answer", "count", "margin"),
    *("private", "closes_at", "local_time"),
)


def write_questions(request: Request, asked: Asked, format: str) -> None:
    """The questions of the range in `format`; a word where there are none."""
    loaded = read(request)
    if not loaded.questions:
        say("The host asked nothing: no questions.")
    if format == "text":
        put_text((_line(request, kept) for kept in loaded.questions), asked.out)
        return
    if format not in FORMATS:
        lines = (line for kept in loaded.questions for line in records(request, kept))
        put_data(export.FORMATS[format](lines, COLUMNS), asked.out)
        return
    zero = zero_of(request, loaded)
    cues = sheet(
        loaded.questions, zero, loaded.track.end + 1, title=title_of(request, loaded, zero)
    )
    write_cues(cues, asked, format)


def _line(request: Request, kept: KeptQuestion) -> str:
    """When it was asked, in the person's own time, and what the answers were."""
    asked_at = export.in_zone(kept.t, request.zone)[:19].replace("T", " ")
    counts = (f"{text} {_figure(count, margin)}" for text, count, margin in kept.shown)
    return f"{asked_at}  {kept.question.text}  {', '.join(counts)}\n"


def _figure(count: float | None, margin: float | None) -> str:
    if count is None:
        return "(hidden)"
    return f"{count:g}" if margin is None else f"{count:g} ±{margin:g}"


def records(request: Request, kept: KeptQuestion) -> Iterator[export.Record]:
    """A line of COLUMNS for each answer of a question. `count` is empty where too few
    answered for any to be shown. `margin`: of private answers, half of the 95 % band of `count`,
    which is an estimate then."""
    question = kept.question
    times = export.in_utc(question.closes_at), export.in_zone(kept.t, request.zone)
    for number, (text, count, margin) in enumerate(kept.shown, start=1):
        about = export.in_utc(kept.t), question.id, question.text
        yield (*about, number, text, count, margin, int(question.is_private), *times)
