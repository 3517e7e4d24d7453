"""Everything about one network: a readable page, or values for scripts. No torch."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict
from textwrap import fill
from typing import Any

from resonance_tui.commands.models.table import named_scores, score_cell
from resonance_zoo.card_types import Card, NetworkCard, Published, StillCard
from resonance_zoo.checkpoints.stored import StoredWeights


def page(card: Card, kept: StoredWeights | None, width: int) -> Iterator[str]:
    """Everything on a card, readable."""
    yield card.name
    yield fill(card.summary, width)
    facts = _network_facts(card) if isinstance(card, NetworkCard) else _still_facts(card)
    for title, lines in facts:
        yield from _section(title, lines, width)
    if kept is not None:
        lines = [str(kept.path), f"from {kept.origin}, {kept.imported_at[:10]}", kept.sha256]
        yield from _section("Weights here", lines, width)


def _section(title: str, lines: Iterable[str], width: int) -> Iterator[str]:
    filled = [line for line in lines if line]
    if not filled:
        return
    yield ""
    yield title
    for line in filled:
        yield fill(
            line,
            width,
            initial_indent="  ",
            subsequent_indent="    ",
            break_long_words=False,  # addresses
            break_on_hyphens=False,
        )


def _network_facts(card: NetworkCard) -> Iterator[tuple[str, list[str]]]:
    cost = card.cost
    reported = cost.reported_params_m is not None and (
        f"the report: {cost.reported_params_m:g} M, {cost.reported_gmacs:g} G"
    )
    yield "Paper", [card.paper]
    yield "Equal to", [card.source]
    yield "Reads", [_reads(card)]
    yield "Answers", [", ".join(card.classes)]
    yield (
        "Cost of one clip",
        [
            f"{cost.params:,} parameters, {cost.gmacs:g} GMACs (computed, fvcore's convention)",
            reported or "",
            cost.note,
        ],
    )
    yield (
        "Scores, UAR/WAR in percent",
        [
            f"{data}: " + ", ".join(f"{score_cell(pair)} ({who})" for who, pair in by.items())
            for data, by in card.reported.items()
        ],
    )
    yield "Published weights", [line for each in card.weights for line in _published(card, each)]
    yield "Official tensors that nothing reads", list(card.unused_tensors)
    yield "Notes", list(card.notes)
    yield "Licence", [card.licence]


def _published(card: NetworkCard, published: Published) -> Iterator[str]:
    head = f"{card.name}.{published.name}: {published.location}"
    yield f"{head} (nothing to fetch)" if published.kind == "none" else head
    yield f"- {published.terms}"
    if published.note:
        yield f"- {published.note}"


def _reads(card: NetworkCard) -> str:
    clip = card.input
    if clip is None:
        return "features that were computed beforehand"
    normalised = any(clip.mean) or set(clip.std) != {1.0}
    scale = f"mean {clip.mean}, deviation {clip.std}" if normalised else "no normalisation"
    return (
        f"{clip.frames} {clip.colour} frames of {clip.size}x{clip.size} pixels at "
        f"{clip.frame_rate:g} a second, values in 0..1, {scale}"
    )


def _still_facts(card: Card) -> Iterator[tuple[str, list[str]]]:
    assert isinstance(card, StillCard)
    figures, shipped = card.metrics, card.metrics.get("shipped", {})
    yield (
        "Reads",
        [f"one {card.input.colour} face crop, {card.input.size}x{card.input.size} pixels"],
    )
    yield "Answers", [", ".join(card.output.classes)]
    yield (
        "Cost of one face",
        [
            f"{figures['parameters']:,} parameters, "
            f"{figures['multiply_accumulates'] / 1e6:.1f} million multiply-accumulates"
        ],
    )
    yield (
        f"Scores ({figures.get('split', '')})",
        [f"{key}: {shipped[key]}" for key in ("accuracy", "uar", "ece") if key in shipped],
    )
    yield "Weaknesses", list(card.weaknesses)
    yield "Provenance", [f"{key}: {value}" for key, value in card.provenance.items()]
    yield "Weights", [f"shipped as {card.weights_file}, SHA-256 {card.sha256}"]
    yield "Licence", [card.licence]


def as_json(card: Card, kept: StoredWeights | None, weights: str) -> dict[str, Any]:
    """The whole card with what is stored here, as plain values."""
    found = asdict(card)
    found["published"] = found.pop("weights", [])
    if isinstance(card, NetworkCard):
        found["reported"] = {
            data: {who: named_scores(pair) for who, pair in by.items()}
            for data, by in card.reported.items()
        }
    here = asdict(kept) | {"path": str(kept.path)} if kept else None
    return found | {"weights": weights, "here": here}


def some(names: Sequence[str], most: int = 6) -> str:
    """The first few names, and how many more there are."""
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more
