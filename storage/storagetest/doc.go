// Package storagetest is the conformance suite of storage.Store. An
// implementation runs it from a test of its own:
//
//	func TestConformance(t *testing.T) {
//		storagetest.Run(t, func(t *testing.T) storagetest.OpenFunc {
//			dir := t.TempDir()
//			return func() (storage.Store, error) { return mystore.Open(dir) }
//		})
//	}
//
// The suite covers reading and writing, ranges and prefixes, snapshots, offsets,
// atomicity under concurrent readers, closing and opening again, storage.Clear,
// storage.FollowerStore in front of the store, and a comparison with a map over
// random sequences of operations; for a [Crasher], crashes among them.
package storagetest
