"""Optional parts: what a person reads where one is not installed."""

from __future__ import annotations

import json
import sys
import tomllib
from importlib import metadata
from pathlib import Path
from unittest.mock import Mock

import pytest
from children import run_child
from machine import free_port

from resonance_broker import (
    BrokerProblem,
    BrokerSettings,
    ProblemKind,
    embedded,
    preflight,
    start_broker,
)
from resonance_tui import extras
from resonance_tui.cli import cli, run_verb
from resonance_tui.commands import doctor
from resonance_tui.config import load
from resonance_tui.errors import BrokerUnreachable, ExtraMissing
from resonance_tui.extras import EXTRAS, PURPOSES, install_command, missing, require
from resonance_tui.session import broker_choice
from resonance_tui.sinks.sheets import login as sheets_login
from resonance_tui.sinks.sheets.sink import SheetSink

ROOT = Path(__file__).resolve().parents[2]
WHEEL = ["gspread<7,>=6.2; extra == 'all'", "gspread<7,>=6.2; extra == 'streamer'", "click>=8.1"]


@pytest.fixture
def without(monkeypatch: pytest.MonkeyPatch) -> Mock:
    """Call it with an extra: its packages are not here until the test ends."""

    def hide(extra: str) -> None:
        for name in EXTRAS[extra]:
            monkeypatch.setitem(sys.modules, name, None)

    return Mock(side_effect=hide)


def test_every_extra_of_pyproject_is_known_and_explained() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    declared = project["optional-dependencies"]
    assert set(EXTRAS) == set(PURPOSES) == set(declared) - {"all", "dev"}
    assert declared["all"] == ["resonance-tui[host,streamer,mediapipe,editors]"]
    for extra, packages in EXTRAS.items():
        named = {line.split(">")[0] for line in declared[extra]}
        assert named.issuperset(packages)


@pytest.mark.parametrize("extra", EXTRAS)
def test_an_extra_that_is_not_here_is_named_with_the_line_to_type(
    extra: str, without: Mock
) -> None:
    without(extra)
    with pytest.raises(ExtraMissing) as caught:
        require(extra, "This")
    assert f"extra {extra!r}" in caught.value.message
    assert all(name in caught.value.message for name in EXTRAS[extra])
    assert caught.value.hint == f"Install it: {install_command(extra)}"
    assert caught.value.exit_code == 2


def test_what_is_here_is_not_loaded_to_find_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "gspread", raising=False)
    assert missing("gspread", "no_such_package") == ("no_such_package",)
    assert "gspread" not in sys.modules


def test_a_checkout_is_installed_again_with_its_constraints(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(ROOT)
    assert install_command("host").endswith('install -c constraints.txt -e ".[host]"')
    monkeypatch.chdir(tmp_path)
    assert install_command("host").endswith(f'-c {ROOT}/constraints.txt -e "{ROOT}[host]"')


def installed(monkeypatch: pytest.MonkeyPatch, direct_url: str | None) -> None:
    """As if we lay in site-packages, with that note of where we come from."""
    monkeypatch.setattr(extras, "_checkout", lambda: None)
    noted = Mock(read_text=Mock(return_value=direct_url))
    monkeypatch.setattr(metadata, "distribution", Mock(return_value=noted))
    monkeypatch.setattr(metadata, "requires", Mock(return_value=WHEEL))


def test_who_installed_from_a_folder_installs_from_it_again(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    installed(monkeypatch, f'{{"url": "{ROOT.as_uri()}", "dir_info": {{}}}}')
    assert install_command("host").endswith(f'-c {ROOT}/constraints.txt "{ROOT}[host]"')


@pytest.mark.parametrize("noted", [None, '{"url": "file:///none/x.whl", "archive_info": {}}'])
def test_who_installed_a_wheel_is_told_the_packages_and_no_name_of_ours(
    monkeypatch: pytest.MonkeyPatch, noted: str | None
) -> None:
    installed(monkeypatch, noted)
    assert install_command("streamer").endswith("install 'gspread<7,>=6.2'")


def test_the_pip_of_another_python_is_not_advised(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.which", lambda name: f"/elsewhere/{name}")
    assert install_command("host").startswith(f"{sys.executable} -m pip install ")
    monkeypatch.setattr("shutil.which", lambda name: f"{sys.prefix}/bin/{name}")
    assert install_command("host").startswith("pip install ")


def test_an_environment_without_pip_is_served_by_uv(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pip", None)
    monkeypatch.setattr("shutil.which", lambda name: f"/elsewhere/{name}")
    begin = f"uv pip install --python {sys.executable} "
    assert install_command("host").startswith(begin)


@pytest.mark.parametrize("verb", ["sheets setup", "log room --sheet https://docs.google.com/x"])
def test_google_sheets_without_the_extra(
    verb: str, without: Mock, capsys: pytest.CaptureFixture[str]
) -> None:
    sheet = "https://docs.google.com/spreadsheets/d/" + "1" * 44
    without("streamer")
    args = [sheet if part.startswith("https") else part for part in verb.split()]
    assert run_verb(cli, args) == 2
    out, err = capsys.readouterr()
    assert out == "" and install_command("streamer") in err and "Traceback" not in err


def test_no_keyring_holds_no_login(without: Mock) -> None:
    without("streamer")
    assert sheets_login._from_keyring() is None


def test_a_broker_without_mosquitto_and_without_the_extra(
    without: Mock, capsys: pytest.CaptureFixture[str]
) -> None:
    without("host")
    port = str(free_port())
    assert run_verb(cli, ["broker", "--program", "embedded", "--port", port]) == 2
    err = capsys.readouterr().err
    assert install_command("host") in err and "install Mosquitto" in err


def test_the_built_in_broker_says_what_kind_of_thing_is_missing(without: Mock) -> None:
    without("host")
    broker = embedded.EmbeddedBroker(BrokerSettings(port=free_port()))
    with pytest.raises(BrokerProblem) as caught:
        broker.start()
    assert caught.value.kind is ProblemKind.EXTRA_MISSING


def test_a_viewer_who_finds_no_broker_is_told(
    without: Mock, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = BrokerSettings(port=free_port(), program="embedded")
    monkeypatch.setattr("resonance_broker.local_broker", lambda: start_broker(settings))
    without("host")
    with pytest.raises(BrokerProblem) as caught:
        broker_choice._start_local_broker()
    assert install_command("host") in caught.value.hint


def test_a_taken_port_is_said_without_psutil(without: Mock) -> None:
    without("host")
    assert preflight.port_holder(free_port()) == ""


def test_benchmarks_of_networks_without_the_extra(
    without: Mock, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from resonance_zoo import registry

    assert registry.list_models()  # loaded while torch is here, as by whoever asks for a list first
    without("zoo")
    for name in ("benchmark", "inference", "optimize"):  # another test may have loaded them
        monkeypatch.delitem(sys.modules, f"resonance_zoo.{name}", raising=False)
    assert run_verb(cli, ["models", "bench"]) == 2
    assert install_command("zoo") in capsys.readouterr().err


@pytest.mark.parametrize("extra", EXTRAS)
def test_doctor_lists_each_extra_and_faults_none(extra: str, without: Mock) -> None:
    without(extra)
    found = doctor._extra(extra)
    assert (found.topic, found.verdict) == (extra, "ok")
    assert PURPOSES[extra] in found.text and found.advice == install_command(extra)


def test_doctor_sees_that_no_broker_can_be_started(
    without: Mock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("resonance_broker.find_mosquitto", lambda: None)
    silent = BrokerUnreachable("nobody answers")
    monkeypatch.setattr(doctor, "_why_silent", lambda *_: silent)
    without("host")
    found = doctor._broker(load())
    assert found.verdict == "warn" and "without the extra 'host'" in found.text


@pytest.mark.parametrize("place", ["mqtt://127.0.0.1:{port}", "ws://127.0.0.1:{port}/x"])
def test_doctor_asks_a_broker_that_is_named_and_nothing_else(
    place: str, unused_port: int, capsys: pytest.CaptureFixture[str]
) -> None:
    url = place.format(port=unused_port)
    assert run_verb(cli, ["doctor", "--json", "--broker", url]) == 1
    (found,) = json.loads(capsys.readouterr().out)
    assert (found["topic"], found["verdict"]) == ("broker", "fail")
    assert f"nothing listens at 127.0.0.1:{unused_port}" in found["text"]


def test_doctor_takes_no_address_that_cannot_be_meant(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert run_verb(cli, ["doctor", "--broker", "ftp://example"]) == 2
    assert "starts with mqtt://" in capsys.readouterr().err


LOAD_ALL = """
import importlib, pkgutil, sys
class Hidden:
    def find_spec(name, path=None, target=None):
        if name.partition(".")[0] in sys.argv[1].split():
            raise ModuleNotFoundError(name)
sys.meta_path.insert(0, Hidden)
import resonance_broker, resonance_tui
failed = []
for package in (resonance_tui, resonance_broker):
    for module in pkgutil.walk_packages(package.__path__, package.__name__ + "."):
        if module.name.endswith("__main__"):
            continue
        try:
            importlib.import_module(module.name)
        except ImportError as error:
            failed.append(module.name)
print("FAILED", *failed)
"""


def test_only_what_talks_to_google_and_what_amqtt_loads_itself_load_an_extra() -> None:
    hidden = [name for packages in EXTRAS.values() for name in packages]
    hidden += ["google", "google_auth_oauthlib", "torchvision", "sklearn", "onnx"]
    command = [sys.executable, "-c", LOAD_ALL, " ".join(hidden)]
    done = run_child(command, capture_output=True, text=True, check=True)
    failed = done.stdout.split("FAILED ")[-1].split()
    google = ["resonance_tui.sinks.sheets.client", "resonance_tui.sinks.sheets.http"]
    assert failed == [*google, "resonance_broker.embedded_watch"]


def test_doctor_warns_of_a_login_that_cannot_be_used(
    without: Mock, monkeypatch: pytest.MonkeyPatch
) -> None:
    login = sheets_login.GoogleLogin("service_account", {"client_email": "a@b.example"}, "a file")
    monkeypatch.setattr(sheets_login, "find", lambda config: login)
    without("streamer")
    found = SheetSink.check(load())
    assert (found.verdict, found.advice) == ("warn", install_command("streamer"))
