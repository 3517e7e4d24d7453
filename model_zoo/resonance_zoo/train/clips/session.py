"""Runs one training script from its flags to its exit code, on every process of the run."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Protocol

import torch
from accelerate import Accelerator
from accelerate.utils import DistributedDataParallelKwargs
from torch import nn
from torch.utils.data import Dataset

from resonance_zoo import cards, registry
from resonance_zoo.card_types import ClipInput
from resonance_zoo.train.checkpoint_file import CheckpointError
from resonance_zoo.train.clips import checkpoint, flags, optim, recipes
from resonance_zoo.train.clips.batches import ShuffledBatches, loader
from resonance_zoo.train.clips.evaluate import Table
from resonance_zoo.train.clips.frames import plain_message
from resonance_zoo.train.clips.loop import GracefulStop, LoopSettings, Stopped, TrainingRun
from resonance_zoo.train.clips.objectives import Learner
from resonance_zoo.train.clips.randomness import seed_all
from resonance_zoo.train.clips.recipes import ClipRecipe
from resonance_zoo.train.clips.watch import Watch


@dataclass(frozen=True)
class Pieces:
    """How a run is cut: clips a device holds at once, decoding processes."""

    micro_batch: int
    workers: int


class Task(Protocol):
    """What is trained, and on what."""

    network: str
    recipe: ClipRecipe
    overrides: dict[str, Any]

    @property
    def clips(self) -> int: ...

    def learner(self, micro_batch: int) -> tuple[Learner, str]:
        """A fresh learner on the CPU, and a sentence on what its weights start from."""
        ...

    def dataset(self, seed: int) -> Dataset[Any]: ...

    def validator(
        self, accelerator: Accelerator, pieces: Pieces
    ) -> Callable[[Learner], Table] | None: ...


def run_script(name: str, args: argparse.Namespace, build: Callable[..., Task]) -> int:
    """Build the task and train it; the exit code: 0 done, 2 bad input, 130 stopped, 1 broken."""
    last = args.out / checkpoint.LAST
    try:
        train(build(args), args)
    except (Stopped, KeyboardInterrupt) as stop:
        saved = "saved" if isinstance(stop, Stopped) else "stopped at once, without saving"
        on = f"; go on with --resume (checkpoint: {last})" if last.is_file() else ""
        say(f"{name}: {saved}{on}")
        return 130
    except (ValueError, OSError) as error:
        say(f"{name}: {plain_message(error)}")
        return 2
    except RuntimeError as error:
        kept = f"; the last good checkpoint: {last}" if last.is_file() else ""
        say(f"{name}: {str(error).strip().splitlines()[0]}{kept}")
        return 1
    return 0


def train(task: Task, args: argparse.Namespace) -> None:
    """The whole run. Raises Stopped, ValueError for bad input, RuntimeError for a broken run."""
    on_gpu = flags.uses_gpu(args)
    accelerator = Accelerator(
        cpu=not on_gpu,
        mixed_precision=precision(args.precision, on_gpu),
        # Some official parameters take no part in the forward.
        kwargs_handlers=[DistributedDataParallelKwargs(find_unused_parameters=True)],
    )
    torch.set_float32_matmul_precision("high")
    run, origin = assemble(task, args, accelerator)
    is_main = accelerator.is_main_process
    if is_main:
        say(describe(task, run, origin))
    watch = Watch(args.out, run.steps, run.place.step, is_main)
    with GracefulStop().listening() as stop, watch:
        run.train(stop, watch)
    if is_main:
        sys.stdout.write(f"{args.out / checkpoint.LAST}\n")
    accelerator.end_training()


def assemble(
    task: Task, args: argparse.Namespace, accelerator: Accelerator
) -> tuple[TrainingRun, str]:
    """A run that is ready to train, and a sentence on what its weights start from."""
    recipe, out = task.recipe, args.out
    batches, pieces = cut(task, args, accelerator)
    about = {
        "network": task.network,
        "overrides": task.overrides,
        "recipe": asdict(recipe),
        "seed": args.seed,
        "clips": task.clips,
    }
    start = starting_point(out, args.resume, about)
    seed_all(args.seed)
    learner, origin = task.learner(pieces.micro_batch)
    run = TrainingRun(
        accelerator,
        learner,
        lambda learner: optim.build(learner.network, recipe),
        recipes.schedule_of(recipe, batches.steps),
        batches,
        loader(task.dataset(args.seed), batches, pieces.workers),
        LoopSettings(out, recipe.epochs, args.seed, about, args.save_minutes * 60, args.compile),
        task.validator(accelerator, pieces),
    )
    if start:
        run.resume(start)
        origin = f"going on at step {start.place.step}"
    out.mkdir(parents=True, exist_ok=True)
    return run, origin


def cut(
    task: Task, args: argparse.Namespace, accelerator: Accelerator
) -> tuple[ShuffledBatches, Pieces]:
    """Cut epochs into steps and steps into micro-batches. Raises FlagError."""
    world, batch = accelerator.num_processes, task.recipe.batch
    if task.clips < batch:
        raise flags.FlagError(
            f"{task.clips} clips are fewer than one batch of {batch}; lower --batch"
        )
    micro_batch = flags.micro_batch(args, batch, world)
    rank = accelerator.process_index
    batches = ShuffledBatches(task.clips, batch, micro_batch, rank, world, args.seed)
    return batches, Pieces(micro_batch, flags.workers(args, accelerator.device.type == "cuda"))


def starting_point(
    out: Path, resume: bool, about: dict[str, Any]
) -> checkpoint.ClipCheckpoint | None:
    """The checkpoint to go on from; None for a fresh start. Raises CheckpointError."""
    last = out / checkpoint.LAST
    if not resume:
        if last.exists():
            raise CheckpointError(
                f"{out} already holds a run: add --resume to go on with it, or name another --out"
            )
        return None
    start = checkpoint.read(last)
    checkpoint.check_same(start.about, about, last)
    return start


def look_of(network: str, overrides: dict[str, Any]) -> ClipInput:
    """The clip a network reads when it is built with these overrides."""
    card = cards.network_card(network)
    if card.input is None:
        raise recipes.RecipeError(f"{network} reads features, not clips")
    frames = overrides.get("num_frames", card.input.frames)
    size = overrides.get("img_size", card.input.size)
    if not (isinstance(frames, int) and isinstance(size, int)):
        raise flags.FlagError("--set num_frames and img_size take whole numbers")
    return replace(card.input, frames=frames, size=size)


def create(network: str, overrides: dict[str, Any]) -> nn.Module:
    """The untrained network. Raises FlagError for settings it cannot be built with."""
    try:
        return registry.create(network, **overrides)
    except (registry.UnknownModel, ValueError) as error:
        raise flags.FlagError(str(error)) from error


def precision(wanted: str, on_gpu: bool) -> str:
    """bf16 where the GPU is made for it, else fp16; full precision on a CPU."""
    if wanted != "auto":
        return wanted
    if not on_gpu:
        return "no"
    return "bf16" if torch.cuda.is_bf16_supported(including_emulation=False) else "fp16"


def describe(task: Task, run: TrainingRun, origin: str) -> str:
    parameters = sum(p.numel() for p in run.learner.network.parameters()) / 1e6
    batches, accelerator = run.batches, run.accelerator
    return (
        f"{task.network}: {parameters:.1f} M parameters, {origin}\n"
        f"{task.clips} clips, {task.recipe.epochs} epochs of {batches.steps} steps, batch"
        f" {batches.batch} = {batches.world} x {batches.micro_batch} x {batches.accumulation},"
        f" peak rate {task.recipe.scaled(task.recipe.base_lr):.3g}, {accelerator.device},"
        f" precision {accelerator.mixed_precision}"
    )


def say(line: str) -> None:
    """One line for a person, beside the data on stdout."""
    sys.stderr.write(f"{line}\n")
    sys.stderr.flush()
