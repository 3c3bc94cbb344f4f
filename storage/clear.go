package storage

import (
	"errors"
	"fmt"
)

// Clearer is a [Store] that can be emptied without a batch of all its keys.
// Use [Clear].
type Clearer interface {
	// Clear deletes all keys and sets the offset. A crash in between leaves a
	// store that is found cleared when it is opened again. Readers may see it
	// half cleared.
	Clear(next int64) error
}

// Clear deletes all that a store holds and sets its offset, for a store whose
// changelog was made anew. There is no moment at which a crash leaves some of
// the old keys with the new offset.
func Clear(s Store, next int64) error {
	if c, ok := s.(Clearer); ok {
		return c.Clear(next)
	}
	it := s.Range(nil, nil)
	b := s.NewBatch()
	for it.Next() {
		b.Delete(it.Key())
	}
	if err := errors.Join(it.Err(), it.Close()); err != nil {
		return fmt.Errorf("clear store: %w", err)
	}
	b.SetOffset(next)
	return s.Apply(b)
}
