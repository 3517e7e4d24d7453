"""What the screens of `join` need from the command line (see `tui.join_context.JoinContext`)."""

from __future__ import annotations

import logging
import random
import time
from pathlib import Path
from typing import TYPE_CHECKING

from resonance_tui.commands.session_builder import Intent, open_session, with_login
from resonance_tui.config import DEFAULT_BROKER_URL, Config
from resonance_tui.errors import BrokerUnreachable, ResonanceError
from resonance_tui.profile import Profile
from resonance_tui.protocol.sanitize import clean_nickname
from resonance_tui.protocol.topics import normalize_channel
from resonance_tui.protocol.urls import parse_broker_url
from resonance_tui.simulation import behaviour
from resonance_tui.tui.alerts import Alerts

if TYPE_CHECKING:
    from resonance_tui.hosting.desk import Desk
    from resonance_tui.messaging.discovery import ChannelInfo
    from resonance_tui.session.core import Session

log = logging.getLogger(__name__)


class CommandLineContext:
    """One call of `join`: its settings, already checked, and the viewer's profile."""

    def __init__(
        self,
        config: Config,
        intent: Intent,
        channel: str | None,
        nickname: str,
        *,
        once: bool,
        record: bool,
        title: str = "",
        corrected: bool = False,
    ) -> None:
        self.config, self._intent = config, intent
        self.channel, self.nickname = channel, nickname
        self._once, self._record, self._corrected = once, record, corrected
        self._title = title
        self.profile = Profile(config.directories.profile_file)
        self.broker_url = intent.broker.public if intent.broker else DEFAULT_BROKER_URL

    @property
    def alerts(self) -> Alerts:
        screen = self.config.settings.screen
        return Alerts(screen.bell, screen.notify)

    @property
    def needs_consent(self) -> bool:
        """A camera shows the person who sits there; a file and the demo portraits do not."""
        is_live = self._intent.source.kind in ("device", "url")
        return is_live and self.profile.load().consented_at is None

    @property
    def recent_channels(self) -> tuple[str, ...]:
        return self.profile.load().recent_channels

    def give_consent(self) -> None:
        """For good where it can be written down, else for this time."""
        try:
            self.profile.set_consent(time.time())
        except ResonanceError as error:
            log.warning("%s", error.message)

    def suggest_nickname(self) -> str:
        return behaviour.random_nickname(random.Random())

    async def channels(self) -> list[ChannelInfo]:
        """The rooms that the broker knows. Raises BrokerUnreachable and BrokerRefused."""
        from resonance_tui.messaging.discovery import list_channels
        from resonance_tui.messaging.probe import is_reachable

        url = self._intent.broker or parse_broker_url(DEFAULT_BROKER_URL)
        if self._intent.broker is None and not await is_reachable(url):
            raise BrokerUnreachable("No broker runs here yet. Joining starts one on this machine.")
        return await list_channels(with_login(self.config, url))

    def check_channel(self, text: str) -> str:
        return normalize_channel(text)

    def check_nickname(self, text: str) -> str:
        return clean_nickname(text)

    def open_desk(self, channel: str) -> Desk | None:
        """The host's connection, where this machine has a key for the room."""
        from resonance_tui.commands.room.place import broker_of, keys_of

        keys = keys_of(self.config)
        try:
            key = keys.find(channel)
        except ResonanceError as error:
            log.warning("%s", error.message)
            return None
        if key is None:
            return None
        from resonance_tui.hosting.desk import Desk

        return Desk(broker_of(self.config, channel), keys, key)

    def open_session(self, channel: str, nickname: str) -> Session:
        """A session that has not been started yet."""
        database: Path | None = self.config.database if self._record else None
        session = open_session(
            self.config,
            self._intent,
            self.profile,
            channel,
            nickname,
            once=self._once,
            database=database,
            title=self._title,
        )
        session.set_corrected(self._corrected)
        return session
