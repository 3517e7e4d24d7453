"""Under which address others find this machine, who they are, and what its certificate says."""

from __future__ import annotations

import contextlib
import ipaddress
import re
import socket
import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from resonance_broker.problem import BrokerProblem, ProblemKind
from resonance_broker.settings import BrokerSettings, is_loopback


class Reach(StrEnum):
    """Who can reach an address, in the words that the host is told."""

    MACHINE = "this machine only"
    CONTAINERS = "containers and virtual machines on this machine"
    LINK = "your network, machines on the same switch or Wi-Fi"
    NETWORK = "your network"
    VPN = "your VPN"
    INTERNET = "perhaps the internet"


@dataclass(frozen=True, slots=True)
class LocalAddress:
    """One address of this machine."""

    text: str  # 192.168.1.5, or of IPv6 fe80::1%eth0 where it holds on one interface alone
    interface: str = ""

    @property
    def reach(self) -> Reach:
        return reach_of(self.text, self.interface)

    @property
    def is_v6(self) -> bool:
        return ":" in self.text


_MADE_UP = re.compile(r"(docker|br-|virbr|veth|vmnet|vboxnet|lxc|lxd|cni|podman|vEthernet)")
_TUNNELS = re.compile(r"(tun|tap|wg|utun|tailscale|zt|ppp|ipsec)")
# Of providers for many customers at once (RFC 6598), and of private networks between machines.
_SHARED = ipaddress.ip_network("100.64.0.0/10")


def reach_of(address: str, interface: str = "") -> Reach:
    """Who can reach an IP address of this machine. Raises ValueError for what is none.

    The interface's name tells networks that are made up inside this machine, and tunnels.
    """
    ip = ipaddress.ip_address(address)
    if ip.is_loopback:
        return Reach.MACHINE
    if _MADE_UP.match(interface):
        return Reach.CONTAINERS
    if _TUNNELS.match(interface):
        return Reach.VPN
    if ip.is_link_local:
        return Reach.LINK
    is_inside = ip.is_private or (ip.version == 4 and ip in _SHARED)
    return Reach.NETWORK if is_inside else Reach.INTERNET


def local_addresses() -> list[LocalAddress]:
    """Every address of this machine, as its interfaces have them."""
    import ifaddr

    found: list[LocalAddress] = []
    for adapter in ifaddr.get_adapters():
        for each in adapter.ips:
            text = each.ip if isinstance(each.ip, str) else each.ip[0].partition("%")[0]
            is_link = ipaddress.ip_address(text).is_link_local
            zone = f"%{adapter.name}" if is_link and each.is_IPv6 else ""
            found.append(LocalAddress(text + zone, adapter.name))
    return found


def listened_on(host: str, addresses: Sequence[LocalAddress]) -> list[LocalAddress]:
    """Those of the addresses at which a broker that listens on `host` is found, the widest
    reach first."""
    match host:
        case "*":
            fitting = list(addresses)
        case "0.0.0.0" | "::":
            fitting = [each for each in addresses if each.is_v6 == (host == "::")]
        case _:
            same = [each for each in addresses if each.text == host]
            fitting = same or _alone(host)
    order = list(Reach)
    return sorted(fitting, key=lambda each: -order.index(each.reach))


def _alone(host: str) -> list[LocalAddress]:
    """The host as an address that no interface of ours owns up to; none for a name."""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return [LocalAddress("127.0.0.1", "lo")] if is_loopback(host) else []
    return [LocalAddress(host)]


def reach_lines(port: int, addresses: Sequence[LocalAddress], shared: str) -> list[str]:
    """For the host: who can reach each address; `shared` is the one in the links."""
    width = max((len(each.text) for each in addresses), default=0)
    lines: list[str] = []
    for each in addresses:
        is_wide = each.reach is Reach.INTERNET
        what = f"{each.reach}: forward port {port}" if is_wide else str(each.reach)
        mark = " (in the links)" if each.text == shared else ""
        lines.append(f"  {each.text:<{width}}  {what}{mark}")
    return lines


# --- what links say ----------------------------------------------------------------------------


_EVERYBODY = "255.255.255.255"
_ADVERTISED = re.compile(
    r"(?:\[(?P<v6>[0-9A-Fa-f:.]{2,45})\]|(?P<name>[A-Za-z0-9](?:[A-Za-z0-9._-]{0,251}[A-Za-z0-9])?))"
    r"(?::(?P<port>[0-9]{1,5}))?"
)


def parse_advertised(text: str) -> tuple[str, int | None]:
    """Name and port of `NAME[:PORT]`; an IPv6 address stands in brackets where a port follows.

    Raises:
        BrokerProblem: of kind USAGE.
    """
    bare = text.strip()
    found = _ADVERTISED.fullmatch(bare)
    host = (found["v6"] or found["name"]) if found else bare
    port = int(found["port"]) if found and found["port"] else None
    if not (found or _is_v6(bare)) or (port is not None and not 1 <= port <= 65535):
        raise _refused("is no NAME or NAME:PORT", "for example --advertise home.example:8883")
    _check_host(host)
    return host, port


def _check_host(host: str) -> None:
    """Raises BrokerProblem for a name that cannot be, and for what leads nobody here."""
    ip = _address_in(host)
    if ip is None and not _is_name(host):
        raise _refused("is no NAME or NAME:PORT", "for example --advertise home.example:8883")
    if ip.is_loopback if ip is not None else is_loopback(host):
        raise _refused("leads everybody to their own computer", "give a name that others know")
    if ip is not None and (ip.is_unspecified or ip.is_multicast or str(ip) == _EVERYBODY):
        raise _refused("is the address of no machine", "give a name that others know")


def _is_name(host: str) -> bool:
    """A label holds 63 signs at most; where the last one is a number, it is half an address."""
    labels = host.split(".")
    is_number = re.fullmatch(r"[0-9]+|0[xX][0-9A-Fa-f]*", labels[-1])
    return is_number is None and all(1 <= len(each) <= 63 for each in labels)


def _address_in(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        ip = ipaddress.ip_address(host)
    except ValueError:
        return None
    mapped = ip.ipv4_mapped if ip.version == 6 else None
    return mapped or ip


def _refused(what: str, hint: str) -> BrokerProblem:
    return BrokerProblem(ProblemKind.USAGE, f"what --advertise was given {what}", hint)


def _is_v6(text: str) -> bool:
    try:
        return ipaddress.ip_address(text).version == 6
    except ValueError:
        return False


def shared_host(settings: BrokerSettings, *, any_name: bool = False) -> str:
    """The host to put into a URL for others; with TLS one that the certificate names, if any,
    unless viewers know it by its fingerprint (`any_name`)."""
    if settings.advertised_host:
        return settings.advertised_host
    if not settings.is_everywhere:
        return settings.host
    names = (outward_address(settings.host), socket.getfqdn(), socket.gethostname())
    fitting = (name for name in names if any_name or not certificate_trouble(settings, name))
    return next(fitting, names[0])


def outward_address(host: str = "*") -> str:
    """This machine's address towards others, asked of the routing table: nothing is sent.

    `host`: what is listened on; "::" for IPv6 alone.
    """
    v4, v6 = (socket.AF_INET, "192.0.2.1"), (socket.AF_INET6, "2001:db8::1")
    for family, example in [v6] if host == "::" else [v4] if host == "0.0.0.0" else [v4, v6]:
        with contextlib.suppress(OSError), socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.connect((example, 9))
            return probe.getsockname()[0]
    near = [each for each in listened_on(host, local_addresses()) if each.reach is Reach.NETWORK]
    return near[0].text if near else socket.gethostname()  # a network without a way out


def certificate_trouble(settings: BrokerSettings, host: str) -> str:
    """Why a viewer who trusts the certificate's maker would still refuse it; "" if he would not.

    Raises:
        ssl.SSLError, OSError: for files that `preflight.check_tls` refuses.
    """
    if settings.tls_cert is None or settings.tls_key is None:
        return ""
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(settings.tls_cert, settings.tls_key)
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    ends = (
        trusting_context(settings.tls_cert).wrap_bio(to_client, to_server, server_hostname=host),
        server.wrap_bio(to_server, to_client, server_side=True),
    )
    for end in ends * 3:  # a handshake between two ends in memory: nothing is sent
        try:
            end.do_handshake()
        except ssl.SSLWantReadError:
            continue
        except ssl.SSLCertVerificationError as error:
            return error.verify_message
    return ""


def trusting_context(certificate: Path) -> ssl.SSLContext:
    """A client that trusts exactly this certificate, under a name that it holds."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    context.load_verify_locations(certificate)
    return context
