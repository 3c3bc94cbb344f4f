package memory

import (
	"bytes"
	"sync/atomic"

	"github.com/google/btree"

	"github.com/millrace/millrace/storage"
)

func get(t *btree.BTreeG[item], key []byte) ([]byte, error) {
	i, ok := t.Get(item{key: key})
	if !ok {
		return nil, storage.ErrNotFound
	}
	return append([]byte{}, i.value...), nil
}

// reader iterates over a tree that view returns.
type reader struct {
	view func() (*btree.BTreeG[item], *life, error)
}

// Range implements storage.Reader.
func (r reader) Range(start, end []byte) storage.Iterator {
	tree, life, err := r.view()
	if err != nil {
		return storage.FailedIterator(err)
	}
	return &iter{tree: tree, life: life, start: bytes.Clone(start), end: bytes.Clone(end)}
}

// Prefix implements storage.Reader.
func (r reader) Prefix(prefix []byte) storage.Iterator {
	return r.Range(prefix, storage.PrefixEnd(prefix))
}

type snapshot struct {
	reader
	closed atomic.Bool
}

func newSnapshot(tree *btree.BTreeG[item], l *life) *snapshot {
	s := &snapshot{}
	s.view = func() (*btree.BTreeG[item], *life, error) {
		if s.closed.Load() || l.closed.Load() {
			return nil, nil, storage.ErrClosed
		}
		return tree, l, nil
	}
	return s
}

// Get implements storage.Reader.
func (s *snapshot) Get(key []byte) ([]byte, error) {
	tree, _, err := s.view()
	if err != nil {
		return nil, err
	}
	return get(tree, key)
}

// Has implements storage.Reader.
func (s *snapshot) Has(key []byte) (bool, error) {
	tree, _, err := s.view()
	if err != nil {
		return false, err
	}
	return tree.Has(item{key: key}), nil
}

// Close implements storage.Snapshot.
func (s *snapshot) Close() error {
	s.closed.Store(true)
	return nil
}

// iterItems is how many entries an iterator takes from its tree at once.
const iterItems = 64

// iter walks over a tree that nobody changes.
type iter struct {
	tree       *btree.BTreeG[item]
	life       *life
	start, end []byte
	items      []item // taken from the tree
	i          int    // the current one
	last       bool   // there are no more in the tree
	done       bool
	err        error
}

// Next implements storage.Iterator.
func (i *iter) Next() bool {
	if i.done {
		return false
	}
	if i.life.closed.Load() {
		i.err = storage.ErrClosed
		i.finish()
		return false
	}
	i.i++
	if i.i >= len(i.items) && !i.last {
		i.take()
	}
	if i.i >= len(i.items) {
		i.finish()
	}
	return !i.done
}

// take gets the next entries.
func (i *iter) take() {
	if n := len(i.items); n > 0 {
		i.start = append(bytes.Clone(i.items[n-1].key), 0)
	}
	i.items, i.i, i.last = i.items[:0], 0, true
	i.tree.AscendGreaterOrEqual(item{key: i.start}, func(x item) bool {
		if i.end != nil && bytes.Compare(x.key, i.end) >= 0 {
			return false
		}
		i.items = append(i.items, x)
		i.last = len(i.items) < iterItems
		return i.last
	})
}

func (i *iter) finish() { i.items, i.done = nil, true }

func (i *iter) current() item {
	if i.i < len(i.items) {
		return i.items[i.i]
	}
	return item{}
}

// Key implements storage.Iterator.
func (i *iter) Key() []byte { return i.current().key }

// Value implements storage.Iterator.
func (i *iter) Value() []byte { return i.current().value }

// Err implements storage.Iterator.
func (i *iter) Err() error { return i.err }

// Close implements storage.Iterator.
func (i *iter) Close() error {
	i.finish()
	return i.err
}
