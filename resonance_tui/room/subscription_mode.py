"""Whether a viewer subscribes to all reports or only to the room's total, and when it changes."""

from __future__ import annotations

import math
from enum import StrEnum

from resonance_tui.protocol.asides import NOTHING, Aside
from resonance_tui.protocol.values import NO_COUNTS, Counts

BACK_AT = 0.8  # of `mesh_max`: a room around the limit does not go back and forth


class Mode(StrEnum):
    """Where the counts on the screen come from."""

    MESH = "mesh"  # every viewer's own report
    TOTAL = "total"  # the aggregators


class ModeSelector:
    """Follows the total of a room above `mesh_max` viewers for as long as there is one.

    `stale_after`: seconds after which a total that was not renewed is no longer believed. The same
    total again (the broker retains the last one) does not renew it. A rumour is a total that a
    broker without expiry kept: it decides the mode for `rumour_after` seconds, and is no count.
    """

    def __init__(self, *, mesh_max: int = 200, stale_after: float = 10.75) -> None:
        self.mode = Mode.MESH
        self.mesh_max = mesh_max
        self.stale_after = stale_after
        self.rumour_after = 0.75 * stale_after
        self.is_rumour = False  # what `counts` are; until a live total comes
        self.counts: Counts = NO_COUNTS
        self.viewers = 0  # in the room of `counts`
        self.reads_totals = False  # nothing else may be read here, or comes
        self.least = 0  # where `counts` are a table of a small room: of the rule; 0: they are exact
        self._is_spread = False  # over several brokers, each with its own viewers only
        self._order: tuple[int, int] | None = None  # (boot, seq) of the last total
        self._heard_at: float | None = None  # monotonic seconds; None: there is no total
        self._aside = NOTHING
        self._aside_order: tuple[int, int] | None = None
        self._aside_at = -math.inf  # monotonic seconds: when it was heard

    def observe(
        self,
        order: tuple[int, int],
        counts: Counts,
        now: float,
        *,
        is_spread: bool = False,
        is_rumour: bool = False,
        viewers: int | None = None,
        least: int = 0,
    ) -> None:
        """A total arrived. Two roots may publish for a moment, so its order only has to differ.

        `is_spread`: the room is on several brokers, and no mesh, however small, holds all of it.
        `viewers`: where they are not the sum of `counts`, which `least` says.
        """
        if is_rumour and self._is_believed(now):
            return
        if order != self._order or (self.is_rumour and not is_rumour):
            self._order, self.counts, self._heard_at = order, counts, now
            self._is_spread, self.is_rumour = is_spread, is_rumour
            self.viewers = sum(counts) if viewers is None else viewers
            self.least = least

    def observe_aside(self, order: tuple[int, int], aside: Aside, now: float) -> None:
        """What is counted beside the total arrived; not of a broker that keeps it for ever."""
        if order != self._aside_order:
            self._aside_order, self._aside, self._aside_at = order, aside, now

    def aside(self, now: float) -> Aside:
        """What is counted beside the total, for as long as it is renewed."""
        return self._aside if now - self._aside_at < self.stale_after else NOTHING

    def end(self) -> None:
        """The total was cleared: the last aggregator has left."""
        self._heard_at = None

    def is_told(self, now: float) -> bool:
        """Whether somebody counts, and it is no rumour."""
        return self._is_believed(now) and not self.is_rumour

    def _is_believed(self, now: float) -> bool:
        patience_s = self.rumour_after if self.is_rumour else self.stale_after
        return self._heard_at is not None and now - self._heard_at < patience_s

    def is_without_total(self, now: float) -> bool:
        """Whether nobody counts, and there is nothing else to go by."""
        return self.reads_totals and not self._is_believed(now)

    def select(self, now: float) -> Mode:
        """The mode that holds from now on."""
        if self.reads_totals:
            self.mode = Mode.TOTAL
            return self.mode
        stays = self.mode is Mode.TOTAL
        limit = BACK_AT * self.mesh_max if stays else self.mesh_max
        limit = 0 if self._is_spread else limit
        viewers = self.viewers + sum(self.aside(now).private)
        self.mode = Mode.TOTAL if self._is_believed(now) and viewers > limit else Mode.MESH
        return self.mode
