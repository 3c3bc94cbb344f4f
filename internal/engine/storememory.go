package engine

import (
	"github.com/millrace/millrace/internal/graph"
	"github.com/millrace/millrace/storage/leveldb"
)

// The memory of LevelDB is shared out by Config.StoreBytes. One half is a cache
// of blocks that all stores use. The other half are the memory tables, equal
// parts for all stores that may be open here: LevelDB takes the memory table of
// a store as a whole when it opens, and for one with a few keys in each of a
// hundred stores its own default, 4 MiB, would come to 400 MiB. While a store is
// written to it may have two.
const (
	minWriteBuffer = 128 << 10 // writing gets dear below it
	maxWriteBuffer = 4 << 20   // and hardly cheaper above
)

func newBlocks(c Config) *leveldb.Cache { return leveldb.NewCache(int(c.StoreBytes / 2)) }

// writeBuffer is the size of each store's memory table.
func (e *Engine) writeBuffer() int {
	share := e.cfg.StoreBytes / 2 / (2 * max(e.storeCount(), 1))
	return int(min(max(share, minWriteBuffer), maxWriteBuffer))
}

// storeCount is how many stores are open here if no other instance takes part
// in the work.
func (e *Engine) storeCount() (n int64) {
	count := func(r graph.Ref) {
		if partitions, ok := e.partitions(r.Name); ok {
			n += int64(partitions)
		}
	}
	for _, p := range e.selected() {
		for _, s := range p.States {
			count(s.Ref)
		}
		for _, l := range p.Joins {
			count(l.Ref)
		}
		for _, l := range p.Lookups {
			count(l.Ref)
		}
	}
	for _, v := range e.views {
		count(v.Ref)
	}
	return n
}
