package leveldb

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/syndtr/goleveldb/leveldb/util"

	"github.com/millrace/millrace/storage"
)

// benchKeys is the size of the benchmarks' table, about 30 MB.
const benchKeys = 200_000

// benchKey spreads key i over the whole range of keys.
func benchKey(i int) []byte {
	return fmt.Appendf(nil, "key-%016x", uint64(i)*0x9e3779b97f4a7c15)
}

func benchOpen(b *testing.B) *Store {
	b.Helper()
	s, err := Open(filepath.Join(b.TempDir(), "0"), Options{Identity: testIdentity})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		if err := s.Close(); err != nil {
			b.Error(err)
		}
	})
	return s
}

// restore fills a store as a follower does: record by record, in the order of
// a changelog.
func restore(b *testing.B, s storage.Store, n int) {
	b.Helper()
	f := storage.NewFollower(s, storage.FollowerOptions{MaxDelay: time.Hour})
	value := make([]byte, 100)
	for i := range n {
		binary.BigEndian.PutUint64(value, uint64(i))
		if err := f.Put(benchKey(i), value, int64(i+1)); err != nil {
			b.Fatal(err)
		}
	}
	if err := f.Flush(); err != nil {
		b.Fatal(err)
	}
}

// cpu reports the processor time of an operation beside the time on the clock,
// with what LevelDB does in the background: it means something on a busy
// machine, too. The function that it returns ends the measurement.
func cpu(b *testing.B) (end func()) {
	used := func() time.Duration {
		var u syscall.Rusage
		if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
			b.Fatal(err)
		}
		return time.Duration(u.Utime.Nano() + u.Stime.Nano())
	}
	start := used()
	return func() { b.ReportMetric(float64(used()-start)/float64(b.N), "cpu-ns/op") }
}

func BenchmarkGet(b *testing.B) {
	s := benchOpen(b)
	restore(b, s, benchKeys)
	if err := s.db.CompactRange(util.Range{}); err != nil { // or it goes on meanwhile
		b.Fatal(err)
	}
	get := func(first int, want error) func(*testing.B) {
		return func(b *testing.B) {
			b.ReportAllocs()
			i := 0
			defer cpu(b)()
			for b.Loop() {
				if _, err := s.Get(benchKey(first + i*7919%benchKeys)); !errors.Is(err, want) {
					b.Fatal(err)
				}
				i++
			}
		}
	}
	b.Run("hit", get(0, nil))
	b.Run("miss", get(benchKeys, storage.ErrNotFound))
}

// BenchmarkApply writes one key an iteration, in batches of n keys.
func BenchmarkApply(b *testing.B) {
	for _, n := range []int{100, 1000, 10_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			s := benchOpen(b)
			batch := s.NewBatch()
			value := make([]byte, 100)
			b.ReportAllocs()
			i := 0
			defer cpu(b)()
			for b.Loop() {
				batch.Put(benchKey(i%benchKeys), value)
				if i++; i%n == 0 {
					batch.SetOffset(int64(i))
					if err := s.Apply(batch); err != nil {
						b.Fatal(err)
					}
					batch.Reset()
				}
			}
		})
	}
}

// BenchmarkWriteBuffer writes one key an iteration, in batches of 100 keys, with
// the sizes that a store's share of a service's memory comes to.
func BenchmarkWriteBuffer(b *testing.B) {
	for _, kib := range []int{128, 256, 512, 1024, 4096} {
		b.Run(fmt.Sprintf("%dKiB", kib), func(b *testing.B) {
			s, err := Open(filepath.Join(b.TempDir(), "0"), Options{Identity: testIdentity, WriteBuffer: kib << 10})
			if err != nil {
				b.Fatal(err)
			}
			batch := s.NewBatch()
			value := make([]byte, 100)
			i := 0
			end := cpu(b)
			for b.Loop() {
				batch.Put(benchKey(i%benchKeys), value)
				if i++; i%100 == 0 {
					if err := s.Apply(batch); err != nil {
						b.Fatal(err)
					}
					batch.Reset()
				}
			}
			end()
			if err := s.Close(); err != nil {
				b.Fatal(err)
			}
		})
	}
}

// BenchmarkRestore restores a table of benchKeys records.
func BenchmarkRestore(b *testing.B) {
	b.ReportAllocs()
	defer cpu(b)()
	for b.Loop() {
		restore(b, benchOpen(b), benchKeys)
	}
	b.ReportMetric(float64(benchKeys)*float64(b.N)/b.Elapsed().Seconds(), "records/s")
}

// BenchmarkOpenAfterKill opens stores as a process that was killed leaves them,
// without a farewell: what is in the journal is read again, which is a write
// buffer at most, whatever the size of the store.
func BenchmarkOpenAfterKill(b *testing.B) {
	for _, keys := range []int{10_000, 100_000, 1_000_000, 4_000_000} {
		b.Run(fmt.Sprint(keys), func(b *testing.B) {
			running := benchOpen(b)
			restore(b, running, keys)
			dir := filepath.Join(b.TempDir(), "0")
			for b.Loop() {
				b.StopTimer()
				if err := copyLive(running.dir, dir); err != nil {
					b.Fatal(err)
				}
				b.StartTimer()
				s, err := Open(dir, Options{Identity: testIdentity})
				b.StopTimer()
				if err != nil {
					b.Fatal(err)
				}
				if err := errors.Join(s.Close(), os.RemoveAll(dir)); err != nil {
					b.Fatal(err)
				}
				b.StartTimer()
			}
		})
	}
}
