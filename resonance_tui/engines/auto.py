"""The engine that `auto` stands for: the best network with weights that keeps up here."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path

from model_zoo.cards import network_card
from resonance_tui.engines.base import EngineOptions
from resonance_tui.engines.live import kept, live_networks
from resonance_tui.engines.speed import holds, known, timed
from resonance_tui.engines.zoo import ZooEngine
from resonance_tui.errors import EngineUnavailable

log = logging.getLogger(__name__)


def candidates(folder: Path) -> tuple[str, ...]:
    """Networks with weights in `folder`, best first by their published WAR on FERV39k.

    Those that nobody scored there are left out: nothing says that they are better than `static`.
    """
    scored = [(war, name) for name in live_networks() if (war := published_war(name)) is not None]
    return tuple(name for _, name in sorted(scored, reverse=True) if _is_there(name, folder))


def _is_there(name: str, folder: Path) -> bool:
    try:
        return kept(name, folder) is not None
    except EngineUnavailable as error:  # a damaged record of one is no reason to do without others
        log.warning("auto passes %s over: %s", name, error)
        return False


def published_war(name: str) -> float | None:
    """Percent on FERV39k: the report's figure, else the authors' own; None where there is none."""
    found = network_card(name).reported.get("ferv39k", {})
    scores = found.get("report") or found.get("official")
    return scores[1] if scores else None


def best_engine(
    folder: Path, options: EngineOptions, say: Callable[[str], None]
) -> ZooEngine | None:
    """Load candidates until one holds a prediction a second (blocking); None when none does.

    What was measured before is remembered, so a network that is too slow is not loaded again.
    """
    for name in candidates(folder):
        try:
            engine = _if_it_holds(name, folder, options, say)
        except (EngineUnavailable, ImportError, OSError, ValueError) as error:
            log.warning("auto passes %s over: %s", name, error)
            continue
        if engine is not None:
            return engine
    return None


def _if_it_holds(
    name: str, folder: Path, options: EngineOptions, say: Callable[[str], None]
) -> ZooEngine | None:
    seconds = known(name, folder, options)
    if seconds is not None and not holds(seconds):
        log.info("auto passes %s over: %.0f ms a clip here", name, seconds * 1000)
        return None
    engine = ZooEngine(name, folder, options, lambda doing: say(f"{name}: {doing}"))
    if seconds is None:
        say(f"{name}: timing")
        seconds = timed(engine, folder, options)
    return engine if holds(seconds) else None


def too_slow(folder: Path, options: EngineOptions) -> list[tuple[str, float]]:
    """Candidates that were measured and do not keep up, with seconds a clip."""
    measured = [(name, known(name, folder, options)) for name in candidates(folder)]
    return [(name, seconds) for name, seconds in measured if seconds and not holds(seconds)]
