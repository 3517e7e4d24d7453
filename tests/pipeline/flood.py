"""A hostile client for tests: run as `flood.py PORT SECONDS RATE`, it prints how much it sent."""

from __future__ import annotations

import random
import socket
import struct
import sys
import time

from resonance_tui.emotions import Emotion
from resonance_tui.protocol.frames import encode_nickname, encode_report, encode_room
from resonance_tui.protocol.messages import NICKNAME, REPORT, ROOM_SETTINGS, TOTAL
from resonance_tui.protocol.packets import connect_packet, publish
from resonance_tui.protocol.values import Report, RoomSettings

CHANNEL = "cinema"
ATTACKERS = 40


def topic(dice: random.Random) -> str:
    """Everything that one can write to, one's own and not."""
    name = f"mallory{dice.randrange(ATTACKERS)}"
    return dice.choice(
        [
            *[REPORT.topic.of(CHANNEL, name)] * 4,
            *[NICKNAME.topic.of(CHANNEL, name)] * 2,
            ROOM_SETTINGS.topic.of(CHANNEL),
            TOTAL.topic.of(CHANNEL),
            f"resonance/1/{CHANNEL}/r/{dice.randrange(10**9)}/{name}",
            f"resonance/1/{CHANNEL}/r/0/{dice.randbytes(20).hex()}",
            f"resonance/1/{CHANNEL}/n/0/{'x' * dice.randrange(1, 300)}",
            f"resonance/1/other/r/0/{name}",
            "foreign/topic",
        ]
    )


def payload(dice: random.Random) -> bytes:
    """Random, cut short, far too long, nested a thousand deep; never one that is valid."""
    good = dice.choice(
        [
            encode_report(Report(1_790_000_000, dice.randrange(10**6), Emotion.FEAR, 50)),
            encode_nickname("Mallory"),
            encode_room(RoomSettings()),
        ]
    )
    return dice.choice(
        [
            b"\xc1" + dice.randbytes(dice.randrange(40)),
            good[: dice.randrange(1, len(good) - 1)],
            dice.randbytes(3900),
            b"\x91" * dice.randrange(1, 60),
            b"\x91" * 3900,
            b"\x81\xa1v" * 500,
            b"\xdd\xff\xff\xff\xff" + dice.randbytes(20),
            b"\xc7\xff\x01" + bytes(60),
        ]
    )


def main(port: int, seconds: float, rate: int) -> None:
    dice = random.Random(5)
    batch = rate // 50
    batches = [b"".join(live(topic(dice), payload(dice)) for _ in range(batch)) for _ in range(100)]
    line = socket.create_connection(("127.0.0.1", port))
    line.sendall(connect_packet(4, "flood", keepalive_s=0))
    assert line.recv(4)[0] == 0x20
    start = time.monotonic()
    for number in range(int(seconds * 50)):
        line.sendall(batches[number % 100])
        time.sleep(max(0.0, start + number / 50 - time.monotonic()))
    line.close()
    print(int(seconds * 50) * batch)


def live(name: str, data: bytes) -> bytes:
    """Not retained, three times of four."""
    packet = publish(4, name, data)
    return packet if data[0] % 4 == 0 else struct.pack("!B", packet[0] & ~1) + packet[1:]


if __name__ == "__main__":
    main(int(sys.argv[1]), float(sys.argv[2]), int(sys.argv[3]))
