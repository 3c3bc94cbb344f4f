package workload

import (
	"encoding/binary"
	"fmt"
	"iter"
	"math/rand/v2"
	"slices"
	"strconv"
	"time"
)

// Kind is what a contender does with the records.
type Kind string

// The kinds. Each contender's program has a switch over them.
const (
	// Copy passes each record on, its key and value unchanged.
	Copy Kind = "copy"
	// Count keeps a count of each key's records in a table, and emits every
	// update to a topic.
	Count Kind = "count"
	// CountLast is Count, of which the last count of each key and commit is
	// enough: Kafka Streams caches, in Millrace the table's own topic is the
	// output.
	CountLast Kind = "count-last"
	// Dedupe passes on each key's first record.
	Dedupe Kind = "dedupe"
	// Join emits each record with the value that a table has at its key, one
	// after the other.
	Join Kind = "join"
	// Shuffle matches each record with rules, sends it on by the key of each
	// rule that matches, and keeps 32 bytes of state for each rule, of which
	// it emits every tenth (ShuffleBench, Henning et al., ICPE 2024).
	Shuffle Kind = "shuffle"
	// RSS is the whole topology of apps/rss-articles on items of real feeds.
	RSS Kind = "rss"
)

// Workload is one line of the benchmark.
type Workload struct {
	Name string
	Kind Kind
	// Keys is how many keys the records have.
	Keys int
	// Bytes is the length of a value; at least HeaderBytes.
	Bytes int
	// TableBytes is the length of the values of the table that is joined.
	TableBytes int
	// Repeats is the share of records whose key came before, for Dedupe; the
	// keys of the others are new. Otherwise keys are uniformly random.
	Repeats float64
	// EachFirst has each key come once, in a mixed order, before any comes
	// again: as soon as Keys records are processed, the table is whole.
	EachFirst bool
	// Share is the part of the records that are asked for which is enough
	// here, to spare disk and time. 0 stands for 1.
	Share float64
	// Variant is part of the names of the topics of the input, where a
	// workload is measured with several inputs: clients do not cope with a
	// topic that is removed and made again.
	Variant string
	// Rate, if not zero, is how many records a second are offered, and what
	// is measured is the time from the record's sending to its output.
	Rate int
	// Restore makes the run one of an empty state folder: what is measured
	// is the time until records are processed again.
	Restore bool
}

// HeaderBytes is the length of what each value begins with: when it was sent
// (nanoseconds since 1970), and a uniformly random number for the rules. Both
// are big-endian.
const HeaderBytes = 16

// All are the workloads, in their order.
func All() []Workload {
	return []Workload{
		{Name: "copy", Kind: Copy, Keys: 100_000, Bytes: 200, Share: 0.6},
		{Name: "count-10k", Kind: Count, Keys: 10_000, Bytes: 200},
		{Name: "count-1m", Kind: Count, Keys: 1_000_000, Bytes: 200, EachFirst: true},
		{Name: "count-last-10k", Kind: CountLast, Keys: 10_000, Bytes: 200, Share: 0.6},
		{Name: "count-last-1m", Kind: CountLast, Keys: 1_000_000, Bytes: 200, EachFirst: true},
		{Name: "dedupe", Kind: Dedupe, Keys: 1_000_000, Bytes: 200, Repeats: 0.3},
		{Name: "join", Kind: Join, Keys: 100_000, Bytes: 200, TableBytes: 100, Share: 0.6},
		{Name: "shuffle", Kind: Shuffle, Keys: 1_000_000, Bytes: 1024, Share: 0.2},
		{Name: "restore", Kind: Count, Keys: 1_000_000, Bytes: 200, Restore: true},
		{Name: "restore-10m", Kind: Count, Keys: 10_000_000, Bytes: 50, Restore: true},
		{Name: "latency", Kind: Copy, Keys: 100_000, Bytes: 200, Rate: 10_000},
		{Name: "rss", Kind: RSS},
	}
}

// Count returns how many records the input has if n are asked for; of RSS, how
// many rounds of all polls.
func (w Workload) Count(n int) int {
	switch {
	case w.Kind == RSS:
		return min(max(1, n/2_500_000), 2)
	case w.Rate > 0:
		return w.Rate * 20
	case w.Restore:
		return w.Keys
	case w.Kind == Dedupe: // so many that the keys are used up by the end
		return min(n, int(float64(w.Keys)/(1-w.Repeats)))
	case w.Share > 0:
		return int(float64(n) * w.Share)
	}
	return n
}

// Find returns the workload of a name.
func Find(name string) (Workload, error) {
	all := All()
	if i := slices.IndexFunc(all, func(w Workload) bool { return w.Name == name }); i >= 0 {
		return all[i], nil
	}
	var names []string
	for _, w := range all {
		names = append(names, w.Name)
	}
	return Workload{}, fmt.Errorf("no workload %q; there are %v", name, names)
}

// Record is a record of an input.
type Record struct {
	Key, Value []byte
	At         time.Time // zero: when it is sent
}

// Records yields the first n records. Each is the caller's to keep. The time
// in their headers is zero.
func (w Workload) Records(n int) iter.Seq[Record] {
	return func(yield func(Record) bool) {
		r := rand.New(rand.NewPCG(1, uint64(w.Keys)))
		fresh := 0
		for i := range n {
			var k int
			switch {
			case w.Restore: // every key as often as another
				k = i % w.Keys
			case w.EachFirst && i < w.Keys:
				k = int(int64(i) * stride % int64(w.Keys))
			case w.Kind != Dedupe:
				k = r.IntN(w.Keys)
			case fresh > 0 && (fresh == w.Keys || r.Float64() < w.Repeats):
				k = r.IntN(fresh)
			default:
				k, fresh = fresh, fresh+1
			}
			if !yield(Record{Key: Key(k), Value: filled(r, w.Bytes)}) {
				return
			}
		}
	}
}

// stride is a prime, so that its multiples meet every key.
const stride = 15_485_863

// Unique returns how many keys the first n records have.
func (w Workload) Unique(n int) int {
	keys := map[string]struct{}{}
	for r := range w.Records(n) {
		keys[string(r.Key)] = struct{}{}
	}
	return len(keys)
}

// Table yields the rows of the table that is joined: one for each key.
func (w Workload) Table() iter.Seq[Record] {
	return func(yield func(Record) bool) {
		r := rand.New(rand.NewPCG(2, uint64(w.Keys)))
		for k := range w.Keys {
			if !yield(Record{Key: Key(k), Value: filled(r, w.TableBytes)}) {
				return
			}
		}
	}
}

// Key returns the key of a number.
func Key(k int) []byte { return strconv.AppendInt([]byte("key-"), int64(k)+10_000_000, 10) }

// filled returns a value of random bytes, which do not compress, under a
// header without a time.
func filled(r *rand.Rand, bytes int) []byte {
	v := make([]byte, max(bytes, HeaderBytes)+7)
	for i := 8; i < len(v)-7; i += 8 {
		binary.BigEndian.PutUint64(v[i:], r.Uint64())
	}
	return v[:max(bytes, HeaderBytes)]
}
