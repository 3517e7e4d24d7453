"""The engine `auto`: the best network with weights that is fast enough on this machine."""

from __future__ import annotations

import gc
import logging
import traceback
from collections.abc import Callable
from pathlib import Path

from resonance_tui.engines.base import Engine, EngineOptions, EngineRequest, has_weights
from resonance_tui.engines.benchmark_cache import holds, known, timed
from resonance_tui.engines.catalog import kept, live_networks
from resonance_tui.engines.still import StillEngine
from resonance_tui.engines.zoo import ZooEngine, check_device
from resonance_tui.errors import EngineUnavailable, in_words
from resonance_tui.texts import tr
from resonance_zoo.cards import network_card

log = logging.getLogger(__name__)


def create(request: EngineRequest) -> Engine:
    """The best network that keeps up here, else the engine `static`; see `best_engine`."""
    folder, best = request.folder, None
    if folder is not None and has_weights(folder):
        best = best_engine(folder, request.options, request.say, request.warn)
    return best or StillEngine(folder, request.options.precision)


def candidates(folder: Path) -> tuple[str, ...]:
    """Networks with weights in `folder`, best first by their published WAR on FERV39k.

    Left out are networks without a score on FERV39k, and weights that their authors published for
    other data: nothing shows that they are better than `static`. Imported files count.
    """
    scored = [(war, name) for name in live_networks() if (war := published_war(name)) is not None]
    return tuple(name for _, name in sorted(scored, reverse=True) if _is_there(name, folder))


def _is_there(name: str, folder: Path) -> bool:
    try:
        known = kept(name, folder)
        return known is not None and not _is_for_other_data(name, known.origin)
    except EngineUnavailable:  # damaged: loading it will say so
        return True


def _is_for_other_data(name: str, origin: str) -> bool:
    """Whether the authors published the weights, and not for FERV39k."""
    tags = [each.name for each in network_card(name).weights if each.location == origin]
    return bool(tags) and not any(tag.startswith("ferv39k") for tag in tags)


def published_war(name: str) -> float | None:
    """WAR in percent on FERV39k: the report's, else the authors' own; None where there is none."""
    found = network_card(name).reported.get("ferv39k", {})
    scores = found.get("report") or found.get("official")
    return scores[1] if scores else None


def best_engine(
    folder: Path,
    options: EngineOptions,
    say: Callable[[str], None],
    warn: Callable[[str], None],
) -> ZooEngine | None:
    """Load candidates until one makes a prediction a second (blocking); None when none does.

    `warn` takes why a better one was passed over. Measurements are cached, so a network that is
    too slow is not loaded again. Raises EngineUnavailable where the device or precision asked for
    does not exist here.
    """
    names = candidates(folder)
    if names:
        check_device(options)
    for name in names:
        try:
            return _load_fast_enough(name, folder, options, say)
        except Exception as error:  # torch raises anything; the next one may still run
            reason = in_words(error)
            log.warning("auto passes %s over: %s", name, reason)
            log.debug("%s", traceback.format_exc())  # as text: a record would keep the network
        gc.collect()  # the next network needs the memory of the failed one
        warn(tr("{name} was passed over: {reason}", name=name, reason=reason))
    return None


def _load_fast_enough(
    name: str, folder: Path, options: EngineOptions, say: Callable[[str], None]
) -> ZooEngine:
    """Raises EngineUnavailable where it is too slow, and whatever its loading raises."""
    before = known(name, folder, options)
    if before is not None and not holds(before.seconds):
        raise _too_slow(before.seconds)
    engine = ZooEngine(name, folder, options, lambda doing: say(f"{name}: {doing}"))
    if before is not None and before.runs_on == engine.spec.runs_on:
        return engine
    say(tr("{name}: timing", name=name))
    seconds = timed(engine, folder, options)
    if not holds(seconds):
        raise _too_slow(seconds)
    return engine


def _too_slow(seconds: float) -> EngineUnavailable:
    return EngineUnavailable(tr("it takes {ms:.0f} ms a clip here, too slow", ms=seconds * 1000))
