"""How designs of the still network are told apart: the same pictures, one operating point by one
rule, several seeds, intervals by drawing pictures and seeds again."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from resonance_tui.emotions import Emotion
from resonance_zoo.train.still.calibrate import Calibration, calibrate
from resonance_zoo.train.still.evaluate import Predict
from resonance_zoo.train.still.spoil import KINDS, UNLEARNT, spoilt

Images = NDArray[np.uint8]
Labels = NDArray[np.int64]
Answers = dict[str, NDArray[np.float32]]  # raw logits, by kind of picture
Said = NDArray[np.int64]  # class of each face, -1 where its picture was not shown
LEVELLED = "levelled"
CHOSEN = "sets the operating point"
SPOILT = tuple(kind for kind in KINDS if kind != "clean")  # a design may have learnt from these
EVERY = 3  # of the judged faces are spoilt: there are many ways to spoil one
SEED, DRAWS = 14, 2000


@dataclass(frozen=True, slots=True)
class Exam:
    """What every network is asked: pictures to set its operating point with, and others."""

    chosen_on: Images
    chosen_labels: Labels
    sets: dict[str, Images]  # by kind: of all these faces, or, where they are spoilt, of some
    labels: Labels
    spoils: NDArray[np.bool_]  # which faces
    groups: Labels  # look-alikes among them
    prior: NDArray[np.float32]  # of the classes in training
    draws: int = DRAWS  # of pictures and seeds, for an interval


def exam_of(
    first: tuple[Images, Labels],
    second: tuple[Images, Labels],
    levelled: Images,
    groups: Labels,
    prior: NDArray[np.float32],
) -> Exam:
    """`first` sets the operating point; `second` is judged: as it is, `levelled`, and spoilt."""
    images, labels = second
    sets = {"clean": images, LEVELLED: levelled}
    spoils = np.arange(len(labels)) % EVERY == 0
    sets |= {kind: spoilt(images[spoils], kind, SEED) for kind in (*SPOILT, *UNLEARNT)}
    return Exam(*first, sets, labels, spoils, groups, prior)


def sit(exam: Exam, predict: Predict) -> dict[str, Said]:
    """What a network of these raw logits says of each set, at the point that the rule of the card
    finds for it."""
    return at_one_point(exam, answers(exam, predict))


def answers(exam: Exam, predict: Predict) -> Answers:
    """Raw logits of each set, and of the pictures that set the operating point."""
    asked = {CHOSEN: exam.chosen_on, **exam.sets}
    return {kind: predict(images) for kind, images in asked.items()}


def at_one_point(exam: Exam, raw: Answers) -> dict[str, Said]:
    """The class of each face by these logits, at the point that the card's rule finds for them."""
    point: Calibration = calibrate(raw[CHOSEN], exam.chosen_labels, exam.prior)
    found: dict[str, Said] = {}
    for kind, images in exam.sets.items():
        found[kind] = np.full(len(exam.labels), -1, np.int64)
        shown = slice(None) if len(images) == len(exam.labels) else exam.spoils
        found[kind][shown] = point.apply(raw[kind]).argmax(1)
    return found


# Measures: of what was said, over pictures drawn (an index each)

Draw = NDArray[np.int64]
Measure = Callable[[Exam, dict[str, Said], Draw], float]


def accuracy(kind: str) -> Measure:
    def measure(exam: Exam, said: dict[str, Said], drawn: Draw) -> float:
        those = drawn[said[kind][drawn] >= 0]
        return float((said[kind][those] == exam.labels[those]).sum() / max(len(those), 1))

    return measure


def recall(kind: str) -> Measure:
    """The mean over the classes (UAR)."""

    def measure(exam: Exam, said: dict[str, Said], drawn: Draw) -> float:
        labels = exam.labels[drawn]
        right = said[kind][drawn] == labels
        counts = np.bincount(labels, minlength=7)
        found = np.bincount(labels, right, minlength=7)
        return float((found[counts > 0] / counts[counts > 0]).mean())

    return measure


def spoilt_accuracy(exam: Exam, said: dict[str, Said], drawn: Draw) -> float:
    return sum(accuracy(kind)(exam, said, drawn) for kind in SPOILT) / len(SPOILT)


def called(truth: Emotion, word: Emotion, kind: str = "clean") -> Measure:
    def measure(exam: Exam, said: dict[str, Said], drawn: Draw) -> float:
        those = exam.labels[drawn] == truth
        return float((said[kind][drawn][those] == word).sum() / max(those.sum(), 1))

    return measure


def worst_group(exam: Exam, said: dict[str, Said], drawn: Draw) -> float:
    """Neutral called sad in the look-alike group where it is most frequent."""
    those = exam.labels[drawn] == Emotion.NEUTRAL
    groups = exam.groups[drawn][those]
    sad = said["clean"][drawn][those] == Emotion.SADNESS
    counts = np.bincount(groups, minlength=int(exam.groups.max()) + 1)
    shares = np.bincount(groups, sad, minlength=len(counts)) / np.maximum(counts, 1)
    return float(shares.max())


MEASURES: dict[str, Measure] = {
    "accuracy": accuracy("clean"),
    "UAR": recall("clean"),
    "accuracy, levelled crops": accuracy(LEVELLED),
    "UAR, levelled crops": recall(LEVELLED),
    f"accuracy, mean of {len(SPOILT)} degradations": spoilt_accuracy,
    **{f"accuracy, {kind}": accuracy(kind) for kind in SPOILT},
    **{f"accuracy, {kind} (no design learnt it)": accuracy(kind) for kind in UNLEARNT},
    "neutral called sad": called(Emotion.NEUTRAL, Emotion.SADNESS),
    "neutral called sad, worst look-alike group": worst_group,
    "sadness called neutral": called(Emotion.SADNESS, Emotion.NEUTRAL),
}
KEPT = {  # measures by which a design is taken or not, and whether more is better
    "accuracy": True,
    "accuracy, levelled crops": True,
    f"accuracy, mean of {len(SPOILT)} degradations": True,
    "neutral called sad": False,
}
GAIN = 0.01  # what one of them has to gain in every seed


def row(
    exam: Exam, name: str, shipped: dict[str, Said], seeds: list[dict[str, Said]]
) -> tuple[float, list[float], tuple[float, float]]:
    """The shipped network's figure, each seed's, and the 95 % interval of their mean less it."""
    measure, everybody = MEASURES[name], np.arange(len(exam.labels))
    before = measure(exam, shipped, everybody)
    now = [measure(exam, said, everybody) for said in seeds]
    rng = np.random.default_rng(SEED)
    gains: list[float] = []
    for _ in range(exam.draws):
        drawn = rng.integers(len(everybody), size=len(everybody))
        picked = [int(each) for each in rng.integers(len(seeds), size=len(seeds))]
        mean = sum(measure(exam, seeds[each], drawn) for each in picked) / len(seeds)
        gains.append(mean - measure(exam, shipped, drawn))
    low, high = (float(np.percentile(gains, percent)) for percent in (2.5, 97.5))
    return before, now, (low, high)


def holds(before: dict[str, float], seeds: dict[str, list[float]]) -> bool:
    """Whether a design is to be shipped: a point or more gained in every seed by one measure of
    KEPT, and nothing lost on clean pictures in any."""
    gains = {
        name: [(x - before[name]) * (1 if is_more else -1) for x in seeds[name]]
        for name, is_more in KEPT.items()
    }
    no_loss = all(min(gains[name]) >= 0 for name in ("accuracy", "accuracy, levelled crops"))
    return no_loss and any(min(each) >= GAIN for each in gains.values())


# Tables


def how_judged(exam: Exam) -> str:
    """What the operating point is set on, what the cells of `table` hold, and when a design is
    taken."""
    return (
        "The operating point of each network, the shipped one too, is set on "
        f"{len(exam.chosen_labels)} pictures of FER+'s validation split by the card's rule, and "
        f"{len(exam.labels)} others are judged, {exam.spoils.sum()} of them spoilt in every way. "
        "Cells: mean (of each seed); mean less shipped (its "
        f"95 % interval over {exam.draws} draws of pictures and seeds). A design holds where one "
        "of accuracy, levelled or not, the mean of the degradations or neutral called sad is "
        "better by a point or more in every seed, and no seed loses on clean or levelled pictures."
    )


def short(value: float) -> str:
    return f"{value:.3f}".replace("0.", ".", 1) if abs(value) < 1 else f"{value:.3f}"


def table(
    exam: Exam, shipped: dict[str, Said], designs: dict[str, list[dict[str, Said]]]
) -> Iterator[str]:
    """In Markdown: a row each measure, a column each design; then what follows from it."""
    yield "| | shipped | " + " | ".join(designs) + " |"
    yield "|---|--:|" + "---|" * len(designs)
    before: dict[str, float] = {}
    found: dict[str, dict[str, list[float]]] = {design: {} for design in designs}
    for name in MEASURES:
        cells: list[str] = []
        for design, seeds in designs.items():
            before[name], now, (low, high) = row(exam, name, shipped, seeds)
            found[design][name] = now
            mean = sum(now) / len(now)
            each = ", ".join(short(value) for value in now)
            gain = f"{mean - before[name]:+.3f}".replace("0.", ".", 1)
            cells.append(f"{short(mean)} ({each}); {gain} ({short(low)} to {short(high)})")
        yield f"| {name} | {short(before[name])} | " + " | ".join(cells) + " |"
    yield ""
    for design in designs:
        verdict = "holds" if holds(before, found[design]) else "does not hold"
        yield f"- {design}: {verdict}."
