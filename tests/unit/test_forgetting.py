"""What a host is told of a viewer who asks to be forgotten."""

from __future__ import annotations

from pathlib import Path

from resonance_tui.commands.room.forgetting import forget_lines
from resonance_tui.history.samples import Sample
from resonance_tui.history.store import Store
from resonance_tui.room.attendance import Attendee

T0 = 1_795_345_200


def fill(store: Store, start: int, *viewers: int) -> None:
    counts = (0,) * 7
    store.append(
        Sample("lobby", start + second, people, counts, people, 0)
        for second, people in enumerate(viewers)
    )


def told(path: Path, since: float) -> str:
    mia = Attendee("mia", "Mia", since, 1.0, asks_to_be_forgotten=True)
    assert "asks-to-be-forgotten" in mia.marks
    return "\n".join(forget_lines(path, "lobby", mia))


def test_sessions_in_which_a_viewer_was_are_named_with_what_they_tell(tmp_path: Path) -> None:
    path = tmp_path / "history.sqlite"
    with Store(path) as store:
        fill(store, T0, 1, 1)  # before
        fill(store, T0 + 5000, 1, 3, 2)
        fill(store, T0 + 10_000, 3, 3)
    text = told(path, T0 + 5001)
    assert "Mia, here since" in text and "room forgotten lobby mia" in text
    late, early = text.split("--session 1")[1].split("--session 2")
    assert "nobody can be taken out" in late and "one or two viewers" in early
    assert "--session 3" not in text
    assert "one or two" not in told(path, T0 + 10_000)


def test_where_nothing_was_recorded_that_is_said(tmp_path: Path) -> None:
    assert "recorded nothing" in told(tmp_path / "none.sqlite", T0)
