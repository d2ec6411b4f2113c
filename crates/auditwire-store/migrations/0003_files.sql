-- The table of version 3: files of segments that this store wrote and no segment names. docs/formats/store.md says who may remove them.

CREATE TABLE files (
    name TEXT    NOT NULL PRIMARY KEY,
    -- 1 being written, 2 replaced by a merge, 3 expired.
    why  INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
