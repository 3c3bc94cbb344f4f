package storage

import "fmt"

// Reader reads keys and values. It is safe for concurrent use.
//
// An empty key and an empty value are allowed and are not the same as none.
type Reader interface {
	// Get returns the value at key, or ErrNotFound. The slice is a fresh copy
	// and is the caller's; it is never nil when the error is.
	Get(key []byte) ([]byte, error)
	// Has says whether there is a value at key.
	Has(key []byte) (bool, error)
	// Range iterates over start <= key < end in ascending byte order. A nil
	// bound is open. The iterator sees the store as it is now, whatever is
	// applied later. A range whose end is not after its start is empty.
	Range(start, end []byte) Iterator
	// Prefix iterates over the keys that begin with prefix, like Range.
	Prefix(prefix []byte) Iterator
}

// Iterator walks over a range of keys:
//
//	it := store.Prefix([]byte("user/"))
//	defer it.Close()
//	for it.Next() {
//		use(it.Key(), it.Value())
//	}
//	return it.Err()
//
// It is used by one goroutine and must be closed: it holds on to what it
// reads.
type Iterator interface {
	// Next moves to the next key and says whether there is one. The first call
	// moves to the first key. It returns false at the end and after an error.
	Next() bool
	// Key and Value return the current entry. The slices must not be changed,
	// and are valid until the next call of Next or Close.
	Key() []byte
	Value() []byte
	// Err returns what ended the iteration early: ErrClosed if the store or
	// the snapshot was closed meanwhile, nil at an ordinary end.
	Err() error
	// Close releases the iterator and returns Err. A second Close does nothing.
	Close() error
}

// Snapshot reads a store as it was when the snapshot was taken. It must be
// closed, since it keeps old values from being cleaned up. It ends with its
// store; then, or after Close, its methods return ErrClosed. Close does not end
// the iterators that were made before.
type Snapshot interface {
	Reader
	Close() error
}

// Batch collects changes that are applied together. It copies its arguments.
// Later changes of a key replace earlier ones. It is used by one goroutine, and
// by stores of the kind that made it. A batch of keys in ascending order is
// applied fastest.
type Batch interface {
	Put(key, value []byte)
	Delete(key []byte)
	// SetOffset sets the offset of the next changelog record to read, which is
	// applied with the changes. Without it, the store's offset stays.
	SetOffset(next int64)
	// Len returns the number of changes, the offset not counted.
	Len() int
	// Size returns the bytes of the keys and values.
	Size() int
	// Reset empties the batch, whose memory is used again.
	Reset()
}

// Store keeps one table partition. It is safe for concurrent use; batches that
// are applied at once are applied one after the other.
type Store interface {
	Reader
	// Snapshot returns the store as it is now, for reading.
	Snapshot() (Snapshot, error)
	// NewBatch returns an empty batch for Apply.
	NewBatch() Batch
	// Apply applies the changes of a batch and its offset, all of it or
	// nothing, also across a crash. The batch is not changed and may be reset
	// and filled again afterwards.
	//
	// After an error the store takes no more batches and returns that error
	// again: a later batch must not be there without an earlier one. What was
	// applied can still be read. The remedy is to close the store, open it
	// again, and go on from its Offset; the failed batch is then there as a
	// whole or not at all.
	Apply(Batch) error
	// Offset returns the offset of the next changelog record to read; ok is
	// false for a store that was never given one. It answers after Close, too.
	Offset() (next int64, ok bool)
	// Identity says which changelog the store belongs to.
	Identity() Identity
	// SizeOnDisk returns the bytes that the store takes, about.
	SizeOnDisk() (int64, error)
	// Close writes the mark of an orderly end and closes the store. It waits
	// for calls that are under way. Later calls return ErrClosed. A second
	// Close does nothing.
	Close() error
}

// Mode says how a store is written. One folder serves one role, and so one
// mode: a processor's state and a view of the same table keep two stores. Only
// between a processor's state and a standby of it a store goes to and fro, by
// [SetMode].
type Mode int

const (
	Owner    Mode = iota // written only by whole commits, with Apply
	Follower             // written record by record, in the batches of NewFollower
)

func (m Mode) String() string {
	switch m {
	case Owner:
		return "owner"
	case Follower:
		return "follower"
	}
	return fmt.Sprintf("Mode(%d)", int(m))
}

// Identity names the changelog partition that a store was made from. The id
// tells a topic from another of the same name that was created after the first
// was deleted (KIP-516); it is zero where the cluster tells none, and a zero id
// is not compared.
type Identity struct {
	Topic     string
	TopicID   [16]byte
	Partition int32
}

// Matches says whether two identities can be the same changelog partition.
func (id Identity) Matches(other Identity) bool {
	var unknown [16]byte
	return id.Topic == other.Topic && id.Partition == other.Partition &&
		(id.TopicID == other.TopicID || id.TopicID == unknown || other.TopicID == unknown)
}

func (id Identity) String() string {
	return fmt.Sprintf("topic %q (id %x), partition %d", id.Topic, id.TopicID, id.Partition)
}
