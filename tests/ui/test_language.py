"""The screens in another language."""

from __future__ import annotations

from collections.abc import Iterator
from gettext import NullTranslations

import pytest
from textual.app import App

from resonance_tui import texts
from resonance_tui.tui.actions import LIVE, bar_entries
from resonance_tui.tui.screens.consent import ConsentScreen, terms
from resonance_tui.tui.screens.help import HelpScreen
from resonance_tui.tui.widgets.status import countdown

GERMAN = {
    "Before your camera is opened": "Bevor die Kamera angeht",
    "y  Yes, join": "y  Ja, beitreten",
    "To the broker at {broker} and to everyone in the channel.": (
        "An den Broker auf {broker} und an alle im Kanal."
    ),
    "Help": "Hilfe",
    "camera": "Kamera",
    "your own line": "die eigene Zeile",
    "Off releases the device; you stay in the room.": "Aus gibt das Gerät frei.",
    "retry in {seconds} s": "noch {seconds} s",
}


class German(NullTranslations):
    def gettext(self, message: str) -> str:
        return GERMAN.get(message, message)


@pytest.fixture(autouse=True)
def _german() -> Iterator[None]:
    before = texts.use(German())
    yield
    texts.use(before)


def shown(app: App[None]) -> str:
    return "\n".join(
        "".join(segment.text for segment in strip)
        for strip in app.screen._compositor.render_strips()
    )


async def test_consent_is_asked_in_the_persons_language() -> None:
    app: App[None] = App()
    async with app.run_test(size=(90, 40)) as pilot:
        await app.push_screen(ConsentScreen("mqtt://room.example"))
        await pilot.pause()
        text = shown(app)
    assert "Bevor die Kamera angeht" in text and "Ja, beitreten" in text
    answers = [answer for _, answer in terms("mqtt://room.example")]
    assert "An den Broker auf mqtt://room.example und an alle im Kanal." in answers


async def test_help_is_translated_where_it_is_shown_though_its_tables_are_older() -> None:
    app: App[None] = App()
    async with app.run_test(size=(120, 60)) as pilot:
        await app.push_screen(HelpScreen(LIVE))
        await pilot.pause()
        text = shown(app)
    for words in ("Hilfe", "die eigene Zeile", "Aus gibt das Gerät frei."):
        assert words in text


def test_the_key_bar_is_translated_before_it_is_measured() -> None:
    assert "Kamera" in [entry.label for entry in bar_entries(LIVE, 80, 2)]


def test_a_countdown_is_filled_in_after_it_is_translated() -> None:
    assert countdown(103.0, 100.2) == "noch 3 s"
