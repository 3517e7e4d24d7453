"""Makes the networks known to timm (`timm.create_model("mae_dfer")`) without importing timm.

`attach` files a small function for each network: at once where timm is loaded, else at the moment
when somebody loads it. The network's own module, and with it torch, is imported when one is made.
"""

from __future__ import annotations

import importlib.util
import os
import sys
import warnings
from collections.abc import Callable, Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType
from typing import Any

from resonance_zoo.checkpoints.errors import WeightsNotHere
from resonance_zoo.registry import MODULES, create

__all__: list[str] = ["attach"]  # timm adds the names of the networks
VARIABLE = "RESONANCE_DATA_DIR"


def attach() -> None:
    """Let timm find every network, whichever of the two packages is imported first."""
    if "timm" in sys.modules:
        _register_all()
    elif not any(isinstance(finder, _TimmFinder) for finder in sys.meta_path):
        sys.meta_path.insert(0, _TimmFinder())


def _register_all() -> None:
    from timm.models import is_model, register_model

    for name in MODULES:
        if not is_model(name):
            register_model(_entry_point(name))
        elif name not in globals():
            warnings.warn(
                f"timm has a network of its own called {name}, which stays as it is; ours is "
                f"resonance_zoo.create({name!r})",
                stacklevel=2,
            )


def _entry_point(name: str) -> Callable[..., Any]:
    def build(
        pretrained: bool = False,
        pretrained_cfg: object = None,
        pretrained_cfg_overlay: object = None,
        cache_dir: object = None,
        weights_folder: str | Path | None = None,
        **overrides: Any,
    ) -> Any:
        return (
            _pretrained(name, weights_folder, overrides)
            if pretrained
            else create(name, **overrides)
        )

    build.__name__ = build.__qualname__ = name
    build.__doc__ = f"resonance_zoo.create({name!r}, ...); `weights_folder` for pretrained=True."
    globals()[name] = build  # timm looks for the function in this module
    return build


def _pretrained(name: str, weights_folder: str | Path | None, overrides: dict[str, Any]) -> Any:
    """With imported weights; other overrides than theirs keep what fits (another head is fresh)."""
    from resonance_zoo.checkpoints.fitting import initialise_encoder
    from resonance_zoo.checkpoints.stored import stored
    from resonance_zoo.weights import load

    folder = _folder(name, weights_folder)
    network = load(name, folder)
    kept = stored(name, folder)
    settings = dict(kept.overrides) if kept else {}
    if not overrides.items() - settings.items():
        return network
    adapted = create(name, **(settings | overrides))
    initialise_encoder(adapted, network.state_dict())
    return adapted


def _folder(name: str, weights_folder: str | Path | None) -> Path:
    if weights_folder is not None:
        return Path(weights_folder)
    if data := os.environ.get(VARIABLE):
        return Path(data).expanduser() / "models"
    raise WeightsNotHere(
        f"It is not known where the weights of {name} lie.",
        "Give weights_folder=..., the folder that `resonance-tui models pull` and `models import` "
        f"name when they are done, or set {VARIABLE} to the one that holds models/.",
    )


class _TimmFinder(MetaPathFinder):
    """Finds timm as everybody does, with a word to be said once it is loaded."""

    def __init__(self) -> None:
        self._is_looking = False

    def find_spec(
        self,
        fullname: str,
        path: Sequence[str] | None = None,
        target: ModuleType | None = None,
    ) -> ModuleSpec | None:
        if fullname != "timm" or self._is_looking:
            return None
        self._is_looking = True
        try:
            spec = importlib.util.find_spec(fullname)
        finally:
            self._is_looking = False
        if spec is not None and spec.loader is not None:
            spec.loader = _Announcing(spec.loader, self)
        return spec


class _Announcing(Loader):
    """A loader that registers the networks after its module, and then steps aside."""

    def __init__(self, loader: Any, finder: _TimmFinder) -> None:
        self._loader = loader
        self._finder = finder

    def __getattr__(self, name: str) -> Any:
        return getattr(self._loader, name)

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        return self._loader.create_module(spec)

    def exec_module(self, module: ModuleType) -> None:
        module.__loader__ = self._loader
        if module.__spec__ is not None:
            module.__spec__.loader = self._loader
        self._loader.exec_module(module)
        if self._finder in sys.meta_path:
            sys.meta_path.remove(self._finder)
        _register_all()
