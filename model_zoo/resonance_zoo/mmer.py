"""The visual networks of MMEmotionRecognition (Luna-Jimenez et al., Applied Sciences 12, 2022).

Both read action units (`mmer_classes.ACTION_UNITS`), not pictures: the perceptron their average
over a video, the recurrent network their course.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from resonance_zoo.clip_input import ClipError
from resonance_zoo.layers import Classifier, ClipClassifier
from resonance_zoo.mmer_classes import ACTION_UNITS, RAVDESS_CLASSES
from resonance_zoo.registry import register

if TYPE_CHECKING:
    from sklearn.neural_network import MLPClassifier

FEATURES = len(ACTION_UNITS)


class MmerMlp(ClipClassifier):
    """One hidden layer: action units averaged over a video, float[B, 35], each scaled to 0..1 as
    in the training fold, to logits [B, 8] in the order of RAVDESS's codes."""

    classifier_name = "output"
    depth_groups: ClassVar = {"stem": r"^hidden\."}

    def __init__(self, num_features: int, hidden_size: int, num_classes: int) -> None:
        super().__init__()
        self.num_features = hidden_size
        self.hidden = nn.Linear(num_features, hidden_size)
        self.output = nn.Linear(hidden_size, num_classes)

    def forward_features(self, clip: Tensor) -> Tensor:
        """What the classifier reads, of action units averaged over a clip: [B, 80]."""
        _check(clip, "[batch, features]", self.hidden.in_features)
        return F.relu(self.hidden(clip))


def load_sklearn(network: MmerMlp, classifier: MLPClassifier) -> None:
    """Give `network` the weights of a fitted scikit-learn perceptron with one ReLU layer, so that
    softmax of its logits is `classifier.predict_proba`.

    Raises ValueError for a perceptron of another shape or activation.
    """
    weights = [torch.from_numpy(weight.T) for weight in classifier.coefs_]
    layers = (network.hidden, network.output)
    expected = [tuple(layer.weight.shape) for layer in layers]
    found = [tuple(weight.shape) for weight in weights]
    if found != expected or classifier.activation != "relu":
        raise ValueError(
            f"expected ReLU layers of shape {expected}, not {classifier.activation} of {found}"
        )
    with torch.no_grad():
        for layer, weight, bias in zip(layers, weights, classifier.intercepts_, strict=True):
            layer.weight.copy_(weight)
            layer.bias.copy_(torch.from_numpy(bias))


class Encoder(nn.Module):
    """Bidirectional LSTM over sequences of unequal length: [B, T, F] to states [B, T, 2 H]."""

    def __init__(self, num_features: int, hidden_size: int, depth: int, drop_rate: float) -> None:
        super().__init__()
        self.lstm = nn.LSTM(
            num_features,
            hidden_size,
            depth,
            batch_first=True,
            dropout=drop_rate if depth > 1 else 0.0,
            bidirectional=True,
        )

    def forward(self, sequences: Tensor, lengths: Tensor) -> Tensor:
        packed = pack_padded_sequence(
            sequences, lengths.cpu(), batch_first=True, enforce_sorted=False
        )
        states, _ = self.lstm(packed)
        return pad_packed_sequence(states, batch_first=True, total_length=sequences.shape[1])[0]


class Attention(nn.Module):
    """Weighted sum over time: [B, T, C] to [B, C].

    As in the authors' code the score passes a tanh of its own, and softmax runs over the padding
    too, whose weight is then taken away and shared out among the rest.
    """

    def __init__(self, dim: int, drop_rate: float) -> None:
        super().__init__()
        self.attention = nn.Sequential(
            nn.Linear(dim, dim),
            nn.Tanh(),
            nn.Dropout(drop_rate),
            nn.Linear(dim, 1),
            nn.Tanh(),
            nn.Dropout(drop_rate),
        )

    def forward(self, states: Tensor, lengths: Tensor) -> Tensor:
        places = torch.arange(states.shape[1], device=states.device)
        is_inside = places < lengths.to(states.device)[:, None]
        shares = self.attention(states)[..., 0].softmax(-1) * is_inside
        shares = shares / shares.sum(-1, keepdim=True)
        return (states * shares[..., None]).sum(1)


class FeatureExtractor(nn.Module):
    def __init__(self, num_features: int, hidden_size: int, depth: int, drop_rate: float) -> None:
        super().__init__()
        self.encoder = Encoder(num_features, hidden_size, depth, drop_rate)
        self.attention = Attention(2 * hidden_size, drop_rate)

    def forward(self, sequences: Tensor, lengths: Tensor) -> Tensor:
        return self.attention(self.encoder(sequences, lengths), lengths)


class MmerBilstm(Classifier):
    """Action units frame by frame, unscaled, to logits [B, 8] in alphabetical order of classes.

    `sequences` is float[B, T, 35], zeros after the end of each; `lengths` int[B], 1 to T. The
    authors' code cannot read a batch of one sequence; this one can.
    """

    classifier_name = "linear"
    depth_groups: ClassVar = {
        "stem": r"^feature_extractor\.encoder\.",
        "attention": r"^feature_extractor\.attention\.",
    }

    def __init__(
        self, num_features: int, hidden_size: int, depth: int, num_classes: int, drop_rate: float
    ) -> None:
        super().__init__()
        self.feature_extractor = FeatureExtractor(num_features, hidden_size, depth, drop_rate)
        self.num_features = 2 * hidden_size
        self.linear = nn.Linear(self.num_features, num_classes)

    def forward(self, sequences: Tensor, lengths: Tensor) -> Tensor:
        return self.forward_head(self.forward_features(sequences, lengths))

    def forward_features(self, sequences: Tensor, lengths: Tensor) -> Tensor:
        """What the classifier reads: [B, 100]."""
        columns = self.feature_extractor.encoder.lstm.input_size
        _check(sequences, "[batch, frames, features]", columns)
        _check_lengths(lengths, *sequences.shape[:2])
        return self.feature_extractor(sequences, lengths)


def _check(features: Tensor, shape: str, columns: int) -> None:
    if features.ndim != shape.count(",") + 1 or features.shape[-1] != columns:
        raise ClipError(f"expected {shape} with {columns} features, not {list(features.shape)}")
    if not features.is_floating_point():
        raise ClipError(f"features are floating-point numbers, not {features.dtype}")
    if features.device.type == "cpu" and not bool(torch.isfinite(features).all()):
        raise ClipError("the features hold values that are not finite (NaN or infinity)")


def _check_lengths(lengths: Tensor, batch: int, frames: int) -> None:
    if tuple(lengths.shape) != (batch,) or lengths.is_floating_point():
        raise ClipError(f"expected {batch} whole numbers as lengths, not {list(lengths.shape)}")
    if batch and not 1 <= int(lengths.min()) <= int(lengths.max()) <= frames:
        raise ClipError(f"lengths go from 1 to {frames}, the number of frames given")


@register
def mmer_mlp(
    *, num_features: int = FEATURES, hidden_size: int = 80, num_classes: int = len(RAVDESS_CLASSES)
) -> MmerMlp:
    """3,528 parameters."""
    return MmerMlp(num_features, hidden_size, num_classes)


@register
def mmer_bilstm(
    *,
    num_features: int = FEATURES,
    hidden_size: int = 50,
    depth: int = 2,
    num_classes: int = len(RAVDESS_CLASSES),
    drop_rate: float = 0.3,
) -> MmerBilstm:
    """106,609 parameters."""
    return MmerBilstm(num_features, hidden_size, depth, num_classes, drop_rate)
