package processors

import (
	"container/list"
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"time"

	"github.com/millrace/millrace/pipeline"
)

// calling makes a call with its timeout and its retries.
func calling[A any](ctx context.Context, o callOptions, call func(ctx context.Context) (A, error)) (A, error) {
	for attempt := 1; ; attempt++ {
		a, err := bounded(ctx, o.timeout, call)
		if err == nil || ctx.Err() != nil || attempt > o.retries || pipeline.IsPermanent(err) {
			return a, err
		}
		timer := time.NewTimer(o.backoff.Wait(attempt, rand.Float64()))
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return a, err
		}
	}
}

func bounded[A any](ctx context.Context, timeout time.Duration, call func(ctx context.Context) (A, error)) (A, error) {
	bound, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	a, err := call(bound)
	if err != nil && bound.Err() != nil && ctx.Err() == nil {
		err = fmt.Errorf("no answer within %v: %w", timeout, err)
	}
	return a, err
}

// answers shares the answers to equal questions: those that are being asked, and
// of the past some, for a time. The oldest in use goes first.
type answers[A any] struct {
	size int
	ttl  time.Duration // 0: none is kept

	mu     sync.Mutex
	kept   map[string]*list.Element // of *keptAnswer[A]
	used   *list.List               // the latest first
	asking map[string]*asked[A]
}

type keptAnswer[A any] struct {
	of    string
	value A
	until time.Time
}

// asked is a question that waits for its answer.
type asked[A any] struct {
	done  chan struct{} // closed when the rest is set
	value A
	err   error
	ended bool // who asked had to go before there was an answer
}

func newAnswers[A any](size int, ttl time.Duration) *answers[A] {
	return &answers[A]{size: size, ttl: ttl, kept: map[string]*list.Element{}, used: list.New(), asking: map[string]*asked[A]{}}
}

// get returns the answer to a question at a time; ask gets it.
func (s *answers[A]) get(ctx context.Context, of string, now time.Time, ask func() (A, error)) (A, error) {
	for {
		s.mu.Lock()
		if e := s.kept[of]; e != nil {
			if a := e.Value.(*keptAnswer[A]); now.Before(a.until) {
				s.used.MoveToFront(e)
				s.mu.Unlock()
				return a.value, nil
			}
			s.forget(e)
		}
		other := s.asking[of]
		if other == nil {
			of = strings.Clone(of)
			q := &asked[A]{done: make(chan struct{})}
			s.asking[of] = q
			s.mu.Unlock()
			return s.ask(ctx, q, of, now, ask)
		}
		s.mu.Unlock()
		select {
		case <-other.done:
		case <-ctx.Done():
			var none A
			return none, context.Cause(ctx)
		}
		if !other.ended {
			return other.value, other.err
		}
	}
}

// ask asks and tells those who wait.
func (s *answers[A]) ask(ctx context.Context, q *asked[A], of string, now time.Time, ask func() (A, error)) (A, error) {
	q.ended = true // as after a panic
	defer func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		delete(s.asking, of)
		if !q.ended && q.err == nil && s.ttl > 0 {
			s.keep(&keptAnswer[A]{of, q.value, now.Add(s.ttl)})
		}
		close(q.done)
	}()
	q.value, q.err = ask()
	q.ended = q.err != nil && ctx.Err() != nil
	return q.value, q.err
}

// keep keeps an answer. The caller holds s.mu.
func (s *answers[A]) keep(a *keptAnswer[A]) {
	if e := s.kept[a.of]; e != nil {
		s.forget(e)
	}
	for s.used.Len() >= s.size {
		s.forget(s.used.Back())
	}
	s.kept[a.of] = s.used.PushFront(a)
}

func (s *answers[A]) forget(e *list.Element) {
	delete(s.kept, s.used.Remove(e).(*keptAnswer[A]).of)
}
