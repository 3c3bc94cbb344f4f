package run

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/gofrs/flock"
)

// LockedError says that another process uses the state folder.
type LockedError struct {
	Dir string
	PID int // 0 if not known
}

func (e *LockedError) Error() string {
	who := "another process"
	if e.PID != 0 {
		who = fmt.Sprintf("process %d", e.PID)
	}
	return fmt.Sprintf("state folder %s is in use by %s: stop it, or name another folder with -state", e.Dir, who)
}

// state is the state folder, locked.
type state struct {
	dir    string
	lock   *flock.Flock
	memory memory
}

// memory is what local.json holds.
type memory struct {
	Port    int       `json:"port,omitempty"`   // of the local server, so that its feeds keep their addresses
	Started time.Time `json:"started,omitzero"` // the first start of the sample feeds
	Seeded  bool      `json:"seeded,omitempty"` // the samples were added: not again, if they are removed
}

func openState(dir string) (*state, error) {
	why := func(err error) error {
		return fmt.Errorf("state folder %s cannot be used: %w; make it writable, or name another with -state", dir, err)
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, why(err)
	}
	s := &state{dir: dir, lock: flock.New(filepath.Join(dir, "lock"), flock.SetPermissions(0o644))}
	ok, err := s.lock.TryLock()
	if err != nil {
		return nil, why(err)
	}
	if !ok {
		b, _ := os.ReadFile(s.path("lock")) // only for the message
		pid, _ := strconv.Atoi(strings.TrimSpace(string(b)))
		return nil, &LockedError{dir, pid}
	}
	if err := os.WriteFile(s.path("lock"), fmt.Appendf(nil, "%d\n", os.Getpid()), 0o644); err != nil {
		return nil, errors.Join(why(err), s.close())
	}
	b, err := os.ReadFile(s.path("local.json"))
	if err == nil {
		err = json.Unmarshal(b, &s.memory)
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, errors.Join(fmt.Errorf("%s: %w; it can be removed: the samples are then added again", s.path("local.json"), err), s.close())
	}
	return s, nil
}

func (s *state) path(name string) string { return filepath.Join(s.dir, name) }

// save writes the memory, whole or not at all.
func (s *state) save() error {
	b, err := json.MarshalIndent(s.memory, "", "  ")
	if err != nil {
		return err
	}
	temporary := s.path("local.json.new")
	if err := os.WriteFile(temporary, append(b, '\n'), 0o644); err != nil {
		return fmt.Errorf("state folder: %w", err)
	}
	return os.Rename(temporary, s.path("local.json"))
}

func (s *state) close() error { return s.lock.Unlock() }
