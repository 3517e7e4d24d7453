"""A room and OBS together: when the room moves, OBS keeps it, and it is known where."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, field
from typing import Any

from resonance_tui.emotions import STYLES
from resonance_tui.history.live_marks import LiveMark
from resonance_tui.history.moments import NAMES
from resonance_tui.obs.client import ObsClient
from resonance_tui.obs.keeper import Keeper, epoch
from resonance_tui.obs.live_rules import LiveMoment, LiveRules, LiveWatch
from resonance_tui.obs.protocol import Event, ObsProblem, RequestRefused
from resonance_tui.obs.record_clock import Output, Position
from resonance_tui.obs.requests import Chapters, Replays, Sources
from resonance_tui.obs.tape import Tape
from resonance_tui.secret import Secret

REPLAY, CHAPTER, MARKER = KINDS = ("replay", "chapter", "marker")
LOOK_EVERY_S = 2.0  # at what is written, so that little is unknown after a crash
LOW_MB = 60.0  # of disk: at 50 OBS ends a recording
_NO_BUFFER = 604
_NAMES: dict[Output, str] = {"Record": "recording", "Stream": "stream"}
_STOPPED = "OBS_WEBSOCKET_OUTPUT_STOPPED"
_STATES = {
    "OBS_WEBSOCKET_OUTPUT_STARTED": "has begun",
    "OBS_WEBSOCKET_OUTPUT_PAUSED": "is paused",
    "OBS_WEBSOCKET_OUTPUT_RESUMED": "goes on",
    "OBS_WEBSOCKET_OUTPUT_RECONNECTING": "has lost its server",
    "OBS_WEBSOCKET_OUTPUT_RECONNECTED": "goes on",
}


@dataclass(frozen=True, slots=True)
class DeskPlan:
    """What is asked of OBS, and where it is."""

    url: str
    password: Secret = field(default_factory=Secret)
    kinds: frozenset[str] = frozenset(KINDS)
    rules: LiveRules = field(default_factory=LiveRules)
    text: str = ""  # a text source; "" is none
    media: str = ""


class ObsDesk:
    """Belongs to one event loop. `say` takes a sentence for a person, each trouble once."""

    def __init__(self, plan: DeskPlan, keeper: Keeper, say: Callable[[str], object]) -> None:
        self._plan, self._keeper, self._say = plan, keeper, say
        self._watch = LiveWatch(plan.rules)
        self._client = ObsClient(plan.url, plan.password, self._take, self._on_link)
        self._tapes: dict[Output, Tape] = {"Record": Tape("Record"), "Stream": Tape("Stream")}
        self._replays, self._chapters = Replays(self._client), Chapters(self._client)
        self._sources = Sources(self._client, plan.text, plan.media)
        self._work: set[asyncio.Task[None]] = set()
        self._said: set[str] = set()  # troubles, since something changed

    @property
    def is_connected(self) -> bool:
        return self._client.is_connected

    @property
    def recording(self) -> Position | None:
        """Where the recording is now; None while nothing is written."""
        return self._tapes["Record"].position(time.monotonic())

    async def beside(self, work: Coroutine[Any, Any, None]) -> None:
        """Keep an eye on OBS while `work` runs, which goes on without it."""
        tasks = [
            asyncio.create_task(each, name=name)
            for name, each in (
                ("obs", self._stay_connected()),
                ("obs tapes", self._look_at_tapes()),
                ("obs keeper", self._keeper.run()),
            )
        ]
        try:
            await work
        finally:
            self._store_tapes()
            for task in (*self._work, *tasks):
                task.cancel()
            await asyncio.wait((*self._work, *tasks))

    def room(self, counts: Sequence[int], at: float) -> None:
        """The room is like that at `at` (monotonic s), which is a fact."""
        if (moment := self._watch.take(counts, at)) is not None:
            self._start(self._keep(moment))

    def blind(self) -> None:
        """The room is not seen for a while."""
        self._watch.reset()

    # --- OBS, there and gone ---------------------------------------------------------------

    async def _stay_connected(self) -> None:
        try:
            await self._client.run()
        except ObsProblem as final:
            self._trouble(final, "The room goes on without OBS.")

    def _on_link(self, problem: ObsProblem | None) -> None:
        if problem is None:
            self._said.clear()
            self._start(self._greet())
            return
        for tape in self._tapes.values():
            tape.lose(time.monotonic())
        self._trouble(problem)

    async def _greet(self) -> None:
        """What OBS is doing when we come."""
        try:
            version = await self._client.request("GetVersion")
            doing = [await self._attach(output) for output in self._tapes]
            self._say(f"OBS {version.get('obsVersion', '')}: {', '.join(filter(None, doing))}.")
            if REPLAY in self._plan.kinds:
                await self._look_at_buffer()
            await self._sources.check()
        except ObsProblem as problem:
            self._trouble(problem)

    async def _attach(self, output: Output) -> str:
        tape = self._tapes[output]
        status = await self._client.request(f"Get{output}Status")
        tape.attach(
            time.monotonic(),
            float(status.get("outputDuration", 0)) / 1000,
            is_active=bool(status.get("outputActive")),
            is_paused=bool(status.get("outputPaused")),
        )
        if not tape.clock.is_running:
            return "not recording" if output == "Record" else ""
        words = f"{_NAMES[output]} runs" + (", paused" if tape.clock.is_paused else "")
        return words if tape.clock.is_exact else f"{words} (positions within about a second)"

    async def _look_at_buffer(self) -> None:
        try:
            status = await self._client.request("GetReplayBufferStatus")
        except RequestRefused as refused:
            if refused.code != _NO_BUFFER:
                raise
            said = "The replay buffer is switched off in OBS."
            self._trouble(ObsProblem(said, "Turn it on: Settings, Output, Replay Buffer."))
            return
        if not status.get("outputActive"):
            said = "The replay buffer does not run."
            self._trouble(ObsProblem(said, "Start it in OBS: Start Replay Buffer."))

    # --- what OBS tells --------------------------------------------------------------------

    def _take(self, event: Event) -> None:
        now = time.monotonic()
        if event.kind == "ReplayBufferSaved":
            self._replays.saved(str(event.data.get("savedReplayPath", "")))
        for output, tape in self._tapes.items():
            ended_by_itself = tape.take(event, now)
            if event.kind == f"{output}StateChanged":
                self._tell_state(output, str(event.data.get("outputState", "")), ended_by_itself)
        if event.kind == "RecordFileChanged":
            self._say("The recording goes on in another file.")
        self._store_tapes()

    def _tell_state(self, output: Output, state: str, ended_by_itself: bool) -> None:
        if state == _STOPPED:
            self._start(self._tell_of_end(output, ended_by_itself))
        elif state in _STATES:
            self._say(f"The {_NAMES[output]} {_STATES[state]}.")
        if state in _STATES or state == _STOPPED:
            self._said.clear()
        if output == "Record" and state == "OBS_WEBSOCKET_OUTPUT_STARTED":
            self._chapters.begin()

    async def _tell_of_end(self, output: Output, ended_by_itself: bool) -> None:
        """OBS stops a recording whose disk is nearly full as a person does, with a dialog."""
        try:
            stats = await self._client.request("GetStats")
            free_mb = float(stats.get("availableDiskSpace", math.inf))
        except ObsProblem:
            free_mb = math.inf
        name = _NAMES[output]
        if output == "Record" and free_mb < LOW_MB:
            self._say(f"OBS has ended the {name}: its disk has {free_mb:.0f} MB left.")
        elif ended_by_itself:
            self._say(f"OBS has ended the {name} by itself; its own log says why.")
        else:
            self._say(f"The {name} has ended.")

    async def _look_at_tapes(self) -> None:
        while True:
            await asyncio.sleep(LOOK_EVERY_S)
            self._store_tapes()

    def _store_tapes(self) -> None:
        """While OBS is gone nobody knows what it writes."""
        for output, tape in self._tapes.items():
            now = time.monotonic() if tape.lost_at is None else tape.lost_at
            self._keeper.take(output, tape.stretches, now)

    # --- a moment --------------------------------------------------------------------------

    async def _keep(self, moment: LiveMoment) -> None:
        mark = LiveMark(epoch(moment.at), moment.emotion, moment.people, moment.read)
        if MARKER in self._plan.kinds:
            self._keeper.mark(mark)
        words = f"{NAMES[moment.emotion]}: {moment.emotion.word} {moment.share:.0%}"
        self._start(self._asked(self._sources.show(f"{STYLES[moment.emotion].glyph} {words}")))
        self._start(self._asked(self._sources.play()))
        chapter, replay = await asyncio.gather(self._chapter(words), self._replay())
        if replay or (CHAPTER in self._plan.kinds and not chapter):
            self._keeper.mark(LiveMark(mark.t, mark.emotion, mark.people, mark.read, replay))
        parts = (
            self._where(moment.at),
            "chapter" if chapter else "",
            replay and f"replay {replay}",
        )
        self._say(" · ".join(filter(None, (words, *parts))))

    async def _chapter(self, name: str) -> bool:
        clock = self._tapes["Record"].clock
        if CHAPTER not in self._plan.kinds or not clock.is_running or clock.is_paused:
            return False
        try:
            return await self._chapters.add(name)
        except ObsProblem as problem:
            self._trouble(problem, "Own marks are kept.")
            return False

    async def _replay(self) -> str:
        if REPLAY not in self._plan.kinds or not self.is_connected:
            return ""
        try:
            return await self._replays.save()
        except ObsProblem as problem:
            is_paused = self._tapes["Record"].clock.is_paused
            if is_paused and not isinstance(problem, RequestRefused):
                problem = ObsProblem(
                    "OBS saves no replay while its recording is paused.", "Let it go on."
                )
            self._trouble(problem)
            return ""

    async def _asked(self, work: Coroutine[Any, Any, None]) -> None:
        try:
            await work
        except ObsProblem as problem:
            self._trouble(problem)

    def _where(self, at: float) -> str:
        """In the recording, else in the stream."""
        for output, tape in self._tapes.items():
            if (place := tape.position(at)) is not None:
                return f"{position_text(place)} of {place.file or f'the {_NAMES[output]}'}"
        is_paused = self._tapes["Record"].clock.is_paused
        return "not in the recording, which is paused" if is_paused else ""

    # --- shared ----------------------------------------------------------------------------

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._work.add(task)
        task.add_done_callback(self._work.discard)

    def _trouble(self, problem: ObsProblem, *more: str) -> None:
        """In a line, and again only once something has changed."""
        if problem.message in self._said:
            return
        self._said.add(problem.message)
        self._say(" ".join(filter(None, (problem.message, problem.hint, *more))))


def position_text(place: Position) -> str:
    """ "0:12:03.4", with a sign where it is only about right."""
    tenths = int(10 * place.seconds + 0.5)
    minutes, rest = divmod(tenths, 600)
    about = "" if place.is_exact else "~"
    return f"{about}{minutes // 60}:{minutes % 60:02}:{rest // 10:02}.{rest % 10}"
