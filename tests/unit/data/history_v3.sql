PRAGMA application_id = 1382380399;
PRAGMA user_version = 3;
BEGIN TRANSACTION;
CREATE TABLE gap (                     -- seconds that are missing, and why
    channel TEXT NOT NULL,
    source TEXT NOT NULL,
    start INTEGER NOT NULL,
    end INTEGER NOT NULL,
    seconds INTEGER NOT NULL,
    why TEXT NOT NULL,
    PRIMARY KEY (channel, source, start)
) WITHOUT ROWID;
CREATE TABLE session (                 -- one run of one recorder
    id INTEGER PRIMARY KEY,
    channel TEXT NOT NULL,
    source TEXT NOT NULL,
    started INTEGER NOT NULL,          -- its first second
    ended INTEGER,                     -- its last one; NULL: it goes on, or was cut off
    title TEXT NOT NULL
);
INSERT INTO "session" VALUES(1,'lobby','local',1795345080,1795345085,'A quiet evening');
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
INSERT INTO "sheet_calls" VALUES(498706,0,1,1);
CREATE TABLE sheet_row (
    channel TEXT NOT NULL,
    t INTEGER NOT NULL,
    source TEXT NOT NULL,
    tab INTEGER NOT NULL REFERENCES sheet_tab (id),
    seq INTEGER NOT NULL,              -- 1 for the row below the header
    PRIMARY KEY (channel, t, source)
) WITHOUT ROWID;
INSERT INTO "sheet_row" VALUES('lobby',1795345080,'local',1,1);
INSERT INTO "sheet_row" VALUES('lobby',1795345081,'local',1,2);
INSERT INTO "sheet_row" VALUES('lobby',1795345082,'local',1,3);
INSERT INTO "sheet_row" VALUES('lobby',1795345083,'local',1,4);
INSERT INTO "sheet_row" VALUES('lobby',1795345084,'local',1,5);
INSERT INTO "sheet_row" VALUES('lobby',1795345085,'local',1,6);
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
INSERT INTO "sheet_tab" VALUES(1,'lobby','local',1795345080,1795345085,'the-streamers-own-sheet',1050120795,'lobby 2026-11-22 10.58.00 UTC b2c3',6,0,0,0);
CREATE TABLE sheet_target (
    channel TEXT PRIMARY KEY,          -- '' for every channel that has none of its own
    book TEXT NOT NULL                 -- the spreadsheet's id
) WITHOUT ROWID;
INSERT INTO "sheet_target" VALUES('','a-sheet-for-every-channel');
INSERT INTO "sheet_target" VALUES('lobby','the-streamers-own-sheet');
CREATE TABLE sheet_trouble (
    channel TEXT PRIMARY KEY,
    at INTEGER NOT NULL,
    text TEXT NOT NULL
) WITHOUT ROWID;
INSERT INTO "sheet_trouble" VALUES('lobby',1795345084,'Google has an outage (503).');
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
INSERT INTO "slot" VALUES('lobby','local',1994827,1795345080,1795345087,8,8,14);
INSERT INTO "slot" VALUES('other','local',1994827,1795345080,1795345080,1,1,6);
CREATE TABLE snapshot (
        channel TEXT NOT NULL,
        t INTEGER NOT NULL,
        source TEXT NOT NULL,
        viewers INTEGER NOT NULL,
        happiness INTEGER NOT NULL, sadness INTEGER NOT NULL, neutral INTEGER NOT NULL, anger INTEGER NOT NULL, surprise INTEGER NOT NULL, disgust INTEGER NOT NULL, fear INTEGER NOT NULL,
        unsure INTEGER NOT NULL,
        away INTEGER NOT NULL,
        PRIMARY KEY (channel, t, source)
    ) WITHOUT ROWID
   ;
INSERT INTO "snapshot" VALUES('lobby',1795345080,'local',6,0,0,3,0,0,0,1,2,0);
INSERT INTO "snapshot" VALUES('lobby',1795345081,'local',9,1,0,3,1,0,0,1,2,1);
INSERT INTO "snapshot" VALUES('lobby',1795345082,'local',10,2,0,3,0,0,0,1,2,2);
INSERT INTO "snapshot" VALUES('lobby',1795345083,'local',10,3,0,3,1,0,0,1,2,0);
INSERT INTO "snapshot" VALUES('lobby',1795345084,'local',11,4,0,3,0,0,0,1,2,1);
INSERT INTO "snapshot" VALUES('lobby',1795345085,'local',14,5,0,3,1,0,0,1,2,2);
INSERT INTO "snapshot" VALUES('lobby',1795345086,'local',12,6,0,3,0,0,0,1,2,0);
INSERT INTO "snapshot" VALUES('lobby',1795345087,'local',8,0,0,3,1,0,0,1,2,1);
INSERT INTO "snapshot" VALUES('other',1795345080,'local',6,0,0,3,0,0,0,1,2,0);
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
