package leveldb

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/syndtr/goleveldb/leveldb"

	"github.com/millrace/millrace/storage"
)

// TestFormat writes the store that docs/storage-format.md shows, and compares
// its bytes with those. Whoever changes one changes the other, and thinks of
// formatVersion.
func TestFormat(t *testing.T) {
	t.Parallel()
	doc, err := os.ReadFile(filepath.Join("..", "..", "docs", "storage-format.md"))
	if err != nil {
		t.Fatal(err)
	}
	root := t.TempDir()
	dir := filepath.Join(root, "3")
	o := testOptions()
	o.Identity = storage.Identity{Topic: "orders.seen", Partition: 3}
	for i := range o.Identity.TopicID {
		o.Identity.TopicID[i] = byte(0xa0 + i)
	}
	s, err := Open(dir, o)
	if err != nil {
		t.Fatal(err)
	}
	b := s.NewBatch()
	b.Put([]byte("o1"), []byte("paid"))
	b.Delete([]byte("o2"))
	b.SetOffset(42)
	if err := s.Apply(b); err != nil {
		t.Fatal(err)
	}
	journal, err := os.ReadFile(list(t, dir, "*.log")[0])
	if err != nil {
		t.Fatal(err)
	}
	compare(t, doc, "description", hex.Dump(meta{formatVersion, o.Mode, o.Identity}.encode()))
	compare(t, doc, "journal", hex.Dump(journal))
	compare(t, doc, "entries in use", entries(t, s))
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	compare(t, doc, "entries when closed", closedEntries(t, dir))
	var names []string
	files, err := filepath.Glob(filepath.Join(root, "*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		names = append(names, filepath.Base(f))
	}
	compare(t, doc, "beside", strings.Join(names, "\n")+"\n")
}

// entries lists what is in LevelDB.
func entries(t *testing.T, s *Store) string {
	t.Helper()
	var out bytes.Buffer
	it := s.db.NewIterator(nil, nil)
	for it.Next() {
		fmt.Fprintln(&out, strings.TrimRight(fmt.Sprintf("%-8x %x", it.Key(), it.Value()), " "))
	}
	it.Release()
	if err := it.Error(); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

// closedEntries lists what is in a closed store, without opening it as one.
func closedEntries(t *testing.T, dir string) string {
	t.Helper()
	files, err := openFiles(dir, testOptions())
	if err != nil {
		t.Fatal(err)
	}
	db, err := leveldb.Open(files, testOptions().leveldb())
	if err != nil {
		t.Fatal(err)
	}
	out := entries(t, &Store{db: db})
	if err := errors.Join(db.Close(), files.Close()); err != nil {
		t.Fatal(err)
	}
	return out
}

// compare compares text with the block of the document behind a mark.
func compare(t *testing.T, doc []byte, mark, have string) {
	t.Helper()
	_, rest, found := strings.Cut(string(doc), "<!-- golden: "+mark+" -->\n\n")
	var want strings.Builder
	for line := range strings.Lines(rest) {
		line, ok := strings.CutPrefix(line, "    ")
		if !ok {
			break
		}
		want.WriteString(line)
	}
	if !found || want.String() != have {
		t.Errorf("docs/storage-format.md has, under %q:\n%s\nthe store has:\n%s", mark, want.String(), have)
	}
}
