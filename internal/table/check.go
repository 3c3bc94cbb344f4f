package table

import (
	"bytes"
	"fmt"
)

// check is the encoding of a value when a handler got it.
type check[V any] struct {
	e   *entry[V]
	val V
	enc []byte
}

// watch remembers what a value looked like.
func (t *Table[V]) watch(e *entry[V]) {
	for _, c := range t.checks {
		if c.e == e {
			return
		}
	}
	if enc, err := t.encode(nil, e.val); err == nil {
		t.checks = append(t.checks, check[V]{e, e.val, enc})
	}
}

// Verify implements State.
func (t *Table[V]) Verify() error {
	for _, c := range t.checks {
		enc, err := t.encode(nil, c.val)
		if err != nil || !bytes.Equal(enc, c.enc) {
			return fmt.Errorf("table %s, key %q: the handler changed the value that Get returned in place: "+
				"copy it first, or give the table a Clone function (was %q, is %q)", t.o.Name, c.e.key, c.enc, enc)
		}
	}
	return nil
}
