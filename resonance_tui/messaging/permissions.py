"""What a login may do in a room, found out by publishing and by listening."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass

from aiomqtt import MqttError

from resonance_tui.errors import BrokerError, BrokerRefused, BrokerUnreachable, WireError
from resonance_tui.messaging.client import BrokerClient, broker_client, ignore
from resonance_tui.messaging.probe import negotiate_version
from resonance_tui.protocol.events import ReportEvent, RoomEvent
from resonance_tui.protocol.messages import HOST_KEY, NICKNAME, REPORT, ROOM_SETTINGS, decode
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


@dataclass(frozen=True, slots=True)
class RoomsRead:
    """What a login reads in the rooms that it sees announced."""

    whole: tuple[str, ...] = ()  # channels where viewers read every report
    totals: tuple[str, ...] = ()  # where viewers read totals alone, as their hosts say
    broken: tuple[str, ...] = ()  # of those: this viewer's login reads reports of others there


async def rooms_read(url: BrokerUrl, *, within_s: float = 5.0) -> RoomsRead:
    """By what hosts announce, and by trying. Raises BrokerError."""
    announced: dict[str, bool] = {}
    others: set[str] = set()

    def receive(topic: str, payload: bytes, _is_retained: bool, _left_s: int | None) -> None:
        with contextlib.suppress(WireError):
            match decode(topic, payload):
                case RoomEvent(channel=channel, settings=settings) if settings is not None:
                    announced[channel] = settings.totals
                case ReportEvent(channel=channel, viewer_id=name) if name != url.username:
                    others.add(channel)
                case _:
                    return

    version = await negotiate_version(url, within_s=within_s)
    name = f"rsn-{new_viewer_id()}"
    async with broker_client(
        url, receive, identifier=name, version=version, answer_timeout_s=within_s
    ) as client:
        try:
            for _ in range(2):  # retained messages arrive before the second SUBACK
                await client.follow(ROOM_SETTINGS.topic.filter(), 1)
            limited = sorted(channel for channel, is_total in announced.items() if is_total)
            viewers = [each for each in limited if await _is_viewer(client, url, each)]
            for channel in viewers:
                await _listen(client, REPORT.topic.filter(channel=channel))
        except MqttError:
            raise BrokerUnreachable(
                mark("the connection to {authority} was lost", authority=url.authority)
            ) from None
    whole = sorted(announced.keys() - set(limited))
    return RoomsRead(
        tuple(whole), tuple(limited), tuple(each for each in viewers if each in others)
    )


async def _is_viewer(client: BrokerClient, url: BrokerUrl, channel: str) -> bool:
    """Whether this login may name itself in the room, as viewers do, and is not its host's."""
    if not client.tells_refusals or url.username is None or not is_id(url.username):
        return False
    if not await client.may_write(NICKNAME.topic.of(channel, url.username)):
        return False
    return not await client.may_write(HOST_KEY.topic.of(channel))


async def _listen(client: BrokerClient, topic: str) -> None:
    """To what is retained there: who is in the room. Nothing comes where that is denied."""
    with contextlib.suppress(BrokerRefused):
        for _ in range(2):  # retained messages arrive before the second SUBACK
            await client.follow(topic, 1)


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
