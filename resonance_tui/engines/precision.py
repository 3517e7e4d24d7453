"""Which weights of the default network run on this machine: int8 where the processor gains."""

from __future__ import annotations

import contextlib
import logging
import math
import time
from collections.abc import Callable, Mapping
from importlib.metadata import version
from pathlib import Path
from typing import cast

import cv2
import numpy as np
from numpy.typing import NDArray

from resonance_tui.engines.benchmark_cache import BenchmarkCache, EngineTiming
from resonance_tui.engines.processor import processor
from resonance_zoo.cards import still_card
from resonance_zoo.files import int8_path, weights_path
from resonance_zoo.runtime import open_network

FLOAT32, INT8 = "float32", "int8"
# In this order they are opened: the larger one last, so that its memory can be given back whole.
PATHS = {INT8: int8_path, FLOAT32: weights_path}
GAIN = 1.1  # times as fast int8 has to be
ROUNDS = 12
PICTURES = 16
# Mean over pictures of the largest difference of a probability. It is .03 on processors that add
# int8 products in 32 bits; older ones may cut off sums.
ALIKE = 0.1

log = logging.getLogger(__name__)

Floats = NDArray[np.float32]
Network = Callable[[Floats], Floats]  # faces [N, 1, S, S] in 0..255 to logits [N, 7]


def open_quickest(name: str, folder: Path | None) -> tuple[Network, str]:
    """The network `name` and its precision: the quicker one on this processor (blocking).

    Measured once (some 30 ms); kept in `folder`, if one is given, as long as other timings.
    Raises ValueError and OSError where the weights do not match their card.
    """
    cache = BenchmarkCache(folder) if folder is not None else None
    known = cache.recall(_key(name), time.time()) if cache else None
    if known is not None and known.runs_on in PATHS:
        return open_precision(name, known.runs_on), known.runs_on
    networks = {precision: open_precision(name, precision) for precision in PATHS}
    seconds, chosen = choose(networks, still_card(name).input.size)
    if cache and folder is not None:
        with contextlib.suppress(OSError):  # the cache says why it cannot write
            folder.mkdir(parents=True, exist_ok=True)
        cache.note(_key(name), EngineTiming(seconds, time.time(), chosen))
    return networks[chosen], chosen


def open_precision(name: str, precision: str) -> Network:
    """The network `name` in one precision (a key of PATHS). Raises as `open_quickest`."""
    session = open_network(PATHS[precision](name))
    source = cast(str, session.get_inputs()[0].name)

    def run(faces: Floats) -> Floats:
        return np.asarray(session.run(None, {source: faces})[0], np.float32)

    return run


def choose(networks: Mapping[str, Network], size: int) -> tuple[float, str]:
    """Seconds a face and the precision: int8 where it is quicker and answers as float32 does."""
    pictures = _pictures(size)
    spent = {precision: math.inf for precision in networks}
    for _ in range(ROUNDS):  # in turn, and the least of each: what else runs disturbs both alike
        for precision, network in networks.items():
            started = time.perf_counter()
            network(pictures[:1])
            spent[precision] = min(spent[precision], time.perf_counter() - started)
    difference = float(np.mean([_apart(networks, picture[None]) for picture in pictures]))
    is_better = spent[INT8] * GAIN <= spent[FLOAT32] and difference <= ALIKE
    chosen = INT8 if is_better else FLOAT32
    log.info(
        "%s: %.2f ms a face in float32, %.2f ms in int8 (difference %.3f): %s",
        *(processor(), spent[FLOAT32] * 1000, spent[INT8] * 1000, difference, chosen),
    )
    return spent[chosen], chosen


def _apart(networks: Mapping[str, Network], picture: Floats) -> float:
    """The largest difference of a probability. One picture a call: a network keeps the memory that
    its largest call has needed."""
    whole, rounded = (softmax(networks[precision](picture)) for precision in (FLOAT32, INT8))
    return float(np.abs(whole - rounded).max())


def softmax(logits: Floats) -> Floats:
    """Probabilities, row by row."""
    exp = np.exp(logits - logits.max(axis=1, keepdims=True))
    return exp / exp.sum(axis=1, keepdims=True)


def _pictures(size: int) -> Floats:
    """Soft patterns of random light: as rough as a face, and nobody's."""
    rng = np.random.default_rng(0)
    patches = rng.uniform(0, 255, (PICTURES, 8, 8)).astype(np.float32)
    faces = np.empty((PICTURES, 1, size, size), np.float32)
    for face, patch in zip(faces, patches, strict=True):
        face[0] = cv2.resize(patch, (size, size), interpolation=cv2.INTER_LINEAR)
    return faces


def _key(name: str) -> str:
    card = still_card(name)
    hashes = [card.sha256[:16], card.int8.sha256[:16] if card.int8 else ""]
    return f"{name} {' '.join(hashes)} onnxruntime {version('onnxruntime')}, {processor()}"
