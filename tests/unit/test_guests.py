"""The others in front of one camera: when each joins, leaves, and what they are called."""

from __future__ import annotations

import pytest

from resonance_tui.pipeline.face_status import COUNT_HOLDS_S, FaceCount
from resonance_tui.protocol.sanitize import NICKNAME_LIMIT, clean_nickname
from resonance_tui.session.events import faces_text
from resonance_tui.session.guests import (
    JOINS_AFTER_S,
    LEAVES_AFTER_S,
    Presence,
    guest_name,
)


def test_who_walks_through_the_picture_never_joins() -> None:
    person = Presence()
    assert not person.look(True, 10.0)
    assert not person.look(True, 10.0 + 0.9 * JOINS_AFTER_S)
    assert not person.look(False, 10.1 + JOINS_AFTER_S)
    assert not person.look(True, 10.2 + JOINS_AFTER_S)
    assert person.look(True, 10.2 + 2 * JOINS_AFTER_S)


def test_who_is_away_for_a_while_stays_and_leaves_after_that() -> None:
    person = Presence()
    person.look(True, 0.0)
    assert person.look(True, JOINS_AFTER_S)
    assert person.look(False, 10.0)
    assert person.look(False, 9.9 + LEAVES_AFTER_S)
    assert person.look(True, 10.0 + LEAVES_AFTER_S), "back in time"
    assert person.look(False, 50.0)
    assert not person.look(False, 50.0 + LEAVES_AFTER_S)


@pytest.mark.parametrize("nickname", ["Mia", "W" * NICKNAME_LIMIT, "三" * (NICKNAME_LIMIT // 2)])
def test_a_guest_has_the_name_of_the_first_with_a_number(nickname: str) -> None:
    name = guest_name(nickname, 3)
    assert name.endswith(" 4") and name[0] == nickname[0]
    assert clean_nickname(name) == name


def test_guests_of_an_anonymous_viewer_are_anonymous() -> None:
    assert guest_name("", 1) == ""


@pytest.mark.parametrize(
    ("faces", "reads", "said"),
    [
        (0, 1, ""),
        (1, 4, ""),
        (2, 1, "2 faces; the nearest is read"),
        (3, 4, "3 faces, each is read"),
        (4, 4, "4 faces or more; 4 are read"),
        (4, 1, "4 faces or more; the nearest is read"),
        (6, 4, "6 faces; 4 are read"),
    ],
)
def test_how_many_faces_are_there_and_read_is_said(faces: int, reads: int, said: str) -> None:
    assert faces_text(faces, reads) == said


def test_a_number_of_faces_that_flickers_is_not_shown() -> None:
    count = FaceCount()
    assert not count.see(1, 0.0)
    assert count.see(1, COUNT_HOLDS_S) and count.shown == 1
    shown = [count.see(2 if k % 2 else 1, 1 + k / 10) for k in range(31)]
    assert not any(shown) and count.shown == 1
    count.see(2, 5.0)
    assert count.see(2, 5.1 + COUNT_HOLDS_S) and count.shown == 2
