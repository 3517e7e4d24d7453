"""What a session's login says of who it may be in a room."""

from __future__ import annotations

import contextlib

from resonance_tui.errors import BrokerError, BrokerUnreachable, CertificateProblem, NoBrokerThere
from resonance_tui.messaging.permissions import may_choose_ids, own_id
from resonance_tui.protocol.urls import BrokerUrl
from resonance_tui.session.plan import SessionPlan


async def id_at(broker: BrokerUrl, plan: SessionPlan) -> str:
    """Ours, or the one that the broker knows our account by."""
    if plan.observe_only or broker.username is None:
        return plan.viewer_id
    # The link goes on trying, or says so itself once no other broker is left.
    with contextlib.suppress(BrokerUnreachable, CertificateProblem, NoBrokerThere):
        return await own_id(broker, plan.channel, plan.viewer_id)
    return plan.viewer_id


async def has_room_for_guests(broker: BrokerUrl, channel: str) -> bool:
    """Whether one login may be several viewers there; False where nobody says."""
    if broker.username is None:
        return True
    with contextlib.suppress(BrokerError):
        return await may_choose_ids(broker, channel)
    return False
