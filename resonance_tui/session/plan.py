"""What is decided before a session starts, and how its link is made."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from resonance_tui.engines.base import EngineOptions
from resonance_tui.pipeline.baseline import BaselineMode
from resonance_tui.pipeline.face_plan import FacePlan
from resonance_tui.pipeline.sources import Source
from resonance_tui.protocol.urls import BrokerUrl
from resonance_tui.session.privacy import PrivacyPlan
from resonance_tui.sinks.base import SinkPlan

if TYPE_CHECKING:  # a screen plans a session before it loads what runs one
    from resonance_tui.messaging.link import Link


@dataclass(frozen=True, slots=True)
class KnownHost:
    """A room's host as it was known before."""

    key: bytes  # the room's own, 32 bytes
    number: int = 0  # the highest of its rules
    is_elsewhere: bool = False  # known from another broker: one with another key may be here


@dataclass(frozen=True, slots=True)
class SessionPlan:
    """Everything decided before a session starts."""

    channel: str
    nickname: str
    viewer_id: str
    boot: int
    broker: BrokerUrl | None  # None: the default address, or a local broker of our own
    source: Source
    engine: str
    data_dir: Path
    engine_options: EngineOptions = field(default_factory=EngineOptions)
    detector: str = "auto"
    fps: float | None = None  # None: as many frames a second as the engine's clips need
    people: int = 1  # how many faces are read, each as a viewer of its own
    baseline: BaselineMode = BaselineMode.OFF  # where each person's neutral comes from
    once: bool = False
    database: Path | None = None  # record there
    is_recording: bool = True  # from the start; else once it is switched on
    title: str = ""  # of the recording
    sinks: tuple[SinkPlan, ...] = ()  # and bring what is recorded there
    find_sinks: Callable[[], tuple[SinkPlan, ...]] | None = None  # once it is switched on
    remark: str = ""  # on how the broker was chosen, said first
    observe_only: bool = False  # a logger: sees the room without being counted
    host_print: str | None = None  # of the room's own key, by the link; 32 hexadecimal digits
    known_host: KnownHost | None = None  # of an earlier run
    remember_host: Callable[[KnownHost], None] | None = None  # called in a thread
    has_key: bool = False  # this machine has a key of the room: it is the host's, or a co-host's
    wear_badge: Callable[[BrokerUrl, str], Coroutine[Any, Any, None]] | None = None  # as its host
    team: str = ""  # to join, where the host has one of that name
    privacy: PrivacyPlan = field(default_factory=PrivacyPlan)
    was_removed: bool = False  # by this room's host, in an earlier run
    remember_removal: Callable[[bool], None] | None = None  # that we were, or are let in again

    @property
    def face(self) -> FacePlan:
        """What reads the faces."""
        return FacePlan(
            self.source,
            self.engine,
            self.data_dir,
            self.detector,
            self.fps,
            self.engine_options,
            self.baseline,
        )


LinkFactory = Callable[[BrokerUrl, SessionPlan, str], "Link"]  # broker, plan, own id


def open_link(broker: BrokerUrl, plan: SessionPlan, viewer_id: str) -> Link:
    """The link of a session over MQTT, not yet connected."""
    from resonance_tui.messaging.link import MqttLink

    return MqttLink(broker, plan.channel, viewer_id, observe_only=plan.observe_only)
