"""A host's rooms: their keys shown, their rules kept up, and what rules mean for its accounts."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from resonance_broker import AccountsStore, BrokerProblem
from resonance_broker.accounts import HOST_NAME, AccountList, Role, set_reading
from resonance_tui.errors import BrokerError, InputError, StoreError, WireError
from resonance_tui.hosting.rulebook import Rulebook
from resonance_tui.listeners import Listeners
from resonance_tui.messaging.client import BrokerClient
from resonance_tui.messaging.rate_limit import RateLimiter
from resonance_tui.protocol.events import HostKeyEvent, RulesEvent
from resonance_tui.protocol.messages import HOST_KEY, RULES, TABLE, decode
from resonance_tui.protocol.rules import RoomRules, vouched
from resonance_tui.room_keys import RoomKey, RoomKeys
from resonance_tui.signing import vouch

LOOK_EVERY_S = 0.5
_OURS = (HOST_KEY, RULES)


@dataclass(frozen=True, slots=True)
class Door:
    """Who comes in, where the broker asks for accounts. `locked`: rooms that let nobody new in."""

    store: AccountsStore | None
    locked: set[str]
    reload: Callable[[], None]  # makes the broker read the accounts again


class RoomKeeper:
    """Of the rooms of one host, on one connection after the other.

    A room whose key cannot be read or made goes on without rules of ours, and `say` tells why.
    """

    def __init__(
        self,
        keys: RoomKeys,
        channels: Sequence[str],
        door: Door,
        say: Callable[[str], object],
        *,
        tls_key: Path | None = None,
    ) -> None:
        """`tls_key`: of the broker's own certificate; it vouches for the rooms' keys."""
        self._keys, self._channels, self._door = keys, channels, door
        self._tls_key = tls_key
        self._say = Listeners(say)
        self._books: dict[str, Rulebook] = {}
        self._said: set[str] = set()
        self._limiter = RateLimiter()
        self._expelled: dict[str, frozenset[str]] = {}  # by channel: whose accounts have ended
        self._reading: dict[str, bool] = {}  # by channel: whether viewers read totals alone

    def observe(self, topic: str, payload: bytes) -> bool:
        """Whether the message is about rules, of whatever room; it is taken in then."""
        if TABLE.find(topic) not in _OURS:
            return False
        event = self._read(topic, payload)
        if event is None:
            for book in self._books.values():
                book.suspect(topic)
        elif event.channel in self._books:
            self._books[event.channel].observe(event)
        return True

    def _read(self, topic: str, payload: bytes) -> HostKeyEvent | RulesEvent | None:
        """None for what is broken, or too much."""
        if not self._limiter.allow(topic, time.monotonic()):
            return None
        try:
            event = decode(topic, payload)
        except WireError:
            return None
        return event if isinstance(event, HostKeyEvent | RulesEvent) else None

    async def begin(self, client: BrokerClient) -> None:
        """On a new connection: takes in what the broker shows, then shows the keys and rules.

        Raises MqttError, BrokerRefused.
        """
        if not self._books:
            await asyncio.to_thread(self._open_books)
        for book in self._books.values():
            book.forget()
        for _ in range(2):  # retained messages arrive before the second SUBACK
            for channel in self._books:
                await client.follow(HOST_KEY.topic.of(channel), 1)
                await client.follow(RULES.topic.filter(channel=channel), 1)
        for book in self._books.values():
            await book.show_key(client)
            await self._reopen(book, client)

    def _open_books(self) -> None:
        for channel in self._channels:
            try:
                self._books[channel] = self._book(self._keys.make(channel))
            except (StoreError, InputError) as problem:
                self._tell(f"{channel} goes on without rules: {problem.message} {problem.hint}")

    def _tell(self, sentence: str) -> None:
        """Each sentence once: the look behind it is taken again and again."""
        if sentence not in self._said:
            self._said.add(sentence)
            self._say(sentence)

    def _book(self, key: RoomKey) -> Rulebook:
        is_open, spki, voucher = self._door.store is None, b"", b""
        if key.is_host and self._tls_key is not None:
            spki, voucher = vouch(self._tls_key, vouched(key.channel, key.host_public))
        return Rulebook(*(self._keys, key, HOST_NAME), spki=spki, voucher=voucher, is_open=is_open)

    async def _reopen(self, book: Rulebook, client: BrokerClient) -> None:
        """Whoever starts a room means it to be open."""
        if book.rules.closed is not None:
            try:
                await book.change(client, "open")
            except (BrokerError, StoreError) as problem:
                self._tell(f"{book.channel} is still closed: {problem.message}")
        if book.rules.is_locked:
            how = f"resonance-tui room unlock {book.channel}"
            self._tell(f"{book.channel} is still locked: {how}")

    async def run(self, client: BrokerClient) -> None:
        """Until the connection is lost. Raises MqttError."""
        while True:
            for book in self._books.values():
                try:
                    await book.keep_up(client)
                    await self._enforce(book)
                    await self._close_small_rooms()
                except (BrokerError, BrokerProblem, StoreError) as problem:
                    self._tell(f"The rules of {book.channel} cannot be kept up: {problem.message}")
                    await asyncio.sleep(10 * LOOK_EVERY_S)
            await asyncio.sleep(LOOK_EVERY_S)

    async def _enforce(self, book: Rulebook) -> None:
        """What the rules mean for accounts. Raises BrokerProblem."""
        rules, channel = book.rules, book.channel
        (self._door.locked.add if _is_shut(rules) else self._door.locked.discard)(channel)
        removed = frozenset(rules.removed)
        if self._door.store is None or removed == self._expelled.get(channel, frozenset()):
            return
        if await asyncio.to_thread(self._expel, self._door.store, channel, removed):
            await asyncio.to_thread(self._door.reload)
        self._expelled[channel] = removed

    async def _close_small_rooms(self) -> None:
        """Where the rules keep counts back, accounts of viewers may read totals alone: the broker
        takes up what is stored. Rules that have ended open no room. Raises BrokerProblem."""
        books = [each for each in self._books.values() if not each.has_ended]
        rooms = {each.channel: bool(each.rules.least) for each in books}
        if self._door.store is not None and rooms != self._reading:
            await asyncio.to_thread(
                self._door.store.change, lambda before: (set_reading(before, rooms), None)
            )
        self._reading = rooms

    def _expel(self, store: AccountsStore, channel: str, names: Iterable[str]) -> bool:
        """Whether anybody's account has changed."""

        def change(before: AccountList) -> tuple[AccountList, bool]:
            after = expel(before, channel, names)
            return after, after != before

        return store.change(change)


def _is_shut(rules: RoomRules) -> bool:
    return rules.is_locked or rules.closed is not None


def expel(stored: AccountList, channel: str, names: Iterable[str]) -> AccountList:
    """`stored` without those viewers in that room: an account for it alone ends, one for several
    rooms loses this one. Accounts for every room, and those of hosts, stay: the rules hold for
    them too, and a co-host of one room has no say in the others. Invites stay used."""
    accounts = dict(stored.accounts)
    for name in names:
        account = accounts.get(name)
        if account is None or account.role is not Role.VIEWER or channel not in account.channels:
            continue
        others = tuple(each for each in account.channels if each != channel)
        if others:
            accounts[name] = replace(account, channels=others)
        else:
            del accounts[name]
    return replace(stored, accounts=accounts)
