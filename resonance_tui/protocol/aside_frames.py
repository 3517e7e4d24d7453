"""The frames of what aggregators count beside partials and total: maps, so that a part that a
client does not know is ignored, and one that a room does not use is left out."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from resonance_tui.errors import WireError
from resonance_tui.protocol.asides import (
    CHOICES_MOST,
    NOTHING,
    TEAMS_MOST,
    Answers,
    Aside,
    AsidePartial,
)
from resonance_tui.protocol.events import AsidePartialEvent, AsideTotalEvent, Event
from resonance_tui.protocol.topics import EDGE_NAME, PARTS, VERSION, Levels
from resonance_tui.protocol.values import SHARDS, Counts

ASIDE_MOST = 3584  # bytes of one part

_U32_MOST = 2**32 - 1
_Version = Annotated[int, Meta(ge=VERSION, le=VERSION, description="of the protocol")]
_Boot = Annotated[int, Meta(ge=0, le=_U32_MOST, description="that of the agent's partials")]
_Seq = Annotated[int, Meta(ge=0, le=_U32_MOST, description="counts up within one boot")]
_EpochMs = Annotated[
    int, Meta(ge=0, le=2**63 - 1, description="when it was sent, epoch milliseconds; for display")
]
_U32 = Annotated[int, Meta(ge=0, le=_U32_MOST)]
_Shard = Annotated[int, Meta(ge=0, lt=SHARDS)]
_Team = Annotated[int, Meta(ge=1, le=TEAMS_MOST)]
_Count = Annotated[int, Meta(ge=0, le=1_000_000)]  # so that a sum of 64 fits a total
_NineOfShard = tuple[
    _Shard, _Count, _Count, _Count, _Count, _Count, _Count, _Count, _Count, _Count
]  # fmt: skip
_NineOfTeam = tuple[
    _Shard, _Team, _Count, _Count, _Count, _Count, _Count, _Count, _Count, _Count, _Count
]  # fmt: skip
_Choices = Annotated[list[_Count], Meta(max_length=CHOICES_MOST)]

_pack = msgspec.msgpack.Encoder().encode


class AsidePartialFrame(msgspec.Struct):
    v: _Version
    boot: _Boot
    seq: _Seq
    t_ms: _EpochMs
    shards: Annotated[
        list[_Shard],
        Meta(max_length=SHARDS, description="that this part tells of; without a row: nothing"),
    ]
    edge: Annotated[
        str,
        Meta(
            pattern=rf"^({EDGE_NAME})?\Z", description='the broker whose viewers it counts, or ""'
        ),
    ] = ""
    private: Annotated[
        list[_NineOfShard],
        Meta(max_length=SHARDS, description="shard, nine counts of randomised reports"),
    ] = []
    question: Annotated[
        int, Meta(ge=0, le=_U32_MOST, description="that is answered, its id; 0: none")
    ] = 0
    answers: Annotated[
        list[tuple[_Shard, _Choices]],
        Meta(max_length=SHARDS, description="shard, how often each answer was chosen"),
    ] = []
    reactions: Annotated[
        list[tuple[_Shard, _U32, _U32, _U32, _U32, _U32, _U32, _U32, _U32]],
        Meta(max_length=SHARDS, description="shard, eight counts that only rise"),
    ] = []
    teams: Annotated[
        list[_NineOfTeam],
        Meta(max_length=SHARDS * TEAMS_MOST, description="shard, team, nine counts"),
    ] = []


def encode_aside_partials(partial: AsidePartial, t_ms: int, edge: str = "") -> list[bytes]:
    """As many parts as it takes, mostly one; each at most `ASIDE_MOST` bytes."""
    head: dict[str, Any] = {"v": VERSION, "boot": partial.boot, "seq": partial.seq, "t_ms": t_ms}
    if edge:
        head["edge"] = edge
    return _parts(head, partial.shards, sorted(partial.shards))


def _parts(head: Mapping[str, Any], asides: Mapping[int, Aside], shards: list[int]) -> list[bytes]:
    payload = _pack({**head, "shards": shards, **_columns(asides, shards)})
    if len(payload) <= ASIDE_MOST or len(shards) <= SHARDS // PARTS:
        return [payload]
    half = len(shards) // 2
    return [*_parts(head, asides, shards[:half]), *_parts(head, asides, shards[half:])]


def _columns(asides: Mapping[int, Aside], shards: Collection[int]) -> dict[str, Any]:
    rows = [(shard, asides[shard]) for shard in shards]
    answered = [(shard, each.answers) for shard, each in rows if each.answers is not None]
    question = max((each.question for _, each in answered), default=0)
    columns: dict[str, Any] = {
        "private": [(shard, *each.private) for shard, each in rows if each.private],
        "question": question,
        "answers": [(shard, each.counts) for shard, each in answered if each.question == question],
        "reactions": [(shard, *each.reactions) for shard, each in rows if each.reactions],
        "teams": [
            (shard, team, *counts) for shard, each in rows for team, counts in each.teams.items()
        ],
    }
    return {name: column for name, column in columns.items() if column}


def read_aside_partial(names: Levels, frame: AsidePartialFrame) -> Event:
    shards = set(frame.shards)
    if len(shards) != len(frame.shards):
        raise WireError("An aside that tells of a shard twice")
    private = _by_shard(frame.private, shards)
    reactions = _by_shard(frame.reactions, shards)
    answers = _by_shard(frame.answers, shards)
    choices = {len(counts) for (counts,) in answers.values()}
    if len(choices) > 1 or (answers and not frame.question):
        raise WireError("Answers to more than one question, or to none")
    teams: dict[int, dict[int, Counts]] = {}
    for shard, team, *counts in frame.teams:
        if shard not in shards or team in teams.setdefault(shard, {}):
            raise WireError("A team that is counted twice, or in no shard")
        teams[shard][team] = tuple(counts)
    asides = {
        shard: Aside(
            private.get(shard, ()),
            Answers(frame.question, tuple(answers[shard][0])) if shard in answers else None,
            reactions.get(shard, ()),
            teams.get(shard, {}),
        )
        for shard in frame.shards
    }
    partial = AsidePartial(frame.boot, frame.seq, asides)
    return AsidePartialEvent(names["channel"], names["agent_id"], partial, frame.edge)


def _by_shard(rows: Collection[tuple[Any, ...]], shards: Collection[int]) -> dict[int, Any]:
    by_shard = {row[0]: row[1:] for row in rows}
    if len(by_shard) != len(rows) or not by_shard.keys() <= set(shards):
        raise WireError("A shard that is counted twice, or not told of")
    return by_shard


class AsideTotalFrame(msgspec.Struct):
    v: _Version
    boot: _Boot
    seq: _Seq
    t_ms: _EpochMs
    private: Annotated[
        list[_U32], Meta(max_length=9, description="nine counts of randomised reports")
    ] = []
    question: Annotated[
        int, Meta(ge=0, le=_U32_MOST, description="that is answered, its id; 0: none")
    ] = 0
    answers: Annotated[
        list[_U32],
        Meta(max_length=CHOICES_MOST, description="how often each answer was chosen"),
    ] = []
    reactions: Annotated[
        list[Annotated[int, Meta(ge=0, le=2**53 - 1)]],
        Meta(max_length=8, description="eight counts that only rise"),
    ] = []
    teams: Annotated[
        list[tuple[_Team, _U32, _U32, _U32, _U32, _U32, _U32, _U32, _U32, _U32]],
        Meta(max_length=TEAMS_MOST, description="team, nine counts"),
    ] = []


def encode_aside_total(boot: int, seq: int, t_ms: int, aside: Aside) -> bytes:
    """At most 512 bytes."""
    columns: dict[str, Any] = {
        "private": aside.private,
        "question": aside.answers.question if aside.answers else 0,
        "answers": aside.answers.counts if aside.answers else (),
        "reactions": aside.reactions,
        "teams": [(team, *counts) for team, counts in aside.teams.items()],
    }
    head = {"v": VERSION, "boot": boot, "seq": seq, "t_ms": t_ms}
    return _pack(head | {name: column for name, column in columns.items() if column})


def read_aside_total(names: Levels, frame: AsideTotalFrame | None) -> Event:
    if frame is None:
        return AsideTotalEvent(names["channel"], NOTHING)
    if len(frame.private) not in (0, 9) or len(frame.reactions) not in (0, 8):
        raise WireError("An aside with counts missing")
    if bool(frame.answers) != bool(frame.question):
        raise WireError("Answers without a question, or the other way round")
    teams = {team: tuple(counts) for team, *counts in frame.teams}
    if len(teams) != len(frame.teams):
        raise WireError("A team that is counted twice")
    answers = Answers(frame.question, tuple(frame.answers)) if frame.question else None
    aside = Aside(tuple(frame.private), answers, tuple(frame.reactions), teams)
    return AsideTotalEvent(names["channel"], aside, frame.boot, frame.seq)
