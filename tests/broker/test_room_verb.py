"""`room`: a host's commands, against a real open broker."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest
from conftest import Start
from machine import free_port

from resonance_tui.cli import cli, run_verb
from resonance_tui.protocol.links import invite_link
from resonance_tui.protocol.urls import parse_broker_url
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
    assert host.said == f"cats-live at {broker.partition('://')[2]}: muted mia\n"
    host("slow", "5", "--broker", broker)  # the one room that is hosted here
    host("close", ROOM, "See", "you", "--broker", broker)
    rules = host.rules(broker)
    assert (rules["muted"], rules["slow_s"], rules["closed"]) == (["mia"], 5, "See you")


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


def test_the_log_is_there_without_a_broker(host: Machine) -> None:
    from resonance_tui.room_keys import LoggedAct

    host.keys.log(ROOM, [LoggedAct(1.0, "host", "mute", "mia")])
    nowhere = f"mqtt://127.0.0.1:{free_port()}"
    shown = json.loads(host("log", ROOM, "--broker", nowhere, "--json"))
    assert shown == [{"t": 1.0, "by": "host", "what": "mute", "whom": "mia"}]
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
