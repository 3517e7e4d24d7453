"""What was sent, as a file that other programs read: a pcap of TCP segments to port 1883, which
Wireshark, tshark, tcpdump and scapy take for MQTT without being told.

The packets are what the broker was sent inside TLS or a WebSocket; the segments around them are
made up, with addresses that are kept for documentation, so that the file shows no address.
"""

from __future__ import annotations

import contextlib
import errno
import os
import struct
from collections.abc import Callable
from pathlib import Path

from resonance_tui.errors import InputError
from resonance_tui.files import write_private
from resonance_tui.messaging.tap import Caught
from resonance_tui.texts import mark

RAW_IP = 101  # LINKTYPE_RAW: what follows begins with an IP header
HEADER = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65_535, RAW_IP)
OTHER = mark("Name another file.")
PORT, FIRST_PORT = 1883, 40_000
VIEWER, BROKER = bytes((192, 0, 2, 1)), bytes((192, 0, 2, 2))  # RFC 5737
_TCP, _PUSH_ACK, _WINDOW, _HOPS = 6, 0x18, 65_535, 64


class PcapFile:
    """Takes what is sent, and leaves out what is received; a listener of `TAPS`.

    A disk that is full ends the file, whole records in it, and nothing else: `on_trouble` is told
    why, once.
    """

    def __init__(self, path: Path, on_trouble: Callable[[str], object] = lambda _: None) -> None:
        """Writes or replaces `path`, which its owner alone can read. Raises InputError."""
        self.path, self._on_trouble = path, on_trouble
        self._sequence: dict[int, int] = {}  # by connection: bytes that were sent on it
        self._end = len(HEADER)
        try:
            if path.exists() and not path.is_file():
                raise InputError(mark("What --pcap names is no file."), OTHER)
            if not path.parent.is_dir():  # `write_private` would make it
                raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT))
            write_private(path, HEADER)
            self._file = path.open("r+b", buffering=0)
            self._file.seek(self._end)
        except OSError as error:
            why = error.strerror or mark("it is no path")
            # The path itself is not repeated: a login may have been pasted there by mistake.
            words = mark("The file of --pcap cannot be written: {why}.", why=why)
            raise InputError(words, OTHER) from error

    def __call__(self, caught: Caught) -> None:
        if not caught.is_sent or self._file.closed:
            return
        sent = self._sequence.get(caught.connection, 0)
        self._sequence[caught.connection] = sent + len(caught.packet)
        try:
            self._write(record(caught, sent))
        except OSError as error:
            self._give_up(error.strerror or str(error))

    def close(self) -> None:
        self._file.close()

    def _write(self, data: bytes) -> None:
        if self._file.write(data) != len(data):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        self._end += len(data)

    def _give_up(self, why: str) -> None:
        with contextlib.suppress(OSError):
            self._file.truncate(self._end)
        with contextlib.suppress(OSError):
            self._file.close()
        self._on_trouble(why)


def record(caught: Caught, sent: int) -> bytes:
    """One packet as a record of the file; `sent`: bytes that went before it on its connection."""
    ip = _ip(_segment(FIRST_PORT + caught.connection % 20_000, sent, caught.packet))
    micros = round(caught.at * 1e6)
    return struct.pack("<IIII", micros // 10**6, micros % 10**6, len(ip), len(ip)) + ip


def _segment(port: int, sent: int, data: bytes) -> bytes:
    head = struct.pack(
        "!HHIIBBHHH", port, PORT, (1 + sent) % 2**32, 1, 5 << 4, _PUSH_ACK, _WINDOW, 0, 0
    )
    pseudo = VIEWER + BROKER + struct.pack("!BBH", 0, _TCP, len(head) + len(data))
    return head[:16] + _checksum(pseudo + head + data) + head[18:] + data


def _ip(segment: bytes) -> bytes:
    length = 20 + len(segment)
    head = struct.pack("!BBHHHBBH", 0x45, 0, length, 0, 0x4000, _HOPS, _TCP, 0) + VIEWER + BROKER
    return head[:10] + _checksum(head) + head[12:] + segment


def _checksum(data: bytes) -> bytes:
    """The Internet's: ones' complement of the sum of 16-bit words."""
    data += b"\0" * (len(data) % 2)
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return struct.pack("!H", ~total & 0xFFFF)
