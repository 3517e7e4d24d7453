"""What a training may be given: a shipped network to go on from, teachers, look-alike groups."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="torch (extra 'zoo') is not installed")
pytest.importorskip("onnx", reason="onnx (extra 'zoo') is not installed")

from resonance_zoo.cards import still_card  # noqa: E402
from resonance_zoo.files import WEIGHTS  # noqa: E402
from resonance_zoo.runtime import open_network  # noqa: E402
from resonance_zoo.train.still import ferplus, groups, levers, local_sgd  # noqa: E402
from resonance_zoo.train.still.augment import Augmentation, augment  # noqa: E402
from resonance_zoo.train.still.checkpoint import StillCheckpoint, flatten  # noqa: E402
from resonance_zoo.train.still.recipe import StillRecipe  # noqa: E402
from resonance_zoo.train.still.reopen import NotOurs, reopen  # noqa: E402

SHIPPED = WEIGHTS / "static_cnn.onnx"


@pytest.fixture(scope="module")
def faces() -> np.ndarray:
    """Drawn ones: light ovals with eyes and a mouth, grey 0..255."""
    rng = np.random.default_rng(0)
    rows, columns = np.mgrid[-1:1:48j, -1:1:48j]
    found = []
    for _ in range(48):
        x, y, size = rng.normal(0, 0.1), rng.normal(0, 0.1), rng.uniform(0.7, 1)
        face = 60 + 120 * (((columns - x) / size) ** 2 + ((rows - y) / 1.1) ** 2 < 0.7)
        for place in (-0.35, 0.35):
            face[(columns - x - place) ** 2 + (rows - y + 0.2) ** 2 < 0.01] = 20
        face[(abs(columns - x) < 0.3) & (abs(rows - y - 0.5) < rng.uniform(0.02, 0.2))] = 30
        found.append(face + rng.normal(0, 6, face.shape))
    return np.clip(found, 0, 255).astype(np.uint8)


def test_a_reopened_network_answers_as_the_file_does(faces: np.ndarray) -> None:
    measured = faces[:, None].astype(np.float32)
    network = reopen(SHIPPED, measured)
    output = still_card("static_cnn").output
    with torch.inference_mode():
        raw = network(torch.from_numpy(measured)).numpy()
        trained = network.train()(torch.from_numpy(measured)).numpy()
    said = open_network(SHIPPED).run(["logits"], {"faces": measured})[0]
    assert np.allclose((raw + output.logit_bias) / output.temperature, said, atol=1e-3)
    assert np.abs(trained - raw).mean() < 0.2  # batch norms on, dropout too


def test_a_file_that_is_no_network_of_the_design_is_refused(
    faces: np.ndarray, tmp_path: Path
) -> None:
    few = faces[:8, None].astype(np.float32)
    odd = tmp_path / "odd.onnx"
    odd.write_bytes(b"hello")
    for path, design in ((SHIPPED, "t1"), (SHIPPED, "t9"), (odd, "t1w"), (tmp_path, "t1w")):
        with pytest.raises(NotOurs):
            reopen(path, few, design)


def test_look_alikes_are_found_whatever_they_show() -> None:
    rng = np.random.default_rng(1)
    who = rng.integers(3, size=900)
    logits = rng.normal(0, 3, (900, 7)).astype(np.float32)
    looks = rng.normal(0, 0.2, (900, 40))
    looks[:, 10:13] += 3 * np.eye(3)[who]
    looks[:, :7] += 2 * logits
    looks[:, 7] += logits[:, 1] * logits[:, 2]
    looks = looks.astype(np.float32)
    found = groups.look_alikes(looks, logits, 3, seed=0).of(looks, logits)
    largest = [np.bincount(found[who == each], minlength=3) for each in range(3)]
    assert sorted(counts.argmax() for counts in largest) == [0, 1, 2]
    assert sum(counts.max() for counts in largest) > 0.98 * len(who)


def test_a_group_that_is_read_badly_weighs_more() -> None:
    weights = groups.harder(np.array([0.1, 0.1, 1.1, 1.1]), np.array([0, 0, 1, 1]), step=2.0)
    assert weights.mean() == pytest.approx(1)
    assert weights[2] / weights[0] == pytest.approx(np.exp(2))


@pytest.fixture
def known(faces: np.ndarray) -> ferplus.FaceSet:
    votes = np.zeros((len(faces), 7), np.float32)
    votes[np.arange(len(faces)), np.arange(len(faces)) % 7] = 9
    names = ("happiness", "sadness", "neutral", "anger", "surprise", "disgust", "fear")
    return ferplus.FaceSet(faces, votes, names, np.zeros(len(faces), np.float32))


def test_teachers_and_votes_share_what_is_learnt(known: ferplus.FaceSet) -> None:
    words = levers.taught(known.images, [SHIPPED, SHIPPED])
    half = levers.training_data(known, StillRecipe(taught=0.5), words).targets
    assert np.allclose(words, levers.taught(known.images, [SHIPPED]), atol=1e-6)
    votes = torch.from_numpy(ferplus.soft_targets(known))
    assert torch.allclose(half, (torch.from_numpy(words) + votes) / 2, atol=1e-5)
    assert torch.allclose(half.sum(1), torch.ones(len(known)), atol=1e-5)


def test_only_the_share_that_is_asked_for_is_spoilt(faces: np.ndarray) -> None:
    still = {"scale": (1.0, 1.0), "aspect": 0.0, "rotation_sd_deg": 0.0, "shift": 0.0}
    still |= {"gamma": 0.0, "light": 0.0, "low_resolution": 0.0, "blur": 0.0, "noise": 0.0}
    plain = Augmentation(**still, overexposed=0.0, erase=0.0)
    some = Augmentation(**still, overexposed=0.0, erase=0.0, spoilt=0.4)
    mirrored = np.concatenate([faces, faces[..., ::-1]])

    def changed(config: Augmentation) -> float:
        drawn = augment(faces, 48, np.random.default_rng(3), config)[:, 0]
        same = (np.abs(drawn[:, None] - mirrored[None]).max((2, 3)) < 1.5).any(1)
        return float(1 - same.mean())

    assert changed(plain) == 0
    assert 0.1 < changed(some) < 0.5  # of 0.4, a quarter gets nothing done to it


def test_train_static_goes_on_from_a_network_with_teachers_and_groups(
    main: Callable[..., int], tiny_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[tuple[StillCheckpoint, local_sgd.TrainingData]] = []

    def ends_at_once(
        start: StillCheckpoint, data: local_sgd.TrainingData
    ) -> Iterator[local_sgd.Tick]:
        seen.append((start, data))
        yield local_sgd.Tick(start, 0.0, 1)

    monkeypatch.setattr(local_sgd, "train", ends_at_once)
    monkeypatch.setattr("resonance_zoo.train.still.ship.ship", lambda *_: tmp_path / "card.toml")
    more = ("--begin-with", SHIPPED, "--teachers", SHIPPED, "--groups", 3, "--learning-rate", 0.01)
    out = tmp_path / "out"
    assert main("train_static", tiny_file, "--out", out, "--device", "cpu", *more) == 0
    (start, data), shipped = seen[0], reopen(SHIPPED, np.zeros((2, 1, 48, 48), np.float32))
    assert (start.recipe.begins_with, start.recipe.learning_rate) == (SHIPPED.name, 0.01)
    count = sum(each.numel() for each in shipped.features[0].parameters())
    assert torch.allclose(start.weights[:count], flatten(shipped)[:count])
    assert data.targets.min() > 0  # a teacher leaves nothing out, votes do
    assert len(set(data.weights.tolist())) > 2  # one for all, but for groups
    assert StillCheckpoint.load(out / "checkpoint.pt").recipe == start.recipe
    again = main("train_static", tiny_file, "--out", out, "--begin-with", tiny_file)
    assert again == 2
