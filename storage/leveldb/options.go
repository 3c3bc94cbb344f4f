package leveldb

import (
	"errors"
	"fmt"
	"log/slog"

	"github.com/syndtr/goleveldb/leveldb/filter"
	"github.com/syndtr/goleveldb/leveldb/opt"
	ldb "github.com/syndtr/goleveldb/leveldb/storage"

	"github.com/millrace/millrace/storage"
)

// Options configure a store.
type Options struct {
	// Identity is the changelog that the store belongs to. A store of another
	// one is moved aside.
	Identity storage.Identity
	// Mode is how the store is written. A folder that was written in the other
	// mode is moved aside, unless Convert is set: one folder serves one role.
	Mode storage.Mode
	// Convert changes the mode of a store that was written in the other one,
	// and keeps what it holds. It is for a folder that serves the state of a
	// processor and its standby in turn.
	Convert bool
	// BlockCache is the memory for uncompressed blocks of this store, in bytes.
	// Default 8 MiB.
	BlockCache int
	// Cache is memory for uncompressed blocks that stores share, instead of
	// BlockCache. Default: none is shared.
	Cache *Cache
	// WriteBuffer is the size of LevelDB's memory table, in bytes. It is taken
	// as a whole when the store is opened, whatever the store holds; up to twice
	// as much is in memory while it is written, and is read from the journal
	// when the store is opened again. A batch that is larger has a table of its
	// own size. Default 4 MiB.
	WriteBuffer int
	// Sync has every batch reach the disk before Apply returns, which takes as
	// long as the disk does, often milliseconds. Without it a crash of the
	// machine, not of the process, may cost the last batches, which the
	// changelog has. Default false.
	Sync bool
	// NoReplace makes Open return an error for a store that cannot be trusted,
	// instead of moving it aside.
	NoReplace bool
	// Logger gets a line for what is moved aside or was lost. Default
	// slog.Default().
	Logger *slog.Logger

	// wrap replaces the file system, for tests.
	wrap func(ldb.Storage) ldb.Storage
	// noSync never waits for the disk, for tests: a killed process does not
	// need it.
	noSync bool
}

func (o Options) withDefaults() Options {
	if o.BlockCache == 0 {
		o.BlockCache = 8 << 20
	}
	if o.WriteBuffer == 0 {
		o.WriteBuffer = 4 << 20
	}
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	return o
}

// validate returns every fault of the options.
func (o Options) validate() error {
	var errs []error
	if n := len(o.Identity.Topic); n == 0 || n > maxTopic {
		errs = append(errs, fmt.Errorf("the changelog's name has %d bytes; want 1 to %d", n, maxTopic))
	}
	if o.Identity.Partition < 0 {
		errs = append(errs, fmt.Errorf("partition %d is negative", o.Identity.Partition))
	}
	if o.Mode != storage.Owner && o.Mode != storage.Follower {
		errs = append(errs, fmt.Errorf("unknown mode %s", o.Mode))
	}
	if o.BlockCache < 0 {
		errs = append(errs, fmt.Errorf("block cache of %d bytes is negative", o.BlockCache))
	}
	if o.WriteBuffer < 0 {
		errs = append(errs, fmt.Errorf("write buffer of %d bytes is negative", o.WriteBuffer))
	}
	return errors.Join(errs...)
}

// l0Tables is how many memory tables are written to files of their own before
// these are merged with all older ones. What has come together by then is what
// matters for the cost of writing: small memory tables are merged after more of
// them. Each file is one more to look into for a key, or its bloom filter.
func (o Options) l0Tables() int {
	return min(max(opt.DefaultWriteBuffer/o.WriteBuffer, 1), 4) * opt.DefaultCompactionL0Trigger
}

func (o Options) leveldb() *opt.Options {
	blocks := opt.DefaultBlockCacher
	if o.Cache != nil {
		blocks = o.Cache.blocks
	}
	l0 := o.l0Tables()
	return &opt.Options{
		BlockCacher:        blocks,
		BlockCacheCapacity: o.BlockCache,
		// Else blocks of files that were merged away, which nobody reads any
		// more, stay until the cache is full.
		BlockCacheEvictRemoved: true,
		WriteBuffer:            o.WriteBuffer,
		CompactionL0Trigger:    l0,
		WriteL0SlowdownTrigger: 2 * l0,
		WriteL0PauseTrigger:    3 * l0,
		Filter:                 filter.NewBloomFilter(10),
		OpenFilesCacheCapacity: 64,
		NoSync:                 o.noSync,
		// One way for all batches: through the journal, one record each, with
		// numbers that follow one another. The guard relies on it.
		DisableLargeBatchTransaction: true,
		NoWriteMerge:                 true,
		// All checksums are checked and nothing is skipped. What a kill leaves
		// behind, and LevelDB would refuse, the guard has cut off before.
		Strict: opt.StrictAll &^ opt.StrictRecovery,
	}
}
