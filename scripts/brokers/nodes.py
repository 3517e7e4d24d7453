"""Clusters on loopback, from the files that a host would deploy: a node may die and come back."""

from __future__ import annotations

import os
import secrets
import shutil
import tempfile
from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from brokers.errors import NotHere
from brokers.free_ports import free_port
from brokers.running import Broker, Place, Start
from resonance_broker.cluster.layout import Node, Secrets, mosquitto_files, nats_files

KINDS = {"edges": "mosquitto", "nats": "nats-server"}
_PATH = f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin"


@dataclass
class Cluster:
    """`nodes`: those that viewers turn to, by name; `behind`: a core, which none of them does."""

    kind: str
    nodes: dict[str, Broker]
    behind: list[Broker] = field(default_factory=list[Broker])

    def url(self, first: int = 0, login: str = "") -> str:
        """The list of all nodes, beginning with that one."""
        urls = [each.url.replace("://", f"://{login}") for each in self.nodes.values()]
        return ",".join((*urls[first:], *urls[:first]))

    def start(self) -> None:
        """All at once: none of NATS answers alone. Raises NotHere where one does not come up."""
        nodes = [*self.behind, *self.nodes.values()]
        with ThreadPoolExecutor(len(nodes)) as pool:
            list(pool.map(Broker.start, nodes))

    def kill(self) -> None:
        for each in (*self.nodes.values(), *self.behind):
            each.kill()


def _files(kind: str, nodes: list[Node], folder: Path) -> dict[str, str]:
    drawn = Secrets({each.name: secrets.token_hex(8) for each in nodes}, "between", "v", "staff")
    if kind == "nats":
        return nats_files(nodes, drawn, folder=str(folder))
    user = "user root\n" if os.geteuid() == 0 else ""  # else it could not read the files
    texts = mosquitto_files(nodes[0], nodes[1:], drawn, folder=str(folder))
    is_conf = {name: name.endswith(".conf") for name in texts}
    return {name: (user if is_conf[name] else "") + text for name, text in texts.items()}


def _broker(program: str, folder: Path, node: Node) -> Broker:
    store = folder / f"at-{node.name}"
    store.mkdir()
    start = Start((program, "-c", str(folder / f"{node.name}.conf")))
    return Broker(Place(folder, store, node.port, 0), start)


@contextmanager
def cluster(kind: str, program: str = "") -> Generator[Cluster]:
    """Three edges around a core, or three nodes of NATS, for the length of the block.

    `program`: another one than that of this machine. Raises NotHere where there is none.
    """
    program = program or shutil.which(KINDS[kind], path=_PATH) or ""
    if not program:
        raise NotHere(f"{KINDS[kind]} is not installed")
    names = ("one", "two", "three") if kind == "nats" else ("core", "berlin", "oslo", "quito")
    ports = ((free_port(), free_port(), free_port()) for _ in names)
    nodes = [Node(name, "127.0.0.1", *each) for name, each in zip(names, ports, strict=True)]
    with tempfile.TemporaryDirectory(prefix=f"{kind}-", ignore_cleanup_errors=True) as place:
        folder = Path(place)
        for name, text in _files(kind, nodes, folder).items():
            (folder / name).write_text(text)
        brokers = {each.name: _broker(program, folder, each) for each in nodes}
        core = [brokers.pop("core")] if kind == "edges" else []
        found = Cluster(kind, brokers, core)
        try:
            found.start()
            yield found
        finally:
            for each in (*brokers.values(), *core):
                each.end()
