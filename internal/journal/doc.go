// Package journal keeps the record of one execution: every byte it wrote and
// every event of its life, in one order, for any number of readers.
//
// The record is a row of entries. Each has a width: a run of output is as wide
// as the bytes it holds, any other event is one wide. A position in the record,
// the cursor, is the sum of the widths before it. A cursor is one number for
// output and events alike, means the same for ever and is never a position in
// a file.
//
// Guarantees:
//
//  1. The bytes of one stream come back in the order and with the values they
//     were appended with, and never before the event that was appended before
//     them.
//  2. [Journal.Append] and [Journal.Note] never wait for a reader.
//  3. A reader that reads from cursor c and goes on from the cursor it was
//     given sees every entry behind c once: bytes, or an explicit [Gap] where
//     a bound let them go. Replay and live following are the same call.
//  4. What a bound leaves out is exact to the byte: the first and the last
//     bytes of a stream are kept, the middle is the gap.
//  5. Bytes handed out are never written again; bytes lent by [Journal.Borrow] not
//     before they are given back.
//  6. A [Cutter] that goes on from the cursor of any line, gap or note gives
//     every line behind it, whole, however long ago it began. Only text that no
//     newline ends may come twice.
//
// Memory is bounded by four rules, each for what the one before leaves open:
//
//  1. Of each stream there are KeepBytes bytes, and up to four segments of 64 KiB.
//  2. The index has at most an entry (24 bytes) for each 16 bytes of KeepBytes,
//     and never fewer than 1024. Runs that are gone are one entry a stream. At
//     the bound neighbouring runs of one stream are merged, which makes times
//     coarser. Where that does not help, because a process alternates between its
//     streams in steps of less than 32 bytes on the whole, the middle half of what is kept
//     goes, as if there had been more bytes than the bound. Notes always stay.
//  3. A [Budget] counts the bytes of all journals, and indexes beyond 256 entries.
//     Who grows above it gives up its own oldest bytes.
//  4. A record that is closed can be packed into one piece of memory if it is small,
//     else trimmed.
//
// On disk ([Create], [Open], [Resume]) a record is a folder; one in memory that has no
// output yet can move there, and an empty one can follow it. When it is finished it may be
// in an archive with other files, and is read where it lies. Of each stream there is
// a row of files that hold its bytes as they were written, and one index that is the
// event log: slots of 64 bytes, each with a checksum, that say what came when and
// where, and have a checksum of the bytes. What has no slot does not exist. So
// a torn end is not there, and what is damaged is a gap of known width: a slot costs
// what it is about, a byte that changed its segment of at most 64 KiB. One process
// writes; others read along by [Journal.Refresh], which reads what is new in the
// index and wakes who waits. An index that is mostly about what a bound let go is
// written anew and takes the place of the old one.
//
// Of a record on disk there are in memory two or three segments of each stream,
// where something is written, 24 bytes for each entry (at most 6 MiB if it is
// bounded) and about 100 for each segment. Readers who are behind read the files.
//
// Not promised: the order between two streams of one process beyond the order
// in which their bytes were read; times finer than [mergeWindow] inside a run; to
// a reader that stands in the middle of a gap of both streams, how much of the
// rest is whose (the sum is exact). Without KeepBytes and without a Budget nothing
// is bounded.
package journal
