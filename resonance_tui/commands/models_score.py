"""`models score`: what the predictions in a CSV file are worth, and whether two differ."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click
import numpy as np
from numpy.typing import NDArray
from resonance_zoo import metrics

from resonance_tui.commands.predictions import read_columns

SIGNIFICANCE = 0.05


def run(file: Path, *, label: str, pred: str, versus: str | None, as_json: bool) -> None:
    """Scores column `pred` against column `label`; with `versus`, compares the two as well.

    Raises InputError for a file, column or value that cannot be understood.
    """
    wanted = [label, pred, *([versus] if versus is not None else [])]
    columns = {name: np.array(codes) for name, codes in read_columns(file, wanted).columns.items()}
    figures = metrics.figures(metrics.confusion(columns[pred], columns[label]))
    if versus is not None:
        rival = metrics.figures(metrics.confusion(columns[versus], columns[label]))
        figures["versus"] = {
            "column": versus,
            "war": rival["war"],
            "uar": rival["uar"],
            **compare(columns[pred], columns[versus], columns[label], (pred, versus)),
        }
    click.echo(json.dumps(figures) if as_json else table(figures, pred))


def compare(
    first: NDArray[np.int64],
    second: NDArray[np.int64],
    labels: NDArray[np.int64],
    names: tuple[str, str],
) -> dict[str, Any]:
    """McNemar's test on right and wrong, the bootstrap of the UAR difference, one sentence."""
    test = metrics.mcnemar(first, second, labels)
    gap = metrics.bootstrap_uar_difference(first, second, labels)
    uar = [
        metrics.unweighted_average_recall(metrics.confusion(said, labels))
        for said in (first, second)
    ]
    return {
        "only_first": test.only_first,
        "only_second": test.only_second,
        "p": test.p,
        "significant": test.p < SIGNIFICANCE,
        "verdict": verdict(test, names),
        "uar_difference": metrics.percent(uar[0] - uar[1]),
        "uar_difference_interval": gap.percents(),
    }


def verdict(test: metrics.McNemar, names: tuple[str, str]) -> str:
    """The test in one plain sentence."""
    first, second = names
    differs = "differ" if test.p < SIGNIFICANCE else "do not differ"
    return (
        f"{first} and {second} {differs} significantly at the 5 % level (exact McNemar test, "
        f"{_p_value(test.p)}): {test.only_first} clips only {first} gets right, "
        f"{test.only_second} only {second}."
    )


def table(figures: dict[str, Any], name: str) -> str:
    """The figures as a person wants to read them."""
    lines = [metrics.text(figures, name)]
    if "versus" in figures:
        lines += ["", *_versus_lines(figures["versus"], name)]
    return "\n".join(lines)


def _versus_lines(versus: dict[str, Any], name: str) -> list[str]:
    low, high = versus["uar_difference_interval"]
    return [
        f"{versus['column']}: WAR {versus['war']:.2f} %, UAR {versus['uar']:.2f} %",
        f"UAR of {name} minus {versus['column']}: {versus['uar_difference']:+.2f}"
        f" points (95 %: {low:+.2f} to {high:+.2f})",
        versus["verdict"],
    ]


def _p_value(p: float) -> str:
    return "p < 0.0001" if p < 1e-4 else f"p = {p:.4f}"
