"""Files that appear whole or not at all, and locks."""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from children import run_child

from resonance_tui.errors import BrokerRefused, Problem, ResonanceError, first_problem
from resonance_tui.files import (
    atomic_write,
    lock_file,
    private_folder,
    read_private,
    write_private,
)


def test_a_file_is_replaced_whole(tmp_path: Path) -> None:
    path = tmp_path / "file"
    assert atomic_write(path, [b"old"]) == 3
    assert atomic_write(path, [b"ne", b"wer"]) == 5
    assert path.read_bytes() == b"newer" and list(tmp_path.iterdir()) == [path]


def test_what_fails_half_way_leaves_the_old_file_and_no_draft(tmp_path: Path) -> None:
    def parts() -> Iterator[bytes]:
        yield b"half"
        raise OSError("no more")

    path = tmp_path / "file"
    path.write_bytes(b"old")
    with pytest.raises(OSError, match="no more"):
        atomic_write(path, parts())
    assert path.read_bytes() == b"old" and list(tmp_path.iterdir()) == [path]


@pytest.mark.skipif(os.name == "nt", reason="POSIX permissions")
@pytest.mark.parametrize("is_link", [False, True])
def test_a_file_of_secrets_that_others_could_read_becomes_its_owners(
    tmp_path: Path, is_link: bool
) -> None:
    path = real = tmp_path / "file"
    path.write_bytes(b"secret")
    path.chmod(0o644)
    if is_link:
        path = tmp_path / "link"
        path.symlink_to(real)
    assert read_private(path) == b"secret"
    assert stat.S_IMODE(real.stat().st_mode) == 0o600


def test_a_replaced_file_keeps_its_mode_and_a_private_one_is_its_owners(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"old")
    path.chmod(0o640)
    atomic_write(path, [b"new"])
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    private_folder(tmp_path / "safe" / "inner")
    write_private(tmp_path / "safe" / "inner" / "key", b"x")
    assert stat.S_IMODE((tmp_path / "safe" / "inner").stat().st_mode) == 0o700
    assert stat.S_IMODE((tmp_path / "safe" / "inner" / "key").stat().st_mode) == 0o600


def test_a_new_file_gets_the_mode_of_the_umask(tmp_path: Path) -> None:
    before = os.umask(0o027)
    try:
        atomic_write(tmp_path / "file", [b"x"])
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "file").stat().st_mode) == 0o640


def test_a_lock_is_one_programs_until_the_file_is_closed(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    other = (
        "import sys\nfrom resonance_tui.files import lock_file\n"
        "lock_file(open(sys.argv[1], 'w'), wait=False)"
    )
    command = [sys.executable, "-c", other, str(path)]
    with path.open("w") as file:
        lock_file(file, wait=True)
        assert run_child(command, capture_output=True).returncode != 0
    assert run_child(command, capture_output=True).returncode == 0


def test_the_first_problem_leaves_its_group() -> None:
    inner = ExceptionGroup("inner", [ValueError("x"), BrokerRefused("it fell", "start it")])
    with pytest.raises(BrokerRefused, match="it fell"), first_problem():
        raise ExceptionGroup("outer", [inner])
    with pytest.raises(ExceptionGroup), first_problem():
        raise ExceptionGroup("outer", [ValueError("x")])


def test_all_three_trees_of_errors_have_one_base() -> None:
    from resonance_broker import BrokerProblem, ProblemKind
    from resonance_zoo.checkpoints.errors import NothingPublished, PullError, WeightsError

    told: list[tuple[Problem, int]] = [
        (ResonanceError("what", "how"), 1),
        (BrokerProblem(ProblemKind.USAGE, "what", "how"), 2),
        (BrokerProblem(ProblemKind.FAILED, "what", "how"), 1),
        (WeightsError("what", "how"), 2),
        (PullError("what", "how"), 1),
        (NothingPublished("what", "how"), 2),
    ]
    for problem, code in told:
        assert (problem.message, problem.hint, problem.exit_code) == ("what", "how", code)
        assert isinstance(problem, Problem) and str(problem) == "what"
