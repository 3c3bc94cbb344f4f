package pipeline

import (
	"fmt"
	"log/slog"
	"net"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/millrace/millrace/internal/engine"
)

// Config configures a service. The zero value of a field is its default.
type Config struct {
	// Brokers are addresses of the form host:port to find the cluster by.
	// Required.
	Brokers []string
	// StateDir is the folder for local state, below which each topology has a
	// folder of its own. It should survive restarts: what is lost is restored
	// from the changelogs. Two processes need two folders. Default
	// "millrace-state" in the working directory.
	StateDir string
	// Processors are the names of the processors to run, so that a topology
	// can be spread over processes. Default: all; an empty list that is not
	// nil is for none, in a process with views and emitters only.
	Processors []string
	// Views are the tables of which the service keeps whole copies, for
	// queries. Default: none.
	Views []Ref
	// ClientID is shown in the brokers' logs and quotas. Default: the
	// topology's name.
	ClientID string

	// Guarantee is what holds when something crashes: ExactlyOnce or
	// AtLeastOnce. Default ExactlyOnce.
	Guarantee Guarantee
	// CommitInterval is how often outputs, state and positions are committed.
	// A crash repeats about as much; a table that is joined lags by as much.
	// Default 100 ms.
	CommitInterval time.Duration
	// PrefetchBytes bounds the fetched records that wait, for each partition
	// of each input. Default 4 MiB.
	PrefetchBytes int64
	// CacheBytes bounds the decoded values that are kept in memory, for each
	// partition of each table. Default 32 MiB.
	CacheBytes int64

	// Partitions is the number of partitions of topics that are created and
	// whose declaration says nothing. Default 4.
	Partitions int
	// Replication is the replication factor of topics that are created.
	// Default: the cluster's.
	Replication int
	// NoTopicCreation makes a topic that does not exist an error.
	NoTopicCreation bool

	// DrainTimeout bounds how long Run goes on after its context ended, to
	// finish the records at hand and commit. Default 30 s.
	DrainTimeout time.Duration
	// RestartMin and RestartMax bound the wait before a processor that failed
	// for a reason that may pass starts again; it doubles each time. Defaults
	// 500 ms and 30 s.
	RestartMin, RestartMax time.Duration

	// HandlerTimeout is after how long a handler that has not returned is
	// reported as hung: logged with its record and its stack, counted, shown
	// in Status, and the service is not ready meanwhile. Default 1 min.
	HandlerTimeout time.Duration
	// StopHungHandlers makes a hung handler end the run with a *HangError, so
	// that the process can be started anew: the contexts of all handlers end,
	// and Run returns even if the handler does not. By default it is waited
	// for, and its partition and the commits of its processor wait with it.
	StopHungHandlers bool

	// Logger gets what happens. Default slog.Default().
	Logger *slog.Logger
	// Metrics gets what is counted and timed; see package metrics. Default:
	// nothing is.
	Metrics Metrics
	// Now is the clock. Default time.Now.
	Now func() time.Time

	tweak []func(*engine.Config)
}

// WithEngine changes what the engine gets. It is for the packages of this
// module, such as the test driver, and not part of the API.
func (c Config) WithEngine(f func(*engine.Config)) Config {
	c.tweak = append(slices.Clone(c.tweak), f)
	return c
}

// validate reports all that is wrong with the configuration for a topology.
func (c Config) validate(t *Topology) error {
	v := &validator{}
	where := "configuration"
	bad := func(format string, args ...any) { v.add(ErrConfig, where, format, args...) }
	if len(c.Brokers) == 0 && len(c.tweak) == 0 {
		bad("Brokers: no address")
	}
	for _, b := range c.Brokers {
		if host, port, err := net.SplitHostPort(b); err != nil || host == "" || port == "" {
			bad("Brokers: %q is not host:port", b)
		}
	}
	if _, err := ParseGuarantee(string(c.Guarantee)); c.Guarantee != "" && err != nil {
		bad("Guarantee: %q: use %s or %s", c.Guarantee, ExactlyOnce, AtLeastOnce)
	}
	names := t.Processors()
	for _, p := range c.Processors {
		if !slices.Contains(names, p) {
			bad("Processors: there is no %q; the topology has %s", p, strings.Join(names, ", "))
		}
	}
	defs := t.definitions()
	for _, r := range c.Views {
		switch d, ok := defs[r.Name()]; {
		case !ok:
			bad("Views: table %s is not part of the topology", r.Name())
		case d.Kind.String() != "table":
			bad("Views: %s is a topic, not a table", r.Name())
		}
	}
	for name, d := range map[string]time.Duration{"CommitInterval": c.CommitInterval, "DrainTimeout": c.DrainTimeout,
		"RestartMin": c.RestartMin, "RestartMax": c.RestartMax, "HandlerTimeout": c.HandlerTimeout} {
		if d < 0 {
			bad("%s: %v is negative", name, d)
		}
	}
	for name, n := range map[string]int64{"PrefetchBytes": c.PrefetchBytes, "CacheBytes": c.CacheBytes,
		"Partitions": int64(c.Partitions), "Replication": int64(c.Replication)} {
		if n < 0 {
			bad("%s: %d is negative", name, n)
		}
	}
	if c.RestartMin > 0 && c.RestartMax > 0 && c.RestartMin > c.RestartMax {
		bad("RestartMin: %v is more than RestartMax, %v", c.RestartMin, c.RestartMax)
	}
	if err := writable(c.stateDir()); err != nil && len(c.tweak) == 0 {
		bad("StateDir: %v", err)
	}
	if len(v.problems) > 0 {
		slices.SortFunc(v.problems, func(a, b *Problem) int { return strings.Compare(a.What, b.What) })
		return &ValidationError{fmt.Sprintf("configuration of %q", t.name), v.problems}
	}
	return nil
}

func (c Config) stateDir() string {
	if c.StateDir == "" {
		return "millrace-state"
	}
	return c.StateDir
}

// writable makes sure that files can be made in a folder.
func writable(dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	f, err := os.CreateTemp(dir, ".writable-")
	if err != nil {
		return err
	}
	return firstError(f.Close(), os.Remove(f.Name()))
}

func firstError(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

func (c Config) engine(t *Topology) engine.Config {
	e := engine.Config{
		ClientID:       c.ClientID,
		StateDir:       c.stateDir(),
		Processors:     c.Processors,
		ExactlyOnce:    c.Guarantee != AtLeastOnce,
		CommitInterval: c.CommitInterval,
		PrefetchBytes:  c.PrefetchBytes,
		CacheBytes:     c.CacheBytes,
		Partitions:     int32(c.Partitions),
		Replication:    int16(c.Replication),
		CreateTopics:   !c.NoTopicCreation,
		DrainTimeout:   c.DrainTimeout,
		RestartMin:     c.RestartMin,
		RestartMax:     c.RestartMax,
		HandlerTimeout: c.HandlerTimeout,
		StopHung:       c.StopHungHandlers,
		Logger:         c.Logger,
		Now:            c.Now,
		Metrics:        c.Metrics.engine(t.name),
	}
	if e.ClientID == "" {
		e.ClientID = t.name
	}
	for _, f := range c.tweak {
		f(&e)
	}
	return e
}
