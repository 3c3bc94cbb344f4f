package leveldb

import (
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
	// mode is moved aside.
	Mode storage.Mode
	// BlockCache is the memory for uncompressed blocks. Default 8 MiB.
	BlockCache int
	// WriteBuffer is the size of LevelDB's memory table. Default 4 MiB.
	WriteBuffer int
	// Sync has every batch reach the disk before Apply returns. Without it a
	// crash of the machine, not of the process, may cost the last batches,
	// which the changelog has. Default false.
	Sync bool
	// NoReplace makes Open return an error for a store that cannot be trusted,
	// instead of moving it aside.
	NoReplace bool
	// Logger gets a line for what is moved aside. Default slog.Default().
	Logger *slog.Logger

	// wrap lets tests put faults between LevelDB and its files.
	wrap func(ldb.Storage) ldb.Storage
}

func (o Options) withDefaults() Options {
	if o.BlockCache <= 0 {
		o.BlockCache = 8 << 20
	}
	if o.WriteBuffer <= 0 {
		o.WriteBuffer = 4 << 20
	}
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	return o
}

func (o Options) leveldb() *opt.Options {
	return &opt.Options{
		BlockCacheCapacity:     o.BlockCache,
		WriteBuffer:            o.WriteBuffer,
		Filter:                 filter.NewBloomFilter(10),
		OpenFilesCacheCapacity: 64,
		// A damaged journal is judged by checkJournals: LevelDB's own strict
		// mode takes the torn end that a kill leaves for damage.
		Strict: opt.DefaultStrict | opt.StrictManifest,
	}
}
