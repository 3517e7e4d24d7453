"""Who hears every report and who follows a total see the same, whatever rules hold together."""

from __future__ import annotations

import time
from dataclasses import replace
from random import Random

import pytest

from resonance_tui.emotions import Emotion
from resonance_tui.protocol.asides import Aside, total_of
from resonance_tui.protocol.events import AnswerEvent, AsideTotalEvent, ReportEvent, TotalEvent
from resonance_tui.protocol.questions import Answer, Question
from resonance_tui.protocol.values import NO_COUNTS, PRIVATE, SHARDS, Report
from resonance_tui.room.ballot import Ballot
from resonance_tui.room.conduct import Conduct
from resonance_tui.room.small_rooms import SmallRoom
from resonance_tui.room.state import RoomSnapshot
from resonance_tui.room.tally import Tally
from resonance_tui.room.teams import TEAM_LEAST, visible
from resonance_tui.session.room_model import RoomModel

MOODS = (Emotion.HAPPINESS, Emotion.HAPPINESS, Emotion.NEUTRAL, Emotion.ANGER, Emotion.UNSURE)
LOOKS, LOOK_S = 12, 0.3


class Counter:
    """What an aggregator of the whole room makes of reports and answers."""

    def __init__(self, conduct: Conduct) -> None:
        self.conduct, self.tally, self.ballot = conduct, Tally(), Ballot()
        self.small = SmallRoom()
        self.tally.watch(frozenset(range(SHARDS)))
        self.tally.obey(conduct)
        self.ballot.obey(conduct)

    def told(self, number: int) -> tuple[TotalEvent, AsideTotalEvent]:
        shards, least = range(SHARDS), self.conduct.least
        counts = total_of(Aside(private=self.tally.counts(each)) for each in shards).private
        aside = total_of(
            total_of(
                (
                    Aside(teams=self.tally.teams(each)),
                    self.tally.aside(each),
                    self.ballot.of_shard(each),
                )
            )
            for each in shards
        )
        present, shown = sum(counts), counts
        if least:
            table = self.small.table(counts, least, sum(aside.private))
            aside, present = self.small.aside(aside, table, least), table.viewers
            shown = table.counts
        teams = visible(aside.teams, counts or NO_COUNTS, least or TEAM_LEAST)
        total = TotalEvent("room", present, shown, 1, number, edges=2, least=least)
        return total, AsideTotalEvent("room", replace(aside, teams=teams), 1, number)


def seen(room: RoomSnapshot) -> tuple[object, ...]:
    counts = room.viewers, room.counts, room.unsure, room.away, room.missing
    return *counts, room.private, room.answers, dict(room.teams), room.people


@pytest.mark.parametrize("least", [0, 3, 5, 20])
def test_private_reports_teams_and_answers_are_counted_alike_under_every_rule(least: int) -> None:
    question = Question(5, "Which map?", ("Dust", "Mirage", "Nuke"), int(time.time()) + 60)
    conduct = Conduct(least=least, teams=3, question=question)
    for seed in range(15):
        dice, counter = Random(seed), Counter(conduct)
        mesh, total = RoomModel(), RoomModel()
        mesh.obey(conduct)
        total.obey(conduct)
        for look in range(LOOKS):
            for seq in range(50 * look, 50 * look + dice.randrange(1, 10)):
                who, now = f"v{dice.randrange(25)}", look * LOOK_S
                flags, team = dice.choice((0, 0, 0, PRIVATE)), dice.choice((0, 1, 2, 3, 7))
                report = Report(1, seq + 1, dice.choice(MOODS), 50, flags, 0, team)
                mesh.take(ReportEvent("room", who, report), now)
                counter.tally.report(who, report, now)
                answer = Answer(1, seq + 1, question.id, dice.randrange(4))
                mesh.take(AnswerEvent("room", who, answer), now)
                counter.ballot.take(who, answer, time.time())
            for event in counter.told(look + 1):
                total.take(event, look * LOOK_S)
            by_reports, by_total = (room.look(look * LOOK_S, None) for room in (mesh, total))
            assert by_total.is_total and not by_reports.is_total
            assert seen(by_reports) == seen(by_total), (seed, look)
