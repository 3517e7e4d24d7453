"""That the search of the privacy tests finds what it looks for, and nothing else."""

from __future__ import annotations

import json

import numpy as np
import pytest
from arrays import FORMS, probabilities_in

SEVEN = np.array((0.012, 0.52, 0.41, 0.021, 0.013, 0.011, 0.013))


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("before", [0, 1, 5, 4096])
def test_floats_are_found_at_any_place(form: str, before: int) -> None:
    data = b"x" * before + SEVEN.astype(form).tobytes() + b"tail"
    assert form in probabilities_in(data)


@pytest.mark.parametrize(
    "text", [json.dumps({"p": SEVEN.tolist()}), str(SEVEN), ",".join(map(str, SEVEN))]
)
def test_text_is_found(text: str) -> None:
    assert probabilities_in(b"a line 0.5 " + text.encode()) == ["text"]


def test_other_bytes_are_not_taken_for_probabilities() -> None:
    dice = np.random.default_rng(1)
    counts = json.dumps({"counts": [12, 3, 40, 1, 0, 0, 2], "resonance": 0.42}).encode()
    for data in (bytes(20_000), dice.bytes(20_000), counts, b"1.0 2.5 " * 40, b""):
        assert probabilities_in(data) == []
