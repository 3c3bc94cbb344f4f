package storage

import (
	"errors"
	"fmt"
)

var (
	// ErrNotFound is returned by Get for a key without a value.
	ErrNotFound = errors.New("key not found")
	// ErrClosed is returned by a store that was closed, and by its snapshots
	// and iterators, which end with it.
	ErrClosed = errors.New("store is closed")
	// ErrLocked says that another process, or another open store of this one,
	// has the folder. The error that wraps it names the folder and what to do.
	ErrLocked = errors.New("store is in use")
	// ErrForeignBatch is returned by Apply for a batch of another kind of store.
	ErrForeignBatch = errors.New("batch was made by another kind of store")
	// ErrNegativeOffset is returned by Apply for a batch whose offset was set to
	// a negative number.
	ErrNegativeOffset = errors.New("changelog offset is negative")
)

// CorruptError says that a store's files cannot be trusted. The remedy is to
// open the store again, which replaces it by an empty one, and to restore that
// from the changelog.
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

// IdentityError says that a store belongs to another changelog: the folder was
// copied or renamed, or the topic was deleted and created anew.
type IdentityError struct {
	Dir        string
	Have, Want Identity
}

func (e *IdentityError) Error() string {
	return fmt.Sprintf("store %s belongs to %s; wanted is %s", e.Dir, e.Have, e.Want)
}

// ModeError says that a folder was written in the other [Mode].
type ModeError struct {
	Dir        string
	Have, Want Mode
}

func (e *ModeError) Error() string {
	return fmt.Sprintf("store %s was written as %s, not as %s: a folder serves one role", e.Dir, e.Have, e.Want)
}
