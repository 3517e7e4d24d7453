"""`resonance-tui models list`, `info`, `pull` and `import` as a person and a script meet them."""

from __future__ import annotations

import json
import re
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import click
import pytest
from children import run_child

import resonance_zoo
from resonance_tui.cli import cli, run_verb
from resonance_tui.commands.models.list import run_info
from resonance_tui.commands.models.table import ModelRow, table
from resonance_tui.engines import catalog, registry
from resonance_tui.engines.auto import candidates
from resonance_tui.errors import EngineUnavailable, Problem
from resonance_tui.extras import install_command
from resonance_zoo.cards import network_card
from resonance_zoo.checkpoints import pull as pulling
from resonance_zoo.checkpoints.errors import PullError
from resonance_zoo.files import sha256

SMALL: dict[str, Any] = {
    "img_size": 32, "num_frames": 4, "embed_dim": 16, "depth": 1, "num_heads": 2,
    "region_size": (1, 1, 2),
}  # fmt: skip
ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(autouse=True)
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("RESONANCE_DATA_DIR", str(tmp_path / "data"))
    return tmp_path / "data" / "models"


def run(capsys: pytest.CaptureFixture[str], *args: object, code: int = 0) -> tuple[str, str]:
    assert run_verb(cli, ["models", *map(str, args)]) == code
    out, err = capsys.readouterr()
    assert "Traceback" not in err
    return out, err


def checkpoint(path: Path, name: str = "mmer_mlp", **settings: Any) -> Path:
    import torch

    network = resonance_zoo.create(name, **settings)
    torch.save({"model": network.state_dict(), "epoch": 1, "args": None}, path)
    return path


# list


def test_the_list_has_what_scripts_need(capsys: pytest.CaptureFixture[str]) -> None:
    rows = {row["name"]: row for row in json.loads(run(capsys, "list", "--json")[0])}
    assert sorted(rows) == resonance_zoo.list_models()
    add = rows["mae_dfer_mmnet_add"]
    assert (add["params_m"], add["gmacs"]) == (114.325, 52.797)
    assert add["clip"] == {"frames": 16, "size": 160}
    assert add["report"]["ferv39k"] == add["official"]["ferv39k"] == {"uar": 42.3, "war": 52.4}
    assert rows["poster_v2"]["official"]["raf_db"] == {"uar": None, "war": 92.21}
    assert rows["mmer_mlp"]["report"]["ferv39k"] is None
    page = json.loads(run(capsys, "info", "mae_dfer", "--json")[0])
    assert page["reported"]["ferv39k"]["official"] == {"uar": 43.12, "war": 52.07}
    assert (add["reported_params_m"], add["reported_gmacs"]) == (114, 52)
    states = {name: row["weights"] for name, row in rows.items()}
    assert states["static_cnn"] == "shipped"
    assert states["mae_dfer"] == states["poster_v2"] == "to pull"
    assert states["ial"] == states["videomae_base"] == "none"
    assert rows["mmer_bilstm"]["clip"] is None


@pytest.mark.parametrize("width", [40, 60, 80, 100])
def test_the_table_fits_and_is_aligned(width: int) -> None:
    rows = [ModelRow.of(resonance_zoo.card(n), "to pull") for n in resonance_zoo.list_models()]
    lines = list(table(rows, width))
    assert max(map(len, lines)) <= width
    head, *body = lines[: len(rows) + 1]
    assert head.startswith("network") and "params" in head and head.endswith("weights")
    column = head.index("weights")
    assert all(line[column:] == "to pull" for line in body)
    assert ("authors" in head) == (width >= 80)


def test_the_table_says_that_its_figures_are_computed(capsys: pytest.CaptureFixture[str]) -> None:
    out, _ = run(capsys, "list", "mae_*")
    assert "computed from the built networks" in " ".join(out.split())
    assert "mae_dfer_mmnet_add     114.32M  52.80  16x160  42.30/52.40" in out
    assert "videomae" not in out


def test_a_pattern_that_nothing_matches(capsys: pytest.CaptureFixture[str]) -> None:
    _, err = run(capsys, "list", "mae_dfr", code=2)
    assert "Did you mean mae_dfer" in err
    assert "There are: c3d, former_dfer" in run(capsys, "list", "zzz*", code=2)[1]


def test_listing_loads_no_torch() -> None:
    code = (
        "import sys; from resonance_tui.cli import cli, run_verb;"
        "run_verb(cli, ['models', 'list']);"
        "print(*({'torch', 'timm', 'safetensors', 'gdown', 'textual'} & set(sys.modules)))"
    )
    done = run_child(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT
    )
    assert done.stdout.splitlines()[-1] == ""


# info


@pytest.mark.parametrize("name", resonance_zoo.list_models())
def test_the_page_of_every_network(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    out, _ = run(capsys, "info", name)
    card = resonance_zoo.card(name)
    words = " ".join(out.split())
    assert card.summary in words and "parameters" in words and card.licence in words
    assert json.loads(run(capsys, "info", name, "--json")[0])["name"] == name


def test_the_page_says_what_cannot_be_met_and_where_weights_are(
    capsys: pytest.CaptureFixture[str],
) -> None:
    words = " ".join(run(capsys, "info", "ial")[0].split())
    assert "4.35 G below" in words and "Never published" in words and "*.bias1" in words


@pytest.mark.parametrize("engine", ["static", "auto"])
def test_an_engine_stands_for_the_network_inside_it(
    capsys: pytest.CaptureFixture[str], engine: str
) -> None:
    assert run(capsys, "info", engine) == run(capsys, "info", "static_cnn")


@pytest.mark.parametrize("verb", [["info"], ["pull"], ["import", "x.pth", "--as"]])
def test_unknown_names_are_answered_with_the_nearest(
    verb: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    _, err = run(capsys, *verb, "poster", code=2)
    assert "There is no network 'poster'" in err and "Did you mean poster_v2?" in err


# import


def test_import_tells_where_it_went_and_what_was_left_out(
    tmp_path: Path, data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out, _ = run(capsys, "import", checkpoint(tmp_path / "best.pth"), "--as", "mmer_mlp")
    assert f"Kept as {data / 'mmer_mlp.safetensors'}" in out
    assert "Left out of it: epoch, args" in out
    [row] = json.loads(run(capsys, "list", "mmer_mlp", "--json")[0])
    assert row["weights"] == "here"
    words = run(capsys, "info", "mmer_mlp")[0]
    assert "from best.pth" in words
    (data / "mmer_mlp.json").write_text("{")
    [row] = json.loads(run(capsys, "list", "mmer_mlp", "--json")[0])
    assert row["weights"] == "damaged"
    assert "is damaged" in run(capsys, "info", "mmer_mlp", code=2)[1]


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda path: path.write_bytes(b"<!doctype html>"), "web page"),
        (lambda path: path.write_bytes(b""), "empty"),
        (lambda path: path.mkdir(), "folder"),
        (lambda path: None, "no file"),
        (lambda path: checkpoint(path, num_classes=5), "is for 5 classes, the network for 8"),
        (lambda path: checkpoint(path, "mmer_bilstm"), "These are the tensors of mmer_bilstm"),
    ],
)
def test_files_that_cannot_be_imported(
    make: Any, words: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    make(tmp_path / "c.pth")
    assert words in run(capsys, "import", tmp_path / "c.pth", "--as", "mmer_mlp", code=2)[1]


def test_a_data_directory_that_is_no_folder(
    tmp_path: Path, data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data.parent.mkdir()
    data.write_text("in the way")
    file = checkpoint(tmp_path / "c.pth")
    assert str(data) in run(capsys, "import", file, "--as", "mmer_mlp", code=1)[1]


def test_without_the_extra_it_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(catalog, "find_spec", lambda name: None if name == "torch" else object())
    _, err = run(capsys, "import", tmp_path / "c.pth", "--as", "mmer_mlp", code=2)
    assert "not here: torch" in err and install_command("zoo") in err


def test_weights_for_other_classes_are_kept_but_not_for_a_room(
    tmp_path: Path, data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = checkpoint(tmp_path / "five.pth", "mae_dfer", **SMALL, num_classes=5)
    settings = [f"--set={key}={value}" for key, value in SMALL.items()]
    out, _ = run(capsys, "import", file, "--as", "mae_dfer", *settings, "--set", "num_classes=5")
    assert "Not for `join`: The weights of mae_dfer are for 5 classes" in out
    assert "--engine" not in out
    assert f'"mae_dfer", pretrained=True, weights_folder="{data}")' in out
    with pytest.raises(EngineUnavailable, match="for 5 classes; a room knows seven"):
        registry.resolve("mae_dfer", data)


def test_replaced_weights_are_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    first, second = checkpoint(tmp_path / "first.pth"), checkpoint(tmp_path / "second.pth")
    assert "Replaced" not in run(capsys, "import", first, "--as", "mmer_mlp")[0]
    assert "Replaced" not in run(capsys, "import", first, "--as", "mmer_mlp")[0]
    out, _ = run(capsys, "import", second, "--as", "mmer_mlp")
    assert re.search(r"Replaced the weights from first\.pth, imported 20\d\d-\d\d-\d\d\n", out)


def test_auto_ranks_own_weights_and_those_for_ferv39k(tmp_path: Path, data: Path) -> None:
    from resonance_zoo.weights import import_weights

    file = checkpoint(tmp_path / "own.pth", "mae_dfer", **SMALL)
    import_weights(file, "mae_dfer", data, **SMALL)
    assert candidates(data) == ("mae_dfer",)
    dfew = network_card("mae_dfer").weights[2]
    import_weights(file, "mae_dfer", data, origin=dfew.location, **SMALL)
    assert candidates(data) == ()
    ferv39k = network_card("mae_dfer_mmnet_add").weights[0]
    fused = checkpoint(tmp_path / "add.pth", "mae_dfer_mmnet_add", **SMALL)
    import_weights(fused, "mae_dfer_mmnet_add", data, origin=ferv39k.location, **SMALL)
    assert candidates(data) == ("mae_dfer_mmnet_add",)


# pull


@pytest.fixture
def pulled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Names that were asked for; what is kept is a stand-in."""
    import torch

    from resonance_zoo.weights import keep_start

    names: list[str] = []

    def fetch(card: Any, published: Any, folder: Path, *, progress: bool) -> Path:
        names.append(pulling.stored_name(card, published))
        torch.save({"a": torch.ones(len(names))}, tmp_path / "came.pth")
        return keep_start(tmp_path / "came.pth", names[-1], folder, origin=published.location)

    monkeypatch.setattr(pulling, "pull", fetch)
    return names


def in_a_terminal(monkeypatch: pytest.MonkeyPatch, answer: bool) -> None:
    monkeypatch.setattr("sys.stdin", type("Terminal", (), {"isatty": lambda self: True})())
    monkeypatch.setattr(click, "confirm", lambda *_, **__: answer)


def test_nothing_is_fetched_where_nobody_can_agree(
    pulled: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    out, err = run(capsys, "pull", "mae_dfer", code=2)
    assert "Terms: Learned from DFEW" in err and "--yes" in err
    assert (out, pulled) == ("", [])


def test_a_no_is_a_no(
    pulled: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    in_a_terminal(monkeypatch, answer=False)
    assert "nothing was fetched" in run(capsys, "pull", "mae_dfer", code=1)[1]
    assert pulled == []


def test_the_terms_come_before_the_question(
    pulled: list[str],
    tmp_path: Path,
    data: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    in_a_terminal(monkeypatch, answer=True)
    out, err = run(capsys, "pull", "mae_dfer")
    assert "https://dfew-dataset.github.io" in err and "drive.google.com" in err
    assert "Hash:  its authors publish no hash: unverified" in err
    assert pulled == ["mae_dfer"] and "--engine mae_dfer" in out
    assert f'timm.create_model("mae_dfer", pretrained=True, weights_folder="{data}")' in out
    recorded = sha256(tmp_path / "came.pth")
    assert f"SHA-256 of what came, now recorded: {recorded}" in out


def test_another_publication_replaces_the_first(
    pulled: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    first, third = (network_card("mae_dfer").weights[fold].location for fold in (0, 2))
    assert "Replaced" not in run(capsys, "pull", "mae_dfer", "--yes")[0]
    out, _ = run(capsys, "pull", "mae_dfer.dfew_fold3", "--yes")
    assert f"Replaced the weights from {first}, imported 20" in out and third not in out


def test_yes_agrees_and_still_shows_them(
    pulled: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    _, err = run(capsys, "pull", "poster_v2", "--yes")
    assert "RAF-DB" in err and pulled == ["poster_v2"]


def test_a_start_is_no_engine(pulled: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    out, _ = run(capsys, "pull", "videomae_base", "--yes")
    assert "train_dfer" in out and "--engine" not in out
    assert pulled == ["videomae_base.k400_pretrain"]


def test_what_was_never_published(pulled: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    _, err = run(capsys, "pull", "ial", "--yes", code=2)
    assert "Never published" in err and "https://github.com/muse1998" in err


def test_what_is_here_is_not_fetched_again(
    pulled: list[str],
    tmp_path: Path,
    data: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    from resonance_zoo.weights import import_weights

    card, published = network_card("mmer_mlp"), network_card("mae_dfer").weights[0]
    file = checkpoint(tmp_path / "c.pth")
    import_weights(file, "mmer_mlp", data, origin=published.location)
    found = (replace(card, weights=(published,)), published)
    monkeypatch.setattr(pulling, "find", lambda name: found)
    assert "Already here" in run(capsys, "pull", "mmer_mlp")[0]
    assert pulled == []


def test_a_failed_transfer_is_a_failure_with_advice(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise PullError("The connection failed or broke off.", "Run it again.")

    monkeypatch.setattr(pulling, "pull", fail)
    _, err = run(capsys, "pull", "mae_dfer", "--yes", code=1)
    assert "connection failed" in err and "Run it again." in err


def test_an_unknown_network_is_wrong_input(tmp_path: Path) -> None:
    from resonance_tui import config

    with pytest.raises(Problem, match="no network 'nobody'") as caught:
        run_info(config.load(), "nobody", as_json=False)
    assert caught.value.exit_code == 2


def test_a_bench_that_cannot_run_says_what_would_help(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    import torch

    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    _, err = run(capsys, "bench", "former_dfer", "--device", "cuda", code=2)
    assert "has no cuda device" in err and "--device auto" in err
    _, err = run(capsys, "bench", "mmer_mlp", code=2)
    assert "reads no clips" in err and "models list" in err
