"""What a broker is asked to be, and the Mosquitto configuration that makes it so; pure."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from pathlib import Path

from resonance_broker.problem import BrokerProblem, ProblemKind

Version = tuple[int, int, int]
RETAIN_EXPIRY_SINCE: Version = (2, 0, 21)
CONNECTIONS_COUNTED_SINCE: Version = (2, 0, 12)
_HOST = re.compile(r"\*|[A-Za-z0-9._-]+|[0-9A-Fa-f:.]+(%[A-Za-z0-9._-]+)?")
EVERYWHERE = "*"  # every address of this machine, IPv4 and IPv6
_ALL = {EVERYWHERE: "127.0.0.1", "0.0.0.0": "127.0.0.1", "::": "::1"}

# Names of the files beside the generated configuration.
USERS_FILE = "users"
ACCESS_FILE = "access"
CERT_FILE = "cert.pem"
KEY_FILE = "key.pem"


@dataclass(frozen=True, slots=True)
class BrokerSettings:
    """Where the broker listens, who may log in, and how connections are protected.

    Without options: this machine only, without passwords.
    """

    host: str = "127.0.0.1"
    port: int = 1883
    users: Path | None = None  # made by mosquitto_passwd: hashed passwords only
    accounts: Path | None = None  # folder of an `AccountsStore`: its accounts may connect, too
    tls_cert: Path | None = None
    tls_key: Path | None = None
    public: bool = False  # other machines may connect
    insecure: bool = False  # public without users or without TLS, knowingly
    advertised_host: str = ""  # the name that links give to others; "" for an address of ours
    advertised_port: int | None = None  # where a router or tunnel takes them; None for `port`
    program: str = "auto"  # a name of `backends`
    max_packet_size: int = 4096  # bytes; every message of the protocol fits
    stats_interval_s: int = 1  # how often $SYS is renewed

    @property
    def has_tls(self) -> bool:
        return self.tls_cert is not None

    @property
    def is_guarded(self) -> bool:
        """Whether access rules and the host's own account are in force."""
        return self.asks_for_names or self.public

    @property
    def asks_for_names(self) -> bool:
        return self.users is not None or self.accounts is not None

    @property
    def needs_mosquitto(self) -> bool:
        """Whether the embedded broker cannot do it."""
        return self.is_guarded or self.has_tls

    @property
    def is_everywhere(self) -> bool:
        """Whether it listens on every address, of one family or of both."""
        return self.host in _ALL

    @property
    def local_host(self) -> str:
        """The address under which this very machine reaches the broker."""
        return _ALL.get(self.host, self.host)

    @property
    def url(self) -> str:
        return self.url_for(self.local_host)

    def url_for(self, host: str) -> str:
        """The broker's URL under another of its addresses."""
        scheme = "mqtts" if self.has_tls else "mqtt"
        is_advertised = host == self.advertised_host and self.advertised_port is not None
        port = self.advertised_port if is_advertised else self.port
        return f"{scheme}://{f'[{host}]' if ':' in host else host}:{port}"

    def validate(self) -> None:
        """Refuse what contradicts itself or would be unsafe without having been asked for.

        Raises:
            BrokerProblem: of kind USAGE.
        """
        if not _HOST.fullmatch(self.host):
            raise _usage(f"{self.host!r} is not an address to listen on", "for example 127.0.0.1")
        if not 1 <= self.port <= 65535:
            raise _usage(f"{self.port} is not a port", "ports go from 1 to 65535")
        if (self.tls_cert is None) != (self.tls_key is None):
            missing = "--tls-key" if self.tls_key is None else "--tls-cert"
            raise _usage("TLS needs both a certificate and its key", f"add {missing} FILE")
        if self.insecure and not self.public:
            raise _usage(
                "--insecure means nothing for a broker on this machine alone",
                "leave it out, or add --public",
            )
        if self.public:
            self._validate_public()
        elif not is_loopback(self.host):
            raise _usage(
                f"{self.host} can be reached from other machines",
                "say so with --public, or leave --host out to stay on this machine",
            )

    def _validate_public(self) -> None:
        if is_loopback(self.host):
            raise _usage(
                f"--public, but {self.host} can only be reached from this machine",
                "leave --host out, or give an outward address",
            )
        missing = [
            *([] if self.asks_for_names else ["accounts or a users file (--users FILE)"]),
            *([] if self.has_tls else ["TLS (--tls, or --tls-cert FILE --tls-key FILE)"]),
        ]
        if missing and not self.insecure:
            raise _usage(
                f"a public broker needs {' and '.join(missing)}",
                "add what is missing, or --insecure where everyone on the network is trusted",
            )


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach that address."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost"


def warnings(settings: BrokerSettings, version: Version) -> tuple[str, ...]:
    """What people should know of this broker, one sentence each: what an --insecure one means,
    and what a Mosquitto of that version cannot enforce for one that other machines reach."""
    said: list[str] = []
    if settings.public and not settings.asks_for_names:
        said.append("No passwords: everyone who reaches this address can join, read and report.")
    if settings.public and not settings.has_tls:
        secrets = "reports and passwords" if settings.asks_for_names else "reports"
        said.append(f"No TLS: everyone on the way can read {secrets}.")
    if settings.public:
        said += _gaps(version)
    return tuple(said)


def _gaps(version: Version) -> list[str]:
    name = "Mosquitto " + ".".join(map(str, version))
    gaps = ["messages a second", "connections from one address", "what a payload holds"]
    if version < CONNECTIONS_COUNTED_SINCE:
        gaps.append("connections in all (it miscounts them)")
    said = [
        f"{name} cannot limit {', '.join(gaps[:-1])} or {gaps[-1]}: viewers' programs bound what "
        "they take in; for the rest put a firewall in front.",
        f"{name} grants a subscription to anything and then delivers only what the account may "
        "read.",
    ]
    if version < RETAIN_EXPIRY_SINCE:
        said.append(f"{name} keeps an expired message in memory until somebody asks for it.")
    return said


def mosquitto_conf(
    settings: BrokerSettings, data_dir: Path, version: Version, *, run_as: str = ""
) -> str:
    """The mosquitto.conf for these settings.

    The files it names (USERS_FILE, ACCESS_FILE, CERT_FILE, KEY_FILE) are expected in `data_dir`.
    `run_as` is the account a root-started Mosquitto changes to; "" leaves that to Mosquitto.
    """
    lines = [
        f"listener {settings.port} {settings.host}".removesuffix(f" {EVERYWHERE}"),
        f"allow_anonymous {_flag(not settings.asks_for_names)}",
        f"max_packet_size {settings.max_packet_size}",
        "max_keepalive 120",
        # A joiner gets every retained nickname at once: with 200, Mosquitto 2.0.11 delivered
        # 220 of 1,000 at QoS 1 and dropped the rest in silence.
        "max_queued_messages 2000",
        "max_inflight_messages 20",
        # Else it holds a report back until the peer has acknowledged the one before, for 40 ms.
        "set_tcp_nodelay true",
        "persistent_client_expiration 1h",
        "check_retain_source true",
        "persistence false",
        f"sys_interval {settings.stats_interval_s}",
        # Client addresses are not logged, for privacy.
        "connection_messages false",
        "log_dest stderr",
        "log_timestamp false",
        *(f"log_type {level}" for level in ("error", "warning", "notice")),
    ]
    if version >= RETAIN_EXPIRY_SINCE:
        lines.append("retain_expiry_interval 1")  # minutes
    if run_as:
        lines.append(f"user {run_as}")
    if settings.is_guarded:
        lines += [f"password_file {data_dir / USERS_FILE}", f"acl_file {data_dir / ACCESS_FILE}"]
    if settings.has_tls:
        lines += [
            f"certfile {data_dir / CERT_FILE}",
            f"keyfile {data_dir / KEY_FILE}",
            "tls_version tlsv1.2",
        ]
    return "\n".join(lines) + "\n"


def _flag(value: bool) -> str:
    return "true" if value else "false"


def _usage(message: str, hint: str) -> BrokerProblem:
    return BrokerProblem(ProblemKind.USAGE, message, hint)
