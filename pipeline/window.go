package pipeline

import (
	"context"
	"errors"
	"sync"
)

// ErrFull is returned by an emitter with FailWhenFull when too much waits for
// acknowledgement.
var ErrFull = errors.New("too much waits for acknowledgement")

// ErrEmitterClosed is returned by an emitter that was closed.
var ErrEmitterClosed = errors.New("emitter is closed")

// window is what an emitter has sent and is not acknowledged: it bounds the
// bytes, lets a flush wait, and remembers what was given up.
type window struct {
	bound  int64
	refuse bool

	mu       sync.Mutex
	bytes    int64
	current  *sending
	open     []*sending    // that a flush waits for, without current
	room     chan struct{} // closed when bytes went down or the window was closed; nil if nobody waits
	closed   bool
	failures failures
}

// sending are the records that were sent between two flushes.
type sending struct {
	waiting int
	sealed  bool
	done    chan struct{} // closed when it is sealed and nothing waits
}

// failures are records that were given up.
type failures struct {
	count int
	keys  []string
	first error
}

const maxFailureKeys = 10

func newWindow(bound int64, refuse bool) *window {
	return &window{bound: bound, refuse: refuse, current: newSending()}
}

func newSending() *sending { return &sending{done: make(chan struct{})} }

// enter waits for room and takes it.
func (w *window) enter(ctx context.Context, size int64) (*sending, error) {
	for {
		w.mu.Lock()
		switch {
		case w.closed:
			w.mu.Unlock()
			return nil, ErrEmitterClosed
		case ctx.Err() != nil:
			w.mu.Unlock()
			return nil, context.Cause(ctx)
		case w.bytes == 0 || w.bytes+size <= w.bound:
			w.bytes += size
			s := w.current
			s.waiting++
			w.mu.Unlock()
			return s, nil
		case w.refuse:
			w.mu.Unlock()
			return nil, ErrFull
		}
		if w.room == nil {
			w.room = make(chan struct{})
		}
		room := w.room
		w.mu.Unlock()
		select {
		case <-room:
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
}

// free gives room back, before the record's callback runs: that may emit.
func (w *window) free(size int64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.bytes -= size
	w.wake()
}

// leave notes what became of a record, after its callback has run: a flush
// waits for both.
func (w *window) leave(s *sending, key string, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if err != nil {
		if w.failures.count == 0 {
			w.failures.first = err
		}
		w.failures.count++
		if len(w.failures.keys) < maxFailureKeys {
			w.failures.keys = append(w.failures.keys, key)
		}
	}
	s.waiting--
	s.settle()
}

func (s *sending) settle() {
	if s.sealed && s.waiting == 0 {
		close(s.done)
	}
}

// wake lets those look again who wait for room.
func (w *window) wake() {
	if w.room != nil {
		close(w.room)
		w.room = nil
	}
}

// flush waits until all that entered before has left.
func (w *window) flush(ctx context.Context) error {
	w.mu.Lock()
	var open []*sending
	for _, s := range w.open {
		if s.waiting > 0 {
			open = append(open, s)
		}
	}
	if w.current.waiting > 0 {
		w.current.sealed = true
		open = append(open, w.current)
		w.current = newSending()
	}
	w.open = open
	w.mu.Unlock()
	for _, s := range open {
		select {
		case <-s.done:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	return nil
}

// takeFailures returns what was given up since the last call.
func (w *window) takeFailures() failures {
	w.mu.Lock()
	defer w.mu.Unlock()
	f := w.failures
	w.failures = failures{}
	return f
}

// waiting returns how many records have not left.
func (w *window) waiting() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	n := w.current.waiting
	for _, s := range w.open {
		n += s.waiting
	}
	return n
}

// close lets nothing in any more. It says whether it was open.
func (w *window) close() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	was := !w.closed
	w.closed = true
	w.wake()
	return was
}
