"""Which networks there are: entry points filed under their function name, found lazily.

The table below names the module of each architecture, so that listing costs no import of torch;
`@register` then checks that the module keeps its promise.
"""

from __future__ import annotations

from collections.abc import Callable
from fnmatch import fnmatchcase
from importlib import import_module
from typing import Any, TypeVar

MODULES: dict[str, str] = {
    "static_cnn": "model_zoo.static_cnn",
}

F = TypeVar("F", bound=Callable[..., Any])
_entry_points: dict[str, Callable[..., Any]] = {}


class UnknownModel(KeyError):
    """No network of that name; the message lists those there are."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.name = name

    def __str__(self) -> str:
        return f"no network {self.name!r}; there are: {', '.join(list_models())}"


def register(entry_point: F) -> F:
    """File `entry_point` under its own name; the name must stand in `MODULES`."""
    name = entry_point.__name__
    if name not in MODULES:
        raise ValueError(f"{name!r} is missing from model_zoo.registry.MODULES")
    _entry_points[name] = entry_point
    return entry_point


def list_models(pattern: str = "*") -> list[str]:
    """Names that match a shell-style pattern, sorted."""
    return sorted(name for name in MODULES if fnmatchcase(name, pattern))


def create(name: str, **overrides: Any) -> Any:
    """Build the untrained `torch.nn.Module` of that name; imports torch on the first call."""
    if name not in MODULES:
        raise UnknownModel(name)
    import_module(MODULES[name])
    return _entry_points[name](**overrides)
