"""The screens in another language."""

from __future__ import annotations

from collections.abc import Iterator
from gettext import NullTranslations
from pathlib import Path

import pytest
from recordings import from_samples
from textual.app import App

from resonance_tui import texts
from resonance_tui.charting.chart import Chart
from resonance_tui.charting.view_state import Viewport, ViewState
from resonance_tui.charting.views import VIEWS
from resonance_tui.commands.groups import translated
from resonance_tui.commands.join import join
from resonance_tui.emotions import Emotion
from resonance_tui.engines.base import untrained
from resonance_tui.history.loading import Request
from resonance_tui.history.recording import Recorded
from resonance_tui.history.samples import Sample
from resonance_tui.history.store import Store
from resonance_tui.pipeline.sources import CameraState, CameraStatus
from resonance_tui.session.events import CorrectedCounts, HappeningUpdate
from resonance_tui.session.happenings import CAME, people_text
from resonance_tui.session.json_events import corrected_json, happening_json
from resonance_tui.session.metrics import TOO_FEW
from resonance_tui.tui.actions import LIVE, bar_entries
from resonance_tui.tui.screens.consent import ConsentScreen, terms
from resonance_tui.tui.screens.help import HelpScreen
from resonance_tui.tui.screens.history import HistoryApp
from resonance_tui.tui.state_words import absent_words, countdown
from resonance_tui.tui.widgets.bars import Shown
from resonance_tui.tui.widgets.event_line import event_texts

from .fakes import view

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
    "{one}, {two} and {more} more came": "{one}, {two} und {more} andere sind da",
    "camera busy": "Kamera besetzt",
    "just now": "gerade eben",
    "Say {emotion}": "{emotion} sagen",
    "happiness": "Freude",
    "surprise": "Überraschung",
    "next view: {views}": "nächste Ansicht: {views}",
    "viewers per emotion": "Personen je Gefühl",
    "shares": "Anteile",
    "corrected {what}": "{what}, berichtigt",
    "{count} min": "{count} Minuten",
    "peak {count} viewers": "höchstens {count} Personen",
    "most {emotion}: {count} at {time}": "meiste {emotion}: {count} um {time}",
    "nothing was recorded here": "hier wurde nichts aufgezeichnet",
    "fewer than {least} viewers": "weniger als {least} Personen",
    "{engine} is untrained: it guesses, and the room is told `unsure`.": "{engine} rät nur.",
    "{engines} (default: {default}).": "{engines} (sonst {default}).",
    "{engines}, or a network of `models list`": "{engines} oder ein Netz",
}


class German(NullTranslations):
    def gettext(self, message: str) -> str:
        return GERMAN.get(message, message)

    def ngettext(self, msgid1: str, msgid2: str, n: int) -> str:
        return self.gettext(msgid1 if n == 1 else msgid2)


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


def evening(seconds: int) -> list[Sample]:
    """Calm people, of whom nine laugh every seven seconds."""
    calm, laugh = (2, 0, 11, 0, 0, 0, 0), (9, 0, 4, 0, 0, 0, 0)
    return [Sample("lobby", 1000 + t, 13, calm if t % 7 else laugh, 0, 0) for t in range(seconds)]


async def test_the_history_is_told_in_the_persons_language(tmp_path: Path) -> None:
    database = tmp_path / "history.sqlite"
    with Store(database) as store:
        store.append(evening(600))
    app = HistoryApp(Request(database, "lobby"))
    async with app.run_test(size=(120, 40)) as pilot:
        await pilot.app.workers.wait_for_complete()
        await pilot.pause()
        text = shown(app)
        for words in ("10 Minuten", "höchstens 13 Personen", "Personen je Gefühl", "☺ Freude"):
            assert words in text
        await pilot.press("left")
        await pilot.app.workers.wait_for_complete()
        await pilot.pause()
        assert "meiste Freude: 9 um" in shown(app)
        await pilot.press("question_mark")
        await pilot.pause()
        assert "nächste Ansicht: Personen je Gefühl, Anteile, viewers" in shown(app)


def test_a_chart_is_titled_in_the_persons_language() -> None:
    recorded = Recorded(from_samples(evening(60)))
    window = Viewport.over(1000, 1059)
    assert Chart.build(recorded, ViewState(window), 10).title == "Personen je Gefühl"
    corrected = ViewState(window, is_corrected=True)
    assert Chart.build(recorded, corrected, 10).title == "Personen je Gefühl, berichtigt"
    later = ViewState(Viewport.over(5000, 5100), VIEWS["shares"])
    assert Chart.build(recorded, later, 10).reason == "hier wurde nichts aufgezeichnet"


def test_an_emotion_is_translated_where_it_is_drawn_and_nowhere_else() -> None:
    assert [Emotion.HAPPINESS.label, Emotion.HAPPINESS.word] == ["Freude", "happiness"]
    assert "Freude sagen" in [texts.tr(action.title) for action in LIVE]
    assert "Say happiness" in [action.title for action in LIVE]


def test_why_counts_are_not_corrected_is_translated_on_the_screen_and_not_in_json() -> None:
    lacking = CorrectedCounts("static", lacking=TOO_FEW)
    assert corrected_json(lacking)["lacking"] == "fewer than 50 viewers"
    note = Shown(corrected=lacking).note(is_short=True)
    assert note == "raw: weniger als 50 Personen"


def test_a_notice_is_told_in_the_persons_language() -> None:
    assert untrained("mae") == "mae rät nur."


def test_the_help_of_an_option_names_what_there_is_in_the_persons_language() -> None:
    engine = next(each for each in translated(join).params if each.name == "engine")
    assert engine.to_info_dict()["help"] == "auto, static oder ein Netz (sonst auto)."


def test_what_happens_is_translated_on_screen_and_english_in_json() -> None:
    text = people_text(("Mia", "Zoë", "Ann", "Bo"), CAME)
    event = HappeningUpdate(1.0, "joined", text, ("Mia",), 4)
    assert event_texts((event,), 1.0, 80) == ["→ Mia, Zoë und 2 andere sind da · gerade eben"]
    assert happening_json(event)["text"] == "Mia, Zoë and 2 more came"


def test_why_no_emotion_is_read_is_translated() -> None:
    busy = view(camera=CameraStatus(CameraState.BUSY))
    assert absent_words(busy) == ("Kamera besetzt", "Kamera besetzt")
