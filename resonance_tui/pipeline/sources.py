"""Picture sources: how they are named, their status, and the frames that they deliver."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Literal
from urllib.parse import urlsplit

from resonance_tui.errors import SourceInvalid
from resonance_tui.secret import shown_source
from resonance_tui.texts import mark, tr

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

SourceKind = Literal["device", "file", "url", "demo", "none"]
URL_SCHEMES = ("rtsp", "rtsps", "rtmp", "rtmps", "http", "https")
MAX_DEVICE = 999  # drivers number from 0; a larger number is a typing error
_SCHEME = re.compile(r"[a-z][a-z0-9+.-]{1,9}")
STREAM_HINT = mark("Write it like rtsp://host:554/path.")
PASSWORD_HINT = mark("In a password write %23 for #, %2F for / and %3F for ?.")
HINT = mark(
    "Give a device number (0), a video file, a stream URL (rtsp, rtmp, http), demo or none."
)


class CameraState(StrEnum):
    """The state of a picture source."""

    OFF = "off"
    OPENING = "opening"
    LIVE = "live"
    MISSING = "missing"
    BUSY = "busy"
    LOST = "lost"
    FROZEN = "frozen"  # it hands out the same picture for ever
    ENDED = "ended"


@dataclass(frozen=True, slots=True)
class CameraStatus:
    """What screens show of the camera. Never holds a password of a stream URL."""

    state: CameraState
    source: str = ""  # Source.label
    detail: str = ""
    retry_at: float | None = None  # monotonic s; set while a next try is planned


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """One picture. Lives in memory only."""

    image: NDArray[np.uint8]  # (H, W, 3) BGR
    captured_at: float  # monotonic s
    index: int  # grows by one per delivered frame, over restarts too
    media_time: float | None = None  # s into the file; None for live sources


@dataclass(frozen=True, slots=True)
class Source:
    """A picture source. `value`: device index, path or URL; "" for demo and none."""

    kind: SourceKind
    value: str = ""

    @property
    def label(self) -> str:
        """Short name that is safe to show: no password, no control characters."""
        names = {
            "device": tr("camera {device}", device=self.value),
            "file": Path(self.value).name,
            "url": mask_url(self.value),
            "demo": tr("demo portraits"),
            "none": tr("no camera"),
        }
        return _visible(names[self.kind])

    def __repr__(self) -> str:
        """As the dataclass would, but without a URL's secrets: reprs end in log files."""
        value = mask_url(self.value) if self.kind == "url" else self.value
        return f"Source(kind={self.kind!r}, value={value!r})"


def mask_url(url: str) -> str:
    """Scheme, host and port alone. Cameras and stream services put passwords and keys not only
    before the "@" but also into the path (`/user=admin_password=...`, `/live/STREAM-KEY`)."""
    scheme = url.partition("://")[0].lower()
    try:
        parts = urlsplit(url)
        host = parts.netloc.rpartition("@")[2]
    except ValueError:
        return f"{scheme}://..."
    rest = parts.path + parts.query + parts.fragment
    if "@" in rest and "@" not in parts.netloc:  # of a login that a "/" in it cuts, perhaps
        return f"{scheme}://..."
    has_more = parts.path.strip("/") or parts.query
    return f"{scheme}://{host}" + ("/..." if has_more else "")


def parse_source(text: str) -> Source:
    """The source that `--camera TEXT` means. Looks at the file system, opens nothing.

    Raises SourceInvalid for everything that cannot deliver pictures.
    """
    text = text.strip()
    if not text:
        raise SourceInvalid(mark("The camera argument is empty."), HINT)
    if text.lower() in ("demo", "none"):
        return Source("demo" if text.lower() == "demo" else "none")
    if text.isascii() and text.isdecimal():
        return _device(text)
    if "://" in text:
        return _url(text)
    return _path(text)


def _device(digits: str) -> Source:
    if len(digits) > 9 or int(digits) > MAX_DEVICE:
        raise SourceInvalid(mark("Camera {digits} is no device number.", digits=digits[:20]), HINT)
    return Source("device", str(int(digits)))


def _url(text: str) -> Source:
    scheme = text.partition("://")[0].lower()
    if scheme not in URL_SCHEMES:
        known = ", ".join(URL_SCHEMES)
        which = f"{scheme}://" if _SCHEME.fullmatch(scheme) else "that"
        raise SourceInvalid(
            mark("Streams of the kind {which} cannot be read.", which=which),
            mark("Known: {known}.", known=known),
        )
    if _is_cut_by_password(text):
        raise SourceInvalid(
            mark("The password in this stream URL ends the address."), PASSWORD_HINT
        )
    try:
        host, port = urlsplit(text).hostname, urlsplit(text).port
    except ValueError:  # its text may repeat the password
        raise SourceInvalid(mark("This stream URL does not parse."), STREAM_HINT) from None
    if not host or port == 0:
        raise SourceInvalid(mark("This stream URL names no host."), STREAM_HINT)
    return Source("url", text)


def _is_cut_by_password(text: str) -> bool:
    """Whether a "#", "/" or "?" in it stands where only a password can have it: before the "@"
    that ends a login."""
    is_login = False
    try:
        parts = urlsplit(text)
        is_login = "@" in parts.netloc
        _ = parts.port  # raises for what is no number
    except ValueError:
        return not is_login and "@" in text
    return not is_login and "@" in parts.fragment


def _path(text: str) -> Source:
    shown = shown_source(text)
    shown = _visible(shown if len(shown) <= 80 else shown[:77] + "...")
    try:
        path = Path(text).expanduser()
        if (number := _device_number(path)) is not None:
            return _device(number)
        if path.is_dir():
            raise SourceInvalid(
                mark("{shown} is a folder, not a video.", shown=shown),
                mark("Name one file inside it."),
            )
        if not path.exists():
            raise SourceInvalid(mark("There is no file {shown}.", shown=shown), HINT)
        if not path.is_file():
            raise SourceInvalid(
                mark("{shown} is neither a video file nor a camera.", shown=shown), HINT
            )
    except (OSError, ValueError, RuntimeError):  # too long, a NUL byte, forbidden, unknown ~user
        raise SourceInvalid(mark("{shown} cannot be read as a path.", shown=shown), HINT) from None
    return Source("file", str(path))


def _device_number(path: Path) -> str | None:
    """Linux names its cameras /dev/video0 and, by links, /dev/v4l/by-id/..."""
    if path.parts[:2] != ("/", "dev"):
        return None
    match = re.fullmatch(r"/dev/video(\d+)", str(path.resolve()), re.ASCII)
    return match[1] if match else None


def _visible(text: str) -> str:
    """Only what this Python calls printable: unlike a viewer, a camera may lose a sign."""
    return "".join(filter(str.isprintable, text))
