"""A host of several addresses, of which some are dead; a list of brokers likewise."""

from __future__ import annotations

import contextlib
import socket
import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from limits import patience, until
from seats import HAPPY, Seat, seated
from test_link import present_certificate

from resonance_tui.errors import BrokerUnreachable, CertificateProblem
from resonance_tui.messaging import client, dial
from resonance_tui.messaging.probe import first_alive, is_reachable, negotiate_version
from resonance_tui.protocol.urls import BrokerUrl, parse_broker_url

NAME = "stream.example"
LOOPBACK = "127.0.0.1"


@contextlib.contextmanager
def black_hole(host: str, port: int) -> Iterator[None]:
    """An address that swallows connection attempts: its queue is full, and nobody takes from it."""
    with contextlib.ExitStack() as stack:
        hole = stack.enter_context(socket.socket())
        try:
            hole.bind((host, port))
        except OSError:
            pytest.skip(f"this machine has no address {host}")
        hole.listen(0)
        for _ in range(3):
            filler = stack.enter_context(socket.socket())
            filler.setblocking(False)
            with contextlib.suppress(BlockingIOError):
                filler.connect((host, port))
        time.sleep(0.01)
        yield


class Resolver:
    """Answers for `NAME` with the addresses it is told."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.addresses: tuple[str, ...] = ()
        self._real = socket.getaddrinfo
        monkeypatch.setattr(socket, "getaddrinfo", self._answer)
        monkeypatch.setattr(dial, "_alive", {})

    def _answer(self, host: Any, port: Any, *rest: Any, **options: Any) -> Any:
        if host != NAME:
            return self._real(host, port, *rest, **options)
        return [
            info for each in self.addresses for info in self._real(each, port, *rest, **options)
        ]


@pytest.fixture
def resolver(monkeypatch: pytest.MonkeyPatch) -> Resolver:
    return Resolver(monkeypatch)


@contextlib.contextmanager
def dead(broker: Any, kinds: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    """Addresses of which each is dead in that way."""
    with contextlib.ExitStack() as stack:
        for number, kind in enumerate(kinds, start=2):
            if kind == "swallows":
                stack.enter_context(black_hole(f"127.0.0.{number}", broker.port))
        yield tuple(f"127.0.0.{number}" for number in range(2, 2 + len(kinds)))


KINDS = [("swallows",), ("refuses",), ("swallows", "swallows"), ("refuses", "swallows")]


@pytest.mark.mosquitto
@pytest.mark.parametrize("kinds", KINDS)
async def test_dead_addresses_before_the_live_one_cost_a_moment(
    mosquitto: Any, resolver: Resolver, kinds: tuple[str, ...]
) -> None:
    with dead(mosquitto, kinds) as holes:
        resolver.addresses = (*holes, LOOPBACK)
        url = BrokerUrl("mqtt", NAME, mosquitto.port)
        assert await negotiate_version(url, within_s=patience(2)) == 5
        dial._alive.clear()
        seat = Seat(url.place)
        began = time.monotonic()
        async with seated(seat):
            assert time.monotonic() - began < patience(2)
            seat.link.publish_report(HAPPY)
            await until(lambda: seat.look().viewers == 1)


@pytest.mark.mosquitto
async def test_the_start_screens_short_look_finds_it_too(
    mosquitto: Any, resolver: Resolver
) -> None:
    with dead(mosquitto, ("swallows",)) as holes:
        resolver.addresses = (*holes, LOOPBACK)
        assert await is_reachable(BrokerUrl("mqtt", NAME, mosquitto.port), patience(0.5))


@pytest.mark.mosquitto
async def test_the_address_that_answered_is_the_first_to_be_asked_again(
    mosquitto: Any, resolver: Resolver
) -> None:
    with dead(mosquitto, ("swallows",)) as holes:
        resolver.addresses = (*holes, LOOPBACK)
        url = BrokerUrl("mqtt", NAME, mosquitto.port)
        await negotiate_version(url)
        infos = dial.in_turn(
            socket.getaddrinfo(NAME, url.port, type=socket.SOCK_STREAM),
            dial._alive[NAME, url.port],
        )
        assert infos[0][4] == (LOOPBACK, url.port)


@pytest.mark.mosquitto
async def test_tls_checks_the_name_and_not_the_address(
    make_mosquitto: Any, resolver: Resolver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The certificate is for localhost: under that name it holds at any address, under another at
    none."""
    broker = make_mosquitto()
    monkeypatch.setenv("SSL_CERT_FILE", str(present_certificate(broker)))
    broker.start()
    monkeypatch.setattr("test_addresses.NAME", "localhost")
    with dead(broker, ("swallows",)) as holes:
        resolver.addresses = (*holes, LOOPBACK)
        async with seated(Seat(f"mqtts://localhost:{broker.port}")):
            pass
        monkeypatch.setattr("test_addresses.NAME", "other.example")
        with pytest.raises(CertificateProblem, match="is not valid"):
            await Seat(f"mqtts://other.example:{broker.port}").link.run()


@pytest.mark.mosquitto
@pytest.mark.parametrize("kinds", KINDS)
async def test_dead_brokers_of_a_list_cost_a_moment(mosquitto: Any, kinds: tuple[str, ...]) -> None:
    with dead(mosquitto, kinds) as holes:
        urls = [f"mqtt://{each}:{mosquitto.port}" for each in holes]
        seat = Seat(",".join([*urls, mosquitto.url]))
        began = time.monotonic()
        async with seated(seat):
            assert time.monotonic() - began < patience(2)
            assert seat.link.place == mosquitto.url


async def test_where_no_broker_of_a_list_answers_the_first_says_why(unused_port: int) -> None:
    urls = [BrokerUrl("mqtt", f"127.0.0.{number}", unused_port) for number in (1, 2)]
    with pytest.raises(BrokerUnreachable, match=r"nothing listens at 127\.0\.0\.1"):
        await first_alive(urls)
    with black_hole("127.0.0.2", unused_port):
        hole = replace(urls[1], port=unused_port)
        with pytest.raises(BrokerUnreachable, match=r"no answer from 127\.0\.0\.2"):
            await first_alive([hole, hole], within_s=0.2)


@pytest.mark.mosquitto
async def test_a_list_of_live_brokers_meets_at_its_first(mosquitto: Any) -> None:
    first = parse_broker_url(mosquitto.url)
    others = [replace(first, host="localhost")] * 3
    assert await first_alive([first, *others]) is first


@pytest.mark.mosquitto
async def test_paho_takes_the_connection_that_we_made(
    mosquitto: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It has no public way for that: where this fails, a new paho makes one of its own again."""
    made: list[socket.socket] = []
    real = dial.dial

    async def counted(host: str, port: int) -> socket.socket:
        made.append(await real(host, port))
        return made[-1]

    monkeypatch.setattr(client, "dial", counted)
    url = parse_broker_url(mosquitto.url)
    async with client.broker_client(url, lambda *_: None, identifier="x", version=5) as connected:
        assert connected._client.socket() is made[0]
        assert mosquitto.log.count("New connection from") <= 2  # the test's own look, and ours
    assert len(made) == 1


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "127.3.2.1", "::1"])
async def test_who_was_given_their_own_address_is_told_so(host: str, unused_port: int) -> None:
    url = BrokerUrl("mqtt", host, unused_port)
    with pytest.raises(BrokerUnreachable) as caught:
        await negotiate_version(url)
    assert caught.value.hint == "That is your own computer; ask the host"
    guest = Seat(url.place)
    async with seated(guest, connect=False):
        await until(lambda: "your own computer; ask the host" in guest.link.status.detail)


@pytest.mark.mosquitto
async def test_whose_broker_went_away_is_told_no_more_than_that(mosquitto: Any) -> None:
    seat = Seat(mosquitto)
    async with seated(seat):
        mosquitto.kill()
        await until(lambda: seat.link.status.detail.startswith("nothing listens"))
        assert "your own computer" not in seat.link.status.detail


async def test_an_address_with_a_zone_is_dialled_on_that_interface() -> None:
    """On the loopback interface there is no link-local address: what fails is the connection."""
    with pytest.raises(OSError) as caught:
        await dial.dial("fe80::1%lo", 9)
    assert not isinstance(caught.value, socket.gaierror)
