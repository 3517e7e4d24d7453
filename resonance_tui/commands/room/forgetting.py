"""What a host is told of a viewer who asks to be forgotten: which recordings, and what to run."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from resonance_tui.errors import StoreError
from resonance_tui.history.store import Store
from resonance_tui.room.attendance import Attendee

FEW = 2  # viewers: who knows that they were there, and how one felt, knows both


def forget_lines(database: Path, channel: str, viewer: Attendee) -> Iterator[str]:
    """For a person. A recording holds no names, so of many viewers it holds nobody."""
    name = viewer.nickname or viewer.viewer_id
    since = time.strftime("%H:%M", time.localtime(viewer.since))
    yield f"{name}, here since {since}, asks to be forgotten."
    numbers = dict(_sessions(database, channel, int(viewer.since)))
    if not numbers:
        yield "  This machine has recorded nothing since."
    for number, is_telling in numbers.items():
        yield f"  resonance-tui history forget {channel} --session {number}"
        if is_telling:
            yield "    it has seconds of one or two viewers, which tell how they felt"
        else:
            yield "    counts of more than two viewers: nobody can be taken out, or found in them"
    yield f"  Then tell them: resonance-tui room forgotten {channel} {viewer.viewer_id}"


def _sessions(database: Path, channel: str, since: int) -> Iterator[tuple[int, bool]]:
    """Number of each session that goes on since then, and whether it tells of single viewers."""
    with suppress(StoreError), Store(database, read_only=True) as store:
        for number, span in enumerate(reversed(store.sessions(channel)), start=1):
            if span.end >= since:
                rows = store.read(channel, max(span.start, since), span.end)
                yield number, any(row.viewers <= FEW for row in rows)
