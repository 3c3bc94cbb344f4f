package pipeline

import (
	"context"
	"errors"
	"fmt"
	"iter"

	"github.com/millrace/millrace/internal/engine"
	"github.com/millrace/millrace/internal/table"
	"github.com/millrace/millrace/storage"
)

// watchBytes bounds the changes that may wait for the reader of a Watch.
const watchBytes = 4 << 20

// Watch is a table that the service has a view of, as it was at a moment and
// each change of it since. It is used by one goroutine and must be closed.
type Watch struct {
	s    *Service
	name string
	from string
	to   string
	sub  *engine.Subscription
}

// RowChange is a change of a table for people. Its Row has no value where the key
// was deleted.
type RowChange struct {
	Row
	Deleted bool
}

// Watch begins to watch the keys with from <= key < to of a table that the
// service has a view of; empty bounds are open. Errors are ErrNoView and
// ErrNotRunning, among others.
func (s *Service) Watch(name, from, to string) (*Watch, error) {
	if _, err := s.lookupTable(name); err != nil {
		return nil, err
	}
	var end []byte
	if to != "" {
		end = raw(to)
	}
	s.mu.Lock()
	e := s.engine
	s.mu.Unlock()
	sub, ok, err := e.Subscribe(name, raw(from), end, watchBytes)
	if !ok && err == nil {
		err = ErrNotRunning
	}
	if err != nil {
		return nil, fmt.Errorf("watch table %s: %w", name, watchError(err))
	}
	return &Watch{s: s, name: name, from: from, to: to, sub: sub}, nil
}

// Rows iterates over the entries as they were when the watch began, in byte
// order. It ends after an error. It works once, and not after Next.
func (w *Watch) Rows() iter.Seq2[Row, error] {
	return func(yield func(Row, error) bool) {
		defer w.sub.Release()
		m := &merged{from: raw(w.from)}
		if w.to != "" {
			m.to = raw(w.to)
		}
		for _, snap := range w.sub.Initial {
			m.partitions = append(m.partitions, snapshotReader{snap})
		}
		for k, b := range m.all {
			row, err := w.s.row(w.name, k, b)
			if !yield(row, err) || err != nil {
				return
			}
		}
		if m.err != nil {
			yield(Row{}, fmt.Errorf("watch table %s: %w", w.name, watchError(m.err)))
		}
	}
}

// Next waits for changes and returns all that wait. It returns ctx's error
// when that ends, and may be called again then. What ends the watch is
// ErrSlow when more than 4 MiB of changes waited, ErrReset when the topic of
// the table was deleted and made anew, and ErrNotRunning.
func (w *Watch) Next(ctx context.Context) ([]RowChange, error) {
	w.sub.Release()
	records, err := w.sub.Next(ctx)
	if err != nil {
		if ctx.Err() != nil {
			return nil, err
		}
		return nil, fmt.Errorf("watch table %s: %w", w.name, watchError(err))
	}
	changes := make([]RowChange, 0, len(records))
	for _, r := range records {
		c := RowChange{Deleted: r.Value == nil}
		if c.Deleted {
			c.Row = newRow(string(r.Key), nil)
		} else if c.Row, err = w.s.row(w.name, string(r.Key), r.Value); err != nil {
			return nil, err
		}
		changes = append(changes, c)
	}
	return changes, nil
}

// Close ends the watch.
func (w *Watch) Close() { w.sub.Close() }

func watchError(err error) error {
	switch {
	case errors.Is(err, engine.ErrSlow):
		return ErrSlow
	case errors.Is(err, engine.ErrReset):
		return ErrReset
	case errors.Is(err, engine.ErrEnded), errors.Is(err, storage.ErrClosed):
		return ErrNotRunning
	}
	return err
}

// snapshotReader is a snapshot for merged.
type snapshotReader struct{ storage.Snapshot }

var _ table.RawReader = snapshotReader{}

func (s snapshotReader) RawRange(start, end []byte) storage.Iterator { return s.Range(start, end) }
