"""What a parsed JSON or TOML value is, told to the type checker too.

After a plain `isinstance(value, dict)` the types of its keys and values are unknown.
"""

from __future__ import annotations

from typing import Any, TypeGuard


def is_object(value: object) -> TypeGuard[dict[str, Any]]:
    """`value` comes out of a parser, so that the keys of a dict are text."""
    return isinstance(value, dict)


def is_array(value: object) -> TypeGuard[list[Any]]:
    return isinstance(value, list)
