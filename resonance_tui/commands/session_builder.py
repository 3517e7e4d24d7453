"""From settings to a session: every check that can be made before anything starts."""

from __future__ import annotations

import contextlib
import dataclasses
import time
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from resonance_tui.commands.own_keys import own_keys
from resonance_tui.config import DEFAULT_BROKER_URL, Config
from resonance_tui.engines import registry as engines
from resonance_tui.engines.base import EngineOptions, weights_folder
from resonance_tui.errors import InputError, InvalidBrokerUrl, StoreError
from resonance_tui.hosting.running import all_running
from resonance_tui.logins import Logins
from resonance_tui.pipeline.baseline import BaselineMode, baseline_named
from resonance_tui.pipeline.detectors import registry as detectors
from resonance_tui.pipeline.face_plan import FacePlan
from resonance_tui.pipeline.seats import people_named
from resonance_tui.pipeline.sources import Source, parse_source
from resonance_tui.profile import HostMemory, Profile, RoomMemory
from resonance_tui.protocol.sanitize import safe_text
from resonance_tui.protocol.topics import new_viewer_id
from resonance_tui.protocol.urls import BrokerUrl, TlsFiles, parse_broker_url
from resonance_tui.secret import may_hold_secret
from resonance_tui.session.plan import KnownHost, SessionPlan
from resonance_tui.session.privacy import PrivacyPlan
from resonance_tui.signing import KEY_BYTES
from resonance_tui.sinks import registry
from resonance_tui.texts import mark

if TYPE_CHECKING:
    from resonance_tui.room.authority import Authority

TITLE_LIMIT = 100  # characters of a recording's title


@dataclass(frozen=True, slots=True)
class Intent:
    """What the settings mean, checked."""

    source: Source
    engine: str
    broker: BrokerUrl | None
    engine_options: EngineOptions
    detector: str
    people: int = 1  # how many faces are read
    baseline: BaselineMode = BaselineMode.OFF
    host_print: str | None = None  # of the room's own key, where a link brought it


def check_intent(config: Config, *, allow_untrained: bool = False) -> Intent:
    """Raises InputError for a camera, detector, engine or broker setting that cannot be meant, and
    EngineUnavailable for an engine that lacks weights or packages."""
    settings = config.settings
    source = parse_source(settings.camera.source.reveal())
    if source.kind == "file":
        from resonance_tui.pipeline.camera import check_source

        check_source(source)
    options = engine_options(config, allow_untrained=allow_untrained)
    engine = settings.engine.name
    if source.kind == "none":  # no face to read, so no engine
        engines.entry(engine)
    else:
        engine = engines.resolve(engine, weights_folder(config.directories.data), options)
    detector = detectors.check(settings.camera.detector)
    people, baseline = people_read(config), baseline_named(settings.engine.baseline)
    if people > 1 and settings.viewer.private:
        raise InputError(
            mark(
                "Private reports are of one person: that others come and go in front of the camera "
                "would show."
            ),
            mark("Leave out --private, or give --people one."),
        )
    return Intent(source, engine, broker_url(config), options, detector, people, baseline)


def privacy_of(config: Config) -> PrivacyPlan:
    """What of one's own reports may be told."""
    viewer = config.settings.viewer
    return PrivacyPlan(viewer.private, viewer.epsilon, viewer.privacy_budget)


def people_read(config: Config) -> int:
    """How many faces are read at most. Raises InputError for what is neither one nor all."""
    return people_named(config.settings.camera.people)


def engine_options(config: Config, *, allow_untrained: bool = False) -> EngineOptions:
    """How to run the engine. Raises InputError for a device or precision there is not."""
    settings = config.settings.engine
    return EngineOptions(settings.device, settings.precision, allow_untrained)


def frames_a_second(config: Config) -> float | None:
    """What was asked for; None where nothing was, for as many as the engine needs."""
    is_chosen = config.origins["camera.fps"] != "default"
    return config.settings.camera.fps if is_chosen else None


def face_plan(config: Config, intent: Intent) -> FacePlan:
    """What reads faces, for those who need no session."""
    return FacePlan(
        intent.source,
        intent.engine,
        config.directories.data,
        intent.detector,
        frames_a_second(config),
        intent.engine_options,
        intent.baseline,
    )


def broker_url(config: Config) -> BrokerUrl | None:
    """The configured broker with its login; None where none is configured.

    Raises InvalidBrokerUrl; InputError for files of the settings that TLS cannot use."""
    settings = config.settings.broker
    if not settings.url:
        return None
    url = _configured(config, parse_broker_url(settings.url.reveal()))
    all_urls = (url, *url.alternates)
    flags = [name for name in ("ca", "cert", "key") if config.origins[f"broker.{name}"] == "flag"]
    if flags and not any(each.is_tls for each in all_urls):
        raise InputError(
            mark(
                "--{flags} is for a broker with TLS, and {public} has none.",
                flags=flags[0],
                public=url.public,
            ),
            mark("Write mqtts:// or wss://."),
        )
    for each in all_urls:
        if each.files is not None:
            _check_files(each.files)
    return url


def with_files(config: Config, url: BrokerUrl) -> BrokerUrl:
    """The same, and its alternates, with the files of the settings where it has TLS."""
    settings = config.settings.broker
    files = TlsFiles(settings.ca, settings.cert, settings.key, settings.key_password.reveal())
    alternates = tuple(with_files(config, each) for each in url.alternates)
    is_used = url.is_tls and files != TlsFiles(key_password=files.key_password)
    return dataclasses.replace(url, files=files if is_used else None, alternates=alternates)


@lru_cache
def _check_files(files: TlsFiles) -> None:
    from resonance_tui.messaging.tls_files import check_files

    check_files(files)


def _configured(config: Config, url: BrokerUrl) -> BrokerUrl:
    return with_files(config, _logged_in(config, url))


def _logged_in(config: Config, url: BrokerUrl) -> BrokerUrl:
    settings = config.settings.broker
    return dataclasses.replace(
        url,
        username=url.username or settings.user or None,
        password=url.password or settings.password.reveal() or None,
        pin=url.pin or (_logins(config).pin_for(url.place) if url.is_tls else None),
        alternates=tuple(_logged_in(config, each) for each in url.alternates),
    )


def _logins(config: Config) -> Logins:
    return Logins(config.directories.logins_file)


def with_login(config: Config, url: BrokerUrl, channel: str = "") -> BrokerUrl:
    """The same with the login that an invite to the channel (or to any, for what needs none in
    particular) once brought, where no other is given. It is told to the broker, or to those of
    several, with the certificate that it was made under, and to no other: a pin of another kind
    than the login's gives way to it."""
    others = tuple(_with_login(config, each, channel) for each in url.alternates)
    return dataclasses.replace(_with_login(config, url, channel), alternates=others)


def _with_login(config: Config, url: BrokerUrl, channel: str) -> BrokerUrl:
    if url.username is not None:
        return url
    logins = _logins(config)
    known = logins.find(url.place, channel, url.pin) if channel else logins.any_for(url.place)
    if known is None:
        return url
    pins = [known.pin, logins.pin_for(url.place) or ""]
    if url.pin not in (None, *pins) and len(url.pin) in map(len, pins):
        return url
    return dataclasses.replace(
        url, username=known.user, password=known.password, pin=known.pin or None
    )


def broker_or_default(config: Config) -> BrokerUrl:
    """The configured broker, or the one that this machine would run."""
    return broker_url(config) or parse_broker_url(DEFAULT_BROKER_URL)


def plan_session(
    config: Config,
    intent: Intent,
    profile: Profile,
    channel: str,
    nickname: str,
    *,
    once: bool = False,
    database: Path | None = None,
    is_recording: bool = True,
    title: str = "",
    remark: str = "",
    observe_only: bool = False,
) -> SessionPlan:
    """What a session needs to start. `channel` and `nickname` are already checked.

    `database`: where to record, from the start (`is_recording`) or once it is switched on. Raises
    InputError for a title that may hold a secret: it is kept, and shown with the history.
    """
    _check_title(title)
    profile.remember_channel(channel)
    broker = with_login(config, intent.broker, channel) if intent.broker else None
    plan = SessionPlan(
        channel=channel,
        nickname=nickname,
        viewer_id=new_viewer_id(),
        boot=profile.next_boot(time.time()),
        broker=broker,
        source=intent.source,
        engine=intent.engine,
        data_dir=config.directories.data,
        engine_options=intent.engine_options,
        detector=intent.detector,
        fps=frames_a_second(config),
        baseline=intent.baseline,
        once=once,
        database=database,
        is_recording=is_recording,
        title=safe_text(title, TITLE_LIMIT),
        sinks=registry.plans(config, channel) if database and is_recording else (),
        find_sinks=partial(registry.plans, config, channel),
        remark=remark,
        observe_only=observe_only,
    )
    plan = _with_host(plan, config, intent, profile)
    return plan if observe_only else _with_viewer(plan, config, intent, profile)


def _check_title(title: str) -> None:
    if may_hold_secret(title):
        raise InputError(
            mark("That title may hold a key or a password."), mark("Choose other words.")
        )


def _with_host(plan: SessionPlan, config: Config, intent: Intent, profile: Profile) -> SessionPlan:
    """The same, with what this machine knows of the room's host, and where it keeps that."""
    channel, place = plan.channel, _place(plan)
    return dataclasses.replace(
        plan,
        host_print=intent.host_print,
        known_host=_known_host(config, profile, channel, place),
        remember_host=partial(_remember_host, profile, channel, place),
        has_key=_has_key(config, channel),
        remember_removal=partial(_remember_removal, profile, channel, place),
    )


def _with_viewer(
    plan: SessionPlan, config: Config, intent: Intent, profile: Profile
) -> SessionPlan:
    """The same for somebody who is in the room, as one that observes is not."""
    channel = plan.channel
    return dataclasses.replace(
        plan,
        viewer_id=_viewer_id(plan, intent, profile),
        people=intent.people,
        privacy=privacy_of(config),
        wear_badge=_badge_of(config, channel),
        was_removed=profile.room(channel).removed_from == _place(plan),
    )


def _place(plan: SessionPlan) -> str:
    """Of the broker at which the room is."""
    return (plan.broker or parse_broker_url(DEFAULT_BROKER_URL)).place


def _viewer_id(plan: SessionPlan, intent: Intent, profile: Profile) -> str:
    """An account of our own, by whose name the broker knows us; else as the room knew us before."""
    broker, typed = plan.broker, intent.broker
    if broker and typed and broker.username and not typed.username:
        return broker.username
    return profile.claim_viewer_id(plan.channel, new_viewer_id)


def _known_host(config: Config, profile: Profile, channel: str, broker: str) -> KnownHost | None:
    """As the room was at that broker (scheme://host:port) before; else by the key with which this
    machine hosts or co-hosts it; else as one of that name was at another broker."""
    here = profile.host(channel, broker)
    if here is not None and (known := _known(here.key, here.rule_number)) is not None:
        return known
    with contextlib.suppress(StoreError):  # who wants to rule with it is told
        ours = own_keys(config.directories).find(channel)
        if ours is not None:
            running = all_running(config.directories.broker_folder)
            is_here = any(each.login.place == broker for each in running)
            return KnownHost(ours.host_public, is_elsewhere=not is_here)
    room = profile.room(channel)
    known = _known(room.host_key, room.rule_number)
    return dataclasses.replace(known, is_elsewhere=_last_at(room) != broker) if known else None


def _has_key(config: Config, channel: str) -> bool:
    with contextlib.suppress(StoreError):
        return own_keys(config.directories).find(channel) is not None
    return False


def _badge_of(
    config: Config, channel: str
) -> Callable[[BrokerUrl, str], Coroutine[Any, Any, None]] | None:
    """For whoever has the room's own key; co-hosts get one where the host gives it."""
    keys = own_keys(config.directories)
    with contextlib.suppress(StoreError):
        key = keys.find(channel)
        if key is not None and key.is_host:
            from resonance_tui.hosting.badge import wear_badge

            return partial(wear_badge, keys, key)
    return None


def _known(digits: str, number: int) -> KnownHost | None:
    """None for what is no key in hexadecimal digits."""
    with contextlib.suppress(ValueError):
        key = bytes.fromhex(digits)
        if len(key) == KEY_BYTES:
            return KnownHost(key, number)
    return None


def _last_at(room: RoomMemory) -> str:
    with contextlib.suppress(InvalidBrokerUrl):  # of a newer program, or damaged
        return parse_broker_url(room.broker or DEFAULT_BROKER_URL).place
    return ""


def known_authority(config: Config, url: BrokerUrl, channel: str) -> Authority:
    """What this machine knows of a room's host, for what runs without a session."""
    from resonance_tui.room.authority import Authority, certificate_print

    profile = Profile(config.directories.profile_file)
    known = _known_host(config, profile, channel, url.place)
    return Authority(
        channel,
        spki_print=certificate_print(url.pin),
        remembered=known.key if known else None,
        is_elsewhere=known is not None and known.is_elsewhere,
        highest_number=known.number if known else 0,
    )


def _remember_host(profile: Profile, channel: str, broker: str, known: KnownHost) -> None:
    profile.remember_host(HostMemory(channel, broker, known.key.hex(), known.number))


def _remember_removal(profile: Profile, channel: str, broker: str, is_removed: bool) -> None:
    if is_removed or profile.room(channel).removed_from == broker:
        profile.remember_room(channel, removed_from=broker if is_removed else "")
