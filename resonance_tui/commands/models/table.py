"""The list of networks: one row each, as a table or as values for scripts. No torch."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from textwrap import wrap
from typing import Any

from resonance_zoo.card_types import Card, NetworkCard, StillCard
from resonance_zoo.checkpoints.errors import WeightsError
from resonance_zoo.checkpoints.stored import stored

MAIN_DATA = "ferv39k"
NO_SCORE = "-"
COMPUTED = (
    "Parameters and GMACs are computed from the built networks: one multiply-accumulate counts 1, "
    "one clip at a time; a clip is its frames x pixels. UAR/WAR in percent on FERV39k: as the "
    "report gives them, and as the network's authors do."
)
# which columns go first where the terminal is narrow
DISPENSABLE = ("authors", "clip", "report", "GMACs")


@dataclass(frozen=True)
class ModelRow:
    """One network of the list."""

    card: Card
    params: int
    gmacs: float
    clip: tuple[int, int] | None  # frames, side in pixels
    report: Mapping[str, Sequence[float | None]]  # data set -> UAR, WAR
    official: Mapping[str, Sequence[float | None]]
    weights: str  # shipped, here, damaged, to pull, none

    @classmethod
    def of(cls, card: Card, weights: str) -> ModelRow:
        """From a card of either kind."""
        if isinstance(card, NetworkCard):
            clip = (card.input.frames, card.input.size) if card.input else None
            report, official = (
                {data: by[who] for data, by in card.reported.items() if who in by}
                for who in ("report", "official")
            )
            cost = card.cost
            return cls(card, cost.params, cost.gmacs, clip, report, official, weights)
        assert isinstance(card, StillCard)
        figures = card.metrics
        gmacs = figures["multiply_accumulates"] / 1e9
        return cls(card, figures["parameters"], gmacs, (1, card.input.size), {}, {}, weights)

    def as_json(self) -> dict[str, Any]:
        """For scripts: millions and 1e9 as numbers, no rounding but of parameters."""
        clip = {"frames": self.clip[0], "size": self.clip[1]} if self.clip else None
        found = {
            "name": self.card.name,
            "params_m": round(self.params / 1e6, 3),
            "gmacs": self.gmacs,
            "weights": self.weights,
            "clip": clip,
            "report": scores_by_data(self.report),
            "official": scores_by_data(self.official),
        }
        if isinstance(self.card, NetworkCard):
            cost = self.card.cost
            found |= {
                "reported_params_m": cost.reported_params_m,
                "reported_gmacs": cost.reported_gmacs,
                "note": cost.note,
            }
        return found

    def cells(self) -> dict[str, str]:
        """What the table shows, by column."""
        return {
            "network": self.card.name,
            "params": f"{_short(self.params / 1e6)}M",
            "GMACs": _short(self.gmacs),
            "clip": f"{self.clip[0]}x{self.clip[1]}" if self.clip else NO_SCORE,
            "report": score_cell(self.report.get(MAIN_DATA)),
            "authors": score_cell(self.official.get(MAIN_DATA)),
            "weights": self.weights,
        }


def state(name: str, folder: Path) -> str:
    """Where weights of `name` are: shipped, here, damaged, to pull, or none."""
    from resonance_zoo import card

    known = card(name)
    if not isinstance(known, NetworkCard):
        return "shipped"
    try:
        if stored(name, folder) is not None:
            return "here"
    except WeightsError:
        return "damaged"
    can_pull = any(each.kind != "none" and not each.is_start for each in known.weights)
    return "to pull" if can_pull else "none"


def table(rows: Sequence[ModelRow], width: int) -> Iterator[str]:
    """An aligned table of at most `width` columns, less important ones left out where it is
    narrow, and what the figures mean."""
    cells = [row.cells() for row in rows]
    columns = list(cells[0])
    for gone in DISPENSABLE:
        if _line_width(cells, columns) <= width:
            break
        columns.remove(gone)
    widths = {column: _column_width(cells, column) for column in columns}
    yield _line({column: column for column in columns}, widths)
    for each in cells:
        yield _line(each, widths)
    yield ""
    yield from wrap(COMPUTED, width)


def _line_width(cells: Sequence[Mapping[str, str]], columns: Sequence[str]) -> int:
    return sum(_column_width(cells, column) + 2 for column in columns) - 2


def _column_width(cells: Sequence[Mapping[str, str]], column: str) -> int:
    return max(len(column), *(len(each[column]) for each in cells))


def _line(cells: Mapping[str, str], widths: Mapping[str, int]) -> str:
    numbers = ("params", "GMACs")
    parts = [
        cells[column].rjust(width) if column in numbers else cells[column].ljust(width)
        for column, width in widths.items()
    ]
    return "  ".join(parts).rstrip()


def _short(number: float) -> str:
    return f"{number:.2f}" if number >= 0.01 else "<0.01"


def score_cell(pair: Sequence[float | None] | None) -> str:
    """UAR/WAR, a dash for what is not published."""
    if pair is None:
        return NO_SCORE
    return "/".join(NO_SCORE if score is None else f"{score:.2f}" for score in pair)


def named_scores(pair: Sequence[float | None]) -> dict[str, float | None]:
    """For scripts: percent, null for what is not published."""
    uar, war = pair
    return {"uar": uar, "war": war}


def scores_by_data(
    by_data: Mapping[str, Sequence[float | None]],
) -> dict[str, Mapping[str, float | None] | None]:
    """The same by data set; FERV39K's is always there, null where none is published."""
    found: dict[str, Mapping[str, float | None] | None] = {MAIN_DATA: None}
    return found | {data: named_scores(pair) for data, pair in by_data.items()}
