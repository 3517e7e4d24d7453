"""Two builds side by side on the same camera in one run: the table of `bench_live --against`."""

from __future__ import annotations

import sys
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from statistics import median

import numpy as np
from beside_film import Film, Scene, broadcast, changes, lively, resting, with_transient
from beside_viewer import Build, Said, Use, Viewer, memory_of, use_of

KINDS = ("headless", "screen")
START_WITHIN = 60.0  # s for a viewer's first emotion
SETTLED_S = 1.2  # at the end of a scene: what is said there is its reading
Row = tuple[str, float, float]  # what, before, now


@dataclass(frozen=True, slots=True)
class Span:
    """How much is measured."""

    warm_s: float
    watch_s: float  # resting, and as long lively
    scenes: int  # changes of face
    scene_s: float
    starts: int

    @classmethod
    def full(cls, seconds: float) -> Span:
        return cls(warm_s=6, watch_s=seconds, scenes=32, scene_s=3.6, starts=5)

    @classmethod
    def least(cls, seconds: float) -> Span:
        return cls(warm_s=1, watch_s=seconds, scenes=3, scene_s=3, starts=1)


def measure(before: Build, now: Build, broker: str, clips: Path, span: Span) -> list[Row]:
    """The rows of the table, ready to be printed."""
    builds = (before, now)
    for build in builds:
        build.consent()
    film = Film(resting(clips))
    with broadcast(film) as camera, ExitStack() as stack:
        rows = _starts(builds, camera, broker, span)
        viewers: dict[str, list[Viewer]] = {}
        for kind in KINDS:
            viewers[kind] = [_started(build, camera, broker, kind, stack) for build in builds]
        _wait_until_warm(viewers, span)
        for scene in (resting(clips), lively(clips)):
            rows += _watched(film, scene, viewers, span)
        for kind, pair in viewers.items():
            rows += _memory(kind, pair)
        for each in viewers["screen"]:
            each.end()
        rows += _changed(film, viewers["headless"], clips, span)
    return rows


def _started(build: Build, camera: str, broker: str, kind: str, stack: ExitStack) -> Viewer:
    viewer = Viewer(build, camera, broker, has_screen=kind == "screen")
    stack.callback(viewer.end)
    return viewer


def _starts(builds: Sequence[Build], camera: str, broker: str, span: Span) -> list[Row]:
    """First emotion without a screen, first paint with one; in turn, medians."""
    found: dict[str, list[list[tuple[float, float]]]] = {}
    for _ in range(span.starts + 1):  # the first one fills the caches of the file system
        for what, has_screen in (("first_emotion", False), ("painted", True)):
            for number, build in enumerate(builds):
                viewer = Viewer(build, camera, broker, has_screen=has_screen)
                try:
                    viewer.wait_for(what, START_WITHIN)
                finally:
                    viewer.end()
                kept = found.setdefault(what, [[] for _ in builds])
                kept[number].append(getattr(viewer, what))
    rows: list[Row] = []
    names = {"first_emotion": "start to first emotion", "painted": "start to first paint"}
    for what, name in names.items():
        for index, unit in enumerate(("s", "CPU-s")):
            old, new = (median(each[index] for each in kept[1:]) for kept in found[what])
            rows.append((f"{name}, {unit}", old, new))
    return rows


def _wait_until_warm(viewers: dict[str, list[Viewer]], span: Span) -> None:
    for viewer in viewers["headless"]:
        viewer.wait_for("first_emotion", START_WITHIN)
    for viewer in viewers["screen"]:
        viewer.wait_for("painted", START_WITHIN)
    time.sleep(span.warm_s)


def _watched(film: Film, scene: Scene, viewers: dict[str, list[Viewer]], span: Span) -> list[Row]:
    film.show(scene)
    time.sleep(1)
    earlier = {kind: [use_of(each.pid) for each in pair] for kind, pair in viewers.items()}
    time.sleep(span.watch_s)
    rows: list[Row] = []
    for kind, pair in viewers.items():
        old, new = map(_spent, earlier[kind], [use_of(each.pid) for each in pair])
        rows.append((f"CPU, {kind}, {scene.name}, % of a core", old[0], new[0]))
        rows.append((f"wake-ups a second, {kind}, {scene.name}", old[1], new[1]))
    return rows


def _spent(first: Use, last: Use) -> tuple[float, float]:
    passed = last.at - first.at
    return 100 * (last.cpu_s - first.cpu_s) / passed, (last.wakes - first.wakes) / passed


def _memory(kind: str, pair: Sequence[Viewer]) -> list[Row]:
    (old_rss, old_pss), (new_rss, new_pss) = (memory_of(each.pid) for each in pair)
    return [
        (f"memory (RSS), {kind}, MiB", old_rss, new_rss),
        (f"memory (PSS), {kind}, MiB", old_pss, new_pss),
    ]


# From a changed face to a changed report


@dataclass(frozen=True, slots=True)
class Answer:
    """How a viewer followed the scenes."""

    waits_ms: list[float]  # one for each change that was noticed
    missed: int
    false: int  # changes of the report without one of the face
    flashes: int  # transients that were reported


def _changed(film: Film, pair: Sequence[Viewer], clips: Path, span: Span) -> list[Row]:
    shown, has_flash = _show_changes(film, clips, span)
    answers = [follow(viewer.said, shown, has_flash) for viewer in pair]
    if any(not answer.waits_ms for answer in answers):
        sys.exit("One of the builds has noticed no change at all.")
    old, new = answers
    minutes = (shown[-1][0] - shown[0][0]) / 60
    return [
        *(
            (
                f"changed face to changed report, p{share}, ms",
                float(np.percentile(old.waits_ms, share)),
                float(np.percentile(new.waits_ms, share)),
            )
            for share in (50, 95)
        ),
        (f"changes missed, of {len(shown) - 2}", old.missed, new.missed),
        ("false changes a minute", old.false / minutes, new.false / minutes),
        (f"transients of 200 ms reported, of {sum(has_flash)}", old.flashes, new.flashes),
    ]


def _show_changes(
    film: Film, clips: Path, span: Span
) -> tuple[list[tuple[float, str]], list[bool]]:
    """Stills in turn, at all phases of a second; a transient in every other one."""
    rng, pairs = np.random.default_rng(31), changes(clips)
    begun, has_flash = len(film.begun), list[bool]()
    for number in range(span.scenes + 1):
        pair = pairs[number * len(pairs) // (span.scenes + 1)]
        scene, other = pair if number % 2 else pair[::-1]
        has_flash.append(number % 4 in (1, 2))
        film.show(
            with_transient(scene, other, span.scene_s - SETTLED_S) if has_flash[-1] else scene
        )
        time.sleep(span.scene_s + float(rng.uniform(0, 0.6)))
    film.show(Scene("end", resting(clips).pictures))
    time.sleep(0.3)
    return film.begun[begun:], has_flash


def follow(
    said: Sequence[Said], shown: Sequence[tuple[float, str]], has_flash: Sequence[bool]
) -> Answer:
    """What the reports say of the scenes. `shown`: when each began, and its name, the end last.

    The reading of a still is what is said of it, most of the times that it is shown, before it is
    replaced; a change counts where something else is said when it appears.
    """
    reports = _steps(said)
    spans = [(start, end) for (start, _), (end, _) in pairwise(shown)]
    names = [name for _, name in shown[:-1]]
    readings = _readings(reports, spans, names)
    waits, missed, false, flashes = list[float](), 0, 0, 0
    for number, (start, end) in enumerate(spans):
        inside = [each for each in reports if start <= each.at < end]
        wanted = readings[names[number]]
        is_change = number > 0 and _last(reports, start) != wanted
        hit = next((each for each in inside if each.emotion == wanted), None)
        extra = len(inside) - (1 if is_change and hit else 0)
        if is_change and hit:
            waits.append(1000 * (hit.at - start))
        missed += is_change and not hit
        if has_flash[number]:
            flashes += extra > 0
        elif number > 0:
            false += max(extra, 0)
    return Answer(waits, missed, false, flashes)


def _steps(said: Sequence[Said]) -> list[Said]:
    """Only where something else is said than before."""
    return [
        now
        for number, now in enumerate(said)
        if number == 0 or said[number - 1].emotion != now.emotion
    ]


def _readings(
    reports: Sequence[Said], spans: Sequence[tuple[float, float]], names: Sequence[str]
) -> dict[str, str | None]:
    """For each still what is said of it in the last second before it is replaced."""
    votes: dict[str, Counter[str | None]] = {}
    for (start, end), name in zip(spans, names, strict=True):
        middle = max(start, end - SETTLED_S)
        votes.setdefault(name, Counter())[_last(reports, middle)] += 1
    return {name: counted.most_common(1)[0][0] for name, counted in votes.items()}


def _last(reports: Sequence[Said], at: float) -> str | None:
    return next((each.emotion for each in reversed(reports) if each.at <= at), None)


def lines(rows: Sequence[Row], names: tuple[str, str] = ("before", "now")) -> list[str]:
    """The table in Markdown, with the ratio of the second to the first."""
    head = [f"| | {names[0]} | {names[1]} | ratio |", "|---|--:|--:|--:|"]
    return head + [
        f"| {what} | {_figure(a)} | {_figure(b)} | {ratio(a, b)} |" for what, a, b in rows
    ]


def ratio(before: float, now: float) -> str:
    return f"{now / before:.2f}" if before else ("1.00" if now == before else "-")


def _figure(value: float) -> str:
    return f"{value:.0f}" if abs(value) >= 100 or value == int(value) else f"{value:.2f}"
