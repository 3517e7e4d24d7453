"""What lies on each machine of a cluster: names to file texts; pure but for reading templates."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from importlib.resources import files
from string import Template

from resonance_broker.access import totals_alone
from resonance_broker.passwords import hash_password
from resonance_broker.problem import BrokerProblem, ProblemKind
from resonance_broker.settings import is_loopback
from resonance_tui.protocol.messages import EDGE, TABLE
from resonance_tui.protocol.table import Message
from resonance_tui.protocol.values import Party

_NAME = re.compile(r"[a-z0-9_-]{1,16}")
_HOST = re.compile(r"[A-Za-z0-9.:-]{1,253}")
WHOLE_EDGE = "pattern read resonance/#"
WHOLE_NATS = '"resonance.1.>"'
NATS_NODES = (3, 5)  # fewer survive nothing; with an even number no more survive than with one less


@dataclass(frozen=True, slots=True)
class Node:
    """One broker. `host`: where it listens and where the others reach it."""

    name: str  # 1-16 of a-z 0-9 _ -
    host: str = "127.0.0.1"
    port: int = 1883  # for viewers; of a core, for bridges
    client_port: int = 4222  # NATS alone, as the next
    cluster_port: int = 6222

    @property
    def url(self) -> str:
        scheme = "mqtt" if is_loopback(self.host) else "mqtts"
        return f"{scheme}://{self.host}:{self.port}"

    def validate(self) -> None:
        """Raises BrokerProblem of kind USAGE."""
        if not _NAME.fullmatch(self.name):
            raise _usage(f"{self.name!r} is not a name for a node", "use 1 to 16 of a-z 0-9 _ -")
        if not _HOST.fullmatch(self.host):
            raise _usage(f"{self.host!r} is not a host", "for example berlin.example")
        if not all(1 <= port <= 65535 for port in (self.port, self.client_port, self.cluster_port)):
            raise _usage(f"a port of {self.name} is none", "ports go from 1 to 65535")


@dataclass(frozen=True, slots=True)
class Secrets:
    """Drawn at random when the files are written."""

    nodes: dict[str, str] = field(repr=False)  # an edge's name: its bridge's password
    cluster: str = field(default="", repr=False)  # between the nodes of NATS
    viewer: str = field(default="", repr=False)
    staff: str = field(default="", repr=False)


def mosquitto_files(
    core: Node,
    edges: Sequence[Node],
    secrets: Secrets,
    *,
    folder: str,
    tls: bool | None = None,
    totals: bool = False,
) -> dict[str, str]:
    """`core.conf`, `core.users`, `core.acl`, and for each edge `NAME.conf` and `NAME.acl`.

    `folder`: where they will lie. `tls`: whether bridges use it; by itself, off loopback. Then
    core.crt and core.key are expected there, and ca.crt, which vouches for the core. An edge off
    loopback expects NAME.crt, NAME.key and NAME.users (mosquitto_passwd).
    `totals`: of others viewers read totals alone.

    Raises:
        BrokerProblem: of kind USAGE, for names, hosts or ports that are none, or are there twice.
    """
    _validate([core, *edges])
    if core.name != "core":
        raise _usage(
            f"{core.name!r} stands where the core does", "name it core, and the edges after it"
        )
    tls = not is_loopback(core.host) if tls is None else tls
    made = _core_files(core, edges, secrets, folder, tls=tls)
    for edge in edges:
        made |= _edge_files(core, edge, secrets, folder, tls=tls, totals=totals)
    return made


def _core_files(
    core: Node, edges: Sequence[Node], secrets: Secrets, folder: str, *, tls: bool
) -> dict[str, str]:
    hashes = {each.name: hash_password(secrets.nodes[each.name]) for each in edges}
    return {
        "core.conf": _fill(
            "core.conf",
            **_place(core),
            bind=_bind(core),
            folder=folder,
            tls=_tls(folder, "core") if tls else "",
        ),
        "core.users": "".join(f"edge-{name}:{each}\n" for name, each in hashes.items()),
        "core.acl": "\n".join(core_acl(edge) for edge in edges),
    }


def _edge_files(
    core: Node, edge: Node, secrets: Secrets, folder: str, *, tls: bool, totals: bool
) -> dict[str, str]:
    conf = _fill(
        "edge.conf",
        **_place(edge),
        bind=_bind(edge),
        guard=_guard(edge, folder),
        core_host=core.host,
        core_port=core.port,
        bridge_tls=f"bridge_cafile {folder}/ca.crt" if tls else "",
        password=secrets.nodes[edge.name],
        edge_topic=EDGE.topic.of(edge.name),
        edge_topics=EDGE.topic.filter(),
        bridge_topics=bridge_topics(),
    )
    return {f"{edge.name}.conf": conf, f"{edge.name}.acl": edge_acl(edge, totals=totals)}


def nats_files(
    nodes: Sequence[Node], secrets: Secrets, *, folder: str, totals: bool = False
) -> dict[str, str]:
    """`NAME.conf` for each node. Off loopback NAME.crt and NAME.key are expected beside it.
    `totals`: viewers read totals alone.

    Raises:
        BrokerProblem: of kind USAGE, for another number of nodes than 3 or 5, or see above.
    """
    _validate(nodes)
    if len(nodes) not in NATS_NODES:
        raise _usage(f"{len(nodes)} nodes make no NATS cluster", "use 3, or 5")
    routes = "\n".join(
        f'    "nats-route://node:{secrets.cluster}@{each.host}:{each.cluster_port}"'
        for each in nodes
    )
    users = "\n".join(
        f'    {{ user: {name}, password: "{password}", permissions: ${name} }}'
        for name, password in (("viewer", secrets.viewer), ("staff", secrets.staff))
    )
    return {
        f"{node.name}.conf": _fill(
            "nats.conf",
            **_place(node),
            bind=node.host if is_loopback(node.host) else "0.0.0.0",
            client_port=node.client_port,
            cluster_port=node.cluster_port,
            tls=_nats_door(node, folder),
            folder=folder,
            secret=secrets.cluster,
            routes=routes,
            users=users,
            viewer_subjects=viewer_subjects(),
            read_subjects=read_subjects(totals=totals),
        )
        for node in nodes
    }


def _validate(nodes: Sequence[Node]) -> None:
    for node in nodes:
        node.validate()
    if len({each.name for each in nodes}) < len(nodes):
        raise _usage("two nodes have one name", "each needs its own")
    if len({(each.host, each.port) for each in nodes}) < len(nodes):
        raise _usage("two nodes have one address", "each needs its own host or port")
    if len({is_loopback(each.host) for each in nodes}) > 1:
        raise _usage("some nodes are on this machine alone", "give all of them hosts, or none")


def _fill(template: str, **values: object) -> str:
    text = files("resonance_broker.cluster").joinpath(template).read_text(encoding="utf-8")
    return Template(text).substitute(values)


def _place(node: Node) -> dict[str, object]:
    return {"name": node.name, "port": node.port}


def _bind(node: Node) -> str:
    """Off loopback all addresses: the one that others know may not be this machine's own."""
    return f" {node.host}" if is_loopback(node.host) else ""


def _tls(folder: str, name: str) -> str:
    return "\n".join(
        (f"certfile {folder}/{name}.crt", f"keyfile {folder}/{name}.key", "tls_version tlsv1.2")
    )


def _guard(edge: Node, folder: str) -> str:
    if is_loopback(edge.host):
        return "allow_anonymous true"
    users = f"allow_anonymous false\npassword_file {folder}/{edge.name}.users"
    return f"{_tls(folder, edge.name)}\n{users}\nacl_file {folder}/{edge.name}.acl"


def _nats_door(node: Node, folder: str) -> str:
    if is_loopback(node.host):
        return "no_auth_user: viewer"
    place = f"{folder}/{node.name}"
    return f'tls {{ cert_file: "{place}.crt", key_file: "{place}.key" }}'


def core_acl(edge: Node) -> str:
    """What an edge's bridge may do at the core."""
    shared = [f"topic readwrite {message.topic.filter()}" for message in _bridged()]
    notices = [
        f"topic write {EDGE.topic.of(edge.name)}",
        f"topic read {EDGE.topic.filter()}",
    ]
    return "\n".join((f"user edge-{edge.name}", *shared, *notices, ""))


def _bridged() -> list[Message]:
    return [message for message in TABLE if message.is_bridged]


def bridge_topics() -> str:
    """What goes from edge to edge."""
    return "\n".join(f"topic {each.topic.filter()} both {each.qos}" for each in _bridged())


def published_by(party: Party, *, own: str = "+", expires: bool = True) -> list[str]:
    """What this party publishes in rooms, under the name `own`; for hosts without what they share
    with aggregators.
    """
    return [
        message.topic.filter(shard="+", viewer_id=own, agent_id=own)
        for message in TABLE
        if message.topic.is_in_room
        and message.is_published_by(party, expires=expires)
        and (party is not Party.HOST or Party.AGGREGATOR not in message.who_may_publish)
    ]


def edge_acl(edge: Node, *, totals: bool = False) -> str:
    """What accounts may do at an edge. `totals`: of others viewers read totals alone; an account
    for somebody who records is named in it by hand."""
    agent = f"agg-{edge.name}"
    counting = [f"topic write {each}" for each in published_by(Party.AGGREGATOR, own=agent)]
    hosting = [f"topic write {each}" for each in published_by(Party.HOST)]
    viewers = [f"pattern write {each}" for each in published_by(Party.VIEWER, own="%u")]
    if not totals:
        return "\n".join(
            (
                *("# Every account reads rooms and writes what bears its own name.",),
                *(WHOLE_EDGE, *viewers, "", f"user {agent}", *counting, ""),
                *("user resonance-host", *hosting, ""),
            )
        )
    everything = "topic read resonance/#"
    reads = [f"pattern read {each}" for each in totals_alone("+", "%u", shard="+")]
    return "\n".join(
        (
            "# Every account reads totals and its own, and writes what bears its own name.",
            *(*reads, *viewers, "", f"user {agent}", everything, *counting, ""),
            *("user resonance-host", everything, *hosting, ""),
        )
    )


def read_subjects(*, totals: bool = False) -> str:
    """What viewers of a NATS cluster may subscribe to. They share an account, so that none of them
    has an own report to read."""
    told = [each.topic.filter() for each in TABLE if each.is_told_to_all]
    return _dotted(told) if totals else WHOLE_NATS


def viewer_subjects() -> str:
    """What viewers of a NATS cluster may publish."""
    return _nats_subjects(Party.VIEWER, Party.LOGGER)


def _nats_subjects(*parties: Party) -> str:
    subjects = dict.fromkeys(
        each for party in parties for each in published_by(party, expires=False)
    )
    return _dotted(subjects)


def _dotted(topics: Iterable[str]) -> str:
    """Slashes and wildcards as NATS writes them."""
    dotted = (each.replace("/", ".").replace("+", "*") for each in topics)
    return ", ".join(f'"{each}"' for each in dotted)


def _usage(message: str, hint: str) -> BrokerProblem:
    return BrokerProblem(ProblemKind.USAGE, message, hint)
