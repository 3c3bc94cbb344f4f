package table

import "fmt"

// DecodeError says that a stored value does not decode: the table was written
// with another codec, or by somebody else. To try again does not help.
type DecodeError struct {
	Table string
	Key   string
	Err   error
}

func (e *DecodeError) Error() string {
	return fmt.Sprintf("table %s, key %q: decode stored value: %v", e.Table, e.Key, e.Err)
}

func (e *DecodeError) Unwrap() error { return e.Err }
