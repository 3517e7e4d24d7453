"""How commands speak: data on stdout, sentences and a status line on stderr."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import sys
import threading
import time
from collections.abc import Iterable
from typing import Any

import click

from resonance_tui.widths import cut, printable

REPORT_EVERY_S = 60.0  # where there is no terminal to rewrite a line in
WIDE = 100  # columns where the output is no terminal


def say(sentence: str) -> None:
    """A sentence for a person, on stderr."""
    click.echo(sentence, err=True)


def say_progress(sentence: str) -> None:
    """A sentence that only matters while one waits, on stderr and dim."""
    click.secho(sentence, dim=True, err=True)


def note(text: str) -> None:
    """Something that happened meanwhile, on stderr."""
    say(f"note: {text}")


def put(line: str) -> None:
    """One line of data, on stdout."""
    click.echo(line)


def put_lines(lines: Iterable[str]) -> None:
    """Lines of data, on stdout."""
    for line in lines:
        click.echo(line)


def put_json(value: Any, *, indent: int | None = None) -> None:
    """JSON for scripts, on stdout; several objects a second go without spaces."""
    click.echo(json.dumps(value, indent=indent))


def put_event(event: Any) -> None:
    """One JSON object without spaces, on a line of its own: there may be many a second."""
    click.echo(json.dumps(event, separators=(",", ":")))


def terminal_width() -> int:
    """Columns to fill: the terminal's, at most 100; 100 where output goes elsewhere."""
    return min(WIDE, shutil.get_terminal_size((WIDE, 24)).columns) if sys.stdout.isatty() else WIDE


def uptime(seconds: float) -> str:
    """ "up 1:02:03" """
    minutes, seconds = divmod(int(seconds), 60)
    return f"up {minutes // 60}:{minutes % 60:02}:{seconds:02}"


def _stderr_width() -> int:
    """Columns of the terminal that stderr is, wherever stdout goes."""
    with contextlib.suppress(OSError, ValueError):
        if columns := os.get_terminal_size(sys.stderr.fileno()).columns:
            return columns
    return shutil.get_terminal_size().columns


class StatusLine:
    """One line on stderr that says how it goes: rewritten in place on a terminal, one a minute
    elsewhere; sentences stay above it."""

    def __init__(self, *, is_quiet: bool = False) -> None:
        self._is_quiet = is_quiet
        self.is_live = sys.stderr.isatty() and os.environ.get("TERM") != "dumb"
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
            if self.is_live:
                line = cut(printable(text), _stderr_width() - 1)
                click.echo(f"\r\x1b[2K{line}", err=True, nl=False)
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
        return "\r\x1b[2K" if self.is_live and not self._is_quiet else ""
