package fetch

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"sync"
	"time"

	"github.com/temoto/robotstxt"
)

// Bounds of what is read and remembered of robots.txt (RFC 9309).
const (
	maxRobots   = 500 << 10 // bytes; what follows is not looked at (2.5)
	robotsFor   = 24 * time.Hour
	robotsAgain = 10 * time.Minute // after a server's error
	robotsHosts = 4096
	robotsAgent = "Millrace-RSS"
)

// robots remembers what hosts allow. It is safe for concurrent use.
type robots struct {
	mu    sync.Mutex
	hosts map[string]rules
}

type rules struct {
	data  *robotstxt.RobotsData
	until time.Time
}

// permitted says whether a host lets the address be fetched, by its robots.txt;
// nil if so, or if robots.txt is not asked for.
func (f *Fetcher) permitted(ctx context.Context, address string) *failure {
	u, err := url.Parse(address)
	if !f.cfg.Robots || err != nil || !fetchable(u) || f.own[hostOf(address)] {
		return nil
	}
	data, fail := f.rules(ctx, u)
	if fail != nil {
		return fail
	}
	path := u.EscapedPath()
	if path == "" {
		path = "/"
	}
	if u.RawQuery != "" {
		path += "?" + u.RawQuery
	}
	if data.TestAgent(path, robotsAgent) {
		return nil
	}
	return &failure{what: fmt.Sprintf("robots.txt of %s does not let %s be fetched", u.Host, show(u)), remedy: later + "; -robots makes that count"}
}

// rules returns what a host's robots.txt says, from memory for a day.
func (f *Fetcher) rules(ctx context.Context, u *url.URL) (*robotstxt.RobotsData, *failure) {
	place := u.Scheme + "://" + u.Host
	now := f.cfg.Now()
	f.robots.mu.Lock()
	r, ok := f.robots.hosts[place]
	f.robots.mu.Unlock()
	if ok && now.Before(r.until) {
		return r.data, nil
	}
	ctx, cancel := context.WithTimeout(ctx, f.cfg.Timeout)
	defer cancel()
	at := place + "/robots.txt"
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, at, nil)
	if err != nil {
		return nil, explain(err, at, f.cfg.Timeout, maxRobots)
	}
	resp, _, err := f.do(req)
	if err != nil { // without an answer nothing is allowed (2.3.1.4)
		return nil, explain(err, at, f.cfg.Timeout, maxRobots)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(io.LimitReader(resp.Body, maxRobots))
	if err != nil {
		return nil, explain(err, at, f.cfg.Timeout, maxRobots)
	}
	r = rules{until: now.Add(robotsFor)}
	switch status := resp.StatusCode; {
	case status >= 500:
		r.until = now.Add(robotsAgain)
		b = []byte("User-agent: *\nDisallow: /\n")
	case status != http.StatusOK:
		b = nil // all is allowed (2.3.1.3)
	}
	if r.data, err = robotstxt.FromBytes(b); err != nil {
		r.data, _ = robotstxt.FromBytes(nil) // of rubbish nothing is forbidden
	}
	f.robots.mu.Lock()
	defer f.robots.mu.Unlock()
	if f.robots.hosts == nil || len(f.robots.hosts) >= robotsHosts {
		f.robots.hosts = map[string]rules{}
	}
	f.robots.hosts[place] = r
	return r.data, nil
}
