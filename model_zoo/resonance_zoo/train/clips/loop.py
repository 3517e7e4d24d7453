"""The training loop: steps, validation, checkpoints and stopping, on one device or many.

Everything random in a step follows from (seed, process, step), and every clip from (seed, epoch,
clip): a checkpoint needs no generator states, and a run that was stopped anywhere goes on exactly
as it would have.
"""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import torch
from accelerate import Accelerator
from numpy.typing import NDArray
from torch import Tensor
from torch.optim import Optimizer
from torch.utils.data import DataLoader

from resonance_zoo import metrics
from resonance_zoo.train.clips import optim
from resonance_zoo.train.clips.batches import ShuffledBatches
from resonance_zoo.train.clips.checkpoint import BEST, LAST, ClipCheckpoint, Place
from resonance_zoo.train.clips.objectives import Learner, check_finite, check_weights
from resonance_zoo.train.clips.randomness import seed_all
from resonance_zoo.train.clips.schedule import Schedule
from resonance_zoo.train.clips.watch import Watch

LOOK_EVERY = 20  # steps between two looks at the loss: each one makes the processor wait for a GPU


class Stopped(Exception):
    """The run was asked to stop, and has saved where it stands."""


@dataclass(frozen=True)
class LoopSettings:
    """Where a run writes and for how long it goes; `about` goes into its checkpoints."""

    out: Path
    epochs: int
    seed: int
    about: dict[str, Any]
    save_every_s: float = 600.0
    compile: bool = False


class GracefulStop:
    """Set by the first Ctrl-C or termination; the second one then acts as usual."""

    def __init__(self) -> None:
        self.is_set = False

    @contextmanager
    def listening(self) -> Generator[GracefulStop]:
        before = {s: signal.signal(s, self._on_signal) for s in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield self
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def _on_signal(self, number: int, _frame: object) -> None:
        self.is_set = True
        signal.signal(number, signal.default_int_handler)


class TrainingRun:
    """One training run; `place` is where it stands."""

    def __init__(
        self,
        accelerator: Accelerator,
        learner: Learner,
        make_optimiser: Callable[[Learner], Optimizer],
        schedule: Schedule,
        batches: ShuffledBatches,
        loader: DataLoader[Any],
        settings: LoopSettings,
        validate: Callable[[Learner], NDArray[np.int64]] | None = None,
    ) -> None:
        self.accelerator, self.schedule = accelerator, schedule
        self.batches, self.loader, self.settings = batches, loader, settings
        self.validate, self.place = validate, Place()
        self.learner = learner.to(accelerator.device)
        forward = torch.compile(self.learner) if settings.compile else self.learner
        self.model, self.optimiser = accelerator.prepare(forward, make_optimiser(self.learner))
        self.last_save = time.monotonic()

    @property
    def steps(self) -> int:
        return self.settings.epochs * self.batches.steps

    def resume(self, start: ClipCheckpoint) -> None:
        """Go on from a checkpoint of the same run (see `checkpoint.check_same`)."""
        self.learner.network.load_state_dict(start.model)
        self.optimiser.load_state_dict(start.optimiser)
        if start.scaler is not None and self.accelerator.scaler is not None:
            self.accelerator.scaler.load_state_dict(start.scaler)
        self.place = start.place

    def train(self, stop: GracefulStop, watch: Watch) -> Place:
        """To the last epoch. Raises Stopped after saving, RuntimeError for a loss that is none."""
        while self.place.step < self.steps:
            epoch = self._epoch(stop, watch)
            is_best = self._validate(epoch, watch)
            self._save(LAST)
            if is_best:
                self._save(BEST)
        return self.place

    def _epoch(self, stop: GracefulStop, watch: Watch) -> int:
        epoch, first = divmod(self.place.step, self.batches.steps)
        self.batches.epoch, self.batches.first_step = epoch, first
        self.learner.train()
        data = iter(self.loader)
        losses: list[Tensor] = []
        began = time.monotonic()
        for step in range(first + 1, self.batches.steps + 1):
            if self._must_stop(stop):
                self._check(losses)
                self._save(LAST)
                raise Stopped
            losses.append(self._step(islice(data, self.batches.accumulation)))
            watch.stepped()
            is_last = step == self.batches.steps
            if is_last or step % LOOK_EVERY == 0:
                loss = self._check(losses)
                took_s = time.monotonic() - began
                watch.trained(self.place.step, self._figures(loss, len(losses), took_s))
                losses, began = [], time.monotonic()
            if not is_last and self._save_is_due():
                self._check(losses)
                self._save(LAST)
        return epoch

    def _step(self, micro_batches: Iterator[Any]) -> Tensor:
        """One optimiser step; the mean loss of this process, still on its device."""
        optim.set_rate(self.optimiser, self.schedule.at(self.place.step))
        seed_all(self.settings.seed, self.accelerator.process_index, self.place.step)
        parts, total = self.batches.accumulation, torch.zeros((), device=self.accelerator.device)
        for part, batch in enumerate(micro_batches, 1):
            tensors = tuple(t.to(self.accelerator.device, non_blocking=True) for t in batch)
            sync = nullcontext() if part == parts else self.accelerator.no_sync(self.model)
            with sync:
                loss = self.model(*self.learner.prepare(tensors)) / parts
                self.accelerator.backward(loss)
            total += loss.detach()
        self.optimiser.step()
        self.optimiser.zero_grad()
        self.place.step += 1
        return total

    def _check(self, losses: list[Tensor]) -> float:
        """Mean of the losses since the last look (0 of none). Raises RuntimeError for NaN."""
        if not losses:
            return 0.0
        return check_finite(torch.stack(losses).mean(), self.place.step)

    def _figures(self, loss: float, steps: int, took_s: float) -> dict[str, float]:
        rate = self.schedule.at(self.place.step - 1)
        return {"loss": loss, "lr": rate, "clips_per_s": steps * self.batches.batch / took_s}

    def _validate(self, epoch: int, watch: Watch) -> bool:
        """Score the epoch, where there are clips for it; whether it is the best so far."""
        if self.validate is None:
            return False
        self.learner.eval()
        table = self.validate(self.learner)
        watch.validated(self.place.step, epoch, table)
        score = 100 * metrics.weighted_average_recall(table)
        if self.place.best is not None and score <= self.place.best:
            return False
        self.place.best, self.place.best_epoch = score, epoch
        return True

    def _must_stop(self, stop: GracefulStop) -> bool:
        """Every process must stop at the same step, whichever heard of it first."""
        if self.accelerator.num_processes == 1:
            return stop.is_set
        heard = torch.tensor(float(stop.is_set), device=self.accelerator.device)
        return bool(self.accelerator.reduce(heard, "sum") > 0)  # pyright: ignore[reportOperatorIssue]

    def _save_is_due(self) -> bool:
        return time.monotonic() - self.last_save > self.settings.save_every_s

    def _save(self, name: str) -> None:
        """Raises RuntimeError for weights that are none, and leaves the earlier file as it is."""
        if self.accelerator.is_main_process:
            scaler, weights = self.accelerator.scaler, self.learner.network.state_dict()
            check_weights(weights, self.place.step)
            checkpoint = ClipCheckpoint(
                weights,
                self.optimiser.state_dict(),
                None if scaler is None else scaler.state_dict(),
                self.place,
                self.settings.about,
            )
            epoch = max(0, self.place.step - 1) // self.batches.steps
            checkpoint.write(self.settings.out / name, epoch)
        self.last_save = time.monotonic()
