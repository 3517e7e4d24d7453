"""What a login may do in a room, found out by publishing."""

from __future__ import annotations

from aiomqtt import MqttError

from resonance_tui.errors import BrokerError, BrokerRefused, BrokerUnreachable
from resonance_tui.messaging.client import broker_client, ignore
from resonance_tui.messaging.probe import negotiate_version
from resonance_tui.protocol.messages import HOST_KEY, NICKNAME
from resonance_tui.protocol.topics import is_id, new_viewer_id
from resonance_tui.protocol.traits import BrokerTraits
from resonance_tui.protocol.urls import BrokerUrl
from resonance_tui.texts import mark


async def announced_by(url: BrokerUrl, version: int) -> BrokerTraits:
    """What the broker says of itself to this login. Raises BrokerRefused, BrokerUnreachable.
    Below MQTT 5 it says nothing, and is not asked."""
    if version < 5:
        return BrokerTraits(expires=False)
    identifier = f"rsn-{new_viewer_id()}"
    async with broker_client(url, ignore, identifier=identifier, version=version) as client:
        return client.traits


async def own_id(url: BrokerUrl, channel: str, viewer_id: str) -> str:
    """The id under which this login may report in the channel: ours, where the broker lets
    viewers choose (as with one shared account), else the account's name.

    A broker drops what it does not allow without an answer. MQTT 3.1.1 has no reason codes to find
    out by; there `viewer_id` is returned. Raises BrokerRefused, BrokerUnreachable.
    """
    version = await negotiate_version(url)
    if version < 5 or url.username is None:
        return viewer_id
    async with broker_client(
        url, ignore, identifier=f"rsn-{new_viewer_id()}", version=version
    ) as client:
        try:
            for name in dict.fromkeys((viewer_id, url.username)):
                if is_id(name) and await client.may_write(NICKNAME.topic.of(channel, name)):
                    return name
        except MqttError:
            raise BrokerUnreachable(
                mark("the connection to {authority} was lost", authority=url.authority)
            ) from None
    raise BrokerRefused(
        mark(
            "{authority} does not let {username} report in {channel}",
            authority=url.authority,
            username=url.username,
            channel=channel,
        ),
        mark("Ask the host for an invite to this channel"),
    )


async def may_choose_ids(url: BrokerUrl, channel: str) -> bool:
    """Whether this login may report under any id, so that it can be several viewers at once.

    False with MQTT 3.1.1 and a login, where that cannot be found out. Raises BrokerRefused,
    BrokerUnreachable.
    """
    if url.username is None:
        return True
    anybody = new_viewer_id()
    is_told = await negotiate_version(url) >= 5
    return is_told and await own_id(url, channel, anybody) == anybody


async def is_hosts_alone(url: BrokerUrl, channel: str) -> bool:
    """Whether the broker lets the host alone show a key for this room: it knows this login, and
    refuses us. False also where that cannot be found out."""
    if url.username is None:
        return False
    try:
        version = await negotiate_version(url)
        if version < 5:
            return False
        async with broker_client(
            url, ignore, identifier=f"rsn-{new_viewer_id()}", version=version
        ) as client:
            return not await client.may_write(HOST_KEY.topic.of(channel))
    except (BrokerError, MqttError):
        return False


async def check_audience(url: BrokerUrl, channel: str) -> None:
    """Whether this login may report under any id, as a simulated audience has to.

    Raises BrokerRefused, BrokerUnreachable.
    """
    anybody = new_viewer_id()
    if await own_id(url, channel, anybody) != anybody:
        raise BrokerRefused(
            mark(
                "{authority} lets {username} report as {username} only, and no audience",
                authority=url.authority,
                username=url.username,
            ),
            mark(
                "Fill a broker that asks for no accounts: resonance-tui broker --channel {channel}",
                channel=channel,
            ),
        )
