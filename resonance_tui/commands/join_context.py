"""What the screens of `join` need from the command line (see `tui.join_context.JoinContext`)."""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections.abc import Callable
from dataclasses import replace
from importlib import import_module
from typing import TYPE_CHECKING, TypeVar

from resonance_tui.commands.destination import (
    Destination,
    destination_of,
    settings_as_it_was,
    shown_broker,
    to_remember,
)
from resonance_tui.commands.own_keys import own_keys
from resonance_tui.commands.session_builder import (
    TITLE_LIMIT,
    Intent,
    broker_url,
    plan_session,
    with_login,
)
from resonance_tui.config import DEFAULT_BROKER_URL, Config
from resonance_tui.errors import BrokerUnreachable, InputError, ResonanceError
from resonance_tui.messaging.link_status import LinkState
from resonance_tui.messaging.wire_log import WireLog
from resonance_tui.pipeline.sources import Source
from resonance_tui.profile import Profile, RoomMemory
from resonance_tui.protocol.links import find_place
from resonance_tui.protocol.sanitize import clean_nickname, safe_text
from resonance_tui.protocol.urls import BrokerUrl, Invite, parse_broker_url
from resonance_tui.session.starting import StartingSession
from resonance_tui.session.visit import Visit
from resonance_tui.texts import mark
from resonance_tui.tui.alerts import ALERTS, AlertKind, Alerts
from resonance_tui.tui.join_context import ListedRoom, RecentRoom, RoomChoice, SessionLike

if TYPE_CHECKING:
    from resonance_tui.hosting.desk import Desk
    from resonance_tui.protocol.nearby import NearbyRoom
    from resonance_tui.session.core import Session
    from resonance_tui.session.plan import SessionPlan

AnySession = TypeVar("AnySession", "Session", StartingSession)
log = logging.getLogger(__name__)


class CommandLineContext:
    """One call of `join`: its settings, already checked, and the viewer's profile."""

    def __init__(
        self,
        config: Config,
        intent: Intent,
        *,
        once: bool = False,
        record: bool = False,
        title: str = "",
        corrected: bool = False,
        team: str = "",
    ) -> None:
        self.config, self._intent = config, intent
        self.channel: str | None = None
        self.nickname = clean_nickname(config.settings.viewer.nickname)
        self._once, self._record, self._corrected = once, record, corrected
        self._team = team
        self._title = title
        self._there: dict[str, Destination] = {}  # by channel, where one went there
        self.visits: list[Visit] = []
        self.wire = WireLog()
        self.on_session: Callable[[SessionLike | Session], None] | None = None
        self.profile = Profile(config.directories.profile_file)
        self.broker_url = intent.broker.public if intent.broker else DEFAULT_BROKER_URL

    def go_to(self, there: Destination) -> None:
        """The room of the command line."""
        self.channel = self.settle(there)
        self.nickname = self.nickname_in(there.channel)

    # Consent, theme, alerts, camera

    @property
    def told_to(self) -> str:
        there = self._there.get(self.channel) if self.channel else None
        broker = broker_url(there.config) if there else self._intent.broker
        if broker is None:
            return DEFAULT_BROKER_URL if self.channel else ""
        return broker.place

    @property
    def alerts(self) -> Alerts:
        """As they were switched last; where flags, environment or file say so, as they say."""
        screen, memory = self.config.settings.screen, self.profile.load()
        is_free = {kind for kind in ALERTS if self.config.origins[f"screen.{kind}"] == "default"}
        return Alerts(
            bell=memory.bell if "bell" in is_free else screen.bell,
            notify=memory.notify if "notify" in is_free else screen.notify,
        )

    def remember_alert(self, kind: AlertKind, on: bool) -> None:
        self.profile.remember_alert(kind, on)

    @property
    def needs_consent(self) -> bool:
        return self.needs_consent_for(self._intent.source)

    def needs_consent_for(self, source: Source) -> bool:
        """A camera shows the person who sits there; a file and the demo portraits do not."""
        shows_a_person = source.kind in ("device", "url")
        return shows_a_person and not self.profile.load().has_consented(self._intent.people)

    @property
    def reads_all(self) -> bool:
        """Whether everybody in view is read, and not one person alone."""
        return self._intent.people > 1

    def give_consent(self) -> None:
        """For good where it can be written down, else for this time."""
        try:
            self.profile.set_consent(time.time(), covers_all=self.reads_all)
        except ResonanceError as error:
            log.warning("%s", error.message)

    @property
    def theme(self) -> str:
        return self.profile.load().theme

    def remember_theme(self, theme: str) -> None:
        self.profile.remember_theme(theme)

    async def cameras(self) -> list[Source]:
        """The devices of this machine, then what was asked for and what is always there."""
        found = await asyncio.to_thread(_find_devices)
        others = (self._intent.source, Source("demo"), Source("none"))
        return [*found, *(each for each in dict.fromkeys(others) if each not in found)]

    def use_camera(self, source: Source) -> None:
        """In this room and in others that are joined later."""
        self._intent = replace(self._intent, source=source)
        self._once = False

    # Rooms

    @property
    def recent_rooms(self) -> tuple[RecentRoom, ...]:
        memory = self.profile.load()
        return tuple(
            _recent(channel, memory.rooms.get(channel)) for channel in memory.recent_channels
        )

    def suggest_nickname(self) -> str:
        """The one that was used last; a random one where there is none."""
        rooms = self.profile.load().rooms.values()
        last = max(rooms, key=lambda room: room.last_at, default=RoomMemory())
        return _usable(last.nickname) or self.random_nickname()

    def random_nickname(self) -> str:
        from resonance_tui.simulation.behaviour import random_nickname

        return random_nickname(random.Random())

    async def channels(self) -> list[ListedRoom]:
        """The rooms that the broker knows. Raises BrokerUnreachable and BrokerRefused."""
        from resonance_tui.messaging.discovery import list_channels
        from resonance_tui.messaging.probe import is_reachable

        url = self._intent.broker or parse_broker_url(DEFAULT_BROKER_URL)
        if self._intent.broker is None and not await is_reachable(url):
            raise BrokerUnreachable(
                mark("No broker runs on this machine yet; a new channel starts one.")
            )
        found = await list_channels(with_login(self.config, url))
        return [ListedRoom(each.channel, each.viewers, is_sure=each.is_sure) for each in found]

    async def follow_nearby(self, changed: Callable[[list[NearbyRoom]], None]) -> None:
        """Until cancelled. Raises ResonanceError where nothing can be found."""
        await asyncio.to_thread(import_module, "zeroconf.asyncio")
        from resonance_tui.messaging.nearby import follow_nearby

        await follow_nearby(changed)

    def is_trusted(self, room: NearbyRoom) -> bool:
        from resonance_tui.commands.nearby import is_trusted

        return is_trusted(room, self.profile.room(room.channel))

    def check_nickname(self, text: str) -> str:
        return clean_nickname(text)

    async def reach(self, choice: str | RoomChoice, say: Callable[[str], object]) -> str:
        """The channel of a choice; from now on, sessions of it are opened at its broker. An
        invite is redeemed, and `say` takes how that goes. Raises Problem."""
        from resonance_tui.protocol.nearby import NearbyRoom

        match choice:
            case ListedRoom():
                return self.settle(Destination(self.config, choice.channel))
            case RecentRoom():
                room = self.profile.room(choice.channel)
                there = settings_as_it_was(self.config, room) if choice.broker else self.config
                return self.settle(Destination(there, choice.channel))
            case NearbyRoom():
                if choice.needs_link:
                    raise InputError(
                        mark("{channel} lets in who has an invite.", channel=choice.channel),
                        mark("Ask its host for a link."),
                    )
                url = await self._alive(choice.url)
                place = Invite(url, choice.channel, choice.ticket, choice.host_print)
            case str():
                place = find_place(choice)
        if isinstance(place, Invite):
            from resonance_tui.commands.redeem_invite import redeem

            await redeem(self.config, place, say)
        else:
            from resonance_tui.commands.hosted_here import enter

            await enter(self.config, place)
        return self.settle(destination_of(self.config, place))

    async def _alive(self, url: BrokerUrl) -> BrokerUrl:
        """The one of its addresses that answers. Raises BrokerUnreachable."""
        from resonance_tui.messaging.probe import first_alive

        return await first_alive((url, *url.alternates))

    def settle(self, there: Destination) -> str:
        """The channel; sessions of it are opened there from now on."""
        self._there[there.channel] = there
        return there.channel

    def _destination(self, channel: str) -> Destination:
        return self._there.get(channel) or Destination(self.config, channel)

    def nickname_in(self, channel: str) -> str:
        """The one of the settings; else the one that was last used there."""
        if self.config.origins["viewer.nickname"] != "default":
            return self.nickname
        return _usable(self.profile.room(channel).nickname)

    def open_desk(self, channel: str) -> Desk | None:
        """The host's connection, where this machine has a key for the room."""
        config = self._destination(channel).config
        keys = own_keys(config.directories)
        try:
            key = keys.find(channel)
        except ResonanceError as error:
            log.warning("%s", error.message)
            return None
        if key is None:
            return None
        from resonance_tui.commands.room.place import broker_of
        from resonance_tui.hosting.desk import Desk

        is_said = broker_url(config) is not None  # else one is started, where there is none
        usual = with_login(config, parse_broker_url(DEFAULT_BROKER_URL), channel)
        return Desk(broker_of(config, channel) if is_said else usual, keys, key)

    def open_session(self, channel: str, nickname: str) -> StartingSession:
        """A session for a screen, not started yet: its code loads when it is."""
        return self._remembered(StartingSession(self._plan(channel, nickname)))

    def open_loaded(self, channel: str, nickname: str) -> Session:
        """A session that has not been started yet."""
        from resonance_tui.session.core import Session

        return self._remembered(Session(self._plan(channel, nickname)))

    def _plan(self, channel: str, nickname: str) -> SessionPlan:
        there = self._destination(channel)
        broker = broker_url(there.config)
        return plan_session(
            there.config,
            replace(self._intent, broker=broker, host_print=there.host_print),
            self.profile,
            channel,
            nickname,
            once=self._once,
            database=self.config.database,
            is_recording=self._record,
            title=self._title or self.profile.room(channel).title,
            remark=there.remark,
        )

    def _remembered(self, session: AnySession) -> AnySession:
        """The same: this machine remembers the room, and tells of the visit at its end."""
        session.set_corrected(self._corrected)
        session.set_team(self._team)
        visit = Visit(session.view, self.config.database)
        self.visits.append(visit)
        session.add_listener(lambda _: visit.take(session.view, time.monotonic()))
        if self.on_session is not None:
            self.on_session(session)
        broker = broker_url(self._destination(session.view.channel).config)
        session.add_listener(_Memory(self.profile, session, to_remember(broker), self._title))
        return session


class _Memory:
    """Remembers the room once one is in it, and each new nickname."""

    def __init__(self, profile: Profile, session: SessionLike, broker: str, title: str) -> None:
        self._profile, self._session = profile, session
        self._known: dict[str, str] = {"broker": broker} | ({"title": title} if title else {})
        self._nickname: str | None = None  # as it is remembered

    def __call__(self, _event: object) -> None:
        view = self._session.view
        if view.link.state is LinkState.CONNECTED and view.nickname != self._nickname:
            self._nickname = view.nickname
            known = self._known | {"nickname": view.nickname}
            self._profile.remember_room(view.channel, last_at=time.time(), **known)


def _find_devices() -> list[Source]:
    from resonance_tui.pipeline.devices import find_devices

    return find_devices()


def _recent(channel: str, room: RoomMemory | None) -> RecentRoom:
    if room is None:
        return RecentRoom(channel)
    title = safe_text(room.title, TITLE_LIMIT)
    return RecentRoom(channel, shown_broker(room), title, _usable(room.nickname))


def _usable(nickname: str) -> str:
    try:
        return clean_nickname(nickname)
    except InputError:
        return ""
