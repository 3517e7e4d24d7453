"""Makes the networks known to timm: `timm.create_model("mae_dfer")`.

timm gets a small function for each network. The network's own module, and with it torch, is
imported when one is made.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

from resonance_zoo.registry import MODULES, create

__all__: list[str] = ["register_with_timm"]  # timm adds the names of the networks


def register_with_timm() -> None:
    """Let `timm.create_model` and `timm.list_models` find every network; imports timm.

    Calling it again changes nothing. A name that timm has already stays timm's, with a warning.
    Raises ImportError where timm is not installed.
    """
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
        return create(name, pretrained=pretrained, weights_folder=weights_folder, **overrides)

    build.__name__ = build.__qualname__ = name
    build.__doc__ = f"resonance_zoo.create({name!r}, ...); `weights_folder` for pretrained=True."
    globals()[name] = build  # timm looks for the function in this module
    return build
