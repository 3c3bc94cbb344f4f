package storage

import (
	"errors"
	"sync"
	"time"
)

// FollowerOptions configure NewFollower.
type FollowerOptions struct {
	// MaxBytes is the size of a batch after which it is written. Default 1 MiB.
	MaxBytes int
	// MaxDelay is how long a change may wait in the batch while others come.
	// It is looked at when a change comes: who stops writing calls Flush.
	// Default 100 ms.
	MaxDelay time.Duration
	// Clock is the time source. Default time.Now.
	Clock func() time.Time
}

// FollowerStore writes a store record by record, in batches, and reads what
// waits in the batch as well. It is safe for concurrent use. It owns no
// goroutine: a batch is written when a change finds it too large or too old,
// by Flush and by Close.
type FollowerStore struct {
	store Store
	o     FollowerOptions

	mu      sync.RWMutex
	batch   Batch
	waiting map[string][]byte // nil value: deleted
	since   time.Time
}

var _ Reader = (*FollowerStore)(nil)

// NewFollower returns a writer in front of a store, which it owns from then
// on.
func NewFollower(s Store, o FollowerOptions) *FollowerStore {
	if o.MaxBytes <= 0 {
		o.MaxBytes = 1 << 20
	}
	if o.MaxDelay <= 0 {
		o.MaxDelay = 100 * time.Millisecond
	}
	if o.Clock == nil {
		o.Clock = time.Now
	}
	return &FollowerStore{store: s, o: o, batch: s.NewBatch(), waiting: map[string][]byte{}}
}

// Put sets a value. next is the offset after the record that it came from.
func (f *FollowerStore) Put(key, value []byte, next int64) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.batch.Put(key, value)
	f.waiting[string(key)] = append([]byte{}, value...)
	return f.added(next)
}

// Delete deletes a value. next is the offset after the record that it came
// from.
func (f *FollowerStore) Delete(key []byte, next int64) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.batch.Delete(key)
	f.waiting[string(key)] = nil
	return f.added(next)
}

func (f *FollowerStore) added(next int64) error {
	f.batch.SetOffset(next)
	now := f.o.Clock()
	if len(f.waiting) == 1 && f.since.IsZero() {
		f.since = now
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
	if f.batch.Len() == 0 {
		return nil
	}
	if err := f.store.Apply(f.batch); err != nil {
		return err
	}
	f.batch.Reset()
	clear(f.waiting)
	f.since = time.Time{}
	return nil
}

// Offset returns the offset after the last record that was written or waits.
func (f *FollowerStore) Offset() (next int64, ok bool) {
	if err := f.Flush(); err != nil {
		return 0, false
	}
	return f.store.Offset()
}

// Get implements Reader.
func (f *FollowerStore) Get(key []byte) ([]byte, error) {
	f.mu.RLock()
	v, ok := f.waiting[string(key)]
	f.mu.RUnlock()
	switch {
	case !ok:
		return f.store.Get(key)
	case v == nil:
		return nil, ErrNotFound
	}
	return append([]byte{}, v...), nil
}

// Has implements Reader.
func (f *FollowerStore) Has(key []byte) (bool, error) {
	_, err := f.Get(key)
	if errors.Is(err, ErrNotFound) {
		return false, nil
	}
	return err == nil, err
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

// Snapshot returns the store with all that waits.
func (f *FollowerStore) Snapshot() (Snapshot, error) {
	if err := f.Flush(); err != nil {
		return nil, err
	}
	return f.store.Snapshot()
}

// Close writes what waits and closes the store.
func (f *FollowerStore) Close() error {
	return errors.Join(f.Flush(), f.store.Close())
}

// FailedIterator returns an iterator that has nothing but an error.
func FailedIterator(err error) Iterator { return failedIterator{err} }

type failedIterator struct{ err error }

func (failedIterator) Next() bool     { return false }
func (failedIterator) Key() []byte    { return nil }
func (failedIterator) Value() []byte  { return nil }
func (i failedIterator) Err() error   { return i.err }
func (i failedIterator) Close() error { return i.err }
