package pipeline

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"time"
	"unsafe"

	"github.com/millrace/millrace/internal/graph"
)

// Context is the record at hand. It is a context.Context for calls to the
// outside, which ends when the processor is stopped hard; a drain lets a
// handler finish.
//
// A Context belongs to one call of a handler. Afterwards its handles do
// nothing.
type Context struct {
	context.Context
	p     *Processor
	task  *graph.Task
	rec   *graph.Record
	at    time.Time // the event time
	err   error     // the first failure of a handle, which fails the record
	stack *string   // of a panic that was caught elsewhere; may be nil
	stage step
	moves bool // stream time, with the record
	late  bool
	done  bool
}

// Key returns the record's key, "" for one without; see HasKey.
func (c *Context) Key() string { return text(c.rec.Key) }

// HasKey says whether the record has a key, which may be empty.
func (c *Context) HasKey() bool { return c.rec.Key != nil }

// Timestamp returns the record's event time, in UTC: its timestamp, or what the
// topic's TimedBy says. That of a timer is the time for which it was set.
func (c *Context) Timestamp() time.Time { return c.at.UTC() }

// Topic returns the topic that the record came from.
func (c *Context) Topic() string { return c.rec.Topic }

// Partition returns the record's partition.
func (c *Context) Partition() int { return int(c.task.Partition) }

// Offset returns the record's offset, -1 for a timer.
func (c *Context) Offset() int64 { return c.rec.Offset }

// Header returns the last header of a name.
func (c *Context) Header(name string) (value []byte, ok bool) {
	for i := len(c.rec.Headers) - 1; i >= 0; i-- {
		if h := c.rec.Headers[i]; h.Key == name {
			return h.Value, true
		}
	}
	return nil, false
}

// Now returns the time of the clock on the wall, which tests set.
func (c *Context) Now() time.Time { return c.task.Now().UTC() }

// Err returns the failure of a handle, if there was one, else the error of the
// context.Context. A handler that computes for long may look at it.
func (c *Context) Err() error {
	if c.err != nil {
		return c.err
	}
	if c.done {
		return ErrContextDone
	}
	return c.Context.Err()
}

// on guards each use of a handle.
func (c *Context) on(p *Processor) bool {
	switch {
	case c.done:
		return false
	case c.p != p:
		c.fail(atHandle, fmt.Errorf("%w: of processor %s, used in %s", ErrForeignHandle, p.spec.Name, c.p.spec.Name))
	}
	return c.err == nil
}

// keyed fails a record that has no key.
func (c *Context) keyed() bool {
	if c.rec.Key == nil && !c.done {
		c.fail(atRead, ErrNoKey)
	}
	return c.rec.Key != nil
}

func (c *Context) fail(s step, err error) {
	if c.err == nil {
		c.err, c.stage = err, s
	}
}

// local is what the typed layer keeps of a task.
type local struct {
	free  []Context // one allocation for many records
	clock streamClock
	lists []timerList // in the order of Processor.timers
}

func localOf(p *Processor, t *graph.Task) *local {
	l, _ := t.Local.(*local)
	if l == nil {
		l = newLocal(p, t)
		t.Local = l
	}
	return l
}

// next returns a new context. None is used again, so that one that was kept can
// be told from the current one.
func (l *local) next() *Context {
	if len(l.free) == 0 {
		l.free = make([]Context, 64)
	}
	c := &l.free[0]
	l.free = l.free[1:]
	return c
}

// handler wraps a user's function: decode, call, and turn whatever goes wrong
// into a RecordError.
func handler(p *Processor, call func(*Context) error) graph.Handler {
	return func(t *graph.Task, r *graph.Record) (err error) {
		l := localOf(p, t)
		ctx := l.next()
		*ctx = Context{Context: t.Context, p: p, task: t, rec: r, at: r.Timestamp, stage: atHandle}
		defer func() {
			ctx.done = true
			if x := recover(); x != nil {
				re := ctx.recordError(atPanic, fmt.Errorf("panic: %v", x))
				if ctx.err != nil { // a handle failed before, and may be why
					re = ctx.recordError(ctx.stage, ctx.err)
				}
				re.Stack = string(debug.Stack())
				err = re
			}
		}()
		if err := call(ctx); err != nil {
			ctx.fail(ctx.stage, err)
		}
		if ctx.err != nil {
			return ctx.recordError(ctx.stage, ctx.err)
		}
		l.clock.handled(ctx)
		return nil
	}
}

func (c *Context) recordError(s step, err error) *RecordError {
	r := c.rec
	return &RecordError{Processor: c.p.spec.Name, Stage: s.stage(), Stack: c.panicked(), Topic: r.Topic, Partition: r.Partition,
		Offset: r.Offset, Key: string(r.Key), Timestamp: r.Timestamp.UTC(), Attempts: 1, Err: err,
		state: c.stage == atRead && !errors.Is(err, ErrNoKey)}
}

func (c *Context) panicked() string {
	if c.stack == nil {
		return ""
	}
	return *c.stack
}

// step is a Stage in a byte: there is a Context for each record.
type step uint8

const (
	atHandle step = iota
	atDecode
	atRead
	atPanic
	atEncode
)

func (s step) stage() Stage {
	return [...]Stage{atHandle: StageHandle, atDecode: StageDecode, atRead: StageRead, atPanic: StagePanic, atEncode: StageEncode}[s]
}

// text views bytes that never change as a string.
func text(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }

// raw views a string as bytes that must not be changed. The empty string is
// empty bytes, not nil: a key that is there.
func raw(s string) []byte {
	if s == "" {
		return []byte{}
	}
	return unsafe.Slice(unsafe.StringData(s), len(s))
}
