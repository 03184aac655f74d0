-- What finds text in commands. A part is some thousands of executions that follow one another, in blocks of a few; it is
-- made when they are old enough. The tail behind the last part is looked through row by row.
CREATE TABLE text_part (
    last   INTEGER PRIMARY KEY, -- the last seq of the part; it begins behind the part before
    starts BLOB NOT NULL,       -- the first seq of each block, 8 bytes each
    always BLOB NOT NULL        -- a bit for each block whose commands may be others by now: it is always looked at
) STRICT;

-- For each three bytes that follow one another, by their hash, in which blocks they are.
CREATE TABLE text_bits (
    bucket INTEGER NOT NULL, -- some hashes that follow one another
    last   INTEGER NOT NULL, -- of the part
    bits   BLOB NOT NULL,    -- for each hash a bit for each block
    PRIMARY KEY (bucket, last)
) STRICT, WITHOUT ROWID;
