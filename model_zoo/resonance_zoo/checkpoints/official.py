"""Reads checkpoints that others wrote, without running a line of what they contain."""

from __future__ import annotations

import re
import warnings
import zipfile
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from resonance_zoo.checkpoints import pickles
from resonance_zoo.checkpoints.errors import UnreadableWeights, UnsafeWeights

WRAPPINGS = ("model", "module", "state_dict")  # in the order in which they are looked for
AVERAGED = (
    "ema",
    "swa",
    "averag",
    "teacher",
)  # copies of the weights, taken where there are no others
NO_WEIGHTS = ("optim", "sched", "scaler", "rng", "random")
PREFIXES = ("module.", "_orig_mod.")  # of DataParallel and torch.compile
WEB_PAGE = re.compile(rb"\s*(<!doctype|<html|<\?xml|<head)", re.IGNORECASE)
PICKLE, ZIP = b"\x80", b"PK\x03\x04"

# Bystanders of the known checkpoints: settings, the trainers' own records, numpy scalars in them.
BYSTANDERS = (
    "argparse.Namespace",
    "__main__.RecorderMeter",
    "__main__.RecorderMeter1",
    "numpy.ndarray",
    "numpy.dtype",
    "numpy.core.multiarray._reconstruct",
    "numpy._core.multiarray._reconstruct",
    "numpy.core.multiarray.scalar",
    "numpy._core.multiarray.scalar",
    "pathlib.PosixPath",
    "pathlib.WindowsPath",
)
# Packages of settings and of trainers: whatever of theirs a checkpoint names is made inert, too.
SETTINGS = (
    *("omegaconf", "easydict", "yacs", "addict", "ml_collections", "fvcore", "hydra"),
    *("mmengine", "mmcv", "pytorch_lightning", "lightning", "lightning_fabric", "torchmetrics"),
    *("datetime", "collections", "typing", "enum"),
)
PLAIN_TYPES = ("bool", "dict", "float", "int", "list", "set", "str", "tuple")
MOST_NAMES = 200  # of settings in one file


class _Inert:
    """Stands for every bystander: takes what it is given and forgets it."""

    def __new__(cls, *_args: object) -> _Inert:
        return super().__new__(cls)

    def __init__(self, *_args: object) -> None: ...

    def __setstate__(self, _state: object) -> None: ...


class _Settings:
    """Stands for settings, which may be a mapping: what they hold is kept, and does nothing."""

    def __new__(cls, *_args: object) -> OrderedDict[Any, Any]:  # type: ignore[misc]
        return OrderedDict()


@dataclass(frozen=True)
class OfficialFile:
    """The tensors of a checkpoint, how they were wrapped, and what beside them was dropped."""

    state: dict[str, Tensor]
    wrapping: str  # such as "model", "state_dict, module." or "bare"
    dropped: tuple[str, ...]


def read_official(path: str | Path) -> OfficialFile:
    """The state dict in a .pth, .pt or .safetensors file; tensors stay in the file where they can.

    Raises UnsafeWeights for a file that would run code, UnreadableWeights for anything else that
    holds no state dict; both say what the file is instead.
    """
    path = Path(path)
    head = _head(path)
    if _is_safetensors(head):
        return OfficialFile(_read_safetensors(path), "bare", ())
    if not head.startswith((PICKLE, ZIP)):
        raise UnreadableWeights(f"{path.name} is no checkpoint: {_what_it_is(head)}.")
    return _unwrap(_read_torch(path, is_zip=head.startswith(ZIP)), path.name)


def _head(path: Path) -> bytes:
    if path.is_dir():
        raise UnreadableWeights(f"{path} is a folder.", "Name the checkpoint file in it.")
    try:
        with path.open("rb") as file:
            head = file.read(512)
    except FileNotFoundError as error:
        raise UnreadableWeights(f"There is no file {path}.") from error
    except OSError as error:
        raise UnreadableWeights(f"{path} cannot be read: {error.strerror}.") from error
    if not head:
        raise UnreadableWeights(f"{path.name} is empty.", "Fetch it again.")
    return head


def _is_safetensors(head: bytes) -> bool:
    return len(head) > 8 and head[8:9] == b"{" and int.from_bytes(head[:8], "little") < 1 << 27


def _what_it_is(head: bytes) -> str:
    if WEB_PAGE.match(head):
        return (
            "it is a web page (Google Drive answers with one when a file was fetched too often; "
            "try again tomorrow, or fetch it in a browser)"
        )
    is_text = not any(byte < 9 or 13 < byte < 32 for byte in head)
    return "it is a text file" if is_text else "it starts like no file of PyTorch or safetensors"


def _cut_off(name: str) -> UnreadableWeights:
    return UnreadableWeights(f"{name} is cut off or damaged.", "Fetch or copy it again.")


def _read_safetensors(path: Path) -> dict[str, Tensor]:
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        return _without_prefix(load_file(path))[0]
    except SafetensorError as error:
        raise _cut_off(path.name) from error


def _read_torch(path: Path, *, is_zip: bool) -> Any:
    if is_zip and not zipfile.is_zipfile(path):  # its table of contents stands at the end
        raise _cut_off(path.name)
    stubs: list[Any] = [(_Inert, name) for name in BYSTANDERS]
    while True:
        try:
            return _load(path, stubs, is_zip=is_zip)
        except Exception as error:  # a damaged pickle can raise anything
            names = _settings_in(str(error))
            if not names or len(stubs) > MOST_NAMES:
                raise _refusal(path, str(error), is_zip=is_zip) from error
            stubs += [(_Settings, name) for name in names]


def _load(path: Path, stubs: list[Any], *, is_zip: bool) -> Any:
    with torch.serialization.safe_globals(stubs), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # we have words of our own for what it warns of
        return torch.load(path, map_location="cpu", weights_only=True, mmap=is_zip)


def _settings_in(reason: str) -> list[str]:
    """The names, as a pickle has them, of settings that a refusal is about; none for others."""
    found = re.search(r"GLOBAL (\S+)", reason)
    name = found[1] if found else ""
    if name in PLAIN_TYPES:  # named as the type of an entry; told without its module
        return [f"builtins.{name}", f"__builtin__.{name}"]
    return [name] if name.partition(".")[0] in SETTINGS else []


def _refusal(path: Path, reason: str, *, is_zip: bool) -> UnreadableWeights:
    name = path.name
    if "TorchScript" in reason:
        return UnreadableWeights(
            f"{name} is a TorchScript program, not a checkpoint.",
            "Save its state dict: torch.save(network.state_dict(), FILE).",
        )
    wanted = re.search(r"GLOBAL (\S+)|unrecognized function (.+)|whose module (\S+)", reason)
    if wanted is not None:
        return _unsafe(name, next(part for part in wanted.groups() if part))
    try:
        return _refused_zip(path, reason) if is_zip else _refused_pickle(path)
    except (OSError, zipfile.BadZipFile, pickles.CutOff):
        return _cut_off(name)


def _refused_zip(path: Path, reason: str) -> UnreadableWeights:
    with zipfile.ZipFile(path) as archive:
        inner = [each for each in archive.namelist() if each.rpartition("/")[2] == "data.pkl"]
        if not inner:
            return _no_checkpoint(path.name, "zip archive")
        with archive.open(inner[0]) as file:
            calls = pickles.what_it_calls(file)
    if "Unsupported operand" not in reason:
        return _cut_off(path.name)
    return _unsafe(path.name, calls[0]) if calls else _no_checkpoint(path.name, "zip archive")


def _refused_pickle(path: Path) -> UnreadableWeights:
    with path.open("rb") as file:
        if pickles.is_legacy_checkpoint(file):
            return _cut_off(path.name)
        file.seek(0)
        calls = pickles.what_it_calls(file)
    return _unsafe(path.name, calls[0]) if calls else _no_checkpoint(path.name, "pickle")


def _no_checkpoint(name: str, what: str) -> UnreadableWeights:
    return UnreadableWeights(f"{name} is a {what}, but no checkpoint of PyTorch.")


def _unsafe(name: str, asked: str) -> UnsafeWeights:
    return UnsafeWeights(
        f"{name} is not read: it holds more than weights, and reading it would run {asked}.",
        "Of a network pickled as a whole, have its owner save the state dict: "
        "torch.save(network.state_dict(), FILE).",
    )


def _unwrap(content: Any, name: str) -> OfficialFile:
    if not isinstance(content, Mapping):
        raise UnreadableWeights(f"{name} holds a {type(content).__name__}, not a state dict.")
    key = _entry_with_weights(content)
    if key is not None:
        dropped = tuple(str(other) for other in content if other != key)
        return _official(content[key], str(key), dropped)
    if _tensors(content):
        return _official(content, "", ())
    if (key := _record_within(content)) is not None:
        within = _unwrap(content[key], name)
        others = tuple(str(other) for other in content if other != key)
        return replace(
            within, wrapping=f"{key}, {within.wrapping}", dropped=within.dropped + others
        )
    if {"optimizer", "param_groups"} & set(content):
        raise UnreadableWeights(
            f"{name} holds the state of an optimizer and no weights.",
            "POSTER-V2's trainer writes such files as its best ones; take the other checkpoint.",
        )
    if not content:
        raise UnreadableWeights(f"{name} is an empty dict.")
    raise UnreadableWeights(f"{name} holds no weights, only: {', '.join(map(str, content))}.")


def _entry_with_weights(content: Mapping[Any, Any]) -> Any | None:
    """The key of the weights in a trainer's record; None where there is no such entry.

    A name that trainers are known to use goes first, else the entry with the most tensors; of
    those nearly as large, averaged copies go last.
    """
    sizes = {
        key: len(_tensors(inner))
        for key, inner in content.items()
        if isinstance(inner, Mapping) and not any(word in str(key).lower() for word in NO_WEIGHTS)
    }
    known = next((key for key in WRAPPINGS if sizes.get(key)), None)
    most = max(sizes.values(), default=0)
    if known is not None or most <= len(_tensors(content)):
        return known
    large = [key for key, size in sizes.items() if 2 * size >= most]
    return min(large, key=lambda key: any(word in str(key).lower() for word in AVERAGED))


def _record_within(content: Mapping[Any, Any]) -> Any | None:
    """The key of the only entry that is itself a trainer's record with weights; None without one,
    and where it cannot be told which of several is meant."""
    found = [
        key
        for key, inner in content.items()
        if isinstance(inner, Mapping)
        and not any(word in str(key).lower() for word in NO_WEIGHTS)
        and _entry_with_weights(inner) is not None
    ]
    return found[0] if len(found) == 1 else None


def _official(raw: Mapping[Any, Any], key: str, dropped: tuple[str, ...]) -> OfficialFile:
    state, prefix = _without_prefix(_tensors(raw))
    odd = tuple(str(name) for name, value in raw.items() if not isinstance(value, Tensor))
    wrapping = ", ".join(part for part in (key, prefix) if part)
    return OfficialFile(state, wrapping or "bare", dropped + odd)


def _tensors(raw: Mapping[Any, Any]) -> dict[str, Tensor]:
    return {str(name): value for name, value in raw.items() if isinstance(value, Tensor)}


def _without_prefix(state: dict[str, Tensor]) -> tuple[dict[str, Tensor], str]:
    """The state without a prefix that every key has, and that prefix."""
    taken = ""
    while prefix := next((p for p in PREFIXES if all(key.startswith(p) for key in state)), ""):
        state = {key.removeprefix(prefix): value for key, value in state.items()}
        taken += prefix
    return state, taken
