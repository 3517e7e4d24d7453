"""Saved logins: accounts at brokers, with the certificate pinned for each."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from resonance_tui.errors import StoreError
from resonance_tui.files import read_private, write_private
from resonance_tui.texts import mark


@dataclass(frozen=True, slots=True)
class SavedLogin:
    """One account at one broker, for one channel."""

    broker: str  # scheme://host:port: a login made under TLS is not sent without it
    channel: str
    user: str  # also the viewer's id in that channel
    password: str = field(repr=False)
    pin: str = ""  # SHA-256 of the broker's certificate; "" where an authority has signed it
    invite: str = ""  # the id of the invite that it is from
    is_confirmed: bool = False  # the host has accepted it
    also_at: tuple[str, ...] = ()  # the same broker under other addresses, as `broker` is written

    def is_for(self, broker: str) -> bool:
        """Whether that is one of its broker's addresses."""
        return broker == self.broker or broker in self.also_at


class Logins:
    """The file of saved logins, which its owner alone can read.

    Unlike the profile it is never treated as empty when damaged: an account is not made twice.
    """

    def __init__(self, file: Path) -> None:
        self._file = file

    def all(self) -> list[SavedLogin]:
        """Raises StoreError for a file that cannot be read."""
        try:
            return msgspec.json.decode(read_private(self._file), type=list[SavedLogin])
        except FileNotFoundError:
            return []
        except (OSError, msgspec.MsgspecError, RecursionError, UnicodeError) as error:
            raise StoreError(
                mark(
                    "The saved logins in {file} cannot be read: {error}",
                    file=self._file,
                    error=error,
                ),
                mark("Fix the file, or move it away and ask the host for a new invite."),
            ) from error

    def find(self, broker: str, channel: str, pin: str | None = None) -> SavedLogin | None:
        """For that channel at that address; else under another address of the same broker, by the
        link (the newest) or by its certificate."""
        ours = [each for each in self.all() if each.channel == channel and each.is_confirmed]
        here = [each for each in ours if each.broker == broker]
        linked = [each for each in reversed(ours) if each.is_for(broker)]
        moved = [each for each in ours if pin and each.pin == pin]
        return next(iter([*here, *linked, *moved]), None)

    def of_invite(self, invite: str) -> SavedLogin | None:
        """What that invite became, or was about to become when it was cut short."""
        return next((each for each in self.all() if each.invite == invite), None)

    def any_for(self, broker: str) -> SavedLogin | None:
        """Some login at that address, for what needs no particular channel."""
        ours = [each for each in self.all() if each.is_for(broker) and each.is_confirmed]
        ours.sort(key=lambda each: each.broker != broker)
        return next(iter(ours), None)

    def pin_for(self, broker: str) -> str | None:
        """The only certificate to accept there, by the newest login; None where none is known."""
        pins = [each.pin for each in self.all() if each.broker == broker and each.is_confirmed]
        return next(filter(None, reversed(pins)), None)

    def keep(self, login: SavedLogin) -> None:
        """Store it; a confirmed login replaces any other for that channel at that broker.
        Raises StoreError."""
        others = [each for each in self.all() if not each.invite or each.invite != login.invite]
        if login.is_confirmed:
            place = (login.broker, login.channel)
            others = [each for each in others if (each.broker, each.channel) != place]
        self._write([*others, login])

    def forget(self, login: SavedLogin) -> None:
        """Raises StoreError."""
        self._write([each for each in self.all() if each != login])

    def _write(self, logins: list[SavedLogin]) -> None:
        try:
            write_private(self._file, msgspec.json.format(msgspec.json.encode(logins), indent=1))
        except OSError as error:
            raise StoreError(
                mark(
                    "The login cannot be written to {file}: {strerror}.",
                    file=self._file,
                    strerror=error.strerror,
                ),
                mark("Make that folder writable, or set RESONANCE_DATA_DIR to another one."),
            ) from error
