"""Large networks learn from votes, small ones from what those say: all at a time on one GPU.

Distillation by the same view (Beyer et al. 2021, "Knowledge distillation: A good teacher is patient
and consistent"): teacher and student see each face in one frame, drawn anew each time; the student
sees it in bad light, blurred or covered, the teacher clean. Every learner has weights of its own;
all draw the same faces, so that the teachers are asked once for all students. A step is captured as
a CUDA graph, in which learners run side by side; elsewhere it runs as it is written.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from resonance_zoo.static_cnn import StaticCNN, static_cnn
from resonance_zoo.train.still.augment_batch import BatchAugmentation
from resonance_zoo.train.still.checkpoint import StillCheckpoint
from resonance_zoo.train.still.recipe import StillRecipe

WARM_STEPS = 3  # before a step is captured
SYNCED_EVERY = 10  # steps between two looks at the clock


class Drawn(NamedTuple):
    """Faces of one step, uint8[N, S, S] each, and their votes, float32[N, 7]."""

    seen: Tensor  # as they are, levelled or spoilt
    clean: Tensor  # the same ones, none of them spoilt
    votes: Tensor


@dataclass(frozen=True)
class Faces:
    """What is drawn from, on one device.

    `pictures` uint8[V, N, S, S]: each face as it is, levelled, and V - 2 times spoilt; `votes`
    float32[N, 7]; `cumulative` float64[N], the sampling weights summed up to each.
    """

    pictures: Tensor
    votes: Tensor
    cumulative: Tensor

    @classmethod
    def on(
        cls,
        device: torch.device,
        pictures: Sequence[NDArray[np.uint8]],
        votes: NDArray[np.float32],
        weights: NDArray[np.float64],
    ) -> Faces:
        """Arrays brought to the device. `weights` float64[N]: how often each face is drawn, beside
        the others."""
        return cls(
            torch.from_numpy(np.stack(pictures)).to(device),
            torch.from_numpy(votes).to(device),
            torch.from_numpy(np.cumsum(weights / weights.sum())).to(device),
        )

    def draw(self, count: int, spoilt: float) -> Drawn:
        """`count` faces by their weights, a share of about `spoilt` of them spoilt."""
        device, versions = self.cumulative.device, len(self.pictures)
        chance = torch.rand(count, device=device, dtype=torch.float64)
        rows = torch.searchsorted(self.cumulative, chance).clamp(max=self.pictures.shape[1] - 1)
        is_spoilt = torch.rand(count, device=device) < spoilt
        version = torch.randint(2, (count,), device=device)
        other = torch.randint(2, max(versions, 3), (count,), device=device).clamp(max=versions - 1)
        seen = self.pictures[torch.where(is_spoilt, other, version), rows]
        clean = self.pictures[torch.where(is_spoilt, 1, version), rows]
        return Drawn(seen, clean, self.votes[rows])


@dataclass(frozen=True)
class Pace:
    """What the clock sets and a step reads, one number each: on the device, for a captured step
    takes no arguments."""

    rate: Tensor  # of learning
    keep: Tensor  # the moving average's share of itself

    @classmethod
    def on(cls, device: torch.device) -> Pace:
        return cls(torch.zeros((), device=device), torch.zeros((), device=device))


@dataclass(frozen=True)
class Tick:
    """Where all learners stand, and the last loss of each."""

    progress: float  # share of the time that is over; the end is reached at 1
    step: int
    elapsed_s: float
    losses: Sequence[float] = ()


START = Tick(0.0, 0, 0.0)


class Learner:
    """A network that learns; its state is one vector, of which every weight is a part."""

    def __init__(self, recipe: StillRecipe, device: torch.device) -> None:
        self.recipe = recipe
        torch.manual_seed(recipe.seed)
        self.model: StaticCNN = static_cnn(recipe.design).to(device).train()
        self.state = _as_one(self.model)
        self.average = self.state.clone()
        self._parameters = list(self.model.parameters())
        self._count = sum(each.numel() for each in self._parameters)
        self._momentum = torch.zeros(self._count, device=device)
        decayed = [torch.full((p.numel(),), float(p.ndim > 1)) for p in self._parameters]
        self._decay = torch.cat(decayed).to(device) * recipe.weight_decay

    def learn(self, faces: Tensor, targets: Tensor, pace: Pace) -> Tensor:
        """One step of SGD with Nesterov's momentum, and of the moving average. Returns the loss."""
        with _half_precision(faces.device):
            logits = self.model(faces)
        smoothing = self.recipe.smoothing
        loss = functional.cross_entropy(logits.float(), targets, label_smoothing=smoothing)
        parts = torch.autograd.grad(loss, self._parameters)
        with torch.no_grad():
            self._descend(torch.cat([part.reshape(-1) for part in parts]), pace.rate)
            self.average.lerp_(self.state, 1 - pace.keep)
        return loss.detach()

    def _descend(self, slope: Tensor, rate: Tensor) -> None:
        recipe, weights = self.recipe, self.state[: self._count]
        slope *= (recipe.clip / (slope.norm() + 1e-6)).clamp(max=1)
        slope += self._decay * weights
        self._momentum.mul_(recipe.momentum).add_(slope)
        weights -= rate * (slope + recipe.momentum * self._momentum)

    def averaged(self) -> StaticCNN:
        """A network of the averaged weights, in evaluation mode, on the learner's device."""
        model = static_cnn(self.recipe.design).to(self.state.device).eval()
        _as_one(model).copy_(self.average)
        return model

    def checkpoint(self, at: Tick) -> StillCheckpoint:
        """Where it stands; at its end only what is needed to use and to ship it."""
        average, is_over = self.average.cpu(), at.progress >= 1
        return StillCheckpoint(
            self.recipe,
            weights=average if is_over else self.state.cpu(),
            momentum=torch.empty(0) if is_over else self._momentum.cpu(),
            average=average,
            step=at.step,
            elapsed_s=at.elapsed_s,
            cpu_s=time.process_time(),
            progress=min(at.progress, 1.0),
        )

    def go_on_from(self, place: StillCheckpoint) -> None:
        """Take up weights, moving average and, before the end, the momentum of `place`."""
        self.state.copy_(place.weights)
        self.average.copy_(place.average)
        if place.momentum.numel():
            self._momentum.copy_(place.momentum)


@dataclass(frozen=True)
class Teachers:
    """Networks that are asked together."""

    models: Sequence[StaticCNN]

    def say(self, faces: Tensor) -> Tensor:
        """The mean of their probabilities, float32[N, 7]."""
        with torch.no_grad(), _half_precision(faces.device):
            said = [model(faces).float().softmax(1) for model in self.models]
        return torch.stack(said).mean(0)


class _Lesson:
    """All that a step needs: the same faces for all learners, who learn them at one pace."""

    def __init__(
        self, learners: Sequence[Learner], faces: Faces, teachers: Teachers | None
    ) -> None:
        first, device = learners[0], faces.votes.device
        self.recipe = first.recipe
        self.pace = Pace.on(device)
        self.losses = torch.zeros(len(learners), device=device)
        self.is_captured = device.type == "cuda"
        self._learners, self._faces, self._teachers = learners, faces, teachers
        side = first.model.config.size
        self._augmentation = BatchAugmentation.on(device, self.recipe.augmentation, side)
        self._streams = [torch.cuda.Stream() for _ in learners] if self.is_captured else []

    def step(self) -> None:
        """Every learner learns from the next faces; `losses` are of these."""
        views, targets = self._task()
        tasks = [partial(self._learn, place, views, targets) for place in range(len(self.losses))]
        _side_by_side(tasks, self._streams)

    def _task(self) -> tuple[Tensor, Tensor]:
        """Faces as learners see them, and what they are told of each: the votes, or as far as the
        recipe says what teachers say of the same view."""
        recipe, augmentation = self.recipe, self._augmentation
        drawn = self._faces.draw(recipe.batch, recipe.augmentation.spoilt)
        frames = augmentation.frames(recipe.batch)
        views = augmentation.weathered(augmentation.framed(drawn.seen, frames))
        if self._teachers is None:
            return views, drawn.votes
        said = self._teachers.say(augmentation.framed(drawn.clean, frames))
        return views, recipe.taught * said + (1 - recipe.taught) * drawn.votes

    def _learn(self, place: int, views: Tensor, targets: Tensor) -> None:
        self.losses[place].copy_(self._learners[place].learn(views, targets, self.pace))


def learn(
    learners: Sequence[Learner],
    faces: Faces,
    teachers: Teachers | None = None,
    start: Tick = START,
) -> Iterator[Tick]:
    """Train all learners for the minutes of the first one's recipe, and by it: the students of
    `teachers`, or of the votes alone. `start` is where they stand if they have learnt before.
    Yields now and then where they stand, the last time at their end."""
    lesson = _Lesson(learners, faces, teachers)
    step = _captured(lesson.step) if lesson.is_captured else lesson.step
    yield from _by_the_clock(step, lesson, start)


def _by_the_clock(step: Callable[[], None], lesson: _Lesson, start: Tick) -> Iterator[Tick]:
    recipe, pace = lesson.recipe, lesson.pace
    began, count, progress = time.monotonic() - start.elapsed_s, start.step, start.progress
    memory = recipe.sync_steps / (1 - recipe.ema)  # steps of the moving average
    while progress < 1:
        pace.rate.fill_(recipe.rate_at(progress))
        for _ in range(SYNCED_EVERY):
            pace.keep.fill_(min(1 - 1 / memory, count / (count + memory / 2)))
            step()
            count += 1
        losses = lesson.losses.tolist()  # waits for the device
        elapsed_s = time.monotonic() - began
        progress = elapsed_s / (60 * (recipe.minutes or 1))
        yield Tick(progress, count, elapsed_s, losses)


def _captured(step: Callable[[], None]) -> Callable[[], None]:
    """The step as a CUDA graph. What the warm-up changes in the learners is little, and stays."""
    side = torch.cuda.Stream()
    side.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(side):
        for _ in range(WARM_STEPS):
            step()
    torch.cuda.current_stream().wait_stream(side)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        step()
    return graph.replay


def _side_by_side(
    tasks: Sequence[Callable[[], None]], streams: Sequence[torch.cuda.Stream]
) -> None:
    """Each task in its stream; one after the other where there are no streams."""
    if not streams:
        for task in tasks:
            task()
        return
    now = torch.cuda.current_stream()
    for task, stream in zip(tasks, streams, strict=True):
        stream.wait_stream(now)
        with torch.cuda.stream(stream):
            task()
    for stream in streams:
        now.wait_stream(stream)


def _half_precision(device: torch.device) -> torch.autocast | nullcontext[None]:
    return torch.autocast("cuda", torch.bfloat16) if device.type == "cuda" else nullcontext()


def _as_one(model: StaticCNN) -> Tensor:
    """The state as one vector, in the order of `checkpoint.flatten`; the model's tensors become
    parts of it."""
    buffers = [buffer for buffer in model.buffers() if buffer.is_floating_point()]
    tensors = [*model.parameters(), *buffers]
    whole = torch.cat([tensor.detach().reshape(-1) for tensor in tensors])
    offset = 0
    for tensor in tensors:
        tensor.data = whole[offset : offset + tensor.numel()].view(tensor.shape)
        offset += tensor.numel()
    return whole
