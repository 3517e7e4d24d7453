"""The backend `mosquitto`: a child process: found, started, restarted after a crash, stopped."""

from __future__ import annotations

import contextlib
import logging
import os
import re
import shutil
import signal
import ssl
import subprocess
import threading
import time
from dataclasses import dataclass
from pathlib import Path

from resonance_broker.accounts import EVERYTHING, Reading
from resonance_broker.preflight import check_port, check_tls, speaks_mqtt
from resonance_broker.problem import BrokerProblem, ProblemKind
from resonance_broker.process import GuardedProcess
from resonance_broker.running import Figure, Say
from resonance_broker.runtime_dir import RuntimeDir, new_login
from resonance_broker.settings import BrokerSettings, Version, warnings

log = logging.getLogger(__name__)

OLDEST: Version = (2, 0, 0)
RESTART_DELAYS_S = (0.2, 0.5, 1.0, 2.0, 4.0)  # after as many quick ends it stays down
QUICK_DEATH_S = 10.0  # an end this soon after the start is a quick one
START_TIMEOUT_S = 5.0
_PLACES = (
    "/usr/sbin/mosquitto",
    "/usr/local/sbin/mosquitto",
    "/opt/homebrew/sbin/mosquitto",
    "/opt/local/sbin/mosquitto",
    r"C:\Program Files\mosquitto\mosquitto.exe",
)
INSTALL_HINT = (
    "install Mosquitto 2.0 or newer: sudo apt-get install mosquitto, or brew install mosquitto,"
    " or the installer from mosquitto.org"
)
FIGURES: dict[str, Figure] = {"$SYS/broker/publish/messages/sent": "sent"}
_NOISE = re.compile("should not be run as root|^(\\d+: )?(Error found at |Reloading config)")


@dataclass(frozen=True, slots=True)
class Program:
    """A Mosquitto on this machine."""

    path: Path
    version: Version

    @property
    def name(self) -> str:
        return "mosquitto " + ".".join(map(str, self.version))

    @property
    def is_usable(self) -> bool:
        return self.version >= OLDEST


def find_mosquitto() -> Program | None:
    """The Mosquitto of this machine with its version, or None; one older than 2.0 counts too.

    RESONANCE_MOSQUITTO names another program than the first one found.
    """
    chosen = os.environ.get("RESONANCE_MOSQUITTO")
    names = [chosen] if chosen else ["mosquitto", *_PLACES]
    for name in names:
        if (path := shutil.which(name)) and (version := _version(path)):
            return Program(Path(path), version)
    return None


def _version(path: str) -> Version | None:
    try:
        done = subprocess.run(
            [path, "-h"], capture_output=True, text=True, errors="replace", timeout=5
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    found = re.search(r"mosquitto version (\d+)\.(\d+)\.(\d+)", done.stdout)
    return (int(found[1]), int(found[2]), int(found[3])) if found else None


def create(settings: BrokerSettings, say: Say | None) -> MosquittoBroker:
    """The backend `mosquitto`. Raises BrokerProblem of kind NOT_INSTALLED."""
    program = find_mosquitto()
    if program is None or not program.is_usable:
        message = f"{program.name} is too old" if program else "Mosquitto is not installed"
        raise BrokerProblem(ProblemKind.NOT_INSTALLED, message, INSTALL_HINT)
    return MosquittoBroker(settings, program, say=say)


class MosquittoBroker:
    """A supervised Mosquitto, restarted after a crash; see RunningBroker."""

    has_mqtt5 = True
    figures = FIGURES

    def __init__(
        self,
        settings: BrokerSettings,
        program: Program,
        *,
        say: Say | None = None,
        restart_delays_s: tuple[float, ...] = RESTART_DELAYS_S,
    ) -> None:
        self.settings = settings
        self.program = program
        self.login = new_login(settings)
        self._say = say or log.warning
        self._delays = restart_delays_s
        self._process: GuardedProcess | None = None
        self._folder: RuntimeDir | None = None
        self._people = threading.Lock()  # guards the files of users and rules, and the next two
        self._handles_signals = False  # before it does, SIGHUP would end it
        self._is_outdated = False  # it may have read the files before they were renewed
        self._stopping = threading.Event()
        self._has_given_up = False
        self._supervisor = threading.Thread(
            target=self._supervise, name="broker-supervisor", daemon=True
        )

    @property
    def kind(self) -> str:
        return self.program.name

    @property
    def url(self) -> str:
        return self.settings.url

    @property
    def limits(self) -> tuple[str, ...]:
        return warnings(self.settings, self.program.version)

    @property
    def reading(self) -> Reading:
        return self._folder.reading if self._folder is not None else EVERYTHING

    @property
    def is_running(self) -> bool:
        return self._supervisor.is_alive() and not (self._has_given_up or self._stopping.is_set())

    @property
    def pid(self) -> int | None:
        """Mosquitto's process number, None while it is down."""
        process = self._process
        return process.pid if process is not None and process.is_alive else None

    @property
    def last_words(self) -> str:
        words = self._process.words() if self._process is not None else ()
        told = [line for line in words if line and not _NOISE.search(line)]
        return re.sub(r"^\d+: ", "", told[-1]) if told else ""

    def start(self) -> None:
        """Start it and return once it listens.

        Raises:
            BrokerProblem: USAGE, FILE or PORT_TAKEN before anything is started; FAILED, with
                its last words, when it ends by itself or does not answer in time.
        """
        self.settings.validate()
        check_tls(self.settings)
        check_port(self.settings)
        try:
            self._launch()
        except BaseException:
            self.stop()
            raise
        self._supervisor.start()

    def stop(self) -> None:
        self._stopping.set()
        if self._process is not None:
            self._process.stop()
        if self._supervisor.is_alive():
            self._supervisor.join(START_TIMEOUT_S)
        if self._folder is not None:
            self._folder.remove()

    def renew_people(self) -> None:
        """Load users, accounts and invites again; clients without an account are disconnected.

        The other clients stay connected. While it is being restarted, and always on Windows, which
        has no signal for it, they take effect with its next start.

        Raises:
            BrokerProblem: of kind FILE; then everything stays as it was.
        """
        if not self.settings.is_guarded or self._folder is None or os.name != "posix":
            return
        with self._people:
            self._folder.put_people()
            self._is_outdated = True
            self._reload()

    def _reload(self) -> None:
        """Make it read users and rules again; while it starts, `_launch` does so at the end."""
        if self._is_outdated and self._handles_signals and (pid := self.pid) is not None:
            self._is_outdated = False
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGHUP)

    def _launch(self) -> None:
        """One start: files, process, wait until it listens."""
        if self._folder is not None:
            self._folder.remove()
        folder = self._folder = RuntimeDir(self.settings, self.program.version, self.login)
        try:
            with self._people:
                self._handles_signals = self._is_outdated = False
                folder.fill()
            command = [str(self.program.path), "-c", str(folder.conf)]
            self._process = GuardedProcess(command, folder=folder.path)
            self._wait_until_listening(self._process)
        except BaseException:
            if self._process is not None:
                self._process.stop()
            folder.remove()
            raise
        with self._people:
            folder.started()
            self._handles_signals = True
            self._reload()

    def _wait_until_listening(self, process: GuardedProcess) -> None:
        """Wait until it answers MQTT: its port opens before it has read its certificate."""
        tls = _unverified() if self.settings.has_tls else None
        deadline = time.monotonic() + START_TIMEOUT_S
        while time.monotonic() < deadline and not self._stopping.is_set():
            if not process.is_alive:
                raise self._failure("ended by itself")
            if speaks_mqtt(self.settings.local_host, self.settings.port, tls=tls):
                return
            time.sleep(0.02)
        raise self._failure(f"did not answer within {START_TIMEOUT_S:.0f} s")

    def _failure(self, what: str) -> BrokerProblem:
        hint = f"its last words: {self.last_words}" if self.last_words else ""
        return BrokerProblem(ProblemKind.FAILED, f"{self.program.name} {what}", hint)

    def _supervise(self) -> None:
        """Restart it when it ends, unless `stop` was called or it keeps ending."""
        quick_deaths = 0
        while self._process is not None:
            began = time.monotonic()
            self._process.wait()
            if self._stopping.is_set():
                return
            self._process.stop()  # its guard may still run
            lived_s = time.monotonic() - began
            quick_deaths = quick_deaths + 1 if lived_s < QUICK_DEATH_S else 1
            if not self._bring_back(quick_deaths):
                return

    def _bring_back(self, quick_deaths: int) -> bool:
        """Restart with back-off; False when it stays down."""
        words = f" ({self.last_words})" if self.last_words else ""
        while quick_deaths <= len(self._delays):
            self._say(f"The broker stopped unexpectedly{words}; starting it again.")
            if self._stopping.wait(self._delays[quick_deaths - 1]):
                return False
            try:
                self._launch()
            except (BrokerProblem, OSError) as problem:
                if self._stopping.is_set():
                    return False
                words = f" ({self.last_words or problem})"
                quick_deaths += 1
                continue
            return True
        self._has_given_up = True
        self._say(f"The broker stopped {quick_deaths} times in a row{words}; giving up.")
        return False


def _unverified() -> ssl.SSLContext:
    """Only to see whether it is up; certificates are checked by `preflight`."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context
