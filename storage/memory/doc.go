// Package memory keeps stores in memory: for tests, and for tables that are
// restored at every start. A [Store] is a B-tree whose snapshots share its
// nodes until they change. Nothing survives the process, but a closed store can
// be opened again with [Store.Reopen], as the test of a restart needs it.
//
// A store behaves like one in LevelDB and passes the same tests, in package
// storagetest.
package memory
