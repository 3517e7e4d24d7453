"""`models predict`: what an engine says of pictures, films and folders of frames."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from resonance_tui.commands.console import note, say, say_progress
from resonance_tui.commands.groups import Command
from resonance_tui.commands.models.predict_file import (
    FORMATS,
    Results,
    Row,
    name_of,
    open_results,
)
from resonance_tui.commands.models.predictions import CODES, SHARES
from resonance_tui.commands.quantities import FilePath
from resonance_tui.commands.settings import load
from resonance_tui.errors import CameraError, InputError, ResonanceError
from resonance_tui.secret import shown

if TYPE_CHECKING:
    from resonance_tui.config import Config
    from resonance_tui.engines.base import Engine, EngineOptions
    from resonance_tui.pipeline.detectors.base import FaceDetector
    from resonance_tui.pipeline.recorded import Answer

GPU_BATCH = 16
FRAMES = ("auto", "always", "never")


@click.command("predict", cls=Command)
@click.argument("paths", nargs=-1, required=True, type=FilePath(path_type=Path))
@click.option("--engine", metavar="NAME", default="static", show_default=True, help="Who reads.")
@click.option(
    "--format", "format", type=click.Choice(FORMATS), help="Default: csv, or as --output."
)
@click.option(
    *("-o", "--output"),
    type=FilePath(path_type=Path, dir_okay=False),
    help="Write into this file (-: stdout); one that is there is continued.",
)
@click.option("--crops", is_flag=True, help="The pictures are crops of faces: look for none.")
@click.option(
    "--frames",
    type=click.Choice(FRAMES),
    default="auto",
    show_default=True,
    help="Whether a folder of pictures is one clip; auto: where all of them are numbered.",
)
@click.option("--device", default="auto", show_default=True, help="auto, cpu, cuda or mps.")
@click.option("--precision", default="auto", show_default=True, help="auto, float32, int8 ...")
@click.option(
    "--batch", type=click.IntRange(1, 1024), help="Clips at a time (default: 16 on a GPU, else 1)."
)
@click.pass_context
def predict(ctx: click.Context, paths: tuple[Path, ...], **options: Any) -> None:
    """Read the emotion in pictures, films and folders of frames PATHS; `models score` scores it.

    A folder of numbered pictures is one clip (see --frames); other folders are searched. The label
    is the class that a folder in the path names. Where no face is found the whole picture is read,
    and `faces`, the share of frames with a face, says so. One line for each: class, probabilities,
    ms.

    \b
    Examples:
      resonance-tui models predict holiday.jpg talk.mp4
      resonance-tui models predict FERV39K/test --crops --engine mae_dfer -o said.csv
      resonance-tui models predict AffectNet/val_set --crops --frames never -o said.csv
      resonance-tui models score said.csv
    """
    run(load(ctx), paths, **options)


def run(
    config: Config,
    paths: tuple[Path, ...],
    *,
    engine: str,
    format: str | None,
    output: Path | None,
    crops: bool,
    device: str,
    precision: str,
    batch: int | None = None,
    frames: str = "auto",
) -> None:
    """Write a row for each item that is not in `output` yet. Raises InputError, EngineUnavailable,
    and ResonanceError at the end where some items could not be read."""
    from resonance_tui.engines.base import EngineOptions
    from resonance_tui.pipeline.items import find_items

    output = None if output == Path("-") else output
    options = EngineOptions(device, precision, batch=batch or _usual_batch(engine, device))
    items = find_items([path.expanduser() for path in paths], note, frames=frames)
    format = format or (output.suffix[1:].lower() if output else "") or FORMATS[0]
    if format not in FORMATS:
        raise InputError(f"{output} names no format.", "Give --format csv or --format jsonl.")
    with open_results(output, format, engine) as results:
        todo = [item for item in items if name_of(item) not in results.done]
        if len(todo) < len(items):
            say(f"{len(items) - len(todo)} of {len(items)} are in {shown(output)} already.")
        try:
            if todo:
                _predict(config, todo, engine, options, results, crops=crops)
        except KeyboardInterrupt:
            if output is not None:
                say(f"Stopped. The same command goes on where {shown(output)} ends.")
            raise


def _predict(
    config: Config,
    items: list[Path],
    name: str,
    options: EngineOptions,
    results: Results,
    *,
    crops: bool,
) -> None:
    from resonance_tui.engines import registry
    from resonance_tui.engines.base import weights_folder

    folder = weights_folder(config.directories.data)
    registry.resolve(name, folder, options)
    engine = registry.create(name, folder, options, say_progress, say)
    detector = None if crops else _detector(config)
    failed = faceless = 0
    try:
        for item, answer in _answers(items, engine, detector, options.batch):
            failed += answer is None
            faceless += answer is not None and not crops and answer.faces == 0
            if answer is not None:
                results.write(_row(item, answer, name))
    finally:
        if detector is not None:
            detector.close()
    if faceless:
        say(f"No face was found in {faceless} of {len(items)}: there the whole picture was read.")
    if failed:
        raise ResonanceError(f"{failed} of {len(items)} could not be read.")


def _answers(
    items: list[Path], engine: Engine, detector: FaceDetector | None, batch: int
) -> Iterator[tuple[Path, Answer | None]]:
    """Each item with its answer; None, and a note, for one that cannot be read."""
    from tqdm import tqdm

    from resonance_tui.pipeline.recorded import Reader

    with tqdm(total=len(items), unit="", disable=not sys.stderr.isatty(), leave=False) as bar:
        for item, answer in Reader(engine, detector, batch=batch).read_all(items):
            bar.update()
            if isinstance(answer, CameraError):
                note(answer.message)
                yield item, None
            else:
                yield item, answer


def _usual_batch(engine: str, device: str) -> int:
    """Enough to fill a GPU, where a network runs on one."""
    from resonance_tui.engines.catalog import missing_packages
    from resonance_tui.engines.registry import ENGINES

    if engine in ENGINES or device not in ("auto", "cuda") or missing_packages():
        return 1
    from resonance_zoo.inference import plan
    from resonance_zoo.problems import DeviceError

    try:
        return GPU_BATCH if plan(device).device.type == "cuda" else 1
    except DeviceError:  # loading the network says so
        return 1


def _detector(config: Config) -> FaceDetector:
    from resonance_tui.pipeline.detectors import registry
    from resonance_tui.pipeline.face_model import find

    model = find(config.directories.data)
    wanted = config.settings.camera.detector
    return registry.create(wanted, model.path if model else None, say)


def _row(item: Path, answer: Answer, engine: str) -> Row:
    shares = [round(float(share), 6) for share in answer.shares]
    return {
        "clip": name_of(item),
        "label": _label(item),
        "pred": int(answer.shares.argmax()),
        **dict(zip(SHARES, shares, strict=True)),
        "engine": engine,
        "clips": answer.clips,
        "faces": round(answer.faces, 3),
        "seconds": round(answer.seconds, 3),
        "ms": round(answer.ms, 1),
    }


def _label(item: Path) -> int | None:
    """The class that a folder of the path names, the nearest first; None where none does."""
    words = (part.lower() for part in reversed(item.parts[:-1]))
    return next((CODES[word] for word in words if word in CODES and word.isalpha()), None)
