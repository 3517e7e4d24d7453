"""What this viewer shows to others, as retained messages that still have to be sent."""

from __future__ import annotations

from dataclasses import dataclass, replace

from resonance_tui.protocol.messages import encode_nickname, encode_report
from resonance_tui.protocol.topics import nickname_topic, report_topic
from resonance_tui.room.state import Report

REPORT_EXPIRY_S = 30
NICKNAME_EXPIRY_S = 3600


@dataclass(frozen=True, slots=True)
class Outgoing:
    """One message, as a rule retained. An empty payload clears the topic."""

    topic: str
    payload: bytes
    qos: int
    expiry_s: int | None = None
    retain: bool = True


class RetainedState:
    """The newest report and nickname, and which of them the broker has not got yet.

    It counts `seq` itself: a heartbeat repeats a report under a new number, and the next report
    of the session must come after that.
    """

    def __init__(self, channel: str, viewer_id: str) -> None:
        self.viewer_id = viewer_id
        self.report_expiry_s = REPORT_EXPIRY_S
        self._channel = channel
        self._report: Report | None = None
        self._nickname = ""
        self._seq = -1
        self._due: set[str] = set()  # "r", "n": to be sent
        self._shown: set[str] = set()  # "r", "n": a broker may hold it

    def set_report(self, report: Report) -> None:
        if self._report is None:
            self._due.add("n")  # sharing begins, or begins again
        self._report = report
        self._due.add("r")

    def set_nickname(self, nickname: str) -> None:
        self._nickname = nickname
        self._due.add("n")

    def withdraw(self) -> None:
        """Takes report and nickname back until the next report."""
        self._report = None
        self._due |= self._shown

    def repeat(self) -> None:
        """The report goes out again, under a new number."""
        if self._report is not None:
            self._due.add("r")

    def repeat_all(self) -> None:
        """For a broker that may know nothing, or something outdated."""
        self._due |= {"r", "n"} if self._report is not None else self._shown

    def move_to(self, viewer_id: str) -> None:
        """Goes on under another id; what stands under the old one is left to its other owner."""
        self.viewer_id = viewer_id
        self._shown.clear()
        self.repeat_all()

    def take(self) -> list[Outgoing]:
        """What is to be sent now. The nickname goes ahead, so that nobody appears nameless."""
        due, self._due = self._due, set()
        messages: list[Outgoing] = []
        if "n" in due:
            messages += self._nickname_message()
        if "r" in due:
            messages += self._report_message()
        return messages

    def farewell(self) -> list[Outgoing]:
        """Clears everything that a broker may hold of this viewer."""
        self.withdraw()
        return self.take()

    def _nickname_message(self) -> list[Outgoing]:
        topic = nickname_topic(self._channel, self.viewer_id)
        if self._nickname and self._report is not None:
            self._shown.add("n")
            return [Outgoing(topic, encode_nickname(self._nickname), 1, NICKNAME_EXPIRY_S)]
        return self._clearing("n", topic)

    def _report_message(self) -> list[Outgoing]:
        topic = report_topic(self._channel, self.viewer_id)
        if self._report is None:
            return self._clearing("r", topic)
        self._shown.add("r")
        self._seq = max(self._seq + 1, self._report.seq)
        payload = encode_report(replace(self._report, seq=self._seq))
        return [Outgoing(topic, payload, 0, self.report_expiry_s)]

    def _clearing(self, kind: str, topic: str) -> list[Outgoing]:
        """Stays "shown": whether the clearing arrived is known only to the broker."""
        return [Outgoing(topic, b"", 1)] if kind in self._shown else []
