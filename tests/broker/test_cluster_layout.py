"""The files of a cluster: what may be asked for, what is in them, and who may read them."""

from __future__ import annotations

import re
import stat
import sys
from pathlib import Path

import pytest
from children import run_child

from resonance_broker.cluster.__main__ import main
from resonance_broker.cluster.layout import Node, Secrets, mosquitto_files, nats_files
from resonance_broker.problem import BrokerProblem, ProblemKind

CORE, BERLIN, OSLO = Node("core", port=1), Node("berlin", port=2), Node("oslo", port=3)
SECRETS = Secrets({"berlin": "b-secret", "oslo": "o-secret"}, "c-secret", "v-secret", "s-secret")
FAR = [Node(name, f"{name}.example", 8883) for name in ("one", "two", "three")]


def edges(*nodes: Node, core: Node = CORE) -> dict[str, str]:
    return mosquitto_files(core, nodes, SECRETS, folder="/f")


def topics(conf: str) -> set[str]:
    return set(re.findall(r"^topic (\S+) \w+ \d$", conf, re.MULTILINE))


def test_bridges_carry_counts_and_rules_and_no_person() -> None:
    carried = topics(edges(BERLIN, OSLO)["berlin.conf"])
    assert carried == {
        "resonance/edge/+",
        *(
            f"resonance/1/+/{topic}"
            for topic in ("agent/+", "agg/+", "total", "room", "side/+/+", "sides")
        ),
        *(f"resonance/1/+/{topic}" for topic in ("host", "rules/+")),
    }


def test_a_bridge_may_say_of_its_own_edge_alone_that_it_is_up() -> None:
    rules = edges(BERLIN, OSLO)["core.acl"].split("user edge-")
    assert [each.split()[0] for each in rules[1:]] == ["berlin", "oslo"]
    assert "topic write resonance/edge/berlin" in rules[1]
    assert "write resonance/edge/oslo" not in rules[1]


def test_the_core_knows_passwords_by_their_hash_alone() -> None:
    made = edges(BERLIN, OSLO)
    assert "b-secret" in made["berlin.conf"] and "o-secret" not in made["berlin.conf"]
    assert not [name for name, text in made.items() if "secret" in text and name[:4] == "core"]
    assert "secret" not in repr(SECRETS)


def test_off_loopback_nobody_comes_in_without_tls_and_a_password() -> None:
    secrets = Secrets({each.name: "x" for each in FAR})
    made = mosquitto_files(Node("core", "core.example", 8883), FAR, secrets, folder="/f")
    for name in ("one.conf", "two.conf", "three.conf"):
        conf = made[name]
        assert "allow_anonymous false" in conf and "acl_file /f/" in conf
        assert "keyfile /f/" in conf and "bridge_cafile /f/ca.crt" in conf
        assert "\nlistener 8883\n" in conf
    assert "keyfile /f/core.key" in made["core.conf"]
    for name, conf in nats_files(FAR, SECRETS, folder="/f").items():
        assert "no_auth_user" not in conf and f'key_file: "/f/{name[:-5]}.key"' in conf


@pytest.mark.parametrize(
    "nodes",
    [
        [BERLIN, BERLIN],
        [BERLIN, Node("oslo", port=2)],
        [BERLIN, Node("oslo", "oslo.example", 3)],
        [Node("Berlin", port=2)],
        [Node("b\nallow_anonymous true", port=2)],
        [Node("b" * 17, port=2)],
        [Node("berlin", "host\nlistener 1", 2)],
        [Node("berlin", "", 2)],
        [Node("berlin", port=0)],
        [Node("berlin", port=65536)],
        [Node("core", port=2)],
    ],
)
def test_nodes_that_cannot_be_meant_are_refused(nodes: list[Node]) -> None:
    with pytest.raises(BrokerProblem) as caught:
        edges(*nodes)
    assert caught.value.kind is ProblemKind.USAGE and caught.value.hint


@pytest.mark.parametrize("many", [1, 2, 4, 6])
def test_a_nats_cluster_has_a_number_that_can_lose_one(many: int) -> None:
    nodes = [Node(f"n{number}", port=1000 + number) for number in range(many)]
    with pytest.raises(BrokerProblem, match="make no NATS cluster"):
        nats_files(nodes, SECRETS, folder="/f")


@pytest.mark.parametrize("kind", ["edges", "nats"])
def test_files_are_written_for_their_owner_alone_and_never_over_others(
    kind: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "cluster"
    assert main([kind, str(folder)]) == 0
    said = capsys.readouterr()
    written = sorted(folder.iterdir())
    assert written and not said.err
    assert {stat.S_IMODE(path.stat().st_mode) for path in (folder, *written)} == {0o700, 0o600}
    for line in said.out.splitlines()[:3]:
        assert Path(line.split()[-1]) in written
    assert "resonance-tui join ROOM --broker mqtt://127.0.0.1:18831,mqtt://" in said.out
    texts = [path.read_text() for path in written]
    assert main([kind, str(folder)]) == 1
    assert "not empty" in capsys.readouterr().err
    assert [path.read_text() for path in written] == texts


@pytest.mark.parametrize(
    "nodes",
    [
        ["core=127.0.0.1"],
        ["core", "berlin"],
        ["a=b:c", "d=e"],
        ["core=127.0.0.1", "b=host"],
        ["a=h", "b=i"],
    ],
)
def test_a_command_that_cannot_be_meant_is_said_in_a_line(
    nodes: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["edges", str(tmp_path / "new"), *nodes]) == 2
    assert capsys.readouterr().err.count("\n") == 1
    assert not (tmp_path / "new").exists()


def test_its_help_has_an_example() -> None:
    command = [sys.executable, "-m", "resonance_broker.cluster", "--help"]
    told = run_child(command, capture_output=True, text=True, timeout=20, check=True).stdout
    assert "python -m resonance_broker.cluster edges /tmp/edges" in told


def before_questions(text: str) -> str:
    """As a version before wrote it."""
    kept = [line for line in text.splitlines(keepends=True) if "/side" not in line]
    kept = [line for line in kept if "/a/+" not in line]
    return "".join(kept).replace('"resonance.1.*.a.*.*", ', "")


@pytest.mark.parametrize("kind", ["edges", "nats"])
def test_a_cluster_that_is_there_is_renewed_and_keeps_its_passwords(
    tmp_path: Path, kind: str, capsys: pytest.CaptureFixture[str]
) -> None:
    made = edges(BERLIN, OSLO) if kind == "edges" else nats_files(FAR, SECRETS, folder="/f")
    for name, text in made.items():
        (tmp_path / name).write_text(before_questions(text) + "\n# by hand\n", encoding="utf-8")
    assert main(["renew", str(tmp_path)]) == 0
    assert "renewed" in capsys.readouterr().out
    for name, text in made.items():
        now = (tmp_path / name).read_text(encoding="utf-8")
        assert now in (text, text + "\n# by hand\n")
    assert main(["renew", str(tmp_path)]) == 0
    assert "up to date" in capsys.readouterr().out


@pytest.mark.parametrize("kind", ["edges", "nats"])
def test_what_viewers_read_is_said_once_and_kept_by_later_renewals(
    tmp_path: Path, kind: str, capsys: pytest.CaptureFixture[str]
) -> None:
    def texts(*, totals: bool) -> dict[str, str]:
        if kind == "nats":
            return nats_files(FAR, SECRETS, folder="/f", totals=totals)
        return mosquitto_files(CORE, [BERLIN, OSLO], SECRETS, folder="/f", totals=totals)

    def renewed(*options: str) -> dict[str, str]:
        assert main(["renew", str(tmp_path), *options]) == 0
        return {each.name: each.read_text(encoding="utf-8") for each in tmp_path.iterdir()}

    def rules(made: dict[str, str]) -> dict[str, str]:  # hashes have a new salt each time
        return {name: text for name, text in made.items() if not name.endswith(".users")}

    for name, text in texts(totals=False).items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    limited, whole = rules(texts(totals=True)), rules(texts(totals=False))
    assert limited != whole
    assert rules(renewed("--viewers-read", "totals")) == limited
    assert rules(renewed()) == limited
    assert "up to date" in capsys.readouterr().out
    assert rules(renewed("--viewers-read", "everything")) == whole


def test_of_an_edge_that_lets_viewers_read_totals_those_who_count_read_everything() -> None:
    made = mosquitto_files(CORE, [BERLIN], SECRETS, folder="/f", totals=True)["berlin.acl"]
    everybody, agent, host = re.split(r"^user .*$", made, flags=re.M)
    assert "topic read resonance/#" in agent and "topic read resonance/#" in host
    assert "#\n" not in everybody and "pattern read resonance/1/+/total\n" in everybody
    others = re.findall(r"^pattern read (\S+/[rna]/\S+)$", everybody, re.M)
    assert others and all(each.endswith("/%u") for each in others)


def test_what_is_no_cluster_is_not_renewed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "core.acl").write_text("topic read #\n", encoding="utf-8")
    assert main(["renew", str(tmp_path)]) == 1
    assert main(["renew", str(tmp_path / "nowhere")]) == 1
    assert (tmp_path / "core.acl").read_text(encoding="utf-8") == "topic read #\n"
    assert "no files of a cluster" in capsys.readouterr().err
