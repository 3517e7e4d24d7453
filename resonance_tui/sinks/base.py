"""What a sink is, and what a command or a session may ask of one."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal

from resonance_tui.listeners import Listeners

if TYPE_CHECKING:  # the command line loads this module for its help
    from resonance_tui.config import Config
    from resonance_tui.history.samples import Sample
    from resonance_tui.history.store import Store


@dataclass(frozen=True, slots=True)
class SinkPlan:
    """Where one recording goes besides the database, decided before the session starts."""

    sink: str  # name in the registry
    config: Config
    target: str  # in the sink's own terms: the id of a spreadsheet, the path of a file


@dataclass(frozen=True, slots=True)
class Check:
    """What `doctor` says about a sink."""

    verdict: Literal["ok", "warn", "fail"]
    text: str
    advice: str = ""


class Sink(ABC):
    """A second place for recorded rows.

    The class answers commands. An object brings the rows of one channel there while a recording
    goes on. It reads them from the database, which holds them first, and notes there what has
    arrived: it may be killed at any point. All its methods are called on one thread, which may
    block: `open`, then `step` again and again, then `close`.
    """

    name: ClassVar[str]  # the same as in the registry
    migrations: ClassVar[tuple[str, ...]] = ()  # SQL of its own tables: see `tables.open_tables`

    def __init__(
        self, plan: SinkPlan, channel: str, started: int, tell: Callable[[str], None]
    ) -> None:
        """`started`: epoch second of the recording. `tell` takes news for a person, from any
        thread."""
        self.plan = plan
        self.channel = channel
        self.started = started
        self.tell = Listeners(tell)

    # One recording

    @abstractmethod
    def open(self, store: Store) -> None:
        """Prepares for `step`. After a StoreError it is called again; any other ResonanceError
        ends the sink for this recording. `store` stays open until after `close`."""

    @abstractmethod
    def step(self) -> float | None:
        """Does the next thing, if it may be done now. Returns the seconds to wait before the one
        after it, or None when everything recorded so far has arrived.

        What may work later goes into `trouble` and is tried again. Raises StoreError, which is
        tried again, too, and any other ResonanceError for what a person has to fix.
        """

    @abstractmethod
    def close(self) -> None:
        """Releases what `open` took; called only after `open` has worked."""

    @property
    @abstractmethod
    def trouble(self) -> str:
        """Why the last step did not work, as a sentence; "" when it did."""

    @property
    @abstractmethod
    def is_hopeless(self) -> bool:
        """Whether steps have failed so often in a row that a notice is due."""

    # What commands ask

    @classmethod
    @abstractmethod
    def target(cls, config: Config, channel: str) -> str | None:
        """Where rows of the channel go; None when they go nowhere. Raises InputError for a setting
        that names no target."""

    @classmethod
    @abstractmethod
    def choose_target(cls, config: Config, channel: str, target: str) -> Config:
        """Store `target`, an option of `log`, as where rows of the channel go from now on. Returns
        the config to go on with. Raises InputError, and StoreError."""

    @classmethod
    @abstractmethod
    def check(cls, config: Config) -> Check:
        """What works of it on this machine; sends nothing."""

    @classmethod
    @abstractmethod
    def read(
        cls,
        config: Config,
        channel: str,
        start: int | None,
        end: int | None,
        tell: Callable[[str], None],
    ) -> list[Sample]:
        """The rows that the sink holds from `start` to `end` (epoch seconds, both included),
        oldest first, each second and source once. Raises ResonanceError."""

    @classmethod
    @abstractmethod
    def sent(cls, store: Store, channel: str) -> int:
        """How many rows of the channel have arrived. Raises StoreError."""

    @classmethod
    def resume_command(cls, channel: str) -> str:
        """What to type to send what is left."""
        return f"resonance-tui log {channel}"
