// Package storage keeps one partition of a table on the local machine.
//
// A [Store] is a sorted map from keys to values together with one number: the
// offset of the next record to read from the table's changelog. Both change
// together, in atomic batches, so that a store that is opened after a crash is
// the table as it was at that offset, and the rest of the changelog brings it
// up to date.
//
// There are two ways to write a store, and a folder serves one of them at a
// time:
//
//   - [Owner]: the processor whose state the table is applies one batch for a
//     run of commits. Nothing reaches the store before its commit.
//   - [Follower]: a view, lookup, join or standby applies records as they come;
//     [NewFollower] gathers them into batches by size and time.
//
// Package leveldb keeps stores in LevelDB and is what services run on; package
// memory keeps them in memory, for tests. Both pass package storagetest, which
// is exported for other implementations. The bytes on disk are described in
// docs/storage-format.md.
package storage
