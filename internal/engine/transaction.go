package engine

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"github.com/gofrs/flock"

	"github.com/millrace/millrace/internal/graph"
)

// Exactly-once. One transactional producer serves the instance, so one
// transaction spans what all its tasks did between two commits: outputs,
// changelogs, offsets.
//
//	Begin ──▶ tasks send ──▶ hold, freeze ──▶ flush ──▶ CommitTransaction ──▶ Begin, release
//	               ▲                                                              │
//	               └──────────────────────────────────────────────────────────────┘
//
// While a transaction ends, handlers go on, but what they send belongs to the
// next one: it is staged and held back. A failure before the transaction's end
// aborts it in place, see abort.go; any other ends the instance, and the next
// one begins from what was committed. Nothing has to be undone in the stores for
// that: they are given a generation only after its transaction was committed.
// What a killed instance left open is aborted when the next one of its
// transactional id begins.

// errLostInTransaction ends an instance whose transaction holds records of a
// partition that is another's now.
var errLostInTransaction = errors.New("a partition was lost in the middle of a transaction, which is aborted")

// begin begins the next transaction.
func (in *instance) begin(ctx context.Context) error {
	if !in.e.cfg.ExactlyOnce {
		return nil
	}
	if err := in.group.Begin(ctx); err != nil {
		return fmt.Errorf("processor %s: %w", in.spec.Name, err)
	}
	return nil
}

// hold makes all tasks stage their sends from their next freeze on, and those
// too that become active meanwhile. It returns the active ones.
func (in *instance) hold() []*task {
	in.mu.Lock()
	in.holding = true
	in.mu.Unlock()
	return in.activeTasks()
}

// release lets the tasks send what they staged: into the transaction that has
// begun by now.
func (in *instance) release() {
	in.mu.Lock()
	in.holding = false
	in.mu.Unlock()
	var pushes sync.WaitGroup // beside each other: all partitions get to the brokers at once
	for _, t := range in.activeTasks() {
		pushes.Go(func() {
			t.lock()
			if t.held {
				t.held = false
				t.cur.out.push(t.ctx, in.group)
			}
			t.mu.Unlock()
			t.signal() // it may have stopped for having staged too much
		})
	}
	pushes.Wait()
}

// activate lets a task process that was opened. The caller holds in.mu.
func (in *instance) activate(t *task) {
	t.mu.Lock()
	t.held = in.holding
	t.mu.Unlock()
	in.ready[t.id] = true
}

// abort gives up the transaction of an instance that ends.
func (in *instance) abort(ctx context.Context) {
	if !in.e.cfg.ExactlyOnce {
		return
	}
	if err := in.group.AbortTransaction(ctx); err != nil {
		in.log.Warn("could not abort the transaction; its timeout, or the next start, does", "error", err)
	}
}

// transactionalID returns the id under which a processor's transactions run in
// this state folder. It is kept in a file, so that a restarted process has the
// same one and aborts at once what a killed one left open, and it is locked: a
// second process with it would fence the first.
func (e *Engine) transactionalID(spec *graph.Processor) (id string, release func() error, err error) {
	group := e.graph.Group(spec)
	if e.cfg.OpenStore != nil { // no folder
		return group + "-" + e.cfg.ClientID, func() error { return nil }, nil
	}
	dir := filepath.Join(e.cfg.StateDir, e.graph.Name, spec.Name)
	path := filepath.Join(dir, "transactional-id")
	if err := os.MkdirAll(dir, 0o750); err != nil {
		return "", nil, fmt.Errorf("transactional id: %w", err)
	}
	lock := flock.New(path + ".lock")
	switch ok, err := lock.TryLock(); {
	case err != nil:
		return "", nil, fmt.Errorf("transactional id: lock %s: %w", path, err)
	case !ok:
		return "", nil, fmt.Errorf("state folder %s is used by another process: give each its own", dir)
	}
	b, err := os.ReadFile(path)
	if id = string(b); err == nil && strings.HasPrefix(id, group+"-") {
		return id, lock.Unlock, nil
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", nil, errors.Join(fmt.Errorf("transactional id: %w", err), lock.Unlock())
	}
	id = group + "-" + strings.ToLower(rand.Text())
	if err := os.WriteFile(path, []byte(id), 0o640); err != nil {
		return "", nil, errors.Join(fmt.Errorf("transactional id: %w", err), lock.Unlock())
	}
	return id, lock.Unlock, nil
}
