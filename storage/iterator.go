package storage

// FailedIterator returns an iterator that has nothing but an error, or nothing
// at all if err is nil.
func FailedIterator(err error) Iterator { return failedIterator{err} }

type failedIterator struct{ err error }

func (failedIterator) Next() bool     { return false }
func (failedIterator) Key() []byte    { return nil }
func (failedIterator) Value() []byte  { return nil }
func (i failedIterator) Err() error   { return i.err }
func (i failedIterator) Close() error { return i.err }
