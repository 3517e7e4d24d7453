"""What happens in a room as lines and JSON, with time passed in."""

from __future__ import annotations

import json

import pytest

from resonance_tui.messaging.link_status import LinkState, LinkStatus
from resonance_tui.session.events import HappeningUpdate
from resonance_tui.session.happenings import CAME, WENT, Happenings, people_text
from resonance_tui.session.json_events import happening_json
from resonance_tui.session.outage import Outage, age_text, outage_after
from resonance_tui.texts import tr

CONNECTED = LinkStatus(LinkState.CONNECTED)
CONNECTING = LinkStatus(LinkState.CONNECTING)
FIRST = Outage(10.0, is_first=True)


def lost(why: str, retry_at: float) -> LinkStatus:
    return LinkStatus(LinkState.LOST, why, retry_at)


def test_an_outage_goes_on_through_every_attempt_and_keeps_its_reason() -> None:
    outage = outage_after(None, lost("cable cut", 55.0), 50.0)
    assert outage == Outage(50.0, False, "cable cut", 55.0)
    outage = outage_after(outage, CONNECTING, 55.0)
    assert outage == Outage(50.0, False, "cable cut", None)
    outage = outage_after(outage, lost("nothing listens", 60.0), 56.0)
    assert outage == Outage(50.0, False, "nothing listens", 60.0)
    assert outage_after(outage, CONNECTED, 61.0) is None


def test_before_the_first_connection_nothing_was_lost() -> None:
    outage = outage_after(FIRST, lost("nothing listens", 12.0), 11.0)
    assert outage == Outage(10.0, True, "nothing listens", 12.0)
    after = outage_after(None, lost("cut", 99.0), 90.0)
    assert after is not None and not after.is_first


def test_a_link_that_was_closed_was_not_lost() -> None:
    closed = LinkStatus(LinkState.CLOSED)
    assert outage_after(None, closed, 5.0) is None
    assert outage_after(FIRST, closed, 15.0) == FIRST


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(-1.0, "0:00"), (40.9, "0:40"), (725, "12:05"), (3725, "1:02:05"), (360_000, "100:00:00")],
)
def test_an_age_is_written_as_clocks_do(seconds: float, text: str) -> None:
    assert age_text(seconds) == text


def test_a_lost_connection_and_its_return_are_told_once_each() -> None:
    watched = Happenings(is_recording=False)
    cut = Outage(50.0, False, "cut", 51.0)
    steps = [(FIRST, 11.0), (None, 12.0), (cut, 50.0), (cut, 60.0), (None, 90.0), (None, 91.0)]
    told = [event for outage, now in steps for event in watched.link(outage, 1000 + now, now)]
    assert [(event.t, event.kind, event.text) for event in told] == [
        (1050.0, "link_lost", "connection lost"),
        (1090.0, "link_back", "connected again after 0:40"),
    ]


def test_recording_is_told_when_it_changes() -> None:
    watched = Happenings(is_recording=True)
    states = [True, False, False, True]
    told = [event.kind for is_on in states for event in watched.recording(is_on, 1.0)]
    assert told == ["recording_off", "recording_on"]


@pytest.mark.parametrize(
    ("names", "text"),
    [
        (("Mia",), "Mia came"),
        (("Mia", "Zoë"), "Mia and Zoë came"),
        (("Mia", "Zoë", "Ann"), "Mia, Zoë and Ann came"),
        (("Mia", "Zoë", "Ann", "Bo"), "Mia, Zoë and 2 more came"),
        (("Mia", "Zoë", *"abc"), "Mia, Zoë and 3 more came"),
        (("{one}", "{0}"), "{one} and {0} came"),
    ],
)
def test_many_who_come_at_once_are_one_line(names: tuple[str, ...], text: str) -> None:
    assert tr(people_text(names, CAME)) == people_text(names, CAME) == text
    assert people_text(names, WENT) == text.removesuffix("came") + "left"


def test_an_event_in_json() -> None:
    event = HappeningUpdate(1.23456, "joined", people_text(("Mia",), CAME), ("Mia",), 1)
    assert json.loads(json.dumps(happening_json(event))) == {
        "type": "event",
        "t": 1.235,
        "kind": "joined",
        "text": "Mia came",
        "names": ["Mia"],
        "people": 1,
    }
    host = happening_json(HappeningUpdate(1.0, "host", "back in five"))
    assert set(host) == {"type", "t", "kind", "text"}
