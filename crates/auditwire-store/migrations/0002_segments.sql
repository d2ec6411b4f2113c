-- The tables of version 2: events move from groups into segments. docs/formats/store.md says what each holds.

CREATE TABLE segments (
    id      INTEGER PRIMARY KEY,
    name    TEXT    NOT NULL UNIQUE,
    level   INTEGER NOT NULL,
    rank    INTEGER NOT NULL,
    rows    INTEGER NOT NULL,
    bytes   INTEGER NOT NULL,
    made_at INTEGER NOT NULL
) STRICT;

CREATE TABLE spans_2 (
    project    TEXT    NOT NULL,
    first      INTEGER NOT NULL,
    rows       INTEGER NOT NULL CHECK (rows > 0),
    -- Exactly one of the two says where the rows lie.
    group_id   INTEGER,
    segment_id INTEGER CHECK ((group_id IS NULL) <> (segment_id IS NULL)),
    "offset"   INTEGER NOT NULL,
    time_min   INTEGER NOT NULL,
    time_max   INTEGER NOT NULL,
    blob_bytes INTEGER NOT NULL,
    PRIMARY KEY (project, first)
) STRICT, WITHOUT ROWID;

INSERT INTO spans_2 (project, first, rows, group_id, "offset", time_min, time_max, blob_bytes)
SELECT project, first, rows, group_id, "offset", time_min, time_max, blob_bytes FROM spans ORDER BY project, first;
DROP TABLE spans;
ALTER TABLE spans_2 RENAME TO spans;

-- Only sealed spans are in it, so that a commit of fresh events does not pay for it.
CREATE INDEX spans_by_segment ON spans (segment_id, rows) WHERE segment_id IS NOT NULL;

CREATE TABLE sealed (
    project      TEXT    NOT NULL,
    first        INTEGER NOT NULL,
    received_max INTEGER NOT NULL,
    summary      BLOB    NOT NULL,
    PRIMARY KEY (project, first)
) STRICT;

-- The first position that is kept; what comes before has expired.
ALTER TABLE heads ADD COLUMN first INTEGER NOT NULL DEFAULT 1;
