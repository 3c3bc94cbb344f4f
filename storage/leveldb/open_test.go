package leveldb

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/millrace/millrace/storage"
)

// newer is the description of a store that a later version of this program
// wrote.
func newer() []byte {
	b := meta{formatVersion, storage.Owner, testIdentity}.encode()
	binary.BigEndian.PutUint32(b, formatVersion+1)
	return append(b, "and more that this version cannot know"...)
}

// TestReplace opens stores that are not what they should be: they are moved
// aside as they are, for an empty one.
func TestReplace(t *testing.T) {
	t.Parallel()
	describe := func(b []byte) func(*Store) error {
		return func(s *Store) error { return s.db.Put(identityKey, b, nil) }
	}
	nothing := func(*Store) error { return nil }
	for _, test := range []struct {
		name   string
		spoil  func(*Store) error
		ask    func(*Options)
		reason func(error) bool // its type
		says   string
	}{
		{"newer format", describe(newer()), nil, is[*storage.FormatError], "has format 2; this program knows up to 1"},
		{"format 0", describe(make([]byte, 40)), nil, is[*storage.CorruptError], "format 0"},
		{"short description", describe([]byte{0, 0}), nil, is[*storage.CorruptError], "2 bytes"},
		{"description without a topic", describe(meta{formatVersion, storage.Owner, storage.Identity{}}.encode()), nil,
			is[*storage.CorruptError], "25 bytes"},
		{"unknown mode", describe(meta{formatVersion, 9, testIdentity}.encode()), nil, is[*storage.CorruptError], "mode 9"},
		{"negative partition", describe(meta{formatVersion, storage.Owner, storage.Identity{Topic: "t", Partition: -1}}.encode()), nil,
			is[*storage.CorruptError], "partition -1"},
		{"no description", func(s *Store) error { return s.db.Delete(identityKey, nil) }, nil,
			is[*storage.CorruptError], "data but no description"},
		{"short offset", func(s *Store) error { return s.db.Put(offsetKey, []byte{1}, nil) }, nil,
			is[*storage.CorruptError], "malformed number 01"},
		{"negative offset", func(s *Store) error { return s.db.Put(offsetKey, bytes.Repeat([]byte{0xff}, 8), nil) }, nil,
			is[*storage.CorruptError], "malformed number ffff"},
		{"mark of damage", func(s *Store) error {
			return os.WriteFile(filepath.Join(s.dir, damageMark), []byte("a bad block"), 0o600)
		}, nil, is[*storage.CorruptError], "a bad block"},
		{"other topic", nothing, func(o *Options) { o.Identity.Topic = "other" }, is[*storage.IdentityError], `belongs to topic "table"`},
		{"other partition", nothing, func(o *Options) { o.Identity.Partition++ }, is[*storage.IdentityError], "wanted is"},
		{"topic made anew", nothing, func(o *Options) { o.Identity.TopicID[0]++ }, is[*storage.IdentityError], "wanted is"},
		{"other mode", nothing, func(o *Options) { o.Mode = storage.Follower }, is[*storage.ModeError], "serves one role"},
	} {
		t.Run(test.name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "0")
			s, err := Open(dir, testOptions())
			if err != nil {
				t.Fatal(err)
			}
			if err := errors.Join(writeBatch(s, 7), test.spoil(s), s.Close()); err != nil {
				t.Fatal(err)
			}
			var log bytes.Buffer
			o := testOptions()
			o.Logger = slog.New(slog.NewTextHandler(&log, nil))
			if test.ask != nil {
				test.ask(&o)
			}
			if _, err := Open(dir, o); !test.reason(err) || !strings.Contains(err.Error(), test.says) || !strings.Contains(err.Error(), dir) {
				t.Errorf("Open with NoReplace: %v; want another type, %q and the folder", err, test.says)
			}
			o.NoReplace = false
			s, err = Open(dir, o)
			if err != nil {
				t.Fatal(err)
			}
			info := s.Info()
			if info.State != Replaced || !test.reason(info.Reason) || info.MovedTo != dir+".replaced-1" {
				t.Errorf("Info() = %+v; want Replaced for a reason of another type", info)
			}
			if n, err := verify(s); n != 0 || err != nil {
				t.Errorf("the new store: batch %d, %v; want an empty one", n, err)
			}
			if !strings.Contains(log.String(), "level=WARN") || !strings.Contains(log.String(), test.says[:5]) {
				t.Errorf("log: %s", &log)
			}
			if _, err := os.Stat(filepath.Join(info.MovedTo, "CURRENT")); err != nil {
				t.Errorf("the old store is not kept: %v", err)
			}
			if err := errors.Join(writeBatch(s, 1), s.Close()); err != nil {
				t.Fatal(err)
			}
			if s, err = Open(dir, o); err != nil || s.Info().State != Clean {
				t.Fatalf("opened again: %v", err)
			}
			if err := s.Close(); err != nil {
				t.Error(err)
			}
		})
	}
}

// is says whether there is an error of type E in the tree of err.
func is[E error](err error) bool {
	var e E
	return errors.As(err, &e)
}

// TestReplacedAreBounded replaces a store again and again: two are kept, beside
// what others put there.
func TestReplacedAreBounded(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	dir := filepath.Join(root, "0")
	for _, name := range []string{"0.replaced-x", "0.replaced-07", "0.replaced-", "1"} {
		if err := os.Mkdir(filepath.Join(root, name), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	o := testOptions()
	o.NoReplace = false
	for i := range 12 {
		o.Identity.TopicID[0] = byte(i + 1)
		s, err := Open(dir, o)
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
	entries, err := os.ReadDir(root)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	want := []string{"0", "0.lock", "0.replaced-", "0.replaced-07", "0.replaced-10", "0.replaced-11", "0.replaced-x", "1"}
	if !slices.Equal(names, want) {
		t.Errorf("folder has %q; want %q", names, want)
	}
}

// TestTopicID opens a store where the topic's id is not known at first, then
// is, then is not told again: it stays the same store, with the id.
func TestTopicID(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "0")
	with, without := testOptions(), testOptions()
	without.Identity.TopicID = [16]byte{}
	for i, o := range []Options{without, with, without, with} {
		s, err := Open(dir, o)
		if err != nil {
			t.Fatal(err)
		}
		want := with.Identity
		if i == 0 {
			want = o.Identity
		}
		if s.Identity() != want {
			t.Errorf("time %d: Identity() = %v; want %v", i, s.Identity(), want)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
	o := testOptions()
	o.Identity.TopicID[15] = 9
	if _, err := Open(dir, o); !is[*storage.IdentityError](err) {
		t.Errorf("Open with another id: %v", err)
	}
}

// TestStates tells how a store was found.
func TestStates(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "app", "processor", "owner", "topic", "0")
	open := func(dir string, want State) *Store {
		t.Helper()
		s, err := Open(dir, testOptions())
		if err != nil {
			t.Fatal(err)
		}
		if got := s.Info(); got != (Info{State: want}) {
			t.Errorf("Info() = %+v; want %s", got, want)
		}
		return s
	}
	s := open(dir, Created)
	if err := errors.Join(writeBatch(s, 1), s.Close()); err != nil {
		t.Fatal(err)
	}
	s = open(dir, Clean)
	killed := copyDir(t, dir)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = open(killed, Unclean)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if err := open(killed, Clean).Close(); err != nil {
		t.Fatal(err)
	}
	for s, want := range map[State]string{Created: "created", Clean: "clean", Unclean: "unclean", Replaced: "replaced", 9: "unknown"} {
		if s.String() != want {
			t.Errorf("State %d is %q; want %q", s, s, want)
		}
	}
}

// TestOptions reports all faults at once.
func TestOptions(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "0")
	_, err := Open(dir, Options{
		Identity: storage.Identity{Topic: strings.Repeat("t", 250), Partition: -1}, Mode: 7, BlockCache: -1, WriteBuffer: -2})
	for _, want := range []string{dir, "250 bytes", "partition -1", "mode", "cache of -1", "buffer of -2"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v does not tell of %q", err, want)
		}
	}
	if _, err := os.Stat(dir); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("Open with invalid options made a folder: %v", err)
	}
	o := Options{}.withDefaults()
	if o.BlockCache != 8<<20 || o.WriteBuffer != 4<<20 || o.Logger == nil || o.Sync {
		t.Errorf("defaults: %+v", o)
	}
}

// TestSurroundings opens stores where the system is at fault. They stay as they
// are, though they may be replaced.
func TestSurroundings(t *testing.T) {
	t.Parallel()
	t.Run("a file in the way", func(t *testing.T) {
		dir := filepath.Join(t.TempDir(), "file", "0")
		if err := os.WriteFile(filepath.Dir(dir), nil, 0o600); err != nil {
			t.Fatal(err)
		}
		o := testOptions()
		o.NoReplace = false
		if _, err := Open(dir, o); err == nil || !strings.Contains(err.Error(), dir) {
			t.Errorf("Open: %v; want an error with the folder", err)
		}
	})
	for _, test := range []struct{ name, deny string }{
		{"read-only store", "0"},
		{"read-only parent", "."},
	} {
		t.Run(test.name, func(t *testing.T) {
			root := t.TempDir()
			dir := filepath.Join(root, "0")
			s, err := Open(dir, testOptions())
			if err != nil {
				t.Fatal(err)
			}
			if err := errors.Join(writeBatch(s, 1), s.Close()); err != nil {
				t.Fatal(err)
			}
			before, err := listing(dir)
			if err != nil {
				t.Fatal(err)
			}
			denied := filepath.Join(root, test.deny)
			t.Cleanup(func() {
				if err := os.Chmod(denied, 0o700); err != nil {
					t.Error(err)
				}
			})
			// Everybody may read and enter, nobody may write. (Root may all the
			// same: the child gives that up.)
			err = errors.Join(os.Chmod(filepath.Dir(root), 0o755), os.Chmod(root, 0o755), os.Chmod(dir, 0o755),
				os.Chmod(dir+".lock", 0o666), os.Chmod(denied, 0o555))
			if err != nil {
				t.Fatal(err)
			}
			cmd, lines := child(t, readerEnv, dir)
			said := lines.Scan()
			text := lines.Text()
			if err := cmd.Wait(); !said || err == nil {
				t.Fatalf("the other process said %q and ended with %v", text, err)
			}
			if !strings.Contains(text, "denied") || !strings.Contains(text, dir) {
				t.Errorf("Open in a read-only folder: %s; want what was denied, and where", text)
			}
			after, err := listing(dir)
			if err != nil || after != before {
				t.Errorf("the store changed, %v:\n%s\nwas\n%s", err, after, before)
			}
		})
	}
}
