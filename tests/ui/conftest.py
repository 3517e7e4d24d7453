"""Screens at rest: no animation, so that a picture depends on what is shown and on nothing else."""

from __future__ import annotations

import pytest
from textual.app import App


@pytest.fixture(autouse=True)
def _no_animation(monkeypatch: pytest.MonkeyPatch) -> None:
    started = App.__init__

    def still(self, *args, **kwargs) -> None:
        started(self, *args, **kwargs)
        self.animation_level = "none"

    monkeypatch.setattr(App, "__init__", still)
