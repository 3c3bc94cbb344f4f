package storage

import (
	"errors"
	"fmt"
)

var (
	// ErrNotFound is returned by Get for a key without a value.
	ErrNotFound = errors.New("key not found")
	// ErrClosed is returned by a store that was closed.
	ErrClosed = errors.New("store is closed")
	// ErrLocked says that another process, or another open store of this one,
	// has the folder.
	ErrLocked = errors.New("store is in use")
	// ErrForeignBatch is returned by Apply for a batch of another kind of store.
	ErrForeignBatch = errors.New("batch was made by another kind of store")
)

// CorruptError says that a store's files cannot be trusted.
type CorruptError struct {
	Dir string
	Err error
}

func (e *CorruptError) Error() string { return fmt.Sprintf("store %s is corrupt: %v", e.Dir, e.Err) }
func (e *CorruptError) Unwrap() error { return e.Err }

// FormatError says that a store was written in a format that this version of
// the program does not know.
type FormatError struct {
	Dir         string
	Have, Known uint32
}

func (e *FormatError) Error() string {
	return fmt.Sprintf("store %s has format %d; this program knows up to %d", e.Dir, e.Have, e.Known)
}

// IdentityError says that a store belongs to another changelog.
type IdentityError struct {
	Dir        string
	Have, Want Identity
}

func (e *IdentityError) Error() string {
	return fmt.Sprintf("store %s belongs to topic %s (id %x), partition %d; wanted is topic %s (id %x), partition %d", e.Dir,
		e.Have.Topic, e.Have.TopicID, e.Have.Partition, e.Want.Topic, e.Want.TopicID, e.Want.Partition)
}
