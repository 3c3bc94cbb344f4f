package engine

import (
	"log/slog"
	"path/filepath"
	"strconv"
	"time"

	"github.com/millrace/millrace/internal/transport"
	"github.com/millrace/millrace/storage"
	"github.com/millrace/millrace/storage/leveldb"
)

// Config configures an engine. Package pipeline documents and validates what
// users see of it.
type Config struct {
	Cluster  transport.Cluster
	ClientID string
	StateDir string

	Processors []string // the names to run; nil: all

	// ExactlyOnce commits outputs, changelogs and offsets in transactions.
	ExactlyOnce        bool
	TransactionTimeout time.Duration // of an instance that is gone; default 10 s

	// InstanceID makes the members of the groups static; see GroupConfig.
	InstanceID string

	// Standbys is how many other members keep a copy of the state of each
	// partition up to date. Default 0.
	Standbys int

	// CleanupDelay is after how long state of a partition that is neither owned
	// nor kept as a standby is removed from the disk, with Standbys: others keep
	// copies then. Default 10 min.
	CleanupDelay time.Duration

	CommitInterval  time.Duration // default 100 ms
	GenerationBytes int64         // output bytes after which a commit comes early; default 16 MiB
	GenerationKeys  int           // changed keys of a partition, likewise; default 50,000
	PrefetchBytes   int64         // fetched bytes that wait, for each input partition; default 2 MiB
	CacheBytes      int64         // of clean state, for each table partition; default 32 MiB
	WriteBytes      int64         // of committed state that may wait for the store, for each table partition, twice for a while; default CacheBytes/2
	WriteRows       int64         // likewise, in rows of the changelog, which a start after a crash reads again; default 250,000
	StoreBytes      int64         // of LevelDB, for all stores together; default 128 MiB

	Partitions   int32 // of topics that are created and say nothing else; default 4
	Replication  int16 // likewise; default 0: the cluster's
	CreateTopics bool

	RestartMin   time.Duration // before the first restart of a failed processor; default 500 ms
	RestartMax   time.Duration // between later ones; default 30 s
	DrainTimeout time.Duration // for handlers and the last commit; default 30 s
	LeaveTimeout time.Duration // default 5 s

	HandlerTimeout time.Duration // after which a handler is reported as hung; default 1 min
	StopHung       bool          // a hung handler ends the run
	AbandonTimeout time.Duration // for handlers whose context has ended to return; default 5 s

	// Check looks for handlers that change shared values in place: for tests.
	Check bool
	// OpenStore replaces LevelDB below StateDir: for tests.
	OpenStore func(StoreSpec) (storage.Store, error)
	// RemoveStore goes with OpenStore: it removes what a closed store left.
	RemoveStore func(StoreSpec) error

	Logger  *slog.Logger
	Now     func() time.Time
	Metrics Metrics
}

func (c Config) withDefaults() Config {
	setDefault(&c.ClientID, "millrace")
	setDefault(&c.CleanupDelay, 10*time.Minute)
	setDefault(&c.CommitInterval, 100*time.Millisecond)
	setDefault(&c.GenerationBytes, 16<<20)
	setDefault(&c.GenerationKeys, 50_000)
	setDefault(&c.PrefetchBytes, 2<<20)
	setDefault(&c.CacheBytes, 32<<20)
	setDefault(&c.WriteBytes, max(c.CacheBytes/2, 1))
	setDefault(&c.WriteRows, 250_000)
	setDefault(&c.StoreBytes, 128<<20)
	setDefault(&c.Partitions, 4)
	setDefault(&c.RestartMin, 500*time.Millisecond)
	setDefault(&c.RestartMax, 30*time.Second)
	setDefault(&c.DrainTimeout, 30*time.Second)
	setDefault(&c.LeaveTimeout, 5*time.Second)
	setDefault(&c.HandlerTimeout, time.Minute)
	setDefault(&c.AbandonTimeout, 5*time.Second)
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

// StoreSpec says which store is wanted.
type StoreSpec struct {
	transport.TopicPartition
	TopicID   [16]byte
	Processor string
	Role      string // state, join, lookup or view: one folder serves one role
	Mode      storage.Mode
	Convert   bool // a store of the other mode becomes one of this
}

// Path returns the folder of the store below the state folder of its app.
func (s StoreSpec) Path() string {
	return filepath.Join(s.Processor, s.Role, s.Topic, strconv.Itoa(int(s.Partition)))
}

// openStore opens a store, by default in LevelDB.
func (e *Engine) openStore(s StoreSpec) (storage.Store, error) {
	s.TopicID = e.topicID(s.Topic)
	if e.cfg.OpenStore != nil {
		return e.cfg.OpenStore(s)
	}
	return leveldb.Open(e.folder(s), leveldb.Options{
		Identity:    storage.Identity{Topic: s.Topic, TopicID: s.TopicID, Partition: s.Partition},
		Mode:        s.Mode,
		Convert:     s.Convert,
		Cache:       e.blocks,
		WriteBuffer: e.writeBuffer(),
		Logger:      e.cfg.Logger,
	})
}

// removeStore removes a closed store.
func (e *Engine) removeStore(s StoreSpec) error {
	switch {
	case e.cfg.RemoveStore != nil:
		return e.cfg.RemoveStore(s)
	case e.cfg.OpenStore != nil:
		return nil
	}
	return leveldb.Remove(e.folder(s))
}

func (e *Engine) folder(s StoreSpec) string {
	return filepath.Join(e.cfg.StateDir, e.graph.Name, s.Path())
}
