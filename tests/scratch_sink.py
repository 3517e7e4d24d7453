"""A sink for tests, and all that one needs: rows into a CSV file, registered under `scratch`."""

from __future__ import annotations

import csv
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import ClassVar

from resonance_tui.config import Config
from resonance_tui.errors import InputError
from resonance_tui.history.samples import Sample
from resonance_tui.sinks.registry import Entry
from resonance_tui.sinks.row_sink import RowSink

ENTRY = Entry("file", "CSV file", "--scratch", "PATH", "scratch_sink:ScratchSink", True)


class ScratchSink(RowSink):
    name: ClassVar[str] = "scratch"
    closed: ClassVar[list[str]] = []  # channels

    def add(self, rows: Sequence[Sample]) -> None:
        path = Path(self.plan.target)
        known = {(row.channel, row.t, row.source) for row in rows_in(path)}
        with path.open("a", newline="") as stream:
            writer = csv.writer(stream)
            for row in rows:
                if (row.channel, row.t, row.source) not in known:
                    figures = (row.viewers, *row.counts, row.unsure, row.away)
                    writer.writerow((row.channel, row.t, row.source, *figures))
            stream.flush()
            os.fsync(stream.fileno())

    def close(self) -> None:
        self.closed.append(self.channel)

    @classmethod
    def checked_target(cls, target: str) -> str:
        if not target.endswith(".csv"):
            raise InputError("That is no CSV file.", "--scratch rows.csv")
        return super().checked_target(target)

    @classmethod
    def read(
        cls,
        config: Config,
        channel: str,
        start: int | None,
        end: int | None,
        tell: Callable[[str], None],
    ) -> list[Sample]:
        found = rows_in(Path(cls.target(config, channel) or ""))
        return [
            row
            for row in sorted(found, key=lambda row: (row.t, row.source))
            if (start is None or start <= row.t) and (end is None or row.t <= end)
        ]


def rows_in(path: Path) -> list[Sample]:
    """What the file holds, doubles included, in the order in which it was written."""
    if not path.is_file():
        return []
    with path.open(newline="") as stream:
        return [sample(*line) for line in csv.reader(stream)]


def sample(channel: str, t: str, source: str, viewers: str, *figures: str) -> Sample:
    *counts, unsure, away = map(int, figures)
    return Sample(channel, int(t), int(viewers), tuple(counts), unsure, away, source)
