"""Whom a viewer believes about a room: the room's own key, and the rules that hold by it.

Pure: times are arguments, signatures are arithmetic. Nothing here trusts a topic.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TypeVar

from resonance_tui.errors import WireError
from resonance_tui.protocol.events import HostKeyEvent, RulesEvent
from resonance_tui.protocol.rules import (
    KEY_PREFIX,
    Delegation,
    RoomRules,
    SignedRules,
    decode_body,
    decode_delegation,
    vouched,
)
from resonance_tui.room.trust import Trust
from resonance_tui.signing import PRINT_DIGITS, print_of, spki_print, verify_voucher

GRACE_S = 600  # clocks are wrong by minutes
VERIFICATIONS_PER_S, VERIFICATIONS_AT_ONCE = 50.0, 50.0  # 0.1 ms each
WAITING_MOST = 64  # rules that are not verified yet
ASIDE_MOST = 8  # rules of a key that is not believed
SIGNERS_MOST = 17  # the room's own key and its co-hosts
KNOWN_MOST = 32  # topics on which rules have held before
REFUSED_MOST = 256  # rules that were found wrong: as a whole, as a signature alone can be stolen
_FOR_ONE = 2.0  # verifications at most for one message: a co-host's delegation, and its rules

_Entry = TypeVar("_Entry")


@dataclass(frozen=True, slots=True)
class _Held:
    signed: SignedRules
    rules: RoomRules
    until: float  # epoch seconds

    @property
    def order(self) -> tuple[int, bytes]:
        return self.signed.number, self.signed.signature


class Authority:
    """Messages in, the rules that hold out, whatever the order or number of the messages.

    `host_print`: of the room's key, by a link; `spki_print`: of the certificate that vouches for
    it; both 32 hexadecimal digits. `remembered`: the key of an earlier run, 32 bytes, and
    `highest_number` what `highest_number` was then; `is_elsewhere`: it is known from another
    broker, so that it is believed where the room shows it, and is none to miss where the room
    shows another. `may_trust_first`: only the host can write the topic. `now` is monotonic
    seconds, `at` epoch seconds.
    """

    def __init__(
        self,
        channel: str,
        *,
        host_print: str | None = None,
        spki_print: str | None = None,
        remembered: bytes | None = None,
        is_elsewhere: bool = False,
        may_trust_first: bool = False,
        highest_number: int = 0,
    ) -> None:
        is_foreign = remembered and host_print and print_of(remembered) != host_print
        self.key = None if is_foreign or is_elsewhere else remembered  # the one that is believed
        self.trust = Trust.REMEMBERED if self.key else Trust.UNKNOWN
        self.shown: bytes | None = None  # another key that the room shows
        self.rules: RoomRules | None = None  # that hold now; None: there are none
        self.number = 0  # of those
        self.signed: SignedRules | None = None  # those, as they came
        self.verified = 0  # signatures since the start
        self._channel = channel
        self._host_print, self._spki_print = host_print, spki_print
        self._may_trust_first = may_trust_first
        self._elsewhere = remembered if is_elsewhere and not is_foreign else None
        self._elsewhere_number = highest_number
        self._floor = highest_number if self.key else 0
        self._is_confirmed = False  # the believed key was shown, or has signed, in this run
        self._tokens, self._refilled_at = VERIFICATIONS_AT_ONCE, -math.inf
        self._forget_rules()

    def _forget_rules(self) -> None:
        self._waiting: dict[str, SignedRules] = {}  # by topic
        self._aside: dict[str, SignedRules] = {}  # of another key, which may yet be believed
        self._known: dict[str, None] = {}  # topics, least lately heard first
        self._refused: dict[SignedRules, None] = {}
        self._last: dict[bytes, tuple[int, bytes]] = {}  # by signer: the newest that was valid
        self._held: dict[bytes, _Held] = {}  # by signer
        self._delegations: dict[bytes, Delegation] = {}  # valid ones, by their bytes
        self._revoked: tuple[bytes, ...] = ()
        self._look_again_at = math.inf  # epoch seconds
        self.ended_at = 0  # epoch seconds: the newest valid rules that have expired; 0 for none
        self.rules, self.number, self.signed = None, 0, None

    # --- the room's key --------------------------------------------------------------------------

    @property
    def highest_number(self) -> int:
        """To be remembered with the key: below it, nothing that the room's key signs will hold."""
        last = self._last.get(self.key) if self.key else None
        return max(self._floor, last[0] if last else 0)

    def newest_of(self, signer: bytes) -> int:
        """The highest number that this key has signed, as far as is known; 0 for none."""
        return self._last.get(signer, (0, b""))[0]

    @property
    def asks_for_first_use(self) -> bool:
        """A key is shown, and nothing speaks for it or against it."""
        return self.key is None and self.shown is not None and self._host_print is None

    @property
    def others(self) -> tuple[SignedRules, ...]:
        """Rules that somebody shows, and that hold not, or not yet."""
        return (*self._waiting.values(), *self._aside.values())

    def trust_first(self) -> None:
        """From now on the first key is believed: only the host can write the topic."""
        self._may_trust_first = True
        if self.asks_for_first_use:
            self.accept()

    def accept(self) -> None:
        """Believe the key that the room shows: the person has decided, or is the first to ask."""
        if self.shown is not None:
            self._believe(self.shown, Trust.FIRST_USE)

    def _believe(self, key: bytes, trust: Trust) -> None:
        if key != self.key:
            waiting = self._waiting | self._aside
            self._forget_rules()
            self._waiting = waiting
            self._floor = self._elsewhere_number if key == self._elsewhere else 0
        self.key, self.trust, self.shown, self._is_confirmed = key, trust, None, True

    def take(self, event: HostKeyEvent | RulesEvent, now: float) -> None:
        """Somebody shows a key or rules."""
        if isinstance(event, HostKeyEvent):
            self.take_key(event, now)
        else:
            self.take_rules(event)

    def take_key(self, event: HostKeyEvent, now: float) -> None:
        """Somebody shows a key. One that is believed is not lost by it."""
        if event.channel != self._channel or event.key is None:
            return
        self._refill(now)
        if self._is_named(event):
            self._believe(event.key, Trust.LINK)
        elif event.key == self.key:
            is_again = self.trust is Trust.CHANGED
            self._believe(event.key, Trust.REMEMBERED if is_again else self.trust)
        elif self.key is None and event.key == self._elsewhere:
            self._believe(event.key, Trust.REMEMBERED)
        elif self.key is None and self._may_trust_first and self._host_print is None:
            self._believe(event.key, Trust.FIRST_USE)
        elif self.trust is Trust.LINK or (self._is_confirmed and not self._may_trust_first):
            return  # whoever shows another one now is not the host
        else:
            self.shown = event.key
            is_other = self.key is not None or self._host_print is not None
            self.trust = Trust.CHANGED if is_other else Trust.UNKNOWN

    def _is_named(self, event: HostKeyEvent) -> bool:
        """Whether the link speaks for this key."""
        key = event.key or b""
        if self._host_print is not None:
            return print_of(key) == self._host_print
        if self._spki_print is None or spki_print(event.spki) != self._spki_print:
            return False
        if key == self.key and self.trust is Trust.LINK:
            return True  # a repetition costs nothing
        return self._may_verify() and verify_voucher(
            event.spki, event.voucher, vouched(self._channel, key)
        )

    # --- its rules -------------------------------------------------------------------------------

    def take_rules(self, event: RulesEvent) -> None:
        """Somebody shows rules. They are verified by `look`."""
        signed = event.signed
        if signed is None or event.channel != self._channel:
            return
        if not self._is_worth_it(signed):
            self._put_aside(event.viewer_id, signed)
            return
        if self._host_print is not None and self.key is None and not signed.delegation:
            self._name_by_link(signed.key)
        if event.viewer_id not in self._waiting and len(self._waiting) >= WAITING_MOST:
            if event.viewer_id not in self._known:
                return
            stranger = next((each for each in self._waiting if each not in self._known), None)
            if stranger is None:
                return
            del self._waiting[stranger]
        self._waiting[event.viewer_id] = signed

    def _put_aside(self, topic: str, signed: SignedRules) -> None:
        is_anothers = signed.key != self.key and not signed.delegation
        if is_anothers and (topic in self._aside or len(self._aside) < ASIDE_MOST):
            self._aside[topic] = signed

    def _name_by_link(self, key: bytes) -> None:
        """Rules bring their signer's key along: enough, where the link has its fingerprint."""
        if print_of(key) == self._host_print:
            self._believe(key, Trust.LINK)

    def _is_worth_it(self, signed: SignedRules) -> bool:
        """Whether these could hold, by all that costs nothing to find out."""
        if signed in self._refused:
            return False
        if self.key is None:
            return True  # it may come
        if (signed.number, signed.signature) <= self._last.get(signed.key, (-1, b"")):
            return False
        if not signed.delegation:
            return signed.key == self.key and signed.number >= self._floor
        is_new = signed.key not in self._last
        return not (
            signed.key == self.key
            or self._is_revoked(signed.key)
            or (is_new and len(self._last) >= SIGNERS_MOST)
        )

    def _is_revoked(self, key: bytes) -> bool:
        return key[:KEY_PREFIX] in self._revoked

    def look(self, now: float, at: float) -> RoomRules | None:
        """The rules that hold. Verifies what waits, within its budget."""
        self._refill(now)
        if self.key is None:
            return None
        is_news = False
        for topic in sorted(self._waiting, key=lambda each: each not in self._known):
            if self._tokens < _FOR_ONE:
                break
            is_news |= self._judge(topic, self._waiting.pop(topic), at)
        if is_news or at >= self._look_again_at:
            self._choose(at)
        return self.rules

    def _refill(self, now: float) -> None:
        since = max(0.0, now - self._refilled_at)
        self._tokens = min(VERIFICATIONS_AT_ONCE, self._tokens + since * VERIFICATIONS_PER_S)
        self._refilled_at = now

    def _may_verify(self) -> bool:
        if self._tokens < 1.0:
            return False
        self._tokens -= 1.0
        self.verified += 1
        return True

    def _judge(self, topic: str, signed: SignedRules, at: float) -> bool:
        """Whether these are valid; then they are kept."""
        if not self._is_worth_it(signed):
            return False
        is_over = signed.expires_at + GRACE_S <= at
        if is_over and signed.expires_at <= self.ended_at:
            return False
        until = self._signer_until(signed)
        rules = self._verified(signed) if until > at or is_over else None
        if is_over:
            if until > 0 and rules is not None:
                self.ended_at = signed.expires_at
                return False
            rules = None
        if rules is None:
            _keep(self._refused, signed, REFUSED_MOST)
            return False
        _keep(self._known, topic, KNOWN_MOST)
        self._last[signed.key] = signed.number, signed.signature
        self._held[signed.key] = _Held(signed, rules, min(until, signed.expires_at + GRACE_S))
        if signed.key == self.key:
            self._revoked, self._is_confirmed = rules.revoked, True
        return True

    def _signer_until(self, signed: SignedRules) -> float:
        """Until when this key may sign, epoch seconds; 0 where it may not."""
        if signed.key == self.key:
            return math.inf
        delegation = self._delegation(signed.delegation)
        is_theirs = delegation is not None and delegation.key == signed.key
        return delegation.expires_at + GRACE_S if is_theirs and delegation else 0.0

    def _delegation(self, data: bytes) -> Delegation | None:
        if data in self._delegations:
            return self._delegations[data]
        try:
            delegation = decode_delegation(data)
        except WireError:
            return None
        self._may_verify()
        if self.key is None or not delegation.is_signed_by(self.key, self._channel):
            return None
        if len(self._delegations) < 2 * SIGNERS_MOST:
            self._delegations[data] = delegation
        return delegation

    def _verified(self, signed: SignedRules) -> RoomRules | None:
        if not self._may_verify() or not signed.is_signed(self._channel):
            return None
        try:
            return decode_body(signed.body)
        except WireError:
            return None

    def _choose(self, at: float) -> None:
        over = [each.signed.expires_at for each in self._held.values() if each.until <= at]
        self.ended_at = max([self.ended_at, *over])
        self._held = {key: each for key, each in self._held.items() if each.until > at}
        self._look_again_at = min((each.until for each in self._held.values()), default=math.inf)
        may_hold = [
            each
            for key, each in self._held.items()
            if each.signed.number >= self._floor and not self._is_revoked(key)
        ]
        newest = max(may_hold, key=lambda each: each.order, default=None)
        rules = newest.rules if newest else None
        if rules is not None and rules.revoked != self._revoked:
            rules = replace(rules, revoked=self._revoked)
        self.number = newest.signed.number if newest else 0
        self.signed = newest.signed if newest else None
        self.rules = rules


def certificate_print(pin: str | None) -> str | None:
    """The part of a broker's pin that `spki_print` is: 32 digits are a public key's, 64 a whole
    certificate's, which vouches for nothing."""
    return pin if pin and len(pin) == PRINT_DIGITS else None


def _keep(entries: dict[_Entry, None], entry: _Entry, most: int) -> None:
    """Remembers it as the newest of at most so many."""
    entries.pop(entry, None)
    entries[entry] = None
    if len(entries) > most:
        del entries[next(iter(entries))]
