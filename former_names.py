"""Old import names of the packages, for one release and from a checkout only.

`broker` and `model_zoo` belong to other projects on the package index, so that the wheel holds
`resonance_broker` and `resonance_zoo` instead, and neither this module nor the two aliases.
"""

from __future__ import annotations

import sys
import warnings
from collections.abc import Mapping, Sequence
from importlib import import_module
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from importlib.util import spec_from_loader
from pathlib import Path
from types import MappingProxyType, ModuleType

ROOT = Path(__file__).resolve().parent


def alias(
    former: str,
    package: str,
    renamed: Mapping[str, str],
    attributes: Mapping[str, str] = MappingProxyType({}),
) -> None:
    """Let `import former` and its submodules give the very modules of `package`; warn once.

    `renamed` maps old submodule names to new ones, both relative to their package; `attributes`
    old names in the package itself. The package is found beside the alias, installed or not.
    """
    warnings.warn(
        f"`import {former}` is deprecated and goes with the next release: `import {package}`",
        FutureWarning,
        stacklevel=3,
    )
    folder = str(ROOT / former)
    if folder not in sys.path:
        sys.path.append(folder)
    names = {f"{package}.{old}": f"{package}.{new}" for old, new in renamed.items()}
    sys.meta_path.insert(0, _FormerNames({former: package} | names))
    module = sys.modules[former] = import_module(package)
    for old, new in attributes.items():
        setattr(module, old, getattr(module, new))


class _FormerNames(MetaPathFinder, Loader):
    """Answers an old name with the module of the new one, never with a second copy."""

    def __init__(self, names: Mapping[str, str]) -> None:
        self._names = names
        self._specs: dict[str, ModuleSpec | None] = {}

    def find_spec(
        self,
        fullname: str,
        path: Sequence[str] | None = None,
        target: ModuleType | None = None,
    ) -> ModuleSpec | None:
        if self._now(fullname) == fullname or fullname.endswith(".__main__"):
            return None
        is_package = hasattr(import_module(self._now(fullname)), "__path__")
        return spec_from_loader(fullname, self, is_package=is_package)

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        module = import_module(self._now(spec.name))
        self._specs[spec.name] = module.__spec__
        return module

    def exec_module(self, module: ModuleType) -> None:
        """It has run under its new name; take back the spec that the import system has put in."""
        assert module.__spec__ is not None
        module.__spec__ = self._specs.pop(module.__spec__.name)

    def _now(self, name: str) -> str:
        """The name of today; `name` itself where it is none of the old ones."""
        for old, new in self._names.items():
            if name == old or name.startswith(f"{old}."):
                name = new + name.removeprefix(old)
        return name
