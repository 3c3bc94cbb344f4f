//go:build unix

package kafkacluster

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"syscall"

	"golang.org/x/sync/errgroup"
)

// A Cluster is a running Kafka cluster. Its methods may be called concurrently; a broker's index is 0 to
// the number of brokers less one, and is its node.id as well.
type Cluster struct {
	cfg     Config // with defaults, JarDir and an absolute Dir
	tempDir bool   // Close removes Dir

	mu     sync.Mutex
	nodes  []*node
	closed bool
}

// Start starts a cluster and returns when all its brokers have registered, a controller leads and groups
// and transactions have their coordinators. That takes about ten seconds on two cores.
//
// The context only limits the start: the cluster lives until Close. If a broker dies the error is a
// *BrokerError with the end of its log; after any error nothing is left running.
func Start(ctx context.Context, cfg Config) (*Cluster, error) {
	cfg = cfg.withDefaults()
	if err := cfg.validate(); err != nil {
		return nil, err
	}
	if _, err := findJava(); err != nil {
		return nil, err
	}
	if cfg.JarDir == "" {
		var err error
		if cfg.JarDir, err = EnsureJars(ctx); err != nil {
			return nil, err
		}
	} else if err := checkJars(cfg.JarDir); err != nil {
		return nil, err
	}

	// Free ports may be taken by others between the search and the start.
	const attempts = 3
	for attempt := 1; ; attempt++ {
		c, err := startOnce(ctx, cfg)
		if err == nil || attempt == attempts || cfg.BasePort != 0 || !errors.Is(err, ErrPortTaken) {
			return c, err
		}
		cfg.Logger.Info("kafka: a port was taken meanwhile, trying others", "error", err)
	}
}

func startOnce(ctx context.Context, cfg Config) (*Cluster, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, cfg.StartTimeout, fmt.Errorf("not ready within %v", cfg.StartTimeout))
	defer cancel()

	c := &Cluster{cfg: cfg}
	if err := c.makeDir(); err != nil {
		return nil, err
	}
	if err := c.boot(ctx); err != nil {
		return nil, errors.Join(err, c.abandon())
	}
	return c, nil
}

func (c *Cluster) boot(ctx context.Context) error {
	base := c.cfg.BasePort
	if base == 0 {
		var err error
		if base, err = freePorts(c.cfg.portsPerBroker() * c.cfg.Brokers); err != nil {
			return fmt.Errorf("kafkacluster: %w", err)
		}
	}
	for i := range c.cfg.Brokers {
		c.nodes = append(c.nodes, &node{id: i, port: base + i, controllerPort: base + c.cfg.Brokers + i,
			listenerPorts: base + 2*c.cfg.Brokers + i*len(c.cfg.Listeners), dir: nodeDir(c.cfg.Dir, i)})
	}

	id := newClusterID()
	g, gctx := errgroup.WithContext(ctx)
	for _, n := range c.nodes {
		g.Go(func() error { return n.prepare(gctx, c.cfg.JarDir, id, c.properties(n), c.cfg.formatArgs()...) })
	}
	if err := g.Wait(); err != nil {
		return err
	}

	ids := make([]int, len(c.nodes))
	for i := range ids {
		ids[i] = i
	}
	if err := c.StartNode(ctx, ids...); err != nil {
		return err
	}
	return c.await(ctx, "groups and transactions have coordinators", coordinated)
}

// makeDir makes the cluster's folder, and refuses one that holds anything.
func (c *Cluster) makeDir() error {
	if c.cfg.Dir == "" {
		dir, err := os.MkdirTemp("", "millrace-kafka-*")
		if err != nil {
			return fmt.Errorf("kafkacluster: %w", err)
		}
		c.cfg.Dir, c.tempDir = dir, true
		return nil
	}
	dir, err := filepath.Abs(c.cfg.Dir)
	if err != nil {
		return fmt.Errorf("kafkacluster: %w", err)
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("kafkacluster: %w", err)
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return fmt.Errorf("kafkacluster: %w", err)
	}
	if len(entries) > 0 {
		return fmt.Errorf("kafkacluster: folder %s is not empty: Attach finds a cluster that was started there", dir)
	}
	c.cfg.Dir = dir
	return nil
}

// Addresses returns the addresses of all brokers, host:port, in their order, whether they run or not.
func (c *Cluster) Addresses() []string {
	out := make([]string, len(c.nodes))
	for i, n := range c.nodes {
		out[i] = n.address()
	}
	return out
}

// ListenerAddresses returns the addresses of all brokers at one of Config.Listeners, by its index.
func (c *Cluster) ListenerAddresses(i int) []string {
	out := make([]string, len(c.nodes))
	for k, n := range c.nodes {
		out[k] = fmt.Sprintf("%s:%d", loopback, n.listenerPorts+i)
	}
	return out
}

// Dir returns the folder with the cluster's data and logs: node<i>/server.log is broker i's.
func (c *Cluster) Dir() string { return c.cfg.Dir }

// StartNode starts brokers that are down, with their data and their ports, and returns when every running
// broker lists every other and a controller leads. That takes a majority: after an outage of the whole
// cluster, start several brokers in one call.
func (c *Cluster) StartNode(ctx context.Context, ids ...int) error {
	ctx, cancel := context.WithTimeoutCause(ctx, c.cfg.StartTimeout, fmt.Errorf("not ready within %v", c.cfg.StartTimeout))
	defer cancel()
	for _, i := range ids {
		err := c.with(i, func(n *node) error {
			c.cfg.Logger.Info("kafka: starting broker", "broker", i, "address", n.address())
			return n.start(c.cfg)
		})
		if err != nil {
			return err
		}
	}
	return c.await(ctx, "all running brokers have registered", registered)
}

// Stop ends a broker cleanly (SIGTERM): it hands over its partitions first. If it takes longer than
// Config.StopTimeout it is killed, and that is an error. A paused broker is resumed first.
func (c *Cluster) Stop(i int) error {
	return c.withRunning(i, "stopping", func(n *node) error {
		if n.paused {
			if err := n.proc.signal(syscall.SIGCONT); err != nil {
				return fmt.Errorf("kafkacluster: resuming broker %d: %w", n.id, err)
			}
		}
		return n.stop(c.cfg.StopTimeout)
	})
}

// Kill ends a broker at once (SIGKILL), as a crash does, and returns when the process is gone.
func (c *Cluster) Kill(i int) error {
	return c.withRunning(i, "killing", (*node).kill)
}

// Pause stops a broker's process in its tracks (SIGSTOP): its connections stay open and nothing answers.
// After the session timeout (4 s) the others go on without it.
func (c *Cluster) Pause(i int) error {
	return c.withRunning(i, "pausing", func(n *node) error { return n.setPaused(syscall.SIGSTOP, true) })
}

// Resume lets a paused broker go on (SIGCONT). A broker that was not paused is left as it is.
func (c *Cluster) Resume(i int) error {
	return c.withRunning(i, "resuming", func(n *node) error { return n.setPaused(syscall.SIGCONT, false) })
}

// AwaitInSync waits until every partition of every topic has a leader and all its replicas in sync.
func (c *Cluster) AwaitInSync(ctx context.Context) error {
	return c.await(ctx, "all replicas are in sync", inSync)
}

// Controller returns the index of the node that leads the controllers.
func (c *Cluster) Controller(ctx context.Context) (int, error) {
	err := errNoneRunning
	for _, m := range c.members() {
		var leader int
		if leader, err = quorumLeader(ctx, m.node); err == nil {
			return leader, nil
		}
	}
	return 0, err
}

// NodeStatus describes a broker.
type NodeStatus struct {
	Address string
	PID     int // 0 when it does not run
	Paused  bool
}

// Status returns the state of every broker's process.
func (c *Cluster) Status() []NodeStatus {
	c.mu.Lock()
	defer c.mu.Unlock()
	out := make([]NodeStatus, len(c.nodes))
	for i, n := range c.nodes {
		out[i].Address = n.address()
		if n.running() {
			out[i].PID, out[i].Paused = n.proc.pid(), n.paused
		}
	}
	return out
}

// Close kills all brokers and removes the cluster's folder if it is a temporary one; of a detached cluster
// it removes the state file. It does not stop them cleanly, which the last brokers of a cluster cannot do:
// without a majority of controllers they wait for an answer that does not come. A second call does nothing.
func (c *Cluster) Close() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return nil
	}
	c.closed = true
	var errs []error
	for _, n := range c.nodes {
		if n.proc != nil {
			errs = append(errs, n.kill())
		}
	}
	switch {
	case c.tempDir:
		errs = append(errs, os.RemoveAll(c.cfg.Dir))
	case c.cfg.Detached:
		if err := os.Remove(filepath.Join(c.cfg.Dir, stateFile)); !errors.Is(err, os.ErrNotExist) {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

// abandon closes a cluster that did not start, and leaves its folder as it found it: the error that is
// returned holds what the logs said.
func (c *Cluster) abandon() error {
	err := c.Close()
	if c.tempDir {
		return err
	}
	for _, n := range c.nodes {
		err = errors.Join(err, os.RemoveAll(n.dir))
	}
	return err
}

// with calls f with a node while holding the mutex, and saves what f changed.
func (c *Cluster) with(i int, f func(*node) error) error {
	if i < 0 || i >= len(c.nodes) {
		return fmt.Errorf("kafkacluster: no broker %d: the cluster has 0 to %d", i, len(c.nodes)-1)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return fmt.Errorf("kafkacluster: %w", ErrClosed)
	}
	return errors.Join(f(c.nodes[i]), c.save())
}

func (c *Cluster) withRunning(i int, doing string, f func(*node) error) error {
	return c.with(i, func(n *node) error {
		if !n.running() {
			return fmt.Errorf("kafkacluster: broker %d: %w", i, ErrNotRunning)
		}
		c.cfg.Logger.Info("kafka: "+doing+" broker", "broker", i, "pid", n.proc.pid())
		return f(n)
	})
}

// await polls a question about the brokers that run now.
func (c *Cluster) await(ctx context.Context, what string, check func(context.Context, []*member) error) error {
	return poll(ctx, what, c.members(), func(members []*member) error { return check(ctx, members) })
}

// members returns the nodes that run and are not paused.
func (c *Cluster) members() []*member {
	c.mu.Lock()
	defer c.mu.Unlock()
	var out []*member
	for _, n := range c.nodes {
		if !n.running() || n.paused {
			continue
		}
		out = append(out, &member{node: n, proc: n.proc, cluster: c})
	}
	return out
}

func nodeDir(dir string, i int) string { return filepath.Join(dir, fmt.Sprintf("node%d", i)) }

// newClusterID returns a random id in Kafka's form: a UUID's 16 bytes in unpadded URL-safe base64.
func newClusterID() string {
	b := make([]byte, 16)
	rand.Read(b) // never fails
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return base64.RawURLEncoding.EncodeToString(b)
}
