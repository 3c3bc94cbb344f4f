package leveldb

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/gofrs/flock"
	"github.com/syndtr/goleveldb/leveldb"
	lerrors "github.com/syndtr/goleveldb/leveldb/errors"
	ldb "github.com/syndtr/goleveldb/leveldb/storage"

	"github.com/millrace/millrace/storage"
)

// corruptMark is a file in a store's folder that says that its data was found
// damaged while it was open.
const corruptMark = "DAMAGED"

// Open opens the store in a folder, and creates both if need be.
//
// A store that is in use is storage.ErrLocked. A store that cannot be trusted
// is moved to a folder beside it, named DIR.replaced, and replaced by an
// empty one; see Options.NoReplace.
func Open(dir string, o Options) (*Store, error) {
	o = o.withDefaults()
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, fmt.Errorf("store %s: create folder: %w", dir, err)
	}
	// The lock lies beside the folder, so that it holds while the folder is
	// moved.
	lock := flock.New(dir + ".lock")
	switch ok, err := lock.TryLock(); {
	case err != nil:
		return nil, fmt.Errorf("store %s: lock: %w", dir, err)
	case !ok:
		return nil, fmt.Errorf("store %s: %w: stop the other process, or give each its own state folder", dir, storage.ErrLocked)
	}
	s, err := open(dir, o)
	if err != nil && replaceable(err) && !o.NoReplace {
		aside, merr := moveAside(dir)
		if merr != nil {
			return nil, errors.Join(err, merr, lock.Unlock())
		}
		o.Logger.Warn("store replaced by an empty one, to be restored from its changelog",
			"store", dir, "reason", err, "kept", aside)
		s, err = open(dir, o)
	}
	if err != nil {
		return nil, errors.Join(err, lock.Unlock())
	}
	release := s.release
	s.release = func() error { return errors.Join(release(), lock.Unlock()) }
	return s, nil
}

// replaceable says whether the store itself is at fault, not its surroundings.
func replaceable(err error) bool {
	var (
		corrupt  *storage.CorruptError
		format   *storage.FormatError
		identity *storage.IdentityError
	)
	return errors.As(err, &corrupt) || errors.As(err, &format) || errors.As(err, &identity)
}

func open(dir string, o Options) (_ *Store, err error) {
	if reason, err := os.ReadFile(filepath.Join(dir, corruptMark)); err == nil {
		return nil, &storage.CorruptError{Dir: dir, Err: errors.New(string(reason))}
	}
	if err := checkJournals(dir); err != nil {
		if surroundings(err) {
			return nil, fmt.Errorf("store %s: %w", dir, err)
		}
		return nil, &storage.CorruptError{Dir: dir, Err: err}
	}
	files, err := ldb.OpenFile(dir, false)
	if err != nil {
		return nil, fmt.Errorf("store %s: %w", dir, err)
	}
	var stor ldb.Storage = files
	if o.wrap != nil {
		stor = o.wrap(stor)
	}
	db, err := leveldb.Open(stor, o.leveldb())
	if err != nil {
		err = opened(dir, err)
		return nil, errors.Join(err, files.Close())
	}
	s := &Store{db: db, dir: dir, identity: o.Identity, syncAll: o.Sync}
	s.reader = reader{db, s}
	s.release = func() error { return errors.Join(db.Close(), files.Close()) }
	s.offset.Store(noOffset)
	defer func() {
		if err != nil {
			err = errors.Join(err, s.release())
		}
	}()
	if err := s.check(o); err != nil {
		return nil, opened(dir, err)
	}
	if err := s.loadOffset(); err != nil {
		return nil, opened(dir, err)
	}
	return s, nil
}

// opened sorts the errors of opening into damage and the rest.
func opened(dir string, err error) error {
	if replaceable(err) {
		return err
	}
	missing := errors.Is(err, fs.ErrNotExist) && !errors.Is(err, fs.ErrPermission)
	if lerrors.IsCorrupted(err) || missing || damaged(err) {
		return &storage.CorruptError{Dir: dir, Err: err}
	}
	return fmt.Errorf("store %s: %w", dir, err)
}

// damaged recognises damage that LevelDB reports as plain text.
func damaged(err error) bool {
	if surroundings(err) {
		return false
	}
	text := err.Error()
	return strings.Contains(text, "corrupt") || strings.Contains(text, "unexpected EOF") || strings.Contains(text, "invalid")
}

// surroundings says whether the system, not the store, is at fault.
func surroundings(err error) bool {
	var path *fs.PathError
	return errors.Is(err, fs.ErrPermission) || errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EROFS) ||
		errors.Is(err, syscall.EMFILE) || errors.Is(err, syscall.ENFILE) || errors.Is(err, syscall.EIO) ||
		errors.As(err, &path) && !errors.Is(err, fs.ErrNotExist)
}

// moveAside renames a folder, in the place of one that was moved aside before.
func moveAside(dir string) (string, error) {
	aside := dir + ".replaced"
	if err := os.RemoveAll(aside); err != nil {
		return "", fmt.Errorf("store %s: remove an older replaced store: %w", dir, err)
	}
	if err := os.Rename(dir, aside); err != nil {
		return "", fmt.Errorf("store %s: move aside: %w", dir, err)
	}
	return aside, os.MkdirAll(dir, 0o755)
}
