"""Topics of the protocol, and the names of rooms, viewers, aggregators and brokers in them."""

from __future__ import annotations

import re
import secrets
import unicodedata
from base64 import b32encode
from collections.abc import Mapping, Sequence
from zlib import crc32

from resonance_tui.errors import InvalidChannel, InvalidEdge, WireError
from resonance_tui.protocol.sanitize import safe_text
from resonance_tui.protocol.values import SHARDS
from resonance_tui.secret import HIDDEN, may_hold_secret
from resonance_tui.texts import joined, mark

VERSION = 1
ROOT = f"resonance/{VERSION}"
TOPIC_LIMIT = 128  # characters; every topic of the table fits
ANY = "+"  # MQTT's wildcard for one level

CHANNEL = r"[a-z0-9_-]{1,64}"
ID = r"[a-z0-9_-]{1,32}"
EDGE_NAME = r"[a-z0-9_-]{1,16}"
PARTS = 16  # that one aggregator's aside may come in
_LEVELS = {
    "channel": re.compile(CHANNEL),
    "viewer_id": re.compile(ID),
    "agent_id": re.compile(ID),
    "edge": re.compile(EDGE_NAME),
    "invite_id": re.compile(ID),
    "part": re.compile(r"[0-9]|1[0-5]"),  # of 16
}

Levels = Mapping[str, str]  # the named levels of one topic


def shard_of(viewer_id: str) -> int:
    """The one shard (0-63) in which this viewer may report."""
    return crc32(viewer_id.encode()) % SHARDS


def is_of_another_room(topic: str, room: str) -> bool:
    """Whether a message under this topic says something about a room, and not about this one."""
    return topic.startswith(f"{ROOT}/") and not topic.startswith(f"{ROOT}/{room}/")


class Topic:
    """A pattern such as `resonance/1/{channel}/r/{shard}/{viewer_id}`.

    The names are those of `channel`, `shard`, `viewer_id`, `agent_id`, `part`, `edge` and
    `invite_id`. A viewer's or an agent's id is the publisher's own: access rules and rate limits go
    by it. A shard is never given: it follows from the viewer's id.
    """

    def __init__(self, pattern: str) -> None:
        self.pattern = pattern
        self.levels = tuple(pattern.split("/"))
        self._at = {
            level[1:-1]: index for index, level in enumerate(self.levels) if level.startswith("{")
        }
        self._given = [name for name in self._at if name != "shard"]
        self._regexes = [(name, self._at[name], _LEVELS[name]) for name in self._given]

    def __repr__(self) -> str:
        return f"Topic({self.pattern!r})"

    @property
    def is_in_room(self) -> bool:
        return "channel" in self._at

    @property
    def is_in_shard(self) -> bool:
        return "shard" in self._at

    @property
    def owner_level(self) -> str:
        """The level that names who alone publishes there; "" where no name does."""
        return next((name for name in ("viewer_id", "agent_id") if name in self._at), "")

    def of(self, *names: str) -> str:
        """The topic, given its names from left to right; `+` stands for all."""
        return self.filter(**dict(zip(self._given, names, strict=True)))

    def filter(self, **names: str) -> str:
        """The topic or subscription with these names, and `+` for all others.

        A name that the pattern does not have is ignored.
        """
        if "shard" in self._at and "shard" not in names:
            viewer_id = names.get("viewer_id", ANY)
            names["shard"] = ANY if viewer_id == ANY else str(shard_of(viewer_id))
        levels = list(self.levels)
        for name, index in self._at.items():
            levels[index] = names.get(name, ANY)
        return "/".join(levels)

    def name_in(self, levels: Sequence[str], name: str) -> str:
        """One name out of a topic that was split at its slashes, unchecked."""
        return levels[self._at[name]]

    def parse(self, levels: Sequence[str]) -> Levels:
        """The names in a topic that was split at its slashes. Raises WireError."""
        names: dict[str, str] = {}
        for name, index, regex in self._regexes:
            if not regex.fullmatch(levels[index]):
                raise WireError("Not a topic of this protocol version")
            names[name] = levels[index]
        # Access rules cannot check the shard, and 64 of them would be 64 votes.
        if "shard" in self._at and levels[self._at["shard"]] != str(shard_of(names["viewer_id"])):
            raise WireError("A viewer outside its shard")
        return names


# --- names -------------------------------------------------------------------------------------


def new_viewer_id() -> str:
    """A fresh random id of 13 base32 characters (64 bits) without any meaning."""
    return b32encode(secrets.token_bytes(8)).decode().rstrip("=").lower()


def is_drawn_id(text: str) -> bool:
    """Whether this is such an id, and no name that somebody thought up."""
    return re.fullmatch(r"[a-z2-7]{13}", text) is not None


def host_rules_id(key: bytes) -> str:
    """The id under which rules are shown that nobody has to look for: it follows from a public
    key, of a room or of a co-host."""
    return f"key-{key.hex()[:12]}"


def is_id(text: str) -> bool:
    """Whether this can stand for a viewer or an aggregator in a topic."""
    return re.fullmatch(ID, text) is not None


def is_channel(text: str) -> bool:
    """Whether this is a channel in its one spelling."""
    return re.fullmatch(CHANNEL, text) is not None


def is_edge(text: str) -> bool:
    """Whether this can name one of several brokers of a room."""
    return re.fullmatch(EDGE_NAME, text) is not None


def normalize_channel(text: str) -> str:
    """The channel in its one spelling: 1-64 of `a-z 0-9 _ -`. Raises InvalidChannel."""
    channel = text.strip().lower()
    if is_channel(channel):
        return channel
    suggestion = "" if may_hold_secret(text) else _channel_like(channel)
    hint = mark("Use 1 to 64 letters a-z, digits, - or _")
    if suggestion:
        hint = joined(hint, mark(", for example: {suggestion}", suggestion=suggestion), by="")
    raise InvalidChannel(mark("Not a channel name: {text}", text=_quoted(text)), hint)


def _quoted(text: str) -> str:
    return HIDDEN if may_hold_secret(text) else repr(safe_text(text, 40))


def _channel_like(text: str) -> str:
    plain = unicodedata.normalize("NFKD", text[:256]).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9_]+", "-", plain).strip("-")[:64].strip("-")


def normalize_edge(text: str) -> str:
    """The name of an edge in its one spelling: 1-16 of `a-z 0-9 _ -`. Raises InvalidEdge."""
    name = text.strip().lower()
    if not is_edge(name):
        raise InvalidEdge(
            mark("Not a name for an edge: {text}", text=_quoted(text)),
            mark("Use 1 to 16 letters a-z, digits, - or _, for example: berlin"),
        )
    return name
