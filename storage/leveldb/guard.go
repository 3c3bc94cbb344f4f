package leveldb

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"sync/atomic"

	"github.com/syndtr/goleveldb/leveldb"
	lerrors "github.com/syndtr/goleveldb/leveldb/errors"
	"github.com/syndtr/goleveldb/leveldb/journal"
	ldb "github.com/syndtr/goleveldb/leveldb/storage"
	"github.com/syndtr/goleveldb/leveldb/util"
)

// guard stands between LevelDB and its files while a database is opened, and
// lets LevelDB see no more than what is whole and without a hole.
//
// LevelDB writes batches to a journal, numbers the entries of all batches
// without a gap, and moves what a journal holds to tables, which a further
// journal, the manifest, lists. What may be wrong after a kill, a crash of the
// machine or a bad disk, and what LevelDB would do:
//
//   - A journal ends in the middle of a batch. That is what a kill leaves.
//     LevelDB's strict mode refuses the database for it; its other mode skips
//     the rest of a damaged block and goes on behind it.
//   - A journal lost batches at its end, and a younger journal has later ones.
//     LevelDB reads them one after the other and never compares the numbers.
//   - The manifest lost its last changes. LevelDB removes the tables that it
//     does not list any more, and reads the journals on top of the rest.
//
// Each would give a store the later batch's offset without the earlier one's
// values. So the guard reads the manifest and the journals first, and serves
// them only up to the first damage or gap: what is left is the store as it was
// some batches ago, and its offset says how many.
//
// That part of the guard is used by the goroutine that opens the database;
// LevelDB opens manifests and journals at no other time. Afterwards the guard
// lets all pass, until settle.
type guard struct {
	ldb.Storage
	settled atomic.Bool

	next    uint64 // the number that the next batch begins with
	between bool   // next may also be one more: see manifest
	known   bool   // next was set
	cut     error  // the first damage or gap: nothing behind it is served
	lost    int    // batches behind it that could be read
}

// Open implements the storage of LevelDB.
func (g *guard) Open(fd ldb.FileDesc) (ldb.Reader, error) {
	r, err := g.Storage.Open(fd)
	if err != nil {
		return nil, err
	}
	var checked ldb.Reader
	switch fd.Type {
	case ldb.TypeManifest:
		checked, err = g.manifest(fd, r)
	case ldb.TypeJournal:
		checked, err = g.journal(fd, r)
	default:
		return r, nil
	}
	if err != nil {
		r.Close()
		return nil, err // as it is: LevelDB looks at its type
	}
	return checked, nil
}

// Create implements the storage of LevelDB.
func (g *guard) Create(fd ldb.FileDesc) (ldb.Writer, error) {
	if fd.Type == ldb.TypeJournal && g.settled.Load() {
		return nil, errSettled
	}
	return g.Storage.Create(fd)
}

var errSettled = errors.New("the database is about to be closed")

// settle waits until LevelDB does not move a journal to a table any more, and
// keeps it from beginning that again. Without it the database's Close has a
// race: it closes a channel to which the move, as it ends, may be sending a
// buffer (mpoolDrain and mpoolPut in db_state.go).
//
// It is not for a database whose files fail: what waits for moves would meet a
// race with the end of one that failed.
//
// The wait is the first step of what CompactRange does with what is in memory.
// Its second is a new journal, which it does not get, and so it returns.
func (g *guard) settle(db *leveldb.DB) {
	g.settled.Store(true)
	_ = db.CompactRange(util.Range{}) // errSettled, or what compactions fail of
}

// journal checks the batches of one journal.
func (g *guard) journal(fd ldb.FileDesc, r ldb.Reader) (ldb.Reader, error) {
	s, err := scan(r, func(batch []byte) error {
		if g.cut != nil {
			return g.cut
		}
		// A batch begins with its first number and the count of its entries.
		if len(batch) < 12 {
			return fmt.Errorf("batch of %d bytes", len(batch))
		}
		first, n := binary.LittleEndian.Uint64(batch), binary.LittleEndian.Uint32(batch[8:])
		if g.known && first != g.next && !(g.between && first == g.next+1) {
			return fmt.Errorf("batch %d follows where %d should", first, g.next)
		}
		g.next, g.between, g.known = first+uint64(n), false, true
		return nil
	})
	if err != nil {
		return nil, err
	}
	if s.cut != nil && g.cut == nil {
		g.cut = fmt.Errorf("%s: %w", fd, s.cut)
	}
	g.lost += s.lost
	return s.serve(r)
}

// scanned is how far a journal can be trusted.
type scanned struct {
	whole int   // records before the first damage
	cut   error // the damage, nil if there is none
	lost  int   // records behind it
}

// scan reads a file in the format of journals, which the manifest has as well.
// An error of check counts as damage; its argument is valid during the call.
func scan(r io.Reader, check func(record []byte) error) (s scanned, err error) {
	// The reader drops what is damaged and goes on in the next block.
	jr := journal.NewReader(r, dropper{&s.cut}, false, true)
	var record bytes.Buffer
	for {
		rr, err := jr.Next()
		switch {
		case err == io.EOF:
			return s, nil
		case err != nil:
			return s, err
		}
		record.Reset()
		switch _, err := record.ReadFrom(rr); {
		case errors.Is(err, io.ErrUnexpectedEOF): // dropped
		case err != nil:
			return s, err
		case s.cut != nil:
			s.lost++
		default:
			if s.cut = check(record.Bytes()); s.cut != nil {
				s.lost++
			} else {
				s.whole++
			}
		}
	}
}

// serve returns what can be trusted of a file that was scanned.
func (s scanned) serve(r ldb.Reader) (ldb.Reader, error) {
	if _, err := r.Seek(0, io.SeekStart); err != nil || s.cut == nil {
		return r, err
	}
	var buf bytes.Buffer
	jr, jw := journal.NewReader(r, nil, false, true), journal.NewWriter(&buf)
	for range s.whole {
		rr, err := jr.Next()
		if err != nil {
			return nil, err
		}
		w, err := jw.Next()
		if err != nil {
			return nil, err
		}
		if _, err := io.Copy(w, rr); err != nil {
			return nil, err
		}
	}
	if err := jw.Close(); err != nil {
		return nil, err
	}
	return &prefix{bytes.NewReader(buf.Bytes()), r}, nil
}

// prefix is the part of a file that can be trusted.
type prefix struct {
	*bytes.Reader
	io.Closer
}

// dropper keeps the first damage that a journal's reader meets.
type dropper struct{ first *error }

// Drop implements journal.Dropper.
func (d dropper) Drop(err error) {
	if *d.first == nil {
		*d.first = err
	}
}

func corrupted(fd ldb.FileDesc, err error) error { return lerrors.NewErrCorrupted(fd, err) }
