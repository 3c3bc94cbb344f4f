package leveldb

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/gofrs/flock"
	"github.com/syndtr/goleveldb/leveldb"
	"github.com/syndtr/goleveldb/leveldb/opt"
	ldb "github.com/syndtr/goleveldb/leveldb/storage"
	"github.com/syndtr/goleveldb/leveldb/util"

	"github.com/millrace/millrace/storage"
)

// Open opens the store in a folder, and creates both if need be.
//
// A store that is open already, here or in another process, is
// storage.ErrLocked. A store that cannot be trusted (*storage.CorruptError), or
// is of a newer format (*storage.FormatError), another changelog
// (*storage.IdentityError) or the other mode (*storage.ModeError; see
// Options.Convert), is moved to a folder beside it, named DIR.replaced-N, and an
// empty one takes its place, unless Options.NoReplace is set; [Store.Info] tells.
// Other errors, such as a full disk or missing permissions, leave the store as it
// is.
func Open(dir string, o Options) (*Store, error) {
	o = o.withDefaults()
	if err := o.validate(); err != nil {
		return nil, fmt.Errorf("store %s: invalid options: %w", dir, err)
	}
	if err := os.MkdirAll(dir, 0o750); err != nil {
		return nil, fault(dir, "create folder", err)
	}
	// The lock lies beside the folder, so that it holds while the folder is
	// moved.
	lock := flock.New(dir + ".lock")
	switch ok, err := lock.TryLock(); {
	case err != nil:
		return nil, fault(dir, "lock", err)
	case !ok:
		return nil, locked(dir)
	}
	s, err := open(dir, o)
	if err != nil && replaceable(err) && !o.NoReplace {
		reason := err
		aside, merr := moveAside(dir)
		if merr != nil {
			return nil, errors.Join(err, merr, lock.Unlock())
		}
		o.Logger.Warn("store is replaced by an empty one, to be restored from its changelog",
			"store", dir, "error", reason, "kept", aside)
		if s, err = open(dir, o); err == nil {
			s.info = Info{State: Replaced, Reason: reason, MovedTo: aside}
		}
	}
	if err != nil {
		return nil, errors.Join(err, lock.Unlock())
	}
	release := s.release
	s.release = func() error { return errors.Join(release(), lock.Unlock()) }
	return s, nil
}

func locked(dir string) error {
	return fmt.Errorf("store %s: %w: stop the other process that uses it, or give each its own state folder", dir, storage.ErrLocked)
}

func open(dir string, o Options) (_ *Store, err error) {
	if reason, err := os.ReadFile(filepath.Join(dir, damageMark)); err == nil {
		return nil, &storage.CorruptError{Dir: dir, Err: errors.New(string(reason))}
	}
	files, err := openFiles(dir, o)
	if err != nil {
		return nil, err
	}
	g := &guard{Storage: files}
	db, err := leveldb.Open(g, o.leveldb())
	if err != nil {
		return nil, errors.Join(sorted(dir, "open", err), files.Close())
	}
	s := newStore(dir, db, o)
	s.release = func() error {
		if s.failed == nil {
			g.settle(db)
		}
		return errors.Join(db.Close(), files.Close())
	}
	defer func() {
		if err != nil {
			err = errors.Join(sorted(dir, "open", err), s.release())
		}
	}()
	if err := s.begin(o); err != nil {
		return nil, err
	}
	if err := tidy(db); err != nil {
		return nil, err
	}
	if g.cut != nil {
		s.fellBack(g, o)
	}
	return s, nil
}

// openFiles opens the folder for LevelDB.
func openFiles(dir string, o Options) (ldb.Storage, error) {
	files, err := ldb.OpenFile(dir, false)
	switch {
	case errors.Is(err, ldb.ErrLocked) || wouldBlock(err): // by some other program
		return nil, locked(dir)
	case err != nil:
		return nil, fault(dir, "open", err)
	}
	if o.wrap != nil {
		return o.wrap(files), nil
	}
	return files, nil
}

// tidySize is up to what size of all its files a store is tidied.
const tidySize = 4 << 20

// tidy merges the files of a small store. Each start leaves one more, with what
// was in the journal, and each costs memory while it is open: its index, its
// filter, its file descriptor. LevelDB itself goes by their number only, which is
// higher for small write buffers.
func tidy(db *leveldb.DB) error {
	var s leveldb.DBStats
	if err := db.Stats(&s); err != nil {
		return err
	}
	if len(s.LevelTablesCounts) == 0 || s.LevelTablesCounts[0] < opt.DefaultCompactionL0Trigger || s.LevelSizes.Sum() > tidySize {
		return nil
	}
	// A damaged file is found by reading, not by merging: when that fails, LevelDB
	// closes a channel that it may just be sending on. It recovers from the panic,
	// but it is a data race.
	if err := readAll(db); err != nil {
		return err
	}
	if err := db.CompactRange(util.Range{}); isCorrupted(err) {
		return err
	}
	return nil // another fault, such as a full disk, stops writes as well, which tell
}

// readAll reads every block of every file, and returns an error for a damaged one.
func readAll(db *leveldb.DB) error {
	it := db.NewIterator(nil, &opt.ReadOptions{DontFillCache: true})
	defer it.Release()
	for it.Next() {
	}
	if err := it.Error(); isCorrupted(err) {
		return err
	}
	return nil
}

// begin reads the meta space of a database that was just opened, and fills that
// of a new one.
func (s *Store) begin(o Options) error {
	found, err := s.check(o)
	if err != nil {
		return err
	}
	if err := s.loadOffset(); err != nil {
		return err
	}
	if err := s.finishClear(); err != nil {
		return err
	}
	clean, err := s.db.Has(cleanKey, nil)
	if err != nil {
		return err
	}
	switch {
	case !found:
		s.info.State = Created
	case clean:
		s.info.State = Clean
	default:
		s.info.State = Unclean
	}
	if clean {
		return s.db.Delete(cleanKey, &opt.WriteOptions{Sync: s.sync})
	}
	return nil
}

// fellBack notes that the end of the journals could not be used.
func (s *Store) fellBack(g *guard, o Options) {
	s.info.Reason, s.info.Lost = g.cut, g.lost
	next, _ := s.Offset()
	if g.lost == 0 {
		o.Logger.Info("store ends in the middle of a batch, as a killed process leaves it; the changelog has the rest",
			"store", s.dir, "offset", next, "found", g.cut)
		return
	}
	o.Logger.Warn("store lost batches; it is as it was before them, and the changelog has the rest",
		"store", s.dir, "offset", next, "error", g.cut, "unusable", g.lost)
}
