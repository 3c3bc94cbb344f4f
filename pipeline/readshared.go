package pipeline

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/millrace/millrace/internal/transport"
)

const (
	// sharedFetchBytes bounds what is fetched of a partition at once: a reader
	// has no more in hand of a partition that may go to another.
	sharedFetchBytes = 256 << 10
	// idleLook is how long a bounded reading that gets nothing waits before it
	// looks whether there is anything to come.
	idleLook = 250 * time.Millisecond
	// farewell bounds the last commit and the leave of a reader that is closed.
	farewell = 10 * time.Second
)

// shared is the source of a reader in a group.
type shared struct {
	cluster  transport.Cluster
	g        transport.Group
	topic    string
	group    string
	start    transport.Start
	manual   bool
	interval time.Duration
	due      *time.Ticker    // of commits
	ends     map[int32]int64 // where a bounded reading ends; nil: it does not
	log      *slog.Logger

	// hand is full while a message is handled. The callback of a rebalance
	// waits for it, so that its partition does not go to another member before
	// it can be committed; not for one that is not being handled, since the
	// caller may be gone for long, and the whole group would wait for it.
	hand    chan struct{}
	holding bool          // by the goroutine that reads
	closing chan struct{} // closed when no message is waited for any more

	// What a rebalance changes, at any time.
	mu      sync.Mutex
	joined  bool
	places  map[int32]int64 // of the partitions that the member has: the next offset to be handled, -1 if it is not known
	marks   map[int32]int64 // to be committed
	fetches []transport.Fetch
}

func newShared(ctx context.Context, c transport.Cluster, info transport.TopicInfo, o readerOptions, cfg Config, log *slog.Logger) (*shared, error) {
	s := &shared{cluster: c, topic: info.Name, group: o.group, start: o.start, manual: o.manual, interval: cfg.CommitInterval,
		log: log.With("group", o.group), places: map[int32]int64{}, marks: map[int32]int64{},
		hand: make(chan struct{}, 1), closing: make(chan struct{})}
	if o.untilEnd {
		s.ends = map[int32]int64{}
		for p := range info.Partitions {
			_, end, err := c.Bounds(ctx, transport.TopicPartition{Topic: info.Name, Partition: p})
			if err != nil {
				return nil, err
			}
			s.ends[p] = end
		}
	}
	var err error
	s.g, err = c.Join(ctx, transport.GroupConfig{Group: o.group, ClientID: cfg.ClientID, Topics: []string{info.Name},
		Start: o.start, Uncommitted: o.uncommitted, FetchMaxBytes: sharedFetchBytes,
		Assigned: s.onAssigned, Revoked: s.onRevoked, Lost: s.onLost})
	if err != nil {
		return nil, err
	}
	s.due = time.NewTicker(s.interval)
	return s, nil
}

func (s *shared) onAssigned(_ context.Context, a transport.Assignment) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.joined = true
	for _, p := range a[s.topic] {
		s.places[p] = -1
	}
}

func (s *shared) onRevoked(ctx context.Context, a transport.Assignment) {
	select {
	case s.hand <- struct{}{}:
		defer func() { <-s.hand }()
	case <-s.closing:
	case <-ctx.Done():
	}
	if !s.manual {
		if err := s.commitSome(ctx, a[s.topic]); err != nil {
			s.log.Warn("could not commit partitions that go to another member; some messages come again there", "error", err)
		}
	}
	s.onLost(ctx, a)
}

func (s *shared) onLost(_ context.Context, a transport.Assignment) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, p := range a[s.topic] {
		delete(s.places, p)
		delete(s.marks, p)
		s.fetches = slices.DeleteFunc(s.fetches, func(f transport.Fetch) bool { return f.Partition == p })
	}
}

// next implements source. The records stay in fetches until they are handled.
func (s *shared) next(ctx context.Context) ([]*transport.Record, error) {
	for {
		if err := ctx.Err(); err != nil {
			return nil, context.Cause(ctx)
		}
		if err := s.commitDue(ctx); err != nil {
			return nil, err
		}
		if records := s.first(); records != nil {
			return records, nil
		}
		idle, err := s.poll(ctx)
		if err != nil {
			return nil, err
		}
		if idle && s.ends != nil {
			if end, err := s.atEnd(ctx); err != nil {
				return nil, err
			} else if end {
				return nil, s.commitAuto(ctx)
			}
		}
	}
}

func (s *shared) first() []*transport.Record {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.fetches) == 0 {
		return nil
	}
	return s.fetches[0].Records
}

// poll waits for records, but no longer than until something else is to be
// done; then it is idle.
func (s *shared) poll(ctx context.Context) (idle bool, err error) {
	pollCtx, cancel := ctx, context.CancelFunc(func() {})
	s.mu.Lock()
	dirty := len(s.marks) > 0 && !s.manual
	s.mu.Unlock()
	switch {
	case s.ends != nil:
		pollCtx, cancel = context.WithTimeout(ctx, idleLook)
	case dirty:
		pollCtx, cancel = context.WithTimeout(ctx, s.interval)
	}
	defer cancel()
	fetches, err := s.g.Poll(pollCtx)
	switch {
	case ctx.Err() != nil && len(fetches) == 0:
		return false, context.Cause(ctx)
	case pollCtx.Err() != nil && len(fetches) == 0:
		return true, nil
	case err != nil:
		return false, err
	}
	s.mu.Lock()
	s.fetches = append(s.fetches, fetches...)
	s.mu.Unlock()
	s.g.Release() // a callback finds them there
	return false, nil
}

// pending implements source: by hand, a message can be committed while it is
// handled.
func (s *shared) pending(r *transport.Record) bool {
	s.hand <- struct{}{}
	s.holding = true
	s.mu.Lock()
	ours := s.has(r)
	if ours && s.manual {
		s.marks[r.Partition] = r.Offset + 1
	}
	s.mu.Unlock()
	if !ours {
		s.pause()
	}
	return ours
}

// has says whether a record is the next to be handled, still: its partition may
// have been revoked, and even assigned again.
func (s *shared) has(r *transport.Record) bool {
	return len(s.fetches) > 0 && s.fetches[0].Records[0] == r
}

func (s *shared) handled(r *transport.Record) {
	defer s.pause()
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.has(r) {
		return
	}
	s.places[r.Partition] = r.Offset + 1
	s.marks[r.Partition] = r.Offset + 1
	if f := &s.fetches[0]; len(f.Records) > 1 {
		f.Records = f.Records[1:]
	} else {
		s.fetches = s.fetches[1:]
	}
}

// pause implements source: no message is being handled.
func (s *shared) pause() {
	if s.holding {
		s.holding = false
		<-s.hand
	}
}

// atEnd says whether the member has nothing left to read before the ends.
func (s *shared) atEnd(ctx context.Context) (bool, error) {
	s.mu.Lock()
	joined, places := s.joined, maps.Clone(s.places)
	s.mu.Unlock()
	if !joined {
		return false, nil
	}
	for p, place := range places {
		if place < 0 {
			var err error
			if place, err = s.begins(ctx, p); err != nil {
				return false, err
			}
		}
		if place >= s.ends[p] {
			continue
		}
		// The offsets up to the end may hold no record, such as after a
		// transaction; the group's fetches do not say so.
		tp := transport.TopicPartition{Topic: s.topic, Partition: p}
		err := s.cluster.ReadTable(ctx, tp, place, s.ends[p], func(b transport.TableBatch) error {
			if len(b.Records) > 0 {
				return errMore
			}
			return nil
		})
		if errors.Is(err, errMore) {
			return false, nil
		}
		if err != nil {
			return false, err
		}
		s.mu.Lock()
		if _, ok := s.places[p]; ok {
			s.places[p], s.marks[p] = s.ends[p], s.ends[p]
		}
		s.mu.Unlock()
	}
	return true, nil
}

var errMore = errors.New("there is more")

// begins finds the place of a partition of which the member has read nothing.
func (s *shared) begins(ctx context.Context, p int32) (int64, error) {
	committed, err := s.cluster.GroupOffsets(ctx, s.group)
	if err != nil {
		return 0, err
	}
	if o, ok := committed[s.topic][p]; ok {
		return o, nil
	}
	tp := transport.TopicPartition{Topic: s.topic, Partition: p}
	if !s.start.At.IsZero() {
		return s.cluster.OffsetAt(ctx, tp, s.start.At)
	}
	first, end, err := s.cluster.Bounds(ctx, tp)
	if s.start.Newest {
		return end, err
	}
	return first, err
}

// commit implements source.
func (s *shared) commit(ctx context.Context) error {
	return s.commitSome(ctx, s.partitions())
}

func (s *shared) partitions() []int32 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Collect(maps.Keys(s.places))
}

// commitDue commits at intervals, unless that is left to the caller.
func (s *shared) commitDue(ctx context.Context) error {
	select {
	case <-s.due.C:
		return s.commitAuto(ctx)
	default:
		return nil
	}
}

// commitAuto commits what was handled. A rebalance on the way is no error: what
// stays with the member is committed later, what does not comes again elsewhere.
func (s *shared) commitAuto(ctx context.Context) error {
	if s.manual {
		return nil
	}
	err := s.commit(ctx)
	switch {
	case errors.Is(err, transport.ErrRebalance), errors.Is(err, transport.ErrFenced):
		s.log.Warn("commit is tried again after a rebalance", "error", err)
		return nil
	case err != nil && ctx.Err() != nil:
		return context.Cause(ctx)
	}
	return err
}

func (s *shared) commitSome(ctx context.Context, partitions []int32) error {
	s.mu.Lock()
	offsets := map[int32]int64{}
	for _, p := range partitions {
		if o, ok := s.marks[p]; ok {
			offsets[p] = o
		}
	}
	s.mu.Unlock()
	if len(offsets) == 0 {
		return nil
	}
	if err := s.g.Commit(ctx, transport.Offsets{s.topic: offsets}); err != nil {
		return fmt.Errorf("group %s: %w", s.group, err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for p, o := range offsets {
		if s.marks[p] == o {
			delete(s.marks, p)
		}
	}
	return nil
}

// close leaves the group, which commits by way of onRevoked.
func (s *shared) close() error {
	s.due.Stop()
	close(s.closing)
	ctx, cancel := context.WithTimeout(context.Background(), farewell)
	defer cancel()
	err := s.g.Leave(ctx)
	s.g.Close()
	return err
}
