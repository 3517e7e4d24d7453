"""The owner of the broker that runs on this machine comes into its rooms, too.

They get an account like any guest's, made without a link, so that their program speaks for one
person and goes on when the broker is started again.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

from resonance_tui.commands.destination import own_broker
from resonance_tui.commands.redeem_invite import is_known_in
from resonance_tui.config import Config
from resonance_tui.logins import Logins, SavedLogin
from resonance_tui.protocol.topics import new_viewer_id
from resonance_tui.protocol.urls import BrokerUrl, Invite


async def enter(config: Config, channel: str) -> None:
    """Have a login for that room where a broker with accounts that runs here has it.

    Raises BrokerProblem and StoreError.
    """
    here = own_broker(config, channel)
    if here is None or here.login.username is None:
        return
    url = replace(here.login, username=None, password=None)
    folder, logins = config.directories.broker_folder, Logins(config.directories.logins_file)
    known = logins.find(url.place, channel)
    if known is None or not await asyncio.to_thread(_is_account, folder, known.user):
        known = await asyncio.to_thread(_new_account, folder, url, channel)
    login = replace(known, pin=url.pin or "", is_confirmed=True)  # the certificate may be a new one
    await asyncio.to_thread(logins.keep, login)
    await is_known_in(Invite(url, channel), login)


def _is_account(folder: Path, name: str) -> bool:
    from resonance_tui.hosting.accounts import list_accounts

    return any(each.name == name for each in list_accounts(folder).accounts)


def _new_account(folder: Path, url: BrokerUrl, channel: str) -> SavedLogin:
    from resonance_tui.hosting.accounts import create_account

    account, password = create_account(folder, new_viewer_id(), role="viewer", channels=[channel])
    return SavedLogin(url.place, channel, account.name, password)
