"""The old name of `resonance_zoo`; it works from a checkout only, for one release.

Whoever imports it and timm, in either order, finds the networks in timm without a further call.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from importlib.util import find_spec
from types import ModuleType

from former_names import alias

RENAMED = {
    "fast": "optimize",
    "dfer": "train.clips",
    "training": "train.still",
    "train.clips.learners": "train.clips.objectives",
    "train.still.copies": "train.still.near_duplicates",
}


class _TimmFinder(MetaPathFinder):
    """Finds timm as everybody does, and registers the networks once it is loaded."""

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
            spec = find_spec(fullname)
        finally:
            self._is_looking = False
        if spec is not None and spec.loader is not None:
            self._register_after(spec.loader)
        return spec

    def _register_after(self, loader: Loader) -> None:
        execute = loader.exec_module

        def exec_module(module: ModuleType) -> None:
            loader.exec_module = execute
            execute(module)
            sys.meta_path.remove(self)
            _register()

        loader.exec_module = exec_module


def _register() -> None:
    from resonance_zoo import register_with_timm

    register_with_timm()


alias("model_zoo", "resonance_zoo", RENAMED)
if "timm" in sys.modules:
    _register()
else:
    sys.meta_path.insert(0, _TimmFinder())
