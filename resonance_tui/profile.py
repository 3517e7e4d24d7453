"""What this installation remembers between runs: consent, rooms, pseudonyms."""

from __future__ import annotations

import json
import logging
import math
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import IO, Any, Literal, TypeVar

from resonance_tui.errors import StoreError
from resonance_tui.files import atomic_write, lock_file
from resonance_tui.json_types import is_object
from resonance_tui.protocol.topics import is_channel, is_id
from resonance_tui.texts import mark

RECENT = 8
MOST_BOOT = 0xFFFFFFFF
MOST_NUMBER = 2**53 - 1  # of rules
MOST_ROOMS = 200  # the ones joined last
MOST_HOSTS = 200  # the ones heard of last

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class RoomMemory:
    """What is known of one channel since it was joined last."""

    broker: str = ""  # with its pins and alternates, without passwords; "" for this machine's own
    nickname: str = ""
    title: str = ""
    host_key: str = ""  # the one believed last, in hexadecimal digits; "" for none so far
    rule_number: int = 0  # the highest number of its rules that was accepted
    last_at: float = 0.0  # epoch seconds; 0 = never joined
    removed_from: str = ""  # the broker, scheme://host:port, where its host removed us last


@dataclass(frozen=True, slots=True)
class HostMemory:
    """By what the host of one channel at one broker is known."""

    channel: str = ""
    broker: str = ""  # scheme://host:port
    key: str = ""  # in hexadecimal digits
    rule_number: int = 0  # the highest number of the host's rules that was accepted


_T = TypeVar("_T", RoomMemory, HostMemory)


@dataclass(frozen=True, slots=True)
class Memory:
    """The content of the profile file."""

    consented_at: float | None = None  # epoch seconds; None = never asked, refused or revoked
    recent_channels: tuple[str, ...] = ()
    viewer_ids: dict[str, str] = field(default_factory=dict)  # channel -> id, known nowhere else
    last_boot: int = 0  # the highest boot number used, so that the next one is higher
    rooms: dict[str, RoomMemory] = field(default_factory=dict)  # by channel
    theme: str = ""  # of the screens; "" for our own
    bell: bool = False  # ring when something happens in the room
    notify: bool = False  # tell the desktop of it
    hosts: tuple[HostMemory, ...] = ()  # the newest last
    consent_covers_all: bool = False  # everybody in view, and not the person who agreed alone

    def has_consented(self, people: int) -> bool:
        """Whether so many people may be read without asking."""
        return self.consented_at is not None and (people == 1 or self.consent_covers_all)


class Profile:
    """The profile file: read whole, written whole, never left half-written.

    A damaged file is treated as empty: all that is lost is convenience, and consent is asked again.
    """

    def __init__(self, file: Path) -> None:
        self._file = file
        self._locks: dict[str, IO[str]] = {}

    def load(self) -> Memory:
        try:
            return _memory(json.loads(self._file.read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError, AttributeError, OverflowError, RecursionError):
            return Memory()

    def save(self, memory: Memory) -> None:
        """Best effort: where nothing can be written nothing is remembered; the room goes on."""
        try:
            self._write(memory)
        except OSError as error:
            log.warning("nothing can be remembered: %s", error)

    def set_consent(self, at: float | None, *, covers_all: bool = False) -> None:
        """`covers_all`: that everybody in view is read. Raises StoreError, so that a consent that
        could not be revoked is noticed."""
        covers_all = covers_all and at is not None
        try:
            self._write(replace(self.load(), consented_at=at, consent_covers_all=covers_all))
        except OSError as error:
            raise StoreError(
                mark(
                    "Your answer cannot be written to {file}: {strerror}.",
                    file=self._file,
                    strerror=error.strerror,
                ),
                mark("Make that folder writable, or set RESONANCE_DATA_DIR to another one."),
            ) from error

    def _write(self, memory: Memory) -> None:
        self._file.parent.mkdir(parents=True, exist_ok=True)
        text = json.dumps(asdict(memory), indent=1)
        atomic_write(self._file, [text.encode()])

    def remember_channel(self, channel: str) -> None:
        memory = self.load()
        others = (item for item in memory.recent_channels if item != channel)
        self.save(replace(memory, recent_channels=(channel, *others)[:RECENT]))

    def remember_theme(self, theme: str) -> None:
        self.save(replace(self.load(), theme=theme))

    def remember_alert(self, kind: Literal["bell", "notify"], on: bool) -> None:
        self.save(replace(self.load(), **{kind: on}))

    def room(self, channel: str) -> RoomMemory:
        """An empty one for a channel that was never joined."""
        return self.load().rooms.get(channel, RoomMemory())

    def remember_room(self, channel: str, **changes: Any) -> None:
        """Replace those fields of the channel's `RoomMemory`, and keep the others."""
        memory = self.load()
        room = replace(memory.rooms.get(channel, RoomMemory()), **changes)
        others = [each for each in memory.rooms.items() if each[0] != channel]
        others.sort(key=lambda each: -each[1].last_at)
        self.save(replace(memory, rooms=dict([(channel, room), *others][:MOST_ROOMS])))

    def host(self, channel: str, broker: str) -> HostMemory | None:
        """What is known of the host of that channel at that broker, scheme://host:port."""
        found = (each for each in self.load().hosts if _is_at(each, channel, broker))
        return next(found, None)

    def remember_host(self, host: HostMemory) -> None:
        """In place of what is known of that channel at that broker."""
        self.remember_room(host.channel, host_key=host.key, rule_number=host.rule_number)
        memory = self.load()
        others = [each for each in memory.hosts if not _is_at(each, host.channel, host.broker)]
        self.save(replace(memory, hosts=(*others, host)[-MOST_HOSTS:]))

    def next_boot(self, now: float) -> int:
        """A boot number (u32): epoch seconds, yet above the last one whatever the clock did."""
        memory = self.load()
        boot = max(int(now), memory.last_boot + 1) & MOST_BOOT
        self.save(replace(memory, last_boot=boot))
        return boot

    def claim_viewer_id(self, channel: str, new_id: Callable[[], str]) -> str:
        """This installation's pseudonym in the channel; a fresh one while another process uses it.

        The claim ends with the process or with `release`.
        """
        if channel not in self._locks and not self._lock(channel):
            return new_id()
        memory = self.load()
        if channel not in memory.viewer_ids:
            memory = replace(memory, viewer_ids=memory.viewer_ids | {channel: new_id()})
            self.save(memory)
        return memory.viewer_ids[channel]

    def release(self) -> None:
        for lock in self._locks.values():
            lock.close()
        self._locks.clear()

    def _lock(self, channel: str) -> bool:
        folder = self._file.parent / "in-use"
        try:
            folder.mkdir(parents=True, exist_ok=True)
            handle = (folder / f"{channel}.lock").open("w")
        except OSError:
            return False
        try:
            lock_file(handle, wait=False)
        except OSError:
            handle.close()
            return False
        self._locks[channel] = handle
        return True


def _memory(raw: dict[str, Any]) -> Memory:
    """What can be used: of names those alone that can stand in a topic and on a screen.

    Raises ValueError, TypeError, AttributeError and OverflowError for what is no profile.
    """
    consented = raw.get("consented_at")
    consented = None if consented is None else float(consented)
    ids = {str(key): str(value) for key, value in raw.get("viewer_ids", {}).items()}
    recent = [each for each in map(str, raw.get("recent_channels", ())) if is_channel(each)]
    return Memory(
        consented if consented is not None and math.isfinite(consented) else None,
        tuple(dict.fromkeys(recent))[:RECENT],
        {key: value for key, value in ids.items() if is_channel(key) and is_id(value)},
        min(max(int(raw.get("last_boot", 0)), 0), MOST_BOOT),
        _rooms(raw.get("rooms", {})),
        str(raw.get("theme", "")),
        raw.get("bell") is True,
        raw.get("notify") is True,
        _hosts(raw.get("hosts", [])),
        raw.get("consent_covers_all") is True,
    )


def _is_at(host: HostMemory, channel: str, broker: str) -> bool:
    return (host.channel, host.broker) == (channel, broker)


def _hosts(raw: list[object]) -> tuple[HostMemory, ...]:
    found = (_filled(HostMemory, values) for values in raw if is_object(values))
    return tuple(each for each in found if each is not None)[-MOST_HOSTS:]


def _rooms(raw: dict[str, object]) -> dict[str, RoomMemory]:
    """One damaged room costs no other; keys of newer programs are passed over."""
    found: dict[str, RoomMemory] = {}
    for channel, values in raw.items():
        if not (is_object(values) and is_channel(channel)):
            continue
        room = _filled(RoomMemory, values)
        if room is not None:
            found[channel] = room
    return found


def _filled(kind: type[_T], values: dict[str, object]) -> _T | None:
    """None where a value is of another type than the field's."""
    known = {item.name: values[item.name] for item in fields(kind) if item.name in values}
    if all(_fits(item.default, known.get(item.name, item.default)) for item in fields(kind)):
        return kind(**known)  # pyright: ignore[reportArgumentType]
    return None


def _fits(default: object, value: object) -> bool:
    if isinstance(default, str):
        return isinstance(value, str)
    kinds = (int, float) if isinstance(default, float) else int
    if not isinstance(value, kinds) or isinstance(value, bool):
        return False
    return 0 <= value <= MOST_NUMBER  # neither without end nor no number
