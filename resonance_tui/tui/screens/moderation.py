"""The host's screen: who is in the room, what is odd about them, and what to do about it."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, cast

from rich.text import Text
from textual.app import ComposeResult
from textual.content import Content
from textual.widgets import DataTable, Static

from resonance_tui.errors import Problem
from resonance_tui.messaging.link_status import LinkState
from resonance_tui.protocol.rules import Act
from resonance_tui.room.asking import typed_value
from resonance_tui.room.moderation import ACTS, Needs, RoomAct, sentence, switched
from resonance_tui.texts import mark, tr
from resonance_tui.tui.actions import Action, ActionScreen, host_actions
from resonance_tui.tui.screens.help import HelpScreen
from resonance_tui.tui.screens.moderation_dialogs import Ask, Confirm
from resonance_tui.tui.widgets.keys import KeyBar
from resonance_tui.tui.widgets.roster import anonymous
from resonance_tui.widths import cut, printable

if TYPE_CHECKING:
    from resonance_tui.room.attendance import Attendee
    from resonance_tui.room_keys import LoggedAct
    from resonance_tui.tui.join_context import DeskLike

TICK_S = 1.0
LOG_LINES = 50
COLUMNS = (mark("nickname"), mark("id"), mark("since"), mark("a min"), mark("marks"))
COURTESY = mark("Moderation is a courtesy on this broker: anybody can write under any id.")
SECURE = mark("Secure the room: {command}")
HOW_TO_ASK = mark("For two minutes; as: Which map? | Dust | Mirage")
MARKS = {
    "host": mark("host"),
    "simulated": mark("simulated"),
    "key": mark("key"),
    "film": mark("film"),
    "asks-to-be-forgotten": mark("asks to be forgotten"),
    "muted": mark("muted"),
    "removed": mark("removed"),
    "name-hidden": mark("name hidden"),
    "locked-out": mark("locked out"),
}


class ModerationScreen(ActionScreen):
    """Draws what a desk knows. Running the desk is the app's business."""

    PREFIX = "host"
    AUTO_FOCUS = "DataTable"
    DEFAULT_CSS = """
    ModerationScreen { layout: vertical; }
    ModerationScreen #state { height: 1; background: $surface; padding: 0 1; }
    ModerationScreen #courtesy { height: auto; max-height: 4; color: $warning; padding: 0 1; }
    ModerationScreen DataTable { height: 1fr; background: $background; }
    ModerationScreen #log {
        height: 8; border-top: solid $panel-lighten-1; padding: 0 1; color: $text-muted;
        border-title-color: $text-muted;
    }
    ModerationScreen KeyBar { height: 1; }
    .-mid ModerationScreen #log, ModerationScreen.-mid #log { height: 4; }
    ModerationScreen.-short #log, ModerationScreen.-low #log, ModerationScreen.-flat #log {
        display: none;
    }
    ModerationScreen.-low #courtesy, ModerationScreen.-flat #courtesy { display: none; }
    """

    def __init__(self, desk: DeskLike) -> None:
        super().__init__()
        self._desk = desk
        self._shown: dict[str, Attendee] = {}
        self._logged: list[LoggedAct] = []

    @classmethod
    def table(cls) -> Sequence[Action]:
        return host_actions()

    def compose(self) -> ComposeResult:
        yield Static(id="state")
        yield Static(id="courtesy")
        yield DataTable[Text](cursor_type="row", zebra_stripes=False)
        yield Static(id="log")
        yield KeyBar(self.actions, id="keys")

    def on_mount(self) -> None:
        table = self._table
        for name in COLUMNS:
            table.add_column(tr(name), key=name)
        self.query_one("#log").border_title = tr("who did what")
        self.query_one("#courtesy").display = False
        self.set_interval(TICK_S, self._tick)
        self._tick()

    @property
    def _table(self) -> DataTable[Text]:
        return cast("DataTable[Text]", self.query_one(DataTable))

    # What is shown

    def _tick(self) -> None:
        courtesy = self.query_one("#courtesy", Static)
        courtesy.display = bool(self._desk.is_courtesy)
        command = f"resonance-tui broker --public --channel {self._desk.channel}"
        courtesy.update(Content(f"{tr(COURTESY)}\n{tr(SECURE, command=command)}"))
        self._show_viewers({each.viewer_id: each for each in self._desk.attendees()})
        self._show_log()
        self.query_one("#state", Static).update(Content(self._state()))

    def _state(self) -> str:
        desk, rules = self._desk, self._desk.rules
        words = [f"#{desk.channel}"]
        if desk.trouble or desk.status.state is not LinkState.CONNECTED:
            words.append(desk.trouble or desk.why_lost or tr("connecting"))
        else:  # without a connection nobody knows who is here
            here = sum(not (each.is_muted or each.is_removed) for each in self._shown.values())
            words.append(tr("{count} here", count=here))
        words += [tr("locked")] * rules.is_locked
        words += [tr("nicknames off")] * rules.nicknames_off
        words += [tr("slow {seconds} s", seconds=rules.slow_s)] * bool(rules.slow_s)
        if rules.least and desk.keeps_reports:
            words.append(tr("counts from {least}", least=rules.least))
        elif rules.least:
            words.append(tr("counts from {least}, by courtesy", least=rules.least))
        words += [tr("this account does not see who is here")] * (not desk.sees_all)
        words += [tr("blind first")] * rules.blind
        if rules.private_eps:
            words.append(tr("private counts, ε {epsilon}", epsilon=f"{rules.private_epsilon:g}"))
        words += [tr("{count} muted", count=len(rules.muted))] * bool(rules.muted)
        words += [tr("{count} removed", count=len(rules.removed))] * bool(rules.removed)
        if rules.question is not None and rules.question.is_open(time.time()):
            words.append(tr("the host asks: {text}", text=printable(rules.question.text)))
        if rules.closed is not None:
            words.append(tr("closed: {word}", word=rules.closed))
        return " · ".join(words)

    def _show_viewers(self, found: dict[str, Attendee]) -> None:
        """Rows that are the same stay as they are, and so does the cursor's viewer."""
        table = self._table
        if list(found) != list(self._shown):
            chosen = self._chosen_id()
            table.clear()
            for viewer_id, each in found.items():
                table.add_row(*_cells(each), key=viewer_id)
            if chosen in found:
                table.move_cursor(row=list(found).index(chosen), animate=False)
        else:
            for viewer_id, each in found.items():
                if each != self._shown[viewer_id]:
                    for name, text in zip(COLUMNS, _cells(each), strict=True):
                        table.update_cell(viewer_id, name, text, update_width=True)
        self._shown = found

    def _show_log(self) -> None:
        try:
            acts = self._desk.acts()[-LOG_LINES:]
        except Problem:
            return  # the room goes on without its log
        if acts != self._logged:
            self._logged = acts
            names = {each.viewer_id: each.nickname for each in self._shown.values()}
            lines = [_log_line(act, names) for act in reversed(acts)]
            self.query_one("#log", Static).update(Content("\n".join(lines)))

    # What is done

    def _chosen_id(self) -> str:
        """The id of the viewer under the cursor; "" where there is none."""
        ids, row = list(self._shown), self._table.cursor_row
        return ids[row] if 0 <= row < len(ids) else ""

    def action_act(self, name: str) -> None:
        act = ACTS[name]
        chosen = self._chosen_id() if act.needs is Needs.VIEWER else ""
        if act.needs is Needs.VIEWER and not chosen:
            self.notify(tr("Nobody is chosen."), severity="warning")
            return
        if act.needs is Needs.QUESTION:
            self._question()
            return
        name, value = switched(self._desk.rules, name, chosen)
        if name == act.name and act.needs in (Needs.SECONDS, Needs.VIEWERS, Needs.WORDS):
            question = Ask(tr(act.summary), self._present_value(name))
            self.app.push_screen(question, partial(self._asked, name))
        elif name in ("mute", "kick") and (facts := self._facts(name, chosen)):
            doubt = Confirm(tr("{act} {id}?", act=tr(act.label), id=chosen), facts)
            self.app.push_screen(doubt, partial(self._confirmed, name, value))
        else:
            self._do(name, value)

    def _question(self) -> None:
        """Asks one, or ends the one that is asked."""
        present = self._desk.rules.question
        if present is not None and present.is_open(time.time()):
            doubt = Confirm(tr(ACTS["close-question"].summary), [printable(present.text)])
            self.app.push_screen(doubt, self._end_question)
        else:
            words = f"{tr(ACTS['ask'].summary)} {tr(HOW_TO_ASK)}"
            self.app.push_screen(Ask(words), self._ask)

    def _end_question(self, is_meant: bool | None) -> None:
        if is_meant:
            self._do("close-question", f"{time.time():.0f}")

    def _ask(self, words: str | None) -> None:
        if words is None:
            return
        try:
            value, text = typed_value(words, at=time.time())
        except Problem as problem:
            self._refuse(problem)
            return
        self._do("ask", value, text)

    def _facts(self, name: str, viewer_id: str) -> list[str]:
        """What a host has to see before: nobody is muted for what a forger wrote."""
        each = self._shown[viewer_id]
        who = tr("nickname: {name}", name=each.nickname or anonymous(viewer_id))
        facts = list(each.doubts)
        if each.doubts and self._desk.is_courtesy is not False:
            facts.append(tr("Whoever it was that wrote: this takes out the id, for both."))
        if name == "kick" and self._desk.is_courtesy is not True:
            facts.append(tr("The account ends. A link for one is spent; one for many stays open."))
        return [who, *facts] if facts else []

    def _present_value(self, name: str) -> str:
        rules = self._desk.rules
        present = {"slow": str(rules.slow_s), "title": rules.title, "least": str(rules.least)}
        present["prompt"] = rules.prompt
        return present.get(name, "")

    def _asked(self, name: str, value: str | None) -> None:
        if value is not None:
            self._do(name, value)

    def _confirmed(self, name: str, value: str, is_meant: bool | None) -> None:
        if is_meant:
            self._do(name, value)

    def _do(self, name: str, value: str, whom: str | None = None) -> None:
        self.run_worker(self._perform(ACTS[name], value, whom), group="acts")

    async def _perform(self, act: RoomAct, value: str, whom: str | None) -> None:
        try:
            await self._desk.act(act.name, value, whom=whom)
        except Problem as problem:
            self._refuse(problem)
        self._tick()

    def _refuse(self, problem: Problem) -> None:
        text = f"{tr(problem.message)} {tr(problem.hint)}".strip()
        self.notify(text, severity="error", markup=False)

    def action_help(self) -> None:
        self.app.push_screen(HelpScreen(self.actions))

    def action_back(self) -> None:
        self.dismiss(None)


def _cells(each: Attendee) -> tuple[Text, ...]:
    """As they are: a table would read markup in plain strings."""
    marks = [tr(MARKS[word]) for word in each.marks] + [f"⚠ {doubt}" for doubt in each.doubts]
    texts = (
        cut(each.nickname or anonymous(each.viewer_id), 24, most=24),
        each.viewer_id,
        time.strftime("%H:%M", time.localtime(each.since)),
        f"{each.reports_a_minute:.0f}",
        ", ".join(marks),
    )
    return tuple(Text(text, no_wrap=True) for text in texts)


def _log_line(act: LoggedAct, names: Mapping[str, str]) -> str:
    """`names`: nicknames by id, of those who are here."""
    name = names.get(act.whom) or act.name
    whom = f"{name} ({act.whom})" if name else act.whom
    when = time.strftime("%H:%M:%S", time.localtime(act.t))
    return f"{when}  {act.by}  {sentence(Act(int(act.t), act.by, act.what, whom))}"
