"""What rooms, viewers and aggregators are called, and the topics under which they speak."""

from __future__ import annotations

import re
import secrets
import unicodedata
from base64 import b32encode

from resonance_tui.errors import InvalidChannel, InvalidEdge
from resonance_tui.protocol.sanitize import safe_text
from resonance_tui.room.tally import shard_of
from resonance_tui.secret import HIDDEN, may_hold_secret

VERSION = 1
ROOT = f"resonance/{VERSION}"
EDGES = "resonance/edge"
TOPIC_LIMIT = 128  # characters; the longest of ours has 113

_CHANNEL = re.compile(r"[a-z0-9_-]{1,64}")
_ID = re.compile(r"[a-z0-9_-]{1,32}")
EDGE_NAME = r"[a-z0-9_-]{1,16}"


def normalize_channel(text: str) -> str:
    """The channel in its one spelling: 1-64 of `a-z 0-9 _ -`. Raises InvalidChannel."""
    channel = text.strip().lower()
    if _CHANNEL.fullmatch(channel):
        return channel
    suggestion = "" if may_hold_secret(text) else _channel_like(channel)
    hint = "Use 1 to 64 letters a-z, digits, - or _"
    if suggestion:
        hint += f", for example: {suggestion}"
    raise InvalidChannel(f"Not a channel name: {_quoted(text)}", hint)


def _quoted(text: str) -> str:
    return HIDDEN if may_hold_secret(text) else repr(safe_text(text, 40))


def _channel_like(text: str) -> str:
    plain = unicodedata.normalize("NFKD", text[:256]).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9_]+", "-", plain).strip("-")[:64].strip("-")


def new_viewer_id() -> str:
    """A fresh random id of 13 base32 characters (64 bits); means nothing to anybody."""
    return b32encode(secrets.token_bytes(8)).decode().rstrip("=").lower()


def normalize_edge(text: str) -> str:
    """The name of an edge in its one spelling: 1-16 of `a-z 0-9 _ -`. Raises InvalidEdge."""
    name = text.strip().lower()
    if not is_edge(name):
        raise InvalidEdge(
            f"Not a name for an edge: {_quoted(text)}",
            "Use 1 to 16 letters a-z, digits, - or _, for example: berlin",
        )
    return name


def is_edge(text: str) -> bool:
    """Whether this can name one of several brokers of a room."""
    return re.fullmatch(EDGE_NAME, text) is not None


def is_id(text: str) -> bool:
    """Whether this can stand for a viewer or an aggregator in a topic."""
    return _ID.fullmatch(text) is not None


def report_topic(channel: str, viewer_id: str) -> str:
    return f"{ROOT}/{channel}/r/{shard_of(viewer_id)}/{viewer_id}"


def nickname_topic(channel: str, viewer_id: str) -> str:
    return f"{ROOT}/{channel}/n/{shard_of(viewer_id)}/{viewer_id}"


def room_topic(channel: str) -> str:
    return f"{ROOT}/{channel}/room"


def total_topic(channel: str) -> str:
    return f"{ROOT}/{channel}/total"


def agent_topic(channel: str, agent_id: str) -> str:
    """Where an aggregator says that it is there; `+` for all of them."""
    return f"{ROOT}/{channel}/agent/{agent_id}"


def partial_topic(channel: str, agent_id: str) -> str:
    """Where an aggregator says what it counted; `+` for all of them."""
    return f"{ROOT}/{channel}/agg/{agent_id}"


def edge_topic(edge: str) -> str:
    """Where a broker's bridge says whether it is up, for all rooms; `+` for all edges."""
    return f"{EDGES}/{edge}"


def shard_filter(channel: str, shard: int) -> str:
    """The subscription that hears the reports of one shard."""
    return f"{ROOT}/{channel}/r/{shard}/+"


def channel_filter(channel: str, kind: str) -> str:
    """The subscription that hears every viewer's reports (`r`) or nicknames (`n`)."""
    return f"{ROOT}/{channel}/{kind}/+/+"


def is_channel(text: str) -> bool:
    """Whether this is a channel in its one spelling."""
    return _CHANNEL.fullmatch(text) is not None
