"""What a host asked, in the history: kept with the recording, read back, forgotten."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from resonance_tui.commands.history import show as history
from resonance_tui.commands.history.output import Asked
from resonance_tui.config import load
from resonance_tui.history.cues.from_questions import sheet
from resonance_tui.history.questions import KeptQuestion, keep_question, questions
from resonance_tui.history.retention import forget
from resonance_tui.history.samples import Sample
from resonance_tui.history.store import Store
from resonance_tui.protocol.asides import Answers
from resonance_tui.protocol.questions import Question
from resonance_tui.session.question_notes import QuestionNotes

MAPS = Question(100, "Which map?", ("Dust", "Mirage"), 160)
KEPT = KeptQuestion(101, MAPS, (3, 5))


def answers(*counts: int, question: int = 100) -> Answers:
    return Answers(question, counts)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "history.sqlite")


def test_a_question_is_kept_with_its_newest_counts(store: Store) -> None:
    with store:
        keep_question(store, "cats", KeptQuestion(101, MAPS, (1, 0)))
        keep_question(store, "cats", KEPT)
        keep_question(store, "dogs", KEPT)
        assert questions(store, "cats", 0, 1000) == [KEPT]
        assert questions(store, "cats", 102, 1000) == []


def test_forgetting_a_channel_forgets_what_was_asked(store: Store) -> None:
    with store:
        keep_question(store, "cats", KEPT)
        keep_question(store, "dogs", KEPT)
        forget(store, ["cats"])
        assert questions(store, "cats", 0, 1000) == []
        forget(store, ["dogs"], before=102)
        assert questions(store, "dogs", 0, 1000) == []


def test_a_question_is_written_when_its_counts_change_but_not_all_the_time() -> None:
    notes = QuestionNotes()
    assert notes.due(MAPS, answers(0, 0), 101.5) == KeptQuestion(101, MAPS, (0, 0))
    assert notes.due(MAPS, answers(1, 0), 102.0) is None
    assert notes.due(MAPS, answers(1, 0), 104.0) == KeptQuestion(101, MAPS, (1, 0))
    assert notes.due(MAPS, answers(1, 0), 110.0) is None
    assert notes.due(MAPS, answers(1, 1), 163.0) == KeptQuestion(101, MAPS, (1, 1))


def test_what_is_no_news_of_this_session_is_not_kept() -> None:
    notes = QuestionNotes()
    assert notes.due(None, None, 100.0) is None
    assert notes.due(MAPS, None, 100.0) is None
    assert notes.due(MAPS, answers(1, 2, question=99), 100.0) is None
    assert notes.due(MAPS, answers(1, 2), 500.0) is None, "it was over before we came"


def test_results_are_read_by_people_and_by_editors() -> None:
    assert KEPT.result == "Dust 3, Mirage 5"
    (cue,) = sheet([KEPT], 91.0, 151.0).cues
    assert (float(cue.start), float(cue.end)) == (10.0, 60.0)
    assert cue.title == "Which map? Dust 3, Mirage 5"
    assert sheet([KEPT], 200.0, 300.0).cues == ()


def test_counts_of_private_answers_are_estimates_with_a_margin() -> None:
    private = KeptQuestion(1, Question(1, "Q?", ("a", "b"), 9, is_private=True), (90, 10))
    (_, first, margin), (_, second, _) = private.shown
    assert first > 90
    assert second < 10
    assert margin is not None
    assert margin > 0


def test_every_question_has_a_line_also_one_soon_after_another(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "history.sqlite"
    with Store(path) as store:
        store.append(Sample("cats", t, 6, (2, 0, 4, 0, 0, 0, 0), 0, 0) for t in range(100, 170))
        keep_question(store, "cats", KEPT)
        keep_question(store, "cats", KeptQuestion(104, replace(MAPS, id=101), (1, 1)))
    config = load({"history.database": str(path)})
    history.run(config, Asked("cats", what="questions"))
    assert [line[19:] for line in capfd.readouterr().out.splitlines()] == [
        "  Which map?  Dust 3, Mirage 5",
        "  Which map?  Dust 1, Mirage 1",
    ]
