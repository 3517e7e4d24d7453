"""Builds networks whose numbers are about to be replaced, without drawing any at random."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode

_aten = torch.ops.aten
_DRAWS = frozenset({_aten.uniform_.default, _aten.normal_.default})
# what timm's truncated normal distribution then does to the numbers drawn
_SHAPINGS = frozenset(
    {_aten.erfinv_.default, _aten.mul_.Tensor, _aten.add_.Tensor, _aten.clamp_.default}
)


class unfilled(TorchDispatchMode):
    """Inside, random initialisation is left out: memory of the parameters stays untouched.

    That is most of the time and half of the peak memory of loading a network. Position tables
    and whatever else is computed come out as always.
    """

    def __init__(self) -> None:
        super().__init__()
        # kept alive, so that no other tensor gets an address that is listed here
        self._skipped: dict[int, torch.UntypedStorage] = {}

    def __torch_dispatch__(
        self,
        func: Callable[..., Any],
        types: Sequence[type],
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        if func in _DRAWS:
            storage = args[0].untyped_storage()
            self._skipped[storage.data_ptr()] = storage
            return args[0]
        if func in _SHAPINGS and args[0].untyped_storage().data_ptr() in self._skipped:
            return args[0]
        return func(*args, **(kwargs or {}))
