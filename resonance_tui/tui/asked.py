"""A terminal is asked how wide it draws the signs that fonts disagree about.

Unicode calls lines, blocks and circles "ambiguous": terminals set up for Chinese, Japanese or
Korean draw them two cells wide, and every line of a screen would be torn. The same question
finds a terminal that takes bytes of UTF-8 for letters, whatever the locale says. Nobody waits
for the answer, and no key typed meanwhile is lost: it comes as an event among the keys.
"""

from __future__ import annotations

from textual.driver import Driver
from textual.events import CursorPosition

SIGNS = "■─"  # in UTF-8 no byte of them begins a string, where each is taken for a sign
QUESTION = f"\x1b[H{SIGNS}\x1b[6n\x1b[H\x1b[K"  # where is the cursor behind them?


def asking(driver: type[Driver]) -> type[Driver]:
    """A driver like `driver` that asks as it starts."""

    class Asking(driver):  # type: ignore[misc, valid-type]
        def start_application_mode(self) -> None:
            super().start_application_mode()
            self.write(QUESTION)
            self.flush()

    return Asking


def wipe(driver: Driver) -> None:
    """Clear what was drawn before the answer, also out of a string that it began by mistake."""
    driver.write("\x1b\\\x1b[2J")


def are_single(answer: CursorPosition) -> bool:
    """Whether each sign took one cell."""
    return answer.x == len(SIGNS)
