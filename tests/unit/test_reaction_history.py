"""Reactions in the history: by second and kind, never by person; exported, and forgotten."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from resonance_tui.cli import cli, run_verb
from resonance_tui.history.reactions import (
    ReactionSecond,
    keep_reactions,
    reaction_seconds,
    summed,
)
from resonance_tui.history.retention import forget, forget_session
from resonance_tui.history.samples import Sample, SessionSpan
from resonance_tui.history.store import Store

Run = Callable[..., tuple[int, str, str]]
T0 = 1_795_371_000
CLAPS, HEART = (3, 0, 0, 0, 0, 0, 0, 0), (0, 0, 1, 0, 0, 0, 0, 0)


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "history.sqlite"
    with Store(path) as store:
        store.append(Sample("cats", T0 + t, 6, (2, 0, 4, 0, 0, 0, 0), 0, 0) for t in range(60))
        keep_reactions(store, "cats", T0 + 10, CLAPS)
        keep_reactions(store, "cats", T0 + 50, HEART)
        keep_reactions(store, "other", T0 + 50, HEART)
    monkeypatch.setenv("RESONANCE_HISTORY_DATABASE", str(path))
    return path


@pytest.fixture
def run(path: Path, capfd: pytest.CaptureFixture[str]) -> Run:
    """Run `history` with words; its exit code, stdout and stderr."""

    def run(*words: str) -> tuple[int, str, str]:
        code = run_verb(cli, ["history", *words])
        out, err = capfd.readouterr()
        return code, out, err

    return run


def test_two_programs_that_record_one_second_count_it_once(path: Path) -> None:
    with Store(path) as store:
        keep_reactions(store, "cats", T0 + 10, (1, 0, 2, 0, 0, 0, 0, 0))
        found = reaction_seconds(store, "cats", T0, T0 + 20)
    assert found == [ReactionSecond(T0 + 10, (3, 0, 2, 0, 0, 0, 0, 0))]
    assert summed(found) == (3, 0, 2, 0, 0, 0, 0, 0) and summed([]) == (0,) * 8


def test_the_history_is_exported_by_second_without_a_word_of_who(path: Path, run: Run) -> None:
    code, text, _ = run("cats", "--reactions")
    header, first, second = text.splitlines()
    assert code == 0 and header.startswith("t,applause,laugh,heart,wow,question,faster,slower,boo,")
    assert first.startswith("2026-11-22T18:10:10Z,3,0,0,0,0,0,0,0,")
    assert ",0,0,1,0,0,0,0,0," in second
    code, text, _ = run("cats", "--reactions", "--format", "json")
    assert [row["heart"] for row in json.loads(text)] == [0, 1]
    code, _, error = run("cats", "--reactions", "--format", "svg")
    assert code == 2 and "csv, json, jsonl" in error


def test_reactions_are_forgotten_with_the_rows_of_their_time(path: Path) -> None:
    with Store(path) as store:
        forget(store, ["cats"], T0 + 30)
        assert [each.t for each in reaction_seconds(store, "cats", 0, T0 + 99)] == [T0 + 50]
        forget_session(store, "cats", SessionSpan(T0 + 30, T0 + 59, 30, 6))
        assert reaction_seconds(store, "cats", 0, T0 + 99) == []
        forget(store, ["cats"])
        assert len(reaction_seconds(store, "other", 0, T0 + 99)) == 1
