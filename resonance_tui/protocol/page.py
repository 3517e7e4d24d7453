"""The part of docs/PROTOCOL.md that follows from the table of messages."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, cast

import msgspec
from msgspec import inspect

from resonance_tui.emotions import Emotion
from resonance_tui.protocol import messages
from resonance_tui.protocol.aside_frames import encode_aside_partials, encode_aside_total
from resonance_tui.protocol.asides import Answers, Aside, AsidePartial
from resonance_tui.protocol.events import Unrenewed
from resonance_tui.protocol.frames import (
    encode_agent,
    encode_answer,
    encode_enrollment_answer,
    encode_enrollment_request,
    encode_host_key,
    encode_nickname,
    encode_partial,
    encode_reaction,
    encode_report,
    encode_roll_call,
    encode_room,
    encode_rules,
    encode_sweep,
    encode_total,
)
from resonance_tui.protocol.questions import Answer
from resonance_tui.protocol.rules import RoomRules, sign_rules
from resonance_tui.protocol.table import Message
from resonance_tui.protocol.values import ABILITIES, Partial, Report, RoomSettings
from resonance_tui.reaction_kinds import Reaction
from resonance_tui.signing import SigningKey

BEGIN = "<!-- From here to the end mark: written by scripts/protocol_page. -->"
END = "<!-- End mark. -->"

_COLUMNS = (
    *("message", "topic", "published by", "QoS"),
    *("retained, expires after", "most bytes", "receivers take in"),
)
_BOOT, _T_MS = 1_790_000_000, 1_790_000_000_123
_COUNTS = (5, 0, 1, 0, 0, 0, 2, 1, 300)
_PARTIAL = Partial(_BOOT, 9, {7: _COUNTS})
_ASIDE = Aside(answers=Answers(_BOOT, (5, 300)))
_HOST_KEY = SigningKey.from_private(bytes(range(32)))
_RULES = RoomRules(muted=("mallory",), slow_s=5)

# By kind: the names in the topic, and a payload.
EXAMPLES: Mapping[str, tuple[tuple[str, ...], bytes]] = {
    messages.REPORT.kind: (
        ("movie-night", "alice"),
        encode_report(Report(_BOOT, 7, Emotion.ANGER, 83)),
    ),
    messages.NICKNAME.kind: (("movie-night", "alice"), encode_nickname("Zoë")),
    messages.ANSWER.kind: (
        ("movie-night", "alice"),
        encode_answer(Answer(_BOOT, 1, _BOOT + 60, 2)),
    ),
    messages.ROLL_CALL.kind: (("movie-night", "bob"), encode_roll_call()),
    messages.REACTION.kind: (
        ("movie-night", "alice"),
        encode_reaction(_BOOT, (3, 1, 0, 0, 0, 0, 0, 0), Reaction.LAUGH),
    ),
    messages.AGENT.kind: (("movie-night", "agg-1"), encode_agent(_BOOT)),
    messages.PARTIAL.kind: (("movie-night", "agg-1"), encode_partial(_PARTIAL, _T_MS)),
    messages.TOTAL.kind: (("movie-night",), encode_total(_BOOT, 9, _T_MS, _COUNTS)),
    messages.ASIDE_PARTIAL.kind: (
        ("movie-night", "agg-1", "0"),
        encode_aside_partials(AsidePartial(_BOOT, 9, {7: _ASIDE}), _T_MS)[0],
    ),
    messages.ASIDE_TOTAL.kind: (("movie-night",), encode_aside_total(_BOOT, 9, _T_MS, _ASIDE)),
    messages.ROOM_SETTINGS.kind: (("movie-night",), encode_room(RoomSettings(abilities=ABILITIES))),
    messages.HOST_KEY.kind: (("movie-night",), encode_host_key(_HOST_KEY.public)),
    messages.RULES.kind: (
        ("movie-night", "alice"),
        encode_rules(sign_rules(_RULES, "movie-night", 3, _BOOT + 86_400, _HOST_KEY)),
    ),
    messages.SWEEP.kind: (
        ("movie-night", "agg-1"),
        encode_sweep([Unrenewed("alice", _BOOT, 7)]),
    ),
    messages.EDGE.kind: (("berlin",), b"1"),
    messages.ENROLLMENT_REQUEST.kind: (
        ("abcdefgh",),
        encode_enrollment_request("alice", "$7$101$c2FsdA==$aGFzaA=="),
    ),
    messages.ENROLLMENT_ANSWER.kind: (
        ("abcdefgh",),
        encode_enrollment_answer("alice", "welcome"),
    ),
}


def rewritten(page: str, table: Iterable[Message] = messages.TABLE) -> str:
    """The page with the part between its marks anew. Raises ValueError where a mark is missing."""
    before, begin, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError("the page has no marks around the part to be written")
    return f"{before}{BEGIN}\n\n{section(table)}\n{END}{after}"


def section(table: Iterable[Message] = messages.TABLE) -> str:
    """The overview and each message's fields, as Markdown."""
    rows = list(table)
    lines = [
        f"| {' | '.join(_COLUMNS)} |",
        "|---" * len(_COLUMNS) + "|",
        *(_overview(each) for each in rows),
    ]
    for message in rows:
        lines += ["", *_details(message)]
    return "\n".join([*lines, ""])


def _overview(message: Message) -> str:
    rate = message.rate
    cells = (
        message.kind,
        f"`{message.topic.pattern}`",
        ", ".join(message.who_may_publish) or "the broker's own program",
        message.qos,
        _retention(message),
        message.max_bytes,
        f"{rate.per_s:g}/s, {rate.burst:g} at once" if rate else "every one",
    )
    return f"| {' | '.join(map(str, cells))} |"


def _retention(message: Message) -> str:
    if not message.retained:
        return "no"
    return f"yes, {message.expiry_s} s" if message.expiry_s else "yes, does not expire"


def _details(message: Message) -> Iterator[str]:
    yield f"### {message.kind.capitalize()}"
    yield ""
    frame = inspect.type_info(message.frame)
    if isinstance(frame, inspect.StructType):
        yield "A MessagePack array:" if frame.array_like else "A MessagePack map:"
        yield ""
        yield "| field | type | range | meaning |"
        yield "|---|---|---|---|"
        yield from (_field(each) for each in frame.fields)
    else:
        yield f"One byte, {_range(frame)}."
    if message.kind in EXAMPLES:
        yield ""
        yield from _example(message)


def _field(field: inspect.Field) -> str:
    kind, meta = field.type, ""
    if isinstance(kind, inspect.Metadata):
        schema = cast(dict[str, Any], kind.extra_json_schema or {})
        meta = str(schema.get("description", ""))
        kind = kind.type
    optional = "" if field.required else f"; may be left out: {_default(field)}"
    return f"| `{field.encode_name}` | {_type(kind)} | {_range(kind)} | {meta}{optional} |"


def _default(field: inspect.Field) -> str:
    is_made = field.default is msgspec.NODEFAULT
    return json.dumps(field.default_factory() if is_made else field.default, default=bytes.hex)


def _type(kind: inspect.Type) -> str:
    names: dict[type[inspect.Type], str] = {
        inspect.IntType: "integer",
        inspect.StrType: "string",
        inspect.BytesType: "bytes",
        inspect.BoolType: "boolean",
    }
    return names.get(type(kind), "array")


def _range(kind: inspect.Type) -> str:
    """The values that are accepted, as the decoder checks them."""
    match kind:
        case inspect.LiteralType(values=values):
            codes = [each for each in values if isinstance(each, int)]
            return " or ".join(f"0x{each:02x} (`{chr(each)}`)" for each in codes)
        case inspect.BoolType():
            return "true, false"
        case inspect.IntType(ge=low, le=high, lt=below):
            top = high if high is not None else (below or 0) - 1
            return f"{low}" if low == top else f"{low} to {top}"
        case inspect.StrType(pattern=pattern) if pattern:
            return f"`{pattern}`"
        case inspect.StrType(max_length=length) if length:
            return f"at most {length} characters"
        case inspect.BytesType(min_length=least, max_length=length) if length:
            return f"{length}" if least == length else f"at most {length}"
        case inspect.ListType(item_type=item, max_length=length):
            return f"at most {length} of [{_range(item)}]"
        case inspect.TupleType(item_types=items):
            return ", ".join(_repeated([_range(each) for each in items]))
        case _:
            return "any"


def _repeated(ranges: list[str]) -> Iterator[str]:
    """Equal neighbours together: `9 times 0 to 5`."""
    at = 0
    while at < len(ranges):
        until = at
        while until < len(ranges) and ranges[until] == ranges[at]:
            until += 1
        yield ranges[at] if until == at + 1 else f"{until - at} times {ranges[at]}"
        at = until


def _example(message: Message) -> Iterator[str]:
    names, payload = EXAMPLES[message.kind]
    value: Any = msgspec.msgpack.decode(payload)
    yield f"    topic    {message.topic.of(*names)}"
    yield f"    payload  {payload.hex(' ')}"
    yield f"    means    {json.dumps(value, ensure_ascii=False, default=bytes.hex)}"
