"""What OBS is asked to do at a moment; each answers in a word, or raises ObsProblem."""

from __future__ import annotations

import asyncio
import time
from typing import Any, Protocol

from resonance_tui.obs.protocol import ObsProblem, RequestRefused

SAVED_S = 3.0  # OBS says that it will save a replay at once, and that it has within this time
APART_S = 1.1  # two replays within a second get the same name, and one overwrites the other
TEXT_S = 8.0  # how long a text is shown
NO_RESOURCE, NO_CHAPTERS = 600, (204, 702)
RESTART = "OBS_WEBSOCKET_MEDIA_INPUT_ACTION_RESTART"


class Asks(Protocol):
    """What a client of OBS is here."""

    async def request(self, kind: str, **data: Any) -> dict[str, Any]: ...


class Replays:
    """Saves the replay buffer. `saved` is told the file of each ReplayBufferSaved."""

    def __init__(self, obs: Asks) -> None:
        self._obs = obs
        self._turn = asyncio.Lock()
        self._waiting: asyncio.Future[str] | None = None
        self._asked_at = -APART_S

    def saved(self, file: str) -> None:
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_result(file)

    async def save(self) -> str:
        """The file that OBS has saved. An answer is no proof: a recording that is paused or a full
        disk leaves none."""
        async with self._turn:
            await asyncio.sleep(self._asked_at + APART_S - time.monotonic())
            self._asked_at = time.monotonic()
            waiting = self._waiting = asyncio.get_running_loop().create_future()
            await self._obs.request("SaveReplayBuffer")
            try:
                async with asyncio.timeout(SAVED_S):
                    return await waiting
            except TimeoutError as error:
                raise ObsProblem(
                    "OBS has saved no replay.", "Is its recording paused, or its disk full?"
                ) from error


class Chapters:
    """Chapters in the recording, as long as this OBS and its format have such."""

    def __init__(self, obs: Asks) -> None:
        self._obs = obs
        self._are_refused = False

    def begin(self) -> None:
        """Another recording may have another format."""
        self._are_refused = False

    async def add(self, name: str) -> bool:
        """Whether there is one now; raises ObsProblem the first time that there cannot be."""
        if self._are_refused:
            return False
        try:
            await self._obs.request("CreateRecordChapter", chapterName=name)
        except RequestRefused as refused:
            self._are_refused = refused.code in NO_CHAPTERS
            raise
        return True


class Sources:
    """A text source that says what happens, and a media source that plays once; "" is none."""

    def __init__(self, obs: Asks, text: str = "", media: str = "") -> None:
        self._obs = obs
        self.text, self.media = text, media
        self._shown = 0

    async def check(self) -> None:
        """Raises ObsProblem for one that OBS does not have."""
        for name in filter(None, (self.text, self.media)):
            try:
                await self._obs.request("GetInputSettings", inputName=name)
            except RequestRefused as refused:
                if refused.code != NO_RESOURCE:
                    raise
                raise ObsProblem(f"OBS has no source {name!r}.", await self._names()) from refused

    async def show(self, words: str) -> None:
        """For TEXT_S, unless something else is shown meanwhile."""
        if not self.text:
            return
        self._shown += 1
        number = self._shown
        await self._set(words)
        await asyncio.sleep(TEXT_S)
        if number == self._shown:
            await self._set("")

    async def play(self) -> None:
        """From its beginning."""
        if self.media:
            await self._obs.request(
                "TriggerMediaInputAction", inputName=self.media, mediaAction=RESTART
            )

    async def _set(self, words: str) -> None:
        await self._obs.request(
            "SetInputSettings", inputName=self.text, inputSettings={"text": words}, overlay=True
        )

    async def _names(self) -> str:
        found = (await self._obs.request("GetInputList")).get("inputs", [])
        names = ", ".join(str(each.get("inputName", "")) for each in found[:8])
        return f"Sources: {names}." if names else "It has no source at all."
