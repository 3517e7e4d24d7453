"""From settings to a session: every check that can be made before anything starts."""

from __future__ import annotations

import dataclasses
import time
from dataclasses import dataclass
from pathlib import Path

from resonance_tui.capture.sources import Source, parse_source
from resonance_tui.config import DEFAULT_BROKER_URL, Config
from resonance_tui.engines.base import check_engine_name
from resonance_tui.messaging.wire import BrokerUrl, new_viewer_id, parse_broker_url
from resonance_tui.profile import Profile
from resonance_tui.session.core import Session, SessionPlan


@dataclass(frozen=True, slots=True)
class Intent:
    """What the settings mean, checked."""

    source: Source
    engine: str
    broker: BrokerUrl | None


def check(config: Config) -> Intent:
    """Raises InputError for a camera, engine or broker setting that cannot be meant."""
    settings = config.settings
    source = parse_source(settings.camera.source)
    if source.kind == "file":
        from resonance_tui.capture.camera import check_source

        check_source(source)
    return Intent(source, check_engine_name(settings.engine.name), broker_url(config))


def broker_url(config: Config) -> BrokerUrl | None:
    """The configured broker with its login; None where none is configured."""
    settings = config.settings.broker
    if not settings.url:
        return None
    url = parse_broker_url(settings.url)
    return dataclasses.replace(
        url,
        username=url.username or settings.user or None,
        password=url.password or settings.password or None,
    )


def broker_or_default(config: Config) -> BrokerUrl:
    """The configured broker, or the one that this machine would run."""
    return broker_url(config) or parse_broker_url(DEFAULT_BROKER_URL)


def open_session(
    config: Config,
    intent: Intent,
    profile: Profile,
    channel: str,
    nickname: str,
    *,
    once: bool = False,
    database: Path | None = None,
    observe_only: bool = False,
) -> Session:
    """A session that has not been started yet. `channel` and `nickname` are already checked."""
    profile.remember_channel(channel)
    return Session(
        SessionPlan(
            channel=channel,
            nickname=nickname,
            viewer_id=(
                new_viewer_id()  # an observer is nobody in the room
                if observe_only
                else profile.claim_viewer_id(channel, new_viewer_id)
            ),
            boot=profile.next_boot(time.time()),
            broker=intent.broker,
            source=intent.source,
            engine=intent.engine,
            data_dir=config.directories.data,
            fps=config.settings.camera.fps,
            once=once,
            database=database,
            observe_only=observe_only,
        )
    )
