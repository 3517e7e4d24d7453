"""Pure: what a sitting comes to, as lines for a person and as JSON that may be shared.

It holds shares, counts and means over whole tasks: no picture, no crop, no probabilities of any
moment, no name of a person, a file or a machine, and no date.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

from resonance_tui.emotions import Emotion
from resonance_tui.evaluation.plan import Plan
from resonance_tui.evaluation.scoring import TaskScore

VERSION = 1
DIGITS = 3  # of shares and means; more would tell nothing


@dataclass(frozen=True, slots=True)
class Conditions:
    """What was read with."""

    program: str  # its version
    engine: str
    detector: str
    source: str  # camera, film or demo; never its name


def share_text(score: TaskScore) -> str:
    return f"{score.step.task.expected.word} {score.share:.0%}".replace("%", " %")


def changes_text(score: TaskScore) -> str:
    return f"{score.changes_a_minute:.1f} changes a minute"


def found_text(score: TaskScore) -> str:
    if score.found_s is not None:
        return f"found after {score.found_s:.1f} s"
    return f"not found, read as {score.leading.word}"


FIGURES: dict[str, Callable[[TaskScore], str]] = {
    "share": share_text,
    "changes": changes_text,
    "found": found_text,
}


def line(score: TaskScore) -> str:
    """One task for a person."""
    told = ", ".join(FIGURES[name](score) for name in score.step.task.figures)
    sure = "-" if score.confidence is None else f"{score.confidence:.2f}"
    doubt = f"{score.shares[Emotion.UNSURE]:4.0%} {score.shares[Emotion.AWAY]:5.0%} {sure:>5}"
    return f"{score.step.name:<10} {score.seconds:4.0f} s {doubt}  {told}"


HEADING = f"{'task':<10} {'time':>6} unsure away  sure  read"


def lines(scores: Sequence[TaskScore]) -> list[str]:
    """A table, and what it comes to, for a person."""
    return [HEADING, *map(line, scores), *_totals_lines(totals(scores))]


def _totals_lines(found: dict[str, Any]) -> list[str]:
    said: list[str] = []
    if found["resting_neutral"] is not None:
        said.append(f"resting face read as neutral: {found['resting_neutral']:.0%}")
    if found["talking_changes_a_minute"] is not None:
        said.append(f"changes a minute while talking: {found['talking_changes_a_minute']:.1f}")
    if found["asked"]:
        within = found["found_s"]
        how = "" if within is None else f", half of them within {within:.1f} s"
        said.append(f"asked expressions found: {found['found']} of {found['asked']}{how}")
    return ["", *said] if said else []


def totals(scores: Sequence[TaskScore]) -> dict[str, Any]:
    """The three figures that a change of the program is judged by; None where no task gives one."""
    rest = [each for each in scores if each.step.name in ("rest", "glasses")]
    talk = [each for each in scores if each.step.name == "talk"]
    asked = [each for each in scores if each.step.task.figures[0] == "found"]
    found = [each.found_s for each in asked if each.found_s is not None]
    spoken_s = sum(each.seconds for each in talk)
    rested_s = sum(each.seconds for each in rest)
    neutral_s = sum(each.share * each.seconds for each in rest)
    return {
        "resting_neutral": _rounded(neutral_s / rested_s) if rest else None,
        "talking_changes_a_minute": _rounded(60 * sum(each.changes for each in talk) / spoken_s)
        if talk
        else None,
        "asked": len(asked),
        "found": len(found),
        "found_s": _rounded(median(found)) if found else None,
    }


def summary(
    plan: Plan, scores: Sequence[TaskScore], conditions: Conditions, *, stopped: bool
) -> dict[str, Any]:
    """The JSON object. `stopped`: before the end of the plan."""
    return {
        "version": VERSION,
        "program": conditions.program,
        "engine": conditions.engine,
        "detector": conditions.detector,
        "source": conditions.source,
        "planned_s": _rounded(plan.length),
        "stopped": stopped,
        "tasks": [task_object(score) for score in scores],
        "totals": totals(scores),
    }


def task_object(score: TaskScore) -> dict[str, Any]:
    """One task of the JSON object."""
    step = score.step
    return {
        "task": step.name,
        "expected": step.task.expected.word,
        "begin_s": _rounded(step.begin),
        "planned_s": _rounded(step.end - step.begin),
        "seconds": _rounded(score.seconds),
        "share": _rounded(score.share),
        "shares": {emotion.word: _rounded(score.shares[emotion]) for emotion in Emotion},
        "changes_a_minute": _rounded(score.changes_a_minute),
        "found_s": _rounded(score.found_s),
        "confidence": _rounded(score.confidence),
        "expected_probability": _rounded(score.probability),
    }


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, DIGITS)
