"""A room whose broker went away with its owner: one of the viewers left starts another.

On one machine it happens by itself: the address stays the same, so whoever starts a broker there is
found. Who starts it follows from the ids that everybody knows (rendezvous hashing): the first in
that order waits least, and the others find its broker running before it is their turn. Where two
know different viewers and start at once, the port decides.

Only the broker of a viewer is replaced, once that viewer is gone (`session.broker_claim`): whoever
runs another one there, a system or a person, starts it again when they want to.
"""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections.abc import Callable, Collection, Iterable
from contextlib import AsyncExitStack
from dataclasses import replace
from hashlib import sha256

from resonance_tui.config import DEFAULT_BROKER_URL
from resonance_tui.errors import Problem
from resonance_tui.messaging.link import Link
from resonance_tui.messaging.link_status import LinkState
from resonance_tui.messaging.probe import is_reachable
from resonance_tui.protocol.urls import BrokerUrl, parse_broker_url
from resonance_tui.session.broker_choice import LOOPBACK_HOST, keep_until_end, start_broker_at
from resonance_tui.session.broker_claim import is_claimed

LOOK_EVERY_S = 0.25
FIRST_WAIT_S = 1.5  # for a broker that is only being restarted
STEP_S = 1.2  # between two in the order: starting a broker takes less
MOST_STEPS = 4  # the last ones wait no longer than this many
JITTER_S = 0.4
OWNER_PATIENCE_S = 15.0  # an owner who is there starts a broker that failed sooner than that
RETURN_WITHIN_S = 5.0  # after a broker runs again, everybody on this machine has found it
LEFT_WITH_IT_S = 2.0  # a broker that ends sends everybody's will first, and then lets go of us

log = logging.getLogger(__name__)


def is_ours_to_replace(url: BrokerUrl) -> bool:
    """Whether anybody on this machine may start a broker at that address: the default one, which
    `join` uses where nothing is configured. Any other has a host who wanted it so."""
    default = parse_broker_url(DEFAULT_BROKER_URL)
    return url in (default, replace(default, host=LOOPBACK_HOST))


def wait_s(own_id: str, known_ids: Collection[str], place: str) -> float:
    """Seconds from the loss until it is this viewer's turn to start a broker at `place`."""
    return FIRST_WAIT_S + STEP_S * min(rank(own_id, known_ids, place), MOST_STEPS)


def rank(own_id: str, known_ids: Collection[str], place: str) -> int:
    """How many come before this viewer, in the order that all who know the same ids agree on."""
    order = sorted({own_id, *known_ids}, key=lambda viewer_id: _weight(viewer_id, place))
    return order.index(own_id)


def _weight(viewer_id: str, place: str) -> bytes:
    return sha256(f"{place}\0{viewer_id}".encode()).digest()


class KnownViewers:
    """Who was here when the line was lost: also who left the room only a moment before that.

    `look` takes the ids that are listed, for as long as the line holds; times are of one clock.
    """

    def __init__(self) -> None:
        self._here: frozenset[str] = frozenset()
        self._left_at: dict[str, float] = {}

    def look(self, listed: Iterable[str], now: float) -> None:
        here = frozenset(listed)
        self._left_at |= dict.fromkeys(self._here - here, now)
        self._here = here
        self._left_at = {
            viewer_id: at
            for viewer_id, at in self._left_at.items()
            if now - at < LEFT_WITH_IT_S and viewer_id not in here
        }

    @property
    def ids(self) -> frozenset[str]:
        return self._here.union(self._left_at)


class Failover:
    """Brings the broker of one link back, as often as it goes away; see the module.

    `known_ids`: the viewers known from the room. `may_start` is False for who is not in the room:
    it only follows. `stack` ends what was started; `on_started` takes its address.
    """

    def __init__(
        self,
        url: BrokerUrl,
        link: Link,
        stack: AsyncExitStack,
        *,
        known_ids: Callable[[], Collection[str]],
        may_start: bool,
        on_started: Callable[[str], None],
    ) -> None:
        self._url, self._link, self._stack = url, link, stack
        self._known_ids, self._may_start, self._on_started = known_ids, may_start, on_started

    async def run(self) -> None:
        """Until cancelled."""
        is_viewers = is_claimed(self._url.port)
        while True:
            await asyncio.sleep(LOOK_EVERY_S)
            if self._is_connected:
                is_viewers = is_viewers or is_claimed(self._url.port)
            else:
                await self._bring_back(may_start=self._may_start and is_viewers)
                is_viewers = is_claimed(self._url.port)  # the next may be somebody else's

    @property
    def _is_connected(self) -> bool:
        return self._link.status.state is LinkState.CONNECTED

    async def _bring_back(self, *, may_start: bool) -> None:
        """Follow a broker that answers at the address, or start one there when it is our turn."""
        waits_s = wait_s(self._link.viewer_id, self._known_ids(), self._url.place)
        lost_at = time.monotonic()
        turn_at = lost_at + waits_s + random.uniform(0, JITTER_S)
        was_down = False
        while not self._is_connected:
            if await is_reachable(self._url):
                if was_down:
                    self._link.hurry()
                was_down = False  # once: a broker that refuses us is not asked twice a second
            else:
                was_down = True
                now = time.monotonic()
                is_left = now - lost_at >= OWNER_PATIENCE_S or not is_claimed(self._url.port)
                if may_start and now >= turn_at and is_left:
                    await self._start()
            await asyncio.sleep(LOOK_EVERY_S)

    async def _start(self) -> None:
        try:
            started = await start_broker_at(self._url.port)
        except Problem as problem:  # another one was faster, or there is no broker program here
            log.info("no broker started at %s: %s", self._url, problem.message)
            return
        await keep_until_end(started, self._stack)
        self._on_started(started.url)
