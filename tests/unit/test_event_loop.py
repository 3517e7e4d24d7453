"""How a command's loop ends when it is told to."""

from __future__ import annotations

import asyncio
import os
import signal
import sys

import pytest

from resonance_tui.commands.event_loop import _until_terminated

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGTERM")


def test_a_second_sigterm_does_not_cut_the_clean_up_short() -> None:
    steps: list[str] = []

    async def main() -> None:
        try:
            os.kill(os.getpid(), signal.SIGTERM)
            await asyncio.Event().wait()
        finally:
            os.kill(os.getpid(), signal.SIGTERM)
            await asyncio.sleep(0.05)
            steps.append("cleaned up")

    with pytest.raises(KeyboardInterrupt):
        asyncio.run(_until_terminated(main))
    assert steps == ["cleaned up"]
