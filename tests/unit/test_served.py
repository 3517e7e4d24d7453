"""Which session is served, at which address, by which token."""

from __future__ import annotations

import dataclasses
import socket
from collections.abc import Callable, Generator
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

import pytest

from resonance_tui.commands.served import ServedRoom, served_room
from resonance_tui.config import Config, load, with_setting
from resonance_tui.engines.base import EngineStatus
from resonance_tui.errors import CannotServe, StoreError
from resonance_tui.messaging.link_status import LinkState, LinkStatus
from resonance_tui.pipeline.sources import CameraState, CameraStatus
from resonance_tui.secret import Secret
from resonance_tui.serving.gate import ANY_BYTE, Gate
from resonance_tui.session.events import LinkUpdate, NoticeUpdate, SessionEvent, SessionView


class Told:
    """A session that tells what a test says."""

    def __init__(self, channel: str) -> None:
        camera, engine = CameraStatus(CameraState.OFF, "none"), EngineStatus("static")
        link = LinkStatus(LinkState.CONNECTING)
        self.view = SessionView(channel, "", "id", "mqtt://x", link, camera, engine)
        self.tell: Callable[[SessionEvent], None] = lambda _: None

    def add_listener(self, listener: Callable[[SessionEvent], None]) -> None:
        self.tell = listener


@pytest.fixture
def port(unused_port: int) -> int:
    return unused_port


@pytest.fixture
def room(port: int) -> Generator[ServedRoom]:
    with served_room(load(), port) as room:
        assert room is not None
        yield room


def test_the_room_that_is_left_tells_nothing_any_more(room: ServedRoom) -> None:
    before, after = Told("cats"), Told("dogs")
    room.attach(before)
    before.tell(NoticeUpdate(1.0, "of cats"))
    room.attach(after)
    before.tell(LinkUpdate(2.0, LinkStatus(LinkState.CLOSED)))
    after.tell(NoticeUpdate(3.0, "of dogs"))
    assert room.feed.channel == "dogs"
    assert [message.named["text"] for message in room.feed.missed(f"{room.boot}-0")] == ["of dogs"]


def test_this_machine_alone_needs_no_token(room: ServedRoom, port: int) -> None:
    assert dict(room.lines())["overlay"] == f"http://127.0.0.1:{port}/overlay"
    assert room.remark == ""


def test_a_token_of_the_settings_holds_here_too(port: int) -> None:
    with served_room(load({"serve.token": "t0ken"}), port) as room:
        assert room is not None
        assert dict(room.lines())["events"].endswith("/events?token=t0ken")


def test_a_token_of_any_signs_stands_in_an_address_and_opens_it(port: int) -> None:
    token = "ü &?#\n\udc80"
    with served_room(load({"serve.token": token}), port) as room:
        assert room is not None
        address = dict(room.lines())["events"]
    assert address.isascii() and " " not in address
    query = dict(parse_qsl(urlsplit(address).query, errors=ANY_BYTE))
    gate = Gate(token=Secret(token))
    assert gate.admits({}, query)
    assert gate.admits(
        {"authorization": f"Bearer {token.encode(errors=ANY_BYTE).decode('latin-1')}"}, {}
    )
    assert not gate.admits({"authorization": "Bearer ü"}, {"token": token})


def test_an_address_of_every_network_is_told_by_one_that_leads_here(port: int) -> None:
    with served_room(load({"serve.host": "0.0.0.0"}), port) as room:
        assert room is not None
        address = dict(room.lines())["settings"]
        assert "0.0.0.0" not in address
        assert "?token=" in address
        assert "encrypted" in room.remark


def wide(config: Config) -> Config:
    return with_setting(config, "serve", host="0.0.0.0")


def test_a_token_that_cannot_be_kept_lets_go_of_the_port(port: int, tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("")
    config = load()
    where = dataclasses.replace(config.directories, data=blocked / "data")
    with pytest.raises(StoreError) as caught:
        ServedRoom(wide(dataclasses.replace(config, directories=where)), port)
    assert "RESONANCE_SERVE_TOKEN" in caught.value.hint
    socket.create_server(("127.0.0.1", port)).close()


def test_a_style_sheet_that_is_not_there_is_said(port: int) -> None:
    with pytest.raises(CannotServe) as caught:
        ServedRoom(load({"serve.css": "none.css"}), port)
    assert "none.css" in caught.value.message


def test_without_a_port_nothing_is_served() -> None:
    with served_room(load(), None) as room:
        assert room is None
