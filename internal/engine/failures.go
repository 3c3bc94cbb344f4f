package engine

import (
	"log/slog"
	"sync"
	"time"

	"github.com/millrace/millrace/internal/graph"
	"github.com/millrace/millrace/internal/transport"
)

// Failures counts the failures of a processor's records since the run began.
type Failures struct {
	Failed      int64 `json:"failed"`      // attempts that failed, the retried ones included
	Retried     int64 `json:"retried"`     // of these, followed by another attempt
	DeadLetters int64 `json:"deadLetters"` // records put aside
	Skipped     int64 `json:"skipped"`     // records left out
}

// failureLog counts failures and logs them, not more than a line a second for
// each processor and verdict: a topic full of bad records must not fill the
// disk.
type failureLog struct {
	mu     sync.Mutex
	counts map[string]*Failures
	muted  map[string]*muted
}

type muted struct {
	until time.Time
	n     int
}

// failureLogEvery is the time between two lines of one kind.
const failureLogEvery = time.Second

func newFailureLog() *failureLog {
	return &failureLog{counts: map[string]*Failures{}, muted: map[string]*muted{}}
}

func (l *failureLog) of(proc string) Failures {
	l.mu.Lock()
	defer l.mu.Unlock()
	if f := l.counts[proc]; f != nil {
		return *f
	}
	return Failures{}
}

// note counts a failure. It says whether to log it, and how many of its kind
// were not logged since the last one.
func (l *failureLog) note(proc string, v graph.Verdict, now time.Time) (show bool, unshown int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	f := l.counts[proc]
	if f == nil {
		f = &Failures{}
		l.counts[proc] = f
	}
	f.Failed++
	switch v {
	case graph.Retry:
		f.Retried++
	case graph.DeadLetter:
		f.DeadLetters++
	case graph.Skip:
		f.Skipped++
	}
	kind := proc + "/" + v.String()
	m := l.muted[kind]
	if m == nil {
		m = &muted{}
		l.muted[kind] = m
	}
	if now.Before(m.until) {
		m.n++
		return false, 0
	}
	unshown = m.n
	*m = muted{until: now.Add(failureLogEvery)}
	return true, unshown
}

// recordFailed tells of a failure and what becomes of the record.
func (e *Engine) recordFailed(proc string, r *transport.Record, d graph.Decision) {
	e.cfg.Metrics.recordFailed(proc, r, d.Err)
	e.cfg.Metrics.decided(proc, r, d)
	show, unshown := e.failures.note(proc, d.Verdict, time.Now())
	if !show || d.Verdict == graph.Stop || d.Verdict == graph.Restart { // these are logged as what ends the processor
		return
	}
	attrs := []any{slog.String("processor", proc), slog.Any("error", d.Err)}
	if d.Verdict == graph.Retry {
		attrs = append(attrs, slog.Duration("in", d.Wait.Round(time.Millisecond)))
	}
	if unshown > 0 {
		attrs = append(attrs, slog.Int("others", unshown))
	}
	e.cfg.Logger.Warn("record failed: "+d.Verdict.String(), attrs...)
}
