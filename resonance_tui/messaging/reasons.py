"""What a broker means by a reason code of MQTT 5, and what follows from it: pure.

The same code says the same in CONNACK, SUBACK, PUBACK and DISCONNECT.
"""

from __future__ import annotations

from dataclasses import dataclass

from resonance_tui.errors import (
    BrokerError,
    BrokerForbids,
    BrokerRefused,
    BrokerUnfit,
    BrokerUnreachable,
)
from resonance_tui.protocol.sanitize import safe_text
from resonance_tui.texts import mark

REFUSAL = 0x80  # from here on; what is below is success
UNSUPPORTED_PROTOCOL = 0x84
LOGIN_REFUSED = (0x86, 0x87)
TAKEN_OVER = 0x8E
RETAIN_NOT_SUPPORTED, QOS_NOT_SUPPORTED = 0x9A, 0x9B
_NOT_AUTHORIZED = 0x87
_WITHOUT_A_REASON = (0x80, 0x83)  # in MQTT 3.1.1, and of brokers that do not say more
_ANOTHER_PLACE = (0x9C, 0x9D)

NEEDS = mark(
    "Use a broker that has it: Mosquitto (resonance-tui broker starts one), NATS, EMQX, ..."
)
_ASK = mark("Ask who runs it")


@dataclass(frozen=True, slots=True)
class _Reason:
    """`words` follow the broker's name. `kind`: BrokerUnreachable where it is worth trying
    again, BrokerForbids where who runs it has to change something, BrokerUnfit where nothing
    helps."""

    words: str
    kind: type[BrokerError] = BrokerUnreachable
    hint: str = ""


_REASONS = {
    0x81: _Reason(mark("could not read what we sent")),
    0x82: _Reason(mark("says that we broke the rules of MQTT")),
    0x85: _Reason(
        mark("does not accept our client id"),
        BrokerForbids,
        mark("{ask}: ours begin with rsn-", ask=_ASK),
    ),
    0x87: _Reason(
        mark("does not let us in (any more)"), BrokerRefused, mark("Ask the host for access")
    ),
    0x88: _Reason(mark("is not available at the moment")),
    0x89: _Reason(mark("is too busy at the moment")),
    0x8A: _Reason(mark("has banned us"), BrokerForbids, _ASK),
    0x8B: _Reason(mark("is shutting down")),
    0x8C: _Reason(mark("wants another kind of login than user and password"), BrokerForbids, _ASK),
    0x8D: _Reason(mark("heard nothing from us for too long")),
    TAKEN_OVER: _Reason(mark("let in another program with our client id")),
    0x8F: _Reason(
        mark("does not accept our subscriptions"),
        BrokerForbids,
        mark("{ask}: resonance/#", ask=_ASK),
    ),
    0x90: _Reason(
        mark("does not accept our topics"), BrokerForbids, mark("{ask}: resonance/#", ask=_ASK)
    ),
    0x93: _Reason(mark("was sent more at once than it takes")),
    0x95: _Reason(mark("was sent a packet that is too large for it")),
    0x96: _Reason(mark("was sent more messages than it takes")),
    0x97: _Reason(mark("has used up what we are allowed there (quota exceeded)")),
    0x98: _Reason(mark("ended the connection by order of its administrator")),
    RETAIN_NOT_SUPPORTED: _Reason(mark("keeps no messages")),
    QOS_NOT_SUPPORTED: _Reason(mark("takes messages at QoS 0 only")),
    0x9C: _Reason(mark("asks us to use another server for now")),
    0x9D: _Reason(
        mark("has moved for good"), BrokerUnfit, mark("Ask the host for its new address")
    ),
    0x9F: _Reason(mark("gets too many connections at once")),
    0xA0: _Reason(mark("ends every connection after a while")),
    0xA2: _Reason(
        mark("allows no subscription with a wildcard, and without one no room can be heard"),
        BrokerUnfit,
        NEEDS,
    ),
}
_OTHER = _Reason(mark("turned us away without a known reason"))


def problem_of(code: int, broker: str, *, server: str = "") -> BrokerError:
    """What a broker's refusal of a connection, or its end, means. `broker`: its host and port;
    `server`: the other server that it names."""
    reason = _REASONS.get(code, _OTHER)
    where = f": {safe_text(server, 80)}" if server and code in _ANOTHER_PLACE else ""
    number = "" if code in _REASONS else mark(" (reason code {code})", code=code)
    said = mark("{broker} {words}{more}", broker=broker, words=reason.words, more=where or number)
    return reason.kind(said, reason.hint)


def refusal_of(code: int, broker: str, denied: BrokerRefused) -> BrokerError:
    """What the refusal of a subscription or a publication means: `denied` where it is about
    rights, or where no reason is given."""
    return denied if is_denial(code) else problem_of(code, broker)


def is_denial(code: int) -> bool:
    """Whether it is about rights, or no reason is given."""
    return code == _NOT_AUTHORIZED or code in _WITHOUT_A_REASON
