package fetch

import (
	"net/url"
	"strings"
	"time"
)

// host is how we behave towards one host.
type host struct {
	running int       // polls
	next    time.Time // no poll starts earlier
}

// hosts are those that were met lately. Only Run's goroutine uses it.
type hosts struct {
	all         map[string]*host
	concurrency int
	delay       time.Duration
}

func (h *hosts) get(name string) *host {
	if h.all[name] == nil {
		h.all[name] = &host{}
	}
	return h.all[name]
}

// start takes a place at a host. If there is none, it returns when to ask
// again, zero for when another poll at the host ends.
func (h *hosts) start(name string, now time.Time) (ok bool, again time.Time) {
	x := h.get(name)
	switch {
	case x.running >= h.concurrency:
		return false, time.Time{}
	case now.Before(x.next):
		return false, x.next
	}
	x.running++
	x.next = now.Add(max(0, h.delay))
	return true, time.Time{}
}

// end gives the place back. quiet is how long the host asks to be left alone.
func (h *hosts) end(name string, now time.Time, quiet time.Duration) {
	h.get(name).running--
	if quiet > 0 {
		h.leave(name, now.Add(quiet))
	}
}

// leave leaves a host alone until a time.
func (h *hosts) leave(name string, until time.Time) {
	if x := h.get(name); until.After(x.next) {
		x.next = until
	}
}

// tidy forgets the hosts of which nothing must be remembered.
func (h *hosts) tidy(now time.Time) {
	for name, x := range h.all {
		if x.running == 0 && !now.Before(x.next) {
			delete(h.all, name)
		}
	}
}

// hostOf is the host and port of an address, "" if it has none.
func hostOf(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return ""
	}
	return strings.ToLower(u.Host)
}
