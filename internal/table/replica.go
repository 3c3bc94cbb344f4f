package table

import (
	"bytes"
	"errors"
	"fmt"
	"sync"

	"github.com/millrace/millrace/storage"
)

// Replica is a reader's view of one partition of a table that is written
// elsewhere: decoded values in front of the store that a follower keeps. It is
// safe for concurrent use.
type Replica[V any] struct {
	name  string
	codec Codec[V]
	clone func(V) V
	store storage.Reader
	max   int64 // bytes

	// loading is held by who loads a value, one at a time: of two, the one with
	// the older value could keep it last, and a reader would see the newer one
	// first.
	loading sync.Mutex

	mu      sync.RWMutex
	version uint64 // counts Invalidate
	cache   map[string]cached[V]
	size    int64 // of cache
}

type cached[V any] struct {
	val  V
	has  bool
	size int64 // of the key and the encoded value, and what they cost
}

// Mirror is a Replica with its type forgotten: what a follower must tell.
type Mirror interface {
	// Invalidate forgets the keys after the store has their new values.
	Invalidate(keys ...[]byte)
}

// replicaBytes bounds a replica's decoded values, by the size of keys and
// encoded values.
const replicaBytes = 16 << 20

// NewReplica returns a replica over a store. clone may be nil.
func NewReplica[V any](name string, store storage.Reader, codec Codec[V], clone func(V) V) *Replica[V] {
	return &Replica[V]{name: name, codec: codec, clone: clone, store: store, max: replicaBytes,
		cache: map[string]cached[V]{}}
}

// Get returns the value at key.
func (r *Replica[V]) Get(key []byte) (v V, ok bool, err error) {
	c, hit, _ := r.cached(key)
	if !hit {
		if c, err = r.miss(key); err != nil {
			return v, false, err
		}
	}
	if !c.has {
		return v, false, nil
	}
	if r.clone != nil {
		return r.clone(c.val), true, nil
	}
	return c.val, true, nil
}

func (r *Replica[V]) cached(key []byte) (c cached[V], hit bool, version uint64) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	c, hit = r.cache[string(key)]
	return c, hit, r.version
}

// miss loads a value, or finds one that another reader has loaded meanwhile.
func (r *Replica[V]) miss(key []byte) (cached[V], error) {
	r.loading.Lock()
	defer r.loading.Unlock()
	c, hit, version := r.cached(key)
	if hit {
		return c, nil
	}
	c, err := r.load(key)
	if err == nil {
		r.keep(key, c, version)
	}
	return c, err
}

func (r *Replica[V]) load(key []byte) (c cached[V], err error) {
	b, err := r.store.Get(key)
	c.size = int64(len(key)+len(b)) + entryOverhead
	switch {
	case errors.Is(err, storage.ErrNotFound):
		return c, nil
	case err != nil:
		return c, fmt.Errorf("table %s, key %q: %w", r.name, key, err)
	}
	if c.val, err = decode(r.codec, b); err != nil {
		return c, &DecodeError{Table: r.name, Key: string(key), Err: err}
	}
	c.has = true
	return c, nil
}

// keep caches a value, unless the table changed since it was loaded.
func (r *Replica[V]) keep(key []byte, c cached[V], version uint64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.version != version {
		return
	}
	for k := range r.cache { // any entries: the order of a map is as good as random
		if r.size+c.size <= r.max {
			break
		}
		r.drop(k)
	}
	r.cache[string(key)] = c
	r.size += c.size
}

func (r *Replica[V]) drop(key string) {
	r.size -= r.cache[key].size
	delete(r.cache, key)
}

// Invalidate implements Mirror.
func (r *Replica[V]) Invalidate(keys ...[]byte) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.version++
	for _, k := range keys {
		r.drop(string(k))
	}
}

// Range calls yield for the entries with start <= key < end in byte order,
// until it returns false. A nil bound is open.
func (r *Replica[V]) Range(start, end []byte, yield func(key []byte, v V) bool) error {
	it := r.store.Range(start, end)
	defer it.Close()
	for it.Next() {
		v, err := decode(r.codec, it.Value())
		if err != nil {
			return &DecodeError{Table: r.name, Key: string(it.Key()), Err: err}
		}
		if !yield(bytes.Clone(it.Key()), v) {
			return nil
		}
	}
	if err := it.Err(); err != nil {
		return fmt.Errorf("table %s: iterate: %w", r.name, err)
	}
	return nil
}

// RawReader reads a replica without decoding.
type RawReader interface {
	// RawRange iterates over the encoded entries with start <= key < end.
	RawRange(start, end []byte) storage.Iterator
}

// RawRange implements RawReader.
func (r *Replica[V]) RawRange(start, end []byte) storage.Iterator { return r.store.Range(start, end) }
