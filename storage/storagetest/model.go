package storagetest

import (
	"bytes"
	"maps"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/millrace/millrace/storage"
)

// model is what a store should hold.
type model struct {
	values map[string]string
	next   int64
	known  bool
}

func (m model) clone() model {
	m.values = maps.Clone(m.values)
	return m
}

func (m model) list(start, end []byte) []string {
	var list []string
	for _, k := range slices.Sorted(maps.Keys(m.values)) {
		if bytes.Compare([]byte(k), start) >= 0 && (end == nil || bytes.Compare([]byte(k), end) < 0) {
			list = append(list, k+"="+m.values[k])
		}
	}
	return list
}

// check compares all that can be read.
func (m model) check(t tb, r storage.Reader) {
	t.Helper()
	wantAll(t, r.Range(nil, nil), m.list(nil, nil)...)
	for k, v := range m.values {
		wantValue(t, r, k, v)
	}
}

// testModel compares a store with a map over random sequences of operations.
func testModel(t *testing.T, open func(*testing.T) OpenFunc) {
	key := rapid.SliceOfN(rapid.SampledFrom([]byte{0, 'a', 'b', 'm', 'u', 0xff}), 0, 3)
	bound := rapid.OneOf(rapid.Just([]byte(nil)), key)
	value := rapid.SliceOfN(rapid.Byte(), 0, 20)
	rapid.Check(t, func(t2 *rapid.T) {
		f := &fixture{open: open(t)}
		s, err := f.open()
		if err != nil {
			t2.Fatal(err)
		}
		f.Store = s
		m := model{values: map[string]string{}}
		type frozen struct {
			storage.Snapshot
			model
		}
		var snaps []frozen
		end := func() {
			for _, s := range snaps {
				s.Close()
			}
			snaps = nil
		}
		defer func() { // also if a check fails
			end()
			f.Close()
		}()
		t2.Repeat(map[string]func(*rapid.T){
			"apply": func(t *rapid.T) {
				b := f.NewBatch()
				for range rapid.IntRange(0, 8).Draw(t, "changes") {
					k := key.Draw(t, "key")
					if rapid.IntRange(0, 3).Draw(t, "kind") == 0 {
						b.Delete(k)
						delete(m.values, string(k))
					} else {
						v := value.Draw(t, "value")
						b.Put(k, v)
						m.values[string(k)] = string(v)
					}
				}
				if rapid.Bool().Draw(t, "with offset") {
					m.next, m.known = rapid.Int64Range(0, 1<<62).Draw(t, "offset"), true
					b.SetOffset(m.next)
				}
				mustApply(t, f, b)
			},
			"range": func(t *rapid.T) {
				start, end := bound.Draw(t, "start"), bound.Draw(t, "end")
				wantAll(t, f.Range(start, end), m.list(start, end)...)
			},
			"prefix": func(t *rapid.T) {
				p := key.Draw(t, "prefix")
				wantAll(t, f.Prefix(p), m.list(p, storage.PrefixEnd(p))...)
			},
			"snapshot": func(t *rapid.T) {
				s, err := f.Snapshot()
				if err != nil {
					t.Fatal(err)
				}
				snaps = append(snaps, frozen{s, m.clone()})
			},
			"read snapshot": func(t *rapid.T) {
				if len(snaps) == 0 {
					t.Skip("none")
				}
				i := rapid.IntRange(0, len(snaps)-1).Draw(t, "which")
				snaps[i].check(t, snaps[i])
				if err := snaps[i].Close(); err != nil {
					t.Fatal(err)
				}
				snaps = slices.Delete(snaps, i, i+1)
			},
			"follow": func(t *rapid.T) {
				w := storage.NewFollower(f.Store, storage.FollowerOptions{MaxBytes: 30, MaxDelay: never})
				for range rapid.IntRange(0, 8).Draw(t, "changes") {
					k := key.Draw(t, "key")
					m.next, m.known = rapid.Int64Range(0, 1<<62).Draw(t, "offset"), true
					if rapid.Bool().Draw(t, "delete") {
						must(t, w.Delete(k, m.next))
						delete(m.values, string(k))
						wantNone(t, w, string(k))
					} else {
						v := value.Draw(t, "value")
						must(t, w.Put(k, v, m.next))
						m.values[string(k)] = string(v)
						wantValue(t, w, string(k), string(v))
					}
				}
				must(t, w.Flush())
			},
			"clear": func(t *rapid.T) {
				m.next, m.known = 17, true
				clear(m.values)
				must(t, storage.Clear(f.Store, 17))
			},
			"reopen": func(t *rapid.T) {
				end()
				c, ok := f.Store.(Crasher)
				if ok && rapid.Bool().Draw(t, "crash") {
					f.reopenAfter(t, c.Crash)
				} else {
					f.reopen(t)
				}
			},
			"": func(t *rapid.T) {
				m.check(t, f)
				if next, ok := f.Offset(); next != m.next || ok != m.known {
					t.Fatalf("Offset() = %d, %t; want %d, %t", next, ok, m.next, m.known)
				}
			},
		})
	})
}
