package fetch

import (
	"container/heap"
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/millrace/millrace/apps/rss-articles/internal/clean"
	"github.com/millrace/millrace/apps/rss-articles/internal/topics"
)

// Fetcher polls feeds. Make one with New; run it once.
type Fetcher struct {
	cfg     Config
	own     map[string]bool
	parsing chan struct{} // a place for each document that is parsed
	changed chan struct{}
	ended   chan *result
	robots  robots

	// Below is Run's goroutine's alone.
	entries map[string]*entry
	due     queue
	ready   []*entry // due, and waiting for a place
	running int
	hosts   hosts
}

// New returns a fetcher. The error lists all that is wrong with the
// configuration; test for ErrConfig.
func New(c Config) (*Fetcher, error) {
	c = c.withDefaults()
	if err := c.validate(); err != nil {
		return nil, err
	}
	f := &Fetcher{cfg: c, own: map[string]bool{}, parsing: make(chan struct{}, 2), changed: make(chan struct{}, 1),
		ended: make(chan *result), entries: map[string]*entry{},
		hosts: hosts{all: map[string]*host{}, concurrency: c.HostConcurrency, delay: c.HostDelay}}
	for _, h := range c.OwnHosts {
		f.own[h] = true
	}
	return f, nil
}

// Changed tells that subscriptions changed, so that they are read at once. It
// never blocks.
func (f *Fetcher) Changed() {
	select {
	case f.changed <- struct{}{}:
	default:
	}
}

// entry is a subscription in the schedule.
type entry struct {
	sub     topics.Feed
	state   topics.FeedState
	due     time.Time
	index   int // in the queue, -1 if not there
	running bool
	removed bool
	cancel  context.CancelFunc // of the running poll
	started string             // the host that the running poll counts at
}

// result is how a poll ended.
type result struct {
	entry *entry
	state topics.FeedState
	saved bool
	quiet time.Duration
}

// Run polls until ctx is done, and returns when nothing runs any more: requests
// are broken off, items that came before are given Config.Grace to be
// acknowledged. It returns nil.
func (f *Fetcher) Run(ctx context.Context) error {
	// What writes items and states outlives ctx a little.
	drain, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	timer := time.NewTimer(0)
	defer timer.Stop()
	var nextList time.Time
	for ctx.Err() == nil {
		now := f.cfg.Now()
		if !now.Before(nextList) {
			if err := f.list(ctx); err != nil && ctx.Err() == nil {
				f.cfg.Logger.Warn("the subscriptions cannot be read, trying again", "error", err)
			}
			f.hosts.tidy(now)
			nextList = now.Add(f.cfg.Refresh)
		}
		wake := f.dispatch(ctx, drain, f.cfg.Now(), nextList)
		timer.Reset(max(0, wake.Sub(f.cfg.Now())))
		select {
		case <-ctx.Done():
		case <-timer.C:
		case <-f.changed:
			nextList = time.Time{}
		case r := <-f.ended:
			f.end(ctx, r)
		}
	}
	grace := time.NewTimer(f.cfg.Grace)
	defer grace.Stop()
	for f.running > 0 {
		select {
		case r := <-f.ended:
			f.running--
			r.entry.cancel()
		case <-grace.C:
			stop()
		}
	}
	closeIdle(f.cfg.Transport)
	return nil
}

func closeIdle(t http.RoundTripper) {
	if c, ok := t.(interface{ CloseIdleConnections() }); ok {
		c.CloseIdleConnections()
	}
}

// list brings the schedule in line with the subscriptions.
func (f *Fetcher) list(ctx context.Context) error {
	subs, err := f.cfg.Store.Feeds(ctx)
	if err != nil {
		return err
	}
	var errs []error
	there := make(map[string]bool, len(subs))
	for _, sub := range subs {
		there[sub.URL] = true
		if err := f.subscribe(ctx, sub); err != nil {
			errs = append(errs, err)
		}
	}
	for url, e := range f.entries {
		if there[url] {
			continue
		}
		f.remove(e)
		if e.running {
			e.removed = true // its end forgets it
			e.cancel()
			continue
		}
		if err := f.forget(ctx, e); err != nil {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

func (f *Fetcher) subscribe(ctx context.Context, sub topics.Feed) error {
	e := f.entries[sub.URL]
	if e == nil {
		state, ok, err := f.cfg.Store.State(ctx, sub.URL)
		if err != nil {
			return fmt.Errorf("feed %s: %w", sub.URL, err)
		}
		if !ok {
			state = topics.FeedState{URL: sub.URL, Health: topics.HealthNew}
		}
		e = &entry{sub: sub, state: state, index: -1}
		f.entries[sub.URL] = e
		if state.HostQuiet.After(f.cfg.Now()) { // what a host asked for holds after a restart, too
			f.hosts.leave(hostOf(target(sub.URL, state)), state.HostQuiet)
		}
		if again(sub, state) || state.Health != topics.HealthGone {
			e.due = state.Next
			f.push(e)
		}
	}
	// Subscribing again asks to try at once, even what is gone.
	if again(sub, e.state) && sub.Added.After(e.sub.Added) && !e.running {
		f.remove(e)
		e.due = time.Time{}
		f.push(e)
	}
	e.removed = false
	e.sub = sub
	return nil
}

// again says whether a feed was subscribed to after its last poll.
func again(sub topics.Feed, s topics.FeedState) bool { return sub.Added.After(s.Fetched) }

func (f *Fetcher) forget(ctx context.Context, e *entry) error {
	if err := f.cfg.Store.Forget(ctx, e.sub.URL); err != nil {
		return fmt.Errorf("feed %s: %w", e.sub.URL, err)
	}
	delete(f.entries, e.sub.URL)
	return nil
}

// dispatch starts what is due, and returns when to look again.
func (f *Fetcher) dispatch(ctx, drain context.Context, now, wake time.Time) time.Time {
	for len(f.due) > 0 && !now.Before(f.due[0].due) {
		f.ready = append(f.ready, heap.Pop(&f.due).(*entry))
	}
	if len(f.due) > 0 && f.due[0].due.Before(wake) {
		wake = f.due[0].due
	}
	waiting := f.ready[:0]
	for _, e := range f.ready {
		if f.running >= f.cfg.Concurrency {
			waiting = append(waiting, e)
			continue
		}
		name := hostOf(target(e.sub.URL, e.state))
		if !f.own[name] && name != "" {
			ok, again := f.hosts.start(name, now)
			if !ok {
				waiting = append(waiting, e)
				if !again.IsZero() && again.Before(wake) {
					wake = again
				}
				continue
			}
			e.started = name
		}
		f.start(ctx, drain, e)
	}
	clear(f.ready[len(waiting):])
	f.ready = waiting
	return wake
}

func (f *Fetcher) start(ctx, drain context.Context, e *entry) {
	ctx, e.cancel = context.WithCancel(ctx)
	e.running = true
	f.running++
	sub, state := e.sub, e.state
	go func() { // Run waits for it
		r := &result{entry: e}
		r.state, r.saved, r.quiet = f.work(ctx, drain, sub, state)
		f.ended <- r
	}()
}

// end takes the result of a poll.
func (f *Fetcher) end(ctx context.Context, r *result) {
	e, now := r.entry, f.cfg.Now()
	e.cancel()
	e.running = false
	f.running--
	if e.started != "" {
		f.hosts.end(e.started, now, r.quiet)
		e.started = ""
	}
	if e.removed {
		if err := f.forget(ctx, e); err != nil {
			f.cfg.Logger.Warn("the state of a feed cannot be deleted, trying again", "error", err)
		}
		return
	}
	if !r.saved {
		e.due = now.Add(time.Minute) // nothing happened, as far as the state tells
		f.push(e)
		return
	}
	e.state = r.state
	if e.state.Health == topics.HealthGone {
		return
	}
	e.due = e.state.Next
	f.push(e)
}

// work polls a feed, and writes what came of it. It reports whether the state
// was saved.
func (f *Fetcher) work(ctx, drain context.Context, sub topics.Feed, state topics.FeedState) (topics.FeedState, bool, time.Duration) {
	s, items, quiet := f.poll(ctx, sub, state)
	if ctx.Err() != nil && s.Health != topics.HealthOK {
		return state, false, 0 // we broke it off
	}
	log := f.cfg.Logger.With("feed", sub.URL)
	if s.Error != "" {
		log.Info("a feed cannot be fetched", "error", s.Error, "failures", s.Failures, "next", s.Next)
	}
	if err := f.deliver(ctx, drain, s, items); err != nil {
		if ctx.Err() != nil { // as intended: its state says that they are still to come
			log.Info("stopped before the items of a feed were written; the next start fetches them again", "items", len(items), "error", err)
		} else {
			log.Error("the items of a feed cannot be written; they are fetched again", "items", len(items), "error", err)
		}
		return state, false, quiet
	}
	return s, true, quiet
}

// Writing is tried so often, with waits of 1, 2, 4 ... 30 seconds: about five
// minutes, in which the poll keeps its place. That is back-pressure: while
// nothing can be written, nothing more is fetched.
const deliverTries = 14

// deliver writes the items and then the state.
func (f *Fetcher) deliver(ctx, drain context.Context, s topics.FeedState, items []clean.Raw) (err error) {
	for n := 1; ; n++ {
		if err = f.write(drain, s, &items); err == nil || n == deliverTries || ctx.Err() != nil {
			return err
		}
		f.cfg.Logger.Warn("items cannot be written, trying again", "feed", s.URL, "error", err)
		timer := time.NewTimer(backoff(n, time.Second, 30*time.Second))
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
		}
	}
}

func (f *Fetcher) write(ctx context.Context, s topics.FeedState, items *[]clean.Raw) error {
	if len(*items) > 0 {
		if err := f.cfg.Sink.Emit(ctx, *items); err != nil {
			return fmt.Errorf("items: %w", err)
		}
		*items = nil // not again if only the state fails
	}
	if err := f.cfg.Store.Save(ctx, s); err != nil {
		return fmt.Errorf("state: %w", err)
	}
	return nil
}
