package table

import (
	"encoding/binary"
	"fmt"
	"sync"
	"testing"
	"time"
)

// number is a codec without allocations of its own.
type number struct{}

func (number) Append(dst []byte, v int64) ([]byte, error) {
	return binary.BigEndian.AppendUint64(dst, uint64(v)), nil
}
func (number) Decode(b []byte) (int64, error) { return int64(binary.BigEndian.Uint64(b)), nil }

// counter returns a table and a function that counts n records of a thousand
// keys in it and commits.
func counter(tb testing.TB, n int) func() {
	tb.Helper()
	t := New(Options{Name: "counts", Store: newStore(tb), Lock: ignoreLock{}}, number{}, nil)
	keys := make([][]byte, 1000)
	for i := range keys {
		keys[i] = fmt.Appendf(nil, "key-%04d", i)
	}
	at := time.Unix(1_700_000_000, 0)
	return func() {
		for i := range n {
			t.Begin(at)
			key := keys[i%len(keys)]
			v, _, err := t.Get(key)
			if err == nil {
				err = t.Set(key, v+1)
			}
			if err != nil {
				tb.Fatal(err)
			}
		}
		f := t.Freeze()
		if more, err := t.Encode(f, n, ignore); more || err != nil {
			tb.Fatal(more, err)
		}
		t.Committed(f, 1)
	}
}

type ignoreLock struct{}

func (ignoreLock) Lock()   {}
func (ignoreLock) Unlock() {}

func BenchmarkCount(b *testing.B) {
	const n = 10_000
	round := counter(b, n)
	b.ReportAllocs()
	for b.Loop() {
		round()
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/n, "ns/record")
}

// Counting a key that is in the cache allocates nothing; a commit does, for
// all that was set since the last one.
func TestHotPathAllocations(t *testing.T) {
	const n, limit = 10_000, 20
	round := counter(t, n)
	for range 3 {
		round()
	}
	if allocs := testing.AllocsPerRun(20, round); allocs > limit {
		t.Errorf("%v allocations for %d records and their commit, want at most %d", allocs, n, limit)
	} else {
		t.Logf("%v allocations for %d records and their commit", allocs, n)
	}
}

// A short range costs what is in it, however much the store does not have yet.
func BenchmarkShortRange(b *testing.B) {
	for _, unsaved := range []int{100, 10_000, 100_000} {
		b.Run(fmt.Sprint(unsaved), func(b *testing.B) {
			t := New(Options{Name: "t", Store: newStore(b), Lock: ignoreLock{}}, number{}, nil)
			t.Begin(time.Unix(1_700_000_000, 0))
			keys := make([][]byte, unsaved)
			for i := range keys {
				keys[i] = fmt.Appendf(nil, "key-%06d", i)
				if err := t.Set(keys[i], 1); err != nil {
					b.Fatal(err)
				}
			}
			i := 0
			for b.Loop() {
				i = (i + 7) % (unsaved - 1)
				n := 0
				err := t.Range(keys[i], keys[i+1], func([]byte, int64) bool { n++; return true })
				if err != nil || n != 1 {
					b.Fatal(n, err)
				}
			}
		})
	}
}

// timedLock knows how long it was held at most.
type timedLock struct {
	sync.Mutex
	since   time.Time
	longest time.Duration
}

func (l *timedLock) Lock() {
	l.Mutex.Lock()
	l.since = time.Now()
}

func (l *timedLock) Unlock() {
	l.longest = max(l.longest, time.Since(l.since))
	l.Mutex.Unlock()
}

// How long a commit of many keys, and the write of them, hold the lock at a time:
// the best of all rounds, as the machine has other work, too.
func BenchmarkLongestHold(b *testing.B) {
	for _, part := range []int{2048, 100_000} {
		b.Run(fmt.Sprintf("encode=%d", part), func(b *testing.B) {
			var lock timedLock
			t := New(Options{Name: "t", Store: newStore(b), Lock: &lock}, number{}, nil)
			keys := make([][]byte, 100_000)
			for i := range keys {
				keys[i] = fmt.Appendf(nil, "key-%06d", i)
			}
			best := time.Hour
			for b.Loop() {
				t.Begin(time.Unix(1_700_000_000, 0))
				for _, k := range keys {
					if err := t.Set(k, 1); err != nil {
						b.Fatal(err)
					}
				}
				lock.longest = 0
				lock.Lock()
				f := t.Freeze()
				lock.Unlock()
				for more := true; more; {
					var err error
					lock.Lock()
					more, err = t.Encode(f, part, ignore)
					lock.Unlock()
					if err != nil {
						b.Fatal(err)
					}
				}
				lock.Lock()
				t.Committed(f, 1)
				lock.Unlock()
				if err := t.Write(); err != nil {
					b.Fatal(err)
				}
				best = min(best, lock.longest)
			}
			b.ReportMetric(float64(best.Microseconds()), "µs/hold")
		})
	}
}
