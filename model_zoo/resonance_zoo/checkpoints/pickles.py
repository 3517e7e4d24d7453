"""Looks into a pickle operation by operation, without running any."""

from __future__ import annotations

import pickletools
from typing import IO

# The first thing in a file of PyTorch's format before 1.6; its tensors follow in further pickles.
LEGACY_MAGIC = 0x1950A86A20F9469CFC6C
HARMLESS = ("torch.", "collections.")


class CutOff(ValueError):
    """The pickle ends too early, or holds what is no operation."""


def what_it_calls(stream: IO[bytes]) -> list[str]:
    """Names, such as "posix.system", of what the first pickle in `stream` would import and could
    call, those of PyTorch's own last. Raises CutOff."""
    words: list[str] = []
    found: list[str] = []
    for name, argument in _operations(stream):
        if name in ("GLOBAL", "INST"):
            found.append(str(argument).replace(" ", "."))
        elif name == "STACK_GLOBAL":  # takes the two words before it
            found.append(".".join(words[-2:]))
        elif isinstance(argument, str):
            words.append(argument)
    return sorted(found, key=lambda call: call.startswith(HARMLESS))


def is_legacy_checkpoint(stream: IO[bytes]) -> bool:
    """Whether the file begins as PyTorch wrote them before 1.6. Raises CutOff."""
    return any(argument == LEGACY_MAGIC for _, argument in _operations(stream))


def _operations(stream: IO[bytes]) -> list[tuple[str, object]]:
    try:
        return [(code.name, argument) for code, argument, _ in pickletools.genops(stream)]
    except Exception as error:  # damaged operations can raise anything
        raise CutOff(str(error)) from error
