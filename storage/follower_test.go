package storage_test

import (
	"errors"
	"testing"
	"time"

	"github.com/millrace/millrace/storage"
	"github.com/millrace/millrace/storage/memory"
)

// failing is a store that cannot be written.
type failing struct {
	*memory.Store
	err error
}

func (f failing) Apply(storage.Batch) error { return f.err }

// TestFollowerFails keeps the error of its first write, and what the store has
// can still be read.
func TestFollowerFails(t *testing.T) {
	full := errors.New("disk is full")
	s := memory.New(storage.Identity{Topic: "table"})
	f := storage.NewFollower(failing{s, full}, storage.FollowerOptions{MaxDelay: time.Hour})
	k := []byte("k")
	if err := f.Put(k, []byte("v"), 7); err != nil {
		t.Fatal(err)
	}
	_, snap := f.Snapshot()
	for what, err := range map[string]error{"Snapshot": snap, "Flush": f.Flush(), "Range": f.Range(nil, nil).Close(),
		"Put": f.Put(k, nil, 8), "Delete": f.Delete(k, 8), "SetOffset": f.SetOffset(8), "Clear": f.Clear(0)} {
		if !errors.Is(err, full) {
			t.Errorf("%s: %v; want the error of the write", what, err)
		}
	}
	if next, ok := f.Offset(); ok {
		t.Errorf("Offset() = %d, though nothing was written", next)
	}
	if err := f.Close(); !errors.Is(err, full) {
		t.Errorf("Close: %v", err)
	}
	if err := f.Put(k, nil, 9); !errors.Is(err, storage.ErrClosed) {
		t.Errorf("Put after Close: %v", err)
	}
}

func TestErrorsNameTheFolder(t *testing.T) {
	id := storage.Identity{Topic: "orders", Partition: 3}
	for _, test := range []struct {
		err  error
		want string
	}{
		{&storage.CorruptError{Dir: "d", Err: errors.New("x")}, "store d is corrupt: x"},
		{&storage.FormatError{Dir: "d", Have: 2, Known: 1}, "store d has format 2; this program knows up to 1"},
		{&storage.ModeError{Dir: "d", Have: storage.Owner, Want: storage.Follower},
			"store d was written as owner, not as follower: a folder serves one role"},
		{&storage.IdentityError{Dir: "d", Have: id, Want: id}, "store d belongs to " + id.String() + "; wanted is " + id.String()},
	} {
		if test.err.Error() != test.want {
			t.Errorf("error %q; want %q", test.err, test.want)
		}
	}
}
