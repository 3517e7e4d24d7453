"""Rooms on this network: announced by their host, found by a guest (mDNS, with zeroconf)."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncGenerator, Callable, Sequence
from typing import TYPE_CHECKING, Any

from resonance_tui.errors import ResonanceError
from resonance_tui.listeners import Listeners
from resonance_tui.protocol.nearby import SERVICE, NearbyRoom, read_room, records
from resonance_tui.protocol.topics import new_viewer_id
from resonance_tui.texts import mark

if TYPE_CHECKING:
    from zeroconf import Zeroconf
    from zeroconf.asyncio import AsyncServiceInfo, AsyncZeroconf

LOOK_FOR_S = 2.0
MOST_ROOMS = 64  # a network may hold a stranger who announces thousands
_ANSWER_S = 3.0
_GOODBYE_S = 2.0

log = logging.getLogger(__name__)


class NearbyUnavailable(ResonanceError):
    """Nothing can be announced or found on this network."""


# --- found -------------------------------------------------------------------------------------


async def nearby_rooms(within_s: float = LOOK_FOR_S, *, channel: str = "") -> list[NearbyRoom]:
    """The rooms announced on this network, by channel; with `channel`, those of that name, however
    many others a stranger announces. Raises NearbyUnavailable."""
    found: list[NearbyRoom] = []

    def keep(rooms: list[NearbyRoom]) -> None:
        found[:] = rooms

    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(within_s):
            await follow_nearby(keep, channel=channel)
    return found


async def follow_nearby(changed: Callable[[list[NearbyRoom]], None], *, channel: str = "") -> None:
    """Until cancelled: `changed` takes all rooms whenever one comes, goes or says something new.

    `channel`: only those of that name. Raises NearbyUnavailable.
    """
    async with _zeroconf() as network:
        search = _Search(network.zeroconf, changed, channel)
        await search.run()


class _Search:
    """The services of our type on this network, each asked for what it is."""

    def __init__(
        self, network: Zeroconf, changed: Callable[[list[NearbyRoom]], None], channel: str
    ) -> None:
        self._network = network
        self._changed = Listeners(changed)
        self._channel = channel  # "" for all
        self._rooms: dict[str, NearbyRoom] = {}  # by the name of their service
        self._asked: dict[str, asyncio.Task[None]] = {}

    async def run(self) -> None:
        from zeroconf.asyncio import AsyncServiceBrowser

        async with asyncio.TaskGroup() as tasks:

            def on_change(name: str, state_change: Any, **_: Any) -> None:
                self._on_change(tasks, name, is_gone=state_change.name == "Removed")

            async with AsyncServiceBrowser(self._network, SERVICE, handlers=[on_change]):
                await asyncio.Event().wait()

    def _on_change(self, tasks: asyncio.TaskGroup, name: str, *, is_gone: bool) -> None:
        if not name.startswith(_start_of(self._channel)):
            return
        if (asked := self._asked.pop(name, None)) is not None:
            asked.cancel()
        if is_gone:
            self._set(name, None)
        elif len(self._asked) < MOST_ROOMS:
            self._asked[name] = tasks.create_task(self._ask(name), name="nearby")

    async def _ask(self, name: str) -> None:
        from zeroconf import Error
        from zeroconf.asyncio import AsyncServiceInfo

        info = AsyncServiceInfo(SERVICE, name)
        with contextlib.suppress(Error):  # a name that is none, or the search has ended
            if await info.async_request(self._network, _ANSWER_S * 1000):
                room = read_room(info.properties, info.parsed_scoped_addresses(), info.port)
                is_meant = room is not None and self._channel in ("", room.channel)
                self._set(name, room if is_meant else None)

    def _set(self, name: str, room: NearbyRoom | None) -> None:
        before = self._rooms.pop(name, None)
        if room is not None:
            self._rooms[name] = room
        if room != before:
            self._changed(sorted(self._rooms.values(), key=lambda each: (each.channel, each.host)))


# --- announced ---------------------------------------------------------------------------------


class NearbyAnnouncer:
    """Announces rooms at one broker on the networks of this machine, for as long as it runs."""

    def __init__(
        self,
        rooms: Sequence[NearbyRoom],
        addresses: Callable[[], Sequence[str]],
        *,
        say: Callable[[str], None] = log.warning,
        look_every_s: float = 10.0,
    ) -> None:
        """`addresses`: those at which others reach the broker now; looked at again and again, as
        a laptop changes its network. `say` takes a sentence where there is none."""
        self._rooms = rooms
        self._addresses = addresses
        self._say = Listeners(say)
        self._look_every_s = look_every_s
        self._id = new_viewer_id()  # a name of our own: others may announce this machine's
        self.is_announced = asyncio.Event()

    async def run(self) -> None:
        """Until cancelled; then it is taken back."""
        said = ""
        while True:
            try:
                await self._announce()
            except NearbyUnavailable as error:
                if error.message != said:
                    self._say(said := error.message)
                await asyncio.sleep(self._look_every_s)

    async def _announce(self) -> None:
        """Until the addresses change. Raises NearbyUnavailable."""
        addresses = list(self._addresses())
        async with self._announced(addresses):
            self.is_announced.set()
            while list(self._addresses()) == addresses:
                await asyncio.sleep(self._look_every_s)
        self.is_announced.clear()

    @contextlib.asynccontextmanager
    async def _announced(self, addresses: Sequence[str]) -> AsyncGenerator[None]:
        async with _zeroconf() as network:
            for room in self._rooms:  # returns once the name is found to be free
                await network.async_register_service(self._info(room, addresses))
            yield

    def _info(self, room: NearbyRoom, addresses: Sequence[str]) -> AsyncServiceInfo:
        from zeroconf.asyncio import AsyncServiceInfo

        return AsyncServiceInfo(
            SERVICE,
            f"{_start_of(room.channel)}{self._id}.{SERVICE}",
            port=room.url.port,
            properties=records(room),
            server=f"resonance-{self._id}.local.",
            parsed_addresses=[each.partition("%")[0] for each in addresses],
        )


def _start_of(channel: str) -> str:
    """With what the name of a room's service begins; a label has 63 bytes at most."""
    return f"{channel[:32]}-" if channel else ""


@contextlib.asynccontextmanager
async def _zeroconf() -> AsyncGenerator[AsyncZeroconf]:
    """On all interfaces, in IPv4 and IPv6; what is announced there is taken back at the end."""
    from zeroconf import Error, IPVersion
    from zeroconf.asyncio import AsyncZeroconf

    logging.getLogger("zeroconf").setLevel(logging.CRITICAL)  # it logs what strangers send
    try:
        network = AsyncZeroconf(ip_version=IPVersion.All)
    except (OSError, RuntimeError) as error:  # RuntimeError: no interface at all
        raise NearbyUnavailable(
            mark("No network to look at for rooms nearby: {error}", error=error)
        ) from error
    try:
        yield network
    except (Error, OSError) as error:
        raise NearbyUnavailable(
            mark("Rooms nearby cannot be told of: {error!r}", error=error)
        ) from error
    finally:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_GOODBYE_S):
                await network.async_close()
