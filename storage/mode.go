package storage

// ModeSetter is a [Store] that knows its mode and can change it. Use [SetMode].
type ModeSetter interface {
	// SetMode changes how the store is written from now on. What it holds and
	// its offset stay. A crash leaves it in the one mode or the other.
	SetMode(Mode) error
}

// SetMode changes the mode of a store that is open: a standby becomes the
// owner's store, and the other way round. Nobody writes to the store meanwhile.
// A store without a mode, such as one in memory, stays as it is.
//
// It is for stores that hold nothing but what is committed, in either mode:
// then all that the modes differ in is where a batch may end.
func SetMode(s Store, m Mode) error {
	if c, ok := s.(ModeSetter); ok {
		return c.SetMode(m)
	}
	return nil
}
