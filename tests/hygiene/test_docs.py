"""What ARCHITECTURE.md and CONTRIBUTING.md name is there, so that they cannot rot."""

from __future__ import annotations

import ast
import re
import tomllib
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGES = ("docs/ARCHITECTURE.md", "CONTRIBUTING.md")
PACKAGES = {
    "resonance_tui": ROOT / "resonance_tui",
    "resonance_broker": ROOT / "broker/resonance_broker",
    "resonance_zoo": ROOT / "model_zoo/resonance_zoo",
}
# Beside the packages, a path may begin at the app's package: `tui/actions.py`.
FOLDERS = (ROOT, *PACKAGES.values())
_FENCE = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)
_SPAN = re.compile(r"`([^`\n]+)`")
_LINK = re.compile(r"\]\(([^)#]+)\)")
_PATH = re.compile(r"[\w.*-]+(/[\w.*-]+)*(/|\.(py|md|toml|txt|tcss|yaml|conf|sh))")
_DOTTED = re.compile(rf"({'|'.join(PACKAGES)})(\.\w+)*")
_NAME = re.compile(r"_?[A-Z]\w*(\.\w+)*|[a-z]\w*(\.\w+)*(?=\(\))")
# Made by a build or an installation.
NOT_HERE = {"dist/", "METADATA", ".venv"}


def spans(page: str) -> list[str]:
    """What stands between backticks outside of code blocks, without the arguments of a call."""
    text = _FENCE.sub("", (ROOT / page).read_text(encoding="utf-8"))
    return list(dict.fromkeys(re.sub(r"\(.*\)$", "()", span) for span in _SPAN.findall(text)))


@cache
def defined(file: Path) -> dict[str, ast.AST]:
    """Names that a module or package defines at its top level, "Class.member" included."""
    names: dict[str, ast.AST] = {}
    for node in ast.parse(file.read_text(encoding="utf-8")).body:
        names |= dict.fromkeys(bound(node), node)
        if isinstance(node, ast.ClassDef):
            names |= {f"{node.name}.{name}": each for each in node.body for name in bound(each)}
            names |= {f"{node.name}.{name}": node for name in own(node)}
    return names


def bound(node: ast.AST) -> list[str]:
    if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
        return [node.name]
    if isinstance(node, (ast.Import, ast.ImportFrom)):
        return [alias.asname or alias.name for alias in node.names]
    targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
    return [target.id for target in targets if isinstance(target, ast.Name)]


def own(node: ast.ClassDef) -> set[str]:
    """Attributes that methods give to `self`."""
    return {
        each.attr
        for each in ast.walk(node)
        if isinstance(each, ast.Attribute)
        and isinstance(each.value, ast.Name)
        and each.value.id == "self"
        and isinstance(each.ctx, ast.Store)
    }


def is_path(text: str) -> bool:
    return any(next(folder.glob(text.rstrip("/")), None) is not None for folder in FOLDERS)


def is_dotted(text: str) -> bool:
    """Whether "package.module.Class.member" leads to something, without importing it."""
    package, *rest = text.split(".")
    place = PACKAGES[package]
    for index, part in enumerate(rest):
        inner = ".".join(rest[index:])
        if (place / part / "__init__.py").is_file():
            place = place / part
        elif (place / f"{part}.py").is_file():
            found = defined(place / f"{part}.py")
            return index == len(rest) - 1 or ".".join(rest[index + 1 :]) in found
        else:
            return inner in defined(place / "__init__.py")
    return True


@cache
def everywhere() -> set[str]:
    files = [file for folder in PACKAGES.values() for file in folder.rglob("*.py")]
    return {name for file in files for name in defined(file)}


def is_missing(span: str) -> bool:
    """Whether it reads as a path or a name of ours, and there is none."""
    if span in NOT_HERE:
        return False
    if span.startswith("scripts/"):
        return not is_path(span.split()[0])
    if _DOTTED.fullmatch(span.removesuffix("()")):
        return not is_dotted(span.removesuffix("()"))
    if _PATH.fullmatch(span) or ("/" in span and " " not in span and "://" not in span):
        return not is_path(span)
    if (name := _NAME.match(span)) and name.group() in (span, span.removesuffix("()")):
        return name.group() not in everywhere()
    return False


@pytest.mark.parametrize("page", PAGES)
def test_what_a_page_names_is_there(page: str) -> None:
    missing = [span for span in spans(page) if is_missing(span)]
    assert not missing, f"{page} names what is not there: {', '.join(missing)}"


@pytest.mark.parametrize("page", [*PAGES, "README.md", "CHANGELOG.md"])
def test_links_between_pages_lead_somewhere(page: str) -> None:
    text = (ROOT / page).read_text(encoding="utf-8")
    links = [link for link in _LINK.findall(text) if "://" not in link]
    assert [link for link in links if not (ROOT / page).parent.joinpath(link).exists()] == []


@pytest.mark.parametrize(
    ("span", "missing"),
    [
        ("resonance_tui/errors.py", False),
        ("tui/widgets/", False),
        ("tui/wodgets/", True),
        ("errors.py", False),
        ("terrors.py", True),
        ("resonance_tui.errors.Problem", False),
        ("resonance_tui.errors.Problem.exit_code", False),
        ("resonance_tui.errors.Mistake", True),
        ("resonance_broker.start_broker()", False),
        ("resonance_zoo.registry.nothing", True),
        ("Session.run", False),
        ("Session.walk", True),
        ("start_broker()", False),
        ("stop_everything()", True),
        ("scripts/fast", False),
        ("scripts/faster tests/unit", True),
        ("pip install X", False),
    ],
)
def test_a_name_that_is_not_there_is_noticed(span: str, missing: bool) -> None:
    assert is_missing(span) is missing


def test_the_layers_of_the_architecture_are_those_of_the_import_rules() -> None:
    tools = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]
    contract = next(each for each in tools["importlinter"]["contracts"] if each["type"] == "layers")
    layers = [re.sub(r"resonance_tui\.", "", layer) for layer in contract["layers"]]
    page = (ROOT / "docs/ARCHITECTURE.md").read_text(encoding="utf-8")
    drawn = re.search(r"<!-- layers -->\n```text\n(.*?)```", page, re.DOTALL)
    expected = "".join(f"{layer}\n" for layer in layers)
    assert drawn and drawn.group(1) == expected, f"the block has to be:\n{expected}"
