"""paho's reading, with a guard before it: nothing that arrives ends a connection but the loss of
the framing itself.

Works on paho's inner reading: it has no public way to look at a packet before it is handled.
"""

# pyright: reportPrivateUsage=false

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

import paho.mqtt.client as mqtt
from paho.mqtt.enums import MQTTErrorCode

from resonance_tui.messaging.packet_guard import (
    CONNACK,
    KEPT,
    MAX_PACKET,
    PUBACK,
    PUBLISH,
    SUBACK,
    UNSUBACK,
    Packet,
    fault,
    repaired,
)

_CHUNK = 65_536  # bytes that are read at once, however long a packet says it is
_RESERVED_TYPE = b"\x01"  # as unknown to paho as type 0, which it takes for nothing read yet
_ANSWERS = (PUBACK, SUBACK, UNSUBACK)
_log = logging.getLogger(__name__)


class GuardedReader:
    """Leaves out broken packets, and acknowledges those that the broker waits for.

    `is_awaited`: whether somebody waits for the answer (PUBACK, SUBACK, UNSUBACK) to this packet
    id. `on_broken` is called with the topic of what was left out, "" where it has none.
    """

    def __init__(
        self,
        paho: mqtt.Client,
        is_awaited: Callable[[int, int], bool],
        on_broken: Callable[[str], object],
    ) -> None:
        self.is_connected = False  # the CONNACK has come
        self._paho: Any = paho
        self._is_v5 = paho._protocol == mqtt.MQTTv5
        self._is_awaited = is_awaited
        self._on_broken = on_broken
        self._receive_plain, self._handle_plain = self._paho._sock_recv, self._paho._packet_handle
        self._paho._sock_recv, self._paho._packet_handle = self._receive, self._handle

    def _receive(self, size: int) -> bytes:
        """Of a packet that is too long only the beginning is kept."""
        arriving = self._paho._in_packet
        if arriving["have_remaining"] and arriving["remaining_length"] > MAX_PACKET:
            del arriving["packet"][KEPT:]
        data: bytes = self._receive_plain(min(size, _CHUNK))
        return _RESERVED_TYPE if data == b"\0" and arriving["command"] == 0 else data

    def _handle(self) -> MQTTErrorCode:
        arrived = self._paho._in_packet
        size = 1 + len(arrived["remaining_count"]) + arrived["remaining_length"]
        packet = Packet(arrived["command"], bytes(arrived["packet"][:KEPT]), size)
        is_answer = packet.type in _ANSWERS and self.is_connected
        if is_answer and not self._is_awaited(packet.type, packet.packet_id):
            return self._leave_out(packet, "answer to nothing")
        why = fault(packet, is_v5=self._is_v5, is_connected=self.is_connected)
        if not why:
            code, why = self._try()
            if not why:
                return code
        return self._repair(packet, why)

    def _try(self) -> tuple[MQTTErrorCode, str]:
        """What the library makes of the packet, and why that failed."""
        try:
            code = self._handle_plain()
        except Exception as error:  # whatever a library raises over bytes from the network
            return MQTTErrorCode.MQTT_ERR_PROTOCOL, f"{type(error).__name__}: {error}"
        is_wrong = code == MQTTErrorCode.MQTT_ERR_PROTOCOL and self.is_connected
        return code, "not an MQTT packet" if is_wrong else ""

    def _repair(self, packet: Packet, why: str) -> MQTTErrorCode:
        """Hands over what is left of a broken answer; everything else is left out."""
        expected = _ANSWERS if self.is_connected else (CONNACK,)
        body = repaired(packet, is_v5=self._is_v5) if packet.type in expected else None
        if body is not None:
            self._paho._in_packet["packet"] = bytearray(body)
            code, again = self._try()
            if not again:
                self._count(packet, why)
                return code
        return self._leave_out(packet, why)

    def _leave_out(self, packet: Packet, why: str) -> MQTTErrorCode:
        self._count(packet, why)
        if packet.type == CONNACK and not self.is_connected:
            return MQTTErrorCode.MQTT_ERR_PROTOCOL
        if packet.type != PUBLISH or not packet.packet_id:
            return MQTTErrorCode.MQTT_ERR_SUCCESS
        answer = self._paho._send_puback if packet.qos == 1 else self._paho._send_pubrec
        return answer(packet.packet_id)

    def _count(self, packet: Packet, why: str) -> None:
        _log.debug("left out: %s (topic %r)", why, packet.topic[:128])
        self._on_broken(packet.topic)
