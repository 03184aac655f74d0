-- One row for each execution. seq is the order of acceptance: the time of acceptance in nanoseconds since 1970, or one
-- more than the last where the clock does not go on. Columns that are looked through come before those that are long.
CREATE TABLE execution (
    seq          INTEGER PRIMARY KEY,
    id           BLOB NOT NULL,
    status       TEXT NOT NULL,
    accepted     INTEGER NOT NULL, -- times are nanoseconds since 1970, NULL where there is none
    started      INTEGER,
    ended        INTEGER,
    exit_code    INTEGER,          -- NULL before the ending
    cursor       INTEGER NOT NULL DEFAULT 0,
    type         TEXT NOT NULL,
    program      TEXT NOT NULL,
    source       TEXT,
    conversation BLOB,
    digest       BLOB NOT NULL,    -- of the content, under the key
    labels       TEXT,             -- actor and tags
    command      TEXT NOT NULL,    -- as it is shown, masked
    request      BLOB NOT NULL,    -- without secrets
    whole        BLOB,             -- with secrets, encrypted; NULL from the start on, and where there are none
    result       BLOB
) STRICT;

CREATE UNIQUE INDEX execution_id ON execution (id);
-- Most have completed, and are found by walking.
CREATE INDEX execution_status ON execution (status) WHERE status <> 'completed';
CREATE INDEX execution_ended ON execution (ended) WHERE ended IS NOT NULL;
CREATE INDEX execution_exit_code ON execution (exit_code) WHERE exit_code <> 0;
CREATE INDEX execution_program ON execution (program);
CREATE INDEX execution_source ON execution (source) WHERE source IS NOT NULL;
CREATE INDEX execution_conversation ON execution (conversation) WHERE conversation IS NOT NULL;

CREATE TABLE tag (
    name  TEXT NOT NULL,
    value TEXT NOT NULL,
    seq   INTEGER NOT NULL,
    PRIMARY KEY (name, value, seq)
) STRICT, WITHOUT ROWID;

-- How many have ended with each status, and how many are unfinished.
CREATE TABLE tally (
    status TEXT PRIMARY KEY,
    n      INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- The ids of what was deleted, the last of them.
CREATE TABLE gone (
    n  INTEGER PRIMARY KEY AUTOINCREMENT,
    id BLOB NOT NULL UNIQUE
) STRICT;

-- skew: the most that seq was ever ahead of accepted. key: what proves that the key is the one of this history.
CREATE TABLE meta (
    name  TEXT PRIMARY KEY,
    value ANY NOT NULL
) STRICT, WITHOUT ROWID;
