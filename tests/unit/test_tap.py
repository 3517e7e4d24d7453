"""The tap of the wire: whole packets, nothing secret, and nothing that grows."""

from __future__ import annotations

import struct
from pathlib import Path
from types import SimpleNamespace

import msgpack
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from resonance_tui.errors import InputError
from resonance_tui.messaging.pcap import HEADER, PcapFile, record
from resonance_tui.messaging.tap import KEPT, Caught, Framer, Taps, publication, scrubbed
from resonance_tui.messaging.wire_log import Shown, WireLog
from resonance_tui.messaging.wire_words import words_of
from resonance_tui.protocol.packets import PINGREQ, connect_packet, publish
from resonance_tui.secret import MASK

REPORT = "resonance/1/cats/r/7/alice"
PAYLOAD = msgpack.packb([1, 1000, 5, 0, 83, 0])
KNOCK = "resonance/door/abcdefgh/knock"


def publish_packet(version: int, topic: str, payload: bytes) -> bytes:
    return publish(version, topic, payload, is_retained=False)


def caught(
    packet: bytes, *, is_sent: bool = True, is_v5: bool = True, connection: int = 1
) -> Caught:
    return Caught(1000.25, is_sent, "mqtt://broker:1883", connection, is_v5, packet, len(packet))


@settings(max_examples=40)
@given(st.lists(st.binary(max_size=400), max_size=6), st.data())
def test_packets_come_out_whole_however_the_stream_is_cut(
    bodies: list[bytes], data: st.DataObject
) -> None:
    packets = [publish_packet(5, REPORT, body) for body in bodies]
    stream, framer, found = b"".join(packets), Framer(), []
    while stream:
        cut = data.draw(st.integers(1, len(stream)))
        found += framer.feed(stream[:cut])
        stream = stream[cut:]
    assert found == [(packet, len(packet)) for packet in packets]


def test_a_packet_that_is_too_long_costs_no_more_than_its_beginning() -> None:
    framer, long = Framer(), publish_packet(5, REPORT, b"x" * 300_000)
    (packet, size), (after, _) = framer.feed(long + PINGREQ)
    assert size == len(long) and len(packet) <= KEPT + 5 and after == PINGREQ


def test_what_is_no_mqtt_is_not_kept() -> None:
    framer = Framer()
    assert framer.feed(b"\xff" * 100_000) == []
    assert framer.feed(PINGREQ) == []


@pytest.mark.parametrize("version", [4, 5])
@pytest.mark.parametrize("will", [None, REPORT])
def test_a_login_is_masked_and_the_packet_stays_one(version: int, will: str | None) -> None:
    login = {"username": "mia", "password": "correct horse battery"}
    plain = connect_packet(version, "rsn-alice", keepalive_s=8, will_topic=will, **login)
    clean = scrubbed(plain, version == 5)
    assert b"mia" not in clean and b"horse" not in clean
    assert clean.count(MASK.encode()) == 2 and b"rsn-alice" in clean
    assert Framer().feed(clean) == [(clean, len(clean))]
    assert will is None or will.encode() in clean
    without = connect_packet(version, "rsn-alice", keepalive_s=8, will_topic=will)
    assert scrubbed(without, version == 5) == without


@settings(max_examples=60)
@given(st.integers(0, 15), st.binary(max_size=80), st.booleans())
def test_nothing_that_comes_breaks_the_tap_or_its_words(
    kind: int, body: bytes, is_v5: bool
) -> None:
    packet = bytes((kind << 4, len(body))) + body
    clean = scrubbed(packet, is_v5)
    said = words_of(caught(clean, is_v5=is_v5))
    assert said.kind is not None and all(char.isprintable() for char in said.topic + said.says)


@pytest.mark.parametrize("topic", [KNOCK, "$CONTROL/dynamic-security/v1", "else/where"])
def test_what_may_hold_a_secret_is_not_shown(topic: str) -> None:
    plain = publish_packet(5, topic, b"password=hunter22")
    clean = scrubbed(plain, True)
    assert b"hunter22" not in clean and len(clean) == len(plain)
    assert publication(clean, True)[0] == topic
    assert words_of(caught(clean)).says == "not shown: it may hold a secret"


@pytest.mark.parametrize("version", [4, 5])
def test_a_report_is_told_in_words(version: int) -> None:
    packet = publish_packet(version, REPORT, PAYLOAD)
    said = words_of(caught(packet, is_v5=version == 5))
    assert (said.kind, said.topic) == ("report", REPORT)
    assert "code=happiness" in said.says and "confidence=83" in said.says
    assert "alice" not in said.says  # its topic says so
    cleared = publish_packet(version, REPORT, b"")
    assert words_of(caught(cleared, is_v5=version == 5)).says.startswith("nothing: taken back")


def test_what_is_no_message_of_ours_is_said() -> None:
    said = words_of(caught(publish_packet(5, REPORT, b"\xc1")))
    assert said.kind == "report" and "Not a frame of ours" in said.says


def test_the_log_forgets_the_oldest_and_counts_all() -> None:
    log = WireLog(most=3)
    for number in range(5):
        log(caught(PINGREQ, is_sent=number % 2 == 0))
    log(caught(publish_packet(5, REPORT, PAYLOAD)))
    assert len(log.packets()) == 3
    assert (log.sent.packets, log.received.packets) == (4, 2)
    assert log.received.bytes == 4
    assert [each.packet[0] >> 4 for each in log.packets(Shown.MESSAGES)] == [3]
    assert all(each.is_sent for each in log.packets(Shown.SENT))
    assert not any(each.is_sent for each in log.packets(Shown.RECEIVED))


def test_a_tap_sees_what_is_written_and_read_and_nobody_pays_without_one() -> None:
    sent: list[bytes] = []

    def send(data: bytes) -> int:
        sent.append(data[:3])  # as a socket that is nearly full
        return 3

    paho = SimpleNamespace(_sock_send=send, _sock_recv=lambda size: b"\xd0\x00")
    taps, found = Taps(), WireLog()
    taps.attach(paho, "mqtt://broker:1883", is_v5=True)
    assert paho._sock_send is send  # nobody listens
    packet = publish_packet(5, REPORT, PAYLOAD)
    with taps.listening(found):
        taps.attach(paho, "mqtt://broker:1883", is_v5=True)
        for at in range(0, len(packet), 3):
            paho._sock_send(packet[at:])
        assert paho._sock_recv(2) == b"\xd0\x00"
    assert [(each.is_sent, each.packet) for each in found.packets()] == [
        (True, packet),
        (False, b"\xd0\x00"),
    ]
    paho._sock_recv(2)
    assert found.received.packets == 1  # after the block


# The file


def records(data: bytes) -> list[bytes]:
    assert data[: len(HEADER)] == HEADER
    at, found = len(HEADER), []
    while at < len(data):
        kept, length = struct.unpack("<II", data[at + 8 : at + 16])
        assert kept == length
        found.append(data[at + 16 : at + 16 + kept])
        at += 16 + kept
    return found


def ones_sum(data: bytes) -> int:
    data += b"\0" * (len(data) % 2)
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return total


def test_the_file_holds_what_was_sent_as_a_stream_to_the_port_of_mqtt(tmp_path: Path) -> None:
    path = tmp_path / "new" / "sent.pcap"
    path.parent.mkdir()
    file = PcapFile(path)
    first, second = publish_packet(5, REPORT, PAYLOAD), PINGREQ
    for each in (caught(first), caught(PINGREQ, is_sent=False), caught(second)):
        file(each)
    file(caught(first, connection=2))
    file.close()
    assert path.stat().st_mode & 0o077 == 0
    one, two, other = records(path.read_bytes())
    for ip in (one, two, other):
        assert ip[0] == 0x45 and int.from_bytes(ip[2:4], "big") == len(ip)
        assert ones_sum(ip[:20]) == 0xFFFF
        pseudo = ip[12:20] + struct.pack("!BBH", 0, 6, len(ip) - 20)
        assert ones_sum(pseudo + ip[20:]) == 0xFFFF
        assert int.from_bytes(ip[22:24], "big") == 1883
    assert (one[40:], two[40:]) == (first, second)
    sequence = [int.from_bytes(ip[24:28], "big") for ip in (one, two, other)]
    assert sequence == [1, 1 + len(first), 1]
    assert one[20:22] == two[20:22] != other[20:22]


def test_a_full_disk_ends_the_file_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[str] = []
    file = PcapFile(tmp_path / "sent.pcap", said.append)
    file(caught(PINGREQ))
    whole = (tmp_path / "sent.pcap").read_bytes()
    monkeypatch.setattr(file, "_file", FullDisk(file._file))
    file(caught(publish_packet(5, REPORT, PAYLOAD)))
    file(caught(PINGREQ))
    assert said == ["No space left on device"]
    assert (tmp_path / "sent.pcap").read_bytes() == whole
    file.close()


class FullDisk:
    """A file of which some bytes are still written."""

    def __init__(self, file: object) -> None:
        self._file = file

    def write(self, data: bytes) -> int:
        return self._file.write(data[:5])  # type: ignore[attr-defined]

    def __getattr__(self, name: str) -> object:
        return getattr(self._file, name)


@pytest.mark.parametrize("name", ["", "none/there/is/file"])
def test_a_file_that_cannot_be_written_is_said(tmp_path: Path, name: str) -> None:
    (tmp_path / "none").write_text("")
    with pytest.raises(InputError):
        PcapFile(tmp_path / name)


def test_a_record_has_its_time() -> None:
    assert struct.unpack("<II", record(caught(PINGREQ), 0)[:8]) == (1000, 250_000)
