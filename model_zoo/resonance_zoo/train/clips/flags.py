"""Command-line flags that the three training scripts share."""

from __future__ import annotations

import argparse
import math
import os
from dataclasses import fields, replace
from pathlib import Path
from typing import Any, Literal, get_args, get_type_hints

from resonance_zoo.registry import parse_overrides
from resonance_zoo.train.clips.recipes import ClipRecipe, RecipeError

# Fields of a recipe that mean nothing without labels.
PRETRAINING = frozenset(("sampling", "loss", "smoothing", "mixup", "cutmix"))
PRECISIONS = ("auto", "no", "bf16", "fp16")


class FlagError(ValueError):
    """A flag's value cannot be used."""


def add_network(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="a setting of the network, as in --set embed_dim=48 --set region_size=(2,2,4)",
    )


def add_machine(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--device", choices=("auto", "cpu", "cuda"), default="auto")
    parser.add_argument(
        "--precision",
        choices=PRECISIONS,
        default="auto",
        help="auto: half precision on a GPU, float32 on a CPU",
    )
    parser.add_argument(
        "--workers", type=int, help="processes that decode clips (default: 0 on a CPU, 8 on a GPU)"
    )


def add_recipe(parser: argparse.ArgumentParser, without: frozenset[str] = frozenset()) -> None:
    """One flag for every field of a recipe but those; None where it is not given."""
    group = parser.add_argument_group("recipe (default: as the network's authors published it)")
    for name, kind in get_type_hints(ClipRecipe).items():
        if name in without:
            continue
        flag = "--" + name.replace("_", "-")
        if getattr(kind, "__origin__", None) is Literal:
            group.add_argument(flag, choices=get_args(kind))
        else:
            group.add_argument(flag, type=kind, metavar=kind.__name__.upper())


def add_run(parser: argparse.ArgumentParser) -> None:
    """Where a run goes, and how it is cut into pieces."""
    parser.add_argument("--out", type=Path, required=True, help="output folder")
    parser.add_argument("--resume", action="store_true", help="go on from the last checkpoint")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument(
        "--micro-batch",
        type=int,
        metavar="CLIPS",
        help="clips a device holds at once; gradients are summed up to the recipe's batch"
        " (default: all of its share)",
    )
    parser.add_argument(
        "--save-minutes", type=float, default=10.0, help="between checkpoints (default: 10)"
    )
    parser.add_argument("--compile", action="store_true", help="torch.compile (minutes at first)")


def recipe(args: argparse.Namespace, published: ClipRecipe) -> ClipRecipe:
    """The published recipe with what the command line changes. Raises RecipeError."""
    given = {f.name: getattr(args, f.name, None) for f in fields(ClipRecipe)}
    changed = replace(published, **{k: v for k, v in given.items() if v is not None})
    for name in ("batch", "epochs", "stair_epochs", "stride"):
        if getattr(changed, name) < 1:
            raise RecipeError(f"--{name.replace('_', '-')} must be at least 1")
    _check_numbers(changed)
    return changed


def _check_numbers(changed: ClipRecipe) -> None:
    """Raises RecipeError for a value that no training can use."""
    for field in fields(ClipRecipe):
        value = getattr(changed, field.name)
        if isinstance(value, float) and not (math.isfinite(value) and value >= 0):
            flag = "--" + field.name.replace("_", "-")
            raise RecipeError(f"{flag} must be a finite number, not negative, and is {value}")
    if not changed.base_lr:
        raise RecipeError("--base-lr must be more than 0")


def overrides(args: argparse.Namespace) -> dict[str, Any]:
    """What `--set` says. Raises FlagError."""
    try:
        return parse_overrides(args.set)
    except ValueError as error:
        raise FlagError(str(error)) from error


def uses_gpu(args: argparse.Namespace) -> bool:
    """Whether to run on CUDA. Raises FlagError where it is asked for and absent."""
    import torch

    if args.device == "cuda" and not torch.cuda.is_available():
        raise FlagError("--device cuda: this machine has no CUDA GPU that torch can use")
    return args.device != "cpu" and torch.cuda.is_available()


def workers(args: argparse.Namespace, on_gpu: bool) -> int:
    """Decoding processes, never more than there are cores."""
    if args.workers is not None and args.workers < 0:
        raise FlagError("--workers must not be negative")
    wanted = args.workers if args.workers is not None else (8 if on_gpu else 0)
    return min(wanted, os.cpu_count() or 1)


def micro_batch(args: argparse.Namespace, batch: int, world: int) -> int:
    """Clips a device holds at once. Raises FlagError where the batch does not come out even."""
    size = args.micro_batch if args.micro_batch is not None else batch // world
    if size < 1 or batch % (size * world):
        raise FlagError(
            f"a batch of {batch} cannot be made of micro-batches of {size} on {world} processes;"
            " change --batch or --micro-batch"
        )
    return size
