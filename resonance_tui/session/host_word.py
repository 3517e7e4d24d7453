"""What the room's host says, and what it means for one person in the room."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass, field, replace

from resonance_tui.errors import BrokerRefused, RemovedByHost, RoomClosed, WireError
from resonance_tui.messaging.permissions import is_hosts_alone
from resonance_tui.protocol.questions import Question
from resonance_tui.protocol.rules import NO_RULES, Act, RoomRules, SignedRules, decode_body
from resonance_tui.protocol.urls import BrokerUrl
from resonance_tui.room.authority import Authority, certificate_print
from resonance_tui.room.conduct import Conduct, admitted_by, conduct_of
from resonance_tui.room.trust import Trust
from resonance_tui.session.events import HostView, Standing
from resonance_tui.session.plan import KnownHost, SessionPlan
from resonance_tui.signing import short_print
from resonance_tui.texts import mark, tr


@dataclass(frozen=True, slots=True)
class HostNews:
    """What a person is told. `notices` are about themselves; `happenings` are about the room, in
    English that the catalogue can translate."""

    notices: list[str] = field(default_factory=list)
    happenings: list[str] = field(default_factory=list)
    is_forgotten: bool = False  # says the host of what was recorded of us


class HostWord:
    """Asks the authority what holds, has the room obey it, and remembers the host."""

    def __init__(self, plan: SessionPlan, obey: Callable[[Conduct], None]) -> None:
        self._plan, self._obey = plan, obey
        self._authority = Authority(plan.channel)
        self._known = plan.known_host
        self._was_removed = self._is_removal_kept = plan.was_removed
        self._due = asyncio.Event()  # there is something for `run` to do
        self._acts: tuple[Act, ...] = ()  # of the newest rules
        self._is_first = True  # what holds on joining is no news
        self.view = HostView()

    def begin(self, broker: BrokerUrl) -> Authority:
        """Before the first message; `broker`'s pin may vouch for the room's key."""
        known = self._known
        self._authority = Authority(
            self._plan.channel,
            host_print=self._plan.host_print,
            spki_print=certificate_print(broker.pin),
            remembered=known.key if known else None,
            is_elsewhere=known is not None and known.is_elsewhere,
            highest_number=known.number if known else 0,
        )
        return self._authority

    def mute_here(self, viewer_id: str, on: bool) -> None:
        others = self.view.muted_here - {viewer_id}
        muted = others | {viewer_id} if on else others
        self.view = replace(self.view, muted_here=muted)

    def hide_nicknames(self, on: bool) -> None:
        self.view = replace(self.view, hides_nicknames=on)

    @property
    def may_want_privacy(self) -> bool:
        """Whether the room shows rules, not believed or not yet, that have reports private."""
        return any(map(_asks_for_privacy, self._authority.others))

    def accept_key(self) -> None:
        """Believe the key that the room shows."""
        self._authority.accept()

    def look(self, now: float, at: float, viewer_id: str) -> HostNews:
        """To be called with every look at the room, before it. `now`: monotonic, `at`: epoch
        seconds. Raises RemovedByHost, RoomClosed."""
        authority, before = self._authority, self.view
        rules = authority.look(now, at)
        self.view = replace(
            before,
            rules=rules,
            trust=authority.trust,
            key=authority.key,
            shown_key=authority.shown,
            ended_at=authority.ended_at if rules is None else 0,
            standing=self._standing(rules or NO_RULES, viewer_id),
        )
        self._obey(self._conduct(rules, viewer_id))
        if authority.asks_for_first_use or self._to_remember is not None:
            self._due.set()
        self._leave_where_told(rules or NO_RULES, viewer_id)
        news = HostNews(
            _notices(before, self.view),
            self._happenings(before.rules, rules),
            is_forgotten=self._forgets(rules, viewer_id),
        )
        self._is_first = self._is_first and rules is None
        return news

    def _forgets(self, rules: RoomRules | None, viewer_id: str) -> bool:
        """Whether the host says so for the first time: its rules may be gone for a while."""
        if rules is None:
            return False
        news = [act for act in rules.acts if act not in self._acts]
        self._acts = rules.acts
        return any((act.what, act.whom) == ("forgotten", viewer_id) for act in news)

    def _conduct(self, rules: RoomRules | None, viewer_id: str) -> Conduct:
        """Nobody hides their own name from themselves. A host sees the room: who else would know
        that it is there?"""
        here = self.view
        conduct = conduct_of(rules, muted_here=here.muted_here, hides_names=here.hides_nicknames)
        if self._plan.has_key or viewer_id in conduct.hosts:
            conduct = replace(conduct, blind_s=None)
        is_own_shown = here.hides_nicknames and not (rules or NO_RULES).nicknames_off
        return replace(conduct, named=frozenset({viewer_id})) if is_own_shown else conduct

    def _standing(self, rules: RoomRules, viewer_id: str) -> Standing:
        if self._plan.observe_only:
            return Standing.COUNTED
        if viewer_id in rules.muted:
            return Standing.MUTED
        admitted = admitted_by(rules)
        is_in = admitted is None or viewer_id in admitted
        return Standing.COUNTED if is_in else Standing.LOCKED_OUT

    def _leave_where_told(self, rules: RoomRules, viewer_id: str) -> None:
        if not self._plan.observe_only and viewer_id in rules.removed:
            raise RemovedByHost(
                tr("the host removed you"),
                tr(
                    "Ask the host of {channel} if you want to come back", channel=self._plan.channel
                ),
            )
        if rules.closed is not None and viewer_id not in rules.host_ids:
            words = tr("the host closed the room")
            raise RoomClosed(
                mark("{words}: {closed}", words=words, closed=rules.closed)
                if rules.closed
                else words
            )

    def _happenings(self, before: RoomRules | None, after: RoomRules | None) -> list[str]:
        is_same = before is after or (before or NO_RULES) == (after or NO_RULES)
        if is_same or self._is_first:
            return []
        return _changes(before or NO_RULES, after or NO_RULES)

    # --- whom the host removed -------------------------------------------------------------------

    def is_let_in(self) -> None:
        """The broker has us: whatever the host decided before, it is over."""
        if self._was_removed:
            self._was_removed = False
            self._due.set()

    @contextlib.asynccontextmanager
    async def removal_kept(self) -> AsyncGenerator[None]:
        """Around a session: that the host removes us is remembered; and where the broker lets us
        in no more because of that, RemovedByHost is raised instead of BrokerRefused."""
        try:
            yield
        except RemovedByHost:
            await self._remember_removal(True)
            raise
        except BrokerRefused as error:
            if not self._was_removed or type(error) is not BrokerRefused:
                raise
            raise RemovedByHost(
                tr("the host removed you from {channel}", channel=self._plan.channel),
                tr("Ask the host for a new link if you want to come back"),
            ) from error

    async def _remember_removal(self, is_removed: bool) -> None:
        if self._plan.remember_removal is not None:
            await asyncio.to_thread(self._plan.remember_removal, is_removed)
            self._is_removal_kept = is_removed

    # --- what takes time -------------------------------------------------------------------------

    async def run(self, broker: BrokerUrl) -> None:
        """Until cancelled: finds out whether a first key can be believed, and remembers it."""
        is_asked = False
        while True:
            await self._due.wait()
            self._due.clear()
            if self._authority.asks_for_first_use and not is_asked:
                is_asked = True
                if await is_hosts_alone(broker, self._plan.channel):
                    self._authority.trust_first()
            if self._is_removal_kept and not self._was_removed:
                await self._remember_removal(False)
            await self.remember()

    @property
    def _to_remember(self) -> KnownHost | None:
        """The believed key and its number, where they are not remembered yet."""
        authority = self._authority
        if authority.key is None or self._plan.remember_host is None:
            return None
        now = KnownHost(authority.key, authority.highest_number)
        return None if now == self._known else now

    async def remember(self) -> None:
        """Writes down what is not yet. After a cancellation that is so for the same again."""
        known = self._to_remember
        if known is not None and self._plan.remember_host is not None:
            await asyncio.to_thread(self._plan.remember_host, known)
            self._known = known  # only now: whoever is cancelled before leaves it to the end


def _asks_for_privacy(signed: SignedRules) -> bool:
    try:
        return decode_body(signed.body).private_eps > 0
    except WireError:
        return False


def _notices(before: HostView, after: HostView) -> list[str]:
    found: list[str] = []
    if after.standing is not before.standing:
        found.append(tr(_STANDINGS[after.standing]))
    if after.ended_at and after.ended_at != before.ended_at:
        when = time.strftime("%Y-%m-%d %H:%M", time.localtime(after.ended_at))
        ended = mark(
            "By this machine's clock what the host said ended on {when}, and holds no more. "
            "If that clock is wrong, set it."
        )
        found.append(tr(ended, when=when))
    if after.shown_key not in (None, before.shown_key) and after.trust is Trust.CHANGED:
        found.append(
            tr(
                "This room shows another host key than the one known here: {print}. "
                "Ask the host; until you accept it, it has no effect.",
                print=short_print(after.shown_key or b""),
            )
        )
    return found


_STANDINGS = {
    Standing.COUNTED: mark("The host counts you again."),
    Standing.MUTED: mark("The host muted you: nobody sees or counts you."),
    Standing.LOCKED_OUT: mark(
        "The room is locked: you see it, and nobody counts you. Ask the host to let you in."
    ),
}


def _changes(before: RoomRules, after: RoomRules) -> list[str]:
    """What of it everybody in the room may know."""
    found: list[str] = []
    if before.is_locked != after.is_locked:
        is_locked = after.is_locked
        found.append(mark("the host locked the room") if is_locked else mark("the room is open"))
    if before.nicknames_off != after.nicknames_off:
        is_off = after.nicknames_off
        found.append(mark("nicknames are off") if is_off else mark("nicknames are on again"))
    if after.question is not None and after.question != before.question:
        found.append(_of_question(before.question, after.question))
    if before.slow_s != after.slow_s:
        slow = mark("slow mode: {seconds} s between two changes", seconds=str(after.slow_s))
        found.append(slow if after.slow_s else mark("slow mode is off"))
    if before.least != after.least:
        few = mark("counts are shown from {least} viewers on", least=str(after.least))
        found.append(few if after.least else mark("counts are shown in small rooms, too"))
    if after.prompt and before.prompt != after.prompt:
        found.append(mark("the host says: {words}", words=after.prompt))
    if before.blind != after.blind:
        blind = mark("the room shows itself to who has reacted")
        found.append(blind if after.blind else mark("the room shows itself to everybody"))
    return found


def _of_question(before: Question | None, after: Question) -> str:
    if before is None or before.id != after.id:
        return mark("the host asks: {text}", text=after.text)
    return mark("the question is over: {text}", text=after.text)
