package pipeline

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/millrace/millrace/internal/engine"
	"github.com/millrace/millrace/internal/table"
	"github.com/millrace/millrace/internal/transport"
)

// What can be wrong with a topology or a configuration; test with errors.Is.
var (
	ErrName       = errors.New("invalid name")
	ErrDuplicate  = errors.New("duplicate")
	ErrMismatch   = errors.New("mismatch")
	ErrUnknown    = errors.New("unknown")
	ErrUnused     = errors.New("unused")
	ErrIncomplete = errors.New("incomplete")
	ErrConfig     = errors.New("invalid configuration")
)

// What can go wrong at run time; test with errors.Is.
var (
	// ErrTombstone fails a record without a value on a topic that is not a
	// table: use Changes where deletions are part of the data.
	ErrTombstone = errors.New("record has no value")
	// ErrNoKey fails a record without a key whose handler uses a state or a
	// join, which are looked up by it.
	ErrNoKey = errors.New("record has no key")
	// ErrForeignHandle fails a record whose handler used a handle of another
	// processor.
	ErrForeignHandle = errors.New("handle belongs to another processor")
	// ErrContextDone is set by a context that is used after its handler
	// returned. It cannot fail that record any more: the access does nothing,
	// and Context.Err returns it.
	ErrContextDone = errors.New("context used after its handler returned")
	// ErrNotRunning is returned by views of a service that does not run.
	ErrNotRunning = errors.New("service is not running")
	// ErrSlow ends a Watch whose reader leaves too many changes waiting.
	ErrSlow = errors.New("reader is too slow")
	// ErrReset ends a Watch of a table whose topic was made anew.
	ErrReset = errors.New("table was made anew")
	// ErrUnknownTopic is returned for a topic that the cluster does not have.
	ErrUnknownTopic = transport.ErrUnknownTopic
	// ErrNoView is returned for a table that the service has no view of.
	ErrNoView = errors.New("no view of the table")
)

// Problem is one finding of a validation.
type Problem struct {
	Kind  error  // one of the errors above, for errors.Is; of a codec, what its Check returned
	Where string // such as "processor dedupe"
	What  string
	Field string // of a configuration, such as "TLS.CAFile"
}

func (p *Problem) Error() string { return p.Where + ": " + p.What }
func (p *Problem) Unwrap() error { return p.Kind }

// ValidationError lists all that a validation found.
type ValidationError struct {
	Subject  string // such as `topology "orders"`
	Problems []*Problem
}

func (e *ValidationError) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %d problem(s)", e.Subject, len(e.Problems))
	for _, p := range e.Problems {
		b.WriteString("\n  - " + p.Error())
	}
	return b.String()
}

// Unwrap makes errors.Is and errors.As look at every problem.
func (e *ValidationError) Unwrap() []error {
	errs := make([]error, len(e.Problems))
	for i, p := range e.Problems {
		errs[i] = p
	}
	return errs
}

// Stage says at which point a record failed.
type Stage string

const (
	StageDecode Stage = "decode" // the record's value
	StageRead   Stage = "read"   // a state, join or lookup
	StageHandle Stage = "handle" // the handler returned an error
	StagePanic  Stage = "panic"  // the handler or a codec panicked
	StageEncode Stage = "encode" // an emitted value
)

// what says in a sentence what failed.
func (s Stage) what() string {
	switch s {
	case StageDecode:
		return "could not decode"
	case StageRead:
		return "could not read what it needs for"
	case StagePanic:
		return "panicked at"
	case StageEncode:
		return "could not encode what it emits for"
	}
	return "the handler failed at"
}

// RecordError is the failure of one record. None of its effects were applied.
type RecordError struct {
	Processor string
	Stage     Stage
	Topic     string
	Partition int32
	Offset    int64
	Key       string
	Timestamp time.Time
	Stack     string // of StagePanic
	Attempts  int    // how often it was tried; 1: no retry
	Err       error

	state bool // it failed reading or writing state
}

func (e *RecordError) Error() string {
	tried := ""
	if e.Attempts > 1 {
		tried = fmt.Sprintf(", attempt %d", e.Attempts)
	}
	return fmt.Sprintf("processor %s: %s the record at topic %s, partition %d, offset %d, key %q%s: %v",
		e.Processor, e.Stage.what(), e.Topic, e.Partition, e.Offset, shortKey(e.Key), tried, e.Err)
}

func (e *RecordError) Unwrap() error { return e.Err }

// HangError is how a run ends because of a handler that did not return: after
// Config.HandlerTimeout with Config.StopHungHandlers, or when the run was to
// end and the handler ignored the end of its Context.
type HangError = engine.HangError

// EncodeError is in the error of a run that ended because a value of a table did
// not encode when it was to be committed. The handler that set it has returned
// then, so that no error policy applies.
type EncodeError = table.EncodeError

// maxShownKey bounds how much of a key a message shows.
const maxShownKey = 200

// shortKey is a key for a message.
func shortKey(key string) string {
	if len(key) > maxShownKey {
		return key[:maxShownKey] + "..."
	}
	return key
}
