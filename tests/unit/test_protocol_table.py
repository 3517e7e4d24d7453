"""What follows from a row of the table of messages, and what every row has to keep."""

from __future__ import annotations

import json
import re
import sys
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import msgpack
import msgspec
import pytest
from children import run_child

from resonance_broker.access import access_rules, totals_alone
from resonance_broker.accounts import Account, Role, StoredInvite
from resonance_broker.cluster import layout
from resonance_broker.cluster.layout import published_by
from resonance_broker.settings import BrokerSettings
from resonance_tui.errors import WireError
from resonance_tui.messaging.inbox import Inbox
from resonance_tui.messaging.rate_limit import RateLimiter
from resonance_tui.protocol import messages
from resonance_tui.protocol.events import LeaveEvent
from resonance_tui.protocol.messages import HOST_KEY, OWN_RATE, REPORT, RULES, RULES_RATE, TABLE
from resonance_tui.protocol.page import EXAMPLES, rewritten, section
from resonance_tui.protocol.table import Message, MessageTable, Rate
from resonance_tui.protocol.topics import TOPIC_LIMIT, Levels, Topic
from resonance_tui.protocol.values import Party

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "PROTOCOL.md"
LONGEST = {
    "channel": "c" * 64, "viewer_id": "v" * 32, "agent_id": "a" * 32, "edge": "e" * 16,
    "invite_id": "i" * 32, "shard": "63",
}  # fmt: skip
PACKET_OVERHEAD = 16  # bytes: fixed header, length of the topic, properties


# --- a new row ---------------------------------------------------------------------------------


class ApplauseFrame(msgspec.Struct, array_like=True):
    version: Annotated[int, msgspec.Meta(ge=1, le=1)]
    claps: Annotated[int, msgspec.Meta(ge=1, le=60, description="how many")]


def read_applause(names: Levels, frame: ApplauseFrame | None) -> LeaveEvent:
    return LeaveEvent(names["channel"], f"{names['viewer_id']}:{frame and frame.claps}")


APPLAUSE = Message(
    kind="applause",
    topic=Topic("resonance/1/{channel}/applause/{viewer_id}"),
    frame=ApplauseFrame,
    read=read_applause,
    max_bytes=20,
    rate=Rate(per_s=1, burst=2),
    who_may_publish=(Party.VIEWER,),
    who_may_read=(Party.HOST,),
    retained=True,
    qos=1,
    expiry_s=60,
)
WIDER = MessageTable((*TABLE, APPLAUSE))
TOPIC = APPLAUSE.topic.of("room", "ann")


def test_a_new_row_is_decoded_and_its_empty_payload_too() -> None:
    assert WIDER.decode(TOPIC, msgpack.packb([1, 30])) == LeaveEvent("room", "ann:30")
    assert WIDER.decode(TOPIC, b"") == LeaveEvent("room", "ann:None")
    for payload in (msgpack.packb([1, 61]), msgpack.packb([1]), b"\xc1"):
        with pytest.raises(WireError):
            WIDER.decode(TOPIC, payload)
    with pytest.raises(WireError):
        TABLE.decode(TOPIC, msgpack.packb([1, 30]))


def test_a_new_row_has_its_limits_of_size_and_rate() -> None:
    with pytest.raises(WireError, match="at most 20"):
        WIDER.decode(TOPIC, msgpack.packb([1, 30, "x" * 20]))
    inbox = Inbox(table=WIDER)
    inbox.put(TOPIC, bytes(21))
    assert (len(inbox), inbox.rejected) == (0, 1)
    limiter = RateLimiter(table=WIDER)
    assert [limiter.allow(TOPIC, 0.0) for _ in range(3)] == [True, True, False]


def test_a_new_row_is_published_as_it_says() -> None:
    message = APPLAUSE.outgoing(b"x", "room", "ann")
    assert message.topic == "resonance/1/room/applause/ann"
    assert (message.qos, message.expiry_s, message.retain) == (1, 60, True)
    assert APPLAUSE.clearing("room", "ann").payload == b""


def test_a_new_row_has_access_rules_for_who_may_publish_it() -> None:
    accounts = [Account("eve", "x", Role.HOST), Account("mia", "x", Role.VIEWER, ("cats",))]
    before, after = (access_rules(accounts, [], table=table) for table in (TABLE, WIDER))
    added = [line for line in after.splitlines() if line not in before.splitlines()]
    assert added == ["topic write resonance/1/cats/applause/mia"]


def test_a_new_row_outside_rooms_has_access_rules_for_readers_and_guests() -> None:
    news = replace(
        APPLAUSE, topic=Topic("resonance/news/{invite_id}"), who_may_read=(Party.LOGGER,)
    )
    table = MessageTable((*TABLE, replace(news, who_may_publish=(Party.GUEST,))))
    rules = access_rules(
        [Account("lea", "x", Role.LOGGER)], [StoredInvite("abcdefgh", "x")], table=table
    )
    assert "topic read resonance/news/+\n" in rules.split("user invite-")[0]
    assert "topic write resonance/news/abcdefgh\n" in rules.split("user invite-")[1]


def test_a_new_row_has_a_line_in_the_page() -> None:
    text = section(WIDER)
    assert (
        "| applause | `resonance/1/{channel}/applause/{viewer_id}` | viewer | 1 | yes, 60 s | 20 |"
        in text
    )
    assert "| `claps` | integer | 1 to 60 | how many |" in text


# --- every row ---------------------------------------------------------------------------------


@pytest.mark.parametrize("message", TABLE, ids=lambda message: message.kind)
def test_the_longest_topic_and_payload_fit_a_packet(message: Message) -> None:
    topic = message.topic.filter(**LONGEST)
    assert len(topic) <= TOPIC_LIMIT
    packet = len(topic) + message.max_bytes + PACKET_OVERHEAD
    assert packet <= BrokerSettings().max_packet_size


def test_no_two_rows_share_a_topic_or_a_kind() -> None:
    assert all(TABLE.find(each.topic.filter(**LONGEST)) is each for each in TABLE)
    assert len({each.kind for each in TABLE}) == len(TABLE.rows)


def test_what_one_publisher_sends_shares_one_rate() -> None:
    """A bucket is one publisher's; another rate for one of its topics would refill them all."""
    shared = [each for each in TABLE if each.topic.owner_level and not each.has_own_rate]
    assert {each.rate for each in shared} == {OWN_RATE}
    assert {each.rate for each in TABLE if not each.topic.owner_level} == {None}


def test_a_flood_of_rules_costs_its_publisher_no_report() -> None:
    limiter = RateLimiter()
    rules, report = RULES.topic.of("room", "ann"), REPORT.topic.of("room", "ann")
    taken = sum(limiter.allow(rules, 0.0) for _ in range(10_000))
    assert taken == RULES_RATE.burst
    assert limiter.allow(report, 0.0)
    for _ in range(20):
        limiter.record_violation(rules, 0.0)
    assert limiter.allow(report, 0.0)


def test_who_does_not_know_the_hosts_messages_yet_ignores_them() -> None:
    """Version 0.1: no such rows. It hears of them only where it listens to everything."""
    older = MessageTable(each for each in TABLE if each not in (HOST_KEY, RULES))
    inbox, limiter = Inbox(table=older), RateLimiter(table=older)
    muted: list[bool] = []
    inbox.on_broken.add(lambda topic: muted.append(limiter.record_violation(topic, 0.0)))
    report, (_, payload) = REPORT.topic.of("movie-night", "alice"), EXAMPLES[REPORT.kind]
    for message in (HOST_KEY, RULES) * 20:
        names, told = EXAMPLES[message.kind]
        inbox.put(message.topic.of(*names), told)
    assert limiter.allow(report, 0.0) and not any(muted)
    inbox.put(report, payload)
    assert [type(event).__name__ for event in inbox.drain()] == ["ReportEvent"]


# --- topics ------------------------------------------------------------------------------------


def test_a_topic_is_built_from_its_names_and_the_shard_follows() -> None:
    assert REPORT.topic.of("room", "alice") == "resonance/1/room/r/7/alice"
    assert REPORT.topic.filter(channel="room") == "resonance/1/room/r/+/+"
    assert REPORT.topic.filter(channel="room", shard="9") == "resonance/1/room/r/9/+"
    with pytest.raises(ValueError):
        REPORT.topic.of("room")


# --- files beside it ---------------------------------------------------------------------------


def test_the_page_is_the_tables() -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert page == rewritten(page), "run scripts/protocol_page"


def test_the_pages_writer_writes_it(tmp_path: Path) -> None:
    page = PAGE.read_text(encoding="utf-8")
    copy = tmp_path / "page.md"
    copy.write_text(page.replace("| report |", "| rapport |"), encoding="utf-8")
    command = [sys.executable, str(ROOT / "scripts/protocol_page"), str(copy)]
    run_child(command, check=True, timeout=50)
    assert copy.read_text(encoding="utf-8") == page
    copy.write_text("no marks", encoding="utf-8")
    assert run_child(command, capture_output=True, timeout=50).returncode == 2


def test_another_library_reads_the_pages_examples() -> None:
    page = PAGE.read_text(encoding="utf-8")
    examples = re.findall(
        r"^    topic    (\S+)\n    payload  ([0-9a-f ]+)\n    means    (.+)$", page, re.MULTILINE
    )
    assert len(examples) == len(EXAMPLES) == len(TABLE.rows)
    for topic, payload, meaning in examples:
        data = bytes.fromhex(payload)
        read = json.dumps(msgpack.unpackb(data), default=bytes.hex)
        assert json.loads(read) == json.loads(meaning)
        assert TABLE.decode(topic, data) is not None


def emqx_lists(text: str) -> list[list[str]]:
    rules = re.findall(r"\{allow.*?\}\.", text, re.S)
    return [re.findall(r'"(resonance/[^"]+)"', rule) for rule in rules]


def test_the_files_to_copy_name_what_viewers_read_of_totals_alone() -> None:
    mosquitto = (ROOT / "broker" / "access.acl").read_text(encoding="utf-8")
    found = re.findall(r"^# pattern read (\S+)$", mosquitto, re.M)
    assert found == totals_alone("+", "%u", shard="+")
    text = Path(layout.__file__).with_name("emqx.acl.conf").read_text(encoding="utf-8")
    instead = emqx_lists("".join(re.findall(r"^%%(.*\n)", text, re.M)))
    assert instead == [["resonance/1/#"], totals_alone("+", "${username}", shard="+")]


def test_emqx_has_the_rules_of_the_table() -> None:
    text = Path(layout.__file__).with_name("emqx.acl.conf").read_text(encoding="utf-8")
    lists = emqx_lists(re.sub(r"^%%.*", "", text, flags=re.M))
    expected = [published_by(each, own="${username}") for each in (Party.VIEWER, Party.AGGREGATOR)]
    assert lists[1:] == [*expected, published_by(Party.HOST, own="${username}")]


def test_the_rules_to_copy_to_a_server_have_those_of_the_table() -> None:
    text = (ROOT / "broker" / "access.acl").read_text(encoding="utf-8")
    assert re.findall(r"^pattern write (\S+)$", text, re.M) == published_by(Party.VIEWER, own="%u")
    counting = published_by(Party.AGGREGATOR, own="agg-1")
    assert re.findall(r"^# topic write (\S+)$", text, re.M) == counting


def test_emqx_has_the_rate_of_the_table() -> None:
    text = Path(layout.__file__).with_name("emqx.conf").read_text(encoding="utf-8")
    assert f'messages_rate = "{OWN_RATE.per_s:g}/s"' in text


# --- rights to clear ---------------------------------------------------------------------------


@pytest.mark.parametrize("party", [Party.AGGREGATOR, Party.HOST, Party.LOGGER])
@pytest.mark.parametrize("message", [messages.REPORT, messages.NICKNAME, messages.SWEEP])
def test_others_clear_and_sweep_only_where_nothing_expires(message: Message, party: Party) -> None:
    assert message.is_published_by(party, expires=False)
    assert not message.is_published_by(party, expires=True), "such a right could forge reports"


def test_a_viewer_writes_its_own_whatever_expires() -> None:
    for expires in (False, True):
        assert messages.REPORT.is_published_by(Party.VIEWER, expires=expires)
        assert not messages.SWEEP.is_published_by(Party.VIEWER, expires=expires)
        assert not messages.TOTAL.is_published_by(Party.LOGGER, expires=expires)
