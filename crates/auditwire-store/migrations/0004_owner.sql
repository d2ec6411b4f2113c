-- The tables of version 4: the mark of the process that opened the store last. Whoever finds another mark than its own
-- writes nothing more.

CREATE TABLE owner (
    one   INTEGER PRIMARY KEY CHECK (one = 1),
    mark  BLOB    NOT NULL,
    since INTEGER NOT NULL
) STRICT;

INSERT INTO owner (one, mark, since) VALUES (1, x'00', 0);
