"""One MQTT connection: aiomqtt without its known faults, and its errors as `BrokerError`s."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import math
import socket
from collections.abc import AsyncGenerator, Awaitable, Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any, TypeGuard, TypeVar, cast

import aiomqtt
import paho.mqtt.client as mqtt
from aiomqtt import Message, MqttCodeError, MqttError, ProtocolVersion, Will
from aiomqtt.exceptions import MqttConnectError
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode
from paho.mqtt.subscribeoptions import SubscribeOptions

from resonance_tui.errors import BrokerError, BrokerRefused, BrokerUnfit, BrokerUnreachable
from resonance_tui.messaging import limits, probe, reasons
from resonance_tui.messaging.dial import dial
from resonance_tui.messaging.guarded_reader import GuardedReader
from resonance_tui.messaging.limits import WillLimits
from resonance_tui.messaging.packet_guard import MAX_PACKET, PUBACK, SUBACK
from resonance_tui.messaging.tap import TAPS
from resonance_tui.messaging.tls import client_context, tls_name
from resonance_tui.protocol.messages import HOST_KEY, RULES
from resonance_tui.protocol.table import Outgoing
from resonance_tui.protocol.topics import is_drawn_id
from resonance_tui.protocol.traits import BrokerTraits
from resonance_tui.protocol.urls import BrokerUrl
from resonance_tui.texts import mark

if TYPE_CHECKING:
    from resonance_tui.messaging.bridge import Bridge

KEEPALIVE_S = 8  # a broker gives up after 1.5 times this; a ping is due only without a heartbeat
WILL_DELAY_S = 2  # MQTT 5: who dials again within it has never been away
_SESSION_S = 8  # MQTT 5: kept beyond the will's delay
_LIBRARY_LOG = logging.getLogger(f"{__name__}.library")
_LIBRARY_LOG.setLevel(logging.CRITICAL)  # its complaints are raised as errors, too
_PROTOCOL_ERROR = 0x82
_MOST_IN_FLIGHT = 20  # publications at QoS 1
_CONNECT_TIMEOUT_S = 3.0  # for TCP, and for TLS, in a thread that cannot be interrupted
_DISCONNECT_TIMEOUT_S = 1.0
_NO_NAGLE = ((socket.IPPROTO_TCP, socket.TCP_NODELAY, 1),)  # a report is not held back

# Topic and payload of one message; whether the broker kept it from before the subscription, and
# the seconds after which it forgets it then, where it says so.
Arrival = Callable[[str, bytes, bool, int | None], None]

T = TypeVar("T")


def ignore(_topic: str, _payload: bytes, _is_retained: bool, _left_s: int | None) -> None:
    """The Arrival of a connection that only publishes."""


@dataclass(frozen=True, slots=True)
class Watch:
    """Who is told what a connection meets. `on_broken`: the topic of each broken packet, "" where
    it has none; `on_notice`: a line for a person."""

    on_broken: Callable[[str], object] = lambda _topic: None
    on_notice: Callable[[str], object] = lambda _line: None


class NoConnack(BrokerUnreachable):
    """The TCP connection was accepted, and no CONNACK of our MQTT version came."""


class _RefusedConnect(MqttConnectError):
    """As aiomqtt raises it for a CONNACK; of others the code is a plain number."""

    rc: ReasonCode


class _ClosedEarly(MqttError):
    """The broker closed the connection instead of a CONNACK, or right after it."""


class Farewell(MqttCodeError):
    """The connection has ended. `is_said`: by a DISCONNECT of the broker, which gives the code;
    else, for a protocol error, the framing of the stream is lost."""

    def __init__(self, code: ReasonCode, *, is_said: bool, server: str) -> None:
        super().__init__(code, "Unexpected disconnection")
        self.code = code.value
        self.is_said = is_said
        self.server = server

    @property
    def is_explained(self) -> bool:
        return self.is_said or self.is_stream_broken

    @property
    def is_stream_broken(self) -> bool:
        return not self.is_said and self.code == _PROTOCOL_ERROR


class _PassThroughQueue(asyncio.Queue[Message]):
    """Hands each message to a callback at once and stays empty.

    aiomqtt's own iteration needs several iterations of the event loop for a message; past some
    1,000 a second it falls behind for good while its queue grows.
    """

    def __init__(self, maxsize: int = 0, *, arrival: Arrival) -> None:
        super().__init__(maxsize)
        self._arrival = arrival

    def put_nowait(self, item: Message) -> None:
        left_s = getattr(item.properties, "MessageExpiryInterval", None) if item.retain else None
        self._arrival(item.topic.value, item.payload, item.retain, left_s)


class BrokerClient(aiomqtt.Client):
    """aiomqtt's client, except that it never leaves a socket or a task behind."""

    _is_aborted = False
    _bridge: Bridge | None = None  # to a broker behind a web port
    _last_answer: ReasonCode | None = None  # to a publication at QoS 1
    is_resumed = False  # the broker has kept this client's session, with its subscriptions

    def __init__(self, url: BrokerUrl, watch: Watch, learned: WillLimits, **options: Any) -> None:
        """`learned`: what this broker refused of a will. `options`: as aiomqtt takes them."""
        super().__init__(tls_name(url), url.port, **options)
        self._url = url
        self._on_notice = watch.on_notice
        self._learned = learned
        TAPS.attach(self._client, url.place, is_v5=self.is_v5)
        self._guard = GuardedReader(self._client, self._is_awaited, watch.on_broken)
        self._traits = limits.traits_of(None, learned, is_v5=self.is_v5)
        self.server_reference = ""  # another server, which a broker names that refuses us

    @property
    def is_v5(self) -> bool:
        return self._client.protocol == ProtocolVersion.V5

    @property
    def traits(self) -> BrokerTraits:
        """Known from the CONNACK on."""
        return self._traits

    @property
    def tells_refusals(self) -> bool:
        """Whether it answers publications with a reason: in MQTT 5, and not at QoS 0."""
        return self.is_v5 and self._traits.max_qos > 0

    async def connect(self, url: BrokerUrl, tcp_timeout_s: float) -> None:
        """Connects. Raises MqttError, with everything of the connection closed."""
        self._client.connect_timeout = tcp_timeout_s
        self._disconnected.add_done_callback(self._end_connect)
        sock = await _dial(url.host, url.port, tcp_timeout_s)
        if url.is_websocket:
            self._bridge = await _to_web(url, sock, tcp_timeout_s)
            sock = self._bridge.socket
        # paho tries one address after the other, each for the whole time. It has no public way to
        # be given a connection; the name that its TLS checks stays the broker's.
        self._client._create_socket_connection = lambda: sock  # pyright: ignore[reportPrivateUsage]
        try:
            await super().__aenter__()
            # A connection that dies together with its CONNACK is reported before aiomqtt
            # listens for it; it would wait for messages for ever. Two turns of the loop read it.
            for _ in range(2):
                await asyncio.sleep(0)
            if not self._client.is_connected():
                raise _ClosedEarly("closed right after the CONNACK")
        except BaseException:
            self.abort()
            self._loop.call_soon(sock.close)  # paho may never have taken it
            raise

    async def disconnect(self) -> None:
        """Sends DISCONNECT, so that no will is published; after a second, closes the socket."""
        try:
            async with asyncio.timeout(_DISCONNECT_TIMEOUT_S):
                await super().__aexit__(None, None, None)
        except (MqttError, TimeoutError):
            pass
        finally:
            self.abort()
            if self._bridge is not None:  # else a DISCONNECT is still under way when we end
                await self._bridge.wait_closed()

    def abort(self) -> None:
        """Closes the socket without DISCONNECT; the broker publishes the will."""
        self._is_aborted = True
        # One iteration later, after callbacks already queued that start watching that socket.
        # paho has no public way to close it without DISCONNECT.
        self._loop.call_soon(self._client._sock_close)  # pyright: ignore[reportPrivateUsage]

    async def send(self, message: Outgoing) -> None:
        """Publishes a message; at QoS 1, returns once the broker has it. Does without what the
        broker cannot do; a message that is too long for it is left out, and said."""
        traits, qos = self._traits, min(message.qos, self._traits.max_qos)
        size = limits.publish_size(message, is_v5=self.is_v5, qos=qos)
        if traits.max_packet is not None and size > traits.max_packet:
            self._on_notice(limits.left_out(message, traits))
            return
        properties = None
        if self.is_v5 and message.expiry_s is not None:
            properties = Properties(PacketTypes.PUBLISH)
            properties.MessageExpiryInterval = message.expiry_s
        await self.publish(
            message.topic,
            message.payload,
            qos,
            retain=message.retain and traits.retains,
            properties=properties,
        )

    async def may_write(self, topic: str) -> bool:
        """Tries by clearing it, without retaining anything; not while others send. True also
        where the broker does not say: see `tells_refusals`."""
        if not self.tells_refusals:
            return True
        self._last_answer = None
        await self.publish(topic, b"", 1)
        return not self.was_refused

    def check_taken(self, message: str, hint: str) -> None:
        """Raises BrokerRefused(message, hint) where this user may not publish what was sent last,
        another BrokerError where the broker refused it for another reason."""
        if self._last_answer is not None and self.was_refused:
            code, denied = self._last_answer.value, BrokerRefused(message, hint)
            raise reasons.refusal_of(code, self._url.authority, denied)

    @property
    def was_refused(self) -> bool:
        """Whether the broker denied the last publication it answered; known in MQTT 5 only."""
        return self._last_answer is not None and self._last_answer.value >= reasons.REFUSAL

    @property
    def was_denied(self) -> bool:
        """As `was_refused`, by access rules."""
        return self._last_answer is not None and reasons.is_denial(self._last_answer.value)

    def _on_publish(
        self, client: Any, userdata: Any, mid: int, reason_code: Any, properties: Any
    ) -> None:
        self._last_answer = reason_code if isinstance(reason_code, ReasonCode) else None
        super()._on_publish(client, userdata, mid, reason_code, properties)

    async def _wait_for(
        self,
        fut: Awaitable[T],
        timeout: float | None,  # noqa: ASYNC109 - aiomqtt's own name
    ) -> T:
        """As aiomqtt's own, which waits by `asyncio.wait_for`: that loses, below Python 3.12, a
        cancellation that arrives with the answer."""
        seconds = self.timeout if timeout is None else timeout
        try:
            async with asyncio.timeout(None if seconds == math.inf else seconds):
                return await fut
        except TimeoutError:
            raise MqttError("Operation timed out") from None

    async def ask(self, within_s: float) -> None:
        """Waits for an answer of the broker. There is no smaller question: it is about a
        subscription that nobody has. Raises MqttError where none comes."""
        await self.unsubscribe("-", timeout=within_s)

    async def follow_others(self, topic: str) -> None:
        """Subscribes at QoS 0 to what others publish there; below MQTT 5, to everything there."""
        options = SubscribeOptions(qos=0, noLocal=True) if self.is_v5 else None
        await self.subscribe(topic, 0, options)

    async def follow(self, topic: str, qos: int) -> None:
        """Subscribes. Raises BrokerRefused when the broker denies it, BrokerUnfit where it can
        not do it, BrokerUnreachable for what may pass.

        Below MQTT 5 always at QoS 0: a cluster of NATS keeps, for each
        subscription at QoS 1, a queue on the disks of several machines.
        """
        limits.check_subscription(topic, self._traits, self._url.authority)
        for code in await self.subscribe(topic, qos if self.is_v5 else 0):
            value = code.value if isinstance(code, ReasonCode) else code
            if value >= reasons.REFUSAL:
                denied = BrokerRefused(
                    mark("The broker does not let this user read the channel"),
                    mark("Ask the host for access, or use another user"),
                )
                raise reasons.refusal_of(value, self._url.authority, denied)

    def _is_awaited(self, packet_type: int, packet_id: int) -> bool:
        if packet_type == PUBACK:
            return packet_id in self._client._out_messages  # pyright: ignore[reportPrivateUsage]
        if packet_type == SUBACK:
            return packet_id in self._pending_subscribes
        return packet_id in self._pending_unsubscribes

    def _on_connect(
        self, client: Any, userdata: Any, flags: Any, reason_code: Any, properties: Any = None
    ) -> None:
        self.is_resumed = bool(flags.session_present)
        self._traits = limits.traits_of(properties, self._learned, is_v5=self.is_v5)
        self.server_reference = getattr(properties, "ServerReference", "")
        # paho lets it be set before connecting only, when it is not known yet.
        in_flight = min(_MOST_IN_FLIGHT, self._traits.receive_max)
        client._max_inflight_messages = in_flight
        self._guard.is_connected = reason_code.value < reasons.REFUSAL
        super()._on_connect(client, userdata, flags, reason_code, properties)

    def _on_socket_open(self, client: Any, userdata: Any, sock: Any) -> None:
        """Runs in the connecting thread, perhaps long after the caller was cancelled."""
        if self._is_aborted:
            sock.close()
            raise ConnectionAbortedError("this connection attempt was cancelled")
        self._loop.call_soon_threadsafe(self._watch_socket, client, userdata, sock)

    def _watch_socket(self, client: Any, userdata: Any, sock: Any) -> None:
        if self._is_aborted:
            self.abort()
        else:
            super()._on_socket_open(client, userdata, sock)

    def _on_socket_register_write(self, client: Any, userdata: Any, sock: Any) -> None:
        """Perhaps in the connecting thread, too."""
        self._loop.call_soon_threadsafe(self._watch_for_writing, client, sock)

    def _watch_for_writing(self, client: Any, sock: Any) -> None:
        if sock.fileno() >= 0:  # else it was closed, and its number may be reused
            self._loop.add_writer(sock, self._write, client)

    def _write(self, client: Any) -> None:
        try:
            client.loop_write()
        except Exception as error:
            if not self._disconnected.done():
                self._disconnected.set_exception(error)

    def _on_disconnect(
        self, client: Any, userdata: Any, flags: Any, reason_code: Any, properties: Any = None
    ) -> None:
        if not self._connected.done():
            if not self._disconnected.done():
                self._disconnected.set_result(None)
        elif not reason_code.value or self._connected.exception() is not None:
            super()._on_disconnect(client, userdata, flags, reason_code, properties)
        elif not self._disconnected.done():
            is_said = flags.is_disconnect_packet_from_server
            server = getattr(properties, "ServerReference", "")
            farewell = Farewell(reason_code, is_said=is_said, server=server)
            self._disconnected.set_exception(farewell)

    def _end_connect(self, disconnected: asyncio.Future[None]) -> None:
        """Without this, a broker that closes on CONNECT is waited for until the time-out."""
        cause = None if disconnected.cancelled() else disconnected.exception()
        if not self._connected.done():
            self._connected.set_exception(_ClosedEarly(f"no CONNACK: {cause}"))


async def follow_rules(client: BrokerClient, channel: str) -> None:
    """Subscribes to the room's key, and then to all rules; not where the broker's own rules, made
    before there were such topics, deny it. Raises as `follow` for all else."""
    try:
        await client.follow(HOST_KEY.topic.of(channel), 1)
        await client.follow(RULES.topic.filter(channel=channel), 1)
    except BrokerUnfit:
        raise
    except BrokerRefused:
        return


async def _dial(host: str, port: int, timeout_s: float) -> socket.socket:
    """A blocking socket, as paho wants it. Raises MqttError, its cause as the context."""
    try:
        async with asyncio.timeout(timeout_s):
            sock = await dial(host, port)
    except (OSError, TimeoutError, UnicodeError) as error:  # Unicode: not a name for a host
        raise MqttError(str(error)) from None
    sock.settimeout(timeout_s)
    return sock


async def _to_web(url: BrokerUrl, sock: socket.socket, timeout_s: float) -> Bridge:
    """A WebSocket over the connection. Raises MqttError, its cause as the context."""
    from resonance_tui.messaging.bridge import open_bridge

    sock.setblocking(False)
    try:
        async with asyncio.timeout(timeout_s):
            bridge = await open_bridge(url, sock, client_context(url))
    except (OSError, TimeoutError) as error:
        raise MqttError(str(error)) from None
    bridge.socket.settimeout(timeout_s)
    return bridge


@contextlib.asynccontextmanager
async def broker_client(
    url: BrokerUrl,
    arrival: Arrival,
    *,
    identifier: str,
    version: int,
    will_topic: str | None = None,
    will_delay_s: int = WILL_DELAY_S,
    resumes: bool = False,
    keepalive_s: int = KEEPALIVE_S,
    answer_timeout_s: float = 5.0,
    watch: Watch | None = None,
) -> AsyncGenerator[BrokerClient]:
    """A connection for the length of the block; `arrival` is called for every message.

    `resumes`: the session of a connection before, where the broker has kept it (MQTT 5). Then
    that one's will is not sent over this one, at every broker tried.

    `version`: 5, or 4 for MQTT 3.1.1. The will, if any, clears `will_topic`, as far as the broker
    takes wills. `answer_timeout_s`: for each answer of the broker. Raises BrokerRefused,
    BrokerUnfit for a broker that no room can be held on, BrokerUnreachable; within the block,
    aiomqtt's MqttError says that the connection is lost.
    """
    is_v5 = version == 5

    def new_client(learned: WillLimits) -> BrokerClient:
        return BrokerClient(
            url,
            watch or Watch(),
            learned,
            username=url.username,
            password=url.password,
            logger=_LIBRARY_LOG,
            identifier=identifier,
            queue_type=cast(Any, partial(_PassThroughQueue, arrival=arrival)),
            protocol=ProtocolVersion(version),
            clean_start=not resumes if is_v5 else mqtt.MQTT_CLEAN_START_FIRST_ONLY,
            clean_session=None if is_v5 else True,
            properties=_connect_properties(will_delay_s) if is_v5 else None,
            will=_will(will_topic, will_delay_s if is_v5 else None, learned),
            keepalive=keepalive_s,
            socket_options=() if url.is_websocket else _NO_NAGLE,
            timeout=answer_timeout_s,
            tls_context=None if url.is_websocket else client_context(url),
        )

    client = await _connected(new_client, url, min(answer_timeout_s, _CONNECT_TIMEOUT_S))
    try:
        limits.check_fit(client.traits, url.authority)
        yield client
    finally:
        await client.disconnect()


async def _connected(
    new_client: Callable[[WillLimits], BrokerClient], url: BrokerUrl, timeout_s: float
) -> BrokerClient:
    """Connects; where the broker refuses everything because of the will, without that of it."""
    learned = WillLimits()
    while True:
        client = new_client(learned)
        try:
            await client.connect(url, timeout_s)
            return client
        except MqttError as error:
            before, learned = learned, _learned_from(error, learned)
            if learned == before:
                raise translate(error, url, client.server_reference) from None


def _learned_from(error: MqttError, before: WillLimits) -> WillLimits:
    code = error.rc.value if _has_reason(error) else None
    if code == reasons.RETAIN_NOT_SUPPORTED:
        return replace(before, retains=False)
    return replace(before, max_qos=0) if code == reasons.QOS_NOT_SUPPORTED else before


def _connect_properties(will_delay_s: int) -> Properties:
    properties = Properties(PacketTypes.CONNECT)
    # A will is not kept longer than its session.
    properties.SessionExpiryInterval = will_delay_s + _SESSION_S
    properties.MaximumPacketSize = MAX_PACKET  # the broker drops larger messages of others
    return properties


def _will(topic: str | None, delay_s: int | None, learned: WillLimits) -> Will | None:
    if topic is None:
        return None
    properties = None
    if delay_s is not None:
        properties = Properties(PacketTypes.WILLMESSAGE)
        properties.WillDelayInterval = delay_s
    qos = min(1, learned.max_qos)
    return Will(topic, b"", qos=qos, retain=learned.retains, properties=properties)


def farewell_in(error: MqttError) -> Farewell | None:
    """How the connection ended which this error is about, where that is known."""
    cause = error if isinstance(error, Farewell) else error.__cause__
    return cause if isinstance(cause, Farewell) else None


def _has_reason(error: MqttError) -> TypeGuard[_RefusedConnect]:
    return isinstance(error, MqttConnectError) and isinstance(error.rc, ReasonCode)


def translate(error: MqttError, url: BrokerUrl, server: str = "") -> BrokerError:
    """The BrokerError for a failed connection attempt of aiomqtt. `server`: another one that the
    broker names."""
    if _has_reason(error):
        return _refusal(error.rc.value, url, server)
    if isinstance(error, _ClosedEarly):
        return NoConnack(
            mark("{authority} closed the connection instead of answering", authority=url.authority)
        )
    failure = probe.translate(error.__context__, url)
    is_silence = isinstance(error.__context__, TimeoutError)
    return NoConnack(failure.message) if is_silence else failure


def _refusal(code: int, url: BrokerUrl, server: str) -> BrokerError:
    if code == reasons.UNSUPPORTED_PROTOCOL:
        return NoConnack(
            mark("{authority} speaks another version of MQTT", authority=url.authority)
        )
    if code not in reasons.LOGIN_REFUSED:
        return reasons.problem_of(code, url.authority, server=server)
    hint = mark(
        "Check user and password in {scheme}://user:password@{authority}{target}",
        scheme=url.scheme,
        authority=url.authority,
        target=url.target,
    )
    if url.username is None:
        invite = mark(
            "Ask the host for an invite, or write {scheme}://user:password@...", scheme=url.scheme
        )
        return BrokerRefused(
            mark("{authority} asks for a user and a password", authority=url.authority), invite
        )
    if is_drawn_id(url.username):  # of an account that a link once brought
        gone = mark("{authority} does not know this account any more", authority=url.authority)
        return BrokerRefused(gone, mark("Ask the host for a new link"))
    return BrokerRefused(
        mark("{authority} refused: wrong user or password", authority=url.authority), hint
    )
