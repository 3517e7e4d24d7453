"""Imported weights are kept with their record, verified, and answer in our class order."""

from __future__ import annotations

import itertools
import json
import sys
from argparse import Namespace
from collections import defaultdict
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch
from children import run_child
from safetensors.torch import load_file
from torch import nn

import resonance_zoo
from resonance_zoo import weights
from resonance_zoo.checkpoints.unfilled import unfilled
from resonance_zoo.files import sha256

from .conftest import ROOT
from .weights_files import SMALL, State, same, saved, small


@pytest.fixture
def state() -> State:
    return small().state_dict()


def test_import_and_load_give_the_same_answers(tmp_path: Path) -> None:
    network = small()
    file = saved(tmp_path / "best.pth", {"model": network.state_dict(), "epoch": 1})
    path = weights.import_weights(file, "mae_dfer", tmp_path / "models", **SMALL)
    assert path == tmp_path / "models" / "mae_dfer.safetensors"
    loaded = weights.load("mae_dfer", tmp_path / "models")
    clip = torch.randn(1, 3, 4, 32, 32)
    with torch.no_grad():
        # the mapped file is aligned differently, which can move the last bit
        assert torch.allclose(loaded(clip), network(clip), rtol=1e-5, atol=1e-9)
    assert same(
        dict(sorted(loaded.state_dict().items())), dict(sorted(network.state_dict().items()))
    )
    assert not loaded.training


def test_create_takes_imported_weights(tmp_path: Path, state: State) -> None:
    weights.import_weights(saved(tmp_path / "c.pth", state), "mae_dfer", tmp_path, **SMALL)
    found = resonance_zoo.create("mae_dfer", pretrained=True, weights_folder=tmp_path)
    assert all(torch.equal(value, state[key]) for key, value in found.state_dict().items())
    other = resonance_zoo.create(
        "mae_dfer", pretrained=True, weights_folder=tmp_path, num_classes=3
    )
    assert other.get_parameter("head.weight").shape[0] == 3
    assert torch.equal(other.get_parameter("fc_norm.weight"), state["fc_norm.weight"])


@pytest.mark.parametrize(
    ("name", "said"), [("mmnet", "no weights for mmnet"), ("static_cnn", "is shipped as ONNX")]
)
def test_create_says_where_there_are_no_weights(tmp_path: Path, name: str, said: str) -> None:
    with pytest.raises(weights.WeightsNotHere, match=said):
        resonance_zoo.create(name, pretrained=True, weights_folder=tmp_path)


def prefixed(state: State, prefix: str) -> State:
    return {f"{prefix}{key}": value for key, value in state.items()}


def within(key: str, wrapper: str) -> str:
    """The name of a tensor in a layer that was wrapped by itself."""
    return key.replace("blocks.0.", f"blocks.0.{wrapper}.")


def averaged(state: State) -> State:
    return {key: value + 1 if value.is_floating_point() else value for key, value in state.items()}


# What the usual trainers save: by name, a function from the weights to the file's content.
TRAINERS: dict[str, Callable[[State], object]] = {
    "PyTorch's tutorial": lambda s: {"epoch": 3, "model_state_dict": s, "loss": torch.zeros(1)},
    "EMA as the only copy": lambda s: {"ema_state_dict": prefixed(s, "module."), "epoch": 3},
    "timm, model_ema alone": lambda s: {"model_ema": s, "optimizer": {"state": {}}},
    "timm": lambda s: {"state_dict": s, "state_dict_ema": averaged(s), "arch": "x"},
    "EMA before the weights": lambda s: {"ema_weights": averaged(s), "net_weights": s},
    "Lightning": lambda s: {"state_dict": prefixed(s, "model."), "hyper_parameters": {"lr": 1.0}},
    "Lightning with a loss": lambda s: {
        "state_dict": {"criterion.weight": torch.ones(7), **prefixed(s, "model.")}
    },
    "Lightning with an average": lambda s: {
        "state_dict": {**prefixed(averaged(s), "ema_model."), **prefixed(s, "model.")}
    },
    "net.": lambda s: {"model": prefixed(s, "net.")},
    "AveragedModel": lambda s: {"n_averaged": torch.tensor(3), **prefixed(s, "module.")},
    "Accelerate, compiled": lambda s: prefixed(s, "_orig_mod.module."),
    "FSDP": lambda s: {
        "model": {
            f"_fsdp_wrapped_module.{within(key, '_fsdp_wrapped_module')}": s[key] for key in s
        }
    },
    "compiled layers": lambda s: {within(key, "_orig_mod"): s[key] for key in s},
    "activation checkpoints": lambda s: {
        "state_dict": {within(key, "_checkpoint_wrapped_module"): s[key] for key in s}
    },
    "a name of one's own": lambda s: {"my_best": s, "optim_state": {"step": torch.zeros(2)}},
    "a record in a record": lambda s: {"epoch": 3, "model": {"state_dict": s, "depth": 1}},
    "an average with its settings": lambda s: {"ema": {"decay": 0.9, "shadow": s}},
    "a step beside it": lambda s: {"step": torch.tensor(5), "weights": s},
}


def of_package(patch: pytest.MonkeyPatch, name: str, base: type = object) -> Any:
    """A class that a checkpoint names as one of that package, which is not installed here."""
    module, _, last = name.rpartition(".")
    made = type(last, (base,), {"__module__": module})
    for around in itertools.accumulate(module.split("."), "{}.{}".format):
        patch.setitem(sys.modules, around, ModuleType(around))
    setattr(sys.modules[module], last, made)
    return made


def with_state(made: Any, **state: object) -> Any:
    thing = made()
    vars(thing).update(state)
    return thing


# Settings and records that trainers keep beside the weights.
BESIDE: dict[str, Callable[[pytest.MonkeyPatch], object]] = {
    "Hydra": lambda patch: with_state(
        of_package(patch, "omegaconf.dictconfig.DictConfig"),
        _content={"lr": 0.1},
        _metadata=with_state(of_package(patch, "omegaconf.base.Metadata"), key=None, type=dict),
    ),
    "EasyDict": lambda patch: of_package(patch, "easydict.EasyDict", dict)(lr=0.1, nested=[1]),
    "yacs": lambda patch: of_package(patch, "yacs.config.CfgNode", dict)(lr=0.1),
    "Lightning's callbacks": lambda patch: {
        of_package(patch, "pytorch_lightning.callbacks.model_checkpoint.ModelCheckpoint"): {
            "best": 0.5
        }
    },
    "a date": lambda _: [datetime.now(), timedelta(hours=3)],
    "a defaultdict": lambda _: defaultdict(list, {"loss": [0.5, 0.25]}),
}


@pytest.mark.parametrize("is_zip", [True, False])
@pytest.mark.parametrize("beside", BESIDE.values(), ids=BESIDE)
def test_settings_beside_the_weights_do_not_hinder(
    tmp_path: Path,
    state: State,
    monkeypatch: pytest.MonkeyPatch,
    beside: Callable[[pytest.MonkeyPatch], object],
    is_zip: bool,
) -> None:
    with monkeypatch.context() as changed:
        content = {"state_dict": state, "hyper_parameters": beside(changed)}
        saved(tmp_path / "c.ckpt", content, _use_new_zipfile_serialization=is_zip)
    found = weights.read_official(tmp_path / "c.ckpt")
    assert found.state.keys() == state.keys()
    assert found.dropped == ("hyper_parameters",)


@pytest.mark.parametrize("content", TRAINERS.values(), ids=TRAINERS)
def test_checkpoints_of_the_usual_trainers(
    tmp_path: Path, state: State, content: Callable[[State], object]
) -> None:
    file = saved(tmp_path / "c.ckpt", content(state))
    path = weights.import_weights(file, "mae_dfer", tmp_path / "models", **SMALL)
    kept = load_file(path)
    assert kept.keys() == state.keys()
    assert max(float((kept[key] - state[key]).abs().max()) for key in state) == 0


def test_which_of_two_copies_was_taken_is_on_record(tmp_path: Path, state: State) -> None:
    both = {"state_dict": prefixed(state, "model."), "state_dict_ema": averaged(state)}
    weights.import_weights(saved(tmp_path / "c.pth", both), "mae_dfer", tmp_path, **SMALL)
    kept = weights.stored("mae_dfer", tmp_path)
    assert kept is not None
    assert (kept.wrapping, kept.dropped) == ("state_dict, model.", ("state_dict_ema",))


def test_a_network_with_more_under_its_prefix_is_another(tmp_path: Path, state: State) -> None:
    more = prefixed({**state, "extra": torch.zeros(2)}, "model.")
    with pytest.raises(weights.WrongArchitecture, match="extra: expected none"):
        weights.import_weights(saved(tmp_path / "c.pth", more), "mae_dfer", tmp_path, **SMALL)


def test_the_record_says_where_it_came_from(tmp_path: Path, state: State) -> None:
    file = saved(tmp_path / "best.pth", {"model": state, "epoch": 1})
    path = weights.import_weights(file, "mae_dfer", tmp_path, **SMALL)
    kept = weights.stored("mae_dfer", tmp_path)
    assert kept is not None
    assert (kept.origin, kept.wrapping, kept.dropped) == ("best.pth", "model", ("epoch",))
    assert kept.overrides == SMALL
    assert kept.sha256 == sha256(path)
    assert kept.source_sha256 == sha256(file)
    assert kept.imported_at.endswith("+00:00")
    assert weights.stored("mmnet", tmp_path) is None


def test_looking_for_stored_weights_needs_no_torch(tmp_path: Path, state: State) -> None:
    weights.import_weights(saved(tmp_path / "b.pth", state), "mae_dfer", tmp_path, **SMALL)
    code = (
        "import sys; from pathlib import Path; from resonance_zoo.checkpoints.stored import stored;"
        f"print(stored('mae_dfer', Path({str(tmp_path)!r})).origin,"
        "*({'torch', 'numpy', 'safetensors'} & set(sys.modules)))"
    )
    done = run_child(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT
    )
    assert done.stdout.split() == ["b.pth"]


def test_changed_weights_are_refused(tmp_path: Path, state: State) -> None:
    path = weights.import_weights(saved(tmp_path / "b.pth", state), "mae_dfer", tmp_path, **SMALL)
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    with pytest.raises(weights.WeightsChanged, match="is not the file that was imported"):
        weights.load("mae_dfer", tmp_path)


@pytest.mark.parametrize("text", ["", "[]", "{}", "{", '{"dropped": 1, "overrides": {}}'])
def test_a_damaged_record_is_named(tmp_path: Path, state: State, text: str) -> None:
    weights.import_weights(saved(tmp_path / "b.pth", state), "mae_dfer", tmp_path, **SMALL)
    (tmp_path / "mae_dfer.json").write_text(text)
    with pytest.raises(weights.WeightsChanged, match=r"mae_dfer\.json is damaged"):
        weights.load("mae_dfer", tmp_path)


def test_weights_that_are_not_here(tmp_path: Path) -> None:
    with pytest.raises(weights.WeightsNotHere) as caught:
        weights.load("mae_dfer", tmp_path)
    assert "models pull mae_dfer" in caught.value.hint


def test_a_refused_file_leaves_what_was_there(tmp_path: Path, state: State) -> None:
    weights.import_weights(saved(tmp_path / "b.pth", state), "mae_dfer", tmp_path, **SMALL)
    before = sorted((each.name, each.read_bytes()) for each in tmp_path.glob("mae_dfer*"))
    worse = saved(tmp_path / "worse.pth", {"a": torch.zeros(1)})
    with pytest.raises(weights.WeightsError):
        weights.import_weights(worse, "mae_dfer", tmp_path, **SMALL)
    assert sorted((each.name, each.read_bytes()) for each in tmp_path.glob("mae_dfer*")) == before
    assert not list(tmp_path.glob(".*"))


def test_a_folder_that_cannot_be_written(
    tmp_path: Path, state: State, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(weights, "save_file", full)
    with pytest.raises(weights.WeightsError, match="cannot be written: No space left"):
        weights.import_weights(saved(tmp_path / "b.pth", state), "mae_dfer", tmp_path, **SMALL)
    assert weights.stored("mae_dfer", tmp_path) is None
    assert sorted(each.name for each in tmp_path.iterdir()) == ["b.pth"]


def test_shared_parameters_are_kept_under_all_their_names(tmp_path: Path) -> None:
    shared = small(share="all")
    file = saved(tmp_path / "b.pth", shared.state_dict())
    path = weights.import_weights(file, "mae_dfer", tmp_path, **SMALL, share="all")
    assert same(dict(sorted(load_file(path).items())), dict(sorted(shared.state_dict().items())))
    loaded = weights.load("mae_dfer", tmp_path)
    assert len(list(loaded.parameters())) == len(list(shared.parameters()))


RAF_DB = ("surprise", "fear", "disgust", "happiness", "sadness", "anger", "neutral")


@pytest.fixture
def poster_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Path]:
    """A stand-in for POSTER-V2: one whose whole state is a classifier of that name."""

    class Head(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.VIT = nn.Module()
            self.VIT.head = nn.Module()
            self.VIT.head.linear = nn.Linear(2, 7)

    monkeypatch.setattr(weights, "create", lambda _name, **_: Head())

    def make(**beside: object) -> Path:
        rows = torch.arange(7.0)
        key = "module.VIT.head.linear"
        state = {f"{key}.weight": rows[:, None].expand(7, 2), f"{key}.bias": rows}
        return saved(tmp_path / "poster.pth", {"state_dict": state, **beside})

    return make


IN_OUR_ORDER = [float(RAF_DB.index(name)) for name in resonance_zoo.CLASSES]


def test_classes_in_another_order_are_put_into_ours(
    tmp_path: Path, poster_file: Callable[..., Path]
) -> None:
    path = weights.import_weights(poster_file(), "poster_v2", tmp_path, classes=RAF_DB)
    found = load_file(path)
    assert found["VIT.head.linear.bias"].tolist() == IN_OUR_ORDER
    assert found["VIT.head.linear.weight"][:, 0].tolist() == IN_OUR_ORDER
    kept = weights.stored("poster_v2", tmp_path)
    assert kept is not None and kept.classes == RAF_DB


def test_a_file_of_the_authors_trainer_has_the_order_of_their_data(
    tmp_path: Path, poster_file: Callable[..., Path], recorder: object
) -> None:
    path = weights.import_weights(poster_file(recorder=recorder), "poster_v2", tmp_path)
    assert load_file(path)["VIT.head.linear.bias"].tolist() == IN_OUR_ORDER
    path = weights.import_weights(poster_file(), "poster_v2", tmp_path)
    assert load_file(path)["VIT.head.linear.bias"].tolist() == list(range(7))


def test_other_classes_than_ours_are_refused(
    tmp_path: Path, poster_file: Callable[..., Path]
) -> None:
    with pytest.raises(weights.WeightsError, match="the weights know a, b"):
        weights.import_weights(poster_file(), "poster_v2", tmp_path, classes=("a", "b"))


def test_a_start_is_kept_as_it_is(tmp_path: Path) -> None:
    file = saved(tmp_path / "k.pth", {"model": {"encoder.a": torch.ones(2)}, "args": Namespace()})
    path = weights.keep_start(file, "videomae_base.k400_pretrain", tmp_path)
    assert list(load_file(path)) == ["encoder.a"]
    record = json.loads((tmp_path / "videomae_base.k400_pretrain.json").read_text())
    assert record["dropped"] == ["args"]


@pytest.mark.parametrize("name", ["former_dfer", "mae_dfer", "ial", "videomae_base"])
def test_an_unfilled_network_has_its_tables(name: str) -> None:
    settings = SMALL if name == "mae_dfer" else {}
    with unfilled():
        network = resonance_zoo.create(name, **settings)
    usual = resonance_zoo.create(name, **settings)
    for (key, ours), (_, theirs) in zip(
        network.named_buffers(), usual.named_buffers(), strict=True
    ):
        assert torch.equal(ours, theirs), key


def test_an_unfilled_network_draws_nothing() -> None:
    before = torch.random.get_rng_state()
    with unfilled():
        resonance_zoo.create("mae_dfer", **SMALL)
    assert torch.equal(torch.random.get_rng_state(), before)
    resonance_zoo.create("mae_dfer", **SMALL)
    assert not torch.equal(torch.random.get_rng_state(), before)
