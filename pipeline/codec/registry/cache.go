package registry

import (
	"sync"
	"time"
)

// cache keeps what was made of schemas, by id, in bounded memory: those that
// were used lately stay. Entries live in two generations; when the newer is
// full, the older is dropped and the newer takes its place.
type cache[T any] struct {
	half int // entries of a generation

	mu       sync.RWMutex
	new, old map[int]T
}

func newCache[T any](size int) *cache[T] {
	return &cache[T]{half: max(size/2, 1), new: map[int]T{}}
}

func (c *cache[T]) get(id int) (v T, ok bool) {
	c.mu.RLock()
	v, ok = c.new[id]
	if ok {
		c.mu.RUnlock()
		return v, true
	}
	v, ok = c.old[id]
	c.mu.RUnlock()
	if ok {
		c.put(id, v) // it is in use: it goes on to the next generation
	}
	return v, ok
}

func (c *cache[T]) put(id int, v T) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.new) >= c.half {
		if _, ok := c.new[id]; !ok {
			c.old, c.new = c.new, make(map[int]T, c.half)
		}
	}
	c.new[id] = v
}

func (c *cache[T]) size() int {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return len(c.new) + len(c.old)
}

// failed is an error that is remembered for a while.
type failed struct {
	err   error
	until time.Time
}
