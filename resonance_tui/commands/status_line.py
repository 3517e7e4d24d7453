"""One line on stderr that says how it goes."""

from __future__ import annotations

import os
import shutil
import sys
import threading
import time

import click

REPORT_EVERY_S = 60.0  # where there is no terminal to rewrite a line in


class StatusLine:
    """Rewritten in place on a terminal, one a minute elsewhere; sentences stay above it."""

    def __init__(self, *, is_quiet: bool = False) -> None:
        self._is_quiet = is_quiet
        self._is_live = sys.stderr.isatty() and os.environ.get("TERM") != "dumb"
        self._lock = threading.Lock()  # a broker speaks from its own thread
        self._began = self._reported = time.monotonic()

    @property
    def up_s(self) -> float:
        """Seconds since it began."""
        return time.monotonic() - self._began

    def show(self, text: str) -> None:
        now = time.monotonic()
        with self._lock:
            if self._is_quiet:
                return
            if self._is_live:
                width = shutil.get_terminal_size().columns
                click.echo(f"\r\x1b[2K{text[: width - 1]}", err=True, nl=False)
            elif now - self._reported >= REPORT_EVERY_S:
                self._reported = now
                click.echo(text, err=True)

    def say(self, sentence: str) -> None:
        with self._lock:
            click.echo(f"{self._wipe}{sentence}", err=True)

    def close(self) -> None:
        with self._lock:
            click.echo(self._wipe, err=True, nl=False)

    @property
    def _wipe(self) -> str:
        return "\r\x1b[2K" if self._is_live and not self._is_quiet else ""


def up(seconds: float) -> str:
    """ "up 1:02:03" """
    minutes, seconds = divmod(int(seconds), 60)
    return f"up {minutes // 60}:{minutes % 60:02}:{seconds:02}"
