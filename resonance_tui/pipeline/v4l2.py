"""What a driver of Linux (V4L2) says of a camera's node."""

from __future__ import annotations

import os
import struct

QUERY = 0x80685600  # VIDIOC_QUERYCAP, which fills a struct v4l2_capability
SIZE, AT = 104, 84  # bytes of it, and where its two words of capabilities begin
PICTURES = 0x1 | 0x1000  # V4L2_CAP_VIDEO_CAPTURE, and the same in several planes
OF_THE_NODE = 0x80000000  # the second word is there, and is of this node alone


def gives_pictures(node: str) -> bool:
    """Whether pictures can be had from it. A virtual camera that no program feeds gives none, nor
    does the second node of a real one, which describes its pictures. True where nobody says."""
    import fcntl  # not on every system

    answer = bytearray(SIZE)
    try:
        descriptor = os.open(node, os.O_RDWR | os.O_NONBLOCK)
        try:
            fcntl.ioctl(descriptor, QUERY, answer)
        finally:
            os.close(descriptor)
    except OSError:
        return True
    return captures(answer)


def captures(capability: bytes | bytearray) -> bool:
    """Whether a struct v4l2_capability is that of a node with pictures."""
    of_all, of_node = struct.unpack_from("=2I", capability, AT)
    return bool((of_node if of_all & OF_THE_NODE else of_all) & PICTURES)
