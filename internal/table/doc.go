// Package table keeps one partition of a table as decoded values in front of
// its store.
//
// [Table] is the owner's side: a processor's state. One map of entries serves
// as the overlay of what was not yet committed, as the frozen generation that
// a commit is writing, as the queue of what the store has not yet been given,
// and as the cache of clean values:
//
//	            Set               Freeze            Committed          Write
//	clean ─────────────▶ dirty ───────────▶ frozen ───────────▶ queued ───────▶ clean
//	  ▲                    │                                                      │
//	  │      Rollback      │                                                      │
//	  └────────────────────┘                     evicted when the cache is full ◀─┘
//
// A key that is set again while it is frozen or queued is all of it at once.
// Only clean entries are evicted. A key is written to the store once for each
// Write, however many commits that is, and encoded once for each commit, however
// often it was set. That is done after Freeze and part by part, so that a commit of many keys
// does not keep records waiting; a key that is set again before its turn is encoded
// then.
//
// [Replica] is the reader's side: a decoded cache in front of a store that a
// follower writes.
//
// # Ownership
//
// Values are shared: Get returns the very value that Set was given. A caller
// must not change what it got, nor what it gave, in place; Options.Clone makes
// Get return copies for types where that is hard to keep, and Options.Check
// finds who breaks the rule. All methods of Table need the lock of the
// partition's task, except Write, which takes it for itself.
package table
