"""Build hook: the README as a package index shows it, and the project's links.

In the repository README.md links to its neighbours ("docs/live-120x40.svg"); on a package index
these links lead nowhere. With the repository's address they become absolute, at the tag of the
release. Without one the pictures are left out and the links are plain text.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any, cast

from hatchling.metadata.plugin.interface import MetadataHookInterface

VARIABLE = "RESONANCE_HOMEPAGE"
_PICTURE = re.compile(r"!\[([^\]]*)\]\((?!\w+:)([^)#][^)]*)\)\n*")
_LINK = re.compile(r"(?<!!)\[([^\]]*)\]\((?!\w+:)([^)#][^)]*)\)")


class ReadmeAndLinks(MetadataHookInterface):
    """Fills `readme` and `urls`, from `homepage` in pyproject.toml or RESONANCE_HOMEPAGE."""

    def update(self, metadata: dict[str, Any]) -> None:
        config = cast(dict[str, Any], self.config)  # hatchling leaves its type out
        home = str(os.environ.get(VARIABLE) or config.get("homepage", "")).rstrip("/")
        ref = reference(metadata["version"])
        text = Path(self.root, "README.md").read_text(encoding="utf-8")
        text = absolute(text, home, ref) if home else without_links(text)
        metadata["readme"] = {"content-type": "text/markdown", "text": text}
        metadata["urls"] = links(home, ref) if home else {}


def reference(version: str) -> str:
    """The tag of a release; HEAD for what lies between two releases."""
    return f"v{version}" if re.fullmatch(r"\d+(\.\d+)*((a|b|rc)\d+)?", version) else "HEAD"


def absolute(text: str, home: str, ref: str) -> str:
    """README with links to the repository at `home` as GitHub, Gitea and Codeberg serve it."""
    text = _PICTURE.sub(lambda m: f"![{m[1]}]({home}/raw/{ref}/{m[2]})\n\n", text)
    return _LINK.sub(lambda m: f"[{m[1]}]({home}/blob/{ref}/{m[2]})", text)


def without_links(text: str) -> str:
    """README for a place from which its neighbours cannot be reached."""
    return _LINK.sub(r"\1", _PICTURE.sub("", text))


def links(home: str, ref: str) -> dict[str, str]:
    return {
        "Homepage": home,
        "Install": f"{home}/archive/{ref}.tar.gz",  # what a guest who has nothing yet can run
        "Documentation": f"{home}/blob/{ref}/README.md",
        "Changelog": f"{home}/blob/{ref}/CHANGELOG.md",
        "Issues": f"{home}/issues",
    }
