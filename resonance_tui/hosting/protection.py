"""What viewers are protected by outlasts the rules that said so: a host who is away for longer
than rules hold, or asleep, opens nothing."""

from __future__ import annotations

import time

from resonance_tui.errors import WireError
from resonance_tui.protocol.events import RulesEvent
from resonance_tui.protocol.frames import encode_rules
from resonance_tui.protocol.messages import RULES, decode
from resonance_tui.protocol.rules import NO_RULES, RoomRules, decode_body, sign_rules
from resonance_tui.room.authority import Authority
from resonance_tui.room_keys import RoomKey, RoomKeys

LIFETIME_S = 86_400  # of rules; renewed when half of it is over


def kept_rules(keys: RoomKeys, channel: str) -> RulesEvent | None:
    """The newest rules on this machine, whether they still hold or not."""
    try:
        event = decode(RULES.topic.of(channel, "kept"), keys.rules(channel))
    except WireError:
        return None
    return event if isinstance(event, RulesEvent) and event.signed is not None else None


def known_authority(keys: RoomKeys, key: RoomKey) -> Authority:
    """That believes this key, and has heard the rules that were kept."""
    authority = Authority(key.channel, remembered=key.host_public, host_print=key.print)
    if (kept := kept_rules(keys, key.channel)) is not None:
        authority.take_rules(kept)
    return authority


def renew_protection(keys: RoomKeys, key: RoomKey) -> bool:
    """Where the kept rules have ended: signs and keeps what of them protects viewers, once more.
    Whether there was something. Blocking. Raises StoreError."""
    kept, now = kept_rules(keys, key.channel), time.time()
    if kept is None or kept.signed is None or not key.is_host:
        return False
    protection = _protection(kept.signed.body)
    has_ended = known_authority(keys, key).look(time.monotonic(), now) is None
    if not has_ended or protection == NO_RULES or not kept.signed.is_signed(key.channel):
        return False
    number = keys.take_number(key.channel, kept.signed.number, now)
    signed = sign_rules(protection, key.channel, number, int(now) + LIFETIME_S, key.key)
    keys.keep_rules(key.channel, encode_rules(signed))
    return True


def _protection(body: bytes) -> RoomRules:
    """Of whatever else held nothing is left: those who were muted or removed come as before."""
    try:
        rules = decode_body(body)
    except WireError:
        return NO_RULES
    return RoomRules(
        nicknames_off=rules.nicknames_off, least=rules.least, private_eps=rules.private_eps
    )
