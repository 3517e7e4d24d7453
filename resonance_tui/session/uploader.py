"""Brings a recording to the Google sheet beside the room, which never waits for it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from pathlib import Path

from resonance_tui.errors import ResonanceError, StoreError, in_words
from resonance_tui.listeners import Listeners
from resonance_tui.pipeline.worker import Worker
from resonance_tui.sinks.sheets.upload import SheetPlan, Upload

INTERVAL_S = 15.0  # between two looks for new rows: four writes a minute
LAST_TRIES = 3  # failures in a row: who is offline leaves at once
FINISH_S = 5.0  # that who leaves waits at most for the last rows

log = logging.getLogger(__name__)


class Uploader:
    """What does not arrive stays in the outbox: `notice` says so, and `sheets sync` sends it."""

    def __init__(
        self, plan: SheetPlan, channel: str, database: Path, notice: Callable[[str], None]
    ) -> None:
        self._channel = channel
        self._notice = Listeners(notice)
        loop = asyncio.get_running_loop()

        def tell(text: str) -> None:
            loop.call_soon_threadsafe(self._notice, text)

        self._upload = Upload(plan, channel, database, tell)
        self._worker = Worker("sheets")
        self._is_stopped = False

    async def run(self) -> None:
        """Until cancelled, or until Google refuses for good."""
        while not self._is_stopped:
            wait = await self._step()
            await asyncio.sleep(INTERVAL_S if wait is None else wait)

    async def finish(self) -> None:
        """After the last row was stored: sends the rest as far as FINISH_S allows."""
        is_done = False
        try:
            async with asyncio.timeout(FINISH_S):
                is_done = await self._send_rest()
        except TimeoutError:
            pass
        finally:
            self._worker.close(self._upload.close)
        if not is_done and not self._is_stopped:
            self._notice(
                "The last rows are not in the sheet yet; they are kept: "
                f"resonance-tui sheets sync {self._channel}"
            )

    async def _send_rest(self) -> bool:
        failures = LAST_TRIES - 1 if self._upload.is_in_trouble else 0
        while not self._is_stopped:
            wait = await self._step()
            if wait is None:
                return not self._is_stopped
            failures = failures + 1 if self._upload.is_in_trouble else 0
            if failures >= LAST_TRIES:
                break
            await asyncio.sleep(wait)
        return False

    async def _step(self) -> float | None:
        try:
            return await self._worker.do(self._upload.step)
        except StoreError as error:
            self._notice(f"The sheet has to wait: {error.message}")
            return INTERVAL_S
        except ResonanceError as error:
            self._stop(in_words(error))
        except Exception as error:  # whatever it is, the room goes on
            log.exception("the upload ended")
            self._stop(in_words(error))
        return None

    def _stop(self, why: str) -> None:
        self._is_stopped = True
        self._notice(f"Nothing more goes into the sheet, all is kept here: {why}")
