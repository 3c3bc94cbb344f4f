package storage

import (
	"errors"
	"sync"
	"time"
)

// FollowerOptions configure NewFollower.
type FollowerOptions struct {
	// MaxBytes is the size of keys and values after which the waiting changes
	// are written. Default 1 MiB.
	MaxBytes int
	// MaxDelay is how long a change may wait while others come. It is looked
	// at when a change comes: who stops writing calls Flush. Default 100 ms.
	MaxDelay time.Duration
	// Clock is the time source. Default time.Now.
	Clock func() time.Time
}

func (o FollowerOptions) withDefaults() FollowerOptions {
	if o.MaxBytes <= 0 {
		o.MaxBytes = 1 << 20
	}
	if o.MaxDelay <= 0 {
		o.MaxDelay = 100 * time.Millisecond
	}
	if o.Clock == nil {
		o.Clock = time.Now
	}
	return o
}

// FollowerStore writes a store record by record, in batches of values and
// offset together, and reads what waits in the batch as well. It is safe for
// concurrent use.
//
// It has no timer and no goroutine: a batch is written when a change finds it
// too large or too old, by Flush, by reading a range or a snapshot, and by
// Close. A timer would only help a follower that is at the end of its log, and
// who reads the log knows that moment and calls Flush then, at once instead of
// MaxDelay later. Nothing is lost by waiting: what a crash takes from memory is
// read again from the changelog, since the offset waits with it.
type FollowerStore struct {
	store Store
	o     FollowerOptions

	mu      sync.RWMutex
	batch   Batch
	waiting map[string][]byte // what the batch holds; a nil value is a deletion
	next    int64
	dirty   bool      // something waits, if only an offset
	since   time.Time // when the oldest of it came
	err     error     // of the first write that failed, or ErrClosed
}

var _ Reader = (*FollowerStore)(nil)

// NewFollower returns a writer in front of a store, which it owns from then
// on: nobody else writes or closes that store.
func NewFollower(s Store, o FollowerOptions) *FollowerStore {
	return &FollowerStore{store: s, o: o.withDefaults(), batch: s.NewBatch(), waiting: map[string][]byte{}}
}

// Put sets a value. next is the offset after the record that it came from. It
// copies its arguments. An error is that of writing a batch, and comes back
// from all later calls: see [Store.Apply].
func (f *FollowerStore) Put(key, value []byte, next int64) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.err != nil {
		return f.err
	}
	f.batch.Put(key, value)
	f.waiting[string(key)] = append([]byte{}, value...)
	return f.added(next)
}

// Delete deletes a value, like Put.
func (f *FollowerStore) Delete(key []byte, next int64) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.err != nil {
		return f.err
	}
	f.batch.Delete(key)
	f.waiting[string(key)] = nil
	return f.added(next)
}

// SetOffset moves the offset without a change, past records that carry none,
// such as the markers of transactions.
func (f *FollowerStore) SetOffset(next int64) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.err != nil {
		return f.err
	}
	return f.added(next)
}

func (f *FollowerStore) added(next int64) error {
	f.batch.SetOffset(next)
	f.next = next
	now := f.o.Clock()
	if !f.dirty {
		f.dirty, f.since = true, now
	}
	if f.batch.Size() < f.o.MaxBytes && now.Sub(f.since) < f.o.MaxDelay {
		return nil
	}
	return f.flush()
}

// Flush writes what waits.
func (f *FollowerStore) Flush() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.flush()
}

func (f *FollowerStore) flush() error {
	if f.err != nil || !f.dirty {
		return f.err
	}
	if f.err = f.store.Apply(f.batch); f.err != nil {
		return f.err
	}
	f.discard()
	return nil
}

func (f *FollowerStore) discard() {
	f.batch.Reset()
	clear(f.waiting)
	f.dirty = false
}

// Clear deletes everything, what waits included, and sets the offset; see the
// function [Clear].
func (f *FollowerStore) Clear(next int64) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.err != nil {
		return f.err
	}
	f.discard()
	f.err = Clear(f.store, next)
	return f.err
}

// Offset returns the offset after the last record that was written or waits.
// After a failure or Close it is that of the last that was written.
func (f *FollowerStore) Offset() (next int64, ok bool) {
	f.mu.RLock()
	defer f.mu.RUnlock()
	if f.dirty && f.err == nil {
		return f.next, true
	}
	return f.store.Offset()
}

// Get implements Reader.
func (f *FollowerStore) Get(key []byte) ([]byte, error) {
	v, waits := f.lookup(key)
	switch {
	case !waits:
		return f.store.Get(key)
	case v == nil:
		return nil, ErrNotFound
	}
	return append([]byte{}, v...), nil
}

// Has implements Reader.
func (f *FollowerStore) Has(key []byte) (bool, error) {
	if v, waits := f.lookup(key); waits {
		return v != nil, nil
	}
	return f.store.Has(key)
}

// lookup finds a waiting change. A change that does not wait any more is in the
// store: flush holds the lock until it is.
func (f *FollowerStore) lookup(key []byte) (v []byte, waits bool) {
	f.mu.RLock()
	defer f.mu.RUnlock()
	v, waits = f.waiting[string(key)]
	return v, waits
}

// Range implements Reader. It writes what waits first.
func (f *FollowerStore) Range(start, end []byte) Iterator {
	if err := f.Flush(); err != nil {
		return FailedIterator(err)
	}
	return f.store.Range(start, end)
}

// Prefix implements Reader. It writes what waits first.
func (f *FollowerStore) Prefix(prefix []byte) Iterator {
	return f.Range(prefix, PrefixEnd(prefix))
}

// Snapshot returns the store with all that waits, which it writes first.
func (f *FollowerStore) Snapshot() (Snapshot, error) {
	if err := f.Flush(); err != nil {
		return nil, err
	}
	return f.store.Snapshot()
}

// Detach writes what waits and gives the store back, open. The follower is
// closed then. After an error the store is the follower's still, to be closed.
func (f *FollowerStore) Detach() (Store, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.flush(); err != nil {
		return nil, err
	}
	f.err = ErrClosed
	return f.store, nil
}

// Close writes what waits and closes the store. A second Close does nothing.
func (f *FollowerStore) Close() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if errors.Is(f.err, ErrClosed) {
		return nil
	}
	err := f.flush()
	f.discard()
	f.err = ErrClosed
	return errors.Join(err, f.store.Close())
}
