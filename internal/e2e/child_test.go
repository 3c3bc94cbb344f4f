package e2e

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/millrace/millrace/internal/engine"
	"github.com/millrace/millrace/internal/transport/kafka"
	"github.com/millrace/millrace/pipeline"
)

// The test binary runs as a service of its own when these are set.
const (
	childApp       = "MILLRACE_E2E_APP"
	childBrokers   = "MILLRACE_E2E_BROKERS"
	childState     = "MILLRACE_E2E_STATE"
	childGuarantee = "MILLRACE_E2E_GUARANTEE" // with ExactlyOnce there are standbys
	childTopology  = "MILLRACE_E2E_TOPOLOGY"  // a key of topologies
	childID        = "MILLRACE_E2E_ID"        // the application id, if not the topology's name
	childPeers     = "MILLRACE_E2E_PEERS"     // not empty: processes watch each other, and no session times out
)

// topologies are what a child can run.
var topologies = map[string]func(app) *pipeline.Topology{"three": app.three, "enriched": app.enriched,
	"one": app.one, "two": app.two, "shared-one": app.sharedOne, "shared-two": app.sharedTwo}

// child runs a topology until SIGTERM, and tells its status in lines
// of JSON.
func child() int {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	fail := func(err error) int {
		fmt.Fprintln(os.Stderr, "service:", err)
		return 1
	}
	kc := kafka.Config{Brokers: strings.Split(os.Getenv(childBrokers), ","), SessionTimeout: 6 * time.Second, Logger: logger()}
	if os.Getenv(childPeers) != "" {
		kc.PeerAddress, kc.SessionTimeout = "127.0.0.1:0", 30*time.Minute
	}
	cluster, err := kafka.New(ctx, kc)
	if err != nil {
		return fail(err)
	}
	defer cluster.Close()
	g := pipeline.Guarantee(os.Getenv(childGuarantee))
	standbys := 0
	if g == pipeline.ExactlyOnce {
		standbys = 1
	}
	topology := topologies[os.Getenv(childTopology)]
	if topology == nil {
		return fail(fmt.Errorf("%s is none of a child's topologies", os.Getenv(childTopology)))
	}
	s, err := pipeline.NewService(topology(app(os.Getenv(childApp))), pipeline.Config{
		StateDir: os.Getenv(childState), ApplicationID: os.Getenv(childID), ClientID: fmt.Sprint("child-", os.Getpid()), Logger: logger(),
		Guarantee: g, StandbyReplicas: standbys, Partitions: 4,
	}.WithEngine(func(e *engine.Config) { e.Cluster = cluster }))
	if err != nil {
		return fail(err)
	}
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	out := bufio.NewWriter(os.Stdout)
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case err := <-done:
			if err != nil {
				return fail(err)
			}
			return 0
		case <-tick.C:
			if json.NewEncoder(out).Encode(s.Status()) != nil || out.Flush() != nil {
				return fail(fmt.Errorf("nobody reads the status"))
			}
		}
	}
}
