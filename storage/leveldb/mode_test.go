package leveldb

import (
	"errors"
	"fmt"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/millrace/millrace/storage"
)

// modeOf reads the mode of a store from its description.
func modeOf(t *testing.T, s *Store) storage.Mode {
	t.Helper()
	b, err := s.db.Get(identityKey, nil)
	if err != nil {
		t.Fatal(err)
	}
	m, err := decodeMeta(b)
	if err != nil {
		t.Fatal(err)
	}
	return m.mode
}

// A store of the other mode is refused, or converted if that is wanted, and has
// what it had.
func TestConvert(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "0")
	o := testOptions()
	open := func(mode storage.Mode, convert bool) (*Store, error) {
		o.Mode, o.Convert = mode, convert
		return Open(dir, o)
	}
	s, err := open(storage.Follower, true)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(writeBatch(s, 1), s.Close()); err != nil {
		t.Fatal(err)
	}
	var other *storage.ModeError
	if _, err := open(storage.Owner, false); !errors.As(err, &other) {
		t.Fatalf("opened in the other mode: %v", err)
	}
	for _, mode := range []storage.Mode{storage.Owner, storage.Follower, storage.Follower} {
		if s, err = open(mode, true); err != nil {
			t.Fatal(err)
		}
		n, err := verify(s)
		if got := modeOf(t, s); n != 1 || err != nil || got != mode || s.Info().State != Clean {
			t.Errorf("batch %d, %v, mode %s, want %s; %+v", n, err, got, mode, s.Info())
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.SetMode(storage.Owner); !errors.Is(err, storage.ErrClosed) {
		t.Errorf("SetMode after Close: %v", err)
	}
	// An id that this cluster does not tell is kept.
	o.Identity.TopicID = [16]byte{}
	if s, err = open(storage.Owner, true); err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if s.Identity() != testIdentity || modeOf(t, s) != storage.Owner {
		t.Errorf("it became %v, %s", s.Identity(), modeOf(t, s))
	}
	if err := s.SetMode(7); err == nil || modeOf(t, s) != storage.Owner {
		t.Errorf("SetMode(7): %v", err)
	}
}

// turnForever checks a store, says which batch it is at, and then turns it to
// the other mode, writes a batch and says so, again and again.
func turnForever(dir string) error {
	o := testOptions()
	o.Convert = true
	s, err := Open(dir, o)
	if err != nil {
		return err
	}
	n, err := verify(s)
	if err != nil {
		return err
	}
	for ; ; n++ {
		fmt.Println(n)
		if err := errors.Join(s.SetMode(storage.Follower), s.SetMode(storage.Owner), s.SetMode(storage.Mode(n%2)), writeBatch(s, n+1)); err != nil {
			return err
		}
	}
}

// TestKillWhileTurning kills a process again and again while it changes the
// mode of its store. The store is in the one mode or the other, and has what was
// applied.
func TestKillWhileTurning(t *testing.T) {
	t.Parallel()
	rounds, random := faults(t, 6)
	dir := filepath.Join(t.TempDir(), "0")
	for round := range rounds {
		cmd, lines := child(t, turnerEnv, dir)
		applied := int64(-1)
		for range 1 + random.IntN(60) {
			if !lines.Scan() {
				t.Fatalf("round %d: the writer ended by itself: %v", round, cmd.Wait())
			}
			applied, _ = strconv.ParseInt(lines.Text(), 10, 64)
		}
		if err := cmd.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		for lines.Scan() { // what it said before it died
			if n, err := strconv.ParseInt(lines.Text(), 10, 64); err == nil && n > applied {
				applied = n
			}
		}
		_ = cmd.Wait() // it says that it was killed
		o := testOptions()
		o.Mode, o.Convert = storage.Mode(round%2), true
		s, err := Open(dir, o) // of which mode it is found depends on the kill
		if err != nil {
			t.Fatalf("round %d: %v", round, err)
		}
		n, err := verify(s)
		if err != nil || n < applied || n > applied+1 || s.Info().Lost > 0 {
			t.Errorf("round %d: offset %d after batch %d; %v, %+v", round, n, applied, err, s.Info())
		}
		if got := modeOf(t, s); got != o.Mode {
			t.Errorf("round %d: opened as %s, want %s", round, got, o.Mode)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
}
