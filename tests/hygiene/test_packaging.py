"""What is built to be installed, and what the old import names still do in a checkout."""

from __future__ import annotations

import sys
import zipfile
from pathlib import Path

import pytest
from children import run_child

ROOT = Path(__file__).resolve().parents[2]
OURS = {"resonance_tui", "resonance_broker", "resonance_zoo"}
DATA = (
    "resonance_tui/languages/zh_TW.po",
    "resonance_zoo/cards/static_cnn.toml",
    "resonance_zoo/weights/static_cnn.onnx",
    "resonance_zoo/weights/static_cnn.int8.onnx",
    "resonance_zoo/weights/still_surety.onnx",
    "resonance_zoo/weights/still_surety.toml",
    "resonance_broker/cluster/core.conf",
    "resonance_broker/cluster/emqx.acl.conf",
)
LIBRARIES = [folder for folder in sys.path if folder.endswith("site-packages")]

pytestmark = pytest.mark.timeout(180)


def run(*command: object, cwd: Path = ROOT, **environment: str) -> str:
    """What a command prints; the test fails with what it says where it does not end well."""
    done = run_child(
        [*map(str, command)],
        cwd=cwd,
        env={"PATH": "/usr/bin:/bin", "HOME": str(cwd), "PIP_NO_INDEX": "1"} | environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def pip(*arguments: object, cwd: Path) -> None:
    run(
        *(sys.executable, "-m", "pip", "--disable-pip-version-check", "-q", *arguments),
        cwd=cwd,
        PYTHONPATH=":".join(LIBRARIES),
    )


def content(wheel: Path) -> set[str]:
    """The files in a wheel, without its own records."""
    with zipfile.ZipFile(wheel) as archive:
        return {name for name in archive.namelist() if ".dist-info/" not in name}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built from the checkout without the network."""
    folder = tmp_path_factory.mktemp("wheel")
    run(sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", folder)
    return next(folder.glob("*.whl"))


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the wheel's packages and nothing else."""
    folder = tmp_path_factory.mktemp("installed")
    pip("install", "--no-deps", "--target", folder / "lib", wheel, cwd=folder)
    return folder / "lib"


@pytest.fixture
def decoys(tmp_path: Path) -> Path:
    """A working directory with a `broker` and a `model_zoo` of somebody else's."""
    for name in ("broker", "model_zoo"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").write_text("raise ImportError('a stranger of that name')")
    return tmp_path


def test_the_wheel_owns_three_names(wheel: Path) -> None:
    assert {name.split("/")[0] for name in content(wheel)} == OURS


def test_the_wheel_holds_every_file_of_its_packages(wheel: Path) -> None:
    folders = [ROOT / "resonance_tui", ROOT / "broker", ROOT / "model_zoo"]
    found = {
        path.relative_to(ROOT if folder.name in OURS else folder).as_posix()
        for folder in folders
        for path in folder.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    ours = {name for name in found if name.split("/")[0] in OURS}
    assert content(wheel) == ours
    assert ours.issuperset(DATA)


def test_a_wheel_from_the_source_distribution_is_the_same(wheel: Path, tmp_path: Path) -> None:
    run(sys.executable, "-m", "hatchling", "build", "-t", "sdist", "-d", tmp_path)
    source = next(tmp_path.glob("*.tar.gz"))
    pip("wheel", "--no-deps", "--no-build-isolation", "-w", tmp_path, source, cwd=tmp_path)
    assert content(next(tmp_path.glob("*.whl"))) == content(wheel)


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [("--version", "resonance-tui"), ("--help", "join"), ("models list", "mae_dfer")],
)
def test_the_installed_app_runs_beside_strangers(
    installed: Path, decoys: Path, arguments: str, expected: str
) -> None:
    where = ":".join([str(installed), *LIBRARIES])
    command = (sys.executable, "-S", "-m", "resonance_tui", *arguments.split())
    assert expected in run(*command, cwd=decoys, PYTHONPATH=where)


def test_an_installed_app_takes_its_own_packages(installed: Path, decoys: Path) -> None:
    where = ":".join([str(installed), *LIBRARIES])
    ask = (
        f"import sys, {', '.join(OURS)}, resonance_tui.commands.broker;"
        f"print(*[sys.modules[name].__file__ for name in {sorted(OURS)}])"
    )
    files = run(sys.executable, "-S", "-c", ask, cwd=decoys, PYTHONPATH=where).split()
    assert files == [str(installed / name / "__init__.py") for name in sorted(OURS)]


def in_checkout(code: str) -> list[str]:
    """What code prints in a checkout that is not installed; its warnings come as lines, too."""
    collect = "import sys, warnings; warnings.showwarning = lambda m, c, *_: print(c.__name__, m)\n"
    where = ":".join([str(ROOT), *LIBRARIES])
    return run(sys.executable, "-S", "-c", collect + code, PYTHONPATH=where).splitlines()


ALIASES = {
    "broker": {
        "broker": "resonance_broker",
        "broker.book": "resonance_broker.accounts_store",
        "broker.workfiles": "resonance_broker.runtime_dir",
        "broker.cluster.layout": "resonance_broker.cluster.layout",
    },
    "model_zoo": {
        "model_zoo": "resonance_zoo",
        "model_zoo.weights": "resonance_zoo.weights",
        "model_zoo.fast": "resonance_zoo.optimize",
        "model_zoo.dfer.learners": "resonance_zoo.train.clips.objectives",
        "model_zoo.training.copies": "resonance_zoo.train.still.near_duplicates",
    },
}


@pytest.mark.parametrize("former", ALIASES)
def test_old_names_give_the_same_modules_and_say_so_once(former: str) -> None:
    if former == "model_zoo":
        pytest.importorskip("timm", reason="timm (extra 'zoo') is not installed")
    said, *same = in_checkout(
        "from importlib import import_module\n"
        f"for former, now in {ALIASES[former]!r}.items():\n"
        "    old, new = import_module(former), import_module(now)\n"
        "    parent, _, child = former.rpartition('.')\n"
        "    if parent: exec(f'from {parent} import {child} as old_again')\n"
        "    else: old_again = old\n"
        "    print(old is new is old_again, new.__spec__.name == new.__name__)"
    )
    assert said.startswith(f"FutureWarning `import {former}` is deprecated")
    assert same == ["True True"] * len(ALIASES[former])


def test_the_old_face_of_the_broker_is_whole() -> None:
    _, same = in_checkout(
        "from broker import BookFile, start_broker\nimport resonance_broker as new\n"
        "print(BookFile is new.AccountsStore, start_broker is new.start_broker)"
    )
    assert same == "True True"


def test_old_and_new_names_share_one_registry() -> None:
    _, same = in_checkout(
        "import model_zoo.registry, resonance_zoo.registry\n"
        "print(model_zoo.registry._entry_points is resonance_zoo.registry._entry_points)"
    )
    assert same == "True"


def test_a_command_of_the_old_name_runs() -> None:
    where = ":".join([str(ROOT), *LIBRARIES])
    assert "edges" in run(
        *(sys.executable, "-S", "-m", "broker.cluster", "--help"), PYTHONPATH=where
    )


@pytest.mark.parametrize(
    "imports",
    [
        "import timm, model_zoo",
        "import model_zoo, importlib.util as u; assert u.find_spec('timm'); import timm",
    ],
)
def test_timm_finds_the_networks_by_itself_beside_the_old_name(imports: str) -> None:
    pytest.importorskip("timm", reason="timm (extra 'zoo') is not installed")
    known = in_checkout(
        f"{imports}\nprint(set(model_zoo.list_models()) <= set(timm.list_models()))"
    )
    assert known[1:] == ["True"]
