package memory

import (
	"bytes"
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/google/btree"

	"github.com/millrace/millrace/storage"
)

// item is an entry. Its slices are never changed once they are in a tree, since
// snapshots share them.
type item struct{ key, value []byte }

func less(a, b item) bool { return bytes.Compare(a.key, b.key) < 0 }

// degree of the B-tree: up to 63 entries in a node.
const degree = 32

// Store is a storage.Store in memory.
type Store struct {
	reader
	identity storage.Identity
	life     *life

	mu    sync.RWMutex
	tree  *btree.BTreeG[item] // guarded by mu, as all below
	size  int64
	next  int64
	known bool // next was set
}

// life says whether a store, and all that reads from it, is open.
type life struct{ closed atomic.Bool }

var _ storage.Store = (*Store)(nil)

// New returns an empty store.
func New(id storage.Identity) *Store {
	return open(&Store{identity: id, tree: btree.NewG(degree, less)})
}

func open(s *Store) *Store {
	s.life = &life{}
	s.reader = reader{s.view}
	return s
}

// Reopen returns a new store with all that this one holds. It is for a store
// that was closed.
func (s *Store) Reopen() *Store {
	s.mu.Lock()
	defer s.mu.Unlock()
	return open(&Store{identity: s.identity, tree: s.tree.Clone(), size: s.size, next: s.next, known: s.known})
}

// view returns the tree as it is now. Trees are cloned in constant time and
// share their nodes until one of them changes.
func (s *Store) view() (*btree.BTreeG[item], *life, error) {
	s.mu.Lock() // Clone changes the tree's ownership of its nodes
	defer s.mu.Unlock()
	if s.life.closed.Load() {
		return nil, nil, storage.ErrClosed
	}
	return s.tree.Clone(), s.life, nil
}

// Get implements storage.Reader.
func (s *Store) Get(key []byte) ([]byte, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.life.closed.Load() {
		return nil, storage.ErrClosed
	}
	return get(s.tree, key)
}

// Has implements storage.Reader.
func (s *Store) Has(key []byte) (bool, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.life.closed.Load() {
		return false, storage.ErrClosed
	}
	return s.tree.Has(item{key: key}), nil
}

// Snapshot implements storage.Store.
func (s *Store) Snapshot() (storage.Snapshot, error) {
	tree, life, err := s.view()
	if err != nil {
		return nil, err
	}
	return newSnapshot(tree, life), nil
}

// NewBatch implements storage.Store.
func (s *Store) NewBatch() storage.Batch { return &batch{} }

// Apply implements storage.Store.
func (s *Store) Apply(sb storage.Batch) error {
	b, ok := sb.(*batch)
	if !ok {
		return fmt.Errorf("memory store: %w: %T", storage.ErrForeignBatch, sb)
	}
	if b.known && b.next < 0 {
		return fmt.Errorf("memory store: %w: %d", storage.ErrNegativeOffset, b.next)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.life.closed.Load() {
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
	if s.life.closed.Load() {
		return 0, storage.ErrClosed
	}
	return s.size, nil
}

// Close implements storage.Store.
func (s *Store) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.life.closed.Store(true)
	return nil
}
