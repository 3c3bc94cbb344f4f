package pipeline

import (
	"bytes"
	"encoding/json"
	"fmt"
	"iter"
	"unicode/utf8"

	"github.com/millrace/millrace/internal/graph"
	"github.com/millrace/millrace/internal/table"
	"github.com/millrace/millrace/storage"
)

// View reads a table of which the service keeps a whole copy. It is as new as
// what was read of the table's topic: committed records only. It is safe for
// concurrent use.
type View[V any] struct {
	s *Service
	t Table[V]
}

// ViewOf returns the view of a table, which must be one of Config.Views.
func ViewOf[V any](s *Service, t Table[V]) (View[V], error) {
	for _, r := range s.cfg.Views {
		if r.Name() == t.topic() {
			return View[V]{s, t}, nil
		}
	}
	return View[V]{}, fmt.Errorf("table %s: %w: add it to Config.Views", t.topic(), ErrNoView)
}

// Get returns the value at key; ok is false where there is none. The error is
// ErrNotRunning before the service has opened its views, and after its run.
func (v View[V]) Get(key string) (val V, ok bool, err error) {
	lt, err := v.s.lookupTable(v.t.topic())
	if err != nil {
		return val, false, err
	}
	return lt.Partitions[lt.Of(raw(key))].(*table.Replica[V]).Get(raw(key))
}

// Range iterates over from <= key < to in byte order; empty bounds are open.
// After an error, err() returns it.
func (v View[V]) Range(from, to string) (seq iter.Seq2[string, V], err func() error) {
	var failure error
	return func(yield func(string, V) bool) {
		rows, rerr := v.s.rows(v.t.topic(), from, to)
		if failure = rerr; rerr != nil {
			return
		}
		for k, b := range rows.all {
			val, derr := v.t.decode(b)
			if derr != nil {
				failure = fmt.Errorf("table %s, key %q: %w", v.t.topic(), k, derr)
				return
			}
			if !yield(k, val) {
				return
			}
		}
		failure = rows.err
	}, func() error { return failure }
}

// Row is an entry of a table for people: its value as JSON.
type Row struct {
	Key string `json:"key"`
	// KeyBytes is set, and shown in base64, where Key is not valid UTF-8 and
	// JSON cannot hold it.
	KeyBytes []byte          `json:"keyBase64,omitempty"`
	Value    json.RawMessage `json:"value"`
}

// maxRowsBytes is about how many bytes of keys and values Rows returns at once.
const maxRowsBytes = 4 << 20

// Tables returns the names of the tables that the service has views of.
func (s *Service) Tables() []string {
	names := []string{}
	for _, r := range s.cfg.Views {
		names = append(names, r.Name())
	}
	return names
}

// Row returns an entry of a table that the service has a view of; ok is false
// where there is none. Errors are ErrNoView and ErrNotRunning, among others.
func (s *Service) Row(name, key string) (row Row, ok bool, err error) {
	rows, err := s.rows(name, key, key+"\x00")
	if err != nil {
		return row, false, err
	}
	for k, b := range rows.all {
		row, err = s.row(name, k, b)
		return row, err == nil, err
	}
	return row, false, rows.err
}

// Rows returns up to limit entries with from <= key < to, in byte order, and
// fewer when they have more than 4 MiB. An empty bound is open. next is where
// to go on, empty at the end.
func (s *Service) Rows(name, from, to string, limit int) (list []Row, next string, err error) {
	rows, err := s.rows(name, from, to)
	if err != nil {
		return nil, "", err
	}
	size := 0
	for k, b := range rows.all {
		if len(list) == limit || size > maxRowsBytes {
			return list, k, nil
		}
		row, err := s.row(name, k, b)
		if err != nil {
			return nil, "", err
		}
		size += len(row.Key) + len(row.Value)
		list = append(list, row)
	}
	return list, "", rows.err
}

func (s *Service) row(name, key string, b []byte) (Row, error) {
	value, err := s.defs[name].render(b)
	if err != nil {
		return Row{}, fmt.Errorf("table %s, key %q: %w", name, key, err)
	}
	return newRow(key, value), nil
}

func newRow(key string, value json.RawMessage) Row {
	row := Row{Key: key, Value: value}
	if !utf8.ValidString(key) {
		row.KeyBytes = []byte(key)
	}
	return row
}

func (s *Service) lookupTable(name string) (lt graph.LookupTable, err error) {
	s.mu.Lock()
	e := s.engine
	s.mu.Unlock()
	found := false
	for _, r := range s.cfg.Views {
		found = found || r.Name() == name
	}
	if !found {
		return lt, fmt.Errorf("table %s: %w", name, ErrNoView)
	}
	if e != nil {
		if lt, ok := e.ViewTable(name); ok {
			return lt, nil
		}
	}
	return lt, fmt.Errorf("table %s: %w", name, ErrNotRunning)
}

// merged iterates over all partitions of a table in the order of the keys.
type merged struct {
	partitions []table.RawReader
	from, to   []byte
	err        error
}

func (s *Service) rows(name, from, to string) (*merged, error) {
	lt, err := s.lookupTable(name)
	if err != nil {
		return nil, err
	}
	m := &merged{from: raw(from)}
	if to != "" {
		m.to = raw(to)
	}
	for _, p := range lt.Partitions {
		m.partitions = append(m.partitions, p.(table.RawReader))
	}
	return m, nil
}

// all merges by a linear scan of the heads: tables have few partitions.
func (m *merged) all(yield func(string, []byte) bool) {
	var heads []storage.Iterator
	defer func() {
		for _, h := range heads {
			if err := h.Close(); err != nil && m.err == nil {
				m.err = err
			}
		}
	}()
	for _, p := range m.partitions {
		h := p.RawRange(m.from, m.to)
		if h.Next() {
			heads = append(heads, h)
		} else if m.err = h.Close(); m.err != nil {
			return
		}
	}
	for len(heads) > 0 {
		least := 0
		for i := range heads {
			if bytes.Compare(heads[i].Key(), heads[least].Key()) < 0 {
				least = i
			}
		}
		h := heads[least]
		if !yield(string(h.Key()), h.Value()) {
			return
		}
		if !h.Next() {
			heads = append(heads[:least], heads[least+1:]...)
			if m.err = h.Close(); m.err != nil {
				return
			}
		}
	}
}

// PrefixEnd returns the first key after all that begin with prefix, for the
// end of a range; "" when there is none.
func PrefixEnd(prefix string) string { return string(storage.PrefixEnd([]byte(prefix))) }
