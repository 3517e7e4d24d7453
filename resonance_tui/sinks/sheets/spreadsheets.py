"""Which spreadsheet a channel goes to, and which one takes over when that is full."""

from __future__ import annotations

from resonance_tui.history.store import Store


class Spreadsheets:
    """Over an open history database. Everything raises StoreError."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def target(self, channel: str) -> str | None:
        """The spreadsheet where the channel's next tab goes; None where there is none."""
        first = self.first_target(channel)
        return self.follow(first) if first else None

    def first_target(self, channel: str) -> str | None:
        """The spreadsheet that was named for the channel, though it may be full by now."""
        with self._store.reading() as db:
            found = db.execute(
                "SELECT book FROM sheet_target WHERE channel IN (?, '') ORDER BY channel DESC",
                (channel,),
            ).fetchone()
        return found[0] if found else None

    def targets(self) -> dict[str, str]:
        """Spreadsheet by channel; "" stands for every other channel."""
        with self._store.reading() as db:
            return dict(db.execute("SELECT channel, book FROM sheet_target ORDER BY channel"))

    def set_target(self, channel: str, book: str) -> None:
        with self._store.transaction() as db:
            db.execute("INSERT OR REPLACE INTO sheet_target VALUES (?, ?)", (channel, book))

    def follow(self, book: str) -> str:
        """The last of the spreadsheets that took over from each other, beginning with `book`."""
        return self.chain(book)[-1]

    def chain(self, book: str) -> list[str]:
        """The spreadsheet and those that took over from it, each once."""
        books = [book]
        with self._store.reading() as db:
            while True:
                row = db.execute(
                    "SELECT successor FROM sheet_book WHERE id = ?", (books[-1],)
                ).fetchone()
                if row is None or not row[0] or row[0] in books:
                    return books
                books.append(row[0])

    def draft_successor(self, book: str, title: str) -> tuple[str, bool]:
        """The title under which a successor is made, and whether that was tried before."""
        with self._store.transaction() as db:
            row = db.execute("SELECT draft FROM sheet_book WHERE id = ?", (book,)).fetchone()
            if row is not None and row[0]:
                return row[0], True
            db.execute("INSERT OR REPLACE INTO sheet_book VALUES (?, ?, '')", (book, title))
            return title, False

    def set_successor(self, book: str, successor: str) -> None:
        with self._store.transaction() as db:
            db.execute("INSERT OR REPLACE INTO sheet_book VALUES (?, '', ?)", (book, successor))
