"""`resonance-tui history --format svg|png`: the picture to a file or into a pipe."""

from __future__ import annotations

import re
import sys
from pathlib import Path

from resonance_tui.errors import InputError
from resonance_tui.history.picture import draw_request
from resonance_tui.history.recording import Request
from resonance_tui.history.saving import save_bytes
from resonance_tui.history.views import View

VIEWS = {
    "emotions": View.EMOTIONS,
    "shares": View.SHARES,
    "viewers": View.VIEWERS,
    "resonance": View.SCORE,
}


def write_picture(
    request: Request,
    format: str,
    out: Path | None,
    *,
    view: str = "emotions",
    is_grouped: bool = False,
    size: str = "1920x1080",
) -> None:
    """Raises InputError (also for a PNG to a terminal), StoreError and CannotSave."""
    pixels = parse_size(size)
    is_to_stdout = out is None or str(out) == "-"
    if is_to_stdout and format == "png" and sys.stdout.isatty():
        raise InputError("A PNG is no text for a terminal.", "Name a file: --out room.png.")
    data = draw_request(request, format, view=VIEWS[view], is_grouped=is_grouped, size=pixels)
    if out is not None and not is_to_stdout:
        save_bytes(out, [data])
        return
    sys.stdout.buffer.write(data)
    sys.stdout.buffer.flush()


def parse_size(text: str) -> tuple[int, int]:
    """ "1920x1080" in pixels. Raises InputError."""
    match = re.fullmatch(r"(\d{1,5})[x×](\d{1,5})", text.strip().lower())
    if match is None:
        raise InputError(f"{text!r} is no size of a picture.", "Width x height: 1920x1080.")
    return int(match[1]), int(match[2])
