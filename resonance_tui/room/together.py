"""How one viewer and the rest of the room differ. It stays on this machine: nothing sends it.

Times are monotonic seconds, so that a clock that is set changes nothing.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from resonance_tui.emotions import EMOTIONS, Emotion
from resonance_tui.texts import mark, tr

WINDOW_S = 300  # what "lately" means
LEAST_S = 30  # of it must be known before there is a share
LEAST_OTHERS = 2  # who show an emotion: one other person is no room
HELD_S = 2  # a single odd second is no moment
FEW, MANY = 0.2, 0.5  # of the others
REMARK_S = 60.0  # for so long a moment is told

MomentKind = Literal["alone", "shared", "missed"]


@dataclass(frozen=True, slots=True)
class OwnMoment:
    """One of them began to show `emotion`: you (alone, or with the room), or the room without."""

    at: float  # monotonic seconds
    kind: MomentKind
    emotion: Emotion

    @property
    def text(self) -> str:
        sentence = _SENTENCES.get((self.kind, self.emotion), _OTHERS[self.kind])
        return tr(sentence, emotion=self.emotion.label)


_OTHERS: dict[MomentKind, str] = {
    "alone": mark("you showed {emotion} when the room did not"),
    "shared": mark("you and the room showed {emotion}"),
    "missed": mark("the room showed {emotion} and you did not"),
}
_SENTENCES: dict[tuple[MomentKind, Emotion], str] = {
    ("alone", Emotion.HAPPINESS): mark("you laughed when the room did not"),
    ("shared", Emotion.HAPPINESS): mark("you laughed with the room"),
    ("missed", Emotion.HAPPINESS): mark("the room laughed and you did not"),
}


@dataclass(slots=True)
class Evening:
    """What a whole visit adds up to; shares are of the seconds in which both were read."""

    seconds: int = 0
    alike: int = 0  # seconds
    own: list[int] = field(default_factory=lambda: [0] * len(EMOTIONS))  # seconds, by emotion
    room: list[float] = field(default_factory=lambda: [0.0] * len(EMOTIONS))  # shares, summed
    moments: dict[MomentKind, int] = field(
        default_factory=lambda: {"alone": 0, "shared": 0, "missed": 0}
    )

    @property
    def is_known(self) -> bool:
        return self.seconds >= LEAST_S

    def shares(self) -> list[tuple[Emotion, float, float]]:
        """Of each emotion the share of your time, and the mean share of the others."""
        whole = max(self.seconds, 1)
        rows = zip(EMOTIONS, self.own, self.room, strict=True)
        return [(code, own / whole, room / whole) for code, own, room in rows]

    def lines(self) -> list[str]:
        """For a person, a sentence each; none where too little is known."""
        if not self.is_known:
            return []
        alike = tr(
            "You and the room: {share} % of {minutes} min alike.",
            share=round(100 * self.alike / self.seconds),
            minutes=round(self.seconds / 60) or 1,
        )
        most = max(self.shares(), key=lambda row: row[1] - row[2])
        moments = tr(
            "Moments: {shared} with the room, {alone} alone, {missed} without you.", **self.moments
        )
        more = tr(
            "More than the room you showed {emotion}: {own} % of the time, the others {room} %.",
            emotion=most[0].label,
            own=round(100 * most[1]),
            room=round(100 * most[2]),
        )
        return [alike, moments, *([more] if most[1] - most[2] >= 0.05 else [])]


class Together:
    """Own states and counts of the others in, once a second; a line and a summary out."""

    def __init__(self) -> None:
        self.evening = Evening()
        self.last: OwnMoment | None = None
        self._second = -math.inf
        self._past: deque[tuple[int, bool]] = deque()  # second, and whether both were alike
        self._own, self._own_s = Emotion.AWAY, 0  # the own state, and for how long
        self._room: Emotion | None = None  # what many of the others show
        self._room_s = 0

    def take(self, own: Emotion, others: Sequence[int], now: float) -> None:
        """`others`: seven counts without this viewer. Of one second the first look counts."""
        second = math.floor(now)
        if second <= self._second:
            return
        is_next = second == self._second + 1
        self._second = second
        if not is_next:
            self._own_s = self._room_s = 0
        people = sum(others)
        if not own.is_emotion or people < LEAST_OTHERS:
            self._own, self._own_s, self._room, self._room_s = Emotion.AWAY, 0, None, 0
            return
        is_alike = others[own] == max(others)
        self._past.append((second, is_alike))
        self._add_up(own, others, people, is_alike=is_alike)
        self._look_for_moments(own, [count / people for count in others], now)

    def _add_up(self, own: Emotion, others: Sequence[int], people: int, *, is_alike: bool) -> None:
        evening = self.evening
        evening.seconds += 1
        evening.alike += is_alike
        evening.own[own] += 1
        for code, count in enumerate(others):
            evening.room[code] += count / people

    def _look_for_moments(self, own: Emotion, shares: Sequence[float], now: float) -> None:
        self._own_s = self._own_s + 1 if own is self._own else 1
        self._own = own
        most = max(EMOTIONS, key=lambda code: shares[code])
        many = most if shares[most] >= MANY and most is not Emotion.NEUTRAL else None
        self._room_s = self._room_s + 1 if many is self._room else 1
        self._room = many
        if own is not Emotion.NEUTRAL and self._own_s == HELD_S and shares[own] <= FEW:
            self._happened("alone", own, now)
        is_shared = many is own and min(self._own_s, self._room_s) == HELD_S
        if many is not None and is_shared:
            self._happened("shared", own, now)
        elif many is not None and many is not own and self._room_s == HELD_S:
            self._happened("missed", many, now)

    def _happened(self, kind: MomentKind, emotion: Emotion, now: float) -> None:
        self.evening.moments[kind] += 1
        self.last = OwnMoment(now, kind, emotion)

    def share(self, now: float) -> float | None:
        """Of the last minutes the part in which the own state was the most common one among the
        others, 0-1; None while too little is known."""
        while self._past and self._past[0][0] <= now - WINDOW_S:
            self._past.popleft()
        if len(self._past) < LEAST_S:
            return None
        return sum(is_alike for _, is_alike in self._past) / len(self._past)

    def line(self, now: float) -> str:
        """ "you and the room: 64 % alike · you laughed when the room did not"; "" at first."""
        share, last = self.share(now), self.last
        if share is None:
            return ""
        alike = tr("you and the room: {share} % alike", share=round(100 * share))
        is_new = last is not None and now - last.at < REMARK_S
        return f"{alike} · {last.text}" if last is not None and is_new else alike
