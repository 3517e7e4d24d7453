"""A recording of LSL streams as LabRecorder writes it: an XDF 1.0 file."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from pathlib import Path
from typing import Any

HEADER, STREAM_HEADER, SAMPLES, CLOCK_OFFSET, STREAM_FOOTER = 1, 2, 3, 4, 6
Pulled = Sequence[tuple[list[Any], float]]


def write_xdf(path: Path, streams: Sequence[tuple[Any, Pulled, float]]) -> None:
    """`streams`: an inlet of pylsl, what was pulled from it, and the offset of its clock."""
    with path.open("wb") as file:
        file.write(b"XDF:")
        file.write(_chunk(HEADER, b'<?xml version="1.0"?><info><version>1.0</version></info>'))
        for number, (inlet, pulled, offset) in enumerate(streams, 1):
            who = struct.pack("<I", number)
            file.write(_chunk(STREAM_HEADER, who + inlet.info().as_xml().encode()))
            file.write(_chunk(CLOCK_OFFSET, who + struct.pack("<dd", pulled[0][1], offset)))
            file.write(
                _chunk(SAMPLES, who + _counted(len(pulled)) + b"".join(map(_sample, pulled)))
            )
            file.write(_chunk(STREAM_FOOTER, who + _footer(pulled)))


def _sample(pulled: tuple[list[Any], float]) -> bytes:
    values, stamp = pulled
    return b"\x08" + struct.pack("<d", stamp) + b"".join(map(_value, values))


def _value(value: str | int) -> bytes:
    if isinstance(value, int):
        return struct.pack("<i", value)
    text = value.encode()
    return _counted(len(text)) + text


def _footer(pulled: Pulled) -> bytes:
    first, last = pulled[0][1], pulled[-1][1]
    told = f"<first_timestamp>{first}</first_timestamp><last_timestamp>{last}</last_timestamp>"
    count = f"<sample_count>{len(pulled)}</sample_count>"
    return f'<?xml version="1.0"?><info>{told}{count}</info>'.encode()


def _chunk(tag: int, content: bytes) -> bytes:
    return _counted(len(content) + 2) + struct.pack("<H", tag) + content


def _counted(length: int) -> bytes:
    return b"\x04" + struct.pack("<I", length)
