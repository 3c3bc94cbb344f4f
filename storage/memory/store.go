package memory

import (
	"bytes"
	"sync"

	"github.com/google/btree"

	"github.com/millrace/millrace/storage"
)

type item struct{ key, value []byte }

func less(a, b item) bool { return bytes.Compare(a.key, b.key) < 0 }

// degree of the B-tree: a compromise that its benchmarks suggest.
const degree = 32

// Store is a storage.Store in memory.
type Store struct {
	identity storage.Identity

	mu     sync.RWMutex
	tree   *btree.BTreeG[item]
	size   int64
	next   int64
	known  bool // next was set
	closed bool
}

var _ storage.Store = (*Store)(nil)

// New returns an empty store.
func New(id storage.Identity) *Store {
	return &Store{identity: id, tree: btree.NewG(degree, less)}
}

// Reopen opens a closed store again, with all that it held.
func (s *Store) Reopen() *Store {
	s.mu.Lock()
	defer s.mu.Unlock()
	return &Store{identity: s.identity, tree: s.tree.Clone(), size: s.size, next: s.next, known: s.known}
}

// Get implements storage.Store.
func (s *Store) Get(key []byte) ([]byte, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.closed {
		return nil, storage.ErrClosed
	}
	return get(s.tree, key)
}

func get(t *btree.BTreeG[item], key []byte) ([]byte, error) {
	i, ok := t.Get(item{key: key})
	if !ok {
		return nil, storage.ErrNotFound
	}
	return append([]byte{}, i.value...), nil
}

// Has implements storage.Store.
func (s *Store) Has(key []byte) (bool, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.closed {
		return false, storage.ErrClosed
	}
	return s.tree.Has(item{key: key}), nil
}

// Range implements storage.Store.
func (s *Store) Range(start, end []byte) storage.Iterator {
	snap, err := s.Snapshot()
	if err != nil {
		return storage.FailedIterator(err)
	}
	return snap.Range(start, end)
}

// Prefix implements storage.Store.
func (s *Store) Prefix(prefix []byte) storage.Iterator {
	return s.Range(prefix, storage.PrefixEnd(prefix))
}

// Snapshot implements storage.Store.
func (s *Store) Snapshot() (storage.Snapshot, error) {
	s.mu.Lock() // Clone changes the tree's ownership of its nodes
	defer s.mu.Unlock()
	if s.closed {
		return nil, storage.ErrClosed
	}
	return snapshot{s.tree.Clone()}, nil
}

// NewBatch implements storage.Store.
func (s *Store) NewBatch() storage.Batch { return &batch{} }

// Apply implements storage.Store.
func (s *Store) Apply(sb storage.Batch) error {
	b, ok := sb.(*batch)
	if !ok {
		return storage.ErrForeignBatch
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return storage.ErrClosed
	}
	for _, c := range b.changes {
		var old item
		if c.value == nil {
			old, _ = s.tree.Delete(c)
		} else {
			old, _ = s.tree.ReplaceOrInsert(c)
			s.size += int64(len(c.key) + len(c.value))
		}
		s.size -= int64(len(old.key) + len(old.value))
	}
	if b.known {
		s.next, s.known = b.next, true
	}
	return nil
}

// Offset implements storage.Store.
func (s *Store) Offset() (int64, bool) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.next, s.known
}

// Identity implements storage.Store.
func (s *Store) Identity() storage.Identity { return s.identity }

// SizeOnDisk returns the bytes of the keys and values in memory.
func (s *Store) SizeOnDisk() (int64, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.size, nil
}

// Close implements storage.Store.
func (s *Store) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	return nil
}

type batch struct {
	changes []item // a nil value deletes
	size    int
	next    int64
	known   bool
}

func (b *batch) Put(key, value []byte) {
	b.changes = append(b.changes, item{bytes.Clone(key), append([]byte{}, value...)})
	b.size += len(key) + len(value)
}

func (b *batch) Delete(key []byte) {
	b.changes = append(b.changes, item{key: bytes.Clone(key)})
	b.size += len(key)
}

func (b *batch) SetOffset(next int64) { b.next, b.known = next, true }
func (b *batch) Len() int             { return len(b.changes) }
func (b *batch) Size() int            { return b.size }
func (b *batch) Reset()               { *b = batch{} }

type snapshot struct{ tree *btree.BTreeG[item] }

func (s snapshot) Get(key []byte) ([]byte, error) { return get(s.tree, key) }
func (s snapshot) Has(key []byte) (bool, error)   { return s.tree.Has(item{key: key}), nil }
func (s snapshot) Close() error                   { return nil }
func (s snapshot) Prefix(prefix []byte) storage.Iterator {
	return s.Range(prefix, storage.PrefixEnd(prefix))
}
func (s snapshot) Range(start, end []byte) storage.Iterator {
	return &iter{tree: s.tree, start: start, end: end}
}

// iterBatch is how many entries an iterator takes from the tree at once.
const iterBatch = 64

type iter struct {
	tree       *btree.BTreeG[item]
	start, end []byte
	items      []item
	i          int
	done       bool
}

func (i *iter) Next() bool {
	i.i++
	if i.i < len(i.items) {
		return true
	}
	if i.done {
		return false
	}
	if n := len(i.items); n > 0 {
		i.start = append(bytes.Clone(i.items[n-1].key), 0)
	}
	i.items, i.i, i.done = i.items[:0], 0, true
	i.tree.AscendGreaterOrEqual(item{key: i.start}, func(x item) bool {
		if i.end != nil && bytes.Compare(x.key, i.end) >= 0 {
			return false
		}
		i.items = append(i.items, x)
		i.done = len(i.items) < iterBatch
		return i.done
	})
	return len(i.items) > 0
}

func (i *iter) Key() []byte   { return i.items[i.i].key }
func (i *iter) Value() []byte { return i.items[i.i].value }
func (i *iter) Err() error    { return nil }
func (i *iter) Close() error {
	i.done, i.items, i.i = true, nil, 0
	return nil
}
