"""How long the figures of a room are not complete, where nobody says who was there before; and
whether single reports come at all."""

from __future__ import annotations

import math

from resonance_tui.protocol.traits import BrokerTraits

MARGIN_S = 1.0  # beyond a heartbeat: for reports that are under way


class Counting:
    """Where a wildcard brings nothing that is retained, or that is not known yet, everybody has to
    be waited for: each reports within a heartbeat. Times are monotonic seconds."""

    def __init__(self) -> None:
        self._traits: BrokerTraits | None = None
        self._since = -math.inf
        self._is_over = False

    def know(self, traits: BrokerTraits | None) -> None:
        """What is known of the broker now; None before the first connection."""
        self._traits = traits

    def begin(self, now: float) -> None:
        """Reports are subscribed to, or again."""
        self._since, self._is_over = now, False

    def goes_on(self, now: float, heartbeat_s: float) -> bool:
        """Whether somebody may be there of whom nothing was heard yet. Once everybody was heard, a
        longer heartbeat makes nobody unknown."""
        if self._traits is None or self._traits.brings_retained:
            return False
        self._is_over = self._is_over or now >= self._since + heartbeat_s + MARGIN_S
        return not self._is_over


class Hearing:
    """Whether reports of others come: a broker may grant a subscription and deliver nothing of
    it but one's own. Times are monotonic seconds."""

    def __init__(self) -> None:
        self._since = math.inf
        self._heard: set[str] = set()  # the first two whose reports came
        self._is_kept_out = False

    def begin(self, now: float) -> None:
        """Reports are subscribed to, or again."""
        self._since = now
        self._heard.clear()

    def heard(self, viewer_id: str) -> None:
        if len(self._heard) < 2:
            self._heard.add(viewer_id)

    def is_kept_out(self, viewers: int, wait_s: float, now: float) -> bool:
        """Whether so many are there by a live total, and after `wait_s`, in which each of them
        reports twice, one at most was heard: oneself. Once it is so, it stays: nothing that comes
        later would tell, as reports are no longer subscribed to."""
        is_over = now >= self._since + wait_s
        self._is_kept_out |= is_over and viewers > 2 and len(self._heard) < 2
        return self._is_kept_out
