"""The keys of rooms that this machine hosts or co-hosts, and what was done with them."""

from __future__ import annotations

import contextlib
import hashlib
import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Generator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TypeVar

import msgspec

from resonance_tui.errors import InputError, StoreError
from resonance_tui.files import lock_file, private_folder, read_private, write_private
from resonance_tui.protocol.rules import NUMBER_MOST
from resonance_tui.protocol.topics import is_channel
from resonance_tui.signing import KEY_BYTES, SigningKey, print_of
from resonance_tui.texts import mark

T = TypeVar("T")

HOST = "host"  # what the owner of the room's own key is called in the list of acts
MOST_ACTS = 2000  # lines of a room's log that are kept
MOST_AHEAD = 2**32  # seconds
_TEXT = re.compile(r"resonance-key-([A-Za-z0-9_=-]+)")
_CHECK_BYTES = 4


@dataclass(frozen=True, slots=True)
class GivenKey:
    """A co-host's key that was made here; the private half is with the co-host."""

    name: str
    public: bytes
    expires_at: float  # epoch seconds


@dataclass(frozen=True, slots=True)
class RoomKey:
    """With what this machine may rule a room."""

    channel: str
    key: SigningKey
    host_public: bytes  # 32 bytes; the room's own key, ours or the one that signed the delegation
    delegation: bytes = b""  # as it goes over the wire; empty for the room's own key
    name: str = HOST
    number: int = 0  # the highest one that was signed here
    given: tuple[GivenKey, ...] = ()

    @property
    def is_host(self) -> bool:
        """Whether it is the room's own key."""
        return not self.delegation

    @property
    def print(self) -> str:
        """The fingerprint of the room's own key: 32 hexadecimal digits."""
        return print_of(self.host_public)


@dataclass(frozen=True, slots=True)
class LoggedAct:
    """One thing that a host or co-host did. `t`: epoch seconds."""

    t: float
    by: str
    what: str
    whom: str = ""
    name: str = field(default="", compare=False)  # the nickname that `whom` had, where known here


class RoomKeys:
    """A folder with one file for each room, which its owner alone can read."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def find(self, channel: str) -> RoomKey | None:
        """Raises StoreError for a file that is damaged or cannot be read: a key is not made
        twice, as viewers would take the second for somebody else's."""
        file = self._file(channel)
        try:
            return _from_page(msgspec.json.decode(read_private(file), type=_Page))
        except FileNotFoundError:
            return None
        except (OSError, msgspec.MsgspecError, RecursionError, UnicodeError, InputError) as error:
            raise StoreError(
                mark(
                    "The key of the room {channel} in {file} cannot be read: {error}",
                    channel=channel,
                    file=file,
                    error=error,
                ),
                mark(
                    "Put a backup in its place, or move it away: viewers will notice another key."
                ),
            ) from error

    def all(self) -> list[RoomKey]:
        """Raises StoreError."""
        names = [file.name for file in sorted(self._folder.glob("key-*.json"))]
        channels = [name.removeprefix("key-").removesuffix(".json") for name in names]
        return [key for each in channels if is_channel(each) and (key := self.find(each))]

    def make(self, channel: str) -> RoomKey:
        """The room's key, made where there is none. Raises StoreError."""
        with self._locked():
            known = self.find(channel)
            if known is not None:
                return known
            key = SigningKey.generate()
            made = RoomKey(channel, key, key.public)
            self._write(made)
            return made

    def take_number(self, channel: str, above: int, now: float, *, own: int = 0) -> int:
        """A number for new rules, above `own` (of this key), `above` (of any) and all that were
        taken here, and on disk before it is used. `now`: epoch seconds; a key whose file came from
        a backup is above what it signed since.

        Numbers follow the clock. One of a co-host that is a lifetime ahead of it is not followed:
        there would be none left above it. Raises StoreError, also where the key's are used up.
        """
        with self._locked():
            key = self._known(channel)
            followed = above if above - now < MOST_AHEAD else 0
            number = max(followed + 1, own + 1, key.number + 1, int(now))
            if number > NUMBER_MOST:
                raise StoreError(
                    mark(
                        "The key of {channel} has signed rules with the last number that there is.",
                        channel=channel,
                    ),
                    mark(
                        "Move {channel} away: the next start makes another.",
                        channel=self._file(channel),
                    ),
                )
            self._write(replace(key, number=number))
            return number

    def give(self, channel: str, given: GivenKey) -> None:
        """Note whom a key was given to; one of the same name is replaced. Raises StoreError."""
        with self._locked():
            key = self._known(channel)
            others = [each for each in key.given if each.name != given.name]
            self._write(replace(key, given=(*others, given)))

    def keep(self, key: RoomKey) -> None:
        """Store a key that came from elsewhere.

        Raises InputError where another key for that room is here, StoreError.
        """
        with self._locked():
            known = self.find(key.channel)
            if known is not None and _is_worth_more(known, key):
                raise InputError(
                    mark(
                        "This machine has another key for the room {channel} already.",
                        channel=key.channel,
                    ),
                    mark(
                        "Move {channel} away first, if you do not need it.",
                        channel=self._file(key.channel),
                    ),
                )
            number = max(key.number, known.number if known else 0)
            self._write(replace(key, number=number))

    def keep_rules(self, channel: str, frame: bytes) -> None:
        """Keep the newest rules as they go over the wire: a broker may forget them, or show
        older ones. Raises StoreError."""
        with self._locked():
            self._write_file(self._rules_file(channel), frame)

    def rules(self, channel: str) -> bytes:
        """What was kept; empty where nothing was, or where it cannot be read."""
        try:
            return self._rules_file(channel).read_bytes()
        except OSError:
            return b""

    def _known(self, channel: str) -> RoomKey:
        key = self.find(channel)
        if key is None:
            raise StoreError(
                mark("The key of the room {channel} is not here any more.", channel=channel)
            )
        return key

    # What was done

    def log(self, channel: str, acts: Sequence[LoggedAct]) -> None:
        """Add those that the room's log does not have yet, or has without a nickname. Raises
        StoreError."""
        with self._locked():
            known = {act: act for act in self.acts(channel)}
            new = [act for act in acts if act not in known or (act.name and not known[act].name)]
            if new:
                known |= {act: act for act in new}
                kept = sorted(known.values(), key=lambda act: act.t)[-MOST_ACTS:]
                self._write_file(self._acts_file(channel), b"".join(map(_line, kept)))

    def acts(self, channel: str) -> list[LoggedAct]:
        """The room's log, oldest first; lines that are damaged are left out. Raises StoreError."""
        try:
            lines = self._acts_file(channel).read_bytes().splitlines()
        except FileNotFoundError:
            return []
        except OSError as error:
            raise StoreError(
                mark(
                    "The log of {channel} cannot be read: {strerror}.",
                    channel=channel,
                    strerror=error.strerror,
                )
            ) from error
        return [act for line in lines if (act := _act_in(line)) is not None]

    # Files

    def _file(self, channel: str) -> Path:
        return self._folder / f"key-{channel}.json"

    def _rules_file(self, channel: str) -> Path:
        return self._folder / f"rules-{channel}.bin"

    def _acts_file(self, channel: str) -> Path:
        return self._folder / f"acts-{channel}.jsonl"

    @contextlib.contextmanager
    def _locked(self) -> Generator[None]:
        try:
            private_folder(self._folder)
            handle = (self._folder / "lock").open("w")
        except OSError as error:
            raise self._unwritable(error) from error
        with handle:
            lock_file(handle, wait=True)
            yield

    def _write(self, key: RoomKey) -> None:
        page = msgspec.json.format(msgspec.json.encode(_page_of(key)), indent=1)
        self._write_file(self._file(key.channel), page)

    def _write_file(self, file: Path, data: bytes) -> None:
        try:
            write_private(file, data)
        except OSError as error:
            raise self._unwritable(error) from error

    def _unwritable(self, error: OSError) -> StoreError:
        return StoreError(
            mark(
                "{folder} cannot be written: {strerror}.",
                folder=self._folder,
                strerror=error.strerror,
            ),
            mark("Make that folder writable, or set RESONANCE_DATA_DIR to another one."),
        )


def _is_worth_more(known: RoomKey, new: RoomKey) -> bool:
    """Whether the new one must not take the known one's place."""
    if known.host_public != new.host_public:
        return True
    return known.is_host and not new.is_host


# --- as a text to send on ----------------------------------------------------------------------


def key_text(key: RoomKey) -> str:
    """The key in one line, secret and all: for a backup, or for the co-host it was made for."""
    frame = (1, key.channel, key.key.private(), key.host_public, key.delegation, key.name)
    data = msgspec.msgpack.encode((*frame, key.number))
    return "resonance-key-" + urlsafe_b64encode(_check(data) + data).decode().rstrip("=")


def parse_key_text(text: str) -> RoomKey:
    """What `key_text` wrote, with line breaks and words around it. Raises InputError."""
    found = _TEXT.search("".join(text.split()))
    if found is None:
        raise InputError(
            mark("There is no key in that text."), mark("It begins with resonance-key-")
        )
    try:
        raw = urlsafe_b64decode(found[1] + "=" * (-len(found[1]) % 4))
        check, data = raw[:_CHECK_BYTES], raw[_CHECK_BYTES:]
        if check != _check(data):
            raise ValueError
        frame = msgspec.msgpack.decode(data, type=_Frame)
    except (ValueError, msgspec.MsgspecError, RecursionError):
        hint = mark("Copy the whole line, from resonance-key- to its end.")
        raise InputError(
            mark("The key is damaged, or only a part of it was copied."), hint
        ) from None
    return _checked(frame)


class _Frame(msgspec.Struct, array_like=True, frozen=True):
    version: int
    channel: str
    private: bytes
    host_public: bytes
    delegation: bytes
    name: str
    number: int


def _checked(frame: _Frame) -> RoomKey:
    if frame.version != 1 or not is_channel(frame.channel) or len(frame.host_public) != KEY_BYTES:
        raise InputError(mark("The key is of a kind that this version does not know."))
    key = SigningKey.from_private(frame.private)
    if (key.public == frame.host_public) == bool(frame.delegation):
        raise InputError(mark("The key does not fit the room that it names."))
    return RoomKey(
        frame.channel, key, frame.host_public, frame.delegation, frame.name, frame.number
    )


def _check(data: bytes) -> bytes:
    return hashlib.sha256(data).digest()[:_CHECK_BYTES]


# --- on disk -----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Page:
    version: int
    channel: str
    private: bytes = field(repr=False)
    host_public: bytes
    delegation: bytes = b""
    name: str = HOST
    number: int = 0
    given: tuple[GivenKey, ...] = ()


def _page_of(key: RoomKey) -> _Page:
    return _Page(
        *(1, key.channel, key.key.private(), key.host_public),
        *(key.delegation, key.name, key.number, key.given),
    )


def _from_page(page: _Page) -> RoomKey:
    key = SigningKey.from_private(page.private)
    if len(page.host_public) != KEY_BYTES:
        raise InputError(mark("The room's key is damaged."))
    return RoomKey(
        *(page.channel, key, page.host_public),
        *(page.delegation, page.name, page.number, page.given),
    )


def _line(act: LoggedAct) -> bytes:
    return msgspec.json.encode(act) + b"\n"


def _act_in(line: bytes) -> LoggedAct | None:
    try:
        return msgspec.json.decode(line, type=LoggedAct)
    except (msgspec.MsgspecError, RecursionError, UnicodeError):
        return None
