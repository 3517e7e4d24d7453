"""Who is announced as coming and going, with time passed in."""

from __future__ import annotations

from dataclasses import replace

from resonance_tui.emotions import Emotion
from resonance_tui.room.arrivals import GAP_S, SMALL_ROOM, Arrivals
from resonance_tui.room.state import RoomSnapshot, ViewerRow

OWN = "own00000"


def room(*names: str, viewers: int | None = None, is_total: bool = False) -> RoomSnapshot:
    """A room of these people, whose id is their name; one that begins with "-" has no nickname."""
    rows = [
        ViewerRow(name, name.lstrip("-") * (name[0] != "-"), Emotion.NEUTRAL, 50, *[False] * 3)
        for name in (OWN, *names)
    ]
    count = len(rows) if viewers is None else viewers
    empty = frozenset[str]()
    return RoomSnapshot(count, (0,) * 7, count, 0, tuple(rows), empty, empty, is_total)


class Told:
    """Plays rooms by the second and keeps what was announced."""

    def __init__(self, **options) -> None:
        self.arrivals, self.options = Arrivals(), options
        self.now, self.came, self.went = 0.0, [], []

    def play(self, shown: RoomSnapshot, seconds: float = 10.0) -> Told:
        for _ in range(round(seconds * 4)):
            came, went = self.arrivals.take(shown, self.now, own_id=OWN, **self.options)
            self.came += [came] if came else []
            self.went += [went] if went else []
            self.now += 0.25
        return self


def test_nobody_is_announced_who_was_there_before() -> None:
    told = Told().play(room("Mia", "Zoë"))
    assert (told.came, told.went) == ([], [])


def test_one_who_comes_and_goes_is_announced_each_time() -> None:
    told = Told().play(room()).play(room("Mia")).play(room()).play(room("Mia"))
    assert (told.came, told.went) == ([("Mia",), ("Mia",)], [("Mia",)])


def test_who_comes_at_the_same_time_is_announced_together() -> None:
    told = Told().play(room()).play(room("zoë"), 0.5).play(room("zoë", "Mia", "Ann"))
    assert told.came == [("Ann", "Mia", "zoë")]


def test_a_stream_of_people_is_told_at_most_every_few_seconds() -> None:
    told, names = Told().play(room()), [f"p{i:02d}" for i in range(20)]
    for i in range(20):
        told.play(room(*names[: i + 1]), 1.0)
    told.play(room(*names))
    assert len(told.came) <= 20 / GAP_S + 2
    assert sorted(name for group in told.came for name in group) == names


def test_a_name_that_follows_its_report_is_used() -> None:
    shown = room("-x")
    named = replace(shown, rows=(shown.rows[0], replace(shown.rows[1], nickname="Mia")))
    assert Told().play(room()).play(shown, 0.5).play(named).came == [("Mia",)]


def test_the_anonymous_are_not_announced() -> None:
    told = Told().play(room()).play(room("-x", "-y")).play(room())
    assert (told.came, told.went) == ([], [])


def test_a_connection_made_anew_is_neither_leaving_nor_coming() -> None:
    told = Told().play(room("Mia")).play(room(), 1.0).play(room("Mia"))
    assert (told.came, told.went) == ([], [])


def test_one_who_only_looks_in_for_a_moment_is_not_announced() -> None:
    told = Told().play(room()).play(room("Mia"), 0.5).play(room())
    assert (told.came, told.went) == ([], [])


def test_in_a_large_room_nobody_is_announced_and_nobody_when_it_shrinks() -> None:
    names = [f"p{i:02d}" for i in range(SMALL_ROOM + 5)]
    told = Told().play(room("Mia")).play(room(*names)).play(room("Zoë"))
    told.play(room("Zoë", viewers=500, is_total=True)).play(room("Ann"))
    assert (told.came, told.went) == ([], [])
    assert told.play(room("Ann", "Mia")).came == [("Mia",)]


def test_a_hidden_nickname_is_not_announced() -> None:
    told = Told(hidden=("Mia",)).play(room()).play(room("Mia", "Zoë")).play(room())
    assert (told.came, told.went) == ([("Zoë",)], [("Zoë",)])


def test_a_nickname_hidden_as_its_owner_is_removed_is_not_announced() -> None:
    told = Told(hidden=()).play(room("Mia"))
    told.options = {"hidden": ("Mia",)}
    assert told.play(room()).went == []


def test_oneself_is_not_announced() -> None:
    without = replace(room("Mia"), rows=room("Mia").rows[1:])
    told = Told().play(without).play(room("Mia"))
    assert (told.came, told.went) == ([], [])


def test_a_rule_for_small_rooms_that_begins_or_ends_is_nobody_who_comes_or_goes() -> None:
    told, everybody = Told(), room("Mia", "Zoë")
    alone = replace(room(), viewers=3, least=3)
    told.play(everybody).play(alone).play(everybody).play(room("Mia", "Zoë", "Ann"))
    assert (told.came, told.went) == ([("Ann",)], [])
