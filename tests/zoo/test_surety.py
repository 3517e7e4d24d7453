"""Confidence follows the picture: what is drawn on faces to learn from, and what comes of it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from resonance_zoo import files
from resonance_zoo.cards import still_card
from resonance_zoo.portable.faces import drawn_face
from resonance_zoo.runtime import open_network
from resonance_zoo.surety import CARD, REASONS, TERMS, SuretyCardError, named, surety_card
from resonance_zoo.train.still import spoil

Picture = NDArray[np.uint8]
RULES = surety_card().calibration
SCALE = st.floats(-8, 8)
logits = st.lists(SCALE, min_size=7, max_size=7).map(lambda x: np.array([x]))
flaws = st.lists(SCALE, min_size=13, max_size=13).map(lambda x: np.array([x]))


def face(seed: int = 3) -> Picture:
    drawn = drawn_face(np.random.default_rng(seed))
    return np.asarray(cv2.resize(drawn, (48, 48), interpolation=cv2.INTER_AREA), np.uint8)


def spoilt(kind: str) -> Picture:
    return spoil.spoilt([face()], kind, seed=4)[0]


def edges(picture: Picture) -> float:
    return float(np.abs(cv2.Laplacian(picture.astype(np.float32), cv2.CV_32F)).mean())


# the card


def test_the_card_is_of_the_weights_that_are_shipped() -> None:
    card = surety_card()
    assert card.path.stat().st_size < 100_000
    # Else confidence is calibrated for another network: run scripts/train_surety.
    assert card.network_sha256 == still_card("static_cnn").sha256
    assert set(RULES.heat + RULES.haze) != {0.0} and min(RULES.heat + RULES.haze) >= 0


def test_a_card_that_lacks_something_is_refused(tmp_path: Path) -> None:
    text = CARD.read_text(encoding="utf-8")
    (tmp_path / "odd.toml").write_text(text.replace("unsure_below", "unsure_above"))
    with pytest.raises(SuretyCardError, match=r"odd\.toml lacks the entry 'unsure_below'"):
        surety_card(tmp_path / "odd.toml")


def test_other_weights_than_the_cards_are_refused() -> None:
    with pytest.raises(files.WeightsMismatch):
        _ = replace(surety_card(), sha256="0" * 64).path


# what it does to confidence


@given(logits, flaws)
def test_no_flaw_changes_which_class_is_the_likeliest(said: Picture, seen: Picture) -> None:
    found = RULES.apply(said, seen)[0]
    assert found.sum() == pytest.approx(1) and found.min() >= 0
    assert found[said[0].argmax()] == found.max()


@given(logits, flaws, st.integers(0, 12), st.floats(0, 6))
def test_what_is_more_amiss_makes_no_reading_surer(
    said: Picture, seen: Picture, which: int, by: float
) -> None:
    # Of the dark the network's own confidence knows; there, less counts what else is amiss.
    if which == REASONS.index("dark"):
        which += 1
    worse = seen.copy()
    worse[0, which] += by
    assert RULES.apply(said, worse).max() <= RULES.apply(said, seen).max() + 1e-9
    assert RULES.demand(said, worse)[0] >= RULES.demand(said, seen)[0]


@given(logits, flaws, st.floats(0, 6))
def test_whoever_leads_by_more_is_surer(said: Picture, seen: Picture, by: float) -> None:
    clearer = said.copy()
    clearer[0, said[0].argmax()] += by
    assert RULES.apply(clearer, seen).max() >= RULES.apply(said, seen).max() - 1e-9


@given(logits, flaws)
def test_a_good_picture_has_to_be_no_surer_than_usual(said: Picture, seen: Picture) -> None:
    demand = float(RULES.demand(said, seen)[0])
    assert 0 <= demand <= RULES.demanded
    good = np.full((1, 13), -30.0)
    assert RULES.demand(said, good)[0] == pytest.approx(0, abs=1e-6)


# what is named


def test_what_is_most_amiss_is_named_and_in_next_to_no_light_the_dark() -> None:
    seen = np.full((1, 13), -4.0)
    seen[0, REASONS.index("glare")] = 2.0
    clear = np.full((1, 13), -4.0)
    light, dark = _given(face()[None]), _given(face()[None] // 16)  # without noise
    assert named(light, seen) == ["glare"] and named(light, clear) == [""]
    assert named(dark, seen) == named(dark, clear) == ["dark"]
    assert named(np.concatenate([light, dark]), np.concatenate([clear, clear])) == ["", "dark"]


# what is drawn


@pytest.mark.parametrize(
    ("kind", "measure", "sign"),
    [
        ("half light", np.mean, -1),
        ("low light, noise", np.mean, -1),
        ("washed out", np.std, -1),
        ("overexposed", np.mean, 1),
        ("blur", edges, -1),
        ("motion blur", edges, -1),
        ("24 px", edges, -1),
        ("16 px", edges, -1),
        ("dark frame", edges, 1),
        ("glare on glasses", lambda x: x[14:24].mean(), 1),
        ("sunglasses", lambda x: x[12:26].mean(), -1),
    ],
)
def test_each_kind_does_what_its_name_says(kind: str, measure: object, sign: int) -> None:
    assert callable(measure)
    assert sign * (measure(spoilt(kind)) - measure(face())) > 0


@pytest.mark.parametrize("kind", [*spoil.KINDS, *spoil.UNLEARNT])
def test_the_same_seed_spoils_in_the_same_way(kind: str) -> None:
    once, again = spoilt(kind), spoilt(kind)
    assert once.shape == (48, 48) and once.dtype == np.uint8
    assert (once == again).all()
    assert (once == face()).all() == (kind == "clean")


def test_what_covers_a_part_leaves_the_rest() -> None:
    for kind, kept in (("mouth covered", slice(0, 20)), ("surgical mask", slice(0, 20))):
        assert np.abs(spoilt(kind)[kept].astype(int) - face()[kept]).mean() < 1, kind
        assert np.abs(spoilt(kind)[34:44].astype(int) - face()[34:44]).mean() > 8, kind
    half = spoilt("half covered").astype(int) - face()
    assert 0.35 < (np.abs(half) > 3).mean() < 0.65


def test_anything_says_what_it_has_done() -> None:
    rng = np.random.default_rng(0)
    pairs = [spoil.anything(face(), rng) for _ in range(200)]
    shows = np.stack([each for _, each in pairs])
    assert shows.shape == (200, len(REASONS)) and shows.min() >= 0 and shows.max() <= 1
    assert (shows.max(axis=0) > 0.4).all()  # each of them comes
    untouched = [picture for picture, each in pairs if not each.any()]
    assert sum((picture == face()).all() for picture in untouched) > 20


# how it is trained


def test_a_short_training_learns_what_is_dark_and_calibrates() -> None:
    torch = pytest.importorskip("torch")
    from resonance_zoo.train.still import surety

    torch.set_num_threads(1)
    faces = np.stack([face(seed) for seed in range(12)])
    read = surety.reader(_stand_in, 0.8)
    recipe = surety.Recipe(drawings=6, epochs=6, batch=24, wild=1)
    trained = surety.train(surety.lessons(faces, read, recipe), recipe)

    def see(pictures: NDArray[np.floating]) -> NDArray[np.float32]:
        with torch.inference_mode():
            return trained(torch.from_numpy(pictures)).numpy()

    dark = spoil.spoilt(faces, "low light, noise", 9)
    column = REASONS.index("dark")
    assert see(_given(dark))[:, column].mean() > see(_given(faces))[:, column].mean()
    labels = read(faces).argmax(axis=1)
    found = surety.calibrate(surety.look(faces, labels, read, see, recipe))
    assert len(found.heat) == len(found.haze) == len(TERMS)
    assert min(found.heat + found.haze) >= 0


def test_a_face_and_its_mirror_image_are_seen_alike() -> None:
    session = open_network(surety_card().path)
    one, other = (
        np.asarray(session.run(None, {"faces": _given(x)})[0])
        for x in (face()[None], face()[None, :, ::-1])
    )
    assert one == pytest.approx(other, abs=1e-4)


def _stand_in(pictures: NDArray[np.floating]) -> NDArray[np.float32]:
    """Tells faces apart by the light of their parts."""
    parts = [pictures[..., r : r + 16, c : c + 16].mean((1, 2, 3)) for r, c in _PLACES]
    return (np.stack(parts, axis=1) / 20).astype(np.float32)


_PLACES = [(0, 0), (0, 16), (0, 32), (16, 0), (16, 16), (16, 32), (32, 16)]


def _given(faces: Picture) -> NDArray[np.float32]:
    return np.ascontiguousarray(faces[:, None], np.float32)
