"""`resonance-tui models score`: the report's tables from the authors' predictions; bad files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from resonance_tui.cli import cli, run_verb
from resonance_tui.commands.models import score
from resonance_tui.commands.models.predictions import read_columns
from resonance_tui.errors import InputError
from resonance_zoo.classes import CLASSES

PREDICTIONS = Path(__file__).resolve().parents[3] / "shared" / "data" / "ferv39k_predictions.csv"
needs_predictions = pytest.mark.skipif(
    not PREDICTIONS.is_file(),
    reason="the authors' predictions (../shared/data/ferv39k_predictions.csv) are not here",
)


def run(file: Path, **options: Any) -> None:
    defaults = {"label": "label", "pred": "pred", "versus": None, "as_json": True}
    score.run(file, **{**defaults, **options})


def scored(file: Path, capsys: pytest.CaptureFixture[str], **options: Any) -> dict[str, Any]:
    run(file, **options)
    return json.loads(capsys.readouterr().out)


@needs_predictions
@pytest.mark.parametrize(("pred", "uar", "war"), [("add", 42.30, 52.40), ("concat", 42.20, 52.30)])
def test_table_3_of_the_report(
    pred: str, uar: float, war: float, capsys: pytest.CaptureFixture[str]
) -> None:
    figures = scored(PREDICTIONS, capsys, pred=pred)
    assert (figures["clips"], figures["uar"], figures["war"]) == (7847, uar, war)


@needs_predictions
def test_table_5_of_the_report(capsys: pytest.CaptureFixture[str]) -> None:
    figures = scored(PREDICTIONS, capsys, pred="add")
    assert figures["recall"] == {
        "happiness": 75.42, "sadness": 55.06, "neutral": 60.37, "anger": 50.84,
        "surprise": 27.43, "disgust": 13.49, "fear": 13.46,
    }  # fmt: skip
    assert [row[i] for i, row in enumerate(figures["confusion"])] == [*figures["recall"].values()]
    assert figures["counts"][0] == [1111, 60, 181, 60, 32, 25, 4]
    for measure in ("war", "uar"):
        low, high = figures["interval"][measure]
        assert low < figures[measure] < high
        assert 1.8 < high - low < 2.5


@needs_predictions
def test_add_and_concat_do_not_differ_significantly(capsys: pytest.CaptureFixture[str]) -> None:
    versus = scored(PREDICTIONS, capsys, pred="add", versus="concat")["versus"]
    assert (versus["only_first"], versus["only_second"]) == (369, 361)
    assert versus["p"] == pytest.approx(0.7955935954754, abs=1e-10)
    assert versus["significant"] is False
    assert versus["verdict"] == (
        "add and concat do not differ significantly at the 5 % level (exact McNemar test, "
        "p = 0.7956): 369 clips only add gets right, 361 only concat."
    )
    low, high = versus["uar_difference_interval"]
    assert low < 0 < versus["uar_difference"] == 0.1 < high


@needs_predictions
def test_the_table_a_person_reads(capsys: pytest.CaptureFixture[str]) -> None:
    run(PREDICTIONS, pred="add", versus="concat", as_json=False)
    lines = capsys.readouterr().out.splitlines()
    assert lines[2].startswith("WAR   52.40 %  (95 %: 51.")
    assert lines[3].startswith("UAR   42.30 %  (95 %: 41.")
    assert next(line for line in lines if line.startswith("fear")).split() == (
        ["fear", "27", "124", "103", "69", "35", "15", "58", "13.46", "431"]
    )
    assert lines[-1].startswith("add and concat do not differ significantly")
    assert max(map(len, lines[:-1])) <= 90


def csv_file(folder: Path, text: str, encoding: str = "utf-8") -> Path:
    path = folder / "said.csv"
    path.write_bytes(text.encode(encoding))
    return path


def test_classes_are_numbers_or_words(tmp_path: Path) -> None:
    text = "\ufeffid;label;pred\r\n1; Fear ;6\r\n\r\n2;sad;1.0\r\n3;HAPPINESS;anger\r\n"
    columns = read_columns(csv_file(tmp_path, text), ["label", "pred"]).columns
    assert columns == {"label": [6, 1, 0], "pred": [6, 1, 3]}


# Ten clips, seven right, as programs write them.
TRUTH, SAID = (0, 1, 2, 3, 4, 5, 6, 0, 1, 2), (0, 1, 2, 3, 4, 5, 6, 1, 0, 0)
PAIRS = list(zip(TRUTH, SAID, strict=True))
WORDS = ("happy", "sad", "neutral", "Angry", "surprised", "Disgusted", "fearful")
WRITTEN = {
    "numpy.savetxt, commas": "# label,pred\n" + "".join(f"{a:.18e},{b:.18e}\n" for a, b in PAIRS),
    "numpy.savetxt": "# label pred\n" + "".join(f"{a:.18e} {b:.18e}\n" for a, b in PAIRS),
    "numpy.savetxt, %f": "# label,pred\n" + "".join(f"{a:f},{b:f}\n" for a, b in PAIRS),
    "numpy.savetxt, columns": "# label  pred\n" + "".join(f"  {a}     {b}\n" for a, b in PAIRS),
    "numpy.savetxt, header of lines": "# run 3, lr 0.1\n# label,pred\n"
    + "".join(f"{a},{b}\n" for a, b in PAIRS),
    "numpy.savetxt, footer": "# label,pred\n"
    + "".join(f"{a},{b}\n" for a, b in PAIRS)
    + "# 70 % right\n",
    "pandas": ",label,pred\n" + "".join(f"{i},{a},{b}.0\n" for i, (a, b) in enumerate(PAIRS)),
    "R, write.csv": '"","label","pred"\n' + "".join(f'"9",{a},{b}\n' for a, b in PAIRS),
    "R, write.table": '"label" "pred"\n' + "".join(f'"9" {a} {b}\n' for a, b in PAIRS),
    "R, 1e+00": "label,pred\n" + "".join(f"{a:.0e},{b:.0e}\n" for a, b in PAIRS),
    "Excel": "sep=;\r\nlabel;pred\r\n" + "".join(f"{a};{b},0\r\n" for a, b in PAIRS),
    "words": "label\tpred\n" + "".join(f"{WORDS[a]}\t{WORDS[b]}\n" for a, b in PAIRS),
    "probabilities": f"label,{','.join(f'p_{word}' for word in CLASSES)}\n"
    + "".join(f"{a},{','.join('0.4' if n == b else '0.1' for n in range(7))}\n" for a, b in PAIRS),
}


@pytest.mark.parametrize("text", WRITTEN.values(), ids=WRITTEN)
def test_predictions_as_programs_write_them(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str
) -> None:
    figures = scored(csv_file(tmp_path, text), capsys)
    assert (figures["clips"], figures["war"]) == (10, 70.0)


def test_a_clip_whose_name_begins_like_a_comment_counts(tmp_path: Path) -> None:
    columns = read_columns(
        csv_file(tmp_path, "file,label,pred\n#1.png,0,1\n#2.png,2,3\n"), ["label", "pred"]
    ).columns
    assert columns == {"label": [0, 2], "pred": [1, 3]}


@pytest.mark.parametrize(
    "value", ["1.5", "-1", "7", "1e9", "inf", "nan", "0x1", "tensor(3)", "1,5"]
)
def test_a_number_that_is_no_class_is_refused(tmp_path: Path, value: str) -> None:
    with pytest.raises(InputError, match=r"line 3: .* is no class"):
        run(csv_file(tmp_path, f"label;pred\n0;0\n0;{value}\n"))


def test_a_line_number_counts_every_line(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="line 4: 'x'"):
        run(csv_file(tmp_path, "sep=;\nlabel;pred\n0;0\n0;x\n"))


FER2013 = "angry,disgust,fear,happy,sad,surprise,neutral"


def test_numbers_in_another_order(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = csv_file(tmp_path, "label,pred\n3,happiness\n3,3\n6,0\n")
    figures = scored(path, capsys, classes=FER2013)
    assert figures["recall"] == {**dict.fromkeys(CLASSES, None), "happiness": 100, "neutral": 0}
    assert figures["counts"][2][3] == 1  # neutral, said to be anger


@pytest.mark.parametrize(
    "classes", ["", "angry", f"{FER2013},fear", FER2013.replace("sad", "smug")]
)
def test_an_order_that_is_none(tmp_path: Path, classes: str) -> None:
    with pytest.raises(InputError, match="seven classes once each"):
        run(csv_file(tmp_path, "label,pred\n0,0\n"), classes=classes)


def test_labels_that_count_from_one_are_recognised(tmp_path: Path) -> None:
    with pytest.raises(InputError) as caught:
        run(csv_file(tmp_path, "label,pred\n7,0\n"))
    assert "count from 1" in caught.value.hint


def test_precision_and_f1(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = csv_file(tmp_path, "label,pred\n0,0\n0,0\n0,1\n1,0\n1,1\n2,0\n")
    figures = scored(path, capsys)
    assert figures["precision"] == {
        **dict.fromkeys(CLASSES, None), "happiness": 50.0, "sadness": 50.0
    }  # fmt: skip
    assert figures["f1"] == {
        **dict.fromkeys(CLASSES, None), "happiness": 57.14, "sadness": 50.0, "neutral": 0.0
    }  # fmt: skip
    assert figures["macro_f1"] == 35.71


def test_a_table_in_markdown(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = csv_file(tmp_path, "label,a|b\n0,0\n1,0\n")
    run(path, pred="a|b", as_json=False, as_markdown=True)
    head, _, *table = capsys.readouterr().out.splitlines()
    assert head.startswith("**a\\|b**, 2 clips: WAR 50.00 % (")
    assert len(table) == 2 + len(CLASSES)
    assert {line.count("|") for line in table} == {13}
    assert table[2] == "| happiness | 1 | 0 | 0 | 0 | 0 | 0 | 0 | 100.00 | 50.00 | 66.67 | 1 |"


@pytest.mark.parametrize(("said", "low", "high"), [(0, 2.5, 100.0), (1, 0.0, 97.5)])
def test_one_clip_says_next_to_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], said: int, low: float, high: float
) -> None:
    figures = scored(csv_file(tmp_path, f"label,pred,other\n0,{said},2\n"), capsys, versus="other")
    assert figures["interval"] == {"war": [low, high], "uar": [low, high]}
    gap_low, gap_high = figures["versus"]["uar_difference_interval"]
    assert gap_high - gap_low > 90


def test_a_clear_difference_is_called_significant(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = ["0,0,1"] * 20 + ["1,1,1"] * 20 + ["1,0,1"] * 2
    path = csv_file(tmp_path, "label,pred,other\n" + "\n".join(rows))
    versus = scored(path, capsys, versus="other")["versus"]
    assert (versus["only_first"], versus["only_second"]) == (20, 2)
    assert versus["p"] == pytest.approx(2 * (1 + 22 + 231) / 2**22)
    assert versus["significant"] is True
    assert "differ significantly" in versus["verdict"]
    assert "do not" not in versus["verdict"]


def test_a_class_without_clips_has_no_recall(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = csv_file(tmp_path, "label,pred\n0,0\n1,0\n")
    figures = scored(path, capsys)
    assert [*figures] == [
        *("clips", "war", "uar", "recall", "confusion", "counts", "interval"),
        *("precision", "f1", "macro_f1"),
    ]
    assert figures["confusion"][:2] == [[100, 0, 0, 0, 0, 0, 0]] * 2
    assert figures["counts"] == [[1, *[0] * 6]] * 2 + [[0] * 7] * 5
    assert figures["recall"]["fear"] is None
    assert (figures["war"], figures["uar"]) == (50.0, 50.0)
    run(path, as_json=False)
    assert "none" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "no header"),
        ("label,pred\n", "no rows"),
        ("label,preds\n0,0\n", "no column 'pred'. Did you mean 'preds'?"),
        ("label,pred,pred\n0,0,0\n", "2 columns 'pred'"),
        ("label,pred\n0,0\n\n0,7\n", "line 4: '7' in column 'pred' is no class"),
        ("label,pred\n0,0\n,0\n", "line 3: '' in column 'label' is no class"),
        ("label,pred\n0,0\n0,contempt\n", "line 3: 'contempt'"),
        ("label,pred\n0,0\n0,nan\n", "line 3: 'nan'"),
        ("label,pred\n0,0\n0\n", "line 3: 1 fields, where the header has 2"),
        ('label,pred\n0,"0\n', "is not a CSV file"),
    ],
)
def test_files_that_cannot_be_understood(tmp_path: Path, text: str, said: str) -> None:
    path = csv_file(tmp_path, text)
    with pytest.raises(InputError) as caught:
        run(path)
    assert str(path) in caught.value.message
    assert said in caught.value.message


@pytest.mark.parametrize("encoding", ["utf-16", "latin-1"])
def test_other_encodings_are_named_as_the_trouble(tmp_path: Path, encoding: str) -> None:
    with pytest.raises(InputError, match="not UTF-8"):
        run(csv_file(tmp_path, "label,pred\n0,0\nfröhlich,0\n", encoding))


def test_a_missing_file_and_a_folder(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="No such file"):
        run(tmp_path / "absent.csv")
    with pytest.raises(InputError, match="directory"):
        run(tmp_path)


def test_the_verb_ends_with_code_2(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = csv_file(tmp_path, "label,add\n0,0\n")
    assert run_verb(cli, ["models", "score", str(path), "--json"]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert "no column 'pred'" in err
    assert "Its columns: label, add." in err
