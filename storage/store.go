package storage

// Reader reads keys and values. It is safe for concurrent use.
type Reader interface {
	// Get returns the value at key, or ErrNotFound. The slice is the caller's.
	Get(key []byte) ([]byte, error)
	// Has says whether there is a value at key.
	Has(key []byte) (bool, error)
	// Range iterates over start <= key < end in byte order, as of now. A nil
	// bound is open.
	Range(start, end []byte) Iterator
	// Prefix iterates over the keys that begin with prefix, in byte order, as
	// of now.
	Prefix(prefix []byte) Iterator
}

// Iterator walks over a range of keys. It is used by one goroutine and must be
// closed.
type Iterator interface {
	// Next moves to the next key and says whether there is one. It returns
	// false at the end and after an error.
	Next() bool
	// Key and Value return the current entry. The slices are valid until the
	// next call of Next or Close.
	Key() []byte
	Value() []byte
	// Err returns what ended the iteration early.
	Err() error
	// Close releases the iterator and returns Err.
	Close() error
}

// Snapshot reads a store as it was when the snapshot was taken.
type Snapshot interface {
	Reader
	Close() error
}

// Batch collects changes that are applied together. It copies its arguments.
// Later changes of a key replace earlier ones. A batch belongs to the store
// that made it and is used by one goroutine.
type Batch interface {
	Put(key, value []byte)
	Delete(key []byte)
	// SetOffset sets the offset of the next changelog record to read.
	SetOffset(next int64)
	Len() int  // changes, the offset not counted
	Size() int // bytes, about
	Reset()
}

// Store keeps one table partition. It is safe for concurrent use, but batches
// are applied one at a time.
type Store interface {
	Reader
	// Snapshot returns the store as it is now, for reading.
	Snapshot() (Snapshot, error)
	// NewBatch returns an empty batch for Apply.
	NewBatch() Batch
	// Apply applies a batch of NewBatch, all of it or nothing.
	Apply(Batch) error
	// Offset returns the offset of the next changelog record to read; ok is
	// false for a store that was never given one.
	Offset() (next int64, ok bool)
	// Identity says which changelog the store belongs to.
	Identity() Identity
	// SizeOnDisk returns the bytes that the store takes on disk, about.
	SizeOnDisk() (int64, error)
	// Close closes the store. Later calls of its methods return ErrClosed. A
	// second Close does nothing.
	Close() error
}

// Mode says how a store is written.
type Mode int

const (
	Owner    Mode = iota // by whole commits, with Apply
	Follower             // record by record, through NewFollower
)

func (m Mode) String() string {
	if m == Follower {
		return "follower"
	}
	return "owner"
}

// Identity names the changelog partition that a store was made from. The id
// tells a topic from another of the same name that was created after the first
// was deleted (KIP-516); it is zero where the cluster has none.
type Identity struct {
	Topic     string
	TopicID   [16]byte
	Partition int32
}
