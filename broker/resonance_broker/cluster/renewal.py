"""What in a cluster's files follows from the table of messages, written anew; pure.

Passwords, addresses and whatever was edited by hand stay as they are.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from resonance_broker.cluster.layout import Node, bridge_topics, core_acl, edge_acl, viewer_subjects
from resonance_broker.problem import BrokerProblem, ProblemKind
from resonance_tui.protocol.topics import ROOT

_EDGE = re.compile(r"^user edge-(\S+)$", re.MULTILINE)
_BRIDGED = re.compile(rf"(?:^topic {re.escape(ROOT)}/\S+ both \d$\n?)+", re.MULTILINE)
_VIEWERS = re.compile(r"(?<=viewer: \{\n    publish: )\[.*\]")


def renewed(texts: Mapping[str, str]) -> dict[str, str]:
    """Those of the files, by name, that have to be others now; none where all are up to date.

    Raises:
        BrokerProblem: of kind FILE, where they are no cluster's files.
    """
    found = _edges(texts) if "core.acl" in texts else _nats(texts)
    if not found:
        raise BrokerProblem(
            ProblemKind.FILE, "these are no files of a cluster", "name the folder they lie in"
        )
    return {name: text for name, text in found.items() if text != texts[name]}


def _edges(texts: Mapping[str, str]) -> dict[str, str]:
    names = _EDGE.findall(texts["core.acl"])
    found = {"core.acl": "\n".join(core_acl(Node(name)) for name in names)} if names else {}
    for name in names:
        if f"{name}.acl" in texts:
            found[f"{name}.acl"] = edge_acl(Node(name))
        if (conf := texts.get(f"{name}.conf")) is not None:
            found[f"{name}.conf"] = _BRIDGED.sub(f"{bridge_topics()}\n", conf, count=1)
    return found


def _nats(texts: Mapping[str, str]) -> dict[str, str]:
    return {
        name: _VIEWERS.sub(f"[{viewer_subjects()}]", text)
        for name, text in texts.items()
        if name.endswith(".conf") and _VIEWERS.search(text)
    }
