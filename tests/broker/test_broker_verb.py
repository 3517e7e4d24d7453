"""`broker` as a person meets it: what it prints, what it announces, how it ends."""

from __future__ import annotations

import asyncio
import os
import pty
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace

import aiomqtt
import pytest
from children import start_child
from limits import Limit, patience, within
from machine import free_port
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from resonance_broker import BrokerProblem, BrokerSettings, ProblemKind, start_broker
from resonance_broker.address import trusting_context
from resonance_broker.mosquitto import FIGURES, MosquittoBroker
from resonance_broker.preflight import speaks_mqtt
from resonance_tui.cli import run_verb
from resonance_tui.commands.broker.introduction import guest_lines
from resonance_tui.commands.broker.lines import host_print
from resonance_tui.commands.broker.options import BrokerOptions
from resonance_tui.commands.broker.start import run, traffic_line
from resonance_tui.emotions import Emotion
from resonance_tui.errors import InputError, InvalidChannel
from resonance_tui.hosting import host, watch
from resonance_tui.hosting.accounts import WaysIn, share_lines
from resonance_tui.hosting.attendance import Attendance
from resonance_tui.hosting.headcount import Headcount
from resonance_tui.hosting.room_links import LinkPlan, make_link
from resonance_tui.hosting.traffic import FigureReader, Figures
from resonance_tui.messaging.link import MqttLink
from resonance_tui.messaging.retained import RetainedState
from resonance_tui.protocol import messages
from resonance_tui.protocol.events import RoomEvent, TotalEvent
from resonance_tui.protocol.frames import encode_report, encode_total
from resonance_tui.protocol.links import invite_link, new_token, parse_invite
from resonance_tui.protocol.urls import BrokerUrl, InviteToken, parse_broker_url
from resonance_tui.protocol.values import ABILITIES, REPORT_LIFETIME_S, Report, RoomSettings

KINDS = [pytest.param("mosquitto", marks=pytest.mark.mosquitto), "embedded"]
CODE = """
import sys
from pathlib import PosixPath
from resonance_tui.commands.broker.options import BrokerOptions
from resonance_tui.commands.broker.start import run
options = dict({arguments})
folder = options.pop("folder", None)
try:
    run(BrokerOptions(**options), folder=folder)
except KeyboardInterrupt:
    sys.exit(130)
"""


Verb = Callable[..., subprocess.Popen[str]]


@pytest.fixture
def verb() -> Iterator[Verb]:
    """Starts the verb as its own process; what still runs at the end of the test is ended."""
    started: list[subprocess.Popen[str]] = []

    def start(arguments: dict[str, object], **options: object) -> subprocess.Popen[str]:
        text = ", ".join(f"{name}={value!r}" for name, value in arguments.items())
        command = [sys.executable, "-c", CODE.format(arguments=text)]
        options = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **options}
        started.append(start_child(command, text=True, **options))
        return started[-1]

    yield start
    for process in started:
        process.kill()
        process.communicate(timeout=patience(5))


def own_link(url: BrokerUrl, room: str, token: InviteToken | None = None) -> str:
    """As this machine prints it: with the fingerprint of the room's own key."""
    return invite_link(url, room, token, host_print(room))


def protocol(kind: str) -> aiomqtt.ProtocolVersion:
    version = aiomqtt.ProtocolVersion
    return version.V5 if kind == "mosquitto" else version.V311


def expiring() -> Properties:
    """Of a report that was just made, as viewers send it."""
    properties = Properties(PacketTypes.PUBLISH)
    properties.MessageExpiryInterval = REPORT_LIFETIME_S
    return properties


async def room_messages(port: int, kind: str, count: int) -> list[tuple[str, bytes]]:
    """The next messages about rooms, as a viewer on the start screen hears them."""
    heard = []
    async with aiomqtt.Client(
        "127.0.0.1", port, protocol=protocol(kind), timeout=patience(5)
    ) as viewer:
        await viewer.subscribe("resonance/1/+/room", qos=1)
        async for message in viewer.messages:
            heard.append((str(message.topic), message.payload))
            if len(heard) == count:
                break
    return heard


@pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("kind", KINDS)
async def test_prints_its_address_announces_rooms_and_ends_cleanly(
    verb: Verb, kind: str, ending: signal.Signals
) -> None:
    port = free_port()
    process = verb({"port": port, "program": kind, "channels": ["Alice-Live", "b"]})
    printed = [process.stdout.readline().rstrip("\n") for _ in range(3)]
    rooms = dict(await room_messages(port, kind, 2))
    process.send_signal(ending)
    out, err = process.communicate(timeout=patience(10))
    here = BrokerUrl("mqtt", "127.0.0.1", port)
    assert printed == [
        f"url  {here}",
        f"join  resonance-tui join {own_link(here, 'alice-live')}",
        f"join  resonance-tui join {own_link(here, 'b')}",
    ]
    assert set(rooms) == {"resonance/1/alice-live/room", "resonance/1/b/room"}
    event = messages.decode("resonance/1/b/room", rooms["resonance/1/b/room"])
    assert isinstance(event, RoomEvent)
    assert (event.channel, event.settings) == ("b", RoomSettings(abilities=ABILITIES))
    assert event.host
    assert process.returncode == 130
    assert out == ""
    assert f"{kind}" in err
    assert "Traceback" not in err
    assert not speaks_mqtt("127.0.0.1", port)


@pytest.mark.mosquitto
def test_a_broker_that_starts_again_shows_the_link_that_is_still_open(
    verb: Verb, tmp_path: Path
) -> None:
    now, port = time.time(), free_port()
    make_link(tmp_path, "cats", LinkPlan(5, now - 1.0), now)
    link = make_link(tmp_path, "cats", LinkPlan(5, now + 600.0), now)
    process = verb({"port": port, "guarded": True, "channels": ["cats", "b"], "folder": tmp_path})
    printed = [process.stdout.readline().rstrip("\n") for _ in range(4)]
    assert [line.split()[0] for line in printed] == ["url", "join", "share", "join"]
    place = BrokerUrl("mqtt", "127.0.0.1", port)
    assert printed[2].split()[-1] == own_link(place, "cats", link.token)


@pytest.mark.parametrize("kind", KINDS)
async def test_takes_its_rooms_back_before_it_goes(verb: Verb, kind: str) -> None:
    port = free_port()
    process = verb({"port": port, "program": kind, "channels": ["demo"]})
    process.stdout.readline()
    payloads = []
    async with (
        within(10),
        aiomqtt.Client("127.0.0.1", port, protocol=protocol(kind)) as viewer,
    ):
        await viewer.subscribe("resonance/1/+/room", qos=1)
        async for message in viewer.messages:
            payloads.append(message.payload)
            if len(payloads) == 2:
                break
            process.send_signal(signal.SIGINT)
    assert payloads[0] != b""
    assert payloads[1] == b""


@pytest.mark.skipif(sys.platform == "win32", reason="needs a pseudo terminal")
def test_on_a_terminal_one_line_is_rewritten_in_place(verb: Verb) -> None:
    ours, theirs = pty.openpty()
    verb({"port": free_port()}, stderr=theirs, env={**os.environ, "TERM": "xterm"})
    os.close(theirs)
    seen, deadline = b"", Limit(15)
    while seen.count(b"\x1b[2K0 people") < 2:
        assert not deadline.ran_out(), seen
        if select.select([ours], [], [], 0.5)[0]:
            seen += os.read(ours, 4096)
    os.close(ours)
    assert b"\n" not in seen[seen.index(b"\x1b[2K") :]


@pytest.mark.mosquitto
async def test_counts_the_rooms_that_it_announces(verb: Verb) -> None:
    port = free_port()
    process = verb({"port": port, "program": "mosquitto", "channels": ["demo"]})
    process.stdout.readline()
    report = encode_report(Report(1, 1, Emotion.FEAR, 80, up_s=1))
    async with (
        within(15),
        aiomqtt.Client("127.0.0.1", port, protocol=protocol("mosquitto")) as viewer,
    ):
        await viewer.publish(
            messages.REPORT.topic.of("demo", "ann"), report, retain=True, properties=expiring()
        )
        await viewer.subscribe("resonance/1/demo/total")
        async for message in viewer.messages:
            event = messages.decode(str(message.topic), message.payload)
            if isinstance(event, TotalEvent) and event.viewers:
                break
    assert event.counts[Emotion.FEAR] == event.viewers == 1
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=patience(10))
    assert process.returncode == 130
    assert "Traceback" not in said


@pytest.mark.mosquitto
async def test_counts_behind_passwords_and_tls(
    verb: Verb, users_file: Path, tls_pair: tuple[Path, Path]
) -> None:
    """Others who know a password cannot tell a total, and hear the host's."""
    cert, key = tls_pair
    port = free_port()
    process = verb(
        {
            **{"port": port, "channels": ["demo"], "users": users_file},
            **{"tls_cert": cert, "tls_key": key},
        }
    )
    process.stdout.readline()
    ada = aiomqtt.Client(
        "127.0.0.1",
        port,
        username="ada",
        password="enigma",
        protocol=protocol("mosquitto"),
        tls_context=trusting_context(cert),
    )
    async with within(15), ada:
        await ada.subscribe("resonance/1/demo/total")
        forged = encode_total(9, 9, 9, (9,) * 9)
        await ada.publish(messages.TOTAL.topic.of("demo"), forged, qos=1, retain=True)
        report = encode_report(Report(1, 1, Emotion.FEAR, 80, up_s=1))
        await ada.publish(
            messages.REPORT.topic.of("demo", "ada"), report, retain=True, properties=expiring()
        )
        heard = []
        async for message in ada.messages:
            heard.append(messages.decode(str(message.topic), message.payload))
            if isinstance(heard[-1], TotalEvent) and heard[-1].viewers == 1:
                break
    assert {event.viewers for event in heard} <= {0, 1}


def test_refusals_come_before_anything_is_started(tmp_path: Path) -> None:
    with pytest.raises(InvalidChannel):
        run(BrokerOptions(channels=["not a channel!"]))
    with pytest.raises(BrokerProblem, match="can only be reached from this machine"):
        run(BrokerOptions(public=True, host="127.0.0.1"), folder=tmp_path)
    with pytest.raises(InputError, match="nobody to invite"):
        run(BrokerOptions(public=True, insecure=True, invites=1, channels=["a"]))
    with pytest.raises(InputError, match="leads to a channel"):
        run(BrokerOptions(invites=1))
    with pytest.raises(InputError, match="Not a span of time"):
        run(BrokerOptions(expires="soon"))
    with pytest.raises(InputError, match="a certificate of its own"):
        run(BrokerOptions(tls=True, tls_cert=tmp_path / "cert.pem"))
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(BrokerProblem, match="TLS needs both"):
        run(BrokerOptions(tls_cert=tmp_path / "cert.pem"))


@pytest.mark.parametrize(
    ("kind", "code"),
    [
        (ProblemKind.USAGE, 2),
        (ProblemKind.FILE, 2),
        (ProblemKind.PORT_TAKEN, 2),
        (ProblemKind.EXTRA_MISSING, 2),
        (ProblemKind.NOT_INSTALLED, 1),
        (ProblemKind.FAILED, 1),
    ],
)
def test_every_kind_of_problem_is_printed_and_ends_with_its_exit_code(
    kind: ProblemKind, code: int, capsys: pytest.CaptureFixture[str]
) -> None:
    def command(**_: object) -> None:
        raise BrokerProblem(kind, "what", "how")

    assert run_verb(command, []) == code
    said = capsys.readouterr().err
    assert "error: what" in said and "how" in said


def spell(link: str) -> list[str]:
    return [f"resonance-tui join {link}", f"uvx somewhere join {link}"]


def test_no_line_ever_holds_a_password() -> None:
    settings = BrokerSettings(users=Path("u"), tls_cert=Path("c"), tls_key=Path("k"), port=8883)
    url = BrokerUrl("mqtts", "room.example", 8883)
    command = "RESONANCE_BROKER_PASSWORD=PASSWORD resonance-tui join {} --broker {}"
    typed = "mqtts://NAME@room.example:8883"
    assert share_lines(settings, url, {}, spell) == [
        ("url", "mqtts://room.example:8883"),
        ("join", command.format("CHANNEL", typed)),
    ]
    assert share_lines(settings, url, {"x": WaysIn()}, spell)[1] == (
        "join",
        command.format("x", typed),
    )


def test_links_are_told_with_the_room_they_are_for_and_each_as_a_whole_command() -> None:
    url = BrokerUrl("mqtts", "room.example", 8883, pin="ab" * 16)
    one, many = new_token(), new_token()
    rooms = {"x": WaysIn(), "y": WaysIn([one], many)}
    lines = share_lines(BrokerSettings(accounts=Path("a")), url, rooms, spell)
    names = ["url", "join", "join", "share", "install", "invite", "install"]
    assert [name for name, _ in lines] == names
    texts = [text for _, text in lines]
    assert texts[3:5] == spell(invite_link(url, "y", many))
    assert texts[5:7] == spell(invite_link(url, "y", one))
    assert f"--broker 'mqtts://NAME@room.example:8883?pin={'ab' * 16}'" in texts[1]


def test_a_host_is_told_last_what_to_type_for_guests_to_come_in() -> None:
    one, many = new_token(), new_token()
    for ways, words, command in (
        ({}, "Nobody can come in yet", "broker share CHANNEL --for 100"),
        ({"x": WaysIn()}, "Nobody can come in yet", "broker share x --for 100"),
        ({"x": WaysIn([one])}, "More guests", "broker share x --for 100"),
        ({"w": WaysIn(), "x": WaysIn([one], many)}, "share line above", "broker share x"),
    ):
        first, second, *_ = guest_lines(ways)
        assert words in first
        assert second == f"  resonance-tui {command}"


def test_a_link_to_an_open_broker_holds_the_print_of_the_room_s_own_key() -> None:
    url = BrokerUrl("mqtt", "room.example", 1883)
    (_, place), (name, text), *_ = share_lines(
        BrokerSettings(), url, {"x": WaysIn(host_print="cd" * 16)}, spell
    )
    assert (place, name) == ("mqtt://room.example:1883", "join")
    assert parse_invite(text.split()[-1]).host_print == "cd" * 16


async def test_a_swallowed_cancellation_does_not_keep_it_alive(monkeypatch) -> None:
    """Python 3.11's wait_for loses a cancellation that meets the answer it waits for."""
    swallowed = []

    async def stubborn(*_: object) -> None:
        while True:
            try:
                await asyncio.sleep(30)
            except asyncio.CancelledError:
                if swallowed:
                    raise
                swallowed.append("one")

    broker = SimpleNamespace(is_running=True, settings=BrokerSettings(), figures={})
    monkeypatch.setattr(watch.Host, "run", stubborn)
    monkeypatch.setattr(watch, "FAREWELL_S", 0.0)
    async with within(10), asyncio.TaskGroup() as group:
        watching = group.create_task(watch.watch(broker, [], lambda figures: None))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        watching.cancel()
    assert swallowed == ["one"]
    assert watching.cancelled()


# --- figures -----------------------------------------------------------------------------------


SENT = next(iter(FIGURES))


def test_what_is_sent_to_the_host_itself_is_not_counted() -> None:
    reader = FigureReader(FIGURES)
    assert reader.out_per_s(0.0) is None
    reader.feed(SENT, b"200")
    assert reader.out_per_s(10.0) == 0.0
    reader.feed("resonance/1/cats/r/0/mia", b"...")
    reader.feed(SENT, b"222")  # two of them to us
    assert reader.out_per_s(12.0) == 10.0


@pytest.mark.parametrize(
    ("topic", "payload"),
    [
        (SENT, b"-4"),
        (SENT, b"many"),
        (SENT, b"9" * 40),
        (SENT, b""),
        ("$SYS/broker/uptime", b"3"),
    ],
)
def test_what_is_no_figure_is_passed_over(topic: str, payload: bytes) -> None:
    reader = FigureReader(FIGURES)
    reader.feed(topic, payload)
    assert reader.out_per_s(0.0) is None


def test_what_is_sent_to_our_aggregators_is_not_counted() -> None:
    reader = FigureReader(FIGURES)
    reader.feed(SENT, b"203")
    assert reader.out_per_s(10.0, heard=60) == 0.0
    reader.feed(SENT, b"246")
    assert reader.out_per_s(12.0, heard=80) == 11.0


def test_after_a_restart_rates_do_not_go_below_nothing() -> None:
    reader = FigureReader(FIGURES)
    for value in (b"500", b"3"):
        reader.feed(SENT, value)
        assert reader.out_per_s(float(value)) == 0.0


def test_a_broker_without_figures_says_nothing_of_what_it_sends() -> None:
    headcount = Headcount({}, [])
    assert headcount.figures(0.0) == Figures(people=None)
    headcount.begin()
    assert headcount.figures(1.0) == Figures(people=0)
    assert traffic_line(headcount.figures(2.0), 2.0) == "0 people · 0 reports/s · up 0:00:02"


def report(channel: str, viewer_id: str, seq: int = 1) -> tuple[str, bytes]:
    message = RetainedState(channel, viewer_id)
    message.set_report(Report(boot=1_790_000_000, seq=seq, code=Emotion.AWAY, confidence=0))
    (sent,) = message.take()
    return sent.topic, sent.payload


def test_people_are_those_who_reported_of_late_each_room_on_its_own() -> None:
    attendance = Attendance()
    attendance.begin()
    for channel, viewer_id in (("cats", "mia"), ("dogs", "mia"), ("cats", "tom"), ("cats", "mia")):
        attendance.take(*report(channel, viewer_id), 110.0)
    assert attendance.people(110.0) == 3
    assert attendance.people(110.0, without={"cats"}) == 1
    assert attendance.reports_per_s(110.0) == 0.8
    attendance.take(report("cats", "tom")[0], b"", 111.0)
    assert attendance.people(111.0) == 2
    attendance.take(*report("dogs", "mia"), 130.0)
    assert attendance.people(141.0) == 1
    assert attendance.reports_per_s(141.0) == 0.0


def test_reports_kept_from_before_count_people_and_no_traffic() -> None:
    attendance = Attendance()
    attendance.begin()
    attendance.take(*report("cats", "mia"), 100.2, is_retained=True, left_s=28)
    assert (attendance.people(100.3), attendance.reports_per_s(100.3)) == (1, 0.0)


def test_what_is_no_report_is_nobody() -> None:
    attendance = Attendance()
    attendance.take("resonance/1/cats/r/99/mia", b"\xff" * 70, 5.0)
    attendance.take("$SYS/broker/uptime", b"5", 5.0)
    assert attendance.people(5.0) == 0


def test_the_status_line_in_words() -> None:
    assert traffic_line(Figures(), 5.0) == "not connected to the broker yet · up 0:00:05"
    assert traffic_line(Figures(12, 3.0, 40.2), 65) == (
        "12 people · 3 reports/s · out 40/s · up 0:01:05"
    )
    assert traffic_line(Figures(1, 0.25, 12.0), 3723.9) == (
        "1 person · 0.2 reports/s · out 12/s · up 1:02:03"
    )


@pytest.mark.parametrize("channels", [["cats"], []], ids=["announced", "not announced"])
@pytest.mark.parametrize("program", KINDS)
async def test_the_host_sees_people_and_reports_and_not_connections(
    program: str, channels: list[str], unused_port: int
) -> None:
    broker = start_broker(BrokerSettings(port=unused_port, program=program))
    url = parse_broker_url(broker.url)
    seen: list[Figures] = []
    try:
        async with asyncio.TaskGroup() as tasks:
            work = [tasks.create_task(watch.watch(broker, channels, seen.append))]
            links = [MqttLink(url, "cats", name, heartbeat_s=0.5) for name in ("mia", "tom")]
            links.append(MqttLink(url, "cats", "who-looks-on", observe_only=True))
            for link in links[:2]:
                link.publish_report(Report(1_790_000_000, 1, Emotion.AWAY, 0))
            work += [tasks.create_task(link.run()) for link in links]
            async with within(20):
                while not (
                    seen
                    and seen[-1].people == 2
                    and 3 < seen[-1].reports_per_s < 6
                    and (seen[-1].out_per_s or 0) > 6
                ):
                    await asyncio.sleep(0.1)
                assert max(each.people or 0 for each in seen) == 2
                work.pop(1).cancel()
                while seen[-1].people != 1:
                    await asyncio.sleep(0.1)
            for task in work:
                task.cancel()
    finally:
        broker.stop()


@pytest.mark.mosquitto
async def test_a_broker_that_tells_no_figures_is_asked_whether_it_is_there(
    unused_port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(MosquittoBroker, "figures", {})
    monkeypatch.setattr(host, "SILENCE_S", 0.5)
    monkeypatch.setattr(watch, "DRAW_EVERY_S", 0.2)
    broker = start_broker(BrokerSettings(port=unused_port, program="mosquitto"))
    connections: list[object] = []
    connect = host.Host._connect
    monkeypatch.setattr(host.Host, "_connect", lambda self: connections.append(1) or connect(self))
    seen: list[Figures] = []
    try:
        async with asyncio.TaskGroup() as tasks:
            watching = tasks.create_task(watch.watch(broker, [], seen.append))
            async with within(20):
                while len(seen) < 12:
                    await asyncio.sleep(0.1)
                assert seen[-1] == Figures(people=0) and len(connections) == 1
                os.kill(broker._process.pid, signal.SIGSTOP)
                while seen[-1].people is not None:
                    await asyncio.sleep(0.1)
            watching.cancel()
    finally:
        os.kill(broker._process.pid, signal.SIGCONT)
        broker.stop()
