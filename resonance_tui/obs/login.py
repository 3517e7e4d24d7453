"""Where OBS is and its password: from the settings, else from the system's keyring."""

from __future__ import annotations

import logging
import re

from resonance_tui.errors import InputError
from resonance_tui.extras import missing
from resonance_tui.obs.client import PORT
from resonance_tui.secret import Secret, describe

SERVICE, ENTRY = "resonance-tui", "obs"  # in the keyring
_PLACE = re.compile(r"(?:ws://)?([\w.-]+|\[[0-9a-fA-F:.]+\])(?::(\d{1,5}))?/?")

log = logging.getLogger(__name__)


def url_of(place: str) -> str:
    """The address of OBS's WebSocket server from "host:port" or "host". Raises InputError."""
    found = _PLACE.fullmatch(place.strip() or "localhost")
    port = int(found[2] or PORT) if found else 0
    if found is None or not 0 < port < 65536:
        raise InputError(
            f"{describe(place)} is no address of an OBS.", f"As in: --obs localhost:{PORT}"
        )
    return f"ws://{found[1]}:{port}"


def password_of(setting: Secret) -> Secret:
    """The setting's, else the keyring's; empty where there is none."""
    return setting or _from_keyring()


def _from_keyring() -> Secret:
    if missing("keyring"):
        return Secret()
    import keyring
    from keyring.errors import KeyringError

    try:
        return Secret(keyring.get_password(SERVICE, ENTRY) or "")
    except (KeyringError, RuntimeError) as error:
        log.debug("no keyring: %s", type(error).__name__)
        return Secret()
