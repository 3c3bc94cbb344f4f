package leveldb

import "github.com/syndtr/goleveldb/leveldb/opt"

// Cache is memory for uncompressed blocks that several stores share, so that a
// busy one has what others do not need. It is safe for concurrent use, and needs
// no closing: a store that is closed leaves it.
//
// Open files are not shared likewise: LevelDB's cache of them may close one
// twice if a store is closed while another has it evicted.
type Cache struct{ blocks opt.Cacher }

// NewCache returns a cache of at most so many bytes.
func NewCache(bytes int) *Cache { return &Cache{opt.NewLRU(bytes)} }
