// Package memory keeps stores in memory: for tests and for tables that are
// restored at every start. A [Store] is a B-tree whose snapshots are copied on
// write. Nothing survives the process, but a closed store can be opened again
// with [Store.Reopen], as a test of a restart needs it.
package memory
