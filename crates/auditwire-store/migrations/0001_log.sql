-- The tables of version 1; docs/formats/store.md says what each holds and what a reader may assume.

CREATE TABLE groups (
    id   INTEGER PRIMARY KEY,
    blob BLOB NOT NULL
) STRICT;

CREATE TABLE spans (
    project    TEXT    NOT NULL,
    first      INTEGER NOT NULL,
    rows       INTEGER NOT NULL CHECK (rows > 0),
    group_id   INTEGER NOT NULL,
    "offset"   INTEGER NOT NULL,
    time_min   INTEGER NOT NULL,
    time_max   INTEGER NOT NULL,
    blob_bytes INTEGER NOT NULL,
    PRIMARY KEY (project, first)
) STRICT, WITHOUT ROWID;

CREATE TABLE heads (
    project TEXT    NOT NULL PRIMARY KEY,
    -- NOT NULL is the fence: a span that does not begin right after the last position writes NULL here and fails.
    last    INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE records (
    kind    INTEGER NOT NULL,
    project TEXT    NOT NULL, -- '' for records of the instance
    id      TEXT    NOT NULL,
    version INTEGER NOT NULL,
    value   BLOB    NOT NULL,
    PRIMARY KEY (kind, project, id)
) STRICT, WITHOUT ROWID;

CREATE TABLE id_runs (
    project TEXT    NOT NULL,
    first   INTEGER NOT NULL,
    last    INTEGER NOT NULL,
    newest  INTEGER NOT NULL,
    level   INTEGER NOT NULL,
    parts   INTEGER NOT NULL,
    filter  BLOB    NOT NULL,
    PRIMARY KEY (project, first)
) STRICT;

CREATE TABLE id_run_parts (
    project TEXT    NOT NULL,
    first   INTEGER NOT NULL,
    part    INTEGER NOT NULL,
    hashes  BLOB    NOT NULL,
    PRIMARY KEY (project, first, part)
) STRICT;
