//go:build kafka

package soak

import (
	"context"
	"os"
	"testing"

	"github.com/millrace/millrace/internal/kafkacluster"
)

// The same day on a real cluster, whose brokers are restarted one after the
// other: in turn by an orderly stop and by kill -9. It takes minutes in its
// shortest form, and runs when MILLRACE_SOAK says for how long.
func TestSoakOnKafka(t *testing.T) {
	if os.Getenv("MILLRACE_SOAK") == "" {
		t.Skip("MILLRACE_SOAK is not set")
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	c, err := kafkacluster.Start(ctx, kafkacluster.Config{StartTimeout: patience}) // brokers that come back do so while the app works
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	})
	testSoak(t, &restarted{cluster: c})
}

// restarted has one broker after the other restarted.
type restarted struct {
	cluster *kafkacluster.Cluster
	away    int // the broker that is
}

func (r *restarted) addresses() []string { return r.cluster.Addresses() }
func (r *restarted) fails(int) bool      { return true }

func (r *restarted) fail(t *testing.T, hour int) {
	t.Helper()
	r.away = hour % 3
	end := r.cluster.Kill
	if hour%2 == 0 {
		end = r.cluster.Stop
	}
	if err := end(r.away); err != nil {
		t.Fatal(err)
	}
}

func (r *restarted) mend(t *testing.T) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := r.cluster.StartNode(ctx, r.away); err != nil {
		t.Fatal(err)
	}
	if err := r.cluster.AwaitInSync(ctx); err != nil {
		t.Fatal(err)
	}
}
