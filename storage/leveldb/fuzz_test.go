package leveldb

import (
	"bytes"
	"testing"

	"github.com/syndtr/goleveldb/leveldb/journal"

	"github.com/millrace/millrace/storage"
)

// FuzzMeta decodes descriptions: what is accepted in this format encodes to the
// same bytes again.
func FuzzMeta(f *testing.F) {
	f.Add(meta{formatVersion, storage.Follower, testIdentity}.encode())
	f.Add(newer())
	f.Add([]byte{0, 0, 0, 1})
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := decodeMeta(b)
		if err != nil || m.format > formatVersion {
			return
		}
		if again := m.encode(); !bytes.Equal(again, b) {
			t.Errorf("%x is %+v, which is %x", b, m, again)
		}
	})
}

// FuzzManifest reads records of manifests, and files of them: whatever the
// bytes are, what is served is whole and can be read again.
func FuzzManifest(f *testing.F) {
	record := []byte{fieldComparer, 3, 'c', 'm', 'p', fieldSequence, 7, fieldAddTable, 0, 5, 9, 1, 'a', 1, 'b', fieldDelTable, 0, 5}
	var file bytes.Buffer
	w := journal.NewWriter(&file)
	for range 3 {
		r, err := w.Next()
		if err != nil {
			f.Fatal(err)
		}
		if _, err := r.Write(record); err != nil {
			f.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		f.Fatal(err)
	}
	f.Add(record)
	f.Add(file.Bytes())
	f.Add(file.Bytes()[:len(file.Bytes())-2])
	f.Fuzz(func(t *testing.T, b []byte) {
		_ = (&version{tables: map[int64]uint64{}}).apply(b)
		all := func([]byte) error { return nil }
		s, err := scan(bytes.NewReader(b), all)
		if err != nil {
			return
		}
		served, err := s.serve(&memoryFile{bytes.NewReader(b)})
		if err != nil {
			t.Fatalf("%+v: %v", s, err)
		}
		again, err := scan(served, all)
		if err != nil || again.whole != s.whole || again.cut != nil {
			t.Errorf("%+v is served as %+v, %v", s, again, err)
		}
	})
}

type memoryFile struct{ *bytes.Reader }

func (memoryFile) Close() error { return nil }
