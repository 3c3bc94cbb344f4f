package pipeline

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/millrace/millrace/internal/graph"
	"github.com/millrace/millrace/internal/table"
)

// ErrorPolicy says what becomes of a record that fails. Policies are values,
// made by Retry, DeadLetter, Skip and Stop:
//
//	p.OnError(pipeline.Retry(5, pipeline.Backoff{}).Then(pipeline.DeadLetter(Failed)))
//
// Whatever the policy, a failed record leaves no effect, the order of a
// partition is kept, and nothing is committed past a record that was not
// handled, put aside as a dead letter, or skipped.
type ErrorPolicy struct {
	retries  int
	backoff  Backoff
	last     graph.Verdict // once the retries are used up
	dead     *Topic[[]byte]
	problems []string
}

// Unlimited is a number of retries without an end: for a service outside that
// will be back. The record's partition waits as long.
const Unlimited = math.MaxInt

// Backoff is how long to wait between the attempts at one record. The waits
// double from Min to Max, and each is shortened by chance by up to a half, so
// that many partitions do not try at once.
type Backoff struct {
	Min time.Duration // before the second attempt. Default 100 ms
	Max time.Duration // of any wait. Default 30 s, or Min if that is more
}

func (b Backoff) withDefaults() Backoff {
	if b.Min == 0 {
		b.Min = 100 * time.Millisecond
	}
	if b.Max == 0 {
		b.Max = max(30*time.Second, b.Min)
	}
	return b
}

// Wait returns the wait after the n-th attempt, from 1 on. chance is from 0 to
// less than 1, such as rand.Float64().
func (b Backoff) Wait(n int, chance float64) time.Duration {
	b = b.withDefaults()
	d := b.Max
	if n = max(n, 1); n <= 62 && b.Min <= b.Max>>(n-1) {
		d = b.Min << (n - 1)
	}
	return d - time.Duration(chance*float64(d/2))
}

// Retry handles the record again, up to n times more, and then stops the run;
// see Then. The record's partition waits meanwhile; other partitions, commits
// and the group's heartbeats go on. A drain or a rebalance ends the wait: the
// record is not committed, and comes again.
//
// An error that the handler returned is retried. One that no retry can mend is
// not: a record that does not decode, a panic, and whatever is marked as
// Permanent. Retryable marks an error that is retried anyway, such as that of
// a codec that asks a schema registry.
func Retry(n int, b Backoff) ErrorPolicy {
	p := ErrorPolicy{retries: n, backoff: b.withDefaults(), last: graph.Stop}
	if n < 1 {
		p.problems = append(p.problems, fmt.Sprintf("Retry: %d retries: at least one is needed", n))
	}
	if b.Min < 0 || b.Max < 0 {
		p.problems = append(p.problems, fmt.Sprintf("Retry: a wait is negative: %v to %v", b.Min, b.Max))
	} else if b.Max > 0 && b.Min > b.Max {
		p.problems = append(p.problems, fmt.Sprintf("Retry: the first wait, %v, is longer than the longest, %v", b.Min, b.Max))
	}
	return p
}

// Then returns the policy with what becomes of a record once its retries are
// used up, or that is not retried: DeadLetter, Skip or Stop.
func (p ErrorPolicy) Then(last ErrorPolicy) ErrorPolicy {
	p.problems = append(p.problems[:len(p.problems):len(p.problems)], last.problems...)
	switch {
	case p.retries == 0:
		p.problems = append(p.problems, "Then follows Retry only")
	case last.retries != 0:
		p.problems = append(p.problems, "a Retry in Then: one Retry is enough, with more retries")
	}
	p.last, p.dead = last.last, last.dead
	return p
}

// DeadLetter writes the record to a topic, its bytes unchanged and the cause
// in headers (HeaderError and others), and goes on. The dead letter is part of
// the same commit as the record's position. Package tool puts dead letters
// back to where they came from.
//
// The topic must not be compacted. Give it a Retention that leaves time to
// look, and max.message.bytes of some 20 kB more than the inputs': the headers
// need room.
func DeadLetter(t Topic[[]byte]) ErrorPolicy {
	p := ErrorPolicy{last: graph.DeadLetter, dead: &t}
	if t.opts != nil && strings.Contains(t.opts.Config["cleanup.policy"], "compact") {
		p.problems = append(p.problems, fmt.Sprintf("dead-letter topic %s is compacted: of the dead letters of one key only the last would be kept", t.name))
	}
	return p
}

// Skip logs and counts the record, and goes on. Its data is lost to the
// topology.
func Skip() ErrorPolicy { return ErrorPolicy{last: graph.Skip} }

// Stop ends the run before the record, with its *RecordError. This is what
// happens without a policy: nothing is lost, and somebody has to look.
func Stop() ErrorPolicy { return ErrorPolicy{last: graph.Stop} }

// OnError sets what becomes of the processor's records that fail: whose value
// does not decode, whose handler returns an error or panics, or whose emitted
// value does not encode. Without it, the first of them ends the run, as Stop
// does.
//
// A failure to read state is never the record's: the processor starts again
// with its store opened anew, or, if a stored value does not decode, ends the
// run.
func (p *Processor) OnError(policy ErrorPolicy) *Processor {
	if p.policySet {
		p.bad(ErrDuplicate, "two error policies: a processor has one, set by OnError or DeadLetters")
	}
	p.policySet, p.policy = true, policy
	for _, what := range policy.problems {
		p.bad(ErrConfig, "%s", what)
	}
	if policy.dead != nil {
		d := p.uses(*policy.dead)
		p.spec.Outputs = append(p.spec.Outputs, d.Ref)
		p.spec.DeadLetters = d.Name
	}
	return p
}

// DeadLetters is short for OnError(DeadLetter(t)).
func (p *Processor) DeadLetters(t Topic[[]byte]) *Processor { return p.OnError(DeadLetter(t)) }

// failed implements graph.Processor.Failed.
func (p *Processor) failed(task *graph.Task, r *graph.Record, err error, attempt int) graph.Decision {
	var re *RecordError
	if !errors.As(err, &re) {
		return graph.Decision{Verdict: graph.Stop, Err: err}
	}
	re.Attempts = attempt
	if re.state { // not the record's fault
		var broken *table.DecodeError
		if errors.As(re.Err, &broken) && !markedRetryable(re.Err) || re.Stage == StagePanic { // and will be so again
			return graph.Decision{Verdict: graph.Stop, Err: re}
		}
		return graph.Decision{Verdict: graph.Restart, Err: re}
	}
	if attempt <= p.policy.retries && re.retryable() {
		return graph.Decision{Verdict: graph.Retry, Wait: p.policy.backoff.Wait(attempt, rand.Float64()), Err: re}
	}
	if p.policy.last == graph.DeadLetter {
		stageDeadLetter(task, p.policy.dead.name, r, re)
	}
	if p.policy.last == graph.Stop {
		return graph.Decision{Verdict: graph.Stop, Err: fmt.Errorf("%w. Nothing is committed past it: mend the cause and start again, "+
			"or let OnError put such records aside", re)}
	}
	return graph.Decision{Verdict: p.policy.last, Err: re}
}

// Permanent marks an error that no retry can mend; the record is not retried.
// Permanent(nil) is nil.
func Permanent(err error) error { return mark(err, true) }

// Retryable marks an error that a retry may mend although it would not be
// retried otherwise, such as one of a codec. Retryable(nil) is nil.
func Retryable(err error) error { return mark(err, false) }

// IsPermanent says whether an error is marked as Permanent. The outermost mark
// counts.
func IsPermanent(err error) bool {
	var m *markedError
	return errors.As(err, &m) && m.permanent
}

func mark(err error, permanent bool) error {
	if err == nil {
		return nil
	}
	return &markedError{err, permanent}
}

// markedError is an error with its author's opinion of retries. The outermost
// mark counts.
type markedError struct {
	err       error
	permanent bool
}

func (e *markedError) Error() string { return e.err.Error() }
func (e *markedError) Unwrap() error { return e.err }

// markedRetryable says whether the outermost mark is that of Retryable.
func markedRetryable(err error) bool {
	var m *markedError
	return errors.As(err, &m) && !m.permanent
}

// retryable says whether the policy's retries apply.
func (e *RecordError) retryable() bool {
	var m *markedError
	if errors.As(e.Err, &m) {
		return !m.permanent
	}
	return e.Stage == StageHandle && !errors.Is(e.Err, ErrForeignHandle) && !errors.Is(e.Err, ErrNoKey)
}
