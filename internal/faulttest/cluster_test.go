//go:build kafka

package faulttest

import (
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/millrace/millrace/internal/kafkacluster"
)

// cluster is a cluster whose brokers a test may break.
type cluster struct {
	*kafkacluster.Cluster
	t   *testing.T
	ctx context.Context
}

// newCluster starts a cluster of three brokers, with further listeners.
func newCluster(t *testing.T, listeners ...kafkacluster.Listener) cluster {
	t.Helper()
	k, err := kafkacluster.Start(t.Context(), kafkacluster.Config{
		Dir: t.TempDir(), Logger: slog.New(slog.DiscardHandler), Listeners: listeners,
		StartTimeout: patient, // of brokers that come back while others work
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := k.Close(); err != nil {
			t.Error(err)
		}
	})
	return cluster{k, t, t.Context()}
}

// back starts a broker again and waits until it has caught up.
func (k cluster) back(i int) {
	k.t.Helper()
	if err := k.StartNode(k.ctx, i); err != nil {
		k.t.Fatal(err)
	}
	k.inSync()
}

func (k cluster) inSync() {
	k.t.Helper()
	ctx, cancel := context.WithTimeout(k.ctx, patient)
	defer cancel()
	if err := k.AwaitInSync(ctx); err != nil {
		k.t.Fatal(err)
	}
}

// stopped, killed and paused do that to a broker, and mend it after a while.
func (k cluster) stopped(x *run, i int) {
	x.Helper()
	x.must(k.Stop(i))
	x.fault("broker stopped")
	x.pass(2 * time.Second)
	k.back(i)
}

func (k cluster) killed(x *run, i int) {
	x.Helper()
	x.must(k.Kill(i))
	x.fault("broker killed")
	x.pass(2 * time.Second)
	k.back(i)
}

// paused lets a broker sleep for longer than its session with the controller.
func (k cluster) paused(x *run, i int) {
	x.Helper()
	x.must(k.Pause(i))
	x.fault("broker paused")
	x.pass(7 * time.Second)
	x.must(k.Resume(i))
	k.inSync()
}

// coordinators returns the brokers that coordinate the group of a processor and
// the transactions of its first member.
func (x *run) coordinators(processor string) (group, transactions int) {
	x.Helper()
	id, err := os.ReadFile(filepath.Join(x.services[0].Dir, x.w.name(), processor, "transactional-id"))
	x.must(err)
	name := x.w.name() + "-" + processor
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		g, t := x.admin.FindGroupCoordinators(x.ctx, name)[name], x.admin.FindTxnCoordinators(x.ctx, string(id))[string(id)]
		if g.Err == nil && t.Err == nil {
			return int(g.NodeID), int(t.NodeID)
		}
		select {
		case <-tick.C:
		case <-x.ctx.Done():
			x.Fatalf("no coordinators: %v, %v", g.Err, t.Err)
		}
	}
}
