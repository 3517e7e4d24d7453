"""Pure: the table of tasks. A new task is one row."""

from __future__ import annotations

from dataclasses import dataclass

from resonance_tui.emotions import Emotion
from resonance_tui.texts import mark

READY_S = 3.0  # s between two tasks, for which the next one is announced
STORY = mark(
    "Read aloud, from the beginning again where you come to the end: The north wind and the sun "
    "argued which of them was the stronger. A traveller came along, wrapped in a warm cloak. They "
    "agreed that whoever made him take it off should be called the stronger. The north wind blew "
    "as hard as he could, but the more he blew, the closer the traveller folded his cloak."
)


@dataclass(frozen=True, slots=True)
class Task:
    """One row: what a person is asked to do, and what a right reading of it says."""

    says: str  # a message id
    seconds: float
    expected: Emotion
    figures: tuple[str, ...]  # names in `summary.FIGURES`, the telling one first
    ready_s: float = READY_S


_STEADY = ("share", "changes")
_ASKED = ("found", "share")

TASKS: dict[str, Task] = {
    "rest": Task(mark("Look at the screen and rest your face."), 20, Emotion.NEUTRAL, _STEADY),
    "talk": Task(STORY, 25, Emotion.NEUTRAL, ("changes", "share")),
    "keyboard": Task(
        mark("Look down at your keyboard and type, with now and then a look at the screen."),
        15,
        Emotion.NEUTRAL,
        ("changes", "share"),
    ),
    "happiness": Task(mark("Smile, as at a good joke."), 6, Emotion.HAPPINESS, _ASKED),
    "surprise": Task(mark("Look surprised: eyebrows up, mouth open."), 6, Emotion.SURPRISE, _ASKED),
    "sadness": Task(
        mark("Look sad: inner eyebrows up, corners of the mouth down."),
        6,
        Emotion.SADNESS,
        _ASKED,
    ),
    "anger": Task(
        mark("Look angry: eyebrows down, lips pressed together."), 6, Emotion.ANGER, _ASKED
    ),
    "disgust": Task(mark("Look disgusted, as at a bad smell."), 6, Emotion.DISGUST, _ASKED),
    "fear": Task(mark("Look frightened: eyes wide, mouth drawn back."), 6, Emotion.FEAR, _ASKED),
    "glasses": Task(
        mark("Put your glasses on, or take them off; then rest your face."),
        10,
        Emotion.NEUTRAL,
        _STEADY,
        ready_s=5,
    ),
    "empty": Task(mark("Leave the picture."), 10, Emotion.AWAY, ("share", "found")),
}
# Two minutes.
USUAL = ("rest", "talk", "keyboard", "happiness", "surprise", "sadness", "anger", "glasses")
