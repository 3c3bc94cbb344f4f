// Package leveldb keeps stores in LevelDB, one folder each.
//
// [Open] opens or creates a store. What cannot be trusted (damaged files, a
// newer format, another changelog of the same name) is moved aside with a log
// line, and an empty store takes its place: the changelog restores it.
//
// # What survives what
//
// Batches are appended to LevelDB's journal by plain writes. After the process
// was killed, all batches are there, but for one that was being written, which
// is gone as a whole: the store is as it was at its offset. After a crash of
// the machine the last batches may be lost as well, back to the last one that
// the operating system had written out; a hole, a batch that is lost with later
// ones there, is found when the store is opened, and the store is replaced.
// [Options.Sync] has every batch written out before Apply returns.
package leveldb
