"""The tables of sessions in the history database (layout 3, frozen)."""

from __future__ import annotations

SLOT_S = 900  # shorter than any pause that ends a session, so that no session ends inside a slot

# A quarter of an hour of one recorder in one line, kept by the database itself: a list of sessions
# costs a few hundred lines instead of a million rows.
SLOT_TABLE = """
CREATE TABLE slot (
    channel TEXT NOT NULL,
    source TEXT NOT NULL,
    number INTEGER NOT NULL,           -- t / 900
    first INTEGER NOT NULL,            -- recorded seconds
    last INTEGER NOT NULL,
    rows INTEGER NOT NULL,
    seconds INTEGER NOT NULL,          -- rows whose second no other source had before
    peak INTEGER NOT NULL,             -- most viewers
    PRIMARY KEY (channel, source, number)
) WITHOUT ROWID;
"""
SESSION_TABLES = """
CREATE TABLE session (                 -- one run of one recorder
    id INTEGER PRIMARY KEY,
    channel TEXT NOT NULL,
    source TEXT NOT NULL,
    started INTEGER NOT NULL,          -- its first second
    ended INTEGER,                     -- its last one; NULL: it goes on, or was cut off
    title TEXT NOT NULL
);
CREATE INDEX session_channel ON session (channel, started);
CREATE TABLE gap (                     -- seconds that are missing, and why
    channel TEXT NOT NULL,
    source TEXT NOT NULL,
    start INTEGER NOT NULL,
    end INTEGER NOT NULL,
    seconds INTEGER NOT NULL,
    why TEXT NOT NULL,
    PRIMARY KEY (channel, source, start)
) WITHOUT ROWID;
"""
_TRIGGER = f"""
CREATE TRIGGER snapshot_in_slot AFTER INSERT ON snapshot BEGIN
    INSERT INTO slot VALUES (
        NEW.channel, NEW.source, NEW.t / {SLOT_S}, NEW.t, NEW.t, 1,
        NOT EXISTS (
            SELECT 1 FROM snapshot
            WHERE channel = NEW.channel AND t = NEW.t AND source <> NEW.source
        ),
        NEW.viewers
    ) ON CONFLICT DO UPDATE SET
        first = min(first, excluded.first), last = max(last, excluded.last),
        rows = rows + 1, seconds = seconds + excluded.seconds, peak = max(peak, excluded.peak);
END;
"""


def fill_slots(where: str = "TRUE") -> str:
    """SQL that computes the slots of the rows `s` for which `where` holds."""
    return f"""
INSERT INTO slot
SELECT channel, source, t / {SLOT_S}, min(t), max(t), count(*), sum(NOT EXISTS (
    SELECT 1 FROM snapshot AS o WHERE o.channel = s.channel AND o.t = s.t AND o.source < s.source
)), max(viewers) FROM snapshot AS s WHERE {where} GROUP BY channel, source, t / {SLOT_S};
"""


SESSIONS = SLOT_TABLE + SESSION_TABLES + _TRIGGER + fill_slots()


def as_temporary() -> str:
    """The same as temporary tables, for an older file that may not be written."""
    return (SLOT_TABLE + SESSION_TABLES).replace("CREATE TABLE", "CREATE TEMP TABLE").replace(
        "CREATE INDEX session_channel", "CREATE INDEX temp.session_channel"
    ) + fill_slots()
