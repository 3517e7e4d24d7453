"""The packets of simulated viewers, read back by another implementation and byte by byte."""

from __future__ import annotations

import asyncio

import pytest
from amqtt.adapters import BufferReader
from amqtt.mqtt.connect import ConnectPacket
from amqtt.mqtt.publish import PublishPacket
from hypothesis import given
from hypothesis import strategies as st

from resonance_tui.protocol import packets

texts = st.text(st.characters(exclude_characters="\x00", exclude_categories=["Cs"]), max_size=200)
names = texts.filter(bool)


def read(kind: type, data: bytes) -> object:
    """The packet as amqtt, which knows MQTT 3.1.1, reads it."""
    return asyncio.run(kind.from_stream(BufferReader(data)))


@given(names, st.integers(0, 65535), st.none() | names, st.none() | names, st.none() | names)
def test_another_broker_reads_what_we_greet_with(
    client_id: str, keepalive: int, username: str | None, password: str | None, will: str | None
) -> None:
    data = packets.connect_packet(
        4,
        client_id,
        keepalive_s=keepalive,
        username=username,
        password=password if username else None,
        will_topic=will,
    )
    packet = read(ConnectPacket, data)
    assert isinstance(packet, ConnectPacket)
    assert (packet.proto_name, packet.proto_level, packet.clean_session_flag) == ("MQTT", 4, True)
    assert (packet.client_id, packet.keep_alive, packet.username) == (
        client_id,
        keepalive,
        username,
    )
    assert packet.password == (password if username else None)
    assert packet.will_flag == (will is not None)
    if will is not None:
        assert (packet.will_topic, bytes(packet.will_message or b"")) == (will, b"")
        assert (packet.will_qos, packet.will_retain_flag) == (1, True)


@given(names.filter(lambda name: not set(name) & set("+#")), st.binary(max_size=40_000))
def test_another_broker_reads_what_we_publish(topic: str, payload: bytes) -> None:
    packet = read(PublishPacket, packets.publish(4, topic, payload))
    assert isinstance(packet, PublishPacket)
    assert (packet.topic_name, bytes(packet.data or b"")) == (topic, payload)
    assert (packet.qos, packet.retain_flag, packet.dup_flag) == (0, True, False)


def test_version_5_carries_how_long_a_message_holds() -> None:
    # MQTT 5.0, 3.3: retained PUBLISH, 12 bytes; topic; 5 bytes of properties; 0x02 and a u32
    assert packets.publish(5, "a/b", b"x", 30) == b"\x31\x0c\x00\x03a/b\x05\x02\x00\x00\x00\x1ex"
    assert packets.publish(5, "a/b", b"") == b"\x31\x06\x00\x03a/b\x00"


def test_version_5_greets_with_a_session_that_outlasts_its_will() -> None:
    data = packets.connect_packet(5, "me", keepalive_s=30, will_topic="w", will_delay_s=5)
    head = b"\x10\x1f\x00\x04MQTT\x05\x2e\x00\x1e\x05\x11\x00\x00\x00\x0d\x00\x02me"
    assert data == head + b"\x05\x18\x00\x00\x00\x05\x00\x01w\x00\x00"


def test_what_no_packet_can_hold_is_refused() -> None:
    with pytest.raises(ValueError, match="268435457"):
        packets.publish(4, "t", bytes(268_435_454))


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", None),
        (b"\x20\x02\x00", None),
        (b"\x20\x02\x00\x00", 0),
        (b"\x20\x02\x00\x05", 5),
        (b"\x20\x03\x00\x87\x00", 0x87),
        (b"\x20\x90\x01\x00", None),
        (b"\x20\x90\x01\x00\x00", 0),
        (b"H", -1),
        (b"HTTP/1.1", -1),
    ],
)
def test_the_answer_is_read_as_soon_as_it_can_be(data: bytes, code: int | None) -> None:
    assert packets.connack_code(data) == code


@given(st.binary(max_size=8))
def test_no_answer_breaks_the_reader(data: bytes) -> None:
    code = packets.connack_code(data)
    assert code is None or -1 <= code <= 255


def test_a_probe_is_the_shortest_connect() -> None:
    # MQTT 3.1.2: level, clean start, keepalive 5 s, (5.0: no properties), empty client id
    assert packets.probe_packet(5) == b"\x10\x0d\x00\x04MQTT\x05\x02\x00\x05\x00\x00\x00"
    assert packets.probe_packet(4) == b"\x10\x0c\x00\x04MQTT\x04\x02\x00\x05\x00\x00"


def test_a_broker_of_little_means_is_greeted_and_published_to_with_less() -> None:
    data = packets.connect_packet(
        4, "name", keepalive_s=1, will_topic="gone", retains=False, max_qos=0
    )
    packet = read(ConnectPacket, data)
    assert isinstance(packet, ConnectPacket)
    assert (packet.will_flag, packet.will_qos, packet.will_retain_flag) == (True, 0, False)
    assert packets.publish(4, "t", b"", is_retained=False)[0] == 0x30
