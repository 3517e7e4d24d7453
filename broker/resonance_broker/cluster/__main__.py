"""Writes a cluster's files.

`python -m resonance_broker.cluster edges|nats FOLDER [NAME=HOST[:PORT] ...]`, and for one that is
there already `python -m resonance_broker.cluster renew FOLDER`. `--viewers-read totals`: access
rules that let viewers read nothing of each other.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from resonance_broker.certificate import self_signed
from resonance_broker.cluster.layout import Node, Secrets, mosquitto_files, nats_files
from resonance_broker.cluster.renewal import renewed
from resonance_broker.passwords import new_secret
from resonance_broker.problem import BrokerProblem, ProblemKind
from resonance_tui.files import atomic_write

LOOPBACK = {
    "edges": ("core=127.0.0.1:18883", "berlin=127.0.0.1:18831", "oslo=127.0.0.1:18832"),
    "nats": ("one=127.0.0.1:18831", "two=127.0.0.1:18832", "three=127.0.0.1:18833"),
}
RENEW = "renew"
EXAMPLE = """\
without nodes, all of them are on this machine. examples:
  python -m resonance_broker.cluster edges /tmp/edges
  python -m resonance_broker.cluster nats /tmp/nats
  python -m resonance_broker.cluster renew /etc/mosquitto/resonance
  python -m resonance_broker.cluster renew /etc/mosquitto/resonance --viewers-read totals
  python -m resonance_broker.cluster edges out core=core.example berlin=b.example oslo=o.example
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """0; 2 for what cannot be meant, 1 for what cannot be written."""
    parser = argparse.ArgumentParser(
        prog="python -m resonance_broker.cluster",
        description="Write the configuration files of rooms on several machines.",
        epilog=EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("kind", choices=(*LOOPBACK, RENEW))
    parser.add_argument(
        "folder", type=Path, help="where they go; new or empty, but to renew what is there"
    )
    parser.add_argument(
        "nodes", nargs="*", metavar="NAME=HOST[:PORT]", help="edges: the core first"
    )
    parser.add_argument(
        "--at", metavar="DIR", help="where they will lie on their machines (default: FOLDER)"
    )
    parser.add_argument(
        "--viewers-read",
        choices=("everything", "totals"),
        help="what accounts of viewers may read (default: everything; for renew: as it is)",
    )
    asked = parser.parse_args(arguments)
    totals = None if asked.viewers_read is None else asked.viewers_read == "totals"
    try:
        if asked.kind == RENEW:
            _renew(asked.folder, totals)
        else:
            _write(asked.kind, asked.folder.absolute(), asked.nodes, asked.at, bool(totals))
    except BrokerProblem as problem:
        sys.stderr.write(f"{problem}: {problem.hint}\n" if problem.hint else f"{problem}\n")
        return 2 if problem.kind is ProblemKind.USAGE else 1
    return 0


def _write(kind: str, folder: Path, told: Sequence[str], at: str | None, totals: bool) -> None:
    nodes = [_node(text, number) for number, text in enumerate(told or LOOPBACK[kind])]
    secrets = Secrets(
        {each.name: new_secret() for each in nodes}, new_secret(), new_secret(), new_secret()
    )
    place = at or str(folder)
    if kind == "nats":
        texts, start = nats_files(nodes, secrets, folder=place, totals=totals), "nats-server -c"
    else:
        if len(nodes) < 2:
            raise BrokerProblem(ProblemKind.USAGE, "a core alone is no cluster", "name its edges")
        texts = mosquitto_files(nodes[0], nodes[1:], secrets, folder=place, tls=True, totals=totals)
        certificate, key = (pem.decode() for pem in _certificate(nodes[0]))
        texts |= {"core.crt": certificate, "ca.crt": certificate, "core.key": key}
        start = "mosquitto -c"
    _save(folder, texts)
    lines = [f"{start} {place}/{node.name}.conf" for node in nodes]
    viewers = nodes if kind == "nats" else nodes[1:]
    lines.append(f"resonance-tui join ROOM --broker {','.join(node.url for node in viewers)}")
    for node in viewers:
        edge = f"--edge {node.name} " if kind == "edges" else ""
        lines.append(f"resonance-tui aggregate ROOM {edge}--broker {node.url}")
    sys.stdout.write("\n".join([*lines, ""]))


def _renew(folder: Path, totals: bool | None) -> None:
    """Access rules and bridges as this version needs them; passwords and addresses stay."""
    try:
        files = [each for each in sorted(folder.iterdir()) if each.suffix in (".conf", ".acl")]
        texts = {each.name: each.read_text(encoding="utf-8") for each in files}
        changed = renewed(texts, totals=totals)
        for name, text in changed.items():
            atomic_write(folder / name, [text.encode()])
    except (OSError, UnicodeError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise BrokerProblem(ProblemKind.FILE, f"cannot renew {folder}: {reason}") from error
    lines = [f"renewed {name}" for name in changed] or ["everything is up to date"]
    if changed:
        lines.append("start each broker again, or send it SIGHUP where only its .acl was renewed")
    sys.stdout.write("\n".join([*lines, ""]))


def _node(text: str, number: int) -> Node:
    name, _, place = text.partition("=")
    host, _, port = place.partition(":")
    if not host or (port and not port.isdecimal()):
        raise BrokerProblem(ProblemKind.USAGE, f"{text!r} is no node", "write NAME=HOST[:PORT]")
    is_here = host.startswith("127.")
    shift = number if is_here else 0  # several on one machine
    return Node(name, host, int(port or 8883), 4222 + shift, 6222 + shift)


def _certificate(core: Node) -> tuple[bytes, bytes]:
    return self_signed([core.host], datetime.now(UTC))


def _save(folder: Path, texts: dict[str, str]) -> None:
    """For their owner's eyes alone: passwords are among them."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if any(folder.iterdir()):
            raise BrokerProblem(
                ProblemKind.FILE, f"{folder} is not empty", "new files have new passwords"
            )
        for name, text in texts.items():
            descriptor = os.open(folder / name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with open(descriptor, "w", encoding="utf-8") as file:
                file.write(text)
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise BrokerProblem(ProblemKind.FILE, f"cannot write to {folder}: {reason}") from error


if __name__ == "__main__":
    sys.exit(main())
