"""Finds probabilities in bytes, however they were written: what must outlive no process."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import pairwise

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

SEVEN = 7
LEAST = 1e-9  # below it is what other bytes look like as numbers
FORMS = ("<f4", ">f4", "<f8", ">f8")
_SEPARATE = re.compile(rb"-?\d?\.\d+(?:[eE]-?\d+)?")
_BETWEEN = rb"[\s,;\[\]\"']{1,6}"


def probabilities_in(data: bytes) -> list[str]:
    """How seven numbers that sum to 1 stand in it: as floats of either size and order, or as
    text; and the signs of files of arrays. Empty where there are none."""
    found = [form for form in FORMS if _as_floats(data, form)]
    found += [name for name, sign in SIGNS.items() if sign in data]
    return found + (["text"] if _as_text(data) else [])


SIGNS = {"npy": b"\x93NUMPY", "pickled array": b"numpy._core.multiarray", "onnx": b"ai.onnx"}


def _as_floats(data: bytes, form: str) -> bool:
    size = np.dtype(form).itemsize
    for start in range(size):
        count = (len(data) - start) // size
        if count < SEVEN:
            continue
        with np.errstate(invalid="ignore"):
            values = np.frombuffer(data, form, count, start).astype(np.float64)
        usable = np.where((values > LEAST) & (values < 1), values, np.inf)
        sums = sliding_window_view(usable, SEVEN).sum(axis=1)
        if (np.abs(sums - 1) < 1e-3).any():
            return True
    return False


def _as_text(data: bytes) -> bool:
    return any(abs(sum(each) - 1) < 0.01 for each in _runs(data))


def _runs(data: bytes) -> Iterator[list[float]]:
    """Every seven fractions that stand beside each other."""
    numbers = list(_SEPARATE.finditer(data))
    for at in range(len(numbers) - SEVEN + 1):
        some = numbers[at : at + SEVEN]
        gaps = (data[a.end() : b.start()] for a, b in pairwise(some))
        if all(re.fullmatch(_BETWEEN, gap) for gap in gaps):
            yield [float(each[0]) for each in some]
