"""Which engine is wrong how often: read from the cards, in the order of the house."""

from __future__ import annotations

import numpy as np
import pytest

from resonance_tui.emotions import Emotion
from resonance_tui.engines.registry import confusion_of
from resonance_tui.errors import InputError


@pytest.mark.parametrize("engine", ["auto", "static"])
def test_the_default_engine_takes_calm_for_sad_more_than_the_other_way(engine: str) -> None:
    table = confusion_of(engine)
    assert table is not None
    assert table[Emotion.NEUTRAL, Emotion.SADNESS] == 100
    assert table[Emotion.SADNESS, Emotion.NEUTRAL] == 44


def test_a_network_has_what_its_authors_published() -> None:
    table = confusion_of("mae_dfer_mmnet_add")
    assert table is not None
    assert table.dtype == np.float64
    assert table.sum(axis=1).tolist() == [1473, 1393, 1958, 1487, 638, 467, 431]
    assert confusion_of("former_dfer") is None


def test_an_engine_that_is_none() -> None:
    with pytest.raises(InputError, match="no engine called 'statc'"):
        confusion_of("statc")
