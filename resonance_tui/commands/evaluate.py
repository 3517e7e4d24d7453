"""`evaluate`: how well the program reads the person who sits there, or one in a film."""

from __future__ import annotations

import json
import sys
import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from resonance_tui.commands.announcing import Announcer
from resonance_tui.commands.console import StatusLine, note, put, put_json, put_lines, say
from resonance_tui.commands.engine_flags import engine_flags
from resonance_tui.commands.groups import Command
from resonance_tui.commands.quantities import FilePath
from resonance_tui.commands.settings import load
from resonance_tui.errors import INTERRUPTED, InputError, ResonanceError
from resonance_tui.secret import shown
from resonance_tui.texts import tr

if TYPE_CHECKING:
    from resonance_tui.commands.session_builder import Intent
    from resonance_tui.config import Config
    from resonance_tui.evaluation.plan import Plan
    from resonance_tui.evaluation.scoring import TaskScore
    from resonance_tui.evaluation.sitting import Sitting
    from resonance_tui.pipeline.sources import Source

MOST_BYTES = 100_000  # of a plan
PLACES = {"device": "camera", "url": "camera", "file": "film", "demo": "demo"}


@click.command("evaluate", cls=Command)
@click.option(
    "--source",
    metavar="SRC",
    help="Device index, film, stream URL or demo (default: camera.source).",
)
@click.option(
    "--tasks", metavar="LIST", help="Which tasks, like rest,talk,happiness (default: all)."
)
@click.option(
    *("--plan", "plan_file"),
    type=FilePath(path_type=Path),
    metavar="FILE",
    help='When each task begins and ends, a line each: "0:03 0:23 rest".',
)
@click.option("--show-plan", is_flag=True, help="Print the plan as such a file, and read nobody.")
@engine_flags
@click.option(
    *("-o", "--out"),
    type=FilePath(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Write the summary into this file, as JSON.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the summary as JSON.")
@click.pass_context
def evaluate(ctx: click.Context, **options: Any) -> int:
    """Measure how well your face is read: two minutes before your camera, task by task.

    You are asked to rest, read aloud, type, show a few expressions, and change your glasses.
    Pictures stay in memory; nothing is sent. Printed for each task: the share of its time in which
    the expected reading held, changes a minute, after how many seconds an asked expression was
    found, the shares unsure and away, and how sure it was. Ctrl-C ends it early, and what was done
    is summed up (exit code 130). The summary may be shared: it holds no picture, no name and no
    date.

    A film of the same shape is read with --source, faster than it plays and the same every time;
    --plan says where its tasks lie. Without it the usual plan holds, which --show-plan prints.

    \b
    Examples:
      resonance-tui evaluate
      resonance-tui evaluate --tasks rest,happiness,anger --out before.json
      resonance-tui evaluate --show-plan > plan.txt
      resonance-tui evaluate --source film.mp4 --plan plan.txt --json
    """
    config = load(
        ctx,
        {
            "camera.source": options.pop("source"),
            "engine.name": options.pop("engine"),
            "engine.device": options.pop("device"),
        },
    )
    return run(config, **options)


def run(
    config: Config,
    *,
    tasks: str | None,
    plan_file: Path | None,
    show_plan: bool,
    out: Path | None,
    as_json: bool,
) -> int:
    """Check everything, read one person, and tell what came of it: the exit code."""
    from resonance_tui.commands.session_builder import check_intent
    from resonance_tui.evaluation.plan import plan_text

    plan = chosen_plan(tasks, plan_file)
    if show_plan:
        put(plan_text(plan).rstrip("\n"))
        return 0
    if out is not None and not out.absolute().parent.is_dir():
        raise InputError("The folder that --out names is not there.", "Make it, or name another.")
    intent = check_intent(config)
    _check_source(intent.source, plan)
    _ask_consent(config, intent.source)
    sitting, stopped = _sit(config, intent, plan)
    return _tell(plan, sitting, intent.source, out, as_json=as_json, stopped=stopped)


def chosen_plan(tasks: str | None, file: Path | None) -> Plan:
    """The plan of the file, or the usual one, with these tasks alone. Raises InputError."""
    from resonance_tui.evaluation.plan import parse_plan, task_names, usual_plan

    names = None if tasks is None else task_names(tasks)
    if file is None:
        return usual_plan() if names is None else usual_plan(names)
    plan = parse_plan(_text(file))
    return plan if names is None else plan.only(names)


def _text(file: Path) -> str:
    try:
        with file.open("rb") as stream:
            data = stream.read(MOST_BYTES + 1)
        if len(data) > MOST_BYTES:
            raise InputError(f"{shown(file)} is too long for a plan.", "One task a line.")
        return data.decode()
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is no text"
        raise InputError(
            f"{shown(file)} cannot be read: {why}.", "--show-plan prints a plan."
        ) from error


def _check_source(source: Source, plan: Plan) -> None:
    if source.kind == "none":
        raise InputError("Without a camera there is nobody to read.", "--source FILM reads a film.")
    if source.kind == "file":
        from resonance_tui.evaluation.sitting import check_length
        from resonance_tui.pipeline.devices import film_length

        if (length := film_length(source)) is not None:
            check_length(length, plan)


def _ask_consent(config: Config, source: Source) -> None:
    """Before a camera that shows a person, once; the same consent as `join` asks for."""
    from resonance_tui.profile import Profile

    profile = Profile(config.directories.profile_file)
    if source.kind not in ("device", "url") or profile.load().has_consented(1):
        return
    if not sys.stdin.isatty():
        raise InputError(
            "Nobody has agreed yet to have a face read on this machine.",
            "Run `resonance-tui config consent --give`, or --source FILM.",
        )
    say(tr("Your face is read through the camera, on this machine, in memory. Nothing is sent."))
    if not click.confirm(tr("Do you agree?"), err=True):
        raise InputError("Without your consent nothing is read.", "--source FILM reads a film.")
    try:
        profile.set_consent(time.time())
    except ResonanceError as error:
        note(error.message)  # asked again the next time


def _sit(config: Config, intent: Intent, plan: Plan) -> tuple[Sitting, bool]:
    """The sitting, and whether it was stopped before its end."""
    from resonance_tui.commands.event_loop import run_loop
    from resonance_tui.commands.session_builder import face_plan
    from resonance_tui.evaluation.sitting import Sitting

    shown = Announcer(plan, StatusLine(), is_live=intent.source.kind != "file")
    sitting = Sitting(face_plan(config, intent), plan, shown.show, shown.notice)
    work = sitting.of_film if intent.source.kind == "file" else sitting.before_camera
    try:
        run_loop(config, partial(shown.beside, work))
    except KeyboardInterrupt:
        return sitting, True
    return sitting, False


def _tell(
    plan: Plan,
    sitting: Sitting,
    source: Source,
    out: Path | None,
    *,
    as_json: bool,
    stopped: bool,
) -> int:
    from resonance_tui import __version__
    from resonance_tui.evaluation.scoring import score_all
    from resonance_tui.evaluation.summary import Conditions, lines, summary
    from resonance_tui.files import save_text

    scores: list[TaskScore] = score_all(plan, sitting.readings, sitting.reached)
    read_with = Conditions(__version__, sitting.engine, sitting.detector, PLACES[source.kind])
    found = summary(plan, scores, read_with, stopped=stopped)
    if as_json:
        put_json(found, indent=1)
    elif scores:
        put_lines(lines(scores))
    if stopped:
        say(tr("Stopped early: {done} of {all} tasks.", done=len(scores), all=len(plan.steps)))
    if out is not None:
        save_text(out, [json.dumps(found, indent=1) + "\n"])
        say(tr("The summary is in {file}.", file=shown(out)))
    return INTERRUPTED if stopped else 0
