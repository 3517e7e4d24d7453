"""Learning from large networks: what is drawn on a device, who learns, how a run goes on."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="torch (extra 'zoo') is not installed")

from resonance_zoo.train.still import distil  # noqa: E402
from resonance_zoo.train.still.augment import Augmentation  # noqa: E402
from resonance_zoo.train.still.augment_batch import BatchAugmentation  # noqa: E402
from resonance_zoo.train.still.checkpoint import StillCheckpoint  # noqa: E402
from resonance_zoo.train.still.distil import Faces, Learner, Pace, Teachers, Tick, learn  # noqa: E402
from resonance_zoo.train.still.recipe import StillRecipe  # noqa: E402

CPU = torch.device("cpu")
NOTHING = Augmentation(
    scale=(1.0, 1.0), aspect=0, rotation_sd_deg=0, shift=0, gamma=0, light=0,
    low_resolution=0, blur=0, noise=0, overexposed=0, erase=0,
)  # fmt: skip
RECIPE = StillRecipe(
    design="t1", minutes=1e-9, batch=8, learning_rate=0.02, workers=1, augmentation=NOTHING
)


def pictures(count: int = 6, seed: int = 0) -> np.ndarray:
    """Smooth ones, as faces are: uint8[count, 48, 48]."""
    noise = np.random.default_rng(seed).uniform(0, 255, (count, 12, 12)).astype(np.float32)
    return np.stack([cv2.resize(each, (48, 48)) for each in noise]).clip(0, 255).astype(np.uint8)


def augmentation(**changed: object) -> BatchAugmentation:
    return BatchAugmentation.on(CPU, replace(NOTHING, **changed), 48)


def small_faces(versions: int = 3, count: int = 6) -> Faces:
    """Version v of every face is v + 10 throughout; the votes of face n are for class n."""
    each = [np.full((count, 48, 48), version + 10, np.uint8) for version in range(versions)]
    return Faces.on(CPU, each, np.eye(7, dtype=np.float32)[:count], np.ones(count))


# What is drawn


def test_without_augmentation_a_face_comes_as_it_is_or_mirrored() -> None:
    faces = torch.from_numpy(pictures(12))
    torch.manual_seed(0)
    draws = augmentation()
    seen = draws.weathered(draws.framed(faces, draws.frames(12)))[:, 0]
    as_it_is, mirrored = ((seen - each).abs().amax((1, 2)) for each in (faces, faces.flip(2)))
    assert torch.minimum(as_it_is, mirrored).max() < 0.1
    assert (as_it_is < 0.1).any() and (mirrored < 0.1).any()


def test_a_frame_moves_and_turns_as_the_other_augmentation_does() -> None:
    from resonance_zoo.train.still.augment import reframe

    face = pictures(1)[0]
    frame = torch.tensor([[[0.8, 0.0, 0.2], [0.0, 0.8, -0.1]]])  # of -1 to 1: twice the shares
    moved = augmentation().framed(torch.from_numpy(face[None]), frame)[0, 0].numpy()
    assert np.abs(moved - reframe(face, 48, 0.8, 0.1, -0.05)).mean() < 1.5


def test_unsharp_is_what_opencv_makes_of_it() -> None:
    face = pictures(1)[0].astype(np.float32)
    draws = augmentation()
    least, most = draws.shrinkings[-1].numpy(), draws.blurs[-1].numpy()
    small = cv2.resize(face, (38, 38), interpolation=cv2.INTER_AREA)  # 0.8 of the side
    shrunk = cv2.resize(small, (48, 48), interpolation=cv2.INTER_LINEAR)
    assert np.abs(least @ face @ least.T - shrunk).max() < 1e-2
    assert np.abs(most @ face @ most.T - cv2.GaussianBlur(face, (0, 0), 1.2)).max() < 1.5
    assert torch.equal(draws.shrinkings[0], torch.eye(48))
    assert torch.equal(draws.blurs[0], torch.eye(48))


@pytest.mark.parametrize("share", ["light", "overexposed", "low_resolution", "blur", "noise"])
def test_each_weather_comes_to_its_share(share: str) -> None:
    faces = torch.from_numpy(pictures(1)).float()[:, None].repeat(64, 1, 1, 1)
    torch.manual_seed(1)
    seen = augmentation(**{share: 0.5}).weathered(faces)
    changed = ((seen - faces).abs().amax((1, 2, 3)) > 0.5).float().mean()
    assert 0.3 < changed < 0.7
    assert seen.min() >= 0 and seen.max() <= 255


def test_something_covers_a_rectangle_of_the_asked_area() -> None:
    torch.manual_seed(2)
    faces = torch.full((64, 1, 48, 48), 300.0)  # outside of what can be drawn over it
    seen = augmentation(erase=1.0, erase_area=(0.1, 0.1)).weathered(faces)
    areas = (seen != 255).float().mean((1, 2, 3))
    assert areas.min() > 0.05 and areas.max() < 0.15


def test_a_teacher_sees_the_face_that_a_student_sees_spoilt() -> None:
    faces = small_faces()
    torch.manual_seed(0)
    seen, clean, votes = faces.draw(200, spoilt=0.5)
    spoilt = seen[:, 0, 0] == 12
    assert 70 < spoilt.sum() < 130
    assert (clean[spoilt] == 11).all()
    assert torch.equal(clean[~spoilt], seen[~spoilt])
    assert set(seen[~spoilt][:, 0, 0].tolist()) == {10, 11}
    assert votes.sum() == 200


def test_a_face_of_no_weight_is_never_drawn() -> None:
    weights = np.array([0.0, 1, 0, 3])
    faces = Faces.on(CPU, [pictures(4)] * 3, np.eye(7, dtype=np.float32)[:4], weights)
    counts = faces.draw(400, 0.0).votes.sum(0)
    assert counts[0] == counts[2] == 0
    assert 240 < counts[3] < 360


# Who learns


def test_a_learner_learns_what_it_is_told_and_its_average_follows() -> None:
    learner = Learner(RECIPE, CPU)
    faces = torch.from_numpy(pictures(7)).float()[:, None]
    targets, pace = torch.eye(7), Pace(torch.tensor(0.02), torch.tensor(0.5))
    losses = [float(learner.learn(faces, targets, pace)) for _ in range(12)]
    assert losses[-1] < losses[0] - 0.3
    assert (learner.average - learner.state).abs().max() > 0
    whole = torch.cat([each.reshape(-1) for each in learner.model.parameters()])
    assert torch.equal(learner.state[: len(whole)], whole)  # the network's own weights
    again = learner.checkpoint(Tick(1.0, 12, 1.0)).averaged_model()
    assert torch.equal(again(faces), learner.averaged()(faces))


def test_seeds_begin_differently_and_the_same_seed_the_same() -> None:
    first, same, other = (Learner(replace(RECIPE, seed=seed), CPU).state for seed in (0, 0, 1))
    assert torch.equal(first, same) and not torch.equal(first, other)


def test_a_stopped_learner_goes_on_with_its_momentum(tmp_path: Path) -> None:
    faces, targets = torch.from_numpy(pictures(7)).float()[:, None], torch.eye(7)
    recipe = replace(RECIPE, design="t1")
    pace = Pace(torch.tensor(0.01), torch.tensor(0.9))
    one, two = Learner(recipe, CPU), Learner(replace(recipe, seed=5), CPU)
    one.learn(faces, targets, pace)
    one.checkpoint(Tick(0.4, 1, 3.0)).save(tmp_path / "t1-0.pt")
    two.go_on_from(StillCheckpoint.load(tmp_path / "t1-0.pt"))
    for each in (one, two):
        torch.manual_seed(0)  # for dropout
        each.learn(faces, targets, pace)
    assert torch.equal(one.state, two.state) and torch.equal(one.average, two.average)


def test_teachers_say_the_mean_of_their_probabilities() -> None:
    first, second = (Learner(replace(RECIPE, seed=seed), CPU).averaged() for seed in (0, 1))
    faces = torch.from_numpy(pictures(3)).float()[:, None]
    with torch.no_grad():
        mean = (first(faces).softmax(1) + second(faces).softmax(1)) / 2
    assert torch.allclose(Teachers([first, second]).say(faces), mean)


def test_students_are_told_what_the_teachers_say(monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[torch.Tensor] = []

    class Listener(Learner):
        def learn(self, faces: object, targets: torch.Tensor, *_: object) -> torch.Tensor:
            told.append(targets)
            return torch.zeros(())

    class OneWord(Teachers):
        def say(self, faces: torch.Tensor) -> torch.Tensor:
            return torch.eye(7)[6].repeat(len(faces), 1)

    faces = Faces.on(CPU, [pictures(1)] * 3, np.eye(7, dtype=np.float32)[:1], np.ones(1))
    recipe = replace(RECIPE, taught=0.75)
    (tick,) = learn([Listener(recipe, CPU)], faces, OneWord([]))
    assert tick.progress >= 1 and tick.step == len(told) == distil.SYNCED_EVERY
    assert told[0][0].tolist() == [0.25, 0, 0, 0, 0, 0, 0.75]


def test_a_run_goes_on_at_its_place_and_not_beyond_its_end() -> None:
    learner = Learner(RECIPE, CPU)
    assert list(learn([learner], small_faces(), start=Tick(1.0, 40, 9.0))) == []


# The scripts


def ends_at_once(
    learners: Sequence[Learner], faces: Faces, teachers: Teachers | None, start: Tick
) -> Iterator[Tick]:
    """In place of a training."""
    assert teachers is None or len(teachers.models) == 2
    if start.progress < 1:
        yield Tick(1.0, 10, 60.0, [0.5] * len(learners))


@pytest.mark.faces
@pytest.mark.timeout(240)
def test_students_are_made_and_judged(
    main: Callable[..., int],
    shared_data: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    pytest.importorskip("mediapipe", reason="mediapipe is not installed")
    files = [shared_data / name for name in ("ferplus.npz", "face_landmarker.task")]
    if missing := [file.name for file in files if not file.is_file()]:
        pytest.skip(f"no {missing[0]} in the shared data")
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    monkeypatch.setattr(distil, "learn", ends_at_once)
    out = ("--out", tmp_path / "out")
    few = ("--faces", 24, "--copies", 1, "--teacher", "t1", "--teachers", 2)
    for said in ("t1, seed 0: accuracy", "t1-0.pt: going on at 100.0%"):
        done = main("train_distilled", *files, *out, *few, "--designs", "t1", "--seeds", 1)
        assert done == 0 and said in capsys.readouterr().err
    page = tmp_path / "page.md"
    marks = "<!-- written by scripts/judge_distilled -->", "<!-- end of judge_distilled -->"
    page.write_text("\n\n".join(("before", *marks, "behind")), encoding="utf-8")
    assert main("judge_distilled", *files, *out, "--quick", "--page", page) == 0
    table = page.read_text(encoding="utf-8")
    assert "students of 2 x t1" in table and "| shipped | t1 | shipped and t1 |" in table
    assert table.startswith("before") and table.endswith("behind")


def test_a_folder_without_students_is_said(
    main: Callable[..., int], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("mediapipe", reason="mediapipe is not installed")
    none = tmp_path / "none.npz"
    assert main("judge_distilled", none, none, "--out", tmp_path) == 2
    assert "holds no students; scripts/train_distilled makes them" in capsys.readouterr().err
    assert main("train_distilled", none, none, "--out", tmp_path) == 2
    assert "none.npz does not exist" in capsys.readouterr().err
