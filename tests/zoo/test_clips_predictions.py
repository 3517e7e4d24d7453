"""Files of predictions: what is written is read back, two are mixed by clip, bad ones refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from resonance_zoo.train.clips import predictions
from resonance_zoo.train.clips.predictions import Answers, PredictionsError


def answers(seed: int, clips: int = 5) -> Answers:
    rng = np.random.default_rng(seed)
    names = tuple(f"Daily/Happy/{number:04d}" for number in range(clips))
    return Answers(names, np.arange(clips) % 7, rng.dirichlet(np.ones(7), clips))


def written(path: Path, said: Answers) -> Path:
    with predictions.draft(path, with_shares=True) as write:
        write(said)
    return path


def test_what_is_written_is_read_back(tmp_path: Path) -> None:
    said = answers(0)
    found = predictions.read(written(tmp_path / "new/said.csv", said))
    assert found.clips == said.clips
    assert found.labels.tolist() == said.labels.tolist()
    np.testing.assert_allclose(found.shares, said.shares, atol=1e-6)
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["said.csv"]


def test_a_draft_that_is_broken_off_leaves_the_earlier_file(tmp_path: Path) -> None:
    path = tmp_path / "said.csv"
    path.write_text("earlier")
    with pytest.raises(KeyboardInterrupt), predictions.draft(path, with_shares=False) as write:
        write(answers(0))
        raise KeyboardInterrupt
    assert path.read_text() == "earlier"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("weight", [0.8, 0.6, 1.0])
def test_mixing_matches_clips_by_name(tmp_path: Path, weight: float) -> None:
    one, other = answers(1), answers(2)
    turned = Answers(other.clips[::-1], other.labels[::-1], other.shares[::-1])
    first, second = written(tmp_path / "a.csv", one), written(tmp_path / "b.csv", turned)
    mixed = predictions.mix((weight, first), (1 - weight, second))
    assert mixed.clips == one.clips
    assert mixed.labels.tolist() == one.labels.tolist()
    wanted = weight * one.shares + (1 - weight) * other.shares
    np.testing.assert_allclose(mixed.shares, wanted, atol=2e-6)
    assert mixed.counts.sum() == 5


@pytest.mark.parametrize("weights", [(0.8, 0.8), (1.5, -0.5), (float("nan"), 0.2)])
def test_weights_are_shares_of_one(tmp_path: Path, weights: tuple[float, float]) -> None:
    path = written(tmp_path / "a.csv", answers(1))
    with pytest.raises(PredictionsError, match="do not add up to 1"):
        predictions.mix((weights[0], path), (weights[1], path))


def test_files_over_other_clips_or_labels_are_not_mixed(tmp_path: Path) -> None:
    said, fewer = answers(1), answers(2, clips=3)
    path, short = written(tmp_path / "a.csv", said), written(tmp_path / "b.csv", fewer)
    other = written(tmp_path / "c.csv", Answers(said.clips, said.labels[::-1], said.shares))
    for pair in ((path, short), (short, path)):
        with pytest.raises(PredictionsError, match=r"2 clips of .*a\.csv are not in .*b\.csv"):
            predictions.mix((0.8, pair[0]), (0.2, pair[1]))
    with pytest.raises(PredictionsError, match="give Daily/Happy/0000 different labels"):
        predictions.mix((0.8, path), (0.2, other))


HEAD = "clip,label,pred," + ",".join(predictions.SHARE_COLUMNS) + "\n"
SURE = ",1,0,0,0,0,0,0\n"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "holds no clips"),
        (b"clip,label,pred\na,0,0\n", "no column 'p_happiness'; write it with --shares"),
        (f"{HEAD}a,x,0{SURE}".encode(), "holds no numbers"),
        (f"{HEAD}a,0,0,1,0\n".encode(), "holds no numbers"),
        (f"{HEAD}a,7,0{SURE}".encode(), "a label beyond 0 to 6"),
        (f"{HEAD}a,0,0{SURE}a,0,0{SURE}".encode(), "names a clip twice"),
        (f"{HEAD}a,0,0,nan,0,0,0,0,0,0\n".encode(), "of a do not add up to 1"),
        (f"{HEAD}a,0,0,2,-1,0,0,0,0,0\n".encode(), "of a do not add up to 1"),
        (b"\xff\xfe\x00", "not a CSV file in UTF-8"),
    ],
)
def test_files_that_are_none(tmp_path: Path, content: bytes, said: str) -> None:
    path = tmp_path / "said.csv"
    path.write_bytes(content)
    with pytest.raises(PredictionsError, match=said) as caught:
        predictions.read(path)
    assert str(path) in str(caught.value)


@given(st.text(max_size=200))
def test_any_text_is_read_or_refused(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    path = tmp_path_factory.getbasetemp() / "any.csv"
    path.write_text(HEAD + text, encoding="utf-8", errors="surrogatepass")
    try:
        found = predictions.read(path)
    except PredictionsError:
        return
    assert found.shares.shape == (len(found.clips), 7)
