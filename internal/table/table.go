package table

import (
	"bytes"
	"errors"
	"fmt"
	"runtime/debug"
	"sync"
	"time"
	"unsafe"

	"github.com/google/btree"

	"github.com/millrace/millrace/storage"
)

// Codec encodes and decodes values. Append appends the encoding of v to dst;
// Decode must not keep b.
type Codec[V any] interface {
	Append(dst []byte, v V) ([]byte, error)
	Decode(b []byte) (V, error)
}

// Options configure a table.
type Options struct {
	Name  string        // in errors
	Store storage.Store // what was committed
	Lock  sync.Locker   // the task's lock, for Write

	// CacheBytes bounds the clean entries and those that wait for Write, by the
	// size of keys and encoded values. What is not clean is never evicted, nor is the entry that was
	// loaded last. Default 32 MiB.
	CacheBytes int64

	// Check looks after each record whether a value that was got or set was
	// changed in place. It encodes every value twice, and needs a codec that
	// encodes equal values equally: for tests.
	Check bool
}

// decode calls the user's codec, whose panic must fail the read, not the
// process.
func decode[V any](c Codec[V], b []byte) (v V, err error) {
	defer func() {
		if x := recover(); x != nil {
			err = fmt.Errorf("codec panicked: %v\n%s", x, debug.Stack())
		}
	}()
	return c.Decode(b)
}

// State is a Table with its type forgotten: what the commit cycle needs.
type State interface {
	// Begin starts a record of the given time, Rollback undoes all since. The
	// lock is held from one to the other.
	Begin(at time.Time)
	Rollback()
	// From says which record it is that began, for errors: its offset in an
	// input.
	From(input int, offset int64)
	// Verify returns an error when Options.Check found a value changed in place.
	Verify() error
	// Dirty returns how many keys were set since the last Freeze.
	Dirty() int
	// Freeze ends a generation and starts the next, at once, however much is
	// dirty. Encode has to come to the end of the one before it.
	Freeze() Frozen
	// Encode encodes the next entries of a frozen generation, at most n, in the
	// order in which they became dirty, with the values that they had at Freeze.
	// It returns whether there are more: the lock may be given up in between, so
	// that no record waits for all of them. emit gets each key, its encoded value
	// (nil: deleted) and the time of the record that set it; the bytes stay
	// unchanged until Committed was called for the generation. After an error
	// there is no other commit.
	Encode(f Frozen, n int, emit func(key, value []byte, at time.Time)) (more bool, err error)
	// Committed queues an encoded generation for the store. next is the offset
	// after its last changelog record; a negative one leaves the offset alone.
	Committed(f Frozen, next int64)
	// Collect notes in the entries what was committed, so that many commits of a
	// key take the memory of one. Write does that too.
	Collect()
	// Queued returns what waits for Write: the changelog's rows, of which many
	// may be of one key, and the bytes of memory that they take.
	Queued() (rows, bytes int64)
	// Write writes the newest value of each key that is queued to the store,
	// sorted by key, and the offset with the last. Of Write and Collect only one may run at once.
	Write() error
}

// Frozen is a generation between Freeze and Committed.
type Frozen interface{ Len() int }

// Table is the owner's view of one partition of a table.
type Table[V any] struct {
	o     Options
	codec Codec[V]
	clone func(V) V

	entries map[string]*entry[V]
	last    *entry[V]                // that was found, or nil
	gen     uint64                   // the current generation
	dirty   []*entry[V]              // of the current generation
	spare   []*entry[V]              // empty: the next dirty
	guess   int32                    // the length of the last value that was encoded
	frozen  *frozen[V]               // what Encode has not come to the end of, or nil
	encoded uint64                   // the last generation that it has
	unsaved []*entry[V]              // what the store has not, for iterators; nil: see settle
	index   *btree.BTreeG[*entry[V]] // the same by key, once there is an iterator
	undo    []undo[V]
	at      int64  // the time of the record at hand, in ms
	from    origin // likewise
	mark    int    // len(dirty) at Begin
	markUn  int    // len(unsaved) at Begin

	clean     queue[V] // candidates for eviction
	cleanSize int64
	slab      []entry[V]
	keys      []byte

	landed     [][]frozenEntry[V] // committed, and not yet noted in their entries
	rows       int64              // committed and not yet written
	queuedSize int64              // the memory that they take
	next       int64              // the changelog offset that belongs to them; -1: none
	keysQueued int                // entries of which something is queued
	writing    []*entry[V]        // of Write, which uses it again
	sorter     sorter             // likewise
	batch      storage.Batch      // likewise

	filter  filter // of the store's keys
	inWrite bool   // a batch is being written

	checks []check[V]
}

// entry is the newest value of a key. There are as many as the cache holds, so its
// size counts.
type entry[V any] struct {
	key     []byte
	enc     []byte // the newest committed encoding, while it waits for Write; nil: deleted
	val     V
	at      int64 // the time of the record that set it, in ms since 1970
	from    origin
	gen     uint64 // the generation in which it was last set
	size    int32  // of the last encoding known
	charged int32  // what cleanSize counts for it
	slot    int32  // in dirty, or in that of a frozen generation
	pins    int16  // encoded generations that have it and are not collected
	has     bool
	ref     bool // read since it was last considered for eviction
	listed  bool // is in the queue of clean entries
	unsaved bool // the store does not have its newest value
	queued  bool // enc waits for Write
	stored  bool // the filter was told of the key, or read it, or will
}

type undo[V any] struct {
	e    *entry[V]
	val  V
	at   int64
	from origin
	has  bool
	gen  uint64
}

// origin is the record that set a value.
type origin int64

// Of an origin the lowest bits are the input, the others its offset.
const inputBits = 8

func (o origin) input() int    { return int(o & (1<<inputBits - 1)) }
func (o origin) offset() int64 { return int64(o >> inputBits) }

// New returns a table over a store. clone may be nil.
func New[V any](o Options, codec Codec[V], clone func(V) V) *Table[V] {
	if o.CacheBytes <= 0 {
		o.CacheBytes = 32 << 20
	}
	return &Table[V]{o: o, codec: codec, clone: clone, entries: map[string]*entry[V]{}, gen: 1, next: -1,
		filter: newFilter(o.CacheBytes / 4)}
}

var _ State = (*Table[string])(nil)

// Get returns the value at key.
func (t *Table[V]) Get(key []byte) (v V, ok bool, err error) {
	e, err := t.entry(key)
	if err != nil || !e.has {
		return v, false, err
	}
	if t.o.Check {
		t.watch(e)
	}
	if t.clone != nil {
		return t.clone(e.val), true, nil
	}
	return e.val, true, nil
}

// Has says whether there is a value at key.
func (t *Table[V]) Has(key []byte) (bool, error) {
	e, err := t.entry(key)
	return err == nil && e.has, err
}

// Set sets the value at key.
func (t *Table[V]) Set(key []byte, v V) error { return t.put(key, v, true) }

// Delete deletes the value at key. Deleting what is not there writes nothing.
func (t *Table[V]) Delete(key []byte) error {
	var zero V
	return t.put(key, zero, false)
}

func (t *Table[V]) put(key []byte, v V, has bool) error {
	e, err := t.entry(key)
	if err != nil || (!has && !e.has) {
		return err
	}
	if t.frozen != nil {
		t.frozen.keep(t, e)
	}
	t.undo = append(t.undo, undo[V]{e, e.val, e.at, e.from, e.has, e.gen})
	e.val, e.at, e.from, e.has = v, t.at, t.from, has
	if t.o.Check {
		t.watchSet(e)
	}
	if e.gen != t.gen {
		e.gen, e.slot = t.gen, int32(len(t.dirty))
		t.dirty = append(t.dirty, e)
		t.addUnsaved(e)
	}
	return nil
}

// entry finds the entry of a key or loads it from the store.
func (t *Table[V]) entry(key []byte) (*entry[V], error) {
	if t.last != nil && bytes.Equal(t.last.key, key) { // what is read is often set next
		return t.last, nil
	}
	if e := t.entries[string(key)]; e != nil {
		e.ref, t.last = true, e
		return e, nil
	}
	var (
		val V
		has bool
	)
	var b []byte
	err := storage.ErrNotFound
	if !t.filter.lacks(key) {
		if b, err = t.o.Store.Get(key); errors.Is(err, storage.ErrNotFound) && !t.inWrite {
			t.filter.missed(t.o.Store)
		}
	}
	switch {
	case err == nil:
		if val, err = decode(t.codec, b); err != nil {
			return nil, &DecodeError{Table: t.o.Name, Key: string(key), Err: err}
		}
		has = true
	case !errors.Is(err, storage.ErrNotFound):
		return nil, fmt.Errorf("table %s, key %q: %w", t.o.Name, key, err)
	}
	e := t.load(key, val, len(b), has)
	t.last = e
	return e, nil
}

// load makes the entry of a key that the store has a value for, or none.
func (t *Table[V]) load(key []byte, val V, size int, has bool) *entry[V] {
	e := t.newEntry(key)
	e.val, e.has, e.stored, e.size = val, has, has, int32(size)
	// Room is made first: the caller is about to use this entry, and a change of
	// one that is not in the map would not be found.
	t.evict()
	t.entries[unsafe.String(unsafe.SliceData(e.key), len(e.key))] = e
	t.list(e)
	return e
}

// newEntry takes an entry and the copy of its key from slabs: one allocation
// for many keys.
func (t *Table[V]) newEntry(key []byte) *entry[V] {
	if len(t.slab) == 0 {
		t.slab = make([]entry[V], 32)
	}
	e := &t.slab[0]
	t.slab = t.slab[1:]
	if t.keys == nil || cap(t.keys)-len(t.keys) < len(key) { // never nil, which would be a record without a key
		t.keys = make([]byte, 0, max(2048, len(key)))
	}
	n := len(t.keys)
	t.keys = append(t.keys, key...)
	e.key = t.keys[n:len(t.keys):len(t.keys)]
	return e
}

// Begin starts a record.
func (t *Table[V]) Begin(at time.Time) {
	t.at = at.UnixMilli()
	clear(t.undo)
	t.undo = t.undo[:0]
	t.mark, t.markUn = len(t.dirty), len(t.unsaved)
	t.checks = t.checks[:0]
}

// From implements State.
func (t *Table[V]) From(input int, offset int64) {
	t.from = origin(offset<<inputBits | int64(input&(1<<inputBits-1)))
}

// Rollback undoes all since Begin.
func (t *Table[V]) Rollback() {
	for i := len(t.undo) - 1; i >= 0; i-- {
		u := t.undo[i]
		u.e.val, u.e.at, u.e.from, u.e.has, u.e.gen = u.val, u.at, u.from, u.has, u.gen
	}
	t.undo = t.undo[:0]
	clear(t.dirty[t.mark:])
	t.dirty = t.dirty[:t.mark]
	for _, e := range t.unsaved[t.markUn:] {
		t.dropUnsaved(e)
	}
	clear(t.unsaved[t.markUn:])
	t.unsaved = t.unsaved[:t.markUn]
}

// Dirty returns how many keys were set since the last Freeze.
func (t *Table[V]) Dirty() int { return len(t.dirty) }
