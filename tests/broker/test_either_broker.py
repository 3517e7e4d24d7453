"""What viewers need of a broker, asked of Mosquitto and of the embedded one."""

from __future__ import annotations

import errno
import socket
import threading

import aiomqtt
import pytest
from limits import patience, within
from machine import free_port

from resonance_broker import (
    BrokerProblem,
    BrokerSettings,
    ProblemKind,
    RunningBroker,
    local_broker,
)
from resonance_broker.preflight import speaks_mqtt

TOPIC = "resonance/1/room-a/r/1/someone"


def client(broker: RunningBroker, **options: object) -> aiomqtt.Client:
    version = aiomqtt.ProtocolVersion
    options.setdefault("protocol", version.V5 if broker.has_mqtt5 else version.V311)
    return aiomqtt.Client(
        broker.settings.local_host, broker.settings.port, timeout=patience(5), **options
    )


async def next_payload(listener: aiomqtt.Client) -> bytes:
    async with within(5):
        async for message in listener.messages:
            return message.payload
    raise AssertionError("the connection ended")


async def test_delivers_between_two_clients(either: RunningBroker) -> None:
    async with client(either) as reader, client(either) as writer:
        await reader.subscribe("resonance/1/room-a/r/+/+")
        await writer.publish(TOPIC, b"hello", qos=0)
        assert await next_payload(reader) == b"hello"


async def test_keeps_what_is_retained_for_those_who_come_later(either: RunningBroker) -> None:
    async with client(either) as writer:
        await writer.publish(TOPIC, b"kept", qos=1, retain=True)
    async with client(either) as reader:
        await reader.subscribe("resonance/1/+/r/+/+", qos=1)
        assert await next_payload(reader) == b"kept"


async def test_speaks_the_last_will_of_a_client_that_vanishes(either: RunningBroker) -> None:
    will = aiomqtt.Will(TOPIC, b"gone", qos=1)
    async with client(either) as reader:
        await reader.subscribe("resonance/1/room-a/#", qos=1)
        vanishing = client(either, will=will)
        await vanishing.__aenter__()
        vanishing._client.socket().shutdown(socket.SHUT_RDWR)
        assert await next_payload(reader) == b"gone"


async def test_tells_its_figures_to_those_on_this_machine(either: RunningBroker) -> None:
    async with client(either) as reader:
        await reader.subscribe("$SYS/broker/clients/connected")
        while await next_payload(reader) != b"1":
            pass


def test_says_what_it_is(either: RunningBroker) -> None:
    name, _, version = either.kind.rpartition(" ")
    assert name in ("mosquitto", "embedded amqtt")
    assert version[0].isdigit()
    assert either.url == f"mqtt://127.0.0.1:{either.settings.port}"
    assert speaks_mqtt("127.0.0.1", either.settings.port)
    assert bool(either.limits) == (not either.has_mqtt5)


def test_stops_at_once_and_may_be_stopped_again(either: RunningBroker) -> None:
    assert either.is_running
    either.stop()
    either.stop()
    assert not either.is_running
    assert not speaks_mqtt("127.0.0.1", either.settings.port)


def test_stops_while_somebody_is_connected(either: RunningBroker) -> None:
    address = ("127.0.0.1", either.settings.port)
    with socket.create_connection(address, timeout=patience(5)) as line:
        line.sendall(b"\x10\x0d\x00\x04MQTT\x04\x02\x00\x0a\x00\x01x")
        assert line.recv(4) == b"\x20\x02\x00\x00"
        either.stop()
        assert not either.is_running
        line.settimeout(patience(5))
        assert line.recv(64) in (b"", b"\xe0\x00")


@pytest.mark.parametrize(
    "program", [pytest.param("mosquitto", marks=pytest.mark.mosquitto), "embedded"]
)
def test_finds_a_taken_port_before_the_start(start, program: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with pytest.raises(BrokerProblem) as caught:
            start(port=port, program=program)
    assert caught.value.kind is ProblemKind.PORT_TAKEN
    assert str(port) in caught.value.message
    assert "--port" in caught.value.hint


@pytest.mark.parametrize("host", ["::1", "localhost"])
@pytest.mark.parametrize(
    "program", [pytest.param("mosquitto", marks=pytest.mark.mosquitto), "embedded"]
)
def test_listens_under_the_other_names_of_this_machine(start, host: str, program: str) -> None:
    if host == "::1" and not _has_ipv6():
        pytest.skip("this machine has no IPv6 loopback")
    broker = start(host=host, program=program)
    assert speaks_mqtt(host, broker.settings.port)


def _has_ipv6() -> bool:
    with socket.socket(socket.AF_INET6) as probe:
        return probe.connect_ex(("::1", 9)) in (0, errno.ECONNREFUSED)


def test_names_a_broker_that_is_already_there(either: RunningBroker, start) -> None:
    with pytest.raises(BrokerProblem) as caught:
        start(port=either.settings.port)
    assert f"--broker {either.url}" in caught.value.hint


@pytest.mark.parametrize(
    "options",
    [{"users": "u"}, {"tls_cert": "c", "tls_key": "k"}, {"public": True, "host": "0.0.0.0"}],
)
def test_the_embedded_one_refuses_what_only_mosquitto_can_do(start, tmp_path, options) -> None:
    files = {name: tmp_path / v if isinstance(v, str) else v for name, v in options.items()}
    if files.get("public"):
        files |= {"insecure": True, "host": "0.0.0.0"}
    with pytest.raises(BrokerProblem) as caught:
        start(program="embedded", **files)
    assert caught.value.kind is ProblemKind.NOT_INSTALLED
    assert "install Mosquitto" in caught.value.hint


def test_without_mosquitto_the_embedded_one_steps_in(start, monkeypatch) -> None:
    monkeypatch.setenv("RESONANCE_MOSQUITTO", "/nowhere/mosquitto")
    broker = start()
    assert broker.kind.startswith("embedded amqtt")
    assert "50 viewers" in " ".join(broker.limits)
    with pytest.raises(BrokerProblem) as caught:
        start(program="mosquitto")
    assert caught.value.kind is ProblemKind.NOT_INSTALLED


def test_a_session_gets_its_own_broker_on_the_port_it_likes() -> None:
    port = free_port()
    broker = local_broker(port)
    try:
        assert broker.settings == BrokerSettings(port=port)
    finally:
        broker.stop()


def test_a_session_gets_another_port_where_the_usual_one_is_taken() -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        broker = local_broker(other.getsockname()[1])
        try:
            assert broker.settings.port != other.getsockname()[1]
            assert speaks_mqtt("127.0.0.1", broker.settings.port)
        finally:
            broker.stop()


def test_what_is_no_broker_is_not_taken_for_one() -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]

        def answer() -> None:
            line, _ = other.accept()
            with line:
                line.recv(64)
                line.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")

        thread = threading.Thread(target=answer)
        thread.start()
        assert not speaks_mqtt("127.0.0.1", port)
        thread.join(patience(5))
    assert not speaks_mqtt("127.0.0.1", port)
