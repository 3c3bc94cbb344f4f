package table

import (
	"bytes"
	"fmt"

	"github.com/millrace/millrace/storage"
)

// Range calls yield for the entries with start <= key < end in byte order,
// until it returns false. A nil bound is open. It sees what was set in the
// current record. The keys must not be changed, and may be kept. Within yield the table may be changed; whether the iteration
// sees such a change is not defined.
func (t *Table[V]) Range(start, end []byte, yield func(key []byte, v V) bool) error {
	return t.iterate(t.o.Store.Range(start, end), start, end, yield, false)
}

// Prefetch is Range for entries that are about to be read again one by one: what it
// reads from the store stays in the cache, as far as there is room.
func (t *Table[V]) Prefetch(start, end []byte, yield func(key []byte, v V) bool) error {
	return t.iterate(t.o.Store.Range(start, end), start, end, yield, true)
}

// iterate merges the store with the entries that it does not have yet. It keeps what
// it reads in the cache if it is told to.
func (t *Table[V]) iterate(it storage.Iterator, start, end []byte, yield func([]byte, V) bool, keep bool) (err error) {
	defer func() {
		if cerr := it.Close(); err == nil && cerr != nil {
			err = fmt.Errorf("table %s: iterate: %w", t.o.Name, cerr)
		}
	}()
	over := t.overlay(start, end)
	more := it.Next()
	for {
		e := over.peek()
		if !more && e == nil {
			break
		}
		c := -1
		switch {
		case !more:
			c = 1
		case e != nil:
			c = bytes.Compare(it.Key(), e.key)
		}
		if c < 0 {
			key, v, err := t.stored(it, keep)
			if err != nil {
				return err
			}
			if !yield(key, v) {
				return nil
			}
			more = it.Next()
			continue
		}
		if c == 0 {
			more = it.Next()
		}
		over.next()
		if e.has {
			if t.o.Check {
				t.watch(e)
			}
			v := e.val
			if t.clone != nil {
				v = t.clone(v)
			}
			if !yield(e.key, v) {
				return nil
			}
		}
	}
	if err := it.Err(); err != nil {
		return fmt.Errorf("table %s: iterate: %w", t.o.Name, err)
	}
	return nil
}

// stored returns what an iterator of the store is at.
func (t *Table[V]) stored(it storage.Iterator, keep bool) (key []byte, v V, err error) {
	if v, err = decode(t.codec, it.Value()); err != nil {
		return nil, v, &DecodeError{Table: t.o.Name, Key: string(it.Key()), Err: err}
	}
	if !keep {
		return bytes.Clone(it.Key()), v, nil
	}
	e := t.entries[string(it.Key())]
	if e == nil {
		e = t.load(it.Key(), v, len(it.Value()), true)
	}
	if t.clone != nil {
		v = t.clone(v)
	}
	return e.key, v, nil
}
