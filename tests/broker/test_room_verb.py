"""`room`: a host's commands, against a real open broker."""

from __future__ import annotations

import contextlib
import io
import itertools
import json
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from limits import patience
from machine import free_port
from starts import Start

from resonance_tui.cli import cli, run_verb
from resonance_tui.emotions import Emotion
from resonance_tui.hosting import desk
from resonance_tui.protocol.frames import encode_nickname, encode_report
from resonance_tui.protocol.links import invite_link
from resonance_tui.protocol.messages import NICKNAME, REPORT
from resonance_tui.protocol.packets import connect_packet, publish
from resonance_tui.protocol.urls import parse_broker_url
from resonance_tui.protocol.values import Report
from resonance_tui.room.moderation import ACTS
from resonance_tui.room_keys import RoomKeys

ROOM = "cats-live"


class Machine:
    """Somebody's computer: commands with a data folder of its own."""

    def __init__(
        self, folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        self.folder, self._patch, self._capsys = folder, monkeypatch, capsys
        self.said = ""

    def __call__(self, *words: str, stdin: str = "") -> str:
        """Run it: what it printed. `said` is what it told on stderr."""
        code = self.code(*words, stdin=stdin)
        assert code == 0, self.said
        return self.shown

    def code(self, *words: str, stdin: str = "") -> int:
        self._patch.setenv("RESONANCE_DATA_DIR", str(self.folder))
        self._patch.setattr("sys.stdin", io.StringIO(stdin))
        code = run_verb(cli, ["room", *words])
        self.shown, self.said = self._capsys.readouterr()
        return code

    @property
    def keys(self) -> RoomKeys:
        return RoomKeys(self.folder / "room-keys")

    def rules(self, broker: str) -> dict[str, object]:
        shown = self("list", ROOM, "--broker", broker, "--for", "0.5", "--json")
        return json.loads(shown)["rules"]


@pytest.fixture
def host(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Machine:
    made = Machine(tmp_path / "host", monkeypatch, capsys)
    made.keys.make(ROOM)
    return made


@pytest.fixture
def ben(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Machine:
    return Machine(tmp_path / "ben", monkeypatch, capsys)


@pytest.mark.mosquitto
def test_acts_are_told_and_hold(host: Machine, start: Start) -> None:
    broker = start().url
    host("mute", ROOM, "mia", "--broker", broker)
    assert host.said.endswith(f"cats-live at {broker.partition('://')[2]}: muted mia\n")
    assert "nobody under mia is here at the moment" in host.said
    host("slow", "5", "--broker", broker)  # the one room that is hosted here
    host("close", ROOM, "See", "you", "--broker", broker)
    rules = host.rules(broker)
    assert (rules["muted"], rules["slow_s"], rules["closed"]) == (["mia"], 5, "See you")


@pytest.mark.mosquitto
def test_of_a_small_room_the_host_is_told_what_the_rule_is_worth(
    host: Machine, start: Start
) -> None:
    broker = start().url
    host("least", ROOM, "5", "--broker", broker)
    assert "anybody can read every report here" in host.said
    host("list", ROOM, "--broker", broker, "--for", "0.5")
    assert "counts from 5 viewers on, by courtesy" in host.said
    host("least", ROOM, "0", "--broker", broker)
    assert "courtesy" not in host.said


@pytest.mark.mosquitto
def test_nobody_is_taken_out_for_what_another_wrote_under_the_id(
    host: Machine, start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("resonance_tui.hosting.desk.Desk.watch_s", 60.0)
    broker = start()
    at = ("--broker", broker.url)
    with reporting(broker.settings.port, "mia", boots=(100, 200)):
        for act in ("mute", "kick"):
            assert host.code(act, ROOM, "mia", *at) == 2
            assert "More than one program writes under mia" in host.said
        assert host.rules(broker.url)["muted"] == []
        host("mute", ROOM, "mia", *at, "--yes")
        assert host.rules(broker.url)["muted"] == ["mia"]


@pytest.mark.mosquitto
def test_who_alone_writes_under_an_id_is_muted_after_a_look(
    host: Machine, start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("resonance_tui.hosting.desk.Desk.watch_s", 0.5)
    broker = start()
    with reporting(broker.settings.port, "ben", boots=(100,)):
        host("mute", ROOM, "ben", "--broker", broker.url)
    assert "muted ben" in host.said
    assert host.keys.acts(ROOM)[0].name == "Ben"
    assert "muted Ben (ben)" in host("log", ROOM, "--broker", broker.url)


@contextlib.contextmanager
def reporting(port: int, viewer_id: str, boots: tuple[int, ...]) -> Iterator[None]:
    """Programs that write under one id, each with a boot of its own."""
    ended, begun = threading.Event(), threading.Event()

    def write() -> None:
        line = socket.create_connection(("127.0.0.1", port))
        line.sendall(connect_packet(4, "writer", keepalive_s=0))
        assert line.recv(4)[3] == 0
        name = NICKNAME.outgoing(encode_nickname(viewer_id.title()), ROOM, viewer_id)
        line.sendall(publish(4, name.topic, name.payload))
        for seq in itertools.count():
            for boot in boots:
                report = encode_report(Report(boot, seq, Emotion.HAPPINESS, 80))
                line.sendall(publish(4, REPORT.topic.of(ROOM, viewer_id), report))
            begun.set()
            if ended.wait(0.3):
                break
        line.close()

    thread = threading.Thread(target=write)
    thread.start()
    assert begun.wait(patience(5))
    try:
        yield
    finally:
        ended.set()
        thread.join()


@pytest.mark.mosquitto
def test_a_link_names_broker_and_room(host: Machine, start: Start) -> None:
    url = parse_broker_url(start().url)
    host("lock", invite_link(url, ROOM))
    assert host.rules(url.place)["is_locked"] is True


@pytest.mark.mosquitto
def test_a_co_host_rules_until_that_is_revoked(host: Machine, ben: Machine, start: Start) -> None:
    at = ("--broker", start().url)
    key = host("cohost", "add", ROOM, "Ben", *at)
    ben("cohost", "accept", stdin=f"here it is:\n{key}")
    ben("mute", ROOM, "mia", *at)
    host("cohost", "revoke", ROOM, "Ben", *at)
    assert ben.code("lock", ROOM, *at) == 1
    assert "does not rule" in ben.said
    done = [(act["by"], act["what"]) for act in json.loads(host("log", ROOM, *at, "--json"))]
    assert done == [("host", "cohost-add"), ("Ben", "mute"), ("host", "cohost-revoke")]
    assert ben.code("cohost", "add", ROOM, "Eve", *at) == 2


def test_the_log_is_there_without_a_broker(host: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(desk, "CONNECT_S", 0.5)
    from resonance_tui.room_keys import LoggedAct

    host.keys.log(ROOM, [LoggedAct(1.0, "host", "mute", "mia")])
    nowhere = f"mqtt://127.0.0.1:{free_port()}"
    shown = json.loads(host("log", ROOM, "--broker", nowhere, "--json"))
    assert shown == [{"t": 1.0, "by": "host", "what": "mute", "whom": "mia", "name": ""}]
    assert "othing listens" in host.said
    assert json.loads(host("log", ROOM, "--json")) == shown
    assert "At which broker" in host.said
    assert host.code("lock", ROOM) == 2


@pytest.mark.parametrize(
    "words",
    [
        *(("mute", "dogs", "mia"), ("list", "dogs"), ("slow", ROOM, "soon"), ("mute", ROOM, "A b")),
        *(("lock", ROOM, "now"), ("mute",), ("mute", ROOM, "a", "b"), ("nicknames", ROOM, "maybe")),
        *(("cohost", "revoke", ROOM, "Eve"), ("cohost", "accept"), ("key", "import", "nothing")),
        ("key", "export", "dogs"),
    ],
    ids=" ".join,
)
def test_what_cannot_be_meant_is_refused_in_one_line(
    host: Machine, words: tuple[str, ...], start: Start
) -> None:
    named = words[0] not in ("cohost", "key") or words[1] == "revoke"
    at = ("--broker", start(program="auto").url) if named else ()
    assert host.code(*words, *at) == 2
    assert host.said.startswith("error: ")
    assert "Traceback" not in host.said


def test_a_machine_with_several_rooms_asks_which(host: Machine) -> None:
    host.keys.make("dogs")
    assert host.code("lock") == 2
    assert "cats-live, dogs" in host.said


def test_a_key_moves_to_another_machine(host: Machine, ben: Machine, tmp_path: Path) -> None:
    file = tmp_path / "cats.key"
    host("key", "export", ROOM, "--out", str(file))
    ben("key", "import", str(file))
    assert ben("key", "show") == host("key", "show")
    assert file.stat().st_mode & 0o077 == 0


def test_a_key_for_a_room_elsewhere_comes_with_a_link_that_names_it(ben: Machine) -> None:
    from resonance_tui.protocol.links import parse_invite

    shown = ben("key", "make", "dogs", "--broker", "mqtt://broker.example")
    key = ben.keys.find("dogs")
    assert key is not None
    assert parse_invite(shown.split()[-1]).host_print == key.print


def test_every_act_has_a_command() -> None:
    from resonance_tui.commands import COMMANDS

    named = {row.name for row in COMMANDS if row.group == "room"}
    assert set(ACTS) - named == {"cohost-add", "cohost-revoke"}


def test_a_damaged_key_is_an_error_in_words(host: Machine) -> None:
    (host.folder / "room-keys" / f"key-{ROOM}.json").write_text("{", encoding="utf-8")
    assert host.code("lock", ROOM) == 1
    assert "cannot be read" in host.said
