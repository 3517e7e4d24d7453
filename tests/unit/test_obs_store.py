"""What OBS wrote and what was found live, stored with the session."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from resonance_tui.emotions import Emotion
from resonance_tui.errors import InputError
from resonance_tui.history.live_marks import LiveMark, keep_marks, live_marks
from resonance_tui.history.retention import forget
from resonance_tui.history.samples import Sample
from resonance_tui.history.store import Store
from resonance_tui.history.video_clock import keep_video_start, video_start
from resonance_tui.history.video_parts import (
    STREAM,
    Place,
    VideoPart,
    keep_parts,
    place_of,
    video_parts,
)
from resonance_tui.obs import keeper as keepers
from resonance_tui.obs.keeper import Keeper
from resonance_tui.obs.login import password_of, url_of
from resonance_tui.obs.tape import Stretch
from resonance_tui.secret import Secret

T0 = 1_795_371_126
MARK = LiveMark(T0 + 20.5, Emotion.HAPPINESS, 7, 10)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "history.sqlite"


@pytest.fixture
def store(path: Path) -> Iterator[Store]:
    with Store(path) as store:
        store.append(Sample("cats", T0 + s, 2, (2,) + (0,) * 6, 0, 0) for s in range(100))
        yield store


@pytest.fixture
def said() -> list[str]:
    return []


@pytest.fixture
def keeper(path: Path, said: list[str], monkeypatch: pytest.MonkeyPatch) -> Keeper:
    monkeypatch.setattr(keepers, "epoch", lambda at: T0 + at)
    return Keeper(path, "cats", said.append)


def part(start: float, end: float, file: str, position: float = 0.0) -> VideoPart:
    return VideoPart("Record", T0 + start, T0 + end, file, position, True)


def test_parts_grow_and_get_their_name_and_nothing_else_changes(store: Store) -> None:
    keep_parts(store, "cats", [part(5, 10, "")])
    keep_parts(store, "cats", [part(5, 20, "/v/a.mkv")])
    keep_parts(store, "cats", [part(5, 15, "")])
    assert video_parts(store, "cats", T0, T0 + 99) == [part(5, 20, "/v/a.mkv")]


def test_a_moment_has_its_place_in_the_recording_and_in_the_stream(store: Store) -> None:
    stream = VideoPart(STREAM, T0 - 5, T0 + 99, "", 0.0, False)
    keep_parts(store, "cats", [part(5, 10, "/v/a.mkv"), part(15, 30, "/v/a.mkv", 5.0), stream])
    found = video_parts(store, "cats", T0, T0 + 99)
    assert place_of(found, T0 + 20) == Place("/v/a.mkv", 10.0, True)
    assert place_of(found, T0 + 12) is None
    assert place_of(found, T0 + 12, STREAM) == Place("", 17.0, False)


def test_marks_and_parts_are_forgotten_with_the_rows(store: Store) -> None:
    keep_parts(store, "cats", [part(5, 10, "/v/a.mkv"), part(60, 90, "/v/b.mkv")])
    keep_marks(store, "cats", [MARK, LiveMark(T0 + 70.0, Emotion.FEAR, 3, 4, "/v/r.mkv")])
    forget(store, ["cats"], T0 + 50)
    assert [each.t for each in live_marks(store, "cats", 0, 1 << 40)] == [T0 + 70.0]
    assert [each.file for each in video_parts(store, "cats", 0, 1 << 40)] == ["/v/b.mkv"]
    forget(store, ["cats"])
    assert not live_marks(store, "cats", 0, 1 << 40)
    assert not video_parts(store, "cats", 0, 1 << 40)


async def test_the_session_gets_its_video_from_the_recording(
    store: Store, keeper: Keeper, said: list[str]
) -> None:
    keeper.take("Stream", [Stretch(0, 3.0, 0.0, "", True)], 10.0)
    await keeper.flush()
    assert video_start(store, "cats", T0, T0 + 99) == T0 + 3.0
    keeper.take("Record", [Stretch(0, 12.0, 0.5, "/v/a.mkv", True)], 20.0)
    await keeper.flush()
    assert video_start(store, "cats", T0, T0 + 99) == T0 + 11.5
    assert len(said) == 2 and time.strftime("%H:%M", time.localtime(T0)) in said[0]


async def test_what_a_person_said_of_the_video_stands(store: Store, keeper: Keeper) -> None:
    (span,) = store.sessions("cats")
    keep_video_start(store, "cats", span, T0 - 26.0)
    keeper.take("Record", [Stretch(0, 12.0, 0.0, "/v/a.mkv", True)], 20.0)
    await keeper.flush()
    assert video_start(store, "cats", T0, T0 + 99) == T0 - 26.0


async def test_a_part_is_stored_up_to_now_and_then_to_its_end(store: Store, keeper: Keeper) -> None:
    keeper.take("Record", [Stretch(0, 5.0, 0.0, "", True)], 7.0)
    await keeper.flush()
    assert video_parts(store, "cats", T0, T0 + 99) == [part(5, 7, "")]
    keeper.take("Record", [Stretch(0, 5.0, 0.0, "/v/a.mkv", True, 9.0)], 30.0)
    await keeper.flush()
    assert video_parts(store, "cats", T0, T0 + 99) == [part(5, 9, "/v/a.mkv")]


async def test_a_disk_in_trouble_is_said_once_and_loses_no_mark(
    tmp_path: Path, said: list[str]
) -> None:
    path = tmp_path / "folder" / "history.sqlite"
    path.mkdir(parents=True)  # a folder in its place, until it is taken away
    keeper = Keeper(path, "cats", said.append)
    keeper.mark(MARK)
    for _ in range(2):
        await keeper.flush()
    assert len(said) == 1 and "Marks wait in memory." in said[0]
    path.rmdir()
    await keeper.flush()
    with Store(path, read_only=True) as store:
        assert live_marks(store, "cats", 0, 1 << 40) == [MARK]


@pytest.mark.parametrize(
    ("place", "url"),
    [
        ("", "ws://localhost:4455"),
        ("studio", "ws://studio:4455"),
        ("192.0.2.7:4460", "ws://192.0.2.7:4460"),
        ("ws://[::1]:9000/", "ws://[::1]:9000"),
    ],
)
def test_where_obs_is(place: str, url: str) -> None:
    assert url_of(place) == url


@pytest.mark.parametrize("place", ["http://x", "a:b", "x:0", "x:70000", "ws://me:pw@x", "a b"])
def test_an_address_that_is_none_is_refused_without_its_password(place: str) -> None:
    with pytest.raises(InputError) as caught:
        url_of(place)
    assert "pw" not in caught.value.message


def test_the_settings_come_before_the_keyring(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("resonance_tui.obs.login._from_keyring", lambda: Secret("of the keyring"))
    assert password_of(Secret("of the settings")) == "of the settings"
    assert password_of(Secret()) == "of the keyring"
