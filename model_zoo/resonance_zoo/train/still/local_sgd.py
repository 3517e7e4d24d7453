"""Trains on a few CPU cores by local SGD: single-thread workers that average their weights.

One thread per process is the fast way to use shared cores; averaging every few steps (Stich 2018,
"Local SGD Converges Fast and Communicates Little") costs next to nothing. Every random draw is
keyed by (seed, worker, step), and a checkpoint holds weights, momentum and place in the schedule,
so a resumed run goes on exactly where it stopped.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from multiprocessing import parent_process
from threading import BrokenBarrierError, Thread
from typing import Any

import numpy as np
import torch
import torch.multiprocessing as mp
from torch import Tensor, nn

from resonance_zoo.static_cnn import static_cnn
from resonance_zoo.train.still.augment import augment
from resonance_zoo.train.still.checkpoint import StillCheckpoint, flatten, scatter, unflatten

LOST_AFTER_S = 600  # no worker needs this long between two averagings


class WorkerLost(RuntimeError):
    """A worker process died (killed for memory, say); the last checkpoint is still good."""


@dataclass
class TrainingData:
    """Images uint8[N, H, W], targets float32[N, 7], sampling weights float64[N]."""

    images: Tensor
    targets: Tensor
    weights: Tensor

    def share(self) -> TrainingData:
        """Move everything into shared memory, so that workers need no copies."""
        for tensor in (self.images, self.targets, self.weights):
            tensor.share_memory_()
        return self


class SgdWorker:
    """One process's model, optimiser and data order."""

    def __init__(self, rank: int, start: StillCheckpoint, data: TrainingData) -> None:
        self.rank, self.recipe, self.data = rank, start.recipe, data
        device = torch.device(self.recipe.device)
        self.model = static_cnn(self.recipe.design).to(device)
        # 1.2 to 1.5 times as fast on a CPU; torch's stubs forget this overload.
        self.model.to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]
        self.model.train()
        self.optimiser = self._build_optimiser()
        self.parameters = list(self.model.parameters())
        self.buffers = {p: torch.zeros_like(p) for p in self.parameters}
        for parameter, buffer in self.buffers.items():
            self.optimiser.state[parameter]["momentum_buffer"] = buffer
        self.read(start.weights, start.momentum)
        self.cumulative = np.cumsum(data.weights.numpy())

    def _build_optimiser(self) -> torch.optim.SGD:
        """No weight decay on biases and batch norms."""
        decayed = [p for p in self.model.parameters() if p.ndim > 1]
        plain = [p for p in self.model.parameters() if p.ndim <= 1]
        groups = [
            {"params": decayed, "weight_decay": self.recipe.weight_decay},
            {"params": plain, "weight_decay": 0.0},
        ]
        return torch.optim.SGD(
            groups, self.recipe.learning_rate, self.recipe.momentum, nesterov=True
        )

    def write(self, weights: Tensor, momentum: Tensor) -> None:
        weights.copy_(flatten(self.model))
        flat = torch.cat([b.reshape(-1).cpu() for b in self.buffers.values()])
        momentum[: len(flat)] = flat

    def read(self, weights: Tensor, momentum: Tensor) -> None:
        unflatten(weights, self.model)
        scatter(momentum, list(self.buffers.values()))

    def train(self, step: int, progress: float) -> float:
        """`sync_steps` steps at one learning rate and size; the mean loss."""
        size = self.recipe.size_at(progress, self.model.config.size)
        for group in self.optimiser.param_groups:
            group["lr"] = self.recipe.rate_at(progress)
        losses = [self._step(step + i, size) for i in range(self.recipe.sync_steps)]
        return sum(losses) / len(losses)

    def _step(self, step: int, size: int) -> float:
        faces, targets = self._batch(step, size)
        self.optimiser.zero_grad(set_to_none=True)
        loss = nn.functional.cross_entropy(
            self.model(faces), targets, label_smoothing=self.recipe.smoothing
        )
        loss.backward()
        nn.utils.clip_grad_norm_(self.parameters, self.recipe.clip)
        self.optimiser.step()
        return loss.item()

    def _batch(self, step: int, size: int) -> tuple[Tensor, Tensor]:
        rng = np.random.default_rng((self.recipe.seed, self.rank, step))
        torch.manual_seed(int(rng.integers(2**31)))  # for dropout
        draws = rng.random(self.recipe.batch) * self.cumulative[-1]
        rows = np.searchsorted(self.cumulative, draws, side="right")
        faces = augment(self.data.images.numpy()[rows], size, rng, self.recipe.augmentation)
        device = self.recipe.device
        batch = torch.from_numpy(faces).to(device, memory_format=torch.channels_last)
        return batch, self.data.targets[rows].to(device)


@dataclass
class SharedBoard:
    """Shared memory through which the workers meet: one row each, one line of common facts."""

    weights: Tensor
    momentum: Tensor
    facts: Tensor  # per worker: loss, CPU seconds
    common: Tensor  # step, progress, go on (1) or stop (0)
    barrier: Any

    @classmethod
    def build(cls, start: StillCheckpoint, context: Any) -> SharedBoard:
        workers, size = start.recipe.workers, start.weights.numel()
        common = torch.tensor([start.step, start.progress, 1.0], dtype=torch.float64)
        return cls(
            weights=torch.zeros(workers, size).share_memory_(),
            momentum=torch.zeros(workers, size).share_memory_(),
            facts=torch.zeros(workers, 2).share_memory_(),
            common=common.share_memory_(),
            barrier=context.Barrier(workers + 1),
        )


def _run_worker(rank: int, start: StillCheckpoint, data: TrainingData, board: SharedBoard) -> None:
    """A worker's life: train, put down, wait for the average, pick up."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent decides when to stop
    Thread(target=_end_with_parent, name="parent", daemon=True).start()
    torch.set_num_threads(1)
    worker = SgdWorker(rank, start, data)
    try:
        while board.common[2]:
            loss = worker.train(int(board.common[0]), float(board.common[1]))
            worker.write(board.weights[rank], board.momentum[rank])
            board.facts[rank] = torch.tensor([loss, time.process_time()])
            board.barrier.wait()  # everyone has put down
            board.barrier.wait()  # the parent has averaged
            worker.read(board.weights[0], board.momentum[0])
    except BrokenBarrierError:
        return  # the parent or a sibling is gone
    except BaseException:
        board.barrier.abort()
        raise


def _end_with_parent() -> None:
    """A parent that is killed breaks no barrier, and may have died with the barrier's lock."""
    parent = parent_process()
    assert parent is not None, "a worker is a process of its own"
    parent.join()
    os._exit(1)


@dataclass(frozen=True)
class Tick:
    """What `train` yields after each averaging: the state, mean loss, images seen so far."""

    checkpoint: StillCheckpoint
    loss: float
    images: int


def train(start: StillCheckpoint, data: TrainingData) -> Generator[Tick, None, None]:
    """Run the schedule to its end, yielding after each averaging; closing it stops the workers."""
    recipe = start.recipe
    context = mp.get_context("spawn")
    board = SharedBoard.build(start, context)
    crew = [
        context.Process(target=_run_worker, args=(rank, start, data.share(), board), daemon=True)
        for rank in range(recipe.workers)
    ]
    for process in crew:
        process.start()
    try:
        yield from _average(start, len(data.images), board, crew)
    finally:
        board.common[2] = 0
        board.barrier.abort()
        for process in crew:
            process.join(timeout=30)


def _average(
    start: StillCheckpoint, images: int, board: SharedBoard, crew: list[Any]
) -> Iterator[Tick]:
    recipe, now = start.recipe, start
    began = time.monotonic()
    per_sync = recipe.sync_steps * recipe.batch * recipe.workers
    while now.progress < 1:
        _wait(board.barrier, crew)
        weights, momentum = board.weights.mean(0), board.momentum.mean(0)
        elapsed_s = start.elapsed_s + time.monotonic() - began
        step = now.step + recipe.sync_steps
        seen = step // recipe.sync_steps * per_sync
        if recipe.minutes is not None:
            progress = elapsed_s / (60 * recipe.minutes)
        else:
            progress = seen / (images * (recipe.epochs or 1))
        cpu_s = start.cpu_s + float(board.facts[:, 1].sum())
        # A young average must not drag the random start along.
        keep = min(recipe.ema, step / (step + 10 * recipe.sync_steps))
        average = now.average * keep + weights * (1 - keep)
        now = StillCheckpoint(recipe, weights, momentum, average, step, elapsed_s, cpu_s, progress)
        board.weights[0], board.momentum[0] = weights, momentum
        board.common.copy_(torch.tensor([step, progress, float(progress < 1)]))
        loss = float(board.facts[:, 0].mean())
        _wait(board.barrier, crew)
        yield Tick(now, loss, seen)


def _wait(barrier: Any, crew: list[Any]) -> None:
    """Meet the workers; a worker that died (out of memory, say) breaks the run, not hangs it."""
    try:
        barrier.wait(timeout=LOST_AFTER_S)
    except BrokenBarrierError:
        codes = [process.exitcode for process in crew]
        raise WorkerLost(f"a training worker ended early (exit codes {codes})") from None
