"""Work with an end that is part of the plan, not a failure."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any


async def for_seconds(work: Coroutine[Any, Any, Any], seconds: float | None) -> None:
    """Await `work`; cancel it in good order after `seconds` if it has not ended by itself.

    A TimeoutError of `work` itself is raised.
    """
    limit = asyncio.timeout(seconds)
    try:
        async with limit:
            await work
    except TimeoutError:
        if not limit.expired():
            raise
