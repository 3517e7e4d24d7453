"""Puts a state dict into a network, or says in words why it does not fit."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import cache

import torch
from torch import Tensor, nn

from resonance_zoo.checkpoints.errors import WeightsError, WrongArchitecture, WrongClasses
from resonance_zoo.checkpoints.official import AVERAGED
from resonance_zoo.registry import MODULES, create

Shapes = dict[str, tuple[int, ...]]
FOREIGN_PREFIXES = (
    *("encoder.", "backbone."),  # what pre-training files call the classifier's part
    *("model.", "module.", "net.", "network.", "_orig_mod."),  # what trainers put around it
)
WRAPPERS = ("_orig_mod", "_fsdp_wrapped_module", "_checkpoint_wrapped_module", "module")


def load_into(network: nn.Module, state: Mapping[str, Tensor], *, source: str) -> None:
    """Load strictly: every entry is there, fits, and nothing is left over.

    A network on the CPU takes over the tensors of `state` as they are, so nothing is copied.
    Numbers of another precision are converted, and names that the authors' own loaders change are
    changed. Raises WrongClasses for another number of classes, WrongArchitecture naming the first
    entry that differs; `source` names the file.
    """
    state = _converted(network, fitted(network, state).state)
    takes_over = all(p.device.type in ("cpu", "meta") for p in network.parameters())
    try:
        network.load_state_dict(state, strict=True, assign=takes_over)
    except RuntimeError as error:
        raise _difference(network, state, source, str(error)) from error
    _check_numbers(state, source)


def initialise_encoder(
    network: nn.Module, state: Mapping[str, Tensor]
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Start `network` from a pre-training file: what fits by name and shape is copied.

    Returns the network's entries that the file lacks (they keep their fresh values; a new head
    is always among them) and the file's entries that found no place (a decoder, another head).
    Raises WrongArchitecture where nothing fits at all.
    """
    offered = {_without_foreign_prefix(key): value for key, value in state.items()}
    wanted = network.state_dict()
    fitting = {
        key: value
        for key, value in offered.items()
        if key in wanted and wanted[key].shape == value.shape
    }
    if not fitting:
        raise WrongArchitecture(f"Nothing in the file fits. {_resemblance(state)}".strip())
    network.load_state_dict(fitting, strict=False)
    missing = tuple(key for key in wanted if key not in fitting)
    unused = tuple(key for key in state if _without_foreign_prefix(key) not in fitting)
    return missing, unused


def _without_foreign_prefix(key: str) -> str:
    while prefix := next((each for each in FOREIGN_PREFIXES if key.startswith(each)), ""):
        key = key.removeprefix(prefix)
    return key


def _without_wrappers(key: str) -> str:
    """Compiled, sharded and checkpointed parts have a wrapper's name within theirs."""
    return ".".join(part for part in key.split(".") if part not in WRAPPERS)


def _without_idle_first_layer(key: str) -> str:
    """An early run of the fused network has a layer without tensors before its stem's first."""
    stem, _, rest = key.partition(".")
    index, _, last = rest.partition(".")
    is_moved = stem == "conv_act" and index.isdecimal() and int(index) > 0
    return f"{stem}.{int(index) - 1}.{last}" if is_moved else key


@dataclass(frozen=True)
class Fitted:
    """A state dict under a network's own names: what was before them, and what was left out."""

    state: Mapping[str, Tensor]
    prefix: str = ""
    left_out: tuple[str, ...] = ()


def fitted(network: nn.Module, state: Mapping[str, Tensor]) -> Fitted:
    """`state` under the names of `network`, where all of these are found in it; else as it is.

    A prefix that all of them have is taken off, such as a trainer's `model.`. What stands beside
    them without it, such as a count of steps, is left out; of two copies the averaged one is, too.
    """
    wanted = network.state_dict().keys()
    if prefixes := [each for each in _prefixes(wanted, state) if each]:
        prefix = min(prefixes, key=lambda each: any(word in each.lower() for word in AVERAGED))
        inner = {key: value for key, value in state.items() if key.startswith(prefix)}
        rest = tuple(key for key in state if key not in inner)
        return Fitted({k.removeprefix(prefix): v for k, v in inner.items()}, prefix, rest)
    for rename in (_without_foreign_prefix, _without_wrappers, _without_idle_first_layer):
        names = [rename(key) for key in state]
        if state.keys() != wanted and len(names) == len(wanted) and set(names) == wanted:
            return Fitted(dict(zip(names, state.values(), strict=True)))
    return Fitted(state)


def _prefixes(wanted: Collection[str], state: Mapping[str, Tensor]) -> list[str]:
    """Every text, "" included, that stands before each of the wanted names somewhere in `state`."""
    last = next(reversed(list(wanted)), "")
    before = [key.removesuffix(last) for key in state if key.endswith(last)]
    return [
        each
        for each in before
        if (not each or each.endswith(".")) and all(f"{each}{name}" in state for name in wanted)
    ]


def _converted(network: nn.Module, state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    types = {key: value.dtype for key, value in network.state_dict().items()}
    return {key: value.to(types.get(key, value.dtype)) for key, value in state.items()}


def _check_numbers(state: Mapping[str, Tensor], source: str) -> None:
    for key, value in state.items():
        if value.is_floating_point() and not bool(torch.isfinite(value).all()):
            raise WeightsError(f"{source} holds numbers that are not finite, first in {key}.")


def _difference(
    network: nn.Module, state: Mapping[str, Tensor], source: str, reason: str
) -> WeightsError:
    ours, theirs = _shapes(network.state_dict()), _shapes(state)
    for key in [*ours, *theirs]:
        if ours.get(key) == theirs.get(key):
            continue
        if classes := _classes(ours, theirs):
            return _wrong_classes(source, key, *classes)
        what = f"{key}: {_told(ours.get(key), 'expected')}, {_told(theirs.get(key), 'found')}"
        return WrongArchitecture(
            f"{source} does not fit. The first entry that differs is {what}.",
            _resemblance(state),
            key=key,
        )
    return WeightsError(f"{source} does not fit: {reason.splitlines()[-1].strip()}")


def _told(shape: tuple[int, ...] | None, role: str) -> str:
    return f"{role} none" if shape is None else f"{role} {list(shape)}"


def _classes(ours: Shapes, theirs: Shapes) -> tuple[int, int] | None:
    """(found, expected), where the same entries differ in nothing but their first axis, and all
    in the same way."""
    if set(ours) != set(theirs):
        return None
    pairs = [(theirs[key], shape) for key, shape in ours.items() if theirs[key] != shape]
    if any(not a or not b or a[1:] != b[1:] for a, b in pairs):
        return None
    counts = {(a[0], b[0]) for a, b in pairs}
    return counts.pop() if len(counts) == 1 else None


def _wrong_classes(source: str, key: str, found: int, expected: int) -> WrongClasses:
    return WrongClasses(
        f"{source} is for {found} classes, the network for {expected} (seen at {key}).",
        f"It fits a network that is made for as many: create(NAME, num_classes={found}), or "
        f"`models import` with --set num_classes={found}; "
        "to train further on other classes, start from it with initialise_encoder.",
        key=key,
    )


def _resemblance(state: Mapping[str, Tensor]) -> str:
    """Which of our networks has the most entries of that name and shape."""
    theirs = set(_shapes(state).items())
    shares = {}
    for name in MODULES:
        ours = set(_signature(name).items())
        shares[name] = len(ours & theirs) / max(len(ours | theirs), 1)
    best = max(shares, key=shares.__getitem__)
    if shares[best] == 1:
        return f"These are the tensors of {best}."
    if shares[best] < 0.05:
        return "It resembles none of our networks."
    alike = int(100 * shares[best])  # rounded down: all but one are not 100 %
    return f"It resembles {best} most ({alike}% of all tensors are alike)."


@cache
def _signature(name: str) -> Shapes:
    """Names and shapes of a network's state dict; built without memory for the numbers."""
    with torch.device("meta"):
        return _shapes(create(name).state_dict())


def _shapes(state: Mapping[str, Tensor]) -> Shapes:
    return {key: tuple(value.shape) for key, value in state.items()}
