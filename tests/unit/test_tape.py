"""What OBS has written, as stretches without a pause; any moment is found in them."""

from __future__ import annotations

import pytest

from resonance_tui.obs.protocol import Event
from resonance_tui.obs.record_clock import HELD_BACK_S, Position
from resonance_tui.obs.tape import Tape


def state(name: str, output: str = "Record", path: str | None = None) -> Event:
    data = {"outputActive": False, "outputState": f"OBS_WEBSOCKET_OUTPUT_{name}"}
    return Event(f"{output}StateChanged", data | {"outputPath": path})


def split(path: str) -> Event:
    return Event("RecordFileChanged", {"newOutputPath": path})


def played(*events: tuple[float, Event]) -> Tape:
    tape = Tape("Record")
    for at, event in events:
        tape.take(event, at)
    return tape


RUN = (
    (10.0, state("STARTED", path="/v/a.mkv")),
    (20.0, state("PAUSED")),
    (25.0, state("RESUMED")),
    (40.0, split("/v/b.mkv")),
    (50.0, state("STOPPING")),
    (50.1, state("STOPPED", path="/v/a.mkv")),
)


@pytest.mark.parametrize(
    ("at", "place"),
    [
        (9.9, None),
        (12.0, Position("/v/a.mkv", 2.0, True)),
        (22.0, None),
        (30.0, Position("/v/a.mkv", 15.0, True)),
        (41.0, Position("/v/b.mkv", 1.0, True)),
        (51.0, None),
    ],
)
def test_any_moment_is_found_afterwards(at: float, place: Position | None) -> None:
    """Through a pause and a split, long after the recording has ended."""
    tape = played(*RUN, (100.0, state("STARTED", path="/v/c.mkv")))
    assert tape.position(at) == place


def test_a_moment_just_before_a_pause_has_its_place_during_the_pause() -> None:
    """What the room shows is clear a second after it began."""
    assert played(*RUN[:2]).position(19.5) == Position("/v/a.mkv", 9.5, True)


def test_an_obs_that_names_the_file_at_the_end_alone_names_what_was_written_before() -> None:
    tape = played((0.0, state("STARTED")), (5.0, state("PAUSED")), (6.0, state("RESUMED")))
    assert {each.file for each in tape.stretches} == {""}
    tape.take(state("STOPPED", path="/v/a.mkv"), 9.0)
    assert {each.file for each in tape.stretches} == {"/v/a.mkv"}


def test_the_first_file_alone_gets_the_name_that_the_end_tells_of_one_that_was_split() -> None:
    tape = played((0.0, state("STARTED")), (5.0, split("/v/b.mkv")))
    tape.take(state("STOPPED", path="/v/a.mkv"), 9.0)
    assert [each.file for each in tape.stretches] == ["/v/a.mkv", "/v/b.mkv"]


def test_who_ended_it_is_told_apart() -> None:
    tape = played((0.0, state("STARTED")))
    assert not tape.take(state("STOPPING"), 5.0)
    assert not tape.take(state("STOPPED"), 5.1)
    tape.take(state("STARTED"), 6.0)
    assert tape.take(state("STOPPED"), 7.0)  # nobody had asked for it: a full disk
    assert not tape.take(state("STOPPED"), 8.0)


def test_attached_later_a_place_is_about_right_and_marked_so() -> None:
    tape = Tape("Record")
    tape.attach(100.0, 20.0, is_active=True, is_paused=False)
    assert tape.position(101.0) == Position("", pytest.approx(21.0 + HELD_BACK_S), False)
    tape.take(state("STOPPED", path="/v/a.mkv"), 105.0)
    place = tape.position(101.0)
    assert place is not None and place.file == "/v/a.mkv"


def test_a_recording_that_ran_on_while_obs_was_not_heard_stays_exact() -> None:
    tape = played((0.0, state("STARTED", path="/v/a.mkv")))
    tape.lose(10.0)
    tape.attach(30.0, 29.4, is_active=True, is_paused=False)
    assert tape.position(20.0) == Position("/v/a.mkv", 20.0, True)
    assert tape.position(31.0) == Position("/v/a.mkv", 31.0, True)


def test_one_that_was_paused_unseen_is_only_about_right_from_then_on() -> None:
    tape = played((0.0, state("STARTED", path="/v/a.mkv")))
    tape.lose(10.0)
    tape.attach(30.0, 15.0, is_active=True, is_paused=False)
    assert tape.position(9.0) == Position("/v/a.mkv", 9.0, True)
    assert tape.position(20.0) is None  # nobody knows
    assert tape.position(30.0) == Position("", pytest.approx(15.0 + HELD_BACK_S), False)


def test_one_that_ended_unseen_has_no_places_after_it_was_seen() -> None:
    tape = played((0.0, state("STARTED", path="/v/a.mkv")))
    tape.lose(10.0)
    tape.attach(30.0, 0.0, is_active=False, is_paused=False)
    assert tape.position(9.0) is not None
    assert tape.position(11.0) is None
    assert not tape.clock.is_running


def test_one_that_stays_paused_unseen_goes_on_where_it_was() -> None:
    tape = played((0.0, state("STARTED", path="/v/a.mkv")), (10.0, state("PAUSED")))
    tape.lose(12.0)
    tape.attach(30.0, 10.0, is_active=True, is_paused=True)
    tape.take(state("RESUMED"), 40.0)
    assert tape.position(41.0) == Position("/v/a.mkv", 11.0, True)
