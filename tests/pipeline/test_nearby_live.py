"""Rooms nearby over real multicast on this machine, and the question before one joins."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import pytest
from limits import patience, until, within

from resonance_tui.commands import nearby as command
from resonance_tui.commands.broker.options import BrokerOptions
from resonance_tui.commands.broker.start import run as run_broker
from resonance_tui.commands.nearby import find_nearby, show_nearby
from resonance_tui.config import load
from resonance_tui.errors import BrokerRefused, InputError, ResonanceError
from resonance_tui.messaging import nearby
from resonance_tui.messaging.nearby import (
    NearbyAnnouncer,
    NearbyUnavailable,
    follow_nearby,
    nearby_rooms,
)
from resonance_tui.profile import Profile
from resonance_tui.protocol.nearby import NearbyRoom
from resonance_tui.protocol.topics import new_viewer_id
from resonance_tui.protocol.urls import BrokerUrl, InviteToken

PRINT = "0123456789abcdef" * 4
ADDRESS = "192.0.2.77"  # of documentation: nobody is there


def room_called(channel: str) -> NearbyRoom:
    return NearbyRoom(channel, "Tests", BrokerUrl("mqtts", ADDRESS, 8883, pin=PRINT), "studio")


@pytest.fixture
async def network() -> None:
    """A network that carries what one says on it to all who listen."""
    try:
        await nearby_rooms(within_s=0.01)
    except NearbyUnavailable as error:
        pytest.skip(error.message)


class Look:
    """A guest's list, as it changes."""

    def __init__(self, channel: str) -> None:
        self._channel = channel
        self.rooms: list[NearbyRoom] = []
        self.task = asyncio.ensure_future(follow_nearby(self._take))

    def _take(self, rooms: list[NearbyRoom]) -> None:
        self.rooms = [each for each in rooms if each.channel == self._channel]


async def ended(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.wait([task], timeout=patience(5))
    assert task.cancelled()


async def test_a_room_is_found_while_its_host_announces_it(network: None) -> None:
    room = room_called(f"test-{new_viewer_id()}")
    look = Look(room.channel)
    host = asyncio.ensure_future(NearbyAnnouncer([room], lambda: [ADDRESS]).run())
    await until(lambda: look.rooms == [room], within=15)
    await until_found(room)
    await ended(host)
    await until(lambda: not look.rooms, within=15)
    await ended(look.task)


async def test_strangers_who_announce_many_rooms_do_not_hide_the_one_that_is_meant(
    network: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(nearby, "MOST_ROOMS", 1)
    meant, noise = room_called(f"test-{new_viewer_id()}"), room_called(f"a-{new_viewer_id()}")
    hosts = [asyncio.ensure_future(NearbyAnnouncer([noise], lambda: [ADDRESS]).run())]
    await until_found(noise)
    hosts.append(asyncio.ensure_future(NearbyAnnouncer([meant], lambda: [ADDRESS]).run()))
    await until_found(meant)
    for host in hosts:
        await ended(host)


async def until_found(room: NearbyRoom) -> None:
    async with within(15):
        while room not in await nearby_rooms(patience(1.0), channel=room.channel):
            pass


async def test_a_host_that_changes_its_network_is_found_at_its_new_address(network: None) -> None:
    addresses = [ADDRESS]
    room = room_called(f"test-{new_viewer_id()}")
    look = Look(room.channel)
    announcer = NearbyAnnouncer([room], lambda: list(addresses), look_every_s=0.05)
    host = asyncio.ensure_future(announcer.run())
    await until(lambda: look.rooms == [room], within=15)
    addresses[:] = ["192.0.2.78"]
    await until(lambda: [each.url.host for each in look.rooms] == ["192.0.2.78"], within=20)
    await ended(host)
    await ended(look.task)


async def test_without_a_network_a_guest_is_told_and_a_host_tries_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def none(**_: Any) -> None:
        raise RuntimeError("No interfaces to listen on")  # as the library says it

    monkeypatch.setattr("zeroconf.asyncio.AsyncZeroconf", none)
    with pytest.raises(NearbyUnavailable, match="No network"):
        await nearby_rooms()
    said: list[str] = []
    tries = 0

    def addresses() -> list[str]:
        nonlocal tries
        tries += 1
        return [ADDRESS]

    announcer = NearbyAnnouncer([room_called("cats")], addresses, say=said.append, look_every_s=0.0)
    host = asyncio.ensure_future(announcer.run())
    await until(lambda: tries > 3)
    assert len(said) == 1, "once is enough"
    await ended(host)


# --- the question ------------------------------------------------------------------------------

SECURE, HERE = room_called("cats"), BrokerUrl("mqtts", ADDRESS, 8883, pin=PRINT)


@pytest.fixture
def found(monkeypatch: pytest.MonkeyPatch) -> list[NearbyRoom]:
    """What a look at the network brings; every address there answers."""
    rooms: list[NearbyRoom] = []

    async def look(*, channel: str = "") -> list[NearbyRoom]:
        return [each for each in rooms if channel in ("", each.channel)]

    async def alive(urls: Any, **_: Any) -> BrokerUrl:
        return urls[0]

    monkeypatch.setattr(nearby, "nearby_rooms", look)
    monkeypatch.setattr("resonance_tui.messaging.probe.first_alive", alive)
    return rooms


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The questions; the answer is yes."""
    questions: list[str] = []
    monkeypatch.setattr(command.sys.stdin, "isatty", lambda: True, raising=False)

    def confirm(question: str, **_: Any) -> bool:
        questions.append(question)
        return True

    monkeypatch.setattr(command.click, "confirm", confirm)
    return questions


def test_one_question_is_asked_and_the_fingerprint_is_remembered(
    found: list[NearbyRoom], asked: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    found.append(SECURE)
    there = find_nearby(load(), "cats")
    assert there.channel == "cats"
    assert there.config.settings.broker.url.reveal() == HERE.spelled_out
    assert "fingerprint 01:23:45:67" in capsys.readouterr().err
    assert len(asked) == 1
    find_nearby(load(), "cats")
    found[0] = replace(SECURE, url=replace(HERE, host="192.0.2.99"))
    find_nearby(load(), "cats")
    assert len(asked) == 1, "the same host at another address is the same host"
    found[0] = replace(SECURE, url=replace(HERE, pin="ab" * 32))
    find_nearby(load(), "cats")
    assert len(asked) == 2 and "another fingerprint" in capsys.readouterr().err


def test_who_says_no_is_not_asked_less_the_next_time(
    found: list[NearbyRoom], asked: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    found.append(SECURE)
    monkeypatch.setattr(command.click, "confirm", lambda *_, **__: False)
    for _ in range(2):
        with pytest.raises(ResonanceError, match="Not joined"):
            find_nearby(load(), "cats")
    assert Profile(load().directories.profile_file).room("cats").broker == ""


def test_a_script_trusts_nobody_by_itself(found: list[NearbyRoom]) -> None:
    found.append(SECURE)
    with pytest.raises(InputError) as caught:
        find_nearby(load(), "cats")
    assert HERE.spelled_out in caught.value.hint


@pytest.mark.parametrize(
    ("rooms", "error", "words"),
    [
        ([], InputError, "No host nearby"),
        ([replace(SECURE, needs_link=True)], BrokerRefused, "with an account"),
        (
            [SECURE, replace(SECURE, host="other", url=replace(HERE, pin="ab" * 32))],
            InputError,
            "Several hosts",
        ),
    ],
)
def test_what_cannot_be_joined_is_said_before_any_question(
    rooms: list[NearbyRoom],
    error: type[Exception],
    words: str,
    found: list[NearbyRoom],
    asked: list[str],
) -> None:
    found += rooms
    with pytest.raises(error, match=words):
        find_nearby(load(), "cats")
    assert not asked


def test_a_list_says_of_each_room_what_joining_takes(
    found: list[NearbyRoom], capsys: pytest.CaptureFixture[str]
) -> None:
    show_nearby(load())
    out, err = capsys.readouterr()
    assert out == "" and "broker --public --nearby" in err
    ticket = InviteToken("abcdefgh", "secretsecretsecret23")
    found += [
        SECURE,
        replace(SECURE, channel="dogs", needs_link=True),
        replace(SECURE, channel="open", url=BrokerUrl("mqtt", ADDRESS, 1883), host=""),
        replace(SECURE, channel="all", ticket=ticket),
    ]
    show_nearby(load())
    out, _ = capsys.readouterr()
    assert out.splitlines() == [
        "cats  Tests  at studio (192.0.2.77)  fingerprint 01:23:45:67",
        "dogs  Tests  at studio (192.0.2.77)  fingerprint 01:23:45:67  ask the host for a link",
        "open  Tests  at 192.0.2.77  open to all who listen: no TLS",
        "all  Tests  at studio (192.0.2.77)  fingerprint 01:23:45:67",
    ]
    assert ticket.secret not in out


@pytest.mark.parametrize(
    ("options", "hint"),
    [({"channels": ["cats"]}, "--public"), ({"public": True}, "--channel")],
)
def test_what_nobody_could_join_is_not_announced(options: dict[str, Any], hint: str) -> None:
    with pytest.raises(InputError) as caught:
        run_broker(BrokerOptions(nearby=True, **options))
    assert hint in caught.value.hint
