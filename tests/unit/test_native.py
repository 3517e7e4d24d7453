"""What native libraries are told about memory: one heap, and back with what is free. glibc only."""

from __future__ import annotations

import ctypes
import os
import platform
import sys
from pathlib import Path

import pytest
from children import run_child

from resonance_tui.native import give_back_memory, share_one_heap

pytestmark = pytest.mark.skipif(
    platform.libc_ver()[0] != "glibc", reason="the C library is not glibc"
)

HEAPS = """
import ctypes, sys, threading
from resonance_tui.native import share_one_heap
if sys.argv[1] == "one":
    share_one_heap()
libc = ctypes.CDLL(None)
libc.malloc.restype = libc.fopen.restype = ctypes.c_void_p
threads = [threading.Thread(target=libc.malloc, args=(1000,)) for _ in range(3)]
for thread in threads: thread.start()
for thread in threads: thread.join()
file = ctypes.c_void_p(libc.fopen(sys.argv[2].encode(), b"w"))
libc.malloc_info(0, file)
libc.fclose(file)
"""

FREED = """
import ctypes
from resonance_tui.native import give_back_memory
libc = ctypes.CDLL(None)
libc.malloc.restype = ctypes.c_void_p
def resident(): return int(open("/proc/self/statm").read().split()[1]) * 4096
blocks = [ctypes.c_void_p(libc.malloc(60_000)) for _ in range(500)]
for block in blocks: ctypes.memset(block, 1, 60_000)
for block in blocks[:-1]: libc.free(block)  # the last one keeps the end of the heap
before = resident()
give_back_memory()
print(before - resident())
"""


def heaps(how: str, folder: Path, **variables: str) -> int:
    """Heaps of a program with four threads."""
    told = folder / f"{how}.xml"
    environment = {k: v for k, v in os.environ.items() if k != "MALLOC_ARENA_MAX"} | variables
    run_child([sys.executable, "-c", HEAPS, how, str(told)], check=True, env=environment)
    return told.read_text(encoding="utf-8").count("<heap nr=")


def test_all_threads_share_one_heap(tmp_path: Path) -> None:
    assert heaps("as they are", tmp_path) > 1
    assert heaps("one", tmp_path) == 1


def test_who_sets_the_number_of_heaps_is_obeyed(tmp_path: Path) -> None:
    assert heaps("one", tmp_path, MALLOC_ARENA_MAX="3") > 1


def test_freed_memory_goes_back_to_the_system() -> None:
    done = run_child([sys.executable, "-c", FREED], check=True, capture_output=True)
    assert int(done.stdout) > 0.8 * 500 * 60_000


@pytest.mark.parametrize("system", ["darwin", "win32"])
def test_other_systems_are_asked_for_nothing(system: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", system)
    monkeypatch.delattr(ctypes, "CDLL")
    share_one_heap()
    give_back_memory()


def test_another_c_library_is_none_of_our_business(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[None] = []

    def library(name: None) -> object:
        asked.append(name)
        return object()

    monkeypatch.delenv("MALLOC_ARENA_MAX", raising=False)
    monkeypatch.setattr(ctypes, "CDLL", library)
    share_one_heap()
    give_back_memory()
    assert asked == [None, None]
