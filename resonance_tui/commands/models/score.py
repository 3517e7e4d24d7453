"""`models score`: what the predictions in a CSV file are worth, and whether two differ."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from resonance_tui.commands.console import put, put_json
from resonance_tui.commands.groups import Command
from resonance_tui.commands.quantities import FilePath
from resonance_tui.errors import InputError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from resonance_zoo import metrics

SIGNIFICANCE = 0.05


@click.command("score", cls=Command)
@click.argument("file", type=FilePath(path_type=Path))
@click.option("--label", default="label", show_default=True, help="Column of the true classes.")
@click.option("--pred", default="pred", show_default=True, help="Column of the predicted classes.")
@click.option("--versus", metavar="COLUMN", help="Compare with this column: McNemar's test.")
@click.option("--classes", metavar="A,B,...", help="Order of the file's numbers, if not ours.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object for scripts.")
@click.option("--markdown", "as_markdown", is_flag=True, help="A table for a README or a paper.")
def score(file: Path, **options: Any) -> None:
    """Score predictions in a CSV FILE: WAR, UAR, F1, recalls, precisions, confusion, 95% intervals.

    Classes are numbers (0 happiness, 1 sadness, 2 neutral, 3 anger, 4 surprise, 5 disgust,
    6 fear) or those words. Without a column of predicted classes, the largest of the columns
    p_happiness to p_fear counts.

    \b
    Examples:
      resonance-tui models score predictions.csv
      resonance-tui models score predictions.csv --pred add --versus concat --json
      resonance-tui models score predictions.csv --markdown
      resonance-tui models score fer.csv --classes angry,disgust,fear,happy,sad,surprise,neutral
    """
    if options["as_json"] and options["as_markdown"]:
        raise InputError("--json and --markdown are two forms of one answer.", "Give one of them.")
    run(file, **options)


def run(
    file: Path,
    *,
    label: str,
    pred: str,
    versus: str | None,
    as_json: bool,
    as_markdown: bool = False,
    classes: str | None = None,
) -> None:
    """Scores column `pred` against column `label`; with `versus`, compares the two as well.

    Raises InputError for a file, column or value that cannot be understood.
    """
    import numpy as np

    from resonance_tui.commands.models.predictions import parse_order, read_columns
    from resonance_zoo import metrics

    wanted = [label, pred, *([versus] if versus is not None else [])]
    found = read_columns(file, wanted, parse_order(classes)).columns
    columns = {name: np.array(codes) for name, codes in found.items()}
    figures = metrics.figures(metrics.confusion(columns[pred], columns[label]))
    if versus is not None:
        rival = metrics.figures(metrics.confusion(columns[versus], columns[label]))
        figures["versus"] = {
            "column": versus,
            "war": rival["war"],
            "uar": rival["uar"],
            **compare(columns[pred], columns[versus], columns[label], (pred, versus)),
        }
    if as_json:
        put_json(figures)
    else:
        put(score_table(figures, pred, as_markdown=as_markdown))


def compare(
    first: NDArray[np.int64],
    second: NDArray[np.int64],
    labels: NDArray[np.int64],
    names: tuple[str, str],
) -> dict[str, Any]:
    """McNemar's test on right and wrong, the bootstrap of the UAR difference, one sentence."""
    from resonance_zoo import metrics

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


def score_table(figures: dict[str, Any], name: str, *, as_markdown: bool = False) -> str:
    """The figures as a person wants to read them."""
    from resonance_zoo import metrics

    lines = [metrics.markdown(figures, name) if as_markdown else metrics.text(figures, name)]
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
