"""What in a cluster's files follows from the table of messages, written anew; pure.

Passwords, addresses and whatever was edited by hand stay as they are.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from resonance_broker.cluster.layout import (
    WHOLE_EDGE,
    WHOLE_NATS,
    Node,
    bridge_topics,
    core_acl,
    edge_acl,
    read_subjects,
    viewer_subjects,
)
from resonance_broker.problem import BrokerProblem, ProblemKind
from resonance_tui.protocol.topics import ROOT

_EDGE = re.compile(r"^user edge-(\S+)$", re.MULTILINE)
_BRIDGED = re.compile(rf"(?:^topic {re.escape(ROOT)}/\S+ both \d$\n?)+", re.MULTILINE)
_VIEWERS = re.compile(r"(?<=viewer: \{\n    publish: )\[.*\]")
_READERS = re.compile(r'(viewer: \{\n    publish: \[.*\]\n    subscribe: \[)(.*)(, "\$MQTT\.sub)')


def renewed(texts: Mapping[str, str], *, totals: bool | None = None) -> dict[str, str]:
    """Those of the files, by name, that have to be others now; none where all are up to date.
    `totals`: whether of others viewers read totals alone; None: as it is.

    Raises:
        BrokerProblem: of kind FILE, where they are no cluster's files.
    """
    found = _edges(texts, totals) if "core.acl" in texts else _nats(texts, totals)
    if not found:
        raise BrokerProblem(
            ProblemKind.FILE, "these are no files of a cluster", "name the folder they lie in"
        )
    return {name: text for name, text in found.items() if text != texts[name]}


def _edges(texts: Mapping[str, str], totals: bool | None) -> dict[str, str]:
    names = _EDGE.findall(texts["core.acl"])
    found = {"core.acl": "\n".join(core_acl(Node(name)) for name in names)} if names else {}
    for name in names:
        if (acl := texts.get(f"{name}.acl")) is not None:
            is_limited = WHOLE_EDGE not in acl if totals is None else totals
            found[f"{name}.acl"] = edge_acl(Node(name), totals=is_limited)
        if (conf := texts.get(f"{name}.conf")) is not None:
            found[f"{name}.conf"] = _BRIDGED.sub(f"{bridge_topics()}\n", conf, count=1)
    return found


def _nats(texts: Mapping[str, str], totals: bool | None) -> dict[str, str]:
    return {
        name: _nats_conf(text, totals)
        for name, text in texts.items()
        if name.endswith(".conf") and _VIEWERS.search(text)
    }


def _nats_conf(text: str, totals: bool | None) -> str:
    text = _VIEWERS.sub(f"[{viewer_subjects()}]", text)
    found = _READERS.search(text)
    if found is None:
        return text
    is_limited = found[2] != WHOLE_NATS if totals is None else totals
    subjects = read_subjects(totals=is_limited)
    return f"{text[: found.end(1)]}{subjects}{text[found.start(3) :]}"
