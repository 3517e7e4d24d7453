"""`broker share` and `broker invites`: what is made, kept, shown again, listed and ended."""

from __future__ import annotations

import json
import stat
from datetime import datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resonance_broker import AccountsStore, BrokerProblem
from resonance_broker.accounts import Account, add_account
from resonance_broker.invites import redeem
from resonance_broker.passwords import hash_password
from resonance_tui.cli import cli, run_verb
from resonance_tui.commands.broker import share
from resonance_tui.config import load
from resonance_tui.errors import InputError, StoreError
from resonance_tui.hosting.accounts import parse_until, remember_address
from resonance_tui.hosting.room_links import (
    LINKS_FILE,
    LinkPlan,
    make_link,
    open_links,
    revoke_invites,
)
from resonance_tui.hosting.running import told_as_running
from resonance_tui.protocol.links import parse_invite
from resonance_tui.protocol.urls import BrokerUrl, Invite

URL = BrokerUrl("mqtts", "broker.example.org", 18883, pin="ab" * 16)
DIGEST = hash_password("a", b"0123456789ab")
Said = pytest.CaptureFixture[str]


@pytest.fixture
def folder() -> Path:
    """Where the broker of this machine, which ran before, keeps its accounts."""
    folder = load().directories.broker_folder
    remember_address(folder, URL)
    return folder


def typed(*arguments: str) -> int:
    return run_verb(cli, ["broker", *arguments])


def shown(said: Said) -> Invite:
    """The link of the one command that was printed."""
    command, *others = said.readouterr().out.splitlines()
    assert others == []
    assert command.startswith("resonance-tui join resonance://")
    return parse_invite(command.split()[-1])


# --- share -------------------------------------------------------------------------------------


def test_a_room_link_is_made_as_asked_and_shown_again(folder: Path, capsys: Said) -> None:
    asked = ["share", "cats-live-01", "--for", "100", "--until", "24h", "--name", "friday"]
    assert typed(*asked, "--rate", "7") == 0
    link = shown(capsys)
    assert (link.url, link.channel) == (URL, "cats-live-01")
    (stored,) = AccountsStore(folder).load().invites.values()
    assert link.ticket is not None and stored.id == link.ticket.id
    assert (stored.most_uses, stored.per_minute, stored.label) == (100, 7, "friday")
    for again in (["share"], ["share", "cats-live-01"], ["share", "--name", "friday"]):
        assert typed(*again) == 0
        assert shown(capsys) == link
    kept = folder / LINKS_FILE
    assert link.ticket.secret in kept.read_text()
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    assert link.ticket.secret not in (folder / "accounts.json").read_text()


def test_a_link_of_the_usual_names_has_at_most_110_characters(folder: Path, capsys: Said) -> None:
    assert typed("share", "cats-live-01", "--for", "100") == 0
    command = capsys.readouterr().out.strip()
    assert len(command.split()[-1]) <= 110
    assert set(command) <= set("abcdefghijklmnopqrstuvwxyz0123456789.:/+_- ")


def test_a_link_for_one_person_is_shown_once(folder: Path, capsys: Said) -> None:
    assert typed("share", "cats", "--for", "1") == 0
    said = capsys.readouterr()
    assert "It is shown this once." in said.err
    assert not (folder / LINKS_FILE).exists()
    assert typed("share", "cats") == 2
    assert "There is no open link into cats." in capsys.readouterr().err


def test_the_newest_link_of_the_room_is_shown(folder: Path, capsys: Said) -> None:
    typed("share", "cats", "--for", "2")
    capsys.readouterr()
    typed("share", "cats", "--for", "3", "--name", "late")
    newest = shown(capsys)
    typed("share", "dogs", "--for", "3")
    capsys.readouterr()
    typed("share", "cats")
    assert shown(capsys) == newest
    assert typed("share") == 2
    assert "There are cats, dogs." in capsys.readouterr().err


def test_without_a_channel_the_one_that_is_announced_is_meant(folder: Path, capsys: Said) -> None:
    with told_as_running(folder, URL, ["cats"]):
        assert typed("share", "--for", "5") == 0
        said = capsys.readouterr()
        assert parse_invite(said.out.split()[-1]).channel == "cats"
        assert "not running" not in said.err
    typed("share")
    assert "The broker is not running at the moment" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (["share"], "Which room?"),
        (["share", "not a channel!"], "channel"),
        (["share", "cats"], "There is no open link into cats."),
        (["share", "cats", "--name", "friday"], "no open link of that name into cats"),
        (["share", "cats", "--until", "7d"], "for a new link"),
        (["share", "cats", "--rate", "7"], "for a new link"),
        (["share", "cats", "--for", "0"], "--for"),
        (["share", "cats", "--for", "10001"], "--for"),
        (["share", "cats", "--for", "2", "--rate", "0"], "--rate"),
        (["share", "cats", "--for", "2", "--until", "25:00"], "Not a time: '25:00'"),
        (["share", "cats", "--for", "2", "--name", "a\x1b[2J"], "is no name for a link"),
        (["share", "cats", "--for", "2", "--name", "x" * 33], "is no name for a link"),
        (["invites", "revoke", "friday"], "there is no invite 'friday'"),
        (["invites", "revoke", "resonance://h/cats"], "lets in whoever can reach the broker"),
        (["invites", "revoke", "resonance://h/cats/aaaaaaaaaaaaaaaaaaaaa"], "mistyped"),
    ],
)
def test_what_cannot_be_meant_is_one_clear_complaint(
    folder: Path, capsys: Said, arguments: list[str], word: str
) -> None:
    assert typed(*arguments) == 2
    said = capsys.readouterr()
    assert word in said.err and "Traceback" not in said.err
    assert said.out == ""
    assert AccountsStore(folder).load().invites == {}
    assert not (folder / LINKS_FILE).exists()


def test_before_any_broker_ran_there_is_nothing_to_share(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="No broker with accounts has run here yet"):
        share.run(tmp_path, "cats", count=5)


def test_two_open_links_of_one_name_are_refused_and_the_kept_one_stays(
    folder: Path, capsys: Said
) -> None:
    plan = LinkPlan(5, 1000.0, "friday")
    first = make_link(folder, "cats", plan, now=1.0)
    with pytest.raises(BrokerProblem, match="an open link is called 'friday'"):
        make_link(folder, "cats", plan, now=2.0)
    assert [each.token for each in open_links(folder, 3.0)] == [first.token]


def test_links_that_let_nobody_in_any_more_are_forgotten(folder: Path) -> None:
    old = make_link(folder, "cats", LinkPlan(5, 10.0), now=1.0)
    new = make_link(folder, "cats", LinkPlan(5, 1000.0), now=11.0)
    assert [each.token for each in open_links(folder, 12.0)] == [new.token]
    assert old.token.secret not in (folder / LINKS_FILE).read_text()


@pytest.mark.parametrize("text", ["{", '{"x":' + "[" * 100_000], ids=["cut", "deep"])
def test_a_link_can_be_ended_although_the_kept_ones_are_damaged(folder: Path, text: str) -> None:
    link = make_link(folder, "cats", LinkPlan(5, 1000.0), now=1.0)
    (folder / LINKS_FILE).write_text(text)
    revoke_invites(folder, link.invite.id, 2.0, with_accounts=False)
    assert AccountsStore(folder).load().invites[link.invite.id].is_revoked
    assert (folder / LINKS_FILE).read_text() == text


def test_damaged_links_are_named_and_left_alone(folder: Path, capsys: Said) -> None:
    (folder / LINKS_FILE).write_text("{")
    assert typed("share", "cats") == 1
    assert "cannot be read" in capsys.readouterr().err
    with pytest.raises(StoreError):
        make_link(folder, "cats", LinkPlan(5, 1000.0), now=1.0)
    assert (folder / LINKS_FILE).read_text() == "{"
    assert AccountsStore(folder).load().invites == {}


def test_on_a_terminal_the_code_follows_the_text_unless_it_is_not_wanted(
    folder: Path, capsys: Said, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn = ["▄▄▄"], ""
    monkeypatch.setattr("resonance_tui.commands.broker.qr.lines_for_terminal", lambda link: drawn)
    typed("share", "cats", "--for", "5")
    text, code = capsys.readouterr().out.splitlines()
    assert (text.split()[:2], code) == (["resonance-tui", "join"], "▄▄▄")
    typed("share", "cats", "--no-qr")
    assert capsys.readouterr().out.splitlines() == [text]


# --- list and revoke ---------------------------------------------------------------------------


def guest(folder: Path, invite_id: str, name: str) -> None:
    AccountsStore(folder).change(lambda book: redeem(book, invite_id, name, DIGEST, 2.0))


def test_the_list_names_every_link_and_how_it_stands(folder: Path, capsys: Said) -> None:
    typed("share", "cats", "--for", "3", "--until", "7d", "--name", "friday")
    typed("invite", "dogs")
    link = open_links(folder, 0.0)[0].invite
    guest(folder, link.id, "mia")
    capsys.readouterr()
    assert typed("invites", "list") == 0
    said = capsys.readouterr()
    first, second = said.out.splitlines()
    for word in (link.id, "friday", "cats", "1 of 3", "open"):
        assert word in first
    for word in ("dogs", "0 of 1", "open"):
        assert word in second
    assert "2 links, 2 of them open." in said.err
    assert typed("invites", "list", "--json") == 0
    (friday, _) = json.loads(capsys.readouterr().out)
    assert friday["id"] == link.id
    assert (friday["used"], friday["most"], friday["users"]) == (1, 3, ["mia"])
    assert (friday["name"], friday["channel"], friday["state"]) == ("friday", "cats", "open")


@pytest.mark.parametrize("with_accounts", [False, True])
@pytest.mark.parametrize("named_by", ["name", "id", "link"])
def test_a_revoked_link_is_ended_and_its_accounts_stay_unless_they_shall_go(
    folder: Path, capsys: Said, named_by: str, with_accounts: bool
) -> None:
    typed("share", "cats", "--for", "3", "--name", "friday")
    link = capsys.readouterr().out.split()[-1]
    stored = open_links(folder, 0.0)[0].invite
    guest(folder, stored.id, "mia")
    AccountsStore(folder).change(lambda book: (add_account(book, Account("ada", DIGEST)), None))
    what = {"name": "friday", "id": stored.id, "link": link}[named_by]
    options = ["--with-accounts"] if with_accounts else []
    assert typed("invites", "revoke", what, *options) == 0
    said = capsys.readouterr()
    assert stored.id in said.out and "1 person came in by it" in said.out
    assert ("Accounts removed: 1." in said.err) == with_accounts
    book = AccountsStore(folder).load()
    assert book.invites[stored.id].is_revoked
    assert {*book.accounts} == ({"ada"} if with_accounts else {"ada", "mia"})
    assert json.loads((folder / LINKS_FILE).read_text())["secrets"] == []
    assert typed("share", "cats") == 2


def test_who_is_removed_could_come_back_by_an_open_link_and_the_host_is_told(
    folder: Path, capsys: Said
) -> None:
    typed("share", "cats", "--for", "2")
    link = open_links(folder, 0.0)[0].invite
    guest(folder, link.id, "mia")
    assert typed("users", "remove", "mia") == 0
    end = f"resonance-tui broker invites revoke {link.id}"
    assert end in capsys.readouterr().err.splitlines()[-1]
    guest(folder, link.id, "bob")
    assert typed("users", "remove", "bob") == 0
    assert "revoke" not in capsys.readouterr().err


# --- until when --------------------------------------------------------------------------------


@given(
    hour=st.integers(0, 23),
    minute=st.integers(0, 59),
    now=st.integers(1_700_000_000, 1_900_000_000),
)
def test_a_clock_time_is_the_next_moment_at_which_clocks_here_show_it(
    hour: int, minute: int, now: int
) -> None:
    until = parse_until(f"{hour}:{minute:02}", float(now))
    shown = datetime.fromtimestamp(until)
    assert (shown.hour, shown.minute, shown.second) == (hour, minute, 0)
    assert 0 < until - now <= 25 * 3600


@given(st.text(max_size=12) | st.from_regex(r"\d{1,2}:\d\d", fullmatch=True))
def test_any_text_is_a_time_to_come_or_refused(text: str) -> None:
    try:
        assert 1000.0 < parse_until(text, 1000.0) <= 1000.0 + 366 * 86_400
    except InputError as error:
        assert error.exit_code == 2


def test_a_span_is_counted_from_now() -> None:
    assert parse_until("7d", 5.0) == 5.0 + 7 * 86_400
