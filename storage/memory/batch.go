package memory

import "bytes"

type batch struct {
	changes []item // a nil value deletes
	size    int
	next    int64
	known   bool // next was set
}

// Put implements storage.Batch.
func (b *batch) Put(key, value []byte) {
	b.changes = append(b.changes, item{bytes.Clone(key), append([]byte{}, value...)})
	b.size += len(key) + len(value)
}

// Delete implements storage.Batch.
func (b *batch) Delete(key []byte) {
	b.changes = append(b.changes, item{key: bytes.Clone(key)})
	b.size += len(key)
}

// SetOffset implements storage.Batch.
func (b *batch) SetOffset(next int64) { b.next, b.known = next, true }

// Len implements storage.Batch.
func (b *batch) Len() int { return len(b.changes) }

// Size implements storage.Batch.
func (b *batch) Size() int { return b.size }

// Reset implements storage.Batch. What was applied belongs to the store now.
func (b *batch) Reset() {
	clear(b.changes)
	*b = batch{changes: b.changes[:0]}
}
