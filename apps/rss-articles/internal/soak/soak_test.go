package soak

import (
	"context"
	"fmt"
	"maps"
	"net/url"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/millrace/millrace/apps/rss-articles/internal/clean"
	"github.com/millrace/millrace/apps/rss-articles/internal/fetch"
	"github.com/millrace/millrace/apps/rss-articles/internal/run"
	"github.com/millrace/millrace/apps/rss-articles/internal/topics"
	"github.com/millrace/millrace/pipeline"
	"github.com/millrace/millrace/pipeline/tool"
)

// step is how far the clock goes at a time. tick is how long the app then has
// to notice; the fetcher looks at the clock every refresh.
const (
	step    = 5 * time.Minute
	tick    = 60 * time.Millisecond
	refresh = 20 * time.Millisecond
)

// day is from how many hours on the app runs with the number of partitions that
// it has by default.
const day = 24

// hours is how long the test goes on by its clock.
func hours(t *testing.T) int {
	v := os.Getenv("MILLRACE_SOAK")
	if v == "" {
		return 4
	}
	d, err := time.ParseDuration(v)
	if err != nil || d < 4*time.Hour {
		t.Fatalf("MILLRACE_SOAK is %q, which is no duration of 4h or more", v)
	}
	return int(d.Hours())
}

// soak is the state of a run.
type soak struct {
	t       *testing.T
	total   int // hours
	clock   *clock
	feeds   *publisher
	broker  brokers
	config  run.Config
	app     *app
	ticker  *time.Ticker
	readers []string // who is there, oldest first
	next    int      // the number of the next reader
	clicks  int
	changes int // of readers
}

// A day of the app: everything that was served arrives once, and neither memory
// nor goroutines grow.
func TestSoak(t *testing.T) { testSoak(t, startBroker(t)) }

func testSoak(t *testing.T, b brokers) {
	total := hours(t)
	// The day is over when the test ends: Kafka refuses records from more than an
	// hour ahead.
	morning := time.Now().UTC().Truncate(time.Hour).Add(-time.Duration(total+12) * time.Hour)
	s := &soak{t: t, total: total, clock: &clock{now: morning}, broker: b, ticker: time.NewTicker(tick)}
	defer s.ticker.Stop()
	s.feeds = startPublisher(t, s.clock)
	s.config = run.Config{Brokers: s.broker.addresses(), State: t.TempDir(), AllowPrivate: true, Now: s.clock.Now,
		// Caches that a day fills, so that what grows after the first hours does
		// not hide behind them.
		Kafka: pipeline.Config{CacheBytes: 16 << 10, StoreBytes: 8 << 20},
		Fetch: func(c *fetch.Config) {
			c.Refresh, c.Timeout, c.HostDelay, c.HostConcurrency = refresh, 2*time.Second, -1, feedCount+1
		}}
	if s.total < day {
		s.config.Kafka.Partitions = 1 // to start faster
	}
	for n := range feedCount {
		s.config.Feeds = append(s.config.Feeds, s.feeds.feed(n))
	}
	began := time.Now()
	s.app = startApp(t, s.config)
	for range 6 {
		s.addReader()
	}
	var samples []sample
	for hour := 1; hour <= s.total; hour++ {
		s.hour(hour)
		samples = append(samples, s.sample(hour))
		if hour == s.total/4 {
			s.app.stop()
			s.app = startApp(t, s.config)
		}
	}
	s.recover()
	s.rest()
	samples[s.total-1] = s.sample(s.total)

	t.Logf("%d hours in %v", s.total, time.Since(began).Round(time.Second))
	t.Logf("requests to feeds: %v; changes of readers: %d, clicks: %d", s.feeds.requests, s.changes, s.clicks)
	t.Logf("hour by hour:\n%s", table(samples))
	s.checkFlat(samples)
	s.checkTables()
	s.checkFailures()
}

// hour is an hour by the clock.
func (s *soak) hour(hour int) {
	s.feeds.setFaults(s.faults(hour))
	closed := s.app.look()
	s.changeReaders(hour)
	for n := range int(time.Hour / step) {
		switch outage := s.broker.fails(hour); {
		case outage && n == 6:
			s.broker.fail(s.t, hour)
		case outage && n == 8:
			s.broker.mend(s.t)
		}
		s.clock.advance(step)
		s.pause()
	}
	s.rest()
	s.click(hour)
	closed()
}

// pause gives the app time to start what is due, and waits until it has
// answers. Those of feeds that hang are not waited for.
func (s *soak) pause() {
	<-s.ticker.C
	eventually(s.t, "the feeds have answered", func() string {
		if n := s.feeds.busy(false); n > 0 {
			return fmt.Sprintf("%d requests run", n)
		}
		return ""
	})
}

// faults are those of an hour: every feed is out of order for an hour in eight,
// but not towards the end.
func (s *soak) faults(hour int) map[int]fault {
	out := map[int]fault{}
	for n := range feedCount {
		if (hour+5*n)%8 == 0 && hour <= s.total-3 {
			out[n] = fault(1 + (hour+n)%3)
		}
	}
	return out
}

// rest waits until all that was served is in the table of articles.
func (s *soak) rest() {
	s.t.Helper()
	eventually(s.t, "all items that were served are articles", func() string {
		place := s.places()
		var missing []string
		for link := range s.feeds.links() {
			if place[link] == "" {
				missing = append(missing, link)
			}
		}
		if len(missing) == 0 {
			return ""
		}
		slices.Sort(missing)
		return fmt.Sprintf("%d missing, such as %s; processors: %s", len(missing), missing[0], s.idle())
	})
}

// idle tells of the processors that do not run.
func (s *soak) idle() string {
	var status pipeline.Status
	s.app.do("GET", "/v1/status", nil, &status, 200)
	var list []string
	for _, p := range status.Processors {
		if p.Phase != pipeline.Running {
			list = append(list, fmt.Sprintf("%s is %s: %s", p.Name, p.Phase, p.Error))
		}
	}
	return strings.Join(list, "; ")
}

// places is where each address is: the id of its article, or of the original
// that it is under.
func (s *soak) places() map[string]string {
	place := map[string]string{}
	for id, e := range rows[topics.Entry](s.app, topics.Articles.Name()) {
		place[clean.Canonical(e.URL)] += id
		for _, c := range e.Copies {
			if u := clean.Canonical(c.URL); u != clean.Canonical(e.URL) {
				place[u] += id
			}
		}
	}
	return place
}

func (s *soak) addReader() {
	s.readers = append(s.readers, fmt.Sprintf("reader-%d", s.next))
	s.setReader(s.next, s.next, 201)
	s.next++
}

func (s *soak) setReader(n, subject, status int) {
	words := subjects[subject%len(subjects)]
	s.app.do("PUT", fmt.Sprintf("/v1/readers/reader-%d", n), topics.Reader{Name: fmt.Sprintf("Reader %d", n),
		Interests: []topics.Interest{{Text: words[0]}, {Text: words[1+n%9], Weight: 2}}}, nil, status)
	s.changes++
}

// changeReaders adds a reader, changes one and removes the oldest; every fourth
// hour a feed is added or removed too.
func (s *soak) changeReaders(hour int) {
	s.addReader()
	eventually(s.t, "the page knows the new reader", func() string {
		if _, ok := rows[topics.Reader](s.app, topics.Readers.Name())[s.readers[len(s.readers)-1]]; !ok {
			return "it does not"
		}
		return ""
	})
	s.setReader(s.next-1, s.next+hour, 200)
	s.app.do("DELETE", "/v1/readers/"+s.readers[0], nil, nil, 204)
	s.readers = s.readers[1:]
	s.changes++

	feed := "/v1/feeds/" + url.PathEscape(s.feeds.feed(extra))
	switch hour % 4 {
	case 1:
		s.app.do("PUT", feed, map[string]string{"title": "Extra"}, nil, 201)
	case 3:
		s.app.do("DELETE", feed, nil, nil, 204)
		eventually(s.t, "the fetcher has forgotten the feed", func() string {
			s.clock.advance(refresh) // it looks by the clock
			if _, ok := rows[topics.FeedState](s.app, topics.FeedStates.Name())[s.feeds.feed(extra)]; ok {
				return "it has not"
			}
			return ""
		})
	}
}

// click has each reader open and judge an article.
func (s *soak) click(hour int) {
	ids := slices.Sorted(maps.Keys(rows[topics.Entry](s.app, topics.Articles.Name())))
	kinds := []topics.ClickKind{topics.ClickOpen, topics.ClickUp, topics.ClickDown}
	for n, reader := range s.readers {
		s.app.do("POST", "/v1/clicks", map[string]any{"reader": reader, "article": ids[(hour*37+n*11)%len(ids)], "kind": kinds[(hour+n)%3]}, nil, 204)
		s.clicks++
	}
}

// recover lets time go by until every feed works again.
func (s *soak) recover() {
	s.t.Helper()
	eventually(s.t, "every feed works", func() string {
		var bad []string
		for address, f := range rows[topics.FeedState](s.app, topics.FeedStates.Name()) {
			if f.Health != topics.HealthOK {
				bad = append(bad, fmt.Sprintf("%s is %s: %s", address, f.Health, f.Error))
			}
		}
		if len(bad) > 0 {
			s.clock.advance(step)
			s.pause()
		}
		return strings.Join(bad, "; ")
	})
}

// checkTables checks that each address is there once, and that the readers who
// are there, and no others, are recommended something.
func (s *soak) checkTables() {
	place := s.places()
	links := s.feeds.links()
	if least := feedCount * (s.total - 2); len(links) < least {
		s.t.Errorf("%d items were served, want at least %d", len(links), least)
	}
	for u, ids := range place {
		if len(ids) != len(clean.ID("")) {
			s.t.Errorf("%s is there more than once: %s", u, ids)
		}
		if !links[u] {
			s.t.Errorf("%s was never served", u)
		}
	}
	for hour := 0; hour < s.total-1; hour += 3 {
		original, copied := clean.Canonical(s.feeds.link(0, hour)), clean.Canonical(s.feeds.link(1, hour))
		if links[original] && links[copied] && place[original] != place[copied] {
			s.t.Errorf("%s and its copy are two articles", original)
		}
	}
	eventually(s.t, "the readers who are there are recommended something", func() string {
		shelves := rows[topics.Shelf](s.app, topics.Recommendations.Name())
		var bad []string
		for _, r := range s.readers {
			if len(shelves[r].Items) == 0 {
				bad = append(bad, r+" has nothing")
			}
		}
		for r := range shelves {
			if !slices.Contains(s.readers, r) {
				bad = append(bad, r+" is gone, and has something")
			}
		}
		return strings.Join(bad, ", ")
	})
}

// checkFailures checks that no record failed.
func (s *soak) checkFailures() {
	var status pipeline.Status
	s.app.do("GET", "/v1/status", nil, &status, 200)
	for _, p := range status.Processors {
		if p.Phase != pipeline.Running || p.Failures != (pipeline.Failures{}) {
			s.t.Errorf("processor %s is %s %s: %+v", p.Name, p.Phase, p.Error, p.Failures)
		}
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := tool.DeadLetters(ctx, pipeline.Config{Brokers: s.broker.addresses()}, topics.Failed.Name(), tool.Filter{}, func(l tool.Letter) error {
		s.t.Errorf("a dead letter: %s, partition %d, offset %d: %s", l.Source.Topic, l.Source.Partition, l.Source.Offset, l.Error)
		return nil
	}); err != nil {
		s.t.Error(err)
	}
}
