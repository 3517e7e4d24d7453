"""Bytes, topics and rules that other programs and older versions of this one rely on."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from resonance_broker.access import access_rules
from resonance_broker.accounts import Account, Role, StoredInvite
from resonance_broker.cluster import layout
from resonance_broker.cluster.layout import Node, Secrets, mosquitto_files, nats_files
from resonance_tui.emotions import Emotion
from resonance_tui.messaging.retained import RetainedState
from resonance_tui.protocol import frames, messages, packets
from resonance_tui.protocol.events import Unrenewed
from resonance_tui.protocol.table import Outgoing
from resonance_tui.protocol.values import Partial, Report, RoomSettings
from resonance_tui.reaction_kinds import Reaction

GOLDEN = Path(__file__).with_name("protocol_golden.txt")
COUNTS = (5, 0, 1, 0, 0, 0, 2, 1, 300)
REPORT = Report(1_790_000_000, 7, Emotion.ANGER, 83, 3)


def payloads() -> Iterator[tuple[str, bytes]]:
    partial = Partial(1_790_000_000, 9, {5: COUNTS, 63: (0,) * 9})
    yield "report", frames.encode_report(REPORT)
    yield "nickname", frames.encode_nickname("Zoë")
    yield "roll call", frames.encode_roll_call()
    yield "room", frames.encode_room(RoomSettings())
    yield "room of a host", frames.encode_room(RoomSettings(ttl_s=45), "host1")
    able = RoomSettings(abilities=frozenset({"sweep", "roll-call"}))
    yield "room whose host can", frames.encode_room(able, "host1")
    yield "agent", frames.encode_agent(1_790_000_000)
    yield "agent of an edge", frames.encode_agent(1_790_000_000, "berlin")
    yield "partial", frames.encode_partial(partial, 1_790_000_000_123)
    yield "partial of an edge", frames.encode_partial(partial, 1_790_000_000_123, "berlin")
    yield "total", frames.encode_total(1_790_000_000, 9, 1_790_000_000_123, COUNTS)
    yield "total of edges", frames.encode_total(1_790_000_000, 9, 1_790_000_000_123, COUNTS, 2)
    unrenewed = [Unrenewed("alice", 1_790_000_000, 7), Unrenewed("bob", 2**32 - 1, 0)]
    yield "sweep", frames.encode_sweep(unrenewed)
    yield (
        "reaction",
        frames.encode_reaction(1_790_000_000, (5, 0, 1, 0, 0, 0, 2, 300), Reaction.SLOWER),
    )
    yield "request", frames.encode_enrollment_request("mia", "$7$101$salt$hash")
    yield "answer", frames.encode_enrollment_answer("mia", "welcome")


def named_topics() -> Iterator[tuple[str, str]]:
    yield "report", messages.REPORT.topic.of("room", "alice")
    yield "nickname", messages.NICKNAME.topic.of("room", "alice")
    yield "roll call", messages.ROLL_CALL.topic.of("room", "alice")
    yield "reaction", messages.REACTION.topic.of("room", "alice")
    yield "roll calls", messages.ROLL_CALL.topic.filter(channel="room")
    yield "room", messages.ROOM_SETTINGS.topic.of("room")
    yield "total", messages.TOTAL.topic.of("room")
    yield "agent", messages.AGENT.topic.of("room", "a1")
    yield "agents", messages.AGENT.topic.of("room", "+")
    yield "partial", messages.PARTIAL.topic.of("room", "a1")
    yield "sweep", messages.SWEEP.topic.of("room", "a1")
    yield "edge", messages.EDGE.topic.of("berlin")
    yield "edges", messages.EDGE.topic.of("+")
    yield "a shard", messages.REPORT.topic.filter(channel="room", shard="7")
    yield "reports", messages.REPORT.topic.filter(channel="room")
    yield "nicknames", messages.NICKNAME.topic.filter()
    yield "request", messages.ENROLLMENT_REQUEST.topic.of("abcdefgh")
    yield "requests", messages.ENROLLMENT_REQUEST.topic.of("+")
    yield "answer", messages.ENROLLMENT_ANSWER.topic.of("abcdefgh")


def sent() -> Iterator[Outgoing]:
    state = RetainedState("room", "alice")
    state.set_nickname("Zoë")
    state.set_report(Report(1_790_000_000, 1, Emotion.FEAR, 80, 0))
    yield from state.take()
    state.repeat()
    yield from state.take()
    yield from state.closing_messages()


def greetings() -> Iterator[tuple[str, bytes]]:
    yield "anonymous 3.1.1", packets.connect_packet(4, "me", keepalive_s=30)
    for version in (4, 5):
        yield (
            f"level {version}",
            packets.connect_packet(
                version, "me", keepalive_s=30, username="u", password="p", will_topic="w"
            ),
        )


def rules() -> Iterator[tuple[str, str]]:
    accounts = [
        Account("mia", "x", Role.VIEWER, ("cats", "dogs")),
        Account("bob", "x"),
        Account("agg-1", "x", Role.AGGREGATOR, ("cats",)),
        Account("lea", "x", Role.LOGGER),
        Account("eve", "x", Role.HOST, ("cats",)),
    ]
    invites = [StoredInvite("abcdefgh", "x", "cats", 1.0)]
    yield "accounts", access_rules(accounts, invites)
    yield "open", access_rules((), (), is_open=True)
    edges = [Node("berlin", port=2), Node("oslo", port=3)]
    secrets = Secrets({"berlin": "b", "oslo": "o"}, "c", "v", "s")
    yield from mosquitto_files(Node("core", port=1), edges, secrets, folder="/f").items()
    nodes = [Node(name, f"{name}.example", 8883) for name in ("one", "two", "three")]
    yield "nats", nats_files(nodes, secrets, folder="/f")["one.conf"]
    yield "emqx", Path(layout.__file__).with_name("emqx.acl.conf").read_text()


def everything(monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setattr(layout, "hash_password", lambda password: f"hash of {password}")
    lines = [f"payload {name}: {data.hex()}" for name, data in payloads()]
    lines += [f"topic {name}: {topic}" for name, topic in named_topics()]
    lines += [
        f"sent: {each.topic} {each.payload.hex()} {each.qos} {each.expiry_s} {each.retain}"
        for each in sent()
    ]
    lines += [f"CONNECT {name}: {data.hex()}" for name, data in greetings()]
    for name, text in rules():
        lines += [f"{name}: {line}" for line in text.splitlines()]
    return "\n".join([*lines, ""])


def test_what_others_read_stays_as_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    now = everything(monkeypatch)
    if "WRITE_GOLDEN" in os.environ:
        GOLDEN.write_text(now, encoding="utf-8")
    assert now.splitlines() == GOLDEN.read_text(encoding="utf-8").splitlines()
