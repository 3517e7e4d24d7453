"""The README as a package index shows it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("hatchling")
from hatch_build import VARIABLE, ReadmeAndLinks, absolute, reference, without_links

ROOT = Path(__file__).resolve().parents[2]
HOME = "https://forge.example/we/resonance-tui"
TEXT = "# R\n\n![a chart](docs/a.svg)\n\nSee [this](docs/a.md), [that](#r), [them](https://b.example).\n"


def filled(homepage: str, version: str = "1.2.0") -> dict[str, Any]:
    metadata: dict[str, Any] = {"version": version}
    ReadmeAndLinks(str(ROOT), {"homepage": homepage}).update(metadata)
    return metadata


@pytest.mark.parametrize(
    ("version", "ref"),
    [
        ("1.2.0", "v1.2.0"),
        ("1.2.0rc1", "v1.2.0rc1"),
        ("1.2.1.dev3+g1a2b3c4", "HEAD"),
        ("1.2.0+d20260101", "HEAD"),
    ],
)
def test_a_release_is_shown_at_its_tag_and_nothing_else_is(version: str, ref: str) -> None:
    assert reference(version) == ref


def test_pictures_and_links_become_absolute() -> None:
    found = absolute(TEXT, HOME, "v1")
    assert f"![a chart]({HOME}/raw/v1/docs/a.svg)\n\nSee" in found
    assert f"[this]({HOME}/blob/v1/docs/a.md)" in found
    assert "[that](#r), [them](https://b.example)" in found


def test_without_an_address_no_link_is_broken() -> None:
    assert without_links(TEXT) == "# R\n\nSee this, [that](#r), [them](https://b.example).\n"


def test_the_readme_keeps_no_relative_link(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)
    nowhere, somewhere = filled(""), filled(HOME + "/")
    assert "](docs/" not in nowhere["readme"]["text"] + somewhere["readme"]["text"]
    assert f"({HOME}/raw/v1.2.0/docs/live-120x40.svg)" in somewhere["readme"]["text"]
    assert nowhere["urls"] == {} and somewhere["urls"]["Homepage"] == HOME


def test_the_variable_goes_before_the_file(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, HOME)
    assert filled("https://other.example")["urls"]["Issues"] == f"{HOME}/issues"


def test_a_build_says_where_it_can_be_installed_from() -> None:
    assert filled(HOME)["urls"]["Install"] == f"{HOME}/archive/v1.2.0.tar.gz"
    assert filled(HOME, "1.2.1.dev3+g1a2b3c4")["urls"]["Install"] == f"{HOME}/archive/HEAD.tar.gz"
