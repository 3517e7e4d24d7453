"""Marked secrets, and the malformed shapes in which people hand them over."""

from __future__ import annotations

import base64
import json

from hypothesis import strategies as st

MARK = "SECRETSECRET"
_LINE = "MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQC7Rk1ty5pQzX0d"
PEM = "\n".join(
    ["-----BEGIN PRIVATE KEY-----", _LINE, f"{_LINE[:40]}{MARK}{_LINE[:12]}", _LINE,
     "-----END PRIVATE KEY-----", ""]
)  # fmt: skip
KEY = {
    "type": "service_account",
    "client_email": "robot@project.example",
    "private_key": PEM,
    "token_uri": "https://oauth2.example/token",
}
JSON = json.dumps(KEY)
NOISE = ["", " ", "\n", "\t", "\x1b[2J", "\x07", "\ufeff", "'", '"', "=", "KEY=", "key: "]


def wrapped(text: str, width: int = 76) -> str:
    return "\n".join(text[n : n + width] for n in range(0, len(text), width))


PACKED = base64.b64encode(JSON.encode()).decode()
# What each tool makes of one and the same key.
DRESSES = {
    "as Google gives it": JSON,
    "in single quotes": f"'{JSON}'",
    "in double quotes": f'"{JSON}"',
    "in quotes, escaped": json.dumps(JSON),
    "with a byte order mark": "\ufeff" + JSON,
    "with blanks around": f"\n  {JSON}\r\n",
    "its lines broken": JSON.replace("\\n", "\n"),
    "its lines broken as on Windows": JSON.replace("\\n", "\r\n"),
    "escaped twice": JSON.replace("\\n", "\\\\n"),
    "printed over many lines": json.dumps(KEY, indent=2),
    "in base64": PACKED,
    "in base64, wrapped": wrapped(PACKED) + "\n",
    "in base64 for URLs, without its end": base64.urlsafe_b64encode(JSON.encode())
    .decode()
    .rstrip("="),
    "in base64 and quotes": f"'{PACKED}'",
}


@st.composite
def keys(draw: st.DrawFn) -> str:
    """A whole key, or one that lacks its begin or its end, with noise around."""
    text = draw(st.sampled_from(list(DRESSES.values())))
    at = text.index(MARK) if MARK in text else JSON.index(MARK) * 4 // 3  # base64: 4 for 3
    first = draw(st.just(0) | st.integers(0, at))
    last = draw(st.just(len(text)) | st.integers(at + 4 * len(MARK), len(text)))
    cut = text[first:] if draw(st.booleans()) else text[:last]
    return draw(st.sampled_from(NOISE)) + cut + draw(st.sampled_from(NOISE))


@st.composite
def addresses(draw: st.DrawFn, *, schemes: tuple[str, ...] = ("mqtts", "rtsp", "htp")) -> str:
    """An address with a login, each part of which may be wrong or missing; nobody is there."""
    password = draw(st.sampled_from(["", "7", *"#/?:[]%,\\ é"])) + MARK
    password += draw(st.sampled_from(["", *"#/?:[@%,\\ ", "\x00", "\n", "12"]))
    login = draw(st.sampled_from(["mia:", "m@il:", ":"])) + password
    scheme = draw(st.sampled_from(schemes)) + draw(st.sampled_from(["://"] * 4 + [":/", "//", ":"]))
    host = draw(st.sampled_from(["127.0.0.1:1", "127.0.0.1:99999", "127.0.0.1:x", "[::1", ""]))
    path = draw(st.sampled_from(["", "/", "/live/a", "?x=1", f"/{MARK}", "#"]))
    whole = f"{scheme}{login}@{host}{path}"
    half = f"{scheme}{login}"
    around = draw(st.sampled_from([*NOISE[:6], "'"]))
    return around + draw(st.sampled_from([whole, whole, half])) + around


def tells(said: str, value: str) -> bool:
    """Whether a text tells the secret in `value`: by its mark, in whichever spelling, or by a
    piece of it where it is packed."""
    if MARK.lower() in said.lower().replace("-", ""):
        return True
    packed = value if MARK not in value else ""
    return any(packed[n : n + 24] in said for n in range(0, max(len(packed) - 24, 0), 4))
