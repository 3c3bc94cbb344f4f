package embedded

import (
	"errors"
	"fmt"
)

// ErrStopped is returned where a running broker is needed and it was stopped
// or closed.
var ErrStopped = errors.New("embedded broker is stopped")

// LockedError says that another broker, of this process or another, has the
// data folder.
type LockedError struct {
	Dir string
}

func (e *LockedError) Error() string {
	return fmt.Sprintf("embedded broker: data folder %s is in use by another broker: stop that one, or set Config.Dir to another folder", e.Dir)
}

// PortError says that a port could not be listened on, mostly because another
// program has it.
type PortError struct {
	Port int
	Err  error
}

func (e *PortError) Error() string {
	return fmt.Sprintf("embedded broker: cannot listen on port %d: stop what uses it, or set Config.Port to another port (0 takes any that is free): %v", e.Port, e.Err)
}

// Unwrap returns the operating system's error.
func (e *PortError) Unwrap() error { return e.Err }

// FolderError says that a folder with other things in it was given as the data
// folder.
type FolderError struct {
	Dir   string
	Found string // the name of one of them
}

func (e *FolderError) Error() string {
	return fmt.Sprintf("embedded broker: %s holds %q and no broker's data: set Config.Dir to an empty folder, or to one that does not exist", e.Dir, e.Found)
}

// CorruptError says that a file of the data folder was damaged by something
// else than a kill: records that follow the damage would be lost by going on.
type CorruptError struct {
	File   string
	Offset int64 // of the byte in the file
	Err    error
}

func (e *CorruptError) Error() string {
	return fmt.Sprintf("embedded broker: %s is damaged at byte %d: restore the data folder from a copy, or delete it to start empty: %v", e.File, e.Offset, e.Err)
}

// Unwrap returns what is wrong with the bytes.
func (e *CorruptError) Unwrap() error { return e.Err }
