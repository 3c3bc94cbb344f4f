package table

import (
	"bytes"
	"fmt"
	"maps"
	"slices"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/millrace/millrace/storage"
	"github.com/millrace/millrace/storage/memory"
)

// gated is a store whose batches wait until they are let go.
type gated struct {
	*memory.Store
	arrived chan struct{} // a batch is there
	leave   chan struct{} // and may go on
}

func (g *gated) Apply(b storage.Batch) error {
	g.arrived <- struct{}{}
	<-g.leave
	return g.Store.Apply(b)
}

// emitted is what Freeze hands out.
type emitted struct {
	key, value string
	deleted    bool
	at         time.Time
}

// commit is a frozen generation: what it changes, and the offset after it.
type commit struct {
	f       Frozen
	changes []emitted
	next    int64
}

// machine is a table and the model of it: plain maps.
type machine struct {
	store *gated
	table *Table[string]
	lock  sync.Mutex

	now         map[string]string // what reads see
	dirty       []emitted         // of the current generation, in order
	ended       *commit           // frozen, not yet encoded to its end
	encoded     []emitted         // of ended
	frozen      []commit          // not yet committed
	queued      []commit          // committed, not yet written
	stored      map[string]string // what the store has
	next        int64             // the store's offset; -1: none
	offset      int64             // of the changelog
	clock       time.Time
	filterLimit int64
	writing     []commit   // in the batch that waits
	written     chan error // of it
}

func (m *machine) open(cacheBytes int64) {
	o := Options{Name: "words", Store: m.store, Lock: &m.lock, CacheBytes: cacheBytes}
	m.table = New(o, text{}, nil)
	f := &m.table.filter // small, so that all of it happens
	f.first, f.step, f.each, f.limit = 2, 3, 2, m.filterLimit
}

func (m *machine) set(key, value string, deleted bool) {
	if _, has := m.now[key]; deleted && !has {
		return
	}
	e := emitted{key, value, deleted, m.clock}
	if deleted {
		delete(m.now, key)
	} else {
		m.now[key] = value
	}
	if i := slices.IndexFunc(m.dirty, func(d emitted) bool { return d.key == key }); i >= 0 {
		m.dirty[i] = e
	} else {
		m.dirty = append(m.dirty, e)
	}
}

func apply(to map[string]string, cs []commit) {
	for _, c := range cs {
		for _, e := range c.changes {
			if e.deleted {
				delete(to, e.key)
			} else {
				to[e.key] = e.value
			}
		}
	}
}

// endWrite lets the batch go that waits.
func (m *machine) endWrite() error {
	if m.written == nil {
		return nil
	}
	m.store.leave <- struct{}{}
	err := <-m.written
	apply(m.stored, m.writing)
	for _, c := range m.writing {
		if c.next >= 0 {
			m.next = c.next
		}
	}
	m.written, m.writing = nil, nil
	return err
}

func (m *machine) list(start, end []byte) []string {
	var list []string
	for _, k := range slices.Sorted(maps.Keys(m.now)) {
		if bytes.Compare([]byte(k), start) >= 0 && (end == nil || bytes.Compare([]byte(k), end) < 0) {
			list = append(list, k+"="+m.now[k])
		}
	}
	return list
}

// TestModel runs a table and plain maps side by side.
func TestModel(t *testing.T) {
	key := rapid.Map(rapid.SliceOfN(rapid.SampledFrom([]byte{0, 'a', 'b', 0xff}), 0, 2), func(b []byte) string { return string(b) })
	bound := rapid.OneOf(rapid.Just([]byte(nil)), rapid.Map(key, func(s string) []byte { return []byte(s) }))
	value := rapid.StringN(0, 200, 400)
	rapid.Check(t, func(t *rapid.T) {
		cacheBytes := rapid.SampledFrom([]int64{1, 300, 1 << 20}).Draw(t, "cache")
		m := &machine{now: map[string]string{}, stored: map[string]string{}, next: -1, clock: time.Unix(0, 0),
			filterLimit: rapid.SampledFrom([]int64{100, 1 << 20}).Draw(t, "filter")}
		m.store = &gated{memory.New(storage.Identity{Topic: "words"}), make(chan struct{}), make(chan struct{})}
		m.open(cacheBytes)
		ok := func(errs ...error) {
			for _, err := range errs {
				if err != nil {
					t.Fatal(err)
				}
			}
		}
		defer func() { ok(m.endWrite()) }()

		record := func(t *rapid.T) {
			m.clock = m.clock.Add(time.Second)
			now, dirty := maps.Clone(m.now), slices.Clone(m.dirty)
			m.table.Begin(m.clock)
			for range rapid.IntRange(1, 6).Draw(t, "steps") {
				k := key.Draw(t, "key")
				switch rapid.SampledFrom([]string{"get", "has", "set", "set", "delete", "range"}).Draw(t, "step") {
				case "get":
					v, has, err := m.table.Get([]byte(k))
					if want, wantHas := m.now[k]; v != want || has != wantHas || err != nil {
						t.Fatalf("Get(%q) = %q, %t, %v; want %q, %t", k, v, has, err, want, wantHas)
					}
				case "has":
					has, err := m.table.Has([]byte(k))
					if _, want := m.now[k]; has != want || err != nil {
						t.Fatalf("Has(%q) = %t, %v; want %t", k, has, err, want)
					}
				case "set":
					v := value.Draw(t, "value")
					ok(m.table.Set([]byte(k), v))
					m.set(k, v, false)
				case "delete":
					ok(m.table.Delete([]byte(k)))
					m.set(k, "", true)
				case "range":
					start, end := bound.Draw(t, "start"), bound.Draw(t, "end")
					var list []string
					iterate := m.table.Range
					if rapid.Bool().Draw(t, "prefetch") {
						iterate = m.table.Prefetch
					}
					ok(iterate(start, end, func(key []byte, v string) bool {
						list = append(list, string(key)+"="+v)
						return true
					}))
					if want := m.list(start, end); !slices.Equal(list, want) {
						t.Fatalf("Range(%q, %q) gave %q; want %q", start, end, list, want)
					}
				}
			}
			if rapid.Bool().Draw(t, "roll back") {
				m.table.Rollback()
				m.now, m.dirty = now, dirty
			}
		}
		t.Repeat(map[string]func(*rapid.T){
			"record":  record,
			"record2": record,
			"record3": record,
			"freeze": func(t *rapid.T) {
				if m.ended != nil {
					t.Skip("one generation at a time")
				}
				next := int64(-1)
				if len(m.dirty) > 0 {
					m.offset += int64(len(m.dirty))
					next = m.offset
				}
				m.ended = &commit{m.table.Freeze(), m.dirty, next}
				m.dirty = nil
			},
			"encode": func(t *rapid.T) {
				if m.ended == nil {
					t.Skip("nothing is frozen")
				}
				more, err := m.table.Encode(m.ended.f, rapid.IntRange(1, 3).Draw(t, "n"), func(key, value []byte, at time.Time) {
					m.encoded = append(m.encoded, emitted{string(key), string(value), value == nil, at})
				})
				ok(err)
				if more {
					return
				}
				if f := m.ended.f; !slices.Equal(m.encoded, m.ended.changes) || f.Len() != len(m.ended.changes) {
					t.Fatalf("Encode gave %v, Len %d; want %v", m.encoded, f.Len(), m.ended.changes)
				}
				m.frozen = append(m.frozen, *m.ended)
				m.ended, m.encoded = nil, nil
			},
			"committed": func(t *rapid.T) {
				if len(m.frozen) == 0 {
					t.Skip("nothing is frozen")
				}
				c := m.frozen[0]
				m.frozen = m.frozen[1:]
				m.table.Committed(c.f, c.next)
				m.queued = append(m.queued, c)
			},
			"begin write": func(t *rapid.T) {
				if m.written != nil {
					t.Skip("one batch at a time")
				}
				work := slices.ContainsFunc(m.queued, func(c commit) bool { return c.next >= 0 })
				rows := int64(0)
				for _, c := range m.queued {
					rows += int64(len(c.changes))
				}
				if n, bytes := m.table.Queued(); n != rows || (bytes > 0) != work {
					t.Fatalf("Queued() = %d, %d; %d rows wait", n, bytes, rows)
				}
				m.writing, m.queued = m.queued, nil
				if !work {
					ok(m.table.Write())
					m.writing = nil
					return
				}
				written := make(chan error, 1)
				go func(table *Table[string]) { written <- table.Write() }(m.table)
				<-m.store.arrived
				m.written = written
			},
			"collect": func(t *rapid.T) {
				if m.written != nil {
					t.Skip("one at a time")
				}
				m.table.Collect()
			},
			"end write": func(t *rapid.T) { ok(m.endWrite()) },
			"crash": func(t *rapid.T) {
				ok(m.endWrite())
				m.store = &gated{m.store.Reopen(), make(chan struct{}), make(chan struct{})}
				m.open(cacheBytes)
				m.now, m.dirty, m.frozen, m.queued = maps.Clone(m.stored), nil, nil, nil
				m.ended, m.encoded = nil, nil
			},
			"": func(t *rapid.T) {
				if n := m.table.Dirty(); n != len(m.dirty) {
					t.Fatalf("Dirty() = %d; want %d", n, len(m.dirty))
				}
				ok(invariants(m.table))
				have, err := contents(m.store)
				ok(err)
				if !maps.Equal(have, m.stored) {
					t.Fatalf("the store has %q; want %q", pairs(have), pairs(m.stored))
				}
				if next, known := m.store.Offset(); known != (m.next >= 0) || known && next != m.next {
					t.Fatalf("the store's offset is %d, %t; want %d", next, known, m.next)
				}
			},
		})
	})
}

// TestConcurrentWrite has records, commits and writes of the store run at once,
// as the engine does.
func TestConcurrentWrite(t *testing.T) {
	const records, keys = 3000, 40
	lock := new(sync.Mutex)
	store := newStore(t)
	table := newText(t, Options{Store: store, Lock: lock, CacheBytes: 2000})
	commits := make(chan struct{}, 1)
	failed := make(chan error, 1)
	go func() {
		var err error
		offset := int64(0)
		for range commits {
			lock.Lock()
			f := table.Freeze()
			more, ferr := true, error(nil)
			for more && ferr == nil {
				more, ferr = table.Encode(f, 7, func([]byte, []byte, time.Time) { offset++ })
				lock.Unlock() // a record is handled
				lock.Lock()
			}
			if ferr == nil {
				table.Committed(f, offset)
			}
			lock.Unlock()
			if ferr != nil {
				err = ferr
			} else if werr := table.Write(); werr != nil {
				err = werr
			}
		}
		failed <- err
	}()
	want := map[string]string{}
	for i := range records {
		lock.Lock()
		table.Begin(time.Unix(int64(i), 0))
		k := fmt.Sprint("key", i*7%keys)
		v, has, err := table.Get([]byte(k))
		if w, wok := want[k]; v != w || has != wok || err != nil {
			t.Errorf("Get(%s) = %q, %t, %v; want %q", k, v, has, err, w)
		}
		v = fmt.Sprint(i)
		if i%5 == 0 {
			err = table.Delete([]byte(k))
		} else {
			err = table.Set([]byte(k), v)
		}
		switch {
		case err != nil:
			t.Error(err)
		case i%11 == 0:
			table.Rollback()
		case i%5 == 0:
			delete(want, k)
		default:
			want[k] = v
		}
		if i%50 == 0 {
			have := map[string]string{}
			if err := table.Range(nil, nil, func(k []byte, v string) bool { have[string(k)] = v; return true }); err != nil {
				t.Error(err)
			}
			if !maps.Equal(have, want) {
				t.Errorf("record %d: Range gave %q; want %q", i, pairs(have), pairs(want))
			}
		}
		lock.Unlock()
		select {
		case commits <- struct{}{}:
		default:
		}
	}
	commits <- struct{}{}
	close(commits)
	if err := <-failed; err != nil {
		t.Fatal(err)
	}
	have, err := contents(store)
	if err != nil || !maps.Equal(have, want) {
		t.Errorf("the store has %q, %v; want %q", pairs(have), err, pairs(want))
	}
	if err := invariants(table); err != nil {
		t.Error(err)
	}
}
