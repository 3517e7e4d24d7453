"""Passwords and secrets: how they are made, and hashed the way Mosquitto reads them; pure."""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
import secrets

ROUNDS = 101  # as mosquitto_passwd has it; what is hashed here was drawn at random, not thought up
_SECRET_BYTES = 18


def new_secret() -> str:
    """29 characters, 144 bits: it cannot be guessed, so it need not be slow to check."""
    return base64.b32encode(secrets.token_bytes(_SECRET_BYTES)).decode().rstrip("=").lower()


def hash_password(password: str, salt: bytes | None = None) -> str:
    """`$7$rounds$salt$hash`, as mosquitto_passwd writes it.

    `salt`: 12 bytes; drawn at random unless given.
    """
    salt = secrets.token_bytes(12) if salt is None else salt
    digest = hashlib.pbkdf2_hmac("sha512", password.encode(), salt, ROUNDS)
    encoded = "$".join(base64.b64encode(part).decode() for part in (salt, digest))
    return f"$7${ROUNDS}${encoded}"


def is_sha512(digest: str, *, most_rounds: int = 999_999_999) -> bool:
    """`$6$salt$hash` or `$7$rounds$salt$hash`, base64: 12 or 64 bytes of salt, 64 of hash.

    Mosquitto skips accounts with another salt.
    """
    match digest.split("$"):
        case ["", "6", salt, hashed]:
            pass
        case ["", "7", rounds, salt, hashed] if _is_count(rounds, most_rounds):
            pass
        case _:
            return False
    try:
        lengths = [len(base64.b64decode(part, validate=True)) for part in (salt, hashed)]
        return lengths in ([12, 64], [64, 64])
    except (binascii.Error, ValueError):
        return False


def _is_count(text: str, most: int) -> bool:
    return re.fullmatch(r"[1-9][0-9]{0,8}", text) is not None and int(text) <= most
