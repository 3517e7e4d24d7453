"""What the overlay and its settings page say. Their scripts hold it in English, as the events do,
and translate it where it is drawn: `words.js` looks it up in what is made here."""

from __future__ import annotations

from resonance_tui.emotions import Emotion
from resonance_tui.messaging.link_status import LinkState
from resonance_tui.serving.feed import UNNAMED
from resonance_tui.session.happenings import CAME, REACTIONS, WENT
from resonance_tui.texts import mark, tr

# The mood of a room, by what most of it show.
MOODS: dict[Emotion, str] = {
    Emotion.HAPPINESS: mark("happy"),
    Emotion.SADNESS: mark("sad"),
    Emotion.NEUTRAL: mark("calm"),
    Emotion.ANGER: mark("angry"),
    Emotion.SURPRISE: mark("surprised"),
    Emotion.DISGUST: mark("disgusted"),
    Emotion.FEAR: mark("afraid"),
}
PAGE = (
    mark("The room over your video"),
    mark("Layout"),
    mark("Aligned"),
    mark("on the left"),
    mark("in the middle"),
    mark("on the right"),
    mark("Size"),
    mark("Show from"),
    mark("viewers on"),
    mark("Words beside the glyphs"),
    mark("Movement"),
    mark("Nicknames of who comes and leaves"),
    mark("Nicknames are off unless you switch them on: ask your viewers first."),
    mark("Preview this room, not a made-up one"),
    mark("In OBS add a source of the kind Browser and paste the address as its URL."),
    mark("Width"),
    mark(", height"),
    mark("; the page is transparent."),
    mark("Four such sources of one address run at once; a browser opens no more than six streams."),
    mark("Copy"),
    mark("Copied"),
    mark("resonance-tui does not run at the moment."),
    mark("{channel}: {status}, {viewers} viewers"),
    mark("Bars"),
    mark("A bar for each emotion"),
    mark("Ring"),
    mark("Shares around the number of viewers"),
    mark("Ticker"),
    mark("What happens, line by line"),
    mark("Burst"),
    mark("Glyphs fly when the room moves"),
    mark("Mood"),
    mark("One word"),
    mark("simulated"),
    mark("Reactions"),
    mark("What people send with keys floats up the edge"),
    mark("Question"),
    mark("What the host asks, and the answers"),
    mark("checks"),
    mark("black"),
    mark("white"),
    mark("video"),
)


def words() -> dict[str, str]:
    """What is said otherwise in the person's language, by the English; {} in English itself."""
    said = [*(text for _, text in REACTIONS.values()), *CAME, *WENT, *UNNAMED.values()]
    said += [state.value for state in LinkState]
    return {text: shown for text in (*said, *PAGE) if (shown := tr(text)) != text}
