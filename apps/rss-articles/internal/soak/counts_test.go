package soak

import (
	"fmt"
	"sync"
	"time"

	"github.com/millrace/millrace/apps/rss-articles/internal/clean"
)

// soonest is how soon a feed may be asked for again, the fetcher's default.
const soonest = 10 * time.Minute

// counts are of requests. A count is wrong when one of them was impolite.
type counts struct {
	mu      *sync.Mutex
	how     map[string]int // by how they were answered
	bytes   int64          // of bodies, as they were sent
	served  map[string]bool
	last    map[string]time.Time // by address
	running map[string]int       // by host
	all     int                  // that run
	rude    []string             // the first of them
}

func newCounts() counts {
	return counts{mu: new(sync.Mutex), how: map[string]int{}, served: map[string]bool{}, last: map[string]time.Time{},
		running: map[string]int{}}
}

func (c *counts) begin(host, path string, now time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if before, ok := c.last[host+path]; ok && now.Sub(before) < soonest {
		c.complain("%s%s was asked for again after %v", host, path, now.Sub(before))
	}
	c.last[host+path] = now
	c.all++
	if c.running[host]++; c.running[host] > 2 {
		c.complain("%d requests at %s at once", c.running[host], host)
	}
}

func (c *counts) end(host, how string, bytes int64, links []string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.all--
	if c.running[host]--; c.running[host] == 0 {
		delete(c.running, host)
	}
	c.how[how]++
	c.bytes += bytes
	for _, l := range links {
		c.served[clean.Canonical(l)] = true
	}
}

func (c *counts) complain(format string, args ...any) {
	if len(c.rude) < 10 {
		c.rude = append(c.rude, fmt.Sprintf(format, args...))
	}
}

// now is how many requests run, how many there were and how many items they
// brought.
func (c *counts) now() (running, requests, items int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, n := range c.how {
		requests += n
	}
	return c.all, requests, len(c.served)
}
