"""A hostile client for tests, written against rules: run as
`forger.py PORT SECONDS RATE CHANNEL FILE [USER PASSWORD]`, it prints how much it sent.

It says whatever a host would say, signed by itself, by nobody, or by the host long ago or in
another room. FILE holds such genuine frames, one in hexadecimal digits a line.
"""

from __future__ import annotations

import random
import socket
import sys
import time
from dataclasses import replace
from pathlib import Path

from resonance_tui.protocol.frames import encode_host_key, encode_rules
from resonance_tui.protocol.messages import HOST_KEY, RULES, decode
from resonance_tui.protocol.packets import connect_packet, publish
from resonance_tui.protocol.rules import (
    NUMBER_MOST,
    RoomRules,
    SignedRules,
    delegate,
    encode_delegation,
    sign_rules,
)
from resonance_tui.signing import SigningKey

LIES = RoomRules(muted=("ann", "ben"), removed=("ann",), closed="It is over", nicknames_off=True)
TOPICS = ("resonance-host", "host", "ann", "mallory", *(f"mallory{n}" for n in range(200)))


def forgeries(channel: str, genuine: list[bytes], dice: random.Random) -> list[bytes]:
    """Payloads for a topic of rules; none of them is the host's newest word."""
    soon = int(time.time()) + 3600
    mine, name = SigningKey.generate(), "Mallory"
    by_me = encode_delegation(delegate(mine, channel, mine.public, name, soon))
    lies = [
        sign_rules(LIES, channel, number, soon, mine, delegation)
        for number in (1, int(time.time()) + 10**6, NUMBER_MOST)
        for delegation in (b"", by_me, dice.randbytes(40))
    ]
    events = [decode(RULES.topic.of(channel, "any"), frame) for frame in genuine]
    known: list[SignedRules] = [each.signed for each in events]  # type: ignore[union-attr]
    stolen = [replace(each, number=each.number + 10**6) for each in known]
    stolen += [replace(each, expires_at=each.expires_at + 10**6) for each in known]
    stolen += [replace(each, body=lies[0].body) for each in known]
    stolen += [replace(lies[0], key=each.key) for each in known]  # the host's key, my signature
    stolen += [replace(lies[0], key=each.key, signature=each.signature) for each in known]
    whole = [*genuine, *map(encode_rules, [*lies, *stolen])]
    broken = [each[: dice.randrange(1, len(each))] for each in whole]
    return [*whole, *broken, b"", b"\xc1" * 30, b"\x97" * 900, dice.randbytes(3500)]


def packets(channel: str, genuine: list[bytes], count: int) -> list[bytes]:
    """`count` publications, most of them retained, as MQTT 3.1.1."""
    dice = random.Random(7)
    payloads = forgeries(channel, genuine, dice)
    keys = [encode_host_key(SigningKey.generate().public) for _ in range(5)]
    keys += [encode_host_key(SigningKey.generate().public, dice.randbytes(91), dice.randbytes(70))]
    found: list[bytes] = []
    for _ in range(count):
        if dice.random() < 0.05:
            found.append(publish(4, HOST_KEY.topic.of(channel), dice.choice([*keys, b"", b"no"])))
        else:
            topic = RULES.topic.of(channel, dice.choice(TOPICS))
            found.append(publish(4, topic, dice.choice(payloads)))
    return found


def main(port: int, seconds: float, rate: int, channel: str, file: Path, *login: str) -> None:
    genuine = [bytes.fromhex(line) for line in file.read_text(encoding="ascii").split()]
    batch = rate // 50
    ready = packets(channel, genuine, 20 * batch)
    batches = [b"".join(ready[n : n + batch]) for n in range(0, len(ready), batch)]
    line = socket.create_connection(("127.0.0.1", port))
    user, password = login or (None, None)
    hello = connect_packet(4, "forger", keepalive_s=0, username=user, password=password)
    line.sendall(hello)
    assert line.recv(4)[3] == 0, "not let in"
    start = time.monotonic()
    for number in range(int(seconds * 50)):
        line.sendall(batches[number % len(batches)])
        time.sleep(max(0.0, start + number / 50 - time.monotonic()))
    line.close()
    print(int(seconds * 50) * batch)


if __name__ == "__main__":
    main(
        int(sys.argv[1]), float(sys.argv[2]), int(sys.argv[3]), sys.argv[4], Path(sys.argv[5]),
        *sys.argv[6:],
    )  # fmt: skip
