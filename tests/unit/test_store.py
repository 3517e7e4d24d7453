"""The history database on a real file: what is confirmed stays, what is broken is said."""

from __future__ import annotations

import os
import resource
import signal
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from children import start_child
from limits import patience

from resonance_tui.errors import StoreError
from resonance_tui.history import runs, schema
from resonance_tui.history.samples import Sample, SessionSpan
from resonance_tui.history.store import Store

ROOT = Path(__file__).resolve().parents[2]
T0 = 1_795_345_080


def row(t: int, channel: str = "lobby", source: str = "local", happy: int = 3) -> Sample:
    return Sample(channel, t, happy + 5, (happy, 0, 2, 0, 0, 1, 0), 1, 1, source)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "data" / "history.sqlite"  # the folder does not exist yet


def python(code: str, *args: object) -> subprocess.Popen[str]:
    return start_child(
        [sys.executable, "-c", code, *map(str, args)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )


def output(process: subprocess.Popen[str]) -> str:
    out, err = process.communicate(timeout=patience(40))
    assert process.returncode == 0, err
    return out.strip()


# What goes in comes out


def test_rows_come_back_as_they_went_in(path: Path) -> None:
    rows = [row(T0 + second, happy=second) for second in range(5)]
    with Store(path) as store:
        assert store.append(rows) == 5
        assert store.read("lobby") == rows
        assert store.read("lobby", T0 + 1, T0 + 3) == rows[1:4]
        assert store.read("elsewhere") == []
    with Store(path, read_only=True) as store:
        assert store.read("lobby") == rows


def test_figures_are_those_of_the_rows(path: Path) -> None:
    rows = [row(T0 + second, source=source, happy=second) for second in range(4) for source in "ab"]
    with Store(path) as store:
        store.append(rows)
        table = store.table("lobby", T0 + 1, T0 + 2)
        assert table.tolist() == [
            [r.t, r.viewers, *r.counts, r.unsure, r.away] for r in rows if 1 <= r.t - T0 <= 2
        ]
        assert store.table("lobby", source="b").shape == (4, 11)
        assert store.table("elsewhere").shape == (0, 11)


def test_text_where_figures_belong_is_said(path: Path) -> None:
    with Store(path) as store:
        store.append([row(T0)])
        with store.transaction() as db:
            db.execute("UPDATE snapshot SET viewers = 'many'")
        with pytest.raises(StoreError, match="no figures"):
            store.table("lobby")


def test_writing_twice_changes_nothing(path: Path) -> None:
    with Store(path) as store:
        store.append([row(T0)])
        assert store.append([row(T0, happy=9), row(T0 + 1)]) == 1
        assert [r.counts[0] for r in store.read("lobby")] == [3, 3]


def test_sources_stand_beside_each_other(path: Path) -> None:
    with Store(path) as store:
        assert store.append([row(T0, source="a"), row(T0, source="b")]) == 2
        assert [r.source for r in store.read("lobby")] == ["a", "b"]
        assert [r.source for r in store.read("lobby", source="b")] == ["b"]


def test_channels_are_listed_once(path: Path) -> None:
    with Store(path) as store:
        assert store.channels() == []
        store.append([row(T0, "zoo"), row(T0, "lobby"), row(T0 + 1, "zoo")])
        assert store.channels() == ["lobby", "zoo"]


def test_a_long_pause_parts_sessions(path: Path) -> None:
    seconds = [T0, T0 + 1, T0 + 901, T0 + 1802, T0 + 1803]  # 900 s is a pause, 901 s an end
    with Store(path) as store:
        store.append([row(t, happy=t - T0) for t in seconds])
        store.append([row(T0 + 1, source="other", happy=50)])  # not a second more
        assert store.sessions("lobby") == [
            SessionSpan(T0, T0 + 901, 3, 906),
            SessionSpan(T0 + 1802, T0 + 1803, 2, 1808),
        ]
        assert store.sessions("lobby", gap_s=3600)[0].rows == 5
        assert store.sessions("lobby", source="other") == [SessionSpan(T0 + 1, T0 + 1, 1, 55)]
        assert store.sessions("elsewhere") == []


def test_one_bad_row_stores_none(path: Path) -> None:
    short = Sample("lobby", T0 + 1, 1, (1,), 0, 0)
    with Store(path) as store:
        with pytest.raises(StoreError):
            store.append([row(T0), short])
        assert store.read("lobby") == []
        assert store.append([row(T0)]) == 1


def test_a_closed_store_says_so(path: Path) -> None:
    store = Store(path)
    store.close()
    store.close()
    with pytest.raises(StoreError, match="closed"):
        store.channels()


def test_a_path_with_url_characters(tmp_path: Path) -> None:
    odd = tmp_path / "a?b#c%20d é" / "h.sqlite"
    with Store(odd) as store:
        store.append([row(T0)])
    assert odd.exists()
    with Store(odd, read_only=True) as store:
        assert store.channels() == ["lobby"]


# Several programs, and programs that die

WRITER = """
import sys
from pathlib import Path
from resonance_tui.history.samples import Sample
from resonance_tui.history.store import Store
with Store(Path(sys.argv[1])) as store:
    for second in range(200):
        store.append([Sample("lobby", second, 1, (1, 0, 0, 0, 0, 0, 0), 0, 0, sys.argv[2])])
"""


def test_two_programs_write_at_once(path: Path) -> None:
    writers = [python(WRITER, path, source) for source in ("left", "right")]
    for writer in writers:
        output(writer)
    with Store(path, read_only=True) as store:
        for source in ("left", "right"):
            assert [r.t for r in store.read("lobby", source=source)] == list(range(200))


DYING = """
import sys
from pathlib import Path
from resonance_tui.history.samples import Sample
from resonance_tui.history.store import Store
store = Store(Path(sys.argv[1]))
for second in range(1_000_000):
    store.append([Sample("lobby", second, 1, (1, 0, 0, 0, 0, 0, 0), 0, 0)])
    print(second, flush=True)
"""


def test_what_was_confirmed_survives_kill_9(path: Path) -> None:
    writer = python(DYING, path)
    assert writer.stdout is not None
    seen = [writer.stdout.readline() for _ in range(50)]
    writer.send_signal(signal.SIGKILL)
    rest, _ = writer.communicate(timeout=patience(20))
    confirmed = int([*seen, *rest.splitlines(keepends=True)][-1])
    with Store(path, read_only=True) as store:
        kept = [r.t for r in store.read("lobby")]
    assert kept[: confirmed + 1] == list(range(confirmed + 1))
    with Store(path) as store:  # and it can be written again
        assert store.append([row(T0)]) == 1


RECORDING = """
import asyncio, sys, time
from pathlib import Path
from resonance_tui.history.recorder import Recorder
from resonance_tui.history.store import Store
from resonance_tui.room.state import RoomSnapshot

ROOM = RoomSnapshot(3, (2, 0, 1, 0, 0, 0, 0), 0, 0, (), frozenset(), frozenset())

async def main(store):
    recorder = Recorder(store, "lobby", title="Karaoke", interval_s=0.002)
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(recorder.run())
        for second in range(1_000_000):
            recorder.add(ROOM, second)
            await asyncio.sleep(0.002)
            print(recorder.written, flush=True)

asyncio.run(main(Store(Path(sys.argv[1]))))
"""


def test_a_recorder_that_is_killed_and_read_while_it_runs(path: Path) -> None:
    recorder = python(RECORDING, path)
    assert recorder.stdout is not None
    seen = [int(recorder.stdout.readline()) for _ in range(40)]
    with Store(path, read_only=True) as store:  # while it writes
        first = len(store.read("lobby"))
        assert first >= seen[-1] > 0
        assert not runs.runs(store, "lobby")[0].was_ended
        more = [int(recorder.stdout.readline()) for _ in range(40)]
        assert len(store.read("lobby")) >= more[-1] > first
    recorder.send_signal(signal.SIGKILL)
    rest, _ = recorder.communicate(timeout=patience(20))
    confirmed = int(rest.splitlines()[-1]) if rest.strip() else more[-1]
    with Store(path) as store:
        kept = [r.t for r in store.read("lobby")]
        assert kept == list(range(len(kept)))
        assert len(kept) >= confirmed
        (run,) = runs.runs(store, "lobby")
        assert run == runs.RecorderRun(0, kept[-1], False, "Karaoke", "local")
        (span,) = store.sessions("lobby")
        assert (span.rows, span.title) == (len(kept), "Karaoke")


def test_a_writer_waits_in_vain_for_a_lock(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("resonance_tui.history.database.BUSY_S", 0.05)
    with Store(path) as store:
        other = sqlite3.connect(path, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreError, match="held by another program"):
            store.append([row(T0)])
        other.execute("ROLLBACK")
        other.close()
        assert store.append([row(T0)]) == 1


def test_opening_waits_for_another_program_that_creates_the_file(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SQLite itself gives up at once when the journal's kind is to change under a lock."""
    path.parent.mkdir()
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    waits: list[float] = []

    def release(seconds: float) -> None:
        waits.append(seconds)
        other.execute("COMMIT")

    monkeypatch.setattr("resonance_tui.history.database.time.sleep", release)
    with Store(path) as store:
        assert store.append([row(T0)]) == 1
    other.close()
    assert len(waits) == 1


# Files that are not what they should be


@pytest.mark.parametrize("read_only", [True, False])
def test_random_bytes_are_no_history(path: Path, read_only: bool) -> None:
    path.parent.mkdir()
    path.write_bytes(bytes(range(256)) * 64)
    before = path.read_bytes()
    with pytest.raises(StoreError, match="no history database") as caught:
        Store(path, read_only=read_only)
    assert "Move it away" in caught.value.hint
    assert path.read_bytes() == before


def test_a_truncated_file_is_damaged(path: Path) -> None:
    with Store(path) as store:
        store.append([row(T0 + second) for second in range(20_000)])
    size = path.stat().st_size
    os.truncate(path, size // 3)
    with pytest.raises(StoreError, match="damaged"), Store(path, read_only=True) as store:
        store.read("lobby")


def test_pages_of_garbage_are_damaged(path: Path) -> None:
    with Store(path) as store:
        store.append([row(T0 + second) for second in range(20_000)])
    content = bytearray(path.read_bytes())
    content[8192:-4096] = b"\xa5" * (len(content) - 12288)
    path.write_bytes(content)
    with pytest.raises(StoreError, match="damaged"), Store(path, read_only=True) as store:
        store.read("lobby")


@pytest.mark.parametrize("read_only", [True, False])
def test_the_database_of_another_program_is_left_alone(path: Path, read_only: bool) -> None:
    path.parent.mkdir()
    with sqlite3.connect(path) as other:
        other.execute("CREATE TABLE bookmarks (url TEXT)")
    other.close()
    before = path.read_bytes()
    with pytest.raises(StoreError, match="another program"):
        Store(path, read_only=read_only)
    assert path.read_bytes() == before


@pytest.mark.parametrize("read_only", [True, False])
def test_a_newer_layout_is_not_touched(path: Path, read_only: bool) -> None:
    Store(path).close()
    with sqlite3.connect(path) as db:
        db.execute(f"PRAGMA user_version = {schema.VERSION + 1}")
    db.close()
    with pytest.raises(StoreError, match="newer resonance-tui") as caught:
        Store(path, read_only=read_only)
    assert "Upgrade" in caught.value.hint


def test_a_later_layout_is_reached_from_this_one(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Store(path) as store:
        store.append([row(T0)])
    later = (*schema.MIGRATIONS, "CREATE TABLE outbox (t INTEGER)")
    monkeypatch.setattr(schema, "MIGRATIONS", later)
    monkeypatch.setattr(schema, "VERSION", len(later))
    with Store(path) as store:
        assert store.read("lobby") == [row(T0)]
    with sqlite3.connect(path) as db:
        assert db.execute("SELECT count(*) FROM outbox").fetchone() == (0,)
        assert db.execute("PRAGMA user_version").fetchone() == (len(later),)
    db.close()


def test_reading_what_is_not_there_yet(path: Path) -> None:
    with pytest.raises(StoreError, match="Nothing was recorded yet") as caught:
        Store(path, read_only=True)
    assert "--record" in caught.value.hint
    assert not path.exists()
    path.parent.mkdir()
    path.touch()
    with pytest.raises(StoreError, match="Nothing was recorded yet"):
        Store(path, read_only=True)


def test_a_folder_is_no_database(tmp_path: Path) -> None:
    for read_only in (True, False):
        with pytest.raises(StoreError, match="is a folder"):
            Store(tmp_path, read_only=read_only)


def test_a_file_where_the_folder_should_be(tmp_path: Path) -> None:
    (tmp_path / "data").touch()
    with pytest.raises(StoreError, match="cannot be opened"):
        Store(tmp_path / "data" / "history.sqlite")


# Network folders share no memory between programs: a folder in the place of the -shm stands for one


def without_shared_memory(path: Path) -> Path:
    path.with_name(path.name + "-shm").mkdir(parents=True)
    return path


def test_a_disk_that_shares_no_memory_holds_a_history(path: Path) -> None:
    with Store(without_shared_memory(path)) as store:
        store.append([row(T0)])
        with Store(path) as second, Store(path, read_only=True) as reader:
            second.append([row(T0 + 1)])
            store.append([row(T0 + 2)])
            assert len(reader.read("lobby")) == 3
    assert not path.with_name(path.name + "-wal").exists()


def test_a_history_that_moved_to_such_a_disk_keeps_what_its_log_held(
    path: Path, tmp_path: Path
) -> None:
    with Store(path) as store:
        store.append([row(T0), row(T0 + 1)])
        moved = tmp_path / "network" / path.name
        moved.parent.mkdir()
        for suffix in ("", "-wal"):
            moved.with_name(path.name + suffix).write_bytes(
                path.with_name(path.name + suffix).read_bytes()
            )
    assert moved.with_name(path.name + "-wal").stat().st_size > 0
    with Store(without_shared_memory(moved)) as store:
        assert store.append([row(T0 + 2)]) == 1
    with Store(moved, read_only=True) as store:
        assert [each.t for each in store.read("lobby")] == [T0, T0 + 1, T0 + 2]


# No right to write, and no room: root may write everywhere, so somebody else tries

GUEST = """
import os, sys
from pathlib import Path
from resonance_tui.errors import StoreError
from resonance_tui.history.store import Store
if os.getuid() == 0:
    os.setgid(65534)
    os.setuid(65534)
try:
    with Store(Path(sys.argv[1]), read_only=sys.argv[2] == "read") as store:
        print(len(store.read("lobby")))
except StoreError as error:
    print(error.message)
"""


@pytest.fixture
def shelf() -> Iterator[Path]:
    """A folder that everybody may look into, unlike pytest's own."""
    with tempfile.TemporaryDirectory() as name:
        os.chmod(name, 0o755)
        yield Path(name)
        os.chmod(name, 0o755)


def as_a_guest(path: Path, how: str) -> str:
    """What a program says that may not write here."""
    return output(python(GUEST, path, how))


def locked_up(shelf: Path) -> Path:
    path = shelf / "history.sqlite"
    with Store(path) as store:
        store.append([row(T0 + second) for second in range(3)])
    os.chmod(path, 0o444)
    os.chmod(shelf, 0o555)
    return path


def test_reading_needs_no_right_to_write(shelf: Path) -> None:
    assert as_a_guest(locked_up(shelf), "read") == "3"


def test_writing_a_read_only_file_is_refused_at_once(shelf: Path) -> None:
    assert "may not be written" in as_a_guest(locked_up(shelf), "write")


def test_rows_that_only_the_log_holds_are_not_passed_over(shelf: Path) -> None:
    """A copy of a running database without its -shm, where none can be made."""
    source = shelf / "source.sqlite"
    store = Store(source)
    store.append([row(T0)])
    path = shelf / "history.sqlite"
    path.write_bytes(source.read_bytes())
    path.with_name("history.sqlite-wal").write_bytes(
        source.with_name("source.sqlite-wal").read_bytes()
    )
    store.close()
    os.chmod(path, 0o444)
    os.chmod(shelf, 0o555)
    assert "cannot be opened" in as_a_guest(path, "read")


def test_a_full_disk_is_said_and_nothing_is_half_written(path: Path) -> None:
    with Store(path) as store:
        store.append([row(T0)])
        _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (16_384, hard))
        try:
            with pytest.raises(StoreError, match="disk"):
                store.append([row(T0 + second) for second in range(1, 5000)])
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
        assert len(store.read("lobby")) == 1
        assert store.append([row(T0 + second) for second in range(1, 5000)]) == 4999
