"""This viewer's retained messages: report, nickname, answer, rules, and which are to be sent."""

from __future__ import annotations

from dataclasses import replace

from resonance_tui.protocol.frames import (
    encode_answer,
    encode_nickname,
    encode_report,
    encode_rules,
)
from resonance_tui.protocol.messages import ANSWER, NICKNAME, REPORT, RULES
from resonance_tui.protocol.questions import Answer
from resonance_tui.protocol.rules import SignedRules
from resonance_tui.protocol.table import Message, Outgoing
from resonance_tui.protocol.values import Report


class RetainedState:
    """The newest report, nickname and rules, and which of them the broker has not got yet.

    It numbers the reports, from 1: a heartbeat repeats a report under a new `seq`. Rules hold
    after their author has left: they are never taken back.
    """

    def __init__(self, channel: str, viewer_id: str) -> None:
        self.viewer_id = viewer_id
        self.report_expiry_s = REPORT.expiry_s
        self.repeats_name = False  # with every report: where newcomers are brought no other
        self.flags = 0  # of the connection, added to each report's
        self._channel = channel
        self._report: Report | None = None
        self._nickname = ""
        self._rules: SignedRules | None = None
        self._answer: Answer | None = None
        self._seq = 0  # of the last report sent
        self._due: set[str] = set()  # kinds of message to be sent
        self._published: set[str] = set()  # kinds that a broker may hold

    @property
    def is_shared(self) -> bool:
        """Whether there is a report for others to see."""
        return self._report is not None

    def set_report(self, report: Report) -> None:
        """Makes this the report to be sent; its `seq` is given when it is."""
        if self._report is None:
            self._due.add(NICKNAME.kind)  # sharing begins, or begins again
        self._report = report
        self._due.add(REPORT.kind)

    def set_nickname(self, nickname: str) -> None:
        self._nickname = nickname
        self._due.add(NICKNAME.kind)

    def set_answer(self, answer: Answer) -> None:
        """Makes this the answer to the host's question."""
        self._answer = answer
        self._due.add(ANSWER.kind)

    def set_rules(self, signed: SignedRules) -> None:
        """Makes these the room's rules that are shown under the own id."""
        self._rules = signed
        self._due.add(RULES.kind)

    def withdraw(self) -> None:
        """Takes report and nickname back until the next report."""
        self._report = self._answer = None
        self._due |= self._published

    def repeat(self) -> None:
        """The report is sent again, under a new number."""
        if self._report is not None:
            self._due.add(REPORT.kind)
            if self.repeats_name and self._nickname:
                self._due.add(NICKNAME.kind)
            if self.repeats_name and self._answer is not None:
                self._due.add(ANSWER.kind)

    def repeat_all(self) -> None:
        """For a broker that may know nothing, or something outdated."""
        self._due |= {REPORT.kind, NICKNAME.kind} if self._report is not None else self._published
        if self._answer is not None:
            self._due.add(ANSWER.kind)
        if self._rules is not None:
            self._due.add(RULES.kind)

    def move_to(self, viewer_id: str) -> None:
        """Continues under another id. What is retained under the old one belongs to the other
        program that uses it."""
        self.viewer_id = viewer_id
        self._published.clear()
        self.repeat_all()

    def take(self, *, up_s: int = 0) -> list[Outgoing]:
        """Messages due now. The nickname is first, so that no viewer appears without one. `up_s`:
        of a report."""
        due, self._due = self._due, set()
        messages: list[Outgoing] = []
        if NICKNAME.kind in due:
            messages += self._nickname_message()
        if REPORT.kind in due:
            messages += self._report_message(up_s)
        if ANSWER.kind in due:
            messages += self._answer_message()
        if RULES.kind in due and self._rules is not None:
            payload = encode_rules(self._rules)
            messages.append(RULES.outgoing(payload, self._channel, self.viewer_id))
        return messages

    def closing_messages(self) -> list[Outgoing]:
        """Clears everything that a broker may hold of this viewer."""
        self.withdraw()
        return self.take()

    def _nickname_message(self) -> list[Outgoing]:
        if not self._nickname or self._report is None:
            return self._clearing(NICKNAME)
        return self._publishing(NICKNAME, encode_nickname(self._nickname), NICKNAME.expiry_s)

    def _report_message(self, up_s: int) -> list[Outgoing]:
        if self._report is None:
            return self._clearing(REPORT)
        self._seq += 1
        flags = self._report.flags | self.flags
        report = replace(self._report, seq=self._seq, flags=flags, up_s=up_s)
        return self._publishing(REPORT, encode_report(report), self.report_expiry_s)

    def _answer_message(self) -> list[Outgoing]:
        if self._answer is None:
            return self._clearing(ANSWER)
        return self._publishing(ANSWER, encode_answer(self._answer), ANSWER.expiry_s)

    def _publishing(self, message: Message, payload: bytes, expiry_s: int | None) -> list[Outgoing]:
        self._published.add(message.kind)
        return [message.outgoing(payload, self._channel, self.viewer_id, expiry_s=expiry_s)]

    def _clearing(self, message: Message) -> list[Outgoing]:
        """Stays "published": whether the clearing arrived is known only to the broker."""
        is_published = message.kind in self._published
        return [message.clearing(self._channel, self.viewer_id)] if is_published else []
