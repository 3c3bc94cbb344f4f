package table

import (
	"bytes"
	"fmt"
	"slices"
)

// check is the encoding of a value when a handler got it, or set it.
type check[V any] struct {
	e   *entry[V]
	val V
	enc []byte
	set bool
}

// watch remembers what a value looked like.
func (t *Table[V]) watch(e *entry[V]) {
	for _, c := range t.checks {
		if c.e == e {
			return
		}
	}
	if enc, err := t.encode(nil, e.val); err == nil {
		t.checks = append(t.checks, check[V]{e, e.val, enc, false})
	}
}

// watchSet remembers what the value looked like that was set last.
func (t *Table[V]) watchSet(e *entry[V]) {
	t.checks = slices.DeleteFunc(t.checks, func(c check[V]) bool { return c.e == e && c.set })
	if !e.has {
		return
	}
	if enc, err := t.encode(nil, e.val); err == nil { // else Freeze reports it
		t.checks = append(t.checks, check[V]{e, e.val, enc, true})
	}
}

// Verify implements State.
func (t *Table[V]) Verify() error {
	for _, c := range t.checks {
		enc, err := t.encode(nil, c.val)
		if err != nil || !bytes.Equal(enc, c.enc) {
			which := "that Get returned"
			if c.set {
				which = "that it had set"
			}
			return fmt.Errorf("table %s, key %q: the handler changed the value %s in place: "+
				"copy it first, or give the table a Clone function (was %q, is %q)", t.o.Name, c.e.key, which, c.enc, enc)
		}
	}
	return nil
}
