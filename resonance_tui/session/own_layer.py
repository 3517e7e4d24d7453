"""Brings the own late reaction into the history database while it is made."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path

import numpy as np

from resonance_tui.errors import StoreError
from resonance_tui.history.layer_store import keep_own
from resonance_tui.history.layers import Table
from resonance_tui.history.store import Store

EVERY_S = 2.0

log = logging.getLogger(__name__)


class OwnLayer:
    """The layer `name` of a recording of `channel`. `trouble`: why rows wait; "" while all is
    stored. Used on the loop's thread."""

    def __init__(self, database: Path, channel: str, name: str) -> None:
        self._database, self._channel, self._name = database, channel, name
        self._waiting: list[Table] = []
        self.trouble = ""

    def add(self, rows: Table) -> None:
        """Rows to store, a few seconds later at most."""
        if len(rows):
            self._waiting.append(rows)

    async def run(self) -> None:
        """Store what was added until cancelled, and the rest then. Raises StoreError for a rest
        that cannot be stored."""
        try:
            while True:
                await asyncio.sleep(EVERY_S)
                await self._try_to_store()
        finally:
            self._store(self._waiting)

    async def _try_to_store(self) -> None:
        waiting, self._waiting = self._waiting, []
        storing = asyncio.ensure_future(asyncio.to_thread(self._store, waiting))
        try:
            await asyncio.shield(storing)
            self.trouble = ""
        except StoreError as error:
            log.warning("the own layer waits: %s", error.message)
            self._waiting = [*waiting, *self._waiting]
            self.trouble = error.message
        except asyncio.CancelledError:
            await storing  # two writers at once would wait for each other
            raise

    def _store(self, tables: list[Table]) -> None:
        if tables:
            with Store(self._database) as store:
                keep_own(store, self._channel, self._name, np.concatenate(tables))
