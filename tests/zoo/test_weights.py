"""Official checkpoints are read without running their code, checked, kept and verified."""

from __future__ import annotations

import json
import os
import pickle
import subprocess
import sys
from argparse import Namespace
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

import model_zoo
from model_zoo import weights
from model_zoo.checkpoints.unfilled import unfilled

from .conftest import ROOT

SMALL: dict[str, Any] = {
    "img_size": 32, "num_frames": 4, "embed_dim": 16, "depth": 1, "num_heads": 2,
    "region_size": (1, 1, 2),
}  # fmt: skip
State = dict[str, Tensor]


def small(name: str = "mae_dfer", **more: Any) -> nn.Module:
    torch.manual_seed(0)
    return model_zoo.create(name, **{**SMALL, **more}).eval()


def saved(path: Path, content: object, **options: Any) -> Path:
    torch.save(content, path, **options)
    return path


def same(a: State, b: State) -> bool:
    return list(a) == list(b) and all(torch.equal(a[key], b[key]) for key in a)


@pytest.fixture
def state() -> State:
    return small().state_dict()


class RecorderMeter:
    """Like the record that some trainers pickle with their weights."""

    def __init__(self) -> None:
        self.epoch_losses = np.zeros((3, 2), dtype=np.float32)
        self.best = np.float64(0.5)


@pytest.fixture
def recorder(monkeypatch: pytest.MonkeyPatch) -> Iterator[object]:
    """Pickled as if the class stood in the authors' script."""
    monkeypatch.setattr(RecorderMeter, "__module__", "__main__")
    monkeypatch.setattr(sys.modules["__main__"], "RecorderMeter", RecorderMeter, raising=False)
    yield RecorderMeter()


# Reading


@pytest.mark.parametrize("wrapping", ["model", "module", "state_dict"])
def test_the_known_wrappings(tmp_path: Path, state: State, wrapping: str) -> None:
    content = {wrapping: state, "optimizer": {"lr": 1}, "epoch": "best"}
    found = weights.read_official(saved(tmp_path / "c.pth", content))
    assert same(found.state, state)
    assert (found.wrapping, found.dropped) == (wrapping, ("optimizer", "epoch"))


def test_a_bare_state_dict(tmp_path: Path, state: State) -> None:
    found = weights.read_official(saved(tmp_path / "c.pth", state))
    assert same(found.state, state) and (found.wrapping, found.dropped) == ("bare", ())


def test_the_format_before_torch_1_6(tmp_path: Path, state: State) -> None:
    path = saved(tmp_path / "c.pth", {"state_dict": state}, _use_new_zipfile_serialization=False)
    assert same(weights.read_official(path).state, state)


def test_safetensors(tmp_path: Path, state: State) -> None:
    save_file(state, tmp_path / "c.safetensors")
    found = weights.read_official(tmp_path / "c.safetensors").state
    assert set(found) == set(state) and all(torch.equal(found[key], state[key]) for key in state)


def test_data_parallel_and_compiled_prefixes_go(tmp_path: Path, state: State) -> None:
    wrapped = {f"module._orig_mod.{key}": value for key, value in state.items()}
    found = weights.read_official(saved(tmp_path / "c.pth", {"state_dict": wrapped}))
    assert same(found.state, state)
    assert found.wrapping == "state_dict, module._orig_mod."


def test_arguments_and_records_of_the_trainers_are_passed_over(
    tmp_path: Path, state: State, recorder: object
) -> None:
    content = {
        "model": state,
        "args": Namespace(lr=1e-3, out=Path("/data"), best=np.float64(0.5)),
        "recorder": recorder,
        "best_acc": torch.tensor(0.5),
    }
    path = saved(tmp_path / "c.pth", content)
    with pytest.raises(pickle.UnpicklingError):  # or the stubs would not be needed
        torch.load(path, weights_only=True)
    found = weights.read_official(path)
    assert same(found.state, state)
    assert found.dropped == ("args", "recorder", "best_acc")


def test_what_is_allowed_for_one_file_stays_forbidden_elsewhere(
    tmp_path: Path, state: State
) -> None:
    path = saved(tmp_path / "c.pth", {"model": state, "args": Namespace()})
    weights.read_official(path)
    with pytest.raises(pickle.UnpicklingError):
        torch.load(path, weights_only=True)


class Malicious:
    def __init__(self, command: str) -> None:
        self.command = command

    def __reduce__(self) -> tuple[Any, ...]:
        return os.system, (self.command,)


@pytest.mark.parametrize("is_zip", [True, False])
def test_a_file_that_would_run_a_command_is_refused(
    tmp_path: Path, state: State, is_zip: bool
) -> None:
    trace = tmp_path / "it-ran"
    content = {"model": state, "args": Malicious(f"touch {trace}")}
    path = saved(tmp_path / "c.pth", content, _use_new_zipfile_serialization=is_zip)
    with pytest.raises(weights.UnsafeWeights, match=r"c\.pth is not read.*would run \S*system"):
        weights.read_official(path)
    assert not trace.exists()


def test_a_bare_malicious_pickle_is_refused(tmp_path: Path) -> None:
    trace = tmp_path / "it-ran"
    (tmp_path / "c.pt").write_bytes(pickle.dumps(Malicious(f"touch {trace}")))
    with pytest.raises(weights.UnreadableWeights):
        weights.read_official(tmp_path / "c.pt")
    assert not trace.exists()


def test_a_record_that_calls_something_is_refused(tmp_path: Path, state: State) -> None:
    """What is allow-listed by name must not open a door: eval is no bystander."""

    class Sly:
        def __reduce__(self) -> tuple[Any, ...]:
            return eval, ("__import__('os').getpid()",)

    path = saved(tmp_path / "c.pth", {"model": state, "args": Namespace(x=Sly())})
    with pytest.raises(weights.UnsafeWeights, match="eval"):
        weights.read_official(path)


def test_a_network_pickled_as_a_whole_is_refused_with_a_way_out(tmp_path: Path) -> None:
    path = saved(tmp_path / "net.model", nn.Sequential(nn.Linear(2, 2)))
    with pytest.raises(weights.UnsafeWeights, match="Sequential") as caught:
        weights.read_official(path)
    assert "state_dict()" in caught.value.hint


@pytest.mark.filterwarnings("ignore::FutureWarning")
def test_a_torchscript_program_is_refused(tmp_path: Path) -> None:
    torch.jit.save(torch.jit.script(nn.Linear(2, 2)), tmp_path / "net.pt")
    with pytest.raises(weights.UnreadableWeights, match="TorchScript"):
        weights.read_official(tmp_path / "net.pt")


@pytest.mark.parametrize("is_zip", [True, False])
@pytest.mark.parametrize("share", [0.02, 0.5, 0.98])
def test_a_file_that_is_cut_off(tmp_path: Path, state: State, is_zip: bool, share: float) -> None:
    path = saved(tmp_path / "c.pth", {"model": state}, _use_new_zipfile_serialization=is_zip)
    whole = path.read_bytes()
    path.write_bytes(whole[: int(len(whole) * share)])
    with pytest.raises(weights.UnreadableWeights, match=r"c\.pth is cut off or damaged"):
        weights.read_official(path)


def test_safetensors_cut_off(tmp_path: Path, state: State) -> None:
    path = tmp_path / "c.safetensors"
    save_file(state, path)
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(weights.UnreadableWeights, match="cut off or damaged"):
        weights.read_official(path)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "is empty"),
        (b"<!DOCTYPE html><html><title>Google Drive - Quota exceeded</title>", "web page"),
        (b"\n <HTML><body>", "web page"),
        (b"id,label,pred\n1,2,3\n", "text file"),
        (b"\x00\x01\x02\x03" * 20, "starts like no file"),
        (b"\x80\x02garbage", "cut off or damaged"),
        (b"PK\x03\x04garbage", "cut off or damaged"),
    ],
)
def test_what_is_no_checkpoint(tmp_path: Path, content: bytes, words: str) -> None:
    (tmp_path / "c.pth").write_bytes(content)
    with pytest.raises(weights.UnreadableWeights, match=words):
        weights.read_official(tmp_path / "c.pth")


def test_a_folder_and_nothing_at_all(tmp_path: Path) -> None:
    with pytest.raises(weights.UnreadableWeights, match="is a folder"):
        weights.read_official(tmp_path)
    with pytest.raises(weights.UnreadableWeights, match="There is no file"):
        weights.read_official(tmp_path / "gone.pth")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ({"optimizer": {"state": {}}}, "optimizer and no weights"),
        ({"state": {}, "param_groups": []}, "optimizer and no weights"),
        ({"epoch": 3}, "holds no weights, only: epoch"),
        ({}, "holds no weights"),
        ([1, 2], "holds a list"),
        (torch.zeros(3), "holds a Tensor"),
        ({"model": "a word"}, "holds no weights"),
    ],
)
def test_checkpoints_without_weights(tmp_path: Path, content: object, words: str) -> None:
    with pytest.raises(weights.UnreadableWeights, match=words):
        weights.read_official(saved(tmp_path / "c.pth", content))


# Fitting


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


def test_another_number_of_classes_is_said_in_those_words() -> None:
    eight = small(num_classes=8).state_dict()
    with pytest.raises(weights.WrongClasses, match=r"c\.pth is for 8 classes, the network for 7"):
        weights.load_into(small(), eight, source="c.pth")


def test_another_architecture_is_recognised() -> None:
    with torch.device("meta"):
        concat = model_zoo.create("mae_dfer_mmnet_concat").state_dict()
        add = model_zoo.create("mae_dfer_mmnet_add")
        plain = model_zoo.create("mae_dfer")
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
        normed = model_zoo.create("c3d", batch_norm=True).state_dict()
        network = model_zoo.create("c3d")
    network.load_state_dict(normed, assign=True)
    assert "bn1.weight" in network.state_dict()


def test_an_encoder_starts_from_a_pre_training_file() -> None:
    """Missing and unused entries are those of the authors' own loader (515 are taken)."""
    with torch.device("meta"):
        pretrain = model_zoo.create("mae_dfer_pretrain").state_dict()
        network = model_zoo.create("mae_dfer")
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


# Keeping


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


def test_the_record_says_where_it_came_from(tmp_path: Path, state: State) -> None:
    file = saved(tmp_path / "best.pth", {"model": state, "epoch": 1})
    path = weights.import_weights(file, "mae_dfer", tmp_path, **SMALL)
    kept = weights.stored("mae_dfer", tmp_path)
    assert kept is not None
    assert (kept.origin, kept.wrapping, kept.dropped) == ("best.pth", "model", ("epoch",))
    assert kept.overrides == SMALL
    assert kept.sha256 == model_zoo.files.sha256(path)
    assert kept.source_sha256 == model_zoo.files.sha256(file)
    assert kept.imported_at.endswith("+00:00")
    assert weights.stored("mmnet", tmp_path) is None


def test_looking_for_stored_weights_needs_no_torch(tmp_path: Path, state: State) -> None:
    weights.import_weights(saved(tmp_path / "b.pth", state), "mae_dfer", tmp_path, **SMALL)
    code = (
        "import sys; from pathlib import Path; from model_zoo.checkpoints.stored import stored;"
        f"print(stored('mae_dfer', Path({str(tmp_path)!r})).origin,"
        "*({'torch', 'numpy', 'safetensors'} & set(sys.modules)))"
    )
    done = subprocess.run(
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


IN_OUR_ORDER = [float(RAF_DB.index(name)) for name in model_zoo.CLASSES]


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
        network = model_zoo.create(name, **settings)
    usual = model_zoo.create(name, **settings)
    for (key, ours), (_, theirs) in zip(
        network.named_buffers(), usual.named_buffers(), strict=True
    ):
        assert torch.equal(ours, theirs), key


def test_an_unfilled_network_draws_nothing() -> None:
    before = torch.random.get_rng_state()
    with unfilled():
        model_zoo.create("mae_dfer", **SMALL)
    assert torch.equal(torch.random.get_rng_state(), before)
    model_zoo.create("mae_dfer", **SMALL)
    assert not torch.equal(torch.random.get_rng_state(), before)
