"""The rules of one room as whoever holds a key of it keeps and changes them."""

from __future__ import annotations

import asyncio
import math
import random
import secrets
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import replace

from resonance_tui.errors import BrokerError, BrokerRefused
from resonance_tui.hosting.protection import LIFETIME_S, kept_rules, renew_protection
from resonance_tui.listeners import Listeners
from resonance_tui.messaging.client import BrokerClient
from resonance_tui.protocol.events import HostKeyEvent, RulesEvent
from resonance_tui.protocol.frames import encode_host_key, encode_rules
from resonance_tui.protocol.messages import HOST_KEY, RULES, RULES_RATE
from resonance_tui.protocol.rules import NO_RULES, Act, RoomRules, SignedRules, sign_rules
from resonance_tui.protocol.topics import host_rules_id
from resonance_tui.room.authority import Authority
from resonance_tui.room.moderation import ACTS, perform
from resonance_tui.room_keys import MOST_AHEAD, LoggedAct, RoomKey, RoomKeys

SETTLE_S = 0.3  # after it an act holds, unless a co-host's crossed it on its way
TRIES = 10
REPAIR_EVERY_S = 1.0
REPEAT_EVERY_S = 10.0  # where newcomers are brought nothing by a wildcard
CONTESTED_S = 60.0  # after ours was written over
PACE_S = 4.0  # receivers take eight at once and two a second
MOST_TOPICS = 512  # whose newest rules are remembered


class Rulebook:
    """Signed messages in, the rules that hold out; acts in, signed messages out.

    What holds is kept on disk too: a broker forgets, and anybody can write into an open one.
    `publisher_id`: on whose topic it publishes. `changed`: called when other rules hold.
    """

    def __init__(
        self,
        keys: RoomKeys,
        key: RoomKey,
        publisher_id: str,
        *,
        spki: bytes = b"",
        voucher: bytes = b"",
        nickname: Callable[[str], str] = lambda viewer_id: "",
        is_open: bool = False,
    ) -> None:
        """`spki` and `voucher`: by the key of the broker's certificate, where that vouches.
        `nickname`: what a viewer is called now, for the log here. `is_open`: anybody may write
        on any topic, and so may we: where others write over ours, we are on a new one besides."""
        self.key, self.publisher_id = key, publisher_id
        self.changed: Listeners[[RoomRules]] = Listeners()
        self._keys, self._nickname = keys, nickname
        self._shown = HostKeyEvent(key.channel, key.host_public, spki, voucher)
        self._authority = Authority(key.channel, remembered=key.host_public, host_print=key.print)
        self._authority.take_key(self._shown, time.monotonic())
        self._seen_key: HostKeyEvent | None = None  # what the broker shows
        self._on_topics: dict[str, bytes] = {}  # the signature of the newest rules on each
        self._is_open = is_open
        self._may_show_exactly = True
        self.is_repeated = False  # set where newcomers are brought nothing by a wildcard
        self._shown_at = -math.inf  # on the topic that newcomers know; monotonic seconds
        self._second_topic = ""  # the id in it; "" while our own is left alone
        self._was_shown = False  # the broker showed ours, in this connection
        self._contested_until = -math.inf  # monotonic seconds
        self._unlogged: dict[Act, None] = {}  # acts that the log on disk may not have
        self._kept = b""  # the signature of the rules on disk
        # When our key's rules were published on our topic, from anywhere; monotonic seconds.
        self._sent: deque[float] = deque(maxlen=int(RULES_RATE.burst) - 2)
        self._own: SignedRules | None = None  # the last that we published
        self._repaired_at = -math.inf
        self._changing = asyncio.Lock()
        self._load()

    @property
    def channel(self) -> str:
        return self.key.channel

    @property
    def rules(self) -> RoomRules:
        """Those that hold now."""
        return self._authority.rules or NO_RULES

    @property
    def has_ended(self) -> bool:
        """Whether there were rules, and none hold now."""
        return self._authority.signed is None and self._authority.ended_at > 0

    def _load(self) -> None:
        """The rules of the last run, unless they have expired."""
        kept = kept_rules(self._keys, self.channel)
        if kept is not None and kept.signed is not None:
            self._kept = kept.signed.signature
            self._take(kept)

    # What arrives

    def observe(self, event: HostKeyEvent | RulesEvent) -> None:
        """A message of this room, forged or not."""
        if event.channel != self.channel:
            return
        if isinstance(event, HostKeyEvent):
            self._seen_key = event
            return
        if event.viewer_id in self._on_topics or len(self._on_topics) < MOST_TOPICS:
            self._on_topics[event.viewer_id] = event.signed.signature if event.signed else b""
        before = self._newest_own
        self._take(event)
        is_others = event.viewer_id == self.publisher_id and event.signed != self._own
        if is_others and self._newest_own > before:  # by the same key, on another machine
            self._sent.append(time.monotonic())

    def suspect(self, topic: str) -> None:
        """A message of that topic, of whatever room, was not read: what the broker shows there is
        not known."""
        if topic == HOST_KEY.topic.of(self.channel):
            self._seen_key = None
        elif topic.startswith(RULES.topic.of(self.channel, "")):
            self._on_topics.pop(topic.rpartition("/")[2], None)

    def forget(self) -> None:
        """The connection is lost: what the broker shows is not known any more."""
        self._on_topics.clear()
        self._seen_key, self._was_shown = None, False

    def _take(self, event: RulesEvent) -> None:
        before = self._authority.rules
        self._authority.take_rules(event)
        after = self._authority.look(time.monotonic(), time.time())
        if after != before:
            self._unlogged |= dict.fromkeys(self.rules.acts)
            self.changed(after or NO_RULES)

    # What is done

    async def change(
        self,
        client: BrokerClient,
        act: str,
        value: str = "",
        *,
        present: Sequence[str] = (),
        whom: str | None = None,
        is_noted: bool = True,
    ) -> RoomRules:
        """Perform an act of `room.moderation.ACTS`; returns once the broker has it and it holds.

        `is_noted`: among what was done. Raises InputError for a value that does not fit,
        BrokerRefused where this login or key must not rule here, BrokerError where others change
        the rules again and again, StoreError, MqttError.
        """
        async with self._changing:
            for _ in range(TRIES):
                await asyncio.sleep(self._turn_in_s)  # others go on: the rules are read after it
                before = self.rules
                rules = perform(
                    before,
                    *(act, value),
                    by=self.key.name,
                    t=time.time(),
                    present=present,
                    whom=whom,
                )
                note = rules.acts[-1]
                if not is_noted:
                    rules = replace(rules, acts=before.acts)
                signed = await self._publish_new(client, rules)
                if signed is None:
                    continue
                await asyncio.sleep(SETTLE_S)
                if note in self.rules.acts if is_noted else self._holds(act, value, present):
                    await self.keep()
                    return self.rules
                self._check_may_rule(signed)
                await asyncio.sleep(random.uniform(0.1, 0.5))
        raise BrokerError(
            "Others change the rules of this room at the same moment, again and again.",
            "Try once more in a minute.",
        )

    def _holds(self, act: str, value: str, present: Sequence[str]) -> bool:
        """Whether this act would change nothing more. Not for an act that cannot be done twice."""
        return ACTS[act].apply(self.rules, value, present) == self.rules

    async def _publish_new(self, client: BrokerClient, rules: RoomRules) -> SignedRules | None:
        """`rules` are made of those that hold now. None, and nothing is sent, where others hold
        once these are signed: they would undo an act that its author was told holds."""
        over = self._authority.signed
        signed = await asyncio.to_thread(self._sign, rules)
        if self._authority.signed != over:
            return None
        await self._publish(client, signed)
        self._take(RulesEvent(self.channel, self.publisher_id, signed))
        return signed

    def _check_may_rule(self, signed: SignedRules) -> None:
        """Raises BrokerRefused where rules of ours have no effect though they are the newest, or
        where others are numbered so that nothing comes after them."""
        if self._authority.number - time.time() >= MOST_AHEAD:
            raise BrokerRefused(
                f"A co-host has numbered the rules of {self.channel} so that none come after them.",
                "End what that co-host may do: room cohost revoke",
            )
        if not self.key.is_host and self._authority.number < signed.number:
            raise BrokerRefused(
                f"This machine's key for {self.channel} does not rule there (any more).",
                "Ask the host to make you a co-host again.",
            )

    @property
    def _newest_own(self) -> int:
        """The highest number that our key has signed, as far as is known."""
        return self._authority.newest_of(self.key.key.public)

    def _sign(self, rules: RoomRules) -> SignedRules:
        """Blocking: the number is on disk before it is used."""
        now = time.time()
        above, key = self._authority.number, self.key
        number = self._keys.take_number(self.channel, above, now, own=self._newest_own)
        expires_at = int(now) + LIFETIME_S
        return sign_rules(rules, self.channel, number, expires_at, key.key, key.delegation)

    async def _publish(self, client: BrokerClient, signed: SignedRules) -> None:
        self._sent.append(time.monotonic())
        self._own = signed
        message = RULES.outgoing(encode_rules(signed), self.channel, self.publisher_id)
        await client.send(message)
        client.check_taken(
            f"The broker does not let this login rule {self.channel}.",
            "Use an account of that room, or of the role host: --broker mqtt://NAME@HOST",
        )
        self._on_topics[self.publisher_id] = signed.signature
        self._was_shown = True
        self._repaired_at = time.monotonic()
        if self._is_open and self._repaired_at < self._contested_until:
            await self._publish_aside(client, signed)
        if self.is_repeated:
            await self._show_newcomers(client, signed)

    async def _show_newcomers(self, client: BrokerClient, signed: SignedRules) -> None:
        """On the topic that follows from the room's key: those who are there hear it by their
        wildcard, and who comes later is brought it. Where access rules refuse it, only the
        former."""
        self._shown_at = time.monotonic()
        exact = host_rules_id(self.key.host_public)
        who = exact if self._may_show_exactly else self.publisher_id
        await client.send(RULES.outgoing(encode_rules(signed), self.channel, who))
        if client.was_refused:
            self._may_show_exactly = False
        else:
            self._on_topics[who] = signed.signature

    async def _publish_aside(self, client: BrokerClient, signed: SignedRules) -> None:
        """On a topic that nobody floods yet: receivers take only so much from each."""
        before, self._second_topic = self._second_topic, f"key-{secrets.token_hex(6)}"
        frame = encode_rules(signed)
        await client.send(RULES.outgoing(frame, self.channel, self._second_topic))
        self._on_topics[self._second_topic] = signed.signature
        if before:
            self._on_topics.pop(before, None)
            await client.send(RULES.outgoing(b"", self.channel, before))

    @property
    def _turn_in_s(self) -> float:
        """Seconds until we publish again: receivers drop what comes too fast on one topic, and the
        last word must not be it."""
        is_full = len(self._sent) == self._sent.maxlen
        return max(0.0, self._sent[0] + PACE_S - time.monotonic()) if is_full else 0.0

    async def show_key(self, client: BrokerClient) -> None:
        """Publish the room's own key, unless the broker shows it. A co-host has no say in that."""
        if not self.key.is_host or self._is_key_shown:
            return
        shown = self._shown
        payload = encode_host_key(self.key.host_public, shown.spki, shown.voucher)
        await client.send(HOST_KEY.outgoing(payload, self.channel))
        self._seen_key = shown

    @property
    def _is_key_shown(self) -> bool:
        """With our voucher, where we have one."""
        seen = self._seen_key
        return seen is not None and (
            seen == self._shown or (seen.key == self._shown.key and not self._shown.voucher)
        )

    # For as long as somebody keeps the room

    async def keep_up(self, client: BrokerClient) -> None:
        """One look, at most once a second: what was overwritten is published again, what is about
        to expire is renewed. Raises MqttError, BrokerRefused, StoreError."""
        if time.monotonic() - self._repaired_at < REPAIR_EVERY_S or self._changing.locked():
            return
        self._authority.look(time.monotonic(), time.time())
        await self.show_key(client)
        signed = self._authority.signed
        if signed is None:
            await self._outlast()
            return
        is_our_turn = self._turn_in_s == 0  # else at a later look: other rooms wait for this one
        is_old = self.key.is_host and signed.expires_at - time.time() < LIFETIME_S / 2
        if is_old and is_our_turn:
            await self._publish_new(client, self.rules)
        elif signed.signature in self._on_topics.values():
            self._was_shown = True
            if self.is_repeated and time.monotonic() - self._shown_at >= REPEAT_EVERY_S:
                await self._show_newcomers(client, signed)
        elif is_our_turn:
            if self._was_shown:  # else we have only just come
                self._contested_until = time.monotonic() + CONTESTED_S
            await self._publish(client, signed)
        await self.keep()

    async def _outlast(self) -> None:
        """Rules that ended as this machine slept. Raises StoreError."""
        if self._authority.ended_at and await asyncio.to_thread(
            renew_protection, self._keys, self.key
        ):
            self._load()

    async def keep(self) -> None:
        """Write what holds to disk, and who did what. Raises StoreError."""
        signed = self._authority.signed
        if signed is None or (signed.signature == self._kept and not self._unlogged):
            return
        acts = [self._logged(act) for act in {**self._unlogged, **dict.fromkeys(self.rules.acts)}]
        self._kept, self._unlogged = signed.signature, {}
        await asyncio.to_thread(self._write, signed, acts)

    def _write(self, signed: SignedRules, acts: Sequence[LoggedAct]) -> None:
        self._keys.keep_rules(self.channel, encode_rules(signed))
        self._keys.log(self.channel, acts)

    def _logged(self, act: Act) -> LoggedAct:
        return LoggedAct(float(act.t), act.by, act.what, act.whom, self._nickname(act.whom))

    def acts(self) -> list[LoggedAct]:
        """What is kept, and what the rules say since; oldest first. Raises StoreError."""
        return list(
            dict.fromkeys([*self._keys.acts(self.channel), *map(self._logged, self.rules.acts)])
        )
