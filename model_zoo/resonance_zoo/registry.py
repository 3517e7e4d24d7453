"""Which networks there are: entry points filed under their function name, found lazily.

The table below names the module of each architecture, so that listing costs no import of torch;
`@register` then checks that the module keeps its promise.
"""

from __future__ import annotations

import ast
import difflib
import inspect
from collections.abc import Callable, Iterable, Mapping
from fnmatch import fnmatchcase
from importlib import import_module
from pathlib import Path
from typing import Any, TypeVar

from resonance_tui.errors import Problem

MODULES: dict[str, str] = {
    "static_cnn": "resonance_zoo.static_cnn",
    "c3d": "resonance_zoo.c3d",
    "r3d_18": "resonance_zoo.r3d_18",
    "former_dfer": "resonance_zoo.former_dfer",
    "ial": "resonance_zoo.ial",
    "poster_v2": "resonance_zoo.poster_v2",
    "videomae_base": "resonance_zoo.videomae",
    "mae_dfer": "resonance_zoo.mae_dfer",
    "mae_dfer_pretrain": "resonance_zoo.mae_dfer_pretrain",
    "mmnet": "resonance_zoo.mmnet",
    "mae_dfer_mmnet_add": "resonance_zoo.fused",
    "mae_dfer_mmnet_concat": "resonance_zoo.fused",
    "mae_dfer_mmnet_add_pc": "resonance_zoo.fused",
    "mmer_mlp": "resonance_zoo.mmer",
    "mmer_bilstm": "resonance_zoo.mmer",
}

F = TypeVar("F", bound=Callable[..., Any])
_entry_points: dict[str, Callable[..., Any]] = {}


class UnknownModel(Problem, KeyError):
    """No network of that name; `hint` names the nearest ones, or all there are."""

    exit_code = 2
    title = "Network"

    def __init__(self, name: object) -> None:
        hint = did_you_mean(name, MODULES) or f"There are: {', '.join(list_models())}."
        super().__init__(f"There is no network {name!r}.", hint)
        self.name = name

    def __str__(self) -> str:
        return f"no network {self.name!r}; {self.hint[0].lower()}{self.hint[1:].removesuffix('.')}"


class InvalidOverride(Problem, ValueError):
    """A setting that a network cannot be built with."""

    exit_code = 2
    title = "Network"


class UnknownOverride(InvalidOverride):
    """A network takes no such setting; the message lists those it takes."""


def did_you_mean(wanted: object, names: Iterable[str]) -> str:
    """A question that offers the nearest of `names`; empty where none is near."""
    near = difflib.get_close_matches(wanted, list(names), n=3) if isinstance(wanted, str) else []
    return f"Did you mean {' or '.join(near)}?" if near else ""


def check_name(name: object) -> None:
    """Raise UnknownModel unless there is a network of that name."""
    if not isinstance(name, str) or name not in MODULES:
        raise UnknownModel(name)


def parse_overrides(pairs: Iterable[str]) -> dict[str, Any]:
    """`NAME=VALUE` pairs as `create` takes them: numbers and tuples as Python writes them, words
    as they are. Raises InvalidOverride for what is no pair."""
    found: dict[str, Any] = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not (equals and name.isidentifier() and value):
            raise InvalidOverride(f"--set takes NAME=VALUE, not {pair!r}")
        try:
            found[name] = ast.literal_eval(value)
        except (ValueError, SyntaxError):
            found[name] = value
    return found


def register(entry_point: F) -> F:
    """File `entry_point` under its own name; the name must stand in `MODULES`."""
    name = entry_point.__name__
    if name not in MODULES:
        raise ValueError(f"{name!r} is missing from resonance_zoo.registry.MODULES")
    _entry_points[name] = entry_point
    return entry_point


def list_models(pattern: str = "*") -> list[str]:
    """Names that match a shell-style pattern, sorted.

    Each network takes the clip of its card, [B, 3, T, H, W], and answers with logits [B, classes],
    but for `mmer_mlp` and `mmer_bilstm`, which take features, and `mae_dfer_pretrain`, which
    rebuilds what was masked. `static_cnn` reads each frame by itself, from single faces as well.
    """
    return sorted(name for name in MODULES if fnmatchcase(name, pattern))


def create(
    name: str,
    *,
    pretrained: bool = False,
    weights_folder: str | Path | None = None,
    **overrides: Any,
) -> Any:
    """Build the `torch.nn.Module` of that name; imports torch on the first call.

    It is untrained unless `pretrained`: then it has the weights in `weights_folder`, which
    `resonance-tui models pull` and `import` name (RESONANCE_DATA_DIR/models by default), as far as
    they fit the overrides. Raises UnknownModel; UnknownOverride for a setting that the network does
    not have; InvalidOverride for values it cannot be built with; WeightsError for weights.
    """
    check_name(name)
    if pretrained:
        from resonance_zoo.pretrained import create_pretrained

        return create_pretrained(name, weights_folder, overrides)
    _check_classes(name, overrides)
    import_module(MODULES[name])
    build = _entry_points[name]
    known = inspect.signature(build).parameters
    for key in overrides:
        if key not in known:
            raise UnknownOverride(f"{name} has no setting {key!r}; it has: {', '.join(known)}")
    try:
        return build(**overrides)
    except (TypeError, ValueError, RuntimeError, ZeroDivisionError) as error:
        if isinstance(error, Problem):
            raise
        given = ", ".join(f"{key}={value!r}" for key, value in overrides.items())
        raise InvalidOverride(f"{name} cannot be built with {given}: {error}") from error


def _check_classes(name: str, overrides: Mapping[str, Any]) -> None:
    classes = overrides.get("num_classes", 1)
    if not isinstance(classes, int) or classes < 1:
        raise InvalidOverride(
            f"{name} cannot be built with num_classes={classes!r}: it is a whole number from 1"
        )
