"""The book of accounts on disk: read whole, changed under a lock, never left half-written."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Generator
from pathlib import Path
from typing import TypeVar

from resonance_broker.accounts import AccountList, decode_accounts, encode_accounts
from resonance_broker.problem import BrokerProblem, ProblemKind
from resonance_tui.files import lock_file, private_folder, write_private

T = TypeVar("T")
FILE_NAME = "accounts.json"


class AccountsStore:
    """One broker's accounts and invites; only their owner may read them.

    Several programs use it at once: the broker, which turns invites into accounts, and
    `broker users` and `broker invite` in other terminals.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.path = folder / FILE_NAME

    def load(self) -> AccountList:
        """What is written there; an empty book where there is none.

        Raises:
            BrokerProblem: of kind FILE for one that cannot be read.
        """
        try:
            return decode_accounts(self.path.read_bytes())
        except FileNotFoundError:
            return AccountList()
        except (OSError, ValueError) as error:
            raise BrokerProblem(
                ProblemKind.FILE,
                f"the accounts in {self.path} cannot be read: {error}",
                "fix the file, or move it away and begin with no accounts",
            ) from error

    def change(self, by: Callable[[AccountList], tuple[AccountList, T]]) -> T:
        """Replace the book by what `by` makes of it, and return what else it says.

        Raises:
            BrokerProblem: of kind FILE, with the book as it was; and what `by` raises.
        """
        with self._locked():
            before = self.load()
            after, answer = by(before)
            if after != before:
                self._write(encode_accounts(after))
        return answer

    @property
    def stamp(self) -> tuple[int, int]:
        """Differs after every change."""
        try:
            status = self.path.stat()
        except OSError:
            return 0, 0
        return status.st_mtime_ns, status.st_ino

    @contextlib.contextmanager
    def _locked(self) -> Generator[None]:
        with self._complaining():
            private_folder(self._folder)
            handle = (self._folder / f"{FILE_NAME}.lock").open("w")
        with handle:
            lock_file(handle, wait=True)
            yield

    def _write(self, data: bytes) -> None:
        with self._complaining():
            write_private(self.path, data)

    @contextlib.contextmanager
    def _complaining(self) -> Generator[None]:
        try:
            yield
        except OSError as error:
            reason = (error.strerror or str(error)).lower()
            message = f"the accounts cannot be written to {self._folder}: {reason}"
            raise BrokerProblem(ProblemKind.FILE, message) from error
