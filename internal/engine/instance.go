package engine

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/lovoo/goka"
	"golang.org/x/sync/errgroup"

	"github.com/millrace/millrace/internal/graph"
	"github.com/millrace/millrace/internal/transport"
)

// instance is one run of a processor, from joining its group to leaving it.
// After a failure that may pass, the supervisor starts another.
type instance struct {
	e      *Engine
	spec   *graph.Processor
	log    *slog.Logger
	topics []string // of the inputs, in their order
	inputs []graph.Input

	ctx    context.Context // ends when the instance fails or was drained
	cancel context.CancelCauseFunc

	group     transport.Group
	committer *committer
	lookups   []graph.LookupTable
	followers []*follower // of the lookups
	standbys  *standbys

	events   chan event
	finished chan struct{} // closed when the session loop takes no more events

	flow     sync.Mutex    // see flow.go; taken before mu
	patience time.Duration // how long a full queue is waited for before its input is paused

	mu     sync.Mutex
	tasks  map[int32]*task // assigned, opened or not
	ready  map[int32]bool  // opened
	latest map[int32]*task // the last one of each partition, closed or not

	holding bool         // a transaction ends; see hold
	holders atomic.Int64 // how many tasks stage what they send then

	rewinds    transport.Offsets // to be done by the poller; see rewind
	polling    context.Context   // of the poll under way; wakePoller ends it
	wakePoller context.CancelFunc

	opening sync.WaitGroup // tasks that restore their state
	stopped chan error     // a record that stops the processor
}

// event is a change of the assignment, for the session loop.
type event struct {
	kind  eventKind
	tasks []*task
	err   error // of opened: it failed; of aborted, drained: why; of revoked, committed: of the commit
	// committed says that the revoked tasks' last commit was done, or tried.
	committed bool
	done      chan struct{} // closed when it was dealt with; may be nil
}

type eventKind int

const (
	assigned eventKind = iota // tasks are to be opened
	opened                    // a task's state is restored, or failed to be
	revoked                   // tasks are to be committed and closed
	lost                      // tasks are to be given up
	aborted                   // a commit failed; what is not committed is done again
	drained                   // all is to be committed and closed, for good
)

func newInstance(ctx context.Context, e *Engine, spec *graph.Processor) *instance {
	in := &instance{
		e: e, spec: spec,
		log:      e.cfg.Logger.With("processor", spec.Name),
		events:   make(chan event),
		finished: make(chan struct{}),
		stopped:  make(chan error, 1),
		tasks:    map[int32]*task{},
		ready:    map[int32]bool{},
		latest:   map[int32]*task{},
		rewinds:  transport.Offsets{}, wakePoller: func() {},
		patience: patience,
	}
	in.ctx, in.cancel = context.WithCancelCause(ctx)
	in.inputs = append(in.inputs, spec.Inputs...)
	for _, i := range spec.Inputs {
		in.topics = append(in.topics, i.Ref.Name)
	}
	if spec.Loop != nil {
		in.inputs = append(in.inputs, *spec.Loop)
		in.topics = append(in.topics, e.graph.LoopTopic(spec))
	}
	in.committer = newCommitter(in)
	in.standbys = newStandbys(in)
	return in
}

// run joins the group and processes until drain ends it (nil), or until it
// fails (the error). drain is closed to end it in order.
func (in *instance) run(drain <-chan struct{}) (err error) {
	defer in.cancel(errStopped)
	defer func() { err = errors.Join(err, in.closeLookups()) }()
	if err := in.openLookups(drain); err != nil {
		return in.reason(err)
	}

	transactionalID := ""
	if in.e.cfg.ExactlyOnce {
		id, release, err := in.e.transactionalID(in.spec)
		if err != nil {
			return fmt.Errorf("processor %s: %w", in.spec.Name, err)
		}
		defer release()
		transactionalID = id
	}
	in.group, err = in.e.cfg.Cluster.Join(in.ctx, transport.GroupConfig{
		TransactionalID:    transactionalID,
		ControlRecords:     true,
		TransactionTimeout: in.e.cfg.TransactionTimeout,
		Group:              in.e.graph.Group(in.spec),
		ClientID:           in.e.cfg.ClientID,
		InstanceID:         in.e.cfg.InstanceID,
		Topics:             in.topics,
		Partitioning: transport.Partitioning{
			Explicit: in.changelogs(),
			By:       in.e.partitioners(),
		},
		Assigned: in.onAssigned,
		Revoked:  in.onRevoked,
		Lost:     in.onLost,
		Standbys: in.standbys.count(),
		Held:     in.standbys.held,
		Standby:  in.standbys.want,
	})
	if err != nil {
		return fmt.Errorf("processor %s: join group: %w", in.spec.Name, err)
	}
	defer in.group.Close()

	gp, err := in.newGoka()
	if err != nil {
		return fmt.Errorf("processor %s: %w", in.spec.Name, err)
	}
	if err := in.begin(in.ctx); err != nil {
		return err
	}
	var watchdog sync.WaitGroup
	watched := make(chan struct{})
	watchdog.Go(func() { in.watch(watched) })
	defer watchdog.Wait()
	defer close(watched)
	work, ctx := errgroup.WithContext(in.ctx)
	spawn := func(f func(context.Context) error) {
		work.Go(func() error {
			err := f(ctx)
			if err != nil { // tasks that wait for the broker must not hold up the end
				in.cancel(err)
			}
			return err
		})
	}
	spawn(in.committer.run)
	if in.spec.Timers != nil {
		spawn(in.alarms)
	}
	if in.standbys.count() > 0 {
		spawn(in.standbys.cleanUp)
	}
	spawn(in.poll)
	spawn(func(ctx context.Context) error { return in.drain(ctx, drain) })
	spawn(func(ctx context.Context) error {
		err := gp.Run(ctx)
		in.cancel(errors.Join(errStopped, err))
		return err
	})
	_ = work.Wait()
	in.closeTasks() // of a failure: nothing is committed
	in.opening.Wait()
	in.standbys.close()

	in.leave()
	return in.reason(context.Cause(in.ctx))
}

// leave leaves the group, if that can be done in time.
func (in *instance) leave() {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(in.ctx), in.e.cfg.LeaveTimeout)
	defer cancel()
	in.abort(ctx)
	if err := in.group.Leave(ctx); err != nil {
		in.log.Warn("could not leave the group; its session has to time out", "error", err)
	}
}

// reason returns an error, unless it came of the owner's wish to stop.
func (in *instance) reason(err error) error {
	if context.Cause(in.ctx) == errStopped {
		return nil
	}
	return err
}

// drain ends the instance in order: what was handled is committed. That is so
// when its owner wants it, and when a record stops the processor.
func (in *instance) drain(ctx context.Context, wanted <-chan struct{}) error {
	cause := errStopped
	select {
	case <-wanted:
	case cause = <-in.stopped:
	case <-ctx.Done():
		return nil
	}
	in.wait(event{kind: drained, err: cause})
	return nil
}

// stop ends the instance after a commit of what was handled before err.
func (in *instance) stop(err error) {
	select {
	case in.stopped <- err:
	default: // it stops already
	}
}

// fail ends the instance with an error.
func (in *instance) fail(err error) { in.cancel(err) }

// changelogs are the topics whose records go to the task's own partition.
func (in *instance) changelogs() (topics []string) {
	for _, s := range in.spec.States {
		topics = append(topics, s.Ref.Name)
	}
	return topics
}

// allTasks returns the tasks that are assigned, open or not.
func (in *instance) allTasks() []*task {
	in.mu.Lock()
	defer in.mu.Unlock()
	return slices.Collect(maps.Values(in.tasks))
}

// activeTasks returns the tasks that are open.
func (in *instance) activeTasks() []*task {
	in.mu.Lock()
	defer in.mu.Unlock()
	ts := make([]*task, 0, len(in.ready))
	for id := range in.ready {
		ts = append(ts, in.tasks[id])
	}
	return ts
}

// newGoka builds goka's processor with our parts in its sockets.
func (in *instance) newGoka() (*goka.Processor, error) {
	group := goka.Group(in.e.graph.Group(in.spec))
	var edges []goka.Edge
	for _, i := range in.spec.Inputs {
		edges = append(edges, goka.Input(goka.Stream(i.Ref.Name), rawCodec{}, in.callback))
	}
	for _, o := range in.spec.Outputs {
		edges = append(edges, goka.Output(goka.Stream(o.Name), rawCodec{}))
	}
	if in.spec.Loop != nil {
		edges = append(edges, goka.Loop(rawCodec{}, in.callback))
	}
	if len(in.spec.States) > 0 {
		edges = append(edges, goka.Persist(rawCodec{}))
	}
	return goka.NewProcessor(nil, goka.DefineGroup(group, edges...), in.sockets()...)
}

// callback is all that goka calls: the carrier says that a partition has
// records, which lie in the task's queue.
func (in *instance) callback(c goka.Context, _ any) {
	in.mu.Lock()
	t := in.tasks[c.Partition()]
	in.mu.Unlock()
	if t != nil {
		t.run()
	}
}
