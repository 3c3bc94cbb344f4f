package leveldb

import (
	"errors"

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

// use keeps the store open for the time of a call.
func (r reader) use() (done func(), err error) {
	r.s.closing.RLock()
	if r.s.closed {
		r.s.closing.RUnlock()
		return nil, storage.ErrClosed
	}
	return r.s.closing.RUnlock, nil
}

// prefixedKey puts the space in front of a key, for short keys on the stack.
func prefixedKey(buf *[64]byte, key []byte) []byte {
	return append(append(buf[:0], userSpace), key...)
}

// Get implements storage.Reader.
func (r reader) Get(key []byte) ([]byte, error) {
	done, err := r.use()
	if err != nil {
		return nil, err
	}
	defer done()
	var buf [64]byte
	v, err := r.source.Get(prefixedKey(&buf, key), nil)
	switch {
	case errors.Is(err, leveldb.ErrNotFound):
		return nil, storage.ErrNotFound
	case err != nil:
		return nil, r.s.failed("get", err)
	case v == nil:
		v = []byte{}
	}
	return v, nil
}

// Has implements storage.Reader.
func (r reader) Has(key []byte) (bool, error) {
	done, err := r.use()
	if err != nil {
		return false, err
	}
	defer done()
	var buf [64]byte
	ok, err := r.source.Has(prefixedKey(&buf, key), nil)
	if err != nil {
		return false, r.s.failed("get", err)
	}
	return ok, nil
}

// Range implements storage.Reader.
func (r reader) Range(start, end []byte) storage.Iterator {
	done, err := r.use()
	if err != nil {
		return storage.FailedIterator(err)
	}
	defer done()
	rg := &util.Range{Start: append([]byte{userSpace}, start...), Limit: []byte{userSpace + 1}}
	if end != nil {
		rg.Limit = append([]byte{userSpace}, end...)
	}
	if string(rg.Limit) <= string(rg.Start) {
		return storage.FailedIterator(nil)
	}
	return &iter{it: r.source.NewIterator(rg, nil), s: r.s}
}

// Prefix implements storage.Reader.
func (r reader) Prefix(prefix []byte) storage.Iterator {
	return r.Range(prefix, storage.PrefixEnd(prefix))
}

// iter takes the space off the keys.
type iter struct {
	it     iterator.Iterator
	s      *Store
	closed bool
}

func (i *iter) Next() bool    { return !i.closed && i.it.Next() }
func (i *iter) Key() []byte   { return i.it.Key()[1:] }
func (i *iter) Value() []byte { return i.it.Value() }

func (i *iter) Err() error {
	err := i.it.Error()
	if err == nil || i.closed && errors.Is(err, leveldb.ErrIterReleased) {
		return nil
	}
	return i.s.failed("iterate", err)
}

func (i *iter) Close() error {
	if i.closed {
		return nil
	}
	err := i.Err()
	i.closed = true
	i.it.Release()
	return err
}

// snapshot implements storage.Snapshot.
type snapshot struct {
	reader
	snap *leveldb.Snapshot
}

func (s *snapshot) Close() error {
	s.snap.Release()
	return nil
}
