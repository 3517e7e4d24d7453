"""What a session does where its broker went away: who carries the room on, and the question."""

from __future__ import annotations

from collections.abc import Callable, Collection, Coroutine
from contextlib import AsyncExitStack
from typing import Any

from resonance_tui.messaging.link import Link
from resonance_tui.protocol.urls import BrokerUrl
from resonance_tui.session.failover import RETURN_WITHIN_S, Failover, is_ours_to_replace
from resonance_tui.session.network_failover import NetworkFailover, may_be_carried_on
from resonance_tui.session.plan import SessionPlan
from resonance_tui.session.room_model import RoomModel
from resonance_tui.session.shown import Shown
from resonance_tui.texts import tr


class Succession:
    """On this machine by itself, on one's network after one yes; elsewhere only its host can.
    `known_ids`: of who may take the broker's place."""

    def __init__(
        self, plan: SessionPlan, shown: Shown, known_ids: Callable[[], Collection[str]]
    ) -> None:
        self._plan, self._shown, self._known_ids = plan, shown, known_ids
        self._on_network: NetworkFailover | None = None

    def answer(self, yes: bool) -> None:
        """As `Session.answer`."""
        if self._on_network is not None:
            self._on_network.answer(yes)

    def started_first(self, url: str) -> None:
        """A broker of ours runs from the start."""
        self._moved(url)
        words = tr("No broker was listening, so one runs here while you stay.")
        self._shown.notice(words, place=url)

    def watch(
        self, broker: BrokerUrl, link: Link, room: RoomModel, stack: AsyncExitStack
    ) -> Coroutine[Any, Any, None] | None:
        """What to run beside the link, until cancelled; None for a room that nobody here can carry
        on. `stack` ends what was started."""
        if is_ours_to_replace(broker):
            room.expect_return(RETURN_WITHIN_S)
            return self._here(broker, link, stack).run()
        if may_be_carried_on(broker) and not self._plan.observe_only:
            self._on_network = self._nearby(broker, link)
            return self._on_network.run()
        return None

    def _here(self, broker: BrokerUrl, link: Link, stack: AsyncExitStack) -> Failover:
        return Failover(
            broker,
            link,
            stack,
            known_ids=self._known_ids,
            may_start=not self._plan.observe_only,
            on_started=self._replaced,
        )

    def _replaced(self, url: str) -> None:
        words = tr("The broker went away, so one runs here now, for all on this machine.")
        self._shown.notice(words, place=url)

    def _nearby(self, broker: BrokerUrl, link: Link) -> NetworkFailover:
        return NetworkFailover(
            broker,
            self._plan.channel,
            link,
            known_ids=self._known_ids,
            ask=self._ask,
            notice=self._shown.notice,
            on_moved=self._moved,
        )

    def _ask(self, text: str | None) -> None:
        self._shown.change(question=text)

    def _moved(self, url: str) -> None:
        self._shown.change(broker_url=url)
