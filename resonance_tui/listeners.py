"""Calling those who listen: what one of them raises harms neither the caller nor the others."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Generic, ParamSpec

P = ParamSpec("P")
log = logging.getLogger(__name__)


class Listeners(Generic[P]):
    """Called like any one of them, it calls them all, in the order in which they were added.

    An exception of one is logged the first time and swallowed every time. Who listens and has a
    reason to end what it listens to (nobody reads what it prints) reports it in another way.
    """

    def __init__(self, *listeners: Callable[P, object]) -> None:
        self._listeners = list(listeners)
        self._has_failed: set[int] = set()  # positions of those whose exception was logged

    def add(self, listener: Callable[P, object]) -> None:
        self._listeners.append(listener)

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> None:
        for position, listener in enumerate(tuple(self._listeners)):
            try:
                listener(*args, **kwargs)
            except Exception:
                if position not in self._has_failed:
                    self._has_failed.add(position)
                    log.exception("a listener failed, which is said once: %r", listener)
