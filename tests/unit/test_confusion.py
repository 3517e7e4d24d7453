"""Which engine is wrong how often: read from the cards, in the order of the house."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from resonance_tui.emotions import Emotion
from resonance_tui.engines.live_confusion import live_confusion
from resonance_tui.engines.registry import confusion_of
from resonance_tui.errors import InputError
from resonance_zoo.cards import still_card


@pytest.mark.parametrize("engine", ["auto", "static"])
def test_the_default_engine_takes_sad_for_calm_and_calm_for_sad(engine: str) -> None:
    table = confusion_of(engine)
    assert table is not None
    sad_as_calm, calm_as_sad = (
        table[one, other] / table[one].sum()
        for one, other in (
            (Emotion.SADNESS, Emotion.NEUTRAL),
            (Emotion.NEUTRAL, Emotion.SADNESS),
        )
    )
    assert 0.1 < sad_as_calm < 0.2 and 0.04 < calm_as_sad < 0.1


def test_the_whole_live_path_counts_where_it_was_measured_with_these_weights() -> None:
    card = still_card("static_cnn")
    live, of_card = live_confusion(card), np.array(card.metrics["shipped"]["confusion"])
    assert live is not None and live.shape == (7, 7)
    assert (live == confusion_of("static")).all() and live.sum() < of_card.sum()
    right = [np.trace(each) / each.sum() for each in (live, of_card)]
    assert right[0] == pytest.approx(right[1], abs=0.02)
    assert live_confusion(replace(card, sha256="0" * 64)) is None


def test_a_network_has_what_its_authors_published() -> None:
    table = confusion_of("mae_dfer_mmnet_add")
    assert table is not None
    assert table.dtype == np.float64
    assert table.sum(axis=1).tolist() == [1473, 1393, 1958, 1487, 638, 467, 431]
    assert confusion_of("former_dfer") is None


def test_an_engine_that_is_none() -> None:
    with pytest.raises(InputError, match="no engine called 'statc'"):
        confusion_of("statc")
