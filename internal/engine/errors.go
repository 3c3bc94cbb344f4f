package engine

import (
	"errors"
	"fmt"

	"github.com/millrace/millrace/internal/table"
	"github.com/millrace/millrace/internal/transport"
)

// ProduceError says that a record could not be written to its topic.
type ProduceError struct {
	transport.TopicPartition
	Key string
	Err error
}

func (e *ProduceError) Error() string {
	return fmt.Sprintf("produce to topic %s, key %q: %v", e.Topic, e.Key, e.Err)
}

func (e *ProduceError) Unwrap() error { return e.Err }

// unencodable names the record that left a value which does not encode. Its
// handler has returned: other records may have read the value since, so that no
// policy for the one record can take it back, and the run ends before all that
// is not committed.
func (t *task) unencodable(err error) error {
	var e *table.EncodeError
	if !errors.As(err, &e) {
		return fmt.Errorf("processor %s, partition %d: %w", t.in.spec.Name, t.id, err)
	}
	return fmt.Errorf("processor %s: could not encode the state that was set by the record at topic %s, partition %d, offset %d: %w. "+
		"Nothing is committed past it: mend the codec or what the handler sets, and start again",
		t.in.spec.Name, t.topic(e.Input, nil), t.id, e.Offset, err)
}

// FatalError marks an error that a restart cannot mend, such as a record that
// a processor was configured to stop at.
type FatalError struct{ Err error }

func (e *FatalError) Error() string { return e.Err.Error() }
func (e *FatalError) Unwrap() error { return e.Err }

// fatal marks err as one that stops the run.
func fatal(err error) error {
	if err == nil {
		return nil
	}
	return &FatalError{err}
}

func isFatal(err error) bool {
	var f *FatalError
	// Two processes with one instance id would take turns in fencing each other.
	return errors.As(err, &f) || errors.Is(err, transport.ErrInstanceIDTaken)
}

// errStopped ends an instance whose owner told it to stop.
var errStopped = errors.New("processor was stopped")

// errLost ends a task whose partition went to another member without notice.
var errLost = errors.New("partition was lost to another member")
