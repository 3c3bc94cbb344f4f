package embedded

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
)

// Broker is an embedded broker. Its methods may be called concurrently.
//
//	Start -> running <-> stopped (Stop, Resume)
//	            \          /
//	              closed
type Broker struct {
	cfg    Config
	folder *folder

	mu        sync.Mutex
	run       *run // nil while stopped
	ports     []int
	addresses []string
	closed    bool
	closeErr  error
}

// run is what lives from a start to the next stop.
type run struct {
	cluster *kfake.Cluster
	front   *front
	log     *clusterLog
}

// Start starts a broker, and returns when clients can connect. Topics, records
// and group offsets that an earlier broker left in the folder are there again.
// If that one was killed, its files are repaired first: see the package's
// description.
//
// The errors to tell apart are [LockedError], [PortError], [FolderError] and
// [CorruptError]. The context is for the start only: it does not end the
// broker. Call Close when done.
func Start(ctx context.Context, cfg Config) (*Broker, error) {
	cfg = cfg.withDefaults()
	if err := cfg.validate(); err != nil {
		return nil, err
	}
	f, err := openFolder(cfg.Dir)
	if err != nil {
		return nil, err
	}
	b := &Broker{cfg: cfg, folder: f, ports: make([]int, cfg.Nodes)}
	if cfg.Port != 0 {
		for i := range b.ports {
			b.ports[i] = cfg.Port + i
		}
	}
	if b.run, err = b.start(ctx); err != nil {
		return nil, errors.Join(err, f.close())
	}
	for i, a := range b.run.cluster.ListenAddrs() {
		_, port, _ := net.SplitHostPort(a) // of a listener: well-formed
		b.ports[i], _ = strconv.Atoi(port)
		b.addresses = append(b.addresses, a)
	}
	cfg.Logger.Warn("embedded Kafka broker started: for development and tests only (one replica, no authentication)",
		"addresses", b.addresses, "folder", f.dir, "temporary", f.temporary)
	return b, nil
}

// start repairs the folder if it must and starts kfake on it.
func (b *Broker) start(ctx context.Context) (*run, error) {
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("embedded broker: start: %w", err)
	}
	clean, err := b.folder.isClean()
	if err != nil {
		return nil, fmt.Errorf("embedded broker: data folder: %w", err)
	}
	if err := recoverFolder(ctx, b.folder.data(), clean, b.cfg.Logger); err != nil {
		return nil, err
	}
	r := &run{front: newFront(b.cfg.Host, b.cfg.Logger, b.folder), log: newClusterLog(b.cfg.Logger)}
	opts := []kfake.Opt{
		kfake.Ports(b.ports...),
		kfake.ListenFn(r.front.listen),
		kfake.ClusterID("millrace-embedded"),
		kfake.DataDir(b.folder.data()),
		kfake.DefaultNumPartitions(int(b.cfg.Partitions)),
		kfake.BrokerConfigs(b.cfg.settings()),
		kfake.WithLogger(r.log),
	}
	if b.cfg.AutoCreateTopics {
		opts = append(opts, kfake.AllowAutoTopicCreation())
	}
	if b.cfg.SyncWrites {
		opts = append(opts, kfake.SyncWrites())
	}
	// From here on the files change: a kill leaves a folder without the mark.
	if err := b.folder.setClean(false); err != nil {
		return nil, fmt.Errorf("embedded broker: data folder: %w", err)
	}
	if r.cluster, err = kfake.NewCluster(opts...); err != nil {
		// Nothing was served. kfake repairs what it loads in place, so that the
		// mark is due only if it did not get that far.
		var port *PortError
		if clean && errors.As(err, &port) {
			err = errors.Join(err, b.folder.setClean(true))
		}
		r.front.wait()
		return nil, fmt.Errorf("embedded broker: start: %w", err)
	}
	return r, nil
}

// Addresses returns the bootstrap addresses, host:port, one for each node. They
// stay the same for the broker's life.
func (b *Broker) Addresses() []string { return slices.Clone(b.addresses) }

// Stop stops the broker in order, as if a cluster went away: connections are
// closed, the port refuses new ones, the state is saved. Transactions that are
// open stay so, and can be ended after Resume within their timeout. A stopped
// broker keeps its folder locked.
func (b *Broker) Stop() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.stop()
}

func (b *Broker) stop() error {
	if b.run == nil {
		return nil
	}
	r := b.run
	b.run = nil
	r.log.keepErrors()
	r.cluster.Close()
	r.front.wait()
	if err := r.log.errors(); err != nil {
		return fmt.Errorf("embedded broker: save state: %w", err)
	}
	if err := b.folder.setClean(true); err != nil {
		return fmt.Errorf("embedded broker: data folder: %w", err)
	}
	return nil
}

// Resume starts a stopped broker again, at the same addresses. If another
// program has taken a port meanwhile, it tries until the context is done. On a
// running broker it does nothing.
func (b *Broker) Resume(ctx context.Context) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		return ErrStopped
	}
	if b.run != nil {
		return nil
	}
	retry := time.NewTicker(20 * time.Millisecond)
	defer retry.Stop()
	for {
		r, err := b.start(ctx)
		if err == nil {
			b.run = r
			return nil
		}
		var port *PortError
		if !errors.As(err, &port) {
			return err
		}
		select {
		case <-ctx.Done():
			return errors.Join(err, ctx.Err())
		case <-retry.C:
		}
	}
}

// Restart is Stop and Resume: clients lose their connections and find the
// broker again at the same addresses.
func (b *Broker) Restart(ctx context.Context) error {
	return errors.Join(b.Stop(), b.Resume(ctx))
}

// Close stops the broker, saves its state, unlocks its folder, and removes that
// if it is temporary. Further calls return what the first returned.
func (b *Broker) Close() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.closed {
		b.closed = true
		b.closeErr = errors.Join(b.stop(), b.folder.close())
	}
	return b.closeErr
}
