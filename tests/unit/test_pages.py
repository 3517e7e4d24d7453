"""Pages of libraries that only loading needed leave this process; what runs on comes back."""

from __future__ import annotations

import ctypes
import sys
from pathlib import Path

import numpy as np
import pytest
from children import run_child

from resonance_tui import pages
from resonance_tui.pages import drop_idle_pages

LIVES_ON = """
import cv2, numpy as np
from resonance_tui.pages import drop_idle_pages
def of_files():
    status = open("/proc/self/status").read()
    return int(status.split("RssFile:")[1].split()[0])
picture = np.arange(64 * 64, dtype=np.uint8).reshape(64, 64)
def work(): return cv2.resize(picture, (31, 31)).astype(float) @ np.eye(31)
before, found = of_files(), work()
drop_idle_pages()
print(before - of_files())
assert (work() == found).all()
"""

LIBRARIES = Path(np.__file__).resolve().parents[1]
CODE = f"""\
1000-3000 r-xp 00000000 08:01 42        {LIBRARIES}/one.libs/libone.so.1
Size:                  8 kB
Anonymous:             0 kB
"""
OTHERS = f"""\
3000-4000 r--p 00002000 08:01 42        {LIBRARIES}/one.libs/libone.so.1
Anonymous:             4 kB
4000-5000 rw-p 00003000 08:01 42        {LIBRARIES}/one.libs/libone.so.1
Anonymous:             0 kB
5000-6000 rw-p 00000000 00:00 0         [heap]
Anonymous:             0 kB
6000-7000 r-xp 00000000 08:01 43        /lib/libc.so.6
Anonymous:             0 kB
7000-8000 r--p 00000000 08:01 44        {LIBRARIES}/one.txt
Anonymous:             0 kB
"""


class Advice:
    """What the C library is asked for."""

    def __init__(self) -> None:
        self.given: list[tuple[int | None, int]] = []

    def madvise(self, start: ctypes.c_void_p, length: ctypes.c_size_t, how: int) -> int:
        assert how == 4
        self.given.append((start.value, length.value))
        return 0


@pytest.fixture
def advice(monkeypatch: pytest.MonkeyPatch) -> Advice:
    asked = Advice()
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr(ctypes, "CDLL", lambda name: asked)
    return asked


def maps(monkeypatch: pytest.MonkeyPatch, *looks: str) -> None:
    """What the system says the memory looks like, look by look."""
    texts = iter(looks)

    class Maps:
        def read_text(self, **_: object) -> str:
            return next(texts)

    monkeypatch.setattr(pages, "_MAPS", Maps())


@pytest.mark.skipif(sys.platform != "linux", reason="counts by Linux' /proc")
def test_a_program_has_fewer_pages_afterwards_and_goes_on() -> None:
    done = run_child([sys.executable, "-c", LIVES_ON], check=True, capture_output=True)
    assert int(done.stdout) > 4000  # KiB


def test_only_what_nothing_has_written_to_is_dropped(
    advice: Advice, monkeypatch: pytest.MonkeyPatch
) -> None:
    maps(monkeypatch, CODE + OTHERS, CODE + OTHERS)
    drop_idle_pages()
    assert advice.given == [(0x1000, 0x2000)]


def test_a_library_that_is_being_loaded_is_left_alone(
    advice: Advice, monkeypatch: pytest.MonkeyPatch
) -> None:
    maps(monkeypatch, CODE.replace("3000", "9000"), CODE)
    drop_idle_pages()
    assert advice.given == []


def test_where_the_system_says_nothing_nothing_is_dropped(
    advice: Advice, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(pages, "_MAPS", tmp_path / "smaps")
    drop_idle_pages()
    assert advice.given == []


@pytest.mark.parametrize("system", ["darwin", "win32"])
def test_other_systems_keep_their_pages(
    system: str, advice: Advice, monkeypatch: pytest.MonkeyPatch
) -> None:
    maps(monkeypatch, CODE, CODE)
    monkeypatch.setattr(sys, "platform", system)
    drop_idle_pages()
    assert advice.given == []
