"""`join`: the main job, on a screen or without one."""

from __future__ import annotations

import logging
import random
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from resonance_tui.commands import headless as printing
from resonance_tui.commands.event_loop import for_seconds, run_loop
from resonance_tui.commands.session_builder import Intent, check, open_session, with_login
from resonance_tui.config import DEFAULT_BROKER_URL, Config
from resonance_tui.errors import BrokerUnreachable, InputError, NotATerminal, ResonanceError
from resonance_tui.profile import Profile
from resonance_tui.protocol.sanitize import clean_nickname
from resonance_tui.protocol.topics import normalize_channel
from resonance_tui.protocol.urls import parse_broker_url
from resonance_tui.simulation import behaviour

if TYPE_CHECKING:
    from resonance_tui.messaging.discovery import ChannelInfo
    from resonance_tui.session.core import Session
    from resonance_tui.tui.app import ResonanceApp
    from resonance_tui.tui.screens.history import HistoryScreen


log = logging.getLogger(__name__)


def run(
    config: Config,
    channel: str | None,
    *,
    once: bool,
    record: bool,
    headless: bool,
    as_json: bool,
    duration: float | None,
    title: str | None = None,
    corrected: bool = False,
    allow_untrained: bool = False,
) -> int:
    """Check everything that can be checked, then live in the room until it ends: the exit code."""
    if channel is not None and channel.lower().startswith("resonance:"):
        from resonance_tui.commands.redeem_invite import accept_invite

        config, channel = accept_invite(config, channel)
    wanted = normalize_channel(channel) if channel is not None else None
    nickname = clean_nickname(config.settings.viewer.nickname)
    intent = check(config, allow_untrained=allow_untrained)
    launch = JoinCommand(
        config,
        intent,
        wanted,
        nickname,
        once=once,
        record=record or title is not None,
        title=title or "",
        corrected=corrected,
    )
    try:
        if headless or as_json:
            _run_headless(launch, as_json=as_json, duration=duration)
            return 0
        return _run_screen(launch, duration)
    finally:
        launch.profile.release()


class JoinCommand:
    """What the screens need from the command line (see `tui.launch.Launch`)."""

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

    def open_session(self, channel: str, nickname: str) -> Session:
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


def _run_headless(launch: JoinCommand, *, as_json: bool, duration: float | None) -> None:
    if launch.channel is None:
        raise InputError("Without a screen a channel is needed.", "resonance-tui join CHANNEL ...")
    if launch.needs_consent:
        raise InputError(
            "Nobody has agreed yet to have a face read on this machine.",
            "Run `resonance-tui config consent --give`, or join once with a screen.",
        )
    session = launch.open_session(launch.channel, launch.nickname)
    run_loop(launch.config, lambda: printing.run(session, as_json=as_json, duration=duration))


def _run_screen(launch: JoinCommand, duration: float | None) -> int:
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise NotATerminal(
            "There is no terminal to draw on.", "Use --headless, and --json for scripts."
        )

    async def show() -> ResonanceApp:
        from resonance_tui.tui.app import ResonanceApp

        def history(channel: str) -> HistoryScreen:  # loads plotext, which can wait for the key
            from resonance_tui.engines.confusion import confusion_of
            from resonance_tui.history.loading import Request
            from resonance_tui.tui.screens.history import HistoryScreen

            confusion = confusion_of(launch.config.settings.engine.name)
            return HistoryScreen(Request(launch.config.database, channel, confusion=confusion))

        app = ResonanceApp(launch, history=history)
        await for_seconds(app.run_async(), duration)
        return app

    app = run_loop(launch.config, show)
    if app.failure is not None:
        raise app.failure  # said on the screen that is gone now
    if app.has_declined:
        raise ResonanceError("Without your consent nothing is read.", "--camera none needs none.")
    return app.return_code or 0
