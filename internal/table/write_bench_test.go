package table

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/millrace/millrace/storage"
	"github.com/millrace/millrace/storage/leveldb"
)

// BenchmarkStored is what a record of a large table costs, with LevelDB and all:
// counts of random keys, of which many are new, and keys that are looked for once.
func BenchmarkStored(b *testing.B) {
	for _, bm := range []struct {
		name        string
		keys, fresh int
	}{{"count", 250_000, 0}, {"new", 0, 1}} {
		b.Run(bm.name, func(b *testing.B) {
			s, err := leveldb.Open(b.TempDir(), leveldb.Options{Identity: storage.Identity{Topic: "t"}})
			if err != nil {
				b.Fatal(err)
			}
			defer s.Close()
			t := New(Options{Name: "t", Store: s, Lock: ignoreLock{}}, number{}, nil)
			rnd := rand.New(rand.NewPCG(1, 2))
			at := time.Unix(1_700_000_000, 0)
			var key []byte
			n := 0
			for b.Loop() {
				k := n
				if bm.keys > 0 {
					k = rnd.IntN(bm.keys)
				}
				n++
				key = fmt.Appendf(key[:0], "key-%08d", k)
				t.Begin(at)
				v, _, err := t.Get(key)
				if err == nil {
					err = t.Set(key, v+1)
				}
				if err == nil && n%5000 == 0 {
					f := t.Freeze()
					_, err = t.Encode(f, n, ignore)
					t.Committed(f, int64(n))
					t.Collect()
					if rows, bytes := t.Queued(); err == nil && (rows > 250_000 || bytes > 16<<20) {
						err = t.Write()
					}
				}
				if err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
