"""Brokers behind a web port: rooms across them, and what web servers answer instead."""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import socket
import ssl
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from authorities import DAY, PrivateAuthority
from limits import Limit, until, within
from machine import free_port
from seats import CHANNEL, HAPPY, Seat, seated
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed

from resonance_tui.errors import (
    BrokerError,
    BrokerUnreachable,
    CertificateChanged,
    CertificateProblem,
    NoBrokerThere,
)
from resonance_tui.messaging.client import broker_client, ignore
from resonance_tui.messaging.dial import HandshakeRefused
from resonance_tui.messaging.link import MqttLink
from resonance_tui.messaging.probe import first_alive, negotiate_version
from resonance_tui.messaging.websocket import MAX_FRAME, open_websocket
from resonance_tui.protocol.certificates import print_like
from resonance_tui.protocol.urls import BrokerUrl, TlsFiles, parse_broker_url
from resonance_tui.simulation.simulated_connection import SimulatedConnection, find_route

CONNACK_V5 = bytes([0x20, 3, 0, 0, 0])


def web_port(broker: Any, *lines: str) -> int:
    """Starts the Mosquitto with a second listener, for WebSocket; skips where it has none."""
    port = free_port()
    broker.lines += ("allow_anonymous true", f"listener {port} 127.0.0.1", "protocol websockets")
    broker.lines += lines
    try:
        broker.start()
    except RuntimeError:
        if "websockets" in broker.log.lower() and "support" in broker.log.lower():
            pytest.skip("this Mosquitto has no WebSocket listener")
        raise
    deadline = Limit(10)
    while not deadline.ran_out():  # the first one listens already
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 0.5):
            break
        time.sleep(0.02)
    return port


# --- rooms -------------------------------------------------------------------------------------


@pytest.mark.mosquitto
async def test_a_room_meets_across_websocket_and_plain_mqtt(
    make_mosquitto: Callable[..., Any],
) -> None:
    broker = make_mosquitto()
    web = f"ws://127.0.0.1:{web_port(broker)}"
    alice, bob, carol = Seat(web, "alice"), Seat(web + "/", "bob"), Seat(broker, "carol")
    async with seated(alice, carol):
        for seat in (alice, carol):
            seat.link.publish_report(HAPPY)
        async with seated(bob):
            bob.link.publish_report(HAPPY)
            for seat in (alice, bob, carol):
                await until(lambda seat=seat: seat.look().viewers == 3)
        # In good order: a will would come a second later.
        await until(lambda: carol.look().viewers == 2, within=0.8)
        await until(lambda: alice.look().viewers == 2, within=0.8)


@pytest.mark.mosquitto
async def test_a_viewer_behind_a_web_port_comes_back_after_a_restart(
    make_mosquitto: Callable[..., Any],
) -> None:
    broker = make_mosquitto()
    alice = Seat(f"ws://127.0.0.1:{web_port(broker)}", "alice")
    async with seated(alice):
        alice.link.publish_report(HAPPY)
        await until(lambda: alice.look().viewers == 1)
        broker.kill()
        await until(lambda: not alice.is_connected)
        broker.start()
        await until(lambda: alice.is_connected)


@pytest.mark.mosquitto
def test_the_last_word_is_out_before_the_program_ends(
    make_mosquitto: Callable[..., Any],
) -> None:
    broker = make_mosquitto("log_type all")
    url = parse_broker_url(f"ws://127.0.0.1:{web_port(broker)}")

    async def visit() -> None:
        async with broker_client(url, ignore, identifier="x", version=5, will_topic="w"):
            pass

    asyncio.run(visit())  # what is not out when its loop ends never comes
    asyncio.run(until(lambda: "Received DISCONNECT from x" in broker.log))


@pytest.mark.mosquitto
async def test_simulated_viewers_come_by_websocket(make_mosquitto: Callable[..., Any]) -> None:
    broker = make_mosquitto()
    url = parse_broker_url(f"ws://127.0.0.1:{web_port(broker)}")
    watching = Seat(broker)
    crowd = [SimulatedConnection(await find_route(url, 5), lambda: None) for _ in range(20)]
    async with seated(watching):
        for number, each in enumerate(crowd):
            assert await each.open(f"sim-{number}")
            each.publish(f"resonance/1/{CHANNEL}/n/sim-{number}", b"")
        for each in crowd:
            each.close()
        await until(lambda: all(each.is_gone for each in crowd))


# --- TLS ---------------------------------------------------------------------------------------


@pytest.mark.mosquitto
@pytest.mark.parametrize("is_web", [True, False])
async def test_a_private_authority_and_a_certificate_of_ours_open_the_door(
    make_mosquitto: Callable[..., Any], is_web: bool
) -> None:
    broker = make_mosquitto("allow_anonymous true")
    authority, stranger = PrivateAuthority(broker.folder), PrivateAuthority(broker.folder, "other")
    cert, key = authority.sign("server")
    lines = (f"cafile {authority.file}", f"certfile {cert}", f"keyfile {key}")
    if is_web:
        place = f"wss://localhost:{web_port(broker, *lines, 'require_certificate true')}"
    else:
        broker.lines += (*lines, "require_certificate true")
        broker.start()
        place = f"mqtts://localhost:{broker.port}"
    mine, my_key = map(str, authority.sign("mia"))
    foreign, foreign_key = map(str, stranger.sign("eve"))
    url, ca = parse_broker_url(place), str(authority.file)

    def with_files(*names: str, pin: str | None = None) -> BrokerUrl:
        return replace(url, files=TlsFiles(*names), pin=pin)

    seat = Seat(broker)  # of its own url
    seat.link = type(seat.link)(with_files(ca, mine, my_key), CHANNEL, "mia", heartbeat_s=0.5)
    async with seated(seat):
        seat.link.publish_report(HAPPY)
        await until(lambda: seat.look().viewers == 1)
    pin = print_like("0" * 64, ssl.PEM_cert_to_DER_cert(cert.read_text()))
    assert await negotiate_version(with_files("", mine, my_key, pin=pin)) == 5
    with pytest.raises(CertificateChanged):
        await negotiate_version(with_files("", mine, my_key, pin="0" * 64))
    with pytest.raises(CertificateProblem, match="not valid") as caught:
        await negotiate_version(url)
    assert "--ca FILE" in caught.value.hint
    with pytest.raises(CertificateProblem, match="not valid") as caught:
        await negotiate_version(with_files(str(stranger.file)))
    assert str(stranger.file) in caught.value.hint
    with pytest.raises(CertificateProblem, match="wants to see a certificate") as caught:
        await negotiate_version(with_files(ca))
    assert "--cert FILE" in caught.value.hint
    with pytest.raises(CertificateProblem, match="does not take our certificate") as caught:
        await negotiate_version(with_files(ca, foreign, foreign_key))
    assert foreign in caught.value.message


@pytest.mark.mosquitto
@pytest.mark.parametrize("case", ["unknown", "expired", "other name", "unreadable"])
async def test_a_certificate_that_is_no_good_ends_a_first_visit_at_once(
    make_mosquitto: Callable[..., Any], case: str
) -> None:
    broker = make_mosquitto("allow_anonymous true")
    authority = PrivateAuthority(broker.folder)
    cert, key = authority.sign("server", -DAY if case == "expired" else DAY)
    broker.lines += (f"certfile {cert}", f"keyfile {key}")
    broker.host = "127.0.0.2" if case == "other name" else "127.0.0.1"
    broker.start()
    files = {"unknown": TlsFiles(), "unreadable": TlsFiles(str(broker.folder / "gone.pem"))}
    words, hint = {
        "unknown": ("not valid", "--ca FILE"),
        "expired": ("expired", "a new one"),
        "other name": ("127.0.0.2", "stands in it"),
        "unreadable": ("gone.pem is not there", ""),
    }[case]
    url = replace(
        parse_broker_url(f"mqtts://{broker.host}:{broker.port}"),
        files=files.get(case, TlsFiles(str(authority.file))),
    )
    with pytest.raises(CertificateProblem, match=words) as caught:
        async with within(5):
            await MqttLink(url, CHANNEL, "mia").run()
    assert hint in caught.value.hint and caught.value.exit_code == 2


@pytest.mark.mosquitto
async def test_a_certificate_that_goes_bad_under_a_room_is_an_outage(
    make_mosquitto: Callable[..., Any],
) -> None:
    broker = make_mosquitto("allow_anonymous true")
    authority = PrivateAuthority(broker.folder)
    cert, key = authority.sign("server")
    broker.lines += (f"certfile {cert}", f"keyfile {key}")
    broker.start()
    url = parse_broker_url(f"mqtts://localhost:{broker.port}")
    alice = Seat(broker)
    alice.link = MqttLink(replace(url, files=TlsFiles(str(authority.file))), CHANNEL, "alice")
    async with seated(alice):
        broker.kill()
        authority.sign("server", -DAY)
        broker.start()
        await until(lambda: "certificate has expired. Ask" in alice.link.why_lost)
        broker.kill()
        authority.sign("server")
        broker.start()
        await until(lambda: alice.is_connected)


# --- what else listens there -------------------------------------------------------------------


@contextlib.asynccontextmanager
async def answering(
    reply: bytes, host: str = "127.0.0.1", port: int = 0
) -> AsyncGenerator[tuple[int, list[str]]]:
    """A port where every request gets that reply, and the requests it got."""
    requests: list[str] = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            requests.append((await reader.read(4096)).decode(errors="replace"))
            writer.write(reply)
            await writer.drain()
        writer.close()

    async with await asyncio.start_server(answer, host, port) as server:
        yield server.sockets[0].getsockname()[1], requests


def page(status: str, *headers: str) -> bytes:
    return "\r\n".join((f"HTTP/1.1 {status}", *headers, "Content-Length: 2", "", "hi")).encode()


@pytest.mark.parametrize(
    ("reply", "words", "hint"),
    [
        (page("404 Not Found"), "has no WebSocket at /chat", "/mqtt"),
        (page("401 Unauthorized"), "does not let us in at /chat", "web server"),
        (page("403 Forbidden"), "does not let us in at /chat", "web server"),
        (page("502 Bad Gateway"), "has no broker behind it", "try again"),
        (page("503 Busy"), "has no broker behind it", "try again"),
        (page("429 Too Many"), "too many connections", "minute"),
        (page("400 Bad Request"), "opens no WebSocket at /chat", "wss://"),
        (page("426 Upgrade Required"), "opens no WebSocket", "/mqtt"),
        (page("301 Moved", "Location: https://b/x"), "elsewhere: https://b/x", "wss://"),
        (page("302 Found", "Location: https://b/?token=abc"), "elsewhere: .hidden", "wss://"),
        (page("200 OK", "Content-Type: text/html"), "a web page at /chat", "/mqtt"),
        (page("101 Hm", "Upgrade: websocket", "Connection: upgrade"), "no MQTT at", "/mqtt"),
        (b"SSH-2.0-OpenSSH_9.2\r\n", "does not speak WebSocket", "mqtt://"),
        (b"", "closed the connection instead of answering", "mqtt://"),
    ],
)
async def test_what_a_web_server_answers_is_told_in_words(
    reply: bytes, words: str, hint: str
) -> None:
    async with answering(reply) as (port, _):
        url = parse_broker_url(f"ws://127.0.0.1:{port}/chat")
        with pytest.raises(BrokerError, match=words) as caught:
            await negotiate_version(url)
        assert hint in caught.value.hint and "abc" not in str(caught.value)
        may_pass = reply.startswith((b"HTTP/1.1 5", b"HTTP/1.1 429")) or not reply
        assert type(caught.value) is (BrokerUnreachable if may_pass else NoBrokerThere)
        with pytest.raises(BrokerError, match=words):
            async with broker_client(url, ignore, identifier="x", version=5):
                pass


async def test_of_several_the_first_with_a_broker_behind_it_is_taken() -> None:
    async with answering(page("502 Bad Gateway")) as (dead, _), speaking(_welcome) as alive:
        urls = [parse_broker_url(f"ws://127.0.0.1:{port}") for port in (dead, alive)]
        assert await first_alive(urls) is urls[1]


async def test_a_web_page_where_a_broker_was_never_met_ends_the_visit_at_once() -> None:
    async with answering(page("404 Not Found")) as (port, asked):
        with pytest.raises(NoBrokerThere, match="has no WebSocket at /mqtt"):
            async with within(5):
                await Seat(f"ws://127.0.0.1:{port}").link.run()
        assert len(asked) == 1


@pytest.mark.mosquitto
async def test_a_web_page_where_a_broker_was_is_an_outage(
    make_mosquitto: Callable[..., Any],
) -> None:
    broker = make_mosquitto()
    port = web_port(broker)
    alice = Seat(f"ws://127.0.0.1:{port}", "alice")
    async with seated(alice):
        await until(lambda: alice.is_connected)
        broker.kill()
        async with answering(page("404 Not Found"), port=port):
            await until(lambda: "has no WebSocket" in alice.link.why_lost)
        broker.start()
        await until(lambda: alice.is_connected)


@pytest.mark.mosquitto
async def test_a_plain_port_is_told_from_a_web_port(mosquitto: Any) -> None:
    port = mosquitto.port
    with pytest.raises(BrokerUnreachable) as caught:
        await negotiate_version(parse_broker_url(f"ws://127.0.0.1:{port}"))
    assert "mqtt://" in caught.value.hint


async def test_tls_on_a_plain_web_port_is_named() -> None:
    async with answering(page("400 Bad Request")) as (port, _):
        with pytest.raises(BrokerUnreachable, match="does not speak TLS") as caught:
            await negotiate_version(parse_broker_url(f"wss://127.0.0.1:{port}"))
    assert "ws://" in caught.value.hint


async def test_the_zone_of_an_address_is_told_to_nobody() -> None:
    async with answering(page("404 Not Found")) as (port, requests):
        for spelled in ("fe80::1%25eth0", "fe80::1%eth0"):
            sock = socket.create_connection(("127.0.0.1", port))
            sock.setblocking(False)
            url = parse_broker_url(f"ws://[{spelled}]:81/x?v=1")
            with pytest.raises(HandshakeRefused):
                await open_websocket(asyncio.Protocol(), url, None, sock=sock)
    for request in requests:
        assert request.startswith("GET /x?v=1 HTTP/1.1\r\n")
        assert "Host: [fe80::1]:81\r\n" in request and "eth0" not in request


def link_local() -> str:
    """An address of this machine with its zone, as a URL spells it; skips where there is none."""
    with contextlib.suppress(OSError):
        for line in Path("/proc/net/if_inet6").read_text().splitlines():
            digits, *_, name = line.split()
            if digits.startswith("fe80") and name != "lo":
                return f"{ipaddress.IPv6Address(int(digits, 16))}%{name}"
    pytest.skip("this machine has no link-local address")


async def test_a_zone_finds_the_way() -> None:
    place = link_local()
    async with answering(page("404 Not Found"), place) as (port, requests):
        for spelled in (place, place.replace("%", "%25")):
            with pytest.raises(NoBrokerThere, match="no WebSocket"):
                await negotiate_version(parse_broker_url(f"ws://[{spelled}]:{port}"))
    assert len(requests) == 2


# --- frames ------------------------------------------------------------------------------------


@contextlib.asynccontextmanager
async def speaking(
    talk: Callable[[ServerConnection], Awaitable[None]], protocols: Any = ("mqtt",)
) -> AsyncGenerator[int]:
    """A WebSocket server that does that with each connection."""
    async with serve(talk, "127.0.0.1", 0, subprotocols=protocols) as server:
        yield next(iter(server.sockets)).getsockname()[1]


async def _welcome(connection: ServerConnection) -> None:
    await connection.recv()
    await connection.send(CONNACK_V5)
    await connection.wait_closed()


async def _ping_first(connection: ServerConnection) -> None:
    await connection.recv()
    await (await connection.ping(b"are you there"))
    await connection.send(CONNACK_V5)
    await connection.wait_closed()


async def _in_pieces(connection: ServerConnection) -> None:
    await connection.recv()
    await connection.send([CONNACK_V5[:1], CONNACK_V5[1:3]])
    await connection.send(CONNACK_V5[3:])
    await connection.wait_closed()


@pytest.mark.parametrize("talk", [_welcome, _ping_first, _in_pieces])
async def test_a_welcome_is_understood_however_it_is_framed(talk: Any) -> None:
    async with speaking(talk) as port:
        url = parse_broker_url(f"ws://127.0.0.1:{port}")
        assert await negotiate_version(url) == 5
        async with broker_client(url, ignore, identifier="x", version=5):
            pass


async def _chat(connection: ServerConnection) -> None:
    await connection.recv()
    await connection.send("hello")
    await connection.wait_closed()


async def _hang_up(connection: ServerConnection) -> None:
    await connection.recv()
    await connection.close(1008, "no")


@pytest.mark.parametrize("talk", [_chat, _hang_up])
async def test_what_is_no_mqtt_in_frames_is_no_broker(talk: Any) -> None:
    async with speaking(talk) as port:
        with pytest.raises(BrokerUnreachable, match="does not answer like an MQTT broker"):
            await negotiate_version(parse_broker_url(f"ws://127.0.0.1:{port}"))


async def test_a_server_without_the_subprotocol_speaks_no_mqtt() -> None:
    async with speaking(_welcome, protocols=None) as port:
        with pytest.raises(NoBrokerThere, match="speaks no MQTT at /mqtt"):
            await negotiate_version(parse_broker_url(f"ws://127.0.0.1:{port}"))


async def test_a_frame_that_is_too_long_is_not_kept_and_ends_the_connection() -> None:
    codes: list[int | None] = []

    async def flood(connection: ServerConnection) -> None:
        await connection.recv()
        await connection.send(CONNACK_V5)
        with contextlib.suppress(ConnectionClosed):
            await connection.send(b"x" * (MAX_FRAME + 1))
        await connection.wait_closed()
        codes.append(connection.close_code)

    async with speaking(flood) as port:
        received: list[bytes] = []

        class Inner(asyncio.Protocol):
            def data_received(self, data: bytes) -> None:
                received.append(data)

        sock = socket.create_connection(("127.0.0.1", port))
        sock.setblocking(False)
        url = parse_broker_url(f"ws://127.0.0.1:{port}")
        transport = await open_websocket(Inner(), url, None, sock=sock)
        transport.write(b"hello")
        await until(lambda: codes)
    assert codes == [1009] and received == [CONNACK_V5]
