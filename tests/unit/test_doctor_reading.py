"""`doctor` on what viewers' programs may read at a broker."""

from __future__ import annotations

import pytest

from resonance_tui.commands.doctor import read_by_viewers
from resonance_tui.messaging.permissions import RoomsRead
from resonance_tui.protocol.urls import BrokerUrl, parse_broker_url


@pytest.mark.parametrize(
    ("rooms", "words", "is_broken"),
    [
        (RoomsRead(), "no room is announced", False),
        (RoomsRead(("dogs",), ("cats",)), "totals alone in cats and every report in dogs", False),
        (RoomsRead((), ("cats",), ("cats",)), "reads reports of others in cats", True),
    ],
)
def test_it_tells_which_rooms_are_read_whole(
    rooms: RoomsRead, words: str, is_broken: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def found(_url: BrokerUrl) -> RoomsRead:
        return rooms

    monkeypatch.setattr("resonance_tui.messaging.permissions.rooms_read", found)
    said, broken = read_by_viewers(parse_broker_url("mqtt://mia:pw@127.0.0.1"))
    assert words in said and broken is is_broken


def test_without_a_login_anybody_reads_everything() -> None:
    said, broken = read_by_viewers(parse_broker_url("mqtt://127.0.0.1"))
    assert "courtesy" in said and not broken
