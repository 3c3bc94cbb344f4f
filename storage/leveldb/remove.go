package leveldb

import (
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/gofrs/flock"
)

// removing is what the folder of a store is called while it is removed, after
// its own name: what a crash leaves is no store.
const removing = ".removing"

// Remove removes the folder of a store that is closed. One that is open, here
// or in another process, is storage.ErrLocked. What was moved aside, and the
// lock's file, stay. A folder that is not there is no error.
func Remove(dir string) (err error) {
	if _, err := os.Stat(dir); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	lock := flock.New(dir + ".lock")
	switch ok, err := lock.TryLock(); {
	case err != nil:
		return fmt.Errorf("store %s: lock: %w", dir, err)
	case !ok:
		return locked(dir)
	}
	defer func() { err = errors.Join(err, lock.Unlock()) }()
	if err := os.RemoveAll(dir + removing); err != nil { // of an earlier time
		return fmt.Errorf("store %s: remove: %w", dir, err)
	}
	if err := os.Rename(dir, dir+removing); err != nil {
		return fmt.Errorf("store %s: remove: %w", dir, err)
	}
	if err := os.RemoveAll(dir + removing); err != nil {
		return fmt.Errorf("store %s: remove: %w", dir, err)
	}
	return nil
}
