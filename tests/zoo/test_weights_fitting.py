"""A state dict fits its network, or the first difference is named."""

from __future__ import annotations

import pytest
import torch

import resonance_zoo
from resonance_zoo import weights

from .weights_files import State, small


@pytest.fixture
def state() -> State:
    return small().state_dict()


def test_loading_takes_the_tensors_over(state: State) -> None:
    network = small()
    weights.load_into(network, state, source="c.pth")
    assert all(p.data_ptr() == state[key].data_ptr() for key, p in network.named_parameters())
    assert all(p.requires_grad for p in network.parameters())


def test_half_precision_becomes_the_networks_own(state: State) -> None:
    network = small()
    weights.load_into(network, {key: v.half() for key, v in state.items()}, source="c.pth")
    assert {p.dtype for p in network.parameters()} == {torch.float32}


def test_the_first_entry_that_differs_is_named(state: State) -> None:
    wrong = {**state, "blocks.0.mlp.fc1.weight": torch.zeros(3, 16)}
    with pytest.raises(weights.WrongArchitecture) as caught:
        weights.load_into(small(), {**wrong, "head.bias": torch.zeros(9)}, source="c.pth")
    assert "blocks.0.mlp.fc1.weight: expected [64, 16], found [3, 16]" in caught.value.message
    assert caught.value.key == "blocks.0.mlp.fc1.weight"


def test_missing_and_surplus_entries(state: State) -> None:
    less = {key: value for key, value in state.items() if key != "fc_norm.bias"}
    with pytest.raises(weights.WrongArchitecture, match=r"fc_norm\.bias: expected \[16\], found n"):
        weights.load_into(small(), less, source="c.pth")
    with pytest.raises(weights.WrongArchitecture, match=r"extra: expected none, found \[2\]"):
        weights.load_into(small(), {**state, "extra": torch.zeros(2)}, source="c.pth")


@pytest.mark.parametrize("prefix", ["backbone.", "encoder."])
def test_names_of_pre_training_are_read(state: State, prefix: str) -> None:
    """The classifier may stand beside the rest without the prefix."""
    wrapped = {k if k.startswith("head") else f"{prefix}{k}": v for k, v in state.items()}
    network = small()
    weights.load_into(network, wrapped, source="c.pth")
    assert torch.equal(network.get_parameter("fc_norm.weight"), state["fc_norm.weight"])
    with pytest.raises(weights.WrongArchitecture, match="lg_region_tokens: expected"):
        weights.load_into(small(), {**wrapped, "other": torch.zeros(1)}, source="c.pth")
    with pytest.raises(weights.WrongClasses, match="is for 7 classes, the network for 3"):
        weights.load_into(small(num_classes=3), wrapped, source="c.pth")


def test_the_stem_of_an_early_fused_run_is_read() -> None:
    """A layer without tensors stood before it, so that its own were counted from 1."""
    official = small("mae_dfer_mmnet_add").state_dict()
    early = {
        f"conv_act.{int(key[9]) + 1}{key[10:]}" if key.startswith("conv_act.") else key: value
        for key, value in official.items()
    }
    network = small("mae_dfer_mmnet_add")
    weights.load_into(network, early, source="c.pth")
    assert "conv_act.2.running_var" in early
    assert torch.equal(network.state_dict()["conv_act.0.weight"], official["conv_act.0.weight"])


def test_all_but_one_is_less_than_all() -> None:
    with torch.device("meta"):
        plain = resonance_zoo.create("mae_dfer")
    less = {k: v for k, v in plain.state_dict().items() if k != "blocks.3.mlp.fc1.bias"}
    with pytest.raises(weights.WrongArchitecture) as caught:
        weights.load_into(plain, less, source="c.pth")
    assert "resembles mae_dfer most (99% of" in caught.value.hint


def test_another_number_of_classes_is_said_in_those_words() -> None:
    eight = small(num_classes=8).state_dict()
    with pytest.raises(weights.WrongClasses, match=r"c\.pth is for 8 classes, the network for 7"):
        weights.load_into(small(), eight, source="c.pth")


def test_another_architecture_is_recognised() -> None:
    with torch.device("meta"):
        concat = resonance_zoo.create("mae_dfer_mmnet_concat").state_dict()
        add = resonance_zoo.create("mae_dfer_mmnet_add")
        plain = resonance_zoo.create("mae_dfer")
    with pytest.raises(weights.WrongArchitecture) as caught:
        weights.load_into(add, concat, source="c.pth")
    assert "head.weight: expected [7, 512], found [7, 1024]" in caught.value.message
    assert "These are the tensors of mae_dfer_mmnet_concat." in caught.value.hint
    with pytest.raises(weights.WrongArchitecture) as caught:
        weights.load_into(plain, {**concat, "other": torch.zeros(1)}, source="c.pth")
    assert "resembles mae_dfer_mmnet_concat most" in caught.value.hint
    with pytest.raises(weights.WrongArchitecture) as caught:
        weights.load_into(plain, {"a": torch.zeros(1)}, source="c.pth")
    assert "resembles none" in caught.value.hint


def test_numbers_that_are_none_are_refused(state: State) -> None:
    sick = {**state, "fc_norm.bias": torch.full((16,), torch.nan)}
    with pytest.raises(weights.WeightsError, match=r"not finite, first in fc_norm\.bias"):
        weights.load_into(small(), sick, source="c.pth")


def test_c3d_with_batch_norms_loads_into_the_plain_default() -> None:
    with torch.device("meta"):
        normed = resonance_zoo.create("c3d", batch_norm=True).state_dict()
        network = resonance_zoo.create("c3d")
    network.load_state_dict(normed, assign=True)
    assert "bn1.weight" in network.state_dict()


def test_an_encoder_starts_from_a_pre_training_file() -> None:
    """Missing and unused entries are those of the authors' own loader (515 are taken)."""
    with torch.device("meta"):
        pretrain = resonance_zoo.create("mae_dfer_pretrain").state_dict()
        network = resonance_zoo.create("mae_dfer")
    missing, unused = weights.initialise_encoder(network, pretrain)
    assert missing == ("fc_norm.weight", "fc_norm.bias", "head.weight", "head.bias")
    assert len(network.state_dict()) - len(missing) == 515
    assert {"mask_token", "encoder_to_decoder.weight", "encoder.norm.weight"} <= set(unused)
    rest = {key.split(".")[0] for key in unused} - {"decoder"}
    assert rest == {"mask_token", "encoder_to_decoder", "encoder"}


def test_an_encoder_keeps_its_fresh_head() -> None:
    network, source = small(), small(num_classes=3)
    with torch.no_grad():
        source.get_parameter("patch_embed.proj.bias").fill_(3.0)
    fresh = network.get_parameter("head.weight").clone()
    missing, unused = weights.initialise_encoder(
        network, {f"backbone.{key}": value for key, value in source.state_dict().items()}
    )
    assert missing == ("head.weight", "head.bias")
    assert unused == ("backbone.head.weight", "backbone.head.bias")
    assert torch.equal(network.get_parameter("head.weight"), fresh)
    assert bool((network.get_parameter("patch_embed.proj.bias") == 3).all())


def test_a_start_that_fits_nowhere_is_refused() -> None:
    with pytest.raises(weights.WrongArchitecture, match="Nothing in the file fits"):
        weights.initialise_encoder(small(), {"a": torch.zeros(1)})
