"""Files that version 0.1 wrote open in this one. The database is in `test_schema.py`.

`tests/data/version_0_1` was written by the program of that version, `config.toml` by a person.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from resonance_broker import AccountsStore
from resonance_broker.accounts import Role
from resonance_tui import config
from resonance_tui.logins import Logins
from resonance_tui.profile import Profile

OLD = Path(__file__).parents[1] / "data" / "version_0_1"
PIN = "ab" * 32


@pytest.fixture
def old(tmp_path: Path) -> Path:
    """A copy, which a test may change."""
    return Path(shutil.copytree(OLD, tmp_path / "old"))


def test_settings_of_the_version_before(old: Path) -> None:
    settings = config.load(file=old / "config.toml", environ={}).settings
    assert settings.viewer.nickname == "Mia"
    assert settings.broker.url.reveal() == "mqtts://stream.example"
    assert (settings.broker.user, settings.broker.password.reveal()) == ("mia2345", "pw-of-mia")
    assert (settings.camera.source.reveal(), settings.camera.fps) == ("demo", 12.5)
    engine = settings.engine
    assert (engine.name, engine.device, engine.precision) == ("static", "cpu", "float32")
    assert settings.history.database == "~/room.sqlite"
    assert settings.sheets.credentials.reveal() == "~/key.json"
    assert settings.sheets.writes_a_minute == 4.0


def test_the_profile_of_the_version_before(old: Path) -> None:
    profile = Profile(old / "profile.json")
    memory = profile.load()
    assert memory.consented_at == 1_790_000_000.5
    assert memory.recent_channels == ("movie-night", "cats-live")
    assert profile.claim_viewer_id("cats-live", lambda: "another") == "abcdefgh2345x"
    assert profile.next_boot(0.0) > memory.last_boot == 1_790_000_100
    profile.release()


def test_the_program_before_reads_what_this_one_remembers(old: Path) -> None:
    """It looks for its own four keys, and passes over the others."""
    file = old / "profile.json"
    before = json.loads(file.read_text())
    Profile(file).remember_room("cats-live", broker="mqtts://stream.example", last_at=1.0)
    now = json.loads(file.read_text())
    assert {key: now[key] for key in before} == before


def test_logins_of_the_version_before(old: Path) -> None:
    login = Logins(old / "logins.json").find("stream.example:8883", "cats-live", PIN)
    assert login is not None and login.is_confirmed
    assert (login.user, login.password, login.pin) == ("mia2345", "pw-of-mia", PIN)


def test_accounts_and_invites_of_the_version_before(old: Path) -> None:
    kept = AccountsStore(old / "broker").load()
    account, invite = kept.accounts["mia2345"], kept.invites["abcdefgh"]
    assert (account.role, account.channels) == (Role.VIEWER, ("cats-live",))
    assert (invite.channel, invite.expires_at, invite.used_by) == ("cats-live", 1.8e9, "")


def test_imported_weights_of_the_version_before(old: Path) -> None:
    torch = pytest.importorskip("torch")
    from resonance_zoo import weights

    network = weights.load("mae_dfer", old / "models")
    clip = torch.linspace(0, 1, 1 * 3 * 4 * 32 * 32).reshape(1, 3, 4, 32, 32)
    logits = torch.tensor([[9.1248, -0.99506, -5.8512, 0.12727, -6.3505, -3.3624, -0.93781]])
    with torch.no_grad():
        assert torch.allclose(network(clip), 1e-5 * logits, rtol=1e-3, atol=1e-9)
