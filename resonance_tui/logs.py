"""Where text goes: a rotating file; and the guard that keeps native libraries off the screen."""

from __future__ import annotations

import contextlib
import logging
import os
import re
import sys
from collections.abc import Generator, Iterable
from io import FileIO
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import TextIO

from resonance_tui.secret import SHORTEST, masked

FORMAT = "%(asctime)s %(levelname)-7s %(name)s: %(message)s"


class Masking(logging.Formatter):
    """Masks what is known to be secret in every line, tracebacks and libraries' lines too."""

    def __init__(self, secrets: Iterable[str]) -> None:
        super().__init__(FORMAT)
        self._secrets = tuple(secrets)

    def format(self, record: logging.LogRecord) -> str:
        return masked(super().format(record), self._secrets)


def start(file: Path, *, verbose: bool = False, secrets: Iterable[str] = ()) -> None:
    """Send our log to `file` (1 MiB, two older ones kept), with `secrets` masked. A folder we may
    not write is no reason not to run: the log is then dropped."""
    logging.raiseExceptions = False  # a full disk must not print over the screen
    root = logging.getLogger()
    root.setLevel(logging.DEBUG if verbose else logging.INFO)
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        handler: logging.Handler = RotatingFileHandler(
            file, maxBytes=1 << 20, backupCount=2, delay=True, encoding="utf-8"
        )
    except OSError:
        handler = logging.NullHandler()
    handler.setFormatter(Masking(secrets))
    root.addHandler(handler)
    for chatty in ("amqtt", "transitions", "matplotlib", "PIL", "mqtt", "asyncio"):
        logging.getLogger(chatty).setLevel(logging.WARNING)


def _text_to(descriptor: int, *, like: TextIO) -> TextIO:
    """A stream that writes as `like` does; to a terminal in UTF-8, as screens are drawn."""
    encoding = "utf-8" if os.isatty(descriptor) else like.encoding
    return os.fdopen(descriptor, "w", buffering=1, encoding=encoding, errors=like.errors)


@contextlib.contextmanager
def native_output_to(file: Path, secrets: Iterable[str] = ()) -> Generator[None]:
    """While inside, what C libraries print to file descriptor 2 lands in `file`; in the end
    `secrets` are struck out of it, for which libraries that are asked to talk repeat addresses.

    Textual draws on `sys.__stderr__`, whose descriptor is 2 as well: both Python streams are
    rebound to a duplicate of the terminal, so that the screen is ours alone.
    """
    sys.stderr.flush()
    keep_err, keep_dunder = sys.stderr, sys.__stderr__
    terminal = os.dup(2)
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        sink = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        written = os.open(file, os.O_RDWR)  # the same one when the log has been rotated
    except OSError:
        sink = os.open(os.devnull, os.O_WRONLY)
        written = os.dup(sink)
    os.dup2(sink, 2)
    os.close(sink)
    ours = _text_to(terminal, like=keep_err)
    sys.stderr = sys.__stderr__ = ours
    try:
        yield
    finally:
        ours.flush()
        os.dup2(terminal, 2)
        sys.stderr, sys.__stderr__ = keep_err, keep_dunder
        ours.close()
        with contextlib.suppress(OSError), os.fdopen(written, "r+b", buffering=0) as log:
            _strike_out(log, secrets)


def _strike_out(log: FileIO, secrets: Iterable[str]) -> None:
    """In place and without a change of length: the log's own lines go on being appended."""
    text = log.readall()
    for words in (secret.encode() for secret in secrets if len(secret) >= SHORTEST):
        for found in re.finditer(re.escape(words), text):
            log.seek(found.start())
            log.write(b"*" * len(words))
