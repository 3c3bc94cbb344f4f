package table

import (
	"hash/maphash"

	"github.com/millrace/millrace/storage"
)

// filter says of keys that the store does not have them, so that a key which is
// new costs no search of the store: that of its table in memory and its files is
// most of what a new key costs. LevelDB's own filters are on its files only.
//
// It is a chain of split block Bloom filters (Putze, Sanders, Singler: Cache-,
// Hash- and Space-Efficient Bloom Filters, 2007; the form is Apache Parquet's),
// each four times as large as the one before. Keys come in when they are about to
// be written. Those that the store had before are read a part at a time, after a
// write of the store and beside the handlers, and only as many as searches found
// nothing: a table that only ever meets keys that it knows never pays for that.
// Until it has all, the filter says nothing.
//
// A key that is deleted stays in it. When that is what most of it is made of, it
// is built anew.
type filter struct {
	seed  maphash.Seed
	first int   // keys in the first link of the chain
	step  int   // keys that are read at a time, at most
	each  int   // keys that are read for each miss
	limit int64 // bytes; beyond, there is no filter

	keys     chain  // those of the store before cursor, and what was written since it was begun
	cursor   []byte // nil: nothing was read yet
	complete bool   // keys has all that the store has
	off      bool   // for good
	asked    bool   // whether the store is empty
	misses   int    // since the last part was read
	dead     int64  // deletions since it was begun
}

// bitsPerKey make for 1 % of wrong answers, each of which costs a search.
const bitsPerKey = 12

func newFilter(limit int64) filter {
	return filter{seed: maphash.MakeSeed(), first: 8 << 10, step: 64 << 10, each: 64, limit: max(limit, 64<<10)}
}

// lacks says that the store does not have a key; false may mean anything.
func (f *filter) lacks(key []byte) bool {
	return f.complete && !f.keys.has(maphash.Bytes(f.seed, key))
}

// missed is told of a search that found nothing, while no batch is written. The
// first one asks whether the store is empty: then the filter has all that it has.
func (f *filter) missed(s storage.Store) {
	if f.off || f.complete {
		return
	}
	f.misses++
	if !f.asked {
		f.asked = true
		f.end(f.read(s, 1))
	}
}

// wanted returns how many keys of the store are to be read now.
func (f *filter) wanted() int {
	if f.off || f.complete {
		return 0
	}
	n := min(f.misses, f.step) * f.each
	f.misses = 0
	return min(n, f.step)
}

// read reads the next n keys of the store, and returns whether these are all. It
// must not be while a batch is written whose keys the filter was told of, and
// forgot since: it might look for them too early.
func (f *filter) read(s storage.Store, n int) (all bool, err error) {
	it := s.Range(f.cursor, nil)
	i := 0
	for ; i < n && it.Next(); i++ {
		f.keys.add(maphash.Bytes(f.seed, it.Key()), f.first)
		f.cursor = append(f.cursor[:0], it.Key()...)
	}
	f.cursor = append(f.cursor, 0) // the next key that there can be
	err = it.Err()
	if cerr := it.Close(); err == nil {
		err = cerr
	}
	return i < n, err
}

// end notes what read returned.
func (f *filter) end(all bool, err error) {
	if err != nil { // a search will meet it, and can say so
		f.stop()
		return
	}
	f.complete = all
	f.bound()
}

// written is told of a key that is about to be written, and that it was not told
// of since it was last deleted.
func (f *filter) written(key []byte) {
	if f.off || !f.complete && f.cursor == nil { // it will be read
		return
	}
	f.keys.add(maphash.Bytes(f.seed, key), f.first)
	f.bound()
}

// deleted is told that a key is about to be deleted.
func (f *filter) deleted() {
	if f.dead++; f.complete && f.keys.n >= int64(f.first) && 2*f.dead > f.keys.n {
		f.keys, f.cursor, f.complete, f.dead = chain{}, nil, false, 0
	}
}

// bound keeps the filter within its limit.
func (f *filter) bound() {
	if f.keys.bytes > f.limit {
		f.stop()
	}
}

func (f *filter) stop() { f.keys, f.cursor, f.complete, f.off = chain{}, nil, false, true }

// chain is a filter that grows.
type chain struct {
	links []link
	n     int64 // keys that were added, but for those that seemed to be there
	bytes int64
}

type link struct {
	blocks []block
	room   int // keys that may still be added
}

// block holds all bits of a key, one in each word: one line of the processor's
// cache.
type block [8]uint32

// salts are Parquet's.
var salts = [8]uint32{0x47b6137b, 0x44974d91, 0x8824ad5b, 0xa2b7289d, 0x705495c7, 0x2df1424b, 0x9efc4947, 0x5c6bfb31}

func (c *chain) has(hash uint64) bool {
	for i := len(c.links) - 1; i >= 0; i-- { // the largest first
		if c.links[i].has(hash) {
			return true
		}
	}
	return false
}

// add adds a key to a chain whose first link has room for so many.
func (c *chain) add(hash uint64, first int) {
	if c.has(hash) {
		return
	}
	n := len(c.links)
	if n == 0 || c.links[n-1].room == 0 {
		room := first << (2 * n)
		l := link{blocks: make([]block, max(room*bitsPerKey/256, 1)), room: room}
		c.links = append(c.links, l)
		c.bytes += int64(len(l.blocks)) * 32
		n++
	}
	l := &c.links[n-1]
	b := l.block(hash)
	for i, salt := range salts {
		b[i] |= 1 << (uint32(hash) * salt >> 27)
	}
	l.room--
	c.n++
}

func (l *link) block(hash uint64) *block { return &l.blocks[(hash>>32)*uint64(len(l.blocks))>>32] }

func (l *link) has(hash uint64) bool {
	b := l.block(hash)
	for i, salt := range salts {
		if b[i]&(1<<(uint32(hash)*salt>>27)) == 0 {
			return false
		}
	}
	return true
}
