package pipeline

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"

	"github.com/millrace/millrace/internal/engine"
	"github.com/millrace/millrace/internal/partition"
	"github.com/millrace/millrace/internal/transport"
)

// Run runs a topology until ctx ends. It is NewService and Service.Run.
func Run(ctx context.Context, t *Topology, c Config) error {
	s, err := NewService(t, c)
	if err != nil {
		return err
	}
	return s.Run(ctx)
}

// Service runs a topology, or some of its processors, and answers queries. Its
// life, as Status tells it:
//
//	Created ──Run──▶ Starting ──▶ Restoring ──▶ Running ──ctx ends──▶ Draining ──▶ Stopped
//	                    ▲             ▲            │ │
//	                    │             └────────────┘ │ new partitions
//	                    └──── Waiting ◀──────────────┤ a failure that may pass
//	                                                 └──▶ Failed
//
// Each processor goes through Starting to Stopped on its own; the service is
// where the least advanced of its processors is. It is safe for concurrent
// use; Run is called once.
type Service struct {
	topology *Topology
	cfg      Config
	defs     map[string]definition
	log      *slog.Logger

	mu       sync.Mutex
	state    Phase
	engine   *engine.Engine
	cluster  transport.Cluster
	producer transport.Producer
	changed  chan struct{} // closed when engine is set or the run ended
	err      error
}

// NewService checks the topology and the configuration. All problems of each
// are reported at once, as a *ValidationError.
func NewService(t *Topology, c Config) (*Service, error) {
	if t == nil {
		return nil, fmt.Errorf("topology: %w: it is nil", ErrIncomplete)
	}
	if err := errors.Join(t.Validate(), c.validate(t)); err != nil {
		return nil, err
	}
	s := &Service{topology: t, cfg: c, defs: t.definitions(), log: c.Logger, state: Created, changed: make(chan struct{})}
	if s.log == nil {
		s.log = slog.Default()
	}
	return s, nil
}

// Topology returns the topology.
func (s *Service) Topology() *Topology { return s.topology }

// Run connects to the cluster, checks the codecs that depend on something
// outside (codec.Checker), creates or checks the topics, and processes until
// ctx ends; then the records at hand are finished and committed, and Run
// returns nil. A processor that fails for a reason that may pass, such as a
// broker that is away, starts again after a while. One that cannot go on, such
// as at a record without a dead-letter topic to go to, ends the run: the
// others are drained, and Run returns the errors of all.
func (s *Service) Run(ctx context.Context) (err error) {
	ec := s.cfg.engine(s.topology)
	s.mu.Lock()
	if s.state != Created {
		s.mu.Unlock()
		return errors.New("service was run already")
	}
	s.state = Starting
	s.mu.Unlock()
	defer func() { s.end(err) }()

	if ec.Cluster == nil {
		cluster, closeCluster, err := s.cfg.connect(ctx, ec.ClientID, s.cfg.PeerAddress)
		if err != nil && ctx.Err() != nil && !errors.Is(err, ErrTLS) && !errors.Is(err, ErrAuthentication) {
			s.log.Info("service was to end before it had connected", "topology", s.topology.name, "error", err)
			return nil
		}
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, closeCluster()) }()
		ec.Cluster = cluster
	}
	if err := s.checkCodecs(ctx); err != nil {
		if ctx.Err() != nil {
			return nil // it was to end before it began
		}
		return err
	}
	g := s.cfg.graph(s.topology)
	ec.Cluster = transport.Rename(ec.Cluster, g.Names)
	producer, err := ec.Cluster.NewProducer(ctx, transport.ProducerConfig{ClientID: ec.ClientID,
		Partitioning: transport.Partitioning{By: s.partitioners()}})
	if err != nil && ctx.Err() != nil {
		return nil // it was to end before it began
	}
	if err != nil {
		return err
	}
	defer producer.Close()

	e := engine.New(g, ec)
	for _, r := range s.cfg.Views {
		e.AddView(r.definition().lookup)
	}
	s.mu.Lock()
	s.engine, s.cluster, s.producer = e, ec.Cluster, producer
	close(s.changed)
	s.changed = make(chan struct{})
	s.mu.Unlock()

	if f := s.cfg.Metrics.Started; f != nil {
		f(s)
	}
	s.log.Info("service starts", "topology", s.cfg.application(s.topology), "processors", ec.Processors)
	stop := context.AfterFunc(ctx, func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.state == Starting {
			s.state = Draining
		}
	})
	defer stop()
	return e.Run(ctx)
}

func (s *Service) partitioners() map[string]partition.By {
	by := map[string]partition.By{}
	for name, d := range s.defs {
		if d.Topic != nil {
			by[name] = d.Topic.Partitioner
		}
	}
	return by
}

// end notes how the run ended.
func (s *Service) end(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.state, s.err = Stopped, err
	if err != nil {
		s.state = Failed
	}
	s.producer = nil
	close(s.changed)
	s.changed = make(chan struct{})
	s.log.Info("service ended", "topology", s.topology.name, "error", err)
}

// Ready says whether every processor of the service is running and every view
// has caught up with its table.
func (s *Service) Ready() bool {
	s.mu.Lock()
	e, state := s.engine, s.state
	s.mu.Unlock()
	return e != nil && state == Starting && e.Ready()
}

// WaitReady waits until Ready, until ctx ends, or until the run has ended.
func (s *Service) WaitReady(ctx context.Context) error {
	for {
		s.mu.Lock()
		e, state, err, changed := s.engine, s.state, s.err, s.changed
		s.mu.Unlock()
		if state == Failed || state == Stopped {
			return errors.Join(ErrNotRunning, err)
		}
		var progress <-chan struct{}
		if e != nil {
			progress = e.Changed() // before the look, so that none is missed
		}
		if s.Ready() {
			return nil
		}
		select {
		case <-progress:
		case <-changed:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// SyncTables waits until every join, lookup and view has read what is in its
// topic now. It is for tests.
func (s *Service) SyncTables(ctx context.Context) error {
	s.mu.Lock()
	e := s.engine
	s.mu.Unlock()
	if e == nil {
		return ErrNotRunning
	}
	return e.SyncFollowers(ctx)
}

// TimersAtRest says whether no timer is to fire now and what those did that fired
// is committed. It is for tests.
func (s *Service) TimersAtRest() bool {
	s.mu.Lock()
	e := s.engine
	s.mu.Unlock()
	return e == nil || e.TimersAtRest()
}

// Groups returns the consumer group of each processor with the topics that it
// consumes, its loop's among them, by their names on the cluster. It is for
// tests and tools.
func (s *Service) Groups() map[string][]string { return s.topology.Groups(s.cfg.ApplicationID) }
