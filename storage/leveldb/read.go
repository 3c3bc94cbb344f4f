package leveldb

import (
	"errors"
	"sync"

	"github.com/syndtr/goleveldb/leveldb"
	"github.com/syndtr/goleveldb/leveldb/iterator"
	"github.com/syndtr/goleveldb/leveldb/opt"
	"github.com/syndtr/goleveldb/leveldb/util"

	"github.com/millrace/millrace/storage"
)

// source is a database or a snapshot of it.
type source interface {
	Get(key []byte, ro *opt.ReadOptions) ([]byte, error)
	Has(key []byte, ro *opt.ReadOptions) (bool, error)
	NewIterator(slice *util.Range, ro *opt.ReadOptions) iterator.Iterator
}

// reader implements storage.Reader on a source.
type reader struct {
	source source
	s      *Store
}

// scratch has buffers for keys with their space in front. LevelDB keeps none
// of them beyond a call.
var scratch = sync.Pool{New: func() any { return new([]byte) }}

func prefixedKey(key []byte) *[]byte {
	buf := scratch.Get().(*[]byte)
	*buf = append(append((*buf)[:0], userSpace), key...)
	return buf
}

// Get implements storage.Reader.
func (r reader) Get(key []byte) ([]byte, error) {
	if err := r.s.enter(); err != nil {
		return nil, err
	}
	defer r.s.closing.RUnlock()
	k := prefixedKey(key)
	v, err := r.source.Get(*k, nil)
	scratch.Put(k)
	switch {
	case errors.Is(err, leveldb.ErrNotFound):
		return nil, storage.ErrNotFound
	case err != nil:
		return nil, r.s.fault("get", err)
	case v == nil:
		v = []byte{}
	}
	return v, nil
}

// Has implements storage.Reader.
func (r reader) Has(key []byte) (bool, error) {
	if err := r.s.enter(); err != nil {
		return false, err
	}
	defer r.s.closing.RUnlock()
	k := prefixedKey(key)
	ok, err := r.source.Has(*k, nil)
	scratch.Put(k)
	if err != nil {
		return false, r.s.fault("get", err)
	}
	return ok, nil
}

// Range implements storage.Reader.
func (r reader) Range(start, end []byte) storage.Iterator {
	rg := &util.Range{Start: append([]byte{userSpace}, start...), Limit: []byte{userSpace + 1}}
	if end != nil {
		rg.Limit = append([]byte{userSpace}, end...)
	}
	if err := r.s.enter(); err != nil {
		return storage.FailedIterator(err)
	}
	defer r.s.closing.RUnlock()
	if string(rg.Limit) <= string(rg.Start) {
		return storage.FailedIterator(nil)
	}
	i := &iter{it: r.source.NewIterator(rg, nil), s: r.s}
	r.s.iters.Lock()
	defer r.s.iters.Unlock()
	r.s.running[i] = struct{}{}
	return i
}

// Prefix implements storage.Reader.
func (r reader) Prefix(prefix []byte) storage.Iterator {
	return r.Range(prefix, storage.PrefixEnd(prefix))
}

// snapshot implements storage.Snapshot.
type snapshot struct {
	reader
	snap *leveldb.Snapshot
}

// Close implements storage.Snapshot.
func (s *snapshot) Close() error {
	s.snap.Release()
	return nil
}

// iter takes the space off the keys. LevelDB's iterators must not outlive their
// database: Store.Close releases those that are left, under closing.
type iter struct {
	it         iterator.Iterator
	s          *Store
	key, value []byte
	err        error // set when the iterator ends
	done       bool
	closed     bool
}

// Next implements storage.Iterator.
func (i *iter) Next() bool {
	if i.closed || i.done {
		return false
	}
	if err := i.s.enter(); err != nil {
		i.end(err)
		return false
	}
	defer i.s.closing.RUnlock()
	if !i.it.Next() {
		err := i.it.Error()
		if err != nil {
			err = i.s.fault("iterate", err)
		}
		i.end(err)
		return false
	}
	i.key, i.value = i.it.Key()[1:], i.it.Value()
	return true
}

func (i *iter) end(err error) { i.key, i.value, i.err, i.done = nil, nil, err, true }

// Key implements storage.Iterator.
func (i *iter) Key() []byte { return i.key }

// Value implements storage.Iterator.
func (i *iter) Value() []byte { return i.value }

// Err implements storage.Iterator.
func (i *iter) Err() error { return i.err }

// Close implements storage.Iterator.
func (i *iter) Close() error {
	if i.closed {
		return i.err
	}
	i.closed, i.key, i.value = true, nil, nil
	if i.s.enter() != nil {
		return i.err // Store.Close released it
	}
	defer i.s.closing.RUnlock()
	i.s.iters.Lock()
	delete(i.s.running, i)
	i.s.iters.Unlock()
	i.it.Release()
	return i.err
}

// endIterators releases the iterators that are left. Store.Close calls it with
// closing held, so none of them is being used.
func (s *Store) endIterators() {
	for i := range s.running {
		i.it.Release()
	}
	s.running = nil
}
