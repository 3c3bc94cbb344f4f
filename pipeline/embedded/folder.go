package embedded

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/gofrs/flock"
)

// folder is a data folder that this broker has locked:
//
//	broker.lock   locked while a broker lives
//	clean         exists while the files are as an orderly stop left them
//	data/         kfake's files
type folder struct {
	dir       string
	temporary bool
	lock      *flock.Flock
}

const (
	lockName  = "broker.lock"
	cleanName = "clean"
	dataName  = "data"
)

// openFolder makes and locks a folder; an empty name is for a temporary one.
// kfake itself takes no lock: two brokers would write into each other's files.
func openFolder(dir string) (_ *folder, err error) {
	f := &folder{dir: dir}
	if dir == "" {
		if f.dir, err = os.MkdirTemp("", "millrace-broker-"); err != nil {
			return nil, fmt.Errorf("embedded broker: temporary data folder: %w", err)
		}
		f.temporary = true
		defer func() {
			if err != nil {
				err = errors.Join(err, os.RemoveAll(f.dir))
			}
		}()
	}
	if err := os.MkdirAll(f.dir, 0o755); err != nil {
		return nil, fmt.Errorf("embedded broker: data folder: %w", err)
	}
	if err := f.checkContents(); err != nil {
		return nil, err
	}
	f.lock = flock.New(filepath.Join(f.dir, lockName))
	switch ok, err := f.lock.TryLock(); {
	case err != nil:
		return nil, fmt.Errorf("embedded broker: lock data folder %s: %w", f.dir, err)
	case !ok:
		return nil, &LockedError{Dir: f.dir}
	}
	return f, nil
}

// checkContents refuses somebody else's folder.
func (f *folder) checkContents() error {
	entries, err := os.ReadDir(f.dir)
	if err != nil {
		return fmt.Errorf("embedded broker: data folder: %w", err)
	}
	for _, e := range entries {
		switch e.Name() {
		case lockName, cleanName, dataName:
		default:
			return &FolderError{Dir: f.dir, Found: e.Name()}
		}
	}
	return nil
}

func (f *folder) data() string { return filepath.Join(f.dir, dataName) }

// isClean tells whether the last broker of this folder was stopped in order.
func (f *folder) isClean() (bool, error) {
	_, err := os.Stat(filepath.Join(f.dir, cleanName))
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return err == nil, err
}

// setClean makes or removes the mark of an orderly stop.
func (f *folder) setClean(clean bool) error {
	path := filepath.Join(f.dir, cleanName)
	if clean {
		return os.WriteFile(path, nil, 0o644)
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// close unlocks the folder, and removes it if it is temporary.
func (f *folder) close() error {
	err := f.lock.Unlock()
	if f.temporary {
		err = errors.Join(err, os.RemoveAll(f.dir))
	}
	return err
}
