"""A sink that takes rows as they are: a subclass says only how to add some."""

from __future__ import annotations

import random
import time
from abc import abstractmethod
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import ClassVar

from resonance_tui.config import Config
from resonance_tui.errors import InputError, StoreError, in_words
from resonance_tui.history.samples import Sample
from resonance_tui.history.store import Store
from resonance_tui.secret import may_hold_secret
from resonance_tui.sinks import deliveries
from resonance_tui.sinks.backoff import Backoff
from resonance_tui.sinks.base import Check, Sink, SinkPlan


class RowSink(Sink):
    """Brings every recorded row of a channel to `add`, also those from before the sink was chosen.

    A row counts as delivered once `add` has returned. After a crash in between it is added again.
    """

    batch_rows: ClassVar[int] = 60
    writes_a_minute: ClassVar[int] = 60

    def __init__(
        self, plan: SinkPlan, channel: str, started: int, tell: Callable[[str], None]
    ) -> None:
        super().__init__(plan, channel, started, tell)
        self._backoff = Backoff(self.writes_a_minute)
        self._trouble = ""
        self._deliveries: deliveries.Deliveries | None = None

    @abstractmethod
    def add(self, rows: Sequence[Sample]) -> None:
        """Puts the rows into the target, oldest first; returns when they are safe there.

        A row whose channel, second and source are there already is left out. Raises OSError for
        what may work later and ResonanceError for what a person has to fix.
        """

    def open(self, store: Store) -> None:
        self._deliveries = deliveries.Deliveries(store, self.name, self.channel)

    def close(self) -> None:
        """Nothing to release unless a subclass took something."""

    def step(self) -> float | None:
        assert self._deliveries is not None, "open comes first"
        if wait := self._backoff.wait_s(time.monotonic()):
            return wait
        rows = self._deliveries.waiting(self.batch_rows)
        if not rows:
            return None
        self._backoff = self._backoff.tried(time.monotonic())
        try:
            self.add(rows)
        except OSError as error:
            self._backoff = self._backoff.failed(time.monotonic(), random.random())
            self._trouble = f"{in_words(error).rstrip('.')}."
        else:
            self._deliveries.confirm(rows)
            self._backoff, self._trouble = self._backoff.worked(), ""
        return self._backoff.wait_s(time.monotonic())

    @property
    def trouble(self) -> str:
        return self._trouble

    @property
    def is_hopeless(self) -> bool:
        return self._backoff.is_hopeless

    @classmethod
    def checked_target(cls, target: str) -> str:
        """The target as it is kept. Raises InputError for one that cannot be meant, and for one
        that may hold a secret: it is kept as plain text."""
        if may_hold_secret(target):
            raise InputError("That target may hold a key or a password.", "Leave it out.")
        return target

    @classmethod
    def target(cls, config: Config, channel: str) -> str | None:
        return cls._targets(config).get(channel)

    @classmethod
    def choose_target(cls, config: Config, channel: str, target: str) -> Config:
        checked = cls.checked_target(target)
        with Store(config.database) as store:
            deliveries.set_target(store, cls.name, channel, checked)
        return config

    @classmethod
    def check(cls, config: Config) -> Check:
        chosen = cls._targets(config)
        return Check("ok", f"takes rows of {', '.join(chosen)}" if chosen else "nothing goes there")

    @classmethod
    def read(
        cls,
        config: Config,
        channel: str,
        start: int | None,
        end: int | None,
        tell: Callable[[str], None],
    ) -> list[Sample]:
        raise InputError(f"Rows cannot be read back from {cls.name}.", "Leave --source out.")

    @classmethod
    def sent(cls, store: Store, channel: str) -> int:
        return deliveries.confirmed(store, cls.name, channel)

    @classmethod
    def _targets(cls, config: Config) -> dict[str, str]:
        if config.database.exists():
            with suppress(StoreError), Store(config.database, read_only=True) as store:
                return deliveries.targets(store, cls.name)
        return {}  # or a database that the recorder will complain about
