"""What only Mosquitto does: passwords, access rules, TLS, limits; and its supervision."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import ssl
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import aiomqtt
import psutil
import pytest
from children import run_child, start_child
from limits import patience, within
from machine import free_port

from resonance_broker import (
    BrokerProblem,
    BrokerSettings,
    ProblemKind,
    find_mosquitto,
    start_broker,
)
from resonance_broker.accounts import set_reading
from resonance_broker.accounts_store import AccountsStore
from resonance_broker.address import certificate_trouble, trusting_context
from resonance_broker.mosquitto import MosquittoBroker, Program
from resonance_broker.preflight import speaks_mqtt
from resonance_broker.runtime_dir import RuntimeDir, _parent, new_login
from resonance_tui.protocol.messages import REPORT

pytestmark = pytest.mark.mosquitto

MINE = REPORT.topic.of("room-a", "ada")


def client(broker, name: str | None = None, password: str | None = None, **options):
    return aiomqtt.Client(
        broker.settings.local_host,
        broker.settings.port,
        username=name,
        password=password,
        protocol=aiomqtt.ProtocolVersion.V5,
        timeout=patience(5),
        **options,
    )


@pytest.fixture
def work_folders(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Where this test's brokers work, and nobody else's: other tests start some meanwhile."""
    parent = Path(tempfile.mkdtemp(prefix="work-folders-", dir=_parent()))
    parent.chmod(0o755)
    monkeypatch.setattr("resonance_broker.runtime_dir._parent", lambda: str(parent))
    yield parent
    shutil.rmtree(parent)


# --- passwords and rules -----------------------------------------------------------------------


async def test_with_a_users_file_nobody_comes_in_without_a_password(start, users_file) -> None:
    broker = start(users=users_file)
    for name, password in [(None, None), ("ada", "wrong"), ("eve", "enigma")]:
        with pytest.raises(aiomqtt.MqttError, match=r"(?i)not authori[sz]ed|bad user name"):
            await client(broker, name, password).__aenter__()
    async with client(broker, "ada", "enigma") as ada:
        await ada.publish(MINE, b"x", qos=1)


async def heard_by_the_host(broker, writer: aiomqtt.Client, topics: list[str]) -> list[str]:
    """Publish to each topic and then as a viewer may; which of them arrived at all."""
    async with client(broker, broker.login.name, broker.login.password) as host:
        await host.subscribe("#", qos=1)
        for topic in [*topics, MINE]:
            await writer.publish(topic, b"x", qos=1)
        heard: list[str] = []
        async with within(5):
            async for message in host.messages:
                heard.append(str(message.topic))
                if heard[-1] == MINE:
                    break
        return heard


FORBIDDEN = ["resonance/1/room-a/room", "resonance/1/room-a/total", "elsewhere", "$SYS/broker/x"]


async def test_a_viewer_reports_and_leaves_the_room_to_its_host(start, users_file) -> None:
    broker = start(users=users_file)
    async with client(broker, "ada", "enigma") as ada:
        assert await heard_by_the_host(broker, ada, FORBIDDEN) == [MINE]


async def test_the_hosts_own_account_may_announce_and_read_the_figures(start, users_file) -> None:
    broker = start(users=users_file)
    async with client(broker, broker.login.name, broker.login.password) as host:
        await host.publish("resonance/1/room-a/room", b"x", qos=1, retain=True)
        await host.subscribe("$SYS/broker/uptime")
        assert (await anext(aiter(host.messages))).topic.matches("$SYS/#")
    assert broker.login.password not in repr(broker.login)


async def test_an_open_public_broker_still_keeps_rooms_to_the_host(start) -> None:
    broker = start(host="0.0.0.0", public=True, insecure=True)
    assert [sentence.split(":")[0] for sentence in broker.limits[:2]] == ["No passwords", "No TLS"]
    async with client(broker) as anyone:
        assert await heard_by_the_host(broker, anyone, FORBIDDEN) == [MINE]


def test_a_damaged_users_file_is_named_with_its_line(start, users_file) -> None:
    users_file.write_text(users_file.read_text() + "eve:secret-in-clear\n")
    with pytest.raises(BrokerProblem, match="line 2: the password is not hashed") as caught:
        start(users=users_file)
    assert caught.value.kind is ProblemKind.FILE
    assert "mosquitto_passwd" in caught.value.hint
    assert "secret-in-clear" not in str(caught.value)


def test_a_missing_users_file_is_named(start, tmp_path) -> None:
    with pytest.raises(BrokerProblem, match=r"no-such-users.*no such file"):
        start(users=tmp_path / "no-such-users")


# --- TLS ---------------------------------------------------------------------------------------


async def test_tls_with_a_self_made_certificate(start, tls_pair, users_file) -> None:
    cert, key = tls_pair
    broker = start(tls_cert=cert, tls_key=key, users=users_file, public=True, host="0.0.0.0")
    assert broker.url.startswith("mqtts://127.0.0.1:")
    assert not any(sentence.startswith("No ") for sentence in broker.limits)
    async with client(broker, "ada", "enigma", tls_context=trusting_context(cert)) as ada:
        await ada.publish(MINE, b"x", qos=1)


async def test_a_stranger_to_the_certificate_does_not_connect(start, tls_pair) -> None:
    broker = start(tls_cert=tls_pair[0], tls_key=tls_pair[1])
    with pytest.raises(aiomqtt.MqttError, match="CERTIFICATE_VERIFY_FAILED"):
        await client(broker, tls_context=ssl.create_default_context()).__aenter__()


def test_a_certificate_made_for_another_name_is_noticed(tls_pair) -> None:
    settings = BrokerSettings(tls_cert=tls_pair[0], tls_key=tls_pair[1])
    assert certificate_trouble(settings, "localhost") == ""
    assert "elsewhere.example" in certificate_trouble(settings, "elsewhere.example")


def test_a_key_that_does_not_belong_is_refused(start, tls_pair, tmp_path) -> None:
    other = tmp_path / "other.pem"
    command = ["openssl", "genpkey", "-algorithm", "RSA", "-out", str(other)]
    run_child(command, check=True, capture_output=True, timeout=60)
    with pytest.raises(BrokerProblem, match="do not belong together"):
        start(tls_cert=tls_pair[0], tls_key=other)


def test_a_locked_key_and_a_file_that_is_no_certificate_are_refused(
    start, tls_pair, tmp_path
) -> None:
    cert, key = tls_pair
    locked, junk = tmp_path / "locked.pem", tmp_path / "junk.pem"
    command = ["openssl", "pkey", "-in", str(key), "-aes128", "-passout", "pass:x"]
    run_child([*command, "-out", str(locked)], check=True, capture_output=True, timeout=30)
    junk.write_text("no certificate\n")
    with pytest.raises(BrokerProblem, match="passphrase"):
        start(tls_cert=cert, tls_key=locked)
    with pytest.raises(BrokerProblem, match="cannot be read as PEM"):
        start(tls_cert=junk, tls_key=key)


# --- limits ------------------------------------------------------------------------------------


async def test_an_oversize_packet_ends_the_connection(start) -> None:
    broker = start()
    with pytest.raises(aiomqtt.MqttError, match="Disconnected"):
        async with client(broker) as greedy, within(4):
            await greedy.publish(MINE, bytes(5000))
            await anext(aiter(greedy.messages))
    async with client(broker) as modest:
        await modest.publish(MINE, bytes(3900), qos=1)


async def test_a_joiner_gets_every_retained_nickname_of_a_large_room(start) -> None:
    broker = start()
    topics = {f"resonance/1/room-a/n/{number % 64}/v{number}" for number in range(1000)}
    async with client(broker) as writer:
        for topic in topics:
            await writer.publish(topic, b"x" * 20, retain=True)
        await writer.publish("resonance/1/room-a/total", b"", qos=1)  # all before are in now
    heard: set[str] = set()
    async with client(broker) as joiner:
        await joiner.subscribe("resonance/1/room-a/n/+/+", qos=1)
        async for message in joiner.messages:
            heard.add(str(message.topic))
            if heard == topics:
                break
    assert heard == topics


# --- its life ----------------------------------------------------------------------------------


def test_comes_back_after_a_crash_and_says_so(start, eventually) -> None:
    said: list[str] = []
    broker = start(say=said.append)
    first = broker.pid
    os.kill(first, signal.SIGKILL)
    eventually(lambda: broker.pid not in (None, first))
    eventually(lambda: speaks_mqtt("127.0.0.1", broker.settings.port))
    assert broker.is_running
    assert len(said) == 1
    assert "starting it again" in said[0]


def test_ends_a_broker_that_hangs(start, eventually) -> None:
    broker = start()
    process = psutil.Process(broker.pid)
    process.suspend()
    began = time.monotonic()
    broker.stop()
    assert time.monotonic() - began < patience(6)
    eventually(lambda: not process.is_running() or process.status() == psutil.STATUS_ZOMBIE, 1.0)


def test_leaves_no_process_and_no_file(start, users_file, tls_pair, work_folders) -> None:
    broker = start(users=users_file, tls_cert=tls_pair[0], tls_key=tls_pair[1])
    assert len(list(work_folders.iterdir())) == 1  # it reads its people again when they change
    open_to_all = start()
    assert len(list(work_folders.iterdir())) == 1  # already gone once it listens
    open_to_all.stop()
    family = [psutil.Process(broker.pid), *psutil.Process(broker.pid).parent().children()]
    broker.stop()
    assert not any(process.is_running() for process in family)
    assert list(work_folders.iterdir()) == []


def test_does_not_outlive_us_even_when_we_are_killed(eventually, tmp_path, work_folders) -> None:
    code = (
        "import time, resonance_broker, resonance_broker.runtime_dir\n"
        f"resonance_broker.runtime_dir._parent = lambda: {str(work_folders)!r}\n"
        "from pathlib import Path\n"
        f"port, folder = {free_port()}, Path({str(tmp_path)!r})\n"
        "s = resonance_broker.BrokerSettings(port=port, accounts=folder)\n"
        "b = resonance_broker.start_broker(s)\n"
        "print(b.pid, flush=True)\n"
        "time.sleep(60)\n"
    )
    parent = start_child([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    with parent:
        pid = int(parent.stdout.readline())
        guard = psutil.Process(pid).ppid()
        assert psutil.pid_exists(pid)
        parent.kill()
        parent.wait(patience(5))
        eventually(lambda: not psutil.pid_exists(pid))
        eventually(lambda: not psutil.pid_exists(guard))
        assert list(work_folders.iterdir()) == []


def test_survives_the_thread_that_started_it(start, eventually) -> None:
    """The kernel's parent-death signal would end it here: it goes by thread."""
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(1) as pool:
        broker = pool.submit(start).result(patience(10))
    pid = broker.pid
    time.sleep(0.3)
    assert broker.pid == pid
    assert speaks_mqtt("127.0.0.1", broker.settings.port)


def fake(tmp_path: Path, script: str) -> Program:
    """A program that behaves like Mosquitto as far as the script goes."""
    path = tmp_path / "mosquitto"
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return Program(path, (2, 0, 11))


def test_a_start_that_fails_tells_the_last_words(tmp_path) -> None:
    program = fake(tmp_path, "echo 'Error: out of luck.' >&2; exit 3")
    broker = MosquittoBroker(BrokerSettings(port=free_port()), program)
    with pytest.raises(BrokerProblem, match="ended by itself") as caught:
        broker.start()
    assert caught.value.kind is ProblemKind.FAILED
    assert "out of luck" in caught.value.hint


def test_an_open_port_alone_is_no_start(tmp_path, monkeypatch) -> None:
    """Mosquitto opens its port before it reads the certificate that we would take away."""
    port = free_port()
    mute = f"import socket, time; s = socket.create_server(('127.0.0.1', {port})); time.sleep(30)"
    program = fake(tmp_path, f'exec "{sys.executable}" -c "{mute}"')
    monkeypatch.setattr("resonance_broker.mosquitto.START_TIMEOUT_S", 1.0)
    broker = MosquittoBroker(BrokerSettings(port=port), program)
    with pytest.raises(BrokerProblem, match="did not answer"):
        broker.start()
    assert broker.pid is None


def test_gives_up_when_it_dies_over_and_over(tmp_path, eventually) -> None:
    real, flag = find_mosquitto(), tmp_path / "has-run"
    assert real is not None
    script = f'[ -e "{flag}" ] && {{ echo "Error: no more." >&2; exit 3; }}\n'
    program = fake(tmp_path, f'{script}touch "{flag}"\nexec "{real.path}" "$@"')
    said: list[str] = []
    settings = BrokerSettings(port=free_port())
    broker = MosquittoBroker(settings, program, say=said.append, restart_delays_s=(0.01, 0.01))
    broker.start()
    os.kill(broker.pid, signal.SIGKILL)
    eventually(lambda: not broker.is_running)
    assert len(said) == 3
    assert said[-1] == "The broker stopped 3 times in a row (Error: no more.); giving up."
    assert broker.last_words == "Error: no more."
    broker.stop()


def test_an_old_mosquitto_is_not_used(tmp_path, monkeypatch, start) -> None:
    old = fake(tmp_path, "echo 'mosquitto version 1.6.12'; exit 3")
    monkeypatch.setenv("RESONANCE_MOSQUITTO", str(old.path))
    assert find_mosquitto() == Program(old.path, (1, 6, 12))
    with pytest.raises(BrokerProblem, match=r"mosquitto 1\.6\.12 is too old"):
        start(program="mosquitto")
    instead = start()
    assert instead.kind.startswith("embedded")
    assert instead.limits[0] == "mosquitto 1.6.12 is too old (2.0 is needed)."


# --- the private files -------------------------------------------------------------------------


def test_the_files_are_private_and_hold_no_password(users_file, tls_pair) -> None:
    settings = BrokerSettings(users=users_file, tls_cert=tls_pair[0], tls_key=tls_pair[1])
    login = new_login(settings)
    assert login is not None
    folder = RuntimeDir(settings, (2, 0, 11), login)
    folder.fill()
    assert stat.S_IMODE(folder.path.stat().st_mode) == 0o700
    files = {path.name: path for path in folder.path.iterdir()}
    assert set(files) == {"mosquitto.conf", "users", "access", "cert.pem", "key.pem"}
    assert {stat.S_IMODE(path.stat().st_mode) for path in files.values()} == {0o600}
    assert not any(login.password in path.read_text() for path in files.values())
    folder.remove()
    assert not folder.path.exists()


def test_nothing_is_said_to_be_enforced_whose_rules_could_not_be_written(tmp_path: Path) -> None:
    AccountsStore(tmp_path).change(lambda book: (set_reading(book, {"cats": True}), None))
    settings = BrokerSettings(accounts=tmp_path)
    folder = RuntimeDir(settings, (2, 0, 11), new_login(settings))
    (folder.path / "access").mkdir()  # nothing can be put there
    with pytest.raises(OSError, match="access"):
        folder.put_people()
    assert not folder.reading.totals
    (folder.path / "access").rmdir()
    folder.put_people()
    assert folder.reading.totals == ("cats",)
    folder.remove()


@pytest.mark.skipif(os.name != "posix" or os.geteuid() != 0, reason="only root drops rights")
def test_started_by_root_it_does_not_stay_root(start, users_file, tls_pair) -> None:
    users_file.chmod(0o600)
    tls_pair[1].chmod(0o600)
    broker = start(users=users_file, tls_cert=tls_pair[0], tls_key=tls_pair[1])
    assert psutil.Process(broker.pid).uids().effective != 0


def test_the_shipped_example_is_accepted(tmp_path, users_file, tls_pair, eventually) -> None:
    """The file people copy to a server, with its paths bent to this test."""
    example = Path(__file__).parents[2] / "broker" / "mosquitto.conf"
    access = example.with_name("access.acl")
    port, folder = free_port(), tmp_path / "etc"
    folder.mkdir(mode=0o755)
    for name, source in {
        "users": users_file,
        "cert.pem": tls_pair[0],
        "key.pem": tls_pair[1],
        "access.acl": access,
    }.items():
        (folder / name).write_text(source.read_text())
    text = example.read_text().replace("/mosquitto/config", str(folder)).replace("8883", str(port))
    (tmp_path / "m.conf").write_text(text.replace("user mosquitto", "user root"))
    program = find_mosquitto()
    assert program is not None
    process = start_child(
        [program.path, "-c", tmp_path / "m.conf"], stderr=subprocess.PIPE, text=True
    )
    try:
        eventually(lambda: process.poll() is not None or _listens(port))
        assert process.poll() is None, process.stderr.read()
    finally:
        process.terminate()
        _, words = process.communicate(timeout=patience(5))
    assert "Error:" not in words  # "OpenSSL Error[0]" is our own probe, which hung up
    assert "Unknown" not in words


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def test_a_port_lost_between_look_and_start_is_told(start, monkeypatch) -> None:
    """Somebody takes the port after we looked: Mosquitto's own words reach the person."""
    monkeypatch.setattr("resonance_broker.mosquitto.check_port", lambda settings: None)
    monkeypatch.setattr("resonance_broker.mosquitto.speaks_mqtt", lambda *_, **__: False)
    other = socket.create_server(("127.0.0.1", 0))
    with other, pytest.raises(BrokerProblem) as caught:
        start_broker(BrokerSettings(port=other.getsockname()[1], program="mosquitto"))
    assert "in use" in caught.value.hint
