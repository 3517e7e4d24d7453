PRAGMA application_id = 1382380399;
PRAGMA user_version = 4;
BEGIN TRANSACTION;
CREATE TABLE about (
    channel TEXT NOT NULL,
    at INTEGER NOT NULL,               -- a second of the session
    title TEXT,                        -- in place of the recorders'; NULL: nothing was said
    note TEXT,
    delay REAL,                        -- seconds from the picture to what its viewers see
    PRIMARY KEY (channel, at)
) WITHOUT ROWID;
CREATE TABLE gap (                     -- seconds that are missing, and why
    channel TEXT NOT NULL,
    source TEXT NOT NULL,
    start INTEGER NOT NULL,
    end INTEGER NOT NULL,
    seconds INTEGER NOT NULL,
    why TEXT NOT NULL,
    PRIMARY KEY (channel, source, start)
) WITHOUT ROWID;
CREATE TABLE layer (                   -- how people reacted later: one, or several as counts
    id INTEGER PRIMARY KEY,
    channel TEXT NOT NULL,
    members TEXT NOT NULL,             -- random names, sorted, a space between: one a layer
    is_own INTEGER NOT NULL,           -- made on this machine
    UNIQUE (channel, members)
);
CREATE TABLE layer_row (               -- how many of them were in each state
    layer INTEGER NOT NULL REFERENCES layer (id),
    t INTEGER NOT NULL,                -- the second of the live room, epoch seconds
    happiness INTEGER NOT NULL,
    sadness INTEGER NOT NULL,
    neutral INTEGER NOT NULL,
    anger INTEGER NOT NULL,
    surprise INTEGER NOT NULL,
    disgust INTEGER NOT NULL,
    fear INTEGER NOT NULL,
    unsure INTEGER NOT NULL,
    away INTEGER NOT NULL,
    PRIMARY KEY (layer, t)
) WITHOUT ROWID;
CREATE TABLE live_mark (               -- what was found while it happened
    channel TEXT NOT NULL,
    t REAL NOT NULL,                   -- epoch seconds
    emotion INTEGER NOT NULL,
    people INTEGER NOT NULL,           -- who showed it
    read INTEGER NOT NULL,             -- who showed any emotion
    replay TEXT NOT NULL,              -- file of the replay; '' where there is none
    PRIMARY KEY (channel, t)
) WITHOUT ROWID;
CREATE TABLE mark (
    id INTEGER PRIMARY KEY,
    channel TEXT NOT NULL,
    t REAL NOT NULL,                   -- epoch seconds
    text TEXT NOT NULL,                -- one line; '' is a mark without a word
    UNIQUE (channel, t, text)
);
CREATE TABLE question (                -- and what the room answered: counts, never who
    channel TEXT NOT NULL,
    id INTEGER NOT NULL,
    t INTEGER NOT NULL,                -- when it was first seen here, epoch seconds
    closes_at INTEGER NOT NULL,        -- epoch seconds
    is_private INTEGER NOT NULL,       -- the counts are of randomised answers
    text TEXT NOT NULL,
    choices TEXT NOT NULL,             -- a JSON list
    counts TEXT NOT NULL,              -- a JSON list, one for each choice
    PRIMARY KEY (channel, id)
) WITHOUT ROWID;
INSERT INTO "question" VALUES('lobby',7,1795345100,1795345200,0,'Which map?','["Dust", "Mirage"]','[3, 1]');
CREATE TABLE reaction (
    channel TEXT NOT NULL,
    t INTEGER NOT NULL,                -- epoch seconds
    kind INTEGER NOT NULL,             -- of `Reaction`
    count INTEGER NOT NULL,            -- how many were sent in this second
    PRIMARY KEY (channel, t, kind)
) WITHOUT ROWID;
CREATE TABLE session (                 -- one run of one recorder
    id INTEGER PRIMARY KEY,
    channel TEXT NOT NULL,
    source TEXT NOT NULL,
    started INTEGER NOT NULL,          -- its first second
    ended INTEGER,                     -- its last one; NULL: it goes on, or was cut off
    title TEXT NOT NULL
);
CREATE TABLE sheet_book (
    id TEXT PRIMARY KEY,
    draft TEXT NOT NULL DEFAULT '',    -- title of a successor that is being made
    successor TEXT NOT NULL DEFAULT '' -- where rows go since this one is full
) WITHOUT ROWID;
CREATE TABLE sheet_calls (
    hour INTEGER PRIMARY KEY,          -- epoch seconds // 3600
    reads INTEGER NOT NULL DEFAULT 0,
    writes INTEGER NOT NULL DEFAULT 0,
    failed INTEGER NOT NULL DEFAULT 0
);
CREATE TABLE sheet_row (
    channel TEXT NOT NULL,
    t INTEGER NOT NULL,
    source TEXT NOT NULL,
    tab INTEGER NOT NULL REFERENCES sheet_tab (id),
    seq INTEGER NOT NULL,              -- 1 for the row below the header
    PRIMARY KEY (channel, t, source)
) WITHOUT ROWID;
CREATE TABLE sheet_tab (
    id INTEGER PRIMARY KEY,
    channel TEXT NOT NULL,
    source TEXT NOT NULL,
    started INTEGER NOT NULL,          -- epoch seconds
    newest INTEGER NOT NULL,           -- the latest second that has a place in it
    book TEXT NOT NULL,
    gid INTEGER NOT NULL,              -- Google's number for the tab, chosen here beforehand
    title TEXT NOT NULL,
    placed INTEGER NOT NULL DEFAULT 0,    -- positions given out
    confirmed INTEGER NOT NULL DEFAULT 0, -- positions that Google has confirmed
    grid INTEGER NOT NULL DEFAULT 0,      -- rows of the tab at Google; 0: not made yet
    is_left INTEGER NOT NULL DEFAULT 0    -- edited by hand or full: nothing more is written to it
);
CREATE TABLE sheet_target (
    channel TEXT PRIMARY KEY,          -- '' for every channel that has none of its own
    book TEXT NOT NULL                 -- the spreadsheet's id
) WITHOUT ROWID;
CREATE TABLE sheet_trouble (
    channel TEXT PRIMARY KEY,
    at INTEGER NOT NULL,
    text TEXT NOT NULL
) WITHOUT ROWID;
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
CREATE TABLE snapshot (
    channel TEXT NOT NULL,
    t INTEGER NOT NULL,
    source TEXT NOT NULL,
    viewers INTEGER NOT NULL,
    happiness INTEGER NOT NULL,
    sadness INTEGER NOT NULL,
    neutral INTEGER NOT NULL,
    anger INTEGER NOT NULL,
    surprise INTEGER NOT NULL,
    disgust INTEGER NOT NULL,
    fear INTEGER NOT NULL,
    unsure INTEGER NOT NULL,
    away INTEGER NOT NULL,
    PRIMARY KEY (channel, t, source)
) WITHOUT ROWID
;
CREATE TABLE video (
    channel TEXT NOT NULL,
    at INTEGER NOT NULL,               -- a second of the session
    start REAL NOT NULL,               -- epoch seconds of the video's first picture
    PRIMARY KEY (channel, at)
) WITHOUT ROWID;
CREATE TABLE video_part (              -- what OBS wrote without a pause
    channel TEXT NOT NULL,
    output TEXT NOT NULL,              -- "Record" or "Stream"
    start REAL NOT NULL,               -- epoch seconds
    end REAL NOT NULL,                 -- the last time at which it was known to be written
    file TEXT NOT NULL,                -- '' where OBS has not told it, and of a stream
    position REAL NOT NULL,            -- of `start` in the file, in s
    is_exact INTEGER NOT NULL,         -- 0: about half a second off
    PRIMARY KEY (channel, output, start)
) WITHOUT ROWID;
CREATE UNIQUE INDEX sheet_row_place ON sheet_row (tab, seq);
CREATE INDEX session_channel ON session (channel, started);
CREATE TRIGGER snapshot_in_slot AFTER INSERT ON snapshot BEGIN
    INSERT INTO slot VALUES (
        NEW.channel, NEW.source, NEW.t / 900, NEW.t, NEW.t, 1,
        NOT EXISTS (
            SELECT 1 FROM snapshot
            WHERE channel = NEW.channel AND t = NEW.t AND source <> NEW.source
        ),
        NEW.viewers
    ) ON CONFLICT DO UPDATE SET
        first = min(first, excluded.first), last = max(last, excluded.last),
        rows = rows + 1, seconds = seconds + excluded.seconds, peak = max(peak, excluded.peak);
END;
COMMIT;
