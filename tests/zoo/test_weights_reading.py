"""Checkpoints that others wrote are read without running their code, or refused in words."""

from __future__ import annotations

import io
import os
import pickle
import zipfile
from argparse import Namespace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from safetensors.torch import save_file
from torch import nn

from resonance_zoo import weights
from resonance_zoo.checkpoints import pickles

from .weights_files import State, same, saved, small


@pytest.fixture
def state() -> State:
    return small().state_dict()


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


@pytest.mark.parametrize("protocol", range(2, pickle.HIGHEST_PROTOCOL + 1))
@pytest.mark.parametrize("is_zip", [True, False])
def test_a_malicious_pickle_without_torch_is_refused(
    tmp_path: Path, protocol: int, is_zip: bool
) -> None:
    trace, file = tmp_path / "it-ran", tmp_path / "c.pt"
    content = {"model": Malicious(f"touch {trace}")}
    file.write_bytes(pickle.dumps(content, protocol=protocol))
    if is_zip:
        pack(file, {"c/data.pkl": file.read_bytes(), "c/version": b"3"})
    with pytest.raises(weights.UnsafeWeights, match=r"c\.pt is not read.*would run \S*\.system"):
        weights.read_official(file)
    assert not trace.exists()


def pack(path: Path, members: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return path


@pytest.mark.parametrize("protocol", range(2, pickle.HIGHEST_PROTOCOL + 1))
def test_a_pickle_that_is_no_checkpoint(tmp_path: Path, protocol: int) -> None:
    (tmp_path / "c.pth").write_bytes(pickle.dumps({"a": [1.0]}, protocol=protocol))
    with pytest.raises(weights.UnreadableWeights, match="a pickle, but no checkpoint of PyTorch"):
        weights.read_official(tmp_path / "c.pth")


@pytest.mark.parametrize("protocol", range(2, pickle.HIGHEST_PROTOCOL + 1))
def test_a_pickle_cut_off(tmp_path: Path, protocol: int) -> None:
    whole = pickle.dumps({"a": [1.0, "word"]}, protocol=protocol)
    (tmp_path / "c.pth").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(weights.UnreadableWeights, match="cut off or damaged"):
        weights.read_official(tmp_path / "c.pth")


@pytest.mark.parametrize(
    ("members", "words"),
    [
        ({"notes.txt": b"hello"}, "a zip archive, but no checkpoint of PyTorch"),
        ({"c/data.pkl": pickle.dumps([1], protocol=4), "c/version": b"3"}, "a zip archive, but no"),
        ({"c/data.pkl": b"\x80\x02garbage", "c/version": b"3"}, "cut off or damaged"),
    ],
)
def test_a_zip_archive_that_is_no_checkpoint(
    tmp_path: Path, members: dict[str, bytes], words: str
) -> None:
    with pytest.raises(weights.UnreadableWeights, match=words):
        weights.read_official(pack(tmp_path / "c.pth", members))


@given(st.binary(max_size=200))
def test_looking_into_any_bytes_ends_in_an_answer(content: bytes) -> None:
    try:
        found = pickles.what_it_calls(io.BytesIO(b"\x80\x04" + content))
    except pickles.CutOff:
        return
    assert all(isinstance(call, str) for call in found)


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
        ({}, r"c\.pth is an empty dict\.$"),
        ([1, 2], "holds a list"),
        (torch.zeros(3), "holds a Tensor"),
        ({"model": "a word"}, "holds no weights"),
    ],
)
def test_checkpoints_without_weights(tmp_path: Path, content: object, words: str) -> None:
    with pytest.raises(weights.UnreadableWeights, match=words):
        weights.read_official(saved(tmp_path / "c.pth", content))
