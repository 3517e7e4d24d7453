"""What a person sees of a training run, and what it leaves on disk while it goes on."""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

from tqdm import tqdm

from resonance_zoo.train.still import ferplus, metrics
from resonance_zoo.train.still.checkpoint import StillCheckpoint
from resonance_zoo.train.still.local_sgd import Tick
from resonance_zoo.train.still.ship import raw_predictor

CHECKPOINT_EVERY_S = 180
SCORE_EVERY_S = 420
SCORED_IMAGES = 1200  # a few seconds' worth; the whole split is measured at the end
BAR = "{l_bar}{bar}| {elapsed}<{remaining}{postfix}"


@dataclass
class Every:
    """True once in so many seconds, the first time after as many."""

    seconds: float
    last: float = field(default_factory=time.monotonic)

    def due(self) -> bool:
        if time.monotonic() - self.last < self.seconds:
            return False
        self.last = time.monotonic()
        return True


class Progress:
    """A bar on stderr, a checkpoint every few minutes, a look at the valid split now and then."""

    def __init__(
        self, start: StillCheckpoint, train: ferplus.FaceSet, valid: ferplus.FaceSet, file: Path
    ) -> None:
        self.now, self.file, self.epoch_images = start, file, len(train)
        images, labels = ferplus.labelled(valid)
        self.images, self.labels = images[:SCORED_IMAGES], labels[:SCORED_IMAGES]
        self.saving, self.scoring = Every(CHECKPOINT_EVERY_S), Every(SCORE_EVERY_S)
        self.bar = tqdm(total=100.0, initial=100 * start.progress, bar_format=BAR, file=sys.stderr)

    def update(self, tick: Tick) -> None:
        """Show one averaging of the workers; save and score when it is time."""
        self.now = tick.checkpoint
        epoch = f"{tick.images / self.epoch_images:.1f}"
        self.bar.update(100 * min(self.now.progress, 1) - self.bar.n)
        self.bar.set_postfix(loss=f"{tick.loss:.3f}", epoch=epoch)
        if self.saving.due():
            self.now.save(self.file)
        if self.scoring.due():
            scores = metrics.score(
                metrics.softmax(raw_predictor(self.now)(self.images)), self.labels
            )
            self.bar.write(
                f"epoch {epoch}  {self.now.cpu_s / 60:.1f} CPU-min  loss {tick.loss:.3f}"
                f"  valid accuracy {scores.accuracy:.3f}  uar {scores.uar:.3f}",
                file=sys.stderr,
            )

    def close(self) -> None:
        """Save where the run stands, however it ends."""
        self.bar.close()
        self.now.save(self.file)
