package engine

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/millrace/millrace/internal/graph"
	"github.com/millrace/millrace/internal/transport"
	"github.com/millrace/millrace/storage/leveldb"
)

// Engine runs a topology, or some of its processors.
type Engine struct {
	cfg    Config
	graph  *graph.Topology
	chunks chunkPool
	blocks *leveldb.Cache // of all stores

	failures *failureLog
	deserted chan struct{} // a handler that hangs ends the run

	mu     sync.Mutex
	topics map[string]topicState
	states map[string]*processorState // by name
	views  map[string]*View
	left   map[string]map[int32]leftover // by processor; see leftovers
	change chan struct{}                 // closed at the next change of a state
	// trouble is why the engine does not get to run its processors.
	trouble error
}

// New returns an engine for a topology that is valid.
func New(g *graph.Topology, cfg Config) *Engine {
	e := &Engine{cfg: cfg.withDefaults(), graph: g, topics: map[string]topicState{},
		states: map[string]*processorState{}, views: map[string]*View{},
		left: map[string]map[int32]leftover{}, change: make(chan struct{}),
		failures: newFailureLog(), deserted: make(chan struct{}, 1)}
	e.blocks = newBlocks(e.cfg)
	for _, p := range e.selected() {
		e.states[p.Name] = &processorState{phase: Starting}
	}
	return e
}

// selected are the processors to run.
func (e *Engine) selected() []*graph.Processor {
	if e.cfg.Processors == nil {
		return e.graph.Processors
	}
	var ps []*graph.Processor
	for _, p := range e.graph.Processors {
		for _, name := range e.cfg.Processors {
			if p.Name == name {
				ps = append(ps, p)
			}
		}
	}
	return ps
}

// Run creates or checks the topics and runs the processors until ctx ends,
// which drains them: the records at hand are finished and committed. It
// returns the errors of all processors; one that cannot go on drains the
// others.
func (e *Engine) Run(ctx context.Context) error {
	if err := e.prepareTopics(ctx); err != nil {
		var wrong *TopicsError
		if ctx.Err() != nil && !errors.As(err, &wrong) {
			return nil // it was to end before it began
		}
		return err
	}
	// Work goes on after ctx ended, until it is drained.
	hard, abort := context.WithCancel(context.WithoutCancel(ctx))
	defer abort()
	soft, drain := context.WithCancel(ctx)
	defer drain()

	var (
		wg   sync.WaitGroup
		mu   sync.Mutex
		errs []error
	)
	collect := func(err error) {
		if err != nil {
			mu.Lock()
			defer mu.Unlock()
			errs = append(errs, err)
			drain()
		}
	}
	// Views have nothing to drain.
	viewing, closeAll := context.WithCancel(hard)
	defer closeAll()
	stopViews := context.AfterFunc(soft, closeAll)
	err := e.openViews(viewing)
	stopViews()
	if err != nil && ctx.Err() != nil {
		return nil
	}
	if err != nil {
		return err
	}
	for _, p := range e.selected() {
		wg.Go(func() { collect(e.supervise(hard, soft, p)) })
	}
	var timer sync.WaitGroup // ends with hard
	timer.Go(func() {
		select {
		case <-soft.Done():
		case <-hard.Done():
		}
		select {
		case <-time.After(e.cfg.DrainTimeout):
			e.cfg.Logger.Warn("could not drain in time; what was not committed will be processed again",
				"timeout", e.cfg.DrainTimeout)
			abort()
		case <-hard.Done():
		}
	})
	ended := make(chan struct{})
	go func() { // ends with the processors
		wg.Wait()
		close(ended)
	}()
	for _, err := range e.await(ended, hard.Done(), drain) {
		collect(err)
	}
	if len(e.selected()) == 0 {
		<-soft.Done()
	}
	abort()
	timer.Wait()
	collect(e.closeViews())
	mu.Lock() // a handler that was left behind may return yet
	defer mu.Unlock()
	return errors.Join(errs...)
}

// supervise runs instances of one processor until soft ends or an error comes
// that a restart cannot mend.
func (e *Engine) supervise(hard, soft context.Context, p *graph.Processor) error {
	delay := e.cfg.RestartMin
	for {
		began := time.Now()
		in := newInstance(hard, e, p)
		e.setPhase(p.Name, Starting, nil, in)
		err := in.run(soft.Done())
		switch {
		case soft.Err() != nil && (err == nil || errors.Is(err, context.Canceled)):
			e.setPhase(p.Name, Stopped, nil, nil)
			return nil
		case isFatal(err):
			e.setPhase(p.Name, Failed, err, nil)
			return err
		case soft.Err() != nil && (transport.Fenced(err) || errors.Is(err, errLostInTransaction)):
			// The partitions are another's, who does again what was not committed.
			in.log.Warn("the last commit came too late: what it held is done again by others", "error", err)
			e.setPhase(p.Name, Stopped, nil, nil)
			return nil
		case soft.Err() != nil:
			e.setPhase(p.Name, Failed, err, nil)
			return err
		case err == nil:
			err = fmt.Errorf("processor %s: ended without a reason", p.Name)
		}
		if time.Since(began) > e.cfg.RestartMax {
			delay = e.cfg.RestartMin
		}
		e.setPhase(p.Name, Waiting, err, nil)
		e.cfg.Metrics.restarted(p.Name, err)
		in.log.Error("processor failed; it starts again", "error", err, "in", delay)
		select {
		case <-time.After(delay):
		case <-soft.Done():
			e.setPhase(p.Name, Stopped, nil, nil)
			return nil
		}
		delay = min(2*delay, e.cfg.RestartMax)
	}
}
