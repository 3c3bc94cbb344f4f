//go:build kafka && linux

package faulttest

import (
	"errors"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/millrace/millrace/internal/kafkacluster/kafkatest"
	"github.com/millrace/millrace/pipeline"
)

// nobody is whom a service runs as that must not be root, to whom no file is
// read-only.
const nobody = 65534

// The disk below a service's state fails in each way, under load. Whatever the
// service does then, it says why it cannot go on, and once the disk is well
// nothing is lost and nothing doubled.
func TestDisk(t *testing.T) {
	brokers := kafkatest.Addresses(t)
	for _, tt := range []struct {
		name  string
		fault func(x *run)
	}{
		{"full", full},
		{"files too large", fileLimit}, // long form
		{"read-only", readOnly},
		{"torn writes", torn},
		{"deleted while running", deleted},
		{"wiped between runs", wiped},
	} {
		if !long() && tt.name == "files too large" {
			continue // the service sees much the same as with a full disk
		}
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			x := newRun(t, brokers, pipeline.ExactlyOnce, "eos-hop", 1)
			x.fewKeys(2_000) // so that most records need what was there before
			tt.fault(x)
			x.finish()
		})
	}
}

// full fills the file system below the running service. It is one of 16 MiB; if
// the test may not mount any, the limit of fileLimit has to do.
func full(x *run) {
	dir := x.services[0].Dir
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=16m"); err != nil {
		x.Logf("no file system can be mounted (%v): a limit on the size of files is used instead", err)
		fileLimit(x)
		return
	}
	x.Cleanup(func() {
		if err := syscall.Unmount(dir, 0); err != nil {
			x.Error(err)
		}
	})
	x.start(0)
	x.ready(0)
	stop := x.load(either(1_000, 500))
	x.pass(2 * time.Second)
	ballast := filepath.Join(dir, "ballast")
	f, err := os.Create(ballast)
	x.must(err)
	x.fault("file system full")
	mb := make([]byte, 1<<16)
	for err == nil {
		_, err = f.Write(mb)
	}
	if !errors.Is(err, syscall.ENOSPC) {
		x.Fatal(err)
	}
	x.says(0, "no space left on device")
	x.pass(3 * time.Second)
	x.must(errors.Join(f.Close(), os.Remove(ballast)))
	x.revive(0)
	x.pass(2 * time.Second)
	stop()
}

// fileLimit makes each file's writes fail beyond 16 KiB, as a quota does.
func fileLimit(x *run) {
	x.services[0].FileLimit = 16 << 10
	x.start(0)
	stop := x.load(either(1_000, 500))
	x.says(0, "file too large")
	x.fault("files limited to 16 KiB")
	x.pass(2 * time.Second)
	x.kill9(0)
	x.services[0].FileLimit = 0
	x.start(0)
	x.ready(0)
	stop()
}

// readOnly takes the right to write away from a service that was killed.
func readOnly(x *run) {
	s := x.services[0]
	if os.Geteuid() == 0 {
		s.User = nobody
		x.must(os.Chmod(filepath.Dir(s.Dir), 0o755)) // of the test, made for its user only
	}
	mode := func(files, folders fs.FileMode, owner int) {
		x.must(filepath.WalkDir(s.Dir, func(path string, d fs.DirEntry, err error) error {
			m := files
			if err == nil && d.IsDir() {
				m = folders
			}
			if s.User != 0 {
				err = errors.Join(err, os.Lchown(path, owner, owner))
			}
			return errors.Join(err, os.Chmod(path, m))
		}))
	}
	mode(0o644, 0o755, nobody)
	x.start(0)
	x.ready(0)
	stop := x.load(either(1_000, 500))
	x.pass(2 * time.Second)
	x.kill9(0)
	mode(0o444, 0o555, 0)
	x.fault("folder read-only")
	x.start(0)
	x.says(0, "permission denied")
	x.says(0, s.Dir)
	x.kill9(0)
	mode(0o644, 0o755, nobody)
	x.start(0)
	x.ready(0)
	stop()
}

// torn kills the service, and damages what it wrote: the ends of journals are
// missing, as after a crash of the machine, and blocks of other files are others.
func torn(x *run) {
	x.start(0)
	x.ready(0)
	stop := x.load(either(1_000, 500))
	for round := range either(6, 2) {
		x.pass(2 * time.Second)
		x.kill9(0)
		damage(x, x.services[0].Dir, round%2 == 1)
		x.start(0)
		x.ready(0)
	}
	stop()
}

// damage cuts journals, or overwrites parts of any file.
func damage(x *run, dir string, overwrite bool) {
	x.Helper()
	x.must(filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.Contains(path, string(filepath.Separator)+"state"+string(filepath.Separator)) {
			return err
		}
		info, err := d.Info()
		if err != nil || info.Size() == 0 {
			return err
		}
		size := int(info.Size())
		if !overwrite {
			if filepath.Ext(path) != ".log" {
				return nil
			}
			x.fault("journal cut")
			return os.Truncate(path, int64(x.random.IntN(size)))
		}
		if x.random.IntN(2) == 0 { // others stay as they are
			return nil
		}
		x.fault("file overwritten")
		return scribble(path, size, x.random)
	}))
}

// scribble overwrites a part of a file.
func scribble(path string, size int, random *rand.Rand) error {
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	noise := make([]byte, min(size, 512))
	for i := range noise {
		noise[i] = byte(random.Uint32())
	}
	_, err = f.WriteAt(noise, int64(random.IntN(size-len(noise)+1)))
	return errors.Join(err, f.Close())
}

// deleted removes the state folder while the service uses it.
func deleted(x *run) {
	x.start(0)
	x.ready(0)
	stop := x.load(either(1_000, 500))
	for i := range 2 {
		x.pass(2 * time.Second)
		x.must(removeAll(x.services[0].Dir))
		x.fault("folder deleted under the service")
		x.pass(3 * time.Second)
		if i == 0 {
			x.kill9(0)
			x.start(0)
			x.ready(0)
		}
	}
	x.revive(0)
	stop()
}

// removeAll tries again when something is made in the folder meanwhile.
func removeAll(dir string) (err error) {
	for range 100 {
		if err = os.RemoveAll(dir); err == nil {
			return nil
		}
	}
	return err
}

// wiped removes the state folder of a service that was killed, and of one that
// was stopped.
func wiped(x *run) {
	x.start(0)
	x.ready(0)
	stop := x.load(either(1_000, 500))
	for i := range either(4, 2) {
		x.pass(2 * time.Second)
		if i%2 == 0 {
			x.kill9(0)
		} else {
			x.services[0].stop()
			x.fault("service stopped")
		}
		x.must(removeAll(x.services[0].Dir))
		x.fault("folder wiped")
		x.start(0)
		x.ready(0)
	}
	stop()
}
