"""The weighted ensemble: what is mixed, in which order, from which pictures."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from resonance_zoo.classes import CLASSES
from resonance_zoo.clip_input import ClipError
from resonance_zoo.ensemble import Ensemble, Member, fused_with_poster, resized, spread

RAF_DB = ("surprise", "fear", "disgust", "happiness", "sadness", "anger", "neutral")


class Fixed(nn.Module):
    """Answers the same logits to every clip, and remembers the clip."""

    logits: Tensor

    def __init__(self, *logits: float) -> None:
        super().__init__()
        self.register_buffer("logits", torch.tensor(logits))
        self.seen = torch.empty(0)

    def forward(self, clip: Tensor) -> Tensor:
        self.seen = clip
        return self.logits.expand(len(clip), -1)


def favours(order: tuple[str, ...], name: str) -> Fixed:
    """A network that answers in `order` and is nearly sure of `name`."""
    return Fixed(*(20.0 if entry == name else 0.0 for entry in order))


def test_probabilities_are_mixed_by_weight_not_logits() -> None:
    first = Fixed(3.0, 1.0, 0.0, -1.0, 2.0, 0.5, 0.0)
    second = Fixed(-40.0, 0.0, 50.0, 0.0, 0.0, 0.0, 0.0)  # loud logits must not outvote its share
    ensemble = Ensemble([Member(first, 0.8, 8), Member(second, 0.2, 8)])
    expected = 0.8 * first.logits.exp() / first.logits.exp().sum()
    expected[2] += 0.2
    clip = torch.zeros(2, 3, 4, 8, 8)
    torch.testing.assert_close(ensemble.probabilities(clip), expected.expand(2, 7))
    torch.testing.assert_close(ensemble(clip).softmax(-1), expected.expand(2, 7))


def test_impossible_classes_stay_finite() -> None:
    sure = Fixed(200.0, -200.0, 0.0, 0.0, 0.0, 0.0, 0.0)
    logits = Ensemble([Member(sure, 1.0, 8)])(torch.zeros(1, 3, 1, 8, 8))
    assert bool(torch.isfinite(logits).all())
    torch.testing.assert_close(logits.softmax(-1)[0, 0], torch.tensor(1.0))


@pytest.mark.parametrize("name", CLASSES)
def test_answers_in_another_order_are_put_into_ours(name: str) -> None:
    members = [
        Member(favours(CLASSES, name), 0.5, 8),
        Member(favours(RAF_DB, name), 0.5, 8, classes=RAF_DB),
    ]
    probabilities = Ensemble(members).probabilities(torch.zeros(1, 3, 1, 8, 8))
    assert probabilities[0, CLASSES.index(name)] > 0.999


def test_each_member_gets_its_own_size_and_frames() -> None:
    fused, poster = Fixed(*[0.0] * 7), Fixed(*[0.0] * 7)
    ensemble = fused_with_poster(fused, poster)
    clip = torch.arange(16.0).view(1, 1, 16, 1, 1).expand(2, 3, 16, 160, 160).contiguous()
    ensemble(clip)
    assert torch.equal(fused.seen, clip)
    assert poster.seen.shape == (2, 3, 3, 224, 224)
    assert poster.seen[1, 0, :, 100, 100].tolist() == pytest.approx([2, 8, 13])


def test_the_two_weightings_of_table_6() -> None:
    clip = torch.zeros(1, 3, 16, 160, 160)
    for share in (0.8, 0.6):
        ensemble = fused_with_poster(
            favours(CLASSES, "fear"), favours(RAF_DB, "anger"),
            fused_weight=share, poster_classes=RAF_DB,
        )  # fmt: skip
        found = ensemble.probabilities(clip)[0]
        assert found[CLASSES.index("fear")].item() == pytest.approx(share, abs=1e-5)
        assert found[CLASSES.index("anger")].item() == pytest.approx(1 - share, abs=1e-5)


def test_resizing_keeps_frames_apart_and_ramps_straight() -> None:
    ramp = torch.arange(4.0).view(1, 1, 1, 1, 4).expand(2, 3, 2, 4, 4).clone()
    ramp[:, :, 1] += 10
    ramp[1] += 100
    doubled = resized(ramp, 8)
    row = [0, 0.25, 0.75, 1.25, 1.75, 2.25, 2.75, 3]
    assert doubled.shape == (2, 3, 2, 8, 8)
    assert doubled[0, 2, 0, 5].tolist() == pytest.approx(row)
    assert doubled[1, 0, 1, 0].tolist() == pytest.approx([value + 110 for value in row])


def test_spread_takes_the_middles_of_equal_parts() -> None:
    clip = torch.arange(7.0).view(1, 1, 7, 1, 1)
    assert spread(clip, 1).flatten().tolist() == [3]
    assert spread(clip, 2).flatten().tolist() == [1, 5]
    assert spread(clip, 7) is clip and spread(clip, 9) is clip and spread(clip, None) is clip


def test_members_move_and_train_with_the_ensemble() -> None:
    ensemble = Ensemble([Member(nn.Dropout(), 1.0, 8)]).eval()
    assert not ensemble.members[0].training
    assert ensemble.to("meta").orders.device.type == "meta"
    assert list(ensemble.state_dict()) == []


@pytest.mark.parametrize("weights", [(0.8, 0.3), (1.5, -0.5)])
def test_weights_must_be_shares_of_one(weights: tuple[float, float]) -> None:
    with pytest.raises(ValueError, match="sum to 1"):
        Ensemble([Member(Fixed(*[0.0] * 7), weight, 8) for weight in weights])


def test_an_empty_ensemble_is_refused() -> None:
    with pytest.raises(ValueError, match="sum to 1"):
        Ensemble([])


def test_other_classes_are_refused() -> None:
    with pytest.raises(ValueError, match="contempt"):
        Ensemble([Member(Fixed(*[0.0] * 7), 1.0, 8, classes=("contempt", *CLASSES[1:]))])


@pytest.mark.parametrize("shape", [(1, 3, 4, 8, 9), (3, 8, 8), ()])
def test_other_clips_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(ClipError):
        Ensemble([Member(Fixed(*[0.0] * 7), 1.0, 8)])(torch.zeros(shape))
