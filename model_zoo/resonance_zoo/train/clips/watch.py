"""What a person sees of a run: a bar on stderr, and TensorBoard's files in the output folder."""

from __future__ import annotations

import sys
from pathlib import Path
from types import TracebackType

import numpy as np
from numpy.typing import NDArray
from torch.utils.tensorboard import SummaryWriter
from tqdm import tqdm

from resonance_zoo import metrics
from resonance_zoo.classes import CLASSES


class Watch:
    """Bar and TensorBoard of one run; silent in all processes but the first."""

    def __init__(self, out: Path, steps: int, done: int, speaks: bool) -> None:
        self.speaks = speaks
        self.writer = SummaryWriter(str(out / "tensorboard"), purge_step=done) if speaks else None
        self.bar = tqdm(total=steps, initial=done, unit="step", file=sys.stderr, disable=not speaks)

    def __enter__(self) -> Watch:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: object, trace: TracebackType | None
    ) -> None:
        self.bar.close()
        if self.writer:
            self.writer.close()

    def stepped(self) -> None:
        self.bar.update()

    def trained(self, step: int, values: dict[str, float]) -> None:
        """Means over the last few steps: loss, learning rate, clips a second."""
        self.bar.set_postfix({name: f"{value:.3g}" for name, value in values.items()})
        self._scalars("train", values, step)

    def validated(self, step: int, epoch: int, table: NDArray[np.integer]) -> None:
        """Scores after an epoch from its confusion table (rows = truth)."""
        scores = {
            "war": 100 * metrics.weighted_average_recall(table),
            "uar": 100 * metrics.unweighted_average_recall(table),
        }
        self._scalars("valid", scores, step)
        if self.writer:
            self.writer.add_text("valid/confusion", confusion_as_markdown(table), step)
        self.say(f"epoch {epoch + 1}  WAR {scores['war']:.2f}  UAR {scores['uar']:.2f}")

    def say(self, line: str) -> None:
        """One line above the bar."""
        if self.speaks:
            self.bar.write(line, file=sys.stderr)

    def _scalars(self, group: str, values: dict[str, float], step: int) -> None:
        if self.writer:
            for name, value in values.items():
                self.writer.add_scalar(f"{group}/{name}", value, step)


def confusion_as_markdown(table: NDArray[np.integer]) -> str:
    """Counts with a row for each true class."""
    names = CLASSES if len(table) == len(CLASSES) else [str(i) for i in range(len(table))]
    lines = [f"| truth \\ said | {' | '.join(names)} |", "|---" * (len(table) + 1) + "|"]
    lines += [f"| {n} | {' | '.join(map(str, row))} |" for n, row in zip(names, table, strict=True)]
    return "\n".join(lines)
