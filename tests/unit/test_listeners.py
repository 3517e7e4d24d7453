"""What a listener raises is logged once and harms nobody else."""

from __future__ import annotations

import logging

import pytest

from resonance_tui import config
from resonance_tui.errors import WireError
from resonance_tui.listeners import Listeners
from resonance_tui.messaging.inbox import Inbox
from resonance_tui.pipeline.emotion_reader import EmotionReader
from resonance_tui.sinks.base import SinkPlan
from resonance_tui.sinks.runner import Delivery


def broken(*_: object) -> None:
    raise WireError("always")


def test_the_others_hear_everything_and_the_caller_goes_on() -> None:
    heard: list[int] = []
    tell: Listeners[[int]] = Listeners(heard.append, broken)
    tell.add(lambda number: heard.append(-number))
    tell(1)
    tell(2)
    assert heard == [1, -1, 2, -2]


def test_each_that_fails_is_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    def also_broken() -> None:
        raise OSError("no reader")

    tell: Listeners[[]] = Listeners(broken, also_broken)
    for _ in range(3):
        tell()
    assert [record.levelno for record in caplog.records] == [logging.ERROR] * 2
    assert "no reader" in caplog.text


def test_who_asks_for_an_end_gets_it() -> None:
    def interrupted() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        Listeners(interrupted)()


def test_one_who_begins_to_listen_meanwhile_hears_the_next() -> None:
    heard: list[str] = []
    tell: Listeners[[str]] = Listeners()
    tell.add(lambda _: tell.add(heard.append))
    tell("first")
    assert heard == []
    tell("second")
    assert heard == ["second"]


def test_an_inbox_goes_on_when_nobody_can_hear_of_what_is_broken() -> None:
    inbox = Inbox()
    inbox.on_broken.add(broken)
    inbox.put("resonance/1/cats/r/" + "x" * 5000, b"")
    assert inbox.drain() == [] and inbox.rejected == 1


def test_a_reading_goes_on() -> None:
    reading = EmotionReader(broken)
    reading.forget()
    reading.face_seen(1, 0.0)
    assert reading.face_missing(100.0)


def test_a_delivery_goes_on(tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Hopeless:
        trouble, is_hopeless = "No network.", True

        def step(self) -> float:
            return 7.0

    plan = SinkPlan("sheets", config.load(), "book")
    delivery = Delivery(plan, "cats", tmp_path / "none", broken)
    monkeypatch.setattr(delivery, "_sink", Hopeless())
    assert delivery.step() == 7.0
