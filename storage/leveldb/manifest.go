package leveldb

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	ldb "github.com/syndtr/goleveldb/leveldb/storage"
)

// The fields of a record of LevelDB's manifest. They are written to disk by
// LevelDB (doc/impl.md of the original, session_record.go of the Go version).
const (
	fieldComparer    = 1 // bytes
	fieldJournal     = 2 // number
	fieldNextFile    = 3 // number
	fieldSequence    = 4 // number
	fieldCompaction  = 5 // level, bytes
	fieldDelTable    = 6 // level, number
	fieldAddTable    = 7 // level, number, size, bytes, bytes
	fieldPrevJournal = 9 // number
)

// version is what a manifest says that the guard needs.
type version struct {
	sequence uint64           // of the last batch in the tables, or one more
	tables   map[int64]uint64 // number -> size
}

// manifest checks the list of tables: its records, and that each table is
// there and has its size. (Their blocks have checksums, which are checked when
// the blocks are read.)
func (g *guard) manifest(fd ldb.FileDesc, r ldb.Reader) (ldb.Reader, error) {
	v := version{tables: map[int64]uint64{}}
	s, err := scan(r, v.apply)
	switch {
	case err != nil:
		return nil, err
	case s.lost > 0 || s.whole == 0 && s.cut != nil:
		return nil, corrupted(fd, s.cut)
	case s.cut != nil:
		// A change that was being written when the process was killed is as if
		// it had not begun: tables and journals that it made superfluous are
		// removed after it.
		// g.cut stays: the journals show whether they follow what is left.
		g.Storage.Log(fmt.Sprintf("guard: %s ends in the middle of a record: %v", fd, s.cut))
	}
	for num, size := range v.tables {
		if err := g.table(ldb.FileDesc{Type: ldb.TypeTable, Num: num}, size); err != nil {
			return nil, err
		}
	}
	// LevelDB writes the last number used when it moves a journal to a table
	// as it runs, and the next one to use when it does so as it opens. In the
	// second case a gap of one goes unnoticed; a batch with values and offset
	// takes two.
	g.next, g.between, g.known = v.sequence, true, true
	return s.serve(r)
}

// table checks that a table is there in full.
func (g *guard) table(fd ldb.FileDesc, want uint64) error {
	r, err := g.Storage.Open(fd)
	if err != nil {
		if errors.Is(err, ldb.ErrClosed) || surroundings(err) {
			return err
		}
		return corrupted(fd, err)
	}
	size, err := r.Seek(0, io.SeekEnd)
	r.Close()
	if err != nil {
		return err
	}
	if uint64(size) != want {
		return corrupted(fd, fmt.Errorf("table has %d bytes instead of %d", size, want))
	}
	return nil
}

var errManifest = errors.New("malformed record in the manifest")

// apply reads a record of a manifest: changes to the version before it.
func (v *version) apply(record []byte) error {
	d := fields{b: record}
	type table struct {
		num  int64
		size uint64
	}
	var added []table
	for len(d.b) > 0 && !d.bad {
		switch d.number() {
		case fieldComparer:
			d.bytes()
		case fieldJournal, fieldNextFile, fieldPrevJournal:
			d.number()
		case fieldSequence:
			v.sequence = d.number()
		case fieldCompaction:
			d.number()
			d.bytes()
		case fieldDelTable:
			d.number()
			delete(v.tables, int64(d.number()))
		case fieldAddTable:
			d.number()
			added = append(added, table{int64(d.number()), d.number()})
			d.bytes()
			d.bytes()
		default:
			return errManifest
		}
	}
	if d.bad {
		return errManifest
	}
	// A record that moves a table to another level deletes and adds it.
	for _, t := range added {
		v.tables[t.num] = t.size
	}
	return nil
}

// fields reads the fields of a record. It sets bad and gives zeros at the first
// that is not there.
type fields struct {
	b   []byte
	bad bool
}

func (d *fields) number() uint64 {
	x, n := binary.Uvarint(d.b)
	if n <= 0 {
		d.b, d.bad = nil, true
		return 0
	}
	d.b = d.b[n:]
	return x
}

func (d *fields) bytes() {
	n := d.number()
	if n > uint64(len(d.b)) {
		d.b, d.bad = nil, true
		return
	}
	d.b = d.b[n:]
}
