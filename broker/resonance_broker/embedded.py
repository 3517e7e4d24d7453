"""The backend `embedded`: amqtt, in pure Python, for one small room without Mosquitto."""

from __future__ import annotations

import asyncio
import contextlib
import importlib.metadata
import logging
import threading
from typing import TYPE_CHECKING

from resonance_broker.accounts import EVERYTHING
from resonance_broker.mosquitto import INSTALL_HINT
from resonance_broker.preflight import check_port
from resonance_broker.problem import BrokerProblem, ProblemKind
from resonance_broker.running import Figure, Say
from resonance_broker.settings import BrokerSettings
from resonance_tui.errors import ExtraMissing
from resonance_tui.extras import install_command, require

if TYPE_CHECKING:
    from amqtt.broker import Broker

START_TIMEOUT_S = 10.0
STOP_TIMEOUT_S = 3.0
LIMITS = (
    "Without Mosquitto a small built-in broker does its work: good for about 50 viewers on"
    " this machine, without passwords.",
    "It speaks MQTT 3.1.1, so what a viewer leaves behind expires in the programs that"
    " read it, not in the broker.",
)


FIGURES: dict[str, Figure] = {"$SYS/broker/messages/publish/sent": "sent"}


def create(settings: BrokerSettings, say: Say | None) -> EmbeddedBroker:
    """The backend `embedded`. It is not restarted after a crash, so `say` is not used."""
    return EmbeddedBroker(settings)


class EmbeddedBroker:
    """amqtt in a thread with an event loop of its own; see RunningBroker."""

    login = None
    has_mqtt5 = False
    figures = FIGURES
    reading = EVERYTHING

    def __init__(self, settings: BrokerSettings, *, too_old: str = "") -> None:
        """`too_old`: the name of a Mosquitto that is installed and too old, if any."""
        self.settings = settings
        self.limits = (*([f"{too_old} is too old (2.0 is needed)."] if too_old else ()), *LIMITS)
        self.last_words = ""
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stopping: asyncio.Event | None = None
        self._is_up = threading.Event()
        self._thread = threading.Thread(target=self._work, name="broker-embedded", daemon=True)

    @property
    def kind(self) -> str:
        return f"embedded amqtt {importlib.metadata.version('amqtt')}"

    @property
    def url(self) -> str:
        return self.settings.url

    @property
    def is_running(self) -> bool:
        return self._thread.is_alive() and self._is_up.is_set()

    def start(self) -> None:
        """Start it and return once it listens.

        Raises:
            BrokerProblem: NOT_INSTALLED for what only Mosquitto can do; EXTRA_MISSING without
                amqtt; USAGE, PORT_TAKEN; FAILED when it cannot be started.
        """
        self.settings.validate()
        _check_abilities(self.settings)
        _check_installed()
        check_port(self.settings)
        self._thread.start()
        while self._thread.is_alive() and not self._is_up.wait(0.05):
            pass
        if not self._is_up.is_set():
            message = f"{self.kind} could not start"
            raise BrokerProblem(ProblemKind.FAILED, message, self.last_words)

    def renew_people(self) -> None:
        """It has no accounts."""

    def stop(self) -> None:
        if self._loop is not None and self._stopping is not None:
            with contextlib.suppress(RuntimeError):  # the loop is closed already
                self._loop.call_soon_threadsafe(self._stopping.set)
        if self._thread.is_alive():
            self._thread.join(STOP_TIMEOUT_S + 1)

    def _work(self) -> None:
        # Its log names every client's address, and calls each closed connection an error.
        logging.getLogger("amqtt").setLevel(logging.CRITICAL)
        try:
            asyncio.run(self._serve())
        except Exception as error:  # the thread ends here; the caller reads `last_words`
            self.last_words = str(error) or type(error).__name__
        finally:
            self._is_up.clear()

    async def _serve(self) -> None:
        from amqtt.broker import Broker

        from resonance_broker.embedded_watch import ConnectionWatch

        self._loop, self._stopping = asyncio.get_running_loop(), asyncio.Event()
        broker = Broker(_config(self.settings))
        watch = broker.plugins_manager.get_plugin(ConnectionWatch.__name__)
        assert isinstance(watch, ConnectionWatch), "it is in the configuration"
        watch.begin(broker)
        async with asyncio.timeout(START_TIMEOUT_S):
            await broker.start()
        watching = asyncio.create_task(watch.run(), name="silent clients")
        self._is_up.set()
        await self._stopping.wait()
        watching.cancel()
        await _shut_down(broker)
        watch.hang_up()


async def _shut_down(broker: Broker) -> None:
    """Bounded in time: a client that does not disconnect must not delay the end. First the port is
    let go of: amqtt does that last, and takes in who dials again meanwhile."""
    for each in broker._servers.values():  # pyright: ignore[reportPrivateUsage]
        each.instance.close()
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(STOP_TIMEOUT_S):
            await broker.shutdown()


def _config(settings: BrokerSettings) -> dict[str, object]:
    return {  # amqtt splits at the last colon and wants no brackets around IPv6
        "listeners": {"default": {"type": "tcp", "bind": f"{settings.host}:{settings.port}"}},
        "plugins": {
            "amqtt.plugins.authentication.AnonymousAuthPlugin": {"allow_anonymous": True},
            "resonance_broker.embedded_watch.ConnectionWatch": {},
            "amqtt.plugins.sys.broker.BrokerSysPlugin": {"sys_interval": settings.stats_interval_s},
        },
    }


def _check_abilities(settings: BrokerSettings) -> None:
    """Only Mosquitto may be shown to other machines, know passwords or speak TLS."""
    wanted = [
        *(["be public"] if settings.public else []),
        *(["check passwords"] if settings.asks_for_names else []),
        *(["speak TLS"] if settings.has_tls else []),
    ]
    if wanted:
        raise BrokerProblem(
            ProblemKind.NOT_INSTALLED,
            f"the built-in broker cannot {' or '.join(wanted)}, and Mosquitto is not used",
            INSTALL_HINT,
        )


def _check_installed() -> None:
    try:
        require("host", "A broker without Mosquitto", "amqtt")
    except ExtraMissing as error:
        hint = f"{INSTALL_HINT}; or the built-in one: {install_command('host')}"
        raise BrokerProblem(ProblemKind.EXTRA_MISSING, error.message, hint) from None
