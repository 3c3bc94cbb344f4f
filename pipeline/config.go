package pipeline

import (
	"log/slog"
	"slices"
	"time"

	"github.com/millrace/millrace/internal/engine"
)

// Config configures a service. The zero value of a field is its default.
type Config struct {
	// Brokers are addresses of the form host:port to find the cluster by.
	// Required.
	Brokers []string
	// ApplicationID is the name under which the topology runs, if not its own:
	// that of its consumer groups, its state folder, its manifest and its
	// metrics. Every topic and table that its processors write then has the id
	// and a dot before its name, those that others write have the same name for
	// all. So one topology runs several times on one cluster, of which none
	// touches what another has: a replay, for example (tool.Begin says where it
	// begins). As names are. Default: the topology's name.
	ApplicationID string
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
	// ApplicationID.
	ClientID string

	// TLS encrypts the connections to the brokers. Default: off.
	TLS TLS
	// SASL authenticates to the brokers. Default: not.
	SASL SASL
	// Rack is where the process runs, in the words of the brokers'
	// broker.rack: it then fetches from a replica there, if the brokers have a
	// replica.selector.class (KIP-392). Default: from the leaders.
	Rack string
	// Compression is how what is written is compressed: none, gzip, snappy,
	// lz4 or zstd. Default none.
	Compression Compression
	// ConnectTimeout bounds how long a start waits for a broker to answer. A
	// refusal, of a certificate or a password, is an error at once. Later
	// outages are waited out. Default 30 s.
	ConnectTimeout time.Duration

	// Guarantee is what holds when something crashes: ExactlyOnce or
	// AtLeastOnce. Default ExactlyOnce.
	Guarantee Guarantee
	// TransactionTimeout is after how long the brokers abort a transaction of a
	// process that is gone and that nobody replaces: so long may readers of
	// committed records wait for what lies behind it. A commit that takes longer,
	// with the handlers before it, is aborted and done again. From 1 s, and more
	// than CommitInterval, to 15 min, which the brokers may bound further
	// (transaction.max.timeout.ms). Default 10 s.
	TransactionTimeout time.Duration
	// SessionTimeout is how long a process may be silent before its partitions
	// go to others: so long nothing is done of the partitions of one that was
	// killed. The brokers bound it (group.min.session.timeout.ms, 6 s, and
	// group.max.session.timeout.ms, 30 min). From 1 s to 30 min. Default 10 s.
	SessionTimeout time.Duration
	// InstanceID makes the process a static member of its groups (KIP-345): one
	// that comes back under the same id within SessionTimeout has its partitions
	// again, and nobody else's move. On the other hand a stop does not hand them
	// over: they wait for SessionTimeout. Two processes need two ids; the older
	// one ends with ErrInstanceIDTaken. Letters, digits, '.', '_' and '-', 249 at
	// most. Default: none.
	InstanceID string
	// StandbyReplicas is how many other processes keep a copy of the state of
	// each partition of a processor, kept up to date from its changelogs: who
	// takes over the partitions of a process that is gone then has their state
	// already, and reads only the last of it. There are never more than other
	// processes, each copy takes as much disk as the state itself and reads the
	// changelogs. All processes of a processor should have the same. From 0 to
	// 100. Default 0: a new owner reads the whole changelog, unless it has an older
	// copy on its disk.
	StandbyReplicas int
	// PeerAddress is where the other processes of the topology watch this one,
	// host:port: its own address, which they can connect to; port 0 takes one that
	// is free. When a process is killed, those that watch it know at once, and have
	// its partitions go to others: without it, and when a machine or a network is
	// gone, that takes SessionTimeout. Nothing but a random number is sent there. A
	// process with an InstanceID is not watched. Default: none.
	PeerAddress string
	// CommitInterval is how often outputs, state and positions are committed.
	// A crash repeats about as much; a table that is joined lags by as much.
	// Default 100 ms.
	CommitInterval time.Duration
	// CommitBytes and CommitKeys make a commit come before its interval is over:
	// when a partition has emitted as many bytes, or changed as many keys of its
	// tables. So they bound what waits in memory for a commit. Default 16 MiB
	// and 50,000.
	CommitBytes int64
	CommitKeys  int
	// PrefetchBytes bounds the fetched records that wait, for each partition
	// of each input. Default 2 MiB.
	PrefetchBytes int64
	// CacheBytes bounds the decoded values that are kept in memory, for each
	// partition of each table. Up to a half of it is state that is committed and
	// waits to be written to the disk, and as much again while that is done; a
	// start after a crash reads so much of the changelog, at most 250,000 records.
	// Filters of the keys that are on the disk come on top: 1.5 bytes for each,
	// up to a fourth of CacheBytes. Default 32 MiB.
	CacheBytes int64
	// StoreBytes bounds the memory of LevelDB, for all tables and views of the
	// service together. One half caches blocks of the files. The other half are
	// the write buffers, in equal parts for the partitions of all tables and
	// views, of at least 128 KiB and at most 4 MiB each: while a buffer is
	// written out a second one takes its place. Below 512 KiB or so for each
	// partition a table that is written without a pause costs more processor
	// time. Default 128 MiB.
	StoreBytes int64

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

// WithDefaults returns the configuration with the defaults filled in that do
// not depend on the topology or on the cluster.
func (c Config) WithDefaults() Config {
	setDefault(&c.StateDir, "millrace-state")
	setDefault(&c.Guarantee, ExactlyOnce)
	setDefault(&c.Compression, CompressionNone)
	setDefault(&c.ConnectTimeout, 30*time.Second)
	setDefault(&c.TransactionTimeout, 10*time.Second)
	setDefault(&c.SessionTimeout, 10*time.Second)
	setDefault(&c.CommitInterval, 100*time.Millisecond)
	setDefault(&c.CommitBytes, 16<<20)
	setDefault(&c.CommitKeys, 50_000)
	setDefault(&c.PrefetchBytes, 2<<20)
	setDefault(&c.CacheBytes, 32<<20)
	setDefault(&c.StoreBytes, 128<<20)
	setDefault(&c.Partitions, 4)
	setDefault(&c.DrainTimeout, 30*time.Second)
	setDefault(&c.RestartMin, 500*time.Millisecond)
	setDefault(&c.RestartMax, 30*time.Second)
	setDefault(&c.HandlerTimeout, time.Minute)
	if c.Logger == nil {
		c.Logger = slog.Default()
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	return c
}

func setDefault[T comparable](p *T, v T) {
	var zero T
	if *p == zero {
		*p = v
	}
}

func (c Config) engine(t *Topology) engine.Config {
	c = c.WithDefaults()
	e := engine.Config{
		ClientID:           c.ClientID,
		StateDir:           c.StateDir,
		Processors:         c.Processors,
		ExactlyOnce:        c.Guarantee != AtLeastOnce,
		CommitInterval:     c.CommitInterval,
		TransactionTimeout: c.TransactionTimeout,
		InstanceID:         c.InstanceID,
		Standbys:           c.StandbyReplicas,
		GenerationBytes:    c.CommitBytes,
		GenerationKeys:     c.CommitKeys,
		PrefetchBytes:      c.PrefetchBytes,
		CacheBytes:         c.CacheBytes,
		StoreBytes:         c.StoreBytes,
		Partitions:         int32(c.Partitions),
		Replication:        int16(c.Replication),
		CreateTopics:       !c.NoTopicCreation,
		DrainTimeout:       c.DrainTimeout,
		RestartMin:         c.RestartMin,
		RestartMax:         c.RestartMax,
		HandlerTimeout:     c.HandlerTimeout,
		StopHung:           c.StopHungHandlers,
		Logger:             c.Logger,
		Now:                c.Now,
		Metrics:            c.Metrics.engine(c.application(t)),
	}
	if e.ClientID == "" {
		e.ClientID = c.application(t)
	}
	for _, f := range c.tweak {
		f(&e)
	}
	return e
}
