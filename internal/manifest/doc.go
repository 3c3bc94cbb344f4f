// Package manifest remembers what a processor was when it last ran, so that a
// change which its state does not survive is found at the next start: another
// codec of a table, other numbers of partitions, a renamed table.
//
// Each topology has a compacted topic of one partition for it ([Topic]), with
// a record for each processor: the copy that all instances see, wherever they
// run. It is written at a start, when it differs. See
// docs/decisions/0010-manifest.md.
package manifest
