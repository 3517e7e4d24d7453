"""The table of wire messages. Another message is one row, with its frame and event beside the
others; decoding, limits, access rules, the cluster's files and docs/PROTOCOL.md follow from it."""

from __future__ import annotations

from resonance_tui.protocol import aside_frames, frames
from resonance_tui.protocol.table import Message, MessageTable, Rate
from resonance_tui.protocol.topics import ROOT, Topic
from resonance_tui.protocol.values import REPORT_LIFETIME_S, Party

# An honest viewer sends one a second, an aggregator twenty.
OWN_RATE = Rate(per_s=25.0, burst=50.0)
RULES_RATE = Rate(per_s=2.0, burst=8.0)  # verifying a signature costs a hundred reports
# Everybody answers a call, so one publisher may make few of them.
CALL_RATE = Rate(per_s=0.2, burst=3.0)
# Two a second a person, and a few at once: a line that stalls delivers several together.
REACTION_RATE = Rate(per_s=2.0, burst=8.0)
_ACCOUNTS = (Party.VIEWER, Party.AGGREGATOR, Party.LOGGER, Party.HOST)
_COUNTING = (Party.AGGREGATOR, Party.HOST)
_SWEEPING = (Party.AGGREGATOR, Party.HOST, Party.LOGGER)
SWEEP_RATE = Rate(per_s=2.0, burst=8.0)  # an honest sweeper sends one a second

REPORT = Message(
    kind="report",
    topic=Topic(f"{ROOT}/{{channel}}/r/{{shard}}/{{viewer_id}}"),
    frame=frames.ReportFrame,
    read=frames.read_report,
    max_bytes=64,
    rate=OWN_RATE,
    who_may_publish=(Party.VIEWER,),
    who_may_read=_ACCOUNTS,
    retained=True,
    qos=0,
    expiry_s=REPORT_LIFETIME_S,  # who is silent for a heartbeat and four seconds is gone
    who_may_clear=_SWEEPING,
)
NICKNAME = Message(
    kind="nickname",
    topic=Topic(f"{ROOT}/{{channel}}/n/{{shard}}/{{viewer_id}}"),
    frame=frames.NicknameFrame,
    read=frames.read_nickname,
    max_bytes=256,
    rate=OWN_RATE,
    who_may_publish=(Party.VIEWER,),
    who_may_read=_ACCOUNTS,
    retained=True,
    qos=1,
    expiry_s=3600,
    who_may_clear=_SWEEPING,
)
ANSWER = Message(
    kind="answer",
    topic=Topic(f"{ROOT}/{{channel}}/a/{{shard}}/{{viewer_id}}"),
    frame=frames.AnswerFrame,
    read=frames.read_answer,
    max_bytes=32,
    rate=OWN_RATE,
    who_may_publish=(Party.VIEWER,),
    who_may_read=_ACCOUNTS,
    retained=True,
    qos=1,
    expiry_s=3600,
    who_may_clear=_SWEEPING,
)
ROLL_CALL = Message(
    kind="roll call",
    topic=Topic(f"{ROOT}/{{channel}}/call/{{viewer_id}}"),
    frame=frames.RollCallFrame,
    read=frames.read_roll_call,
    max_bytes=32,
    rate=CALL_RATE,
    has_own_rate=True,
    who_may_publish=(Party.VIEWER, Party.AGGREGATOR, Party.HOST),
    who_may_read=_ACCOUNTS,
    retained=False,
    qos=0,
    stays_on_edge=True,  # as the reports that answer it do
)
REACTION = Message(
    kind="reaction",
    topic=Topic(f"{ROOT}/{{channel}}/x/{{shard}}/{{viewer_id}}"),
    frame=frames.ReactionFrame,
    read=frames.read_reaction,
    max_bytes=64,
    rate=REACTION_RATE,
    has_own_rate=True,
    who_may_publish=(Party.VIEWER,),
    who_may_read=_ACCOUNTS,
    retained=False,
    qos=0,
)
AGENT = Message(
    kind="aggregator presence",
    topic=Topic(f"{ROOT}/{{channel}}/agent/{{agent_id}}"),
    frame=frames.AgentFrame,
    read=frames.read_agent,
    max_bytes=32,
    rate=OWN_RATE,
    who_may_publish=_COUNTING,
    who_may_read=_ACCOUNTS,
    retained=True,
    qos=1,
    expiry_s=30,
    who_may_clear=_COUNTING,
)
PARTIAL = Message(
    kind="partial",
    topic=Topic(f"{ROOT}/{{channel}}/agg/{{agent_id}}"),
    frame=frames.PartialFrame,
    read=frames.read_partial,
    max_bytes=3584,
    rate=OWN_RATE,
    who_may_publish=_COUNTING,
    who_may_read=_ACCOUNTS,
    retained=False,
    qos=0,
)
TOTAL = Message(
    kind="total",
    topic=Topic(f"{ROOT}/{{channel}}/total"),
    frame=frames.TotalFrame,
    read=frames.read_total,
    max_bytes=256,
    rate=None,
    who_may_publish=_COUNTING,
    who_may_read=_ACCOUNTS,
    retained=True,
    qos=0,
    expiry_s=10,
    is_told_to_all=True,
)
ASIDE_PARTIAL = Message(
    kind="aside",
    topic=Topic(f"{ROOT}/{{channel}}/side/{{agent_id}}/{{part}}"),
    frame=aside_frames.AsidePartialFrame,
    read=aside_frames.read_aside_partial,
    max_bytes=aside_frames.ASIDE_MOST,
    rate=OWN_RATE,
    has_own_rate=True,
    who_may_publish=_COUNTING,
    who_may_read=_ACCOUNTS,
    retained=False,
    qos=0,
)
ASIDE_TOTAL = Message(
    kind="aside total",
    topic=Topic(f"{ROOT}/{{channel}}/sides"),
    frame=aside_frames.AsideTotalFrame,
    read=aside_frames.read_aside_total,
    max_bytes=768,
    rate=None,
    who_may_publish=_COUNTING,
    who_may_read=_ACCOUNTS,
    retained=True,
    qos=0,
    expiry_s=10,
    is_told_to_all=True,
)
ROOM_SETTINGS = Message(
    kind="room settings",
    topic=Topic(f"{ROOT}/{{channel}}/room"),
    frame=frames.RoomFrame,
    read=frames.read_room,
    max_bytes=512,
    rate=None,
    who_may_publish=(Party.HOST,),
    who_may_read=_ACCOUNTS,
    retained=True,
    qos=1,
    is_told_to_all=True,
)
HOST_KEY = Message(
    kind="host key",
    topic=Topic(f"{ROOT}/{{channel}}/host"),
    frame=frames.HostKeyFrame,
    read=frames.read_host_key,
    max_bytes=1400,
    rate=None,
    who_may_publish=(Party.HOST,),
    who_may_read=_ACCOUNTS,
    retained=True,
    qos=1,
    is_told_to_all=True,
)
RULES = Message(
    kind="rules",
    topic=Topic(f"{ROOT}/{{channel}}/rules/{{viewer_id}}"),
    frame=frames.RulesFrame,
    read=frames.read_rules,
    max_bytes=3584,
    rate=RULES_RATE,
    has_own_rate=True,
    who_may_publish=(Party.VIEWER, Party.HOST),
    who_may_read=_ACCOUNTS,
    retained=True,
    qos=1,
    expiry_s=86_400,
    is_told_to_all=True,
)
SWEEP = Message(
    kind="sweep",
    topic=Topic(f"{ROOT}/{{channel}}/sweep/{{agent_id}}"),
    frame=frames.SweepFrame,
    read=frames.read_sweep,
    max_bytes=3072,
    rate=SWEEP_RATE,
    has_own_rate=True,
    who_may_publish=_SWEEPING,
    who_may_read=_ACCOUNTS,
    retained=False,
    qos=1,
    is_for_sweeping=True,
    stays_on_edge=True,
)
EDGE = Message(
    kind="edge state",
    topic=Topic("resonance/edge/{edge}"),
    frame=frames.EdgeFrame,
    read=frames.read_edge,
    max_bytes=1,
    rate=None,
    who_may_publish=(Party.BRIDGE,),
    who_may_read=_COUNTING,
    retained=True,
    qos=1,
)
ENROLLMENT_REQUEST = Message(
    kind="enrolment request",
    topic=Topic("resonance/door/{invite_id}/knock"),
    frame=frames.EnrollmentRequestFrame,
    read=frames.read_enrollment_request,
    max_bytes=512,
    rate=None,
    who_may_publish=(Party.GUEST,),
    who_may_read=(),  # but the program that runs the broker, which may read everything
    retained=False,
    qos=1,
)
ENROLLMENT_ANSWER = Message(
    kind="enrolment answer",
    topic=Topic("resonance/door/{invite_id}/answer"),
    frame=frames.EnrollmentAnswerFrame,
    read=frames.read_enrollment_answer,
    max_bytes=512,
    rate=None,
    who_may_publish=(),
    who_may_read=(Party.GUEST,),
    retained=False,
    qos=1,
)

TABLE = MessageTable(
    (
        *(REPORT, NICKNAME, ROLL_CALL, REACTION, AGENT, PARTIAL, TOTAL),
        *(ROOM_SETTINGS, HOST_KEY, RULES),
        *(ANSWER, ASIDE_PARTIAL, ASIDE_TOTAL, SWEEP, EDGE),
        *(ENROLLMENT_REQUEST, ENROLLMENT_ANSWER),
    )
)
decode = TABLE.decode
