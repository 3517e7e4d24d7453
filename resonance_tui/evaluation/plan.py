"""Pure: which task is on when, and the text file that says so of a film."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches
from itertools import pairwise

from resonance_tui.errors import InputError
from resonance_tui.evaluation.tasks import TASKS, USUAL, Task
from resonance_tui.secret import describe

LONGEST_S = 3600.0
MOST_LINES = 1000
LINE = 'A line is "BEGIN END TASK", like "0:03 0:23 rest".'


@dataclass(frozen=True, slots=True)
class Step:
    """One task, from `begin` to `end`: seconds from the start of the sitting or the film."""

    name: str  # in TASKS
    begin: float
    end: float

    @property
    def task(self) -> Task:
        return TASKS[self.name]


@dataclass(frozen=True, slots=True)
class Moment:
    """What is to be done now. Before its begin the next task is announced."""

    step: Step
    number: int  # of the step, from 1
    is_on: bool  # False while it is only announced
    left_s: float  # until it begins, or ends


@dataclass(frozen=True, slots=True)
class Plan:
    """Tasks one after the other, never two at once; at least one."""

    steps: tuple[Step, ...]

    @property
    def length(self) -> float:
        """Seconds from the start to the end of the last task."""
        return self.steps[-1].end

    def moment(self, at: float) -> Moment | None:
        """What is to be done `at` s after the start; None once all is done."""
        for number, step in enumerate(self.steps, 1):
            if at < step.begin:
                return Moment(step, number, is_on=False, left_s=step.begin - at)
            if at < step.end:
                return Moment(step, number, is_on=True, left_s=step.end - at)
        return None

    def only(self, names: Iterable[str]) -> Plan:
        """The steps with these tasks, each when it was. Raises InputError where none is left."""
        wanted = set(names)
        kept = tuple(step for step in self.steps if step.name in wanted)
        if not kept:
            raise InputError(
                f"The plan has none of these tasks: {', '.join(sorted(wanted))}.",
                f"It has: {', '.join(dict.fromkeys(step.name for step in self.steps))}.",
            )
        return Plan(kept)


def usual_plan(names: Iterable[str] = USUAL) -> Plan:
    """These tasks in this order, each as long as the table says, after its announcement."""
    steps: list[Step] = []
    end = 0.0
    for name in names:
        begin = end + TASKS[name].ready_s
        end = begin + TASKS[name].seconds
        steps.append(Step(name, begin, end))
    return Plan(tuple(steps))


def task_names(text: str) -> tuple[str, ...]:
    """The tasks of "rest,talk". Raises InputError for a name that is not in the table."""
    names = tuple(name.strip().lower() for name in text.split(",") if name.strip())
    if not names:
        raise InputError("No task is named.", f"Choose from: {', '.join(TASKS)}.")
    for name in names:
        _known(name)
    if sum(TASKS[name].seconds for name in names) > LONGEST_S:
        raise InputError("These tasks take more than an hour.", "Name fewer of them.")
    return names


def parse_plan(text: str) -> Plan:
    """The plan of a file: one task a line, in the order of time; "#" begins a remark.

    Raises InputError that names the line.
    """
    lines = text.removeprefix("\ufeff").splitlines()
    if len(lines) > MOST_LINES:
        raise InputError(f"The plan has more than {MOST_LINES} lines.", LINE)
    steps: list[Step] = []
    for number, line in enumerate(lines, 1):
        words = line.partition("#")[0].split()
        if words:
            steps.append(_step(words, number))
    if not steps:
        raise InputError("The plan has no task.", LINE)
    for one, other in pairwise(steps):
        if other.begin < one.end:
            raise InputError(
                f"In the plan {other.name} begins at {clock(other.begin)}, before {one.name} ends.",
                "One task after the other, in the order of time.",
            )
    return Plan(tuple(steps))


def plan_text(plan: Plan) -> str:
    """The file that `parse_plan` reads as this plan, to the thousandth of a second."""
    rows = (f"{clock(step.begin):>8} {clock(step.end):>8} {step.name}" for step in plan.steps)
    return "\n".join(rows) + "\n"


def clock(seconds: float) -> str:
    """ "1:03", "1:03.5" """
    minutes, thousandths = divmod(round(seconds * 1000), 60_000)
    rest = f"{thousandths / 1000:06.3f}".rstrip("0").rstrip(".")
    return f"{minutes}:{rest}"


def _step(words: list[str], number: int) -> Step:
    if len(words) != 3:
        raise InputError(f"Line {number} of the plan is none.", LINE)
    begin, end = _seconds(words[0], number), _seconds(words[1], number)
    if end <= begin:
        raise InputError(f"Line {number} of the plan ends before it begins.", LINE)
    return Step(_known(words[2].lower(), f" (line {number} of the plan)"), begin, end)


def _seconds(word: str, number: int) -> float:
    """Seconds of "83.5" or "1:23.5", to the thousandth."""
    minutes, _, seconds = word.rpartition(":")
    try:
        if not (word.isascii() and set(word) <= set("0123456789:.")):
            raise ValueError
        found = round(60 * int(minutes or 0) + float(seconds), 3)
    except ValueError:
        found = math.nan
    if not 0 <= found <= LONGEST_S:
        raise InputError(
            f"Line {number} of the plan has {describe(word, 40)} where a time should be.", LINE
        )
    return found


def _known(name: str, where: str = "") -> str:
    if name in TASKS:
        return name
    near = get_close_matches(name, TASKS, 1)
    hint = f"Is it {near[0]}? " if near else ""
    raise InputError(
        f"There is no task {describe(name, 40)}{where}.", f"{hint}Known: {', '.join(TASKS)}."
    )
