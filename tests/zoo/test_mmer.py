"""The two networks of MMEmotionRecognition that read action units."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
import torch
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPClassifier

import resonance_zoo
from resonance_zoo.clip_input import ClipError
from resonance_zoo.mmer import MmerMlp, load_sklearn
from resonance_zoo.mmer_classes import (
    ACTION_UNITS,
    ALPHABETICAL_CLASSES,
    ALPHABETICAL_TO_RAVDESS,
    RAVDESS_CLASSES,
)
from tests.zoo import parity

LENGTHS = torch.tensor([4, 9, 1])


def bilstm() -> torch.nn.Module:
    network = resonance_zoo.create("mmer_bilstm").eval()
    parity.fill(network)
    return network


def sequences() -> torch.Tensor:
    batch = parity.inp((3, 9, 35), 5)
    for row, length in enumerate(LENGTHS.tolist()):
        batch[row, length:] = 0
    return batch


@pytest.mark.parametrize(("name", "count"), [("mmer_mlp", 3_528), ("mmer_bilstm", 106_609)])
def test_parameters(name: str, count: int) -> None:
    assert sum(p.numel() for p in resonance_zoo.create(name).parameters()) == count


def test_action_units_and_classes() -> None:
    assert len(ACTION_UNITS) == 35
    assert (ACTION_UNITS[16], ACTION_UNITS[17], ACTION_UNITS[33]) == ("AU45_r", "AU01_c", "AU28_c")
    ordered = tuple(ALPHABETICAL_CLASSES[place] for place in ALPHABETICAL_TO_RAVDESS)
    assert ordered == RAVDESS_CLASSES
    assert set(RAVDESS_CLASSES) == {*resonance_zoo.CLASSES, "calm"}


def test_bilstm_has_the_official_entries() -> None:
    lstm = [
        f"feature_extractor.encoder.lstm.{kind}_l{layer}{way}"
        for layer in (0, 1)
        for way in ("", "_reverse")
        for kind in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
    ]
    attention = [
        f"feature_extractor.attention.attention.{layer}.{kind}"
        for layer in (0, 3)
        for kind in ("weight", "bias")
    ]
    state = bilstm().state_dict()
    assert list(state) == [*lstm, *attention, "linear.weight", "linear.bias"]
    assert state[lstm[8]].shape == (200, 100)
    assert state[attention[2]].shape == (1, 100)
    assert state["linear.weight"].shape == (8, 100)


def test_a_batch_is_read_as_its_sequences_one_by_one() -> None:
    network, batch = bilstm(), sequences()
    with torch.inference_mode():
        together = network(batch, LENGTHS)
        alone = [
            network(batch[[row], :length], LENGTHS[[row]])
            for row, length in enumerate(LENGTHS.tolist())
        ]
    assert together.shape == (3, 8)
    torch.testing.assert_close(together, torch.cat(alone), atol=1e-5, rtol=0)


def test_attention_step_by_step() -> None:
    """A tanh after the score, softmax over the padding, then the mask, then shares again."""
    attention = bilstm().feature_extractor.attention
    states = parity.inp((2, 5, 100), 6)
    first, second = attention.attention[0], attention.attention[3]
    with torch.inference_mode():
        summed = attention(states, torch.tensor([5, 3]))
        hidden = torch.tanh(states @ first.weight.T + first.bias)
        scores = torch.tanh(hidden @ second.weight.T + second.bias)[..., 0]
    shares = scores.exp() / scores.exp().sum(1, keepdim=True)
    shares[1, 3:] = 0
    shares /= shares.sum(1, keepdim=True)
    expected = torch.einsum("bt,btc->bc", shares, states)
    torch.testing.assert_close(summed, expected, atol=1e-5, rtol=0)


def test_bilstm_learns() -> None:
    torch.manual_seed(0)
    network = resonance_zoo.create("mmer_bilstm", drop_rate=0.0)
    labels, batch = torch.tensor([0, 3, 7]), sequences()
    optimizer = torch.optim.Adam(network.parameters(), 1e-2)
    for _ in range(40):
        loss = torch.nn.functional.cross_entropy(network(batch, LENGTHS), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert loss.item() < 0.05


def fitted(activation: str = "relu", hidden: int = 80) -> MLPClassifier:
    rng = np.random.default_rng(0)
    features, labels = rng.random((60, 35)), np.arange(60) % 8
    perceptron = MLPClassifier((hidden,), activation=activation, max_iter=5, random_state=0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return perceptron.fit(features, labels)


def test_a_scikit_learn_perceptron_says_the_same_here() -> None:
    perceptron, features = fitted(), np.random.default_rng(1).random((20, 35))
    network: MmerMlp = resonance_zoo.create("mmer_mlp").double()
    load_sklearn(network, perceptron)
    with torch.inference_mode():
        said = network(torch.from_numpy(features)).softmax(-1).numpy()
    np.testing.assert_allclose(said, perceptron.predict_proba(features), atol=1e-12, rtol=0)


@pytest.mark.parametrize("perceptron", [fitted("tanh"), fitted(hidden=40)])
def test_other_perceptrons_are_refused(perceptron: MLPClassifier) -> None:
    with pytest.raises(ValueError, match="expected ReLU layers"):
        load_sklearn(resonance_zoo.create("mmer_mlp"), perceptron)


@pytest.mark.parametrize(
    "features",
    [torch.zeros(2, 34), torch.zeros(35), torch.full((1, 35), torch.nan), torch.zeros(1, 35).int()],
)
def test_features_that_are_none(features: torch.Tensor) -> None:
    with pytest.raises(ClipError):
        resonance_zoo.create("mmer_mlp")(features)


@pytest.mark.parametrize("lengths", [[0, 1, 2], [1, 2, 10], [1, 2], [1.0, 2.0, 3.0]])
def test_lengths_that_are_none(lengths: list[float]) -> None:
    with pytest.raises(ClipError, match="length"):
        bilstm()(sequences(), torch.tensor(lengths))
