package soak

import (
	"context"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"runtime/metrics"
	"slices"
	"strconv"
	"strings"
	"testing"
	"text/tabwriter"
	"time"

	"github.com/millrace/millrace/apps/rss-articles/internal/clean"
	"github.com/millrace/millrace/apps/rss-articles/internal/fetch"
	"github.com/millrace/millrace/apps/rss-articles/internal/run"
	"github.com/millrace/millrace/apps/rss-articles/internal/topics"
	"github.com/millrace/millrace/pipeline"
	"github.com/millrace/millrace/pipeline/tool"
)

// limit is how many polls run at a time, as the fetcher has it by default.
const limit = 16

// crowdDay is a run of TestCrowd.
type crowdDay struct {
	t          *testing.T
	feeds      int
	hours      int
	wants      int // readers
	step, tick time.Duration
	crowd      crowd
	clock      *clock
	meter      *meter
	broker     *broker
	config     run.Config
	app        *app
	slowest    map[string]time.Duration // of requests to the page
	rows       []crowdHour
	commits    map[string]commits // by processor
	lastTick   *time.Ticker
}

// crowdHour is what was counted at the end of an hour.
type crowdHour struct {
	requests, items            int
	cpu, brokerCPU             time.Duration
	heap, resident, brokerSize uint64
	took                       time.Duration
}

// Many feeds, for a day by the test's clock, through the whole app: short with
// sixty feeds and three hours; with MILLRACE_SOAK_FEEDS=2000 a whole day, with
// MILLRACE_SOAK_CACHE another CacheBytes than the app's. See docs/soak.md.
func TestCrowd(t *testing.T) {
	// The clock of the short form has fewer steps.
	d := &crowdDay{t: t, feeds: 60, hours: 3, wants: 20, step: 2 * time.Minute, tick: 10 * time.Millisecond,
		slowest: map[string]time.Duration{}, commits: map[string]commits{}}
	long := os.Getenv("MILLRACE_SOAK_FEEDS")
	if long != "" {
		n, err := strconv.Atoi(long)
		if err != nil || n < 100 {
			t.Fatalf("MILLRACE_SOAK_FEEDS is %q, which is no number of 100 or more", long)
		}
		d.feeds, d.hours, d.wants, d.step, d.tick = n, day, 200, 30*time.Second, 100*time.Millisecond
	}
	if cache := os.Getenv("MILLRACE_SOAK_CACHE"); cache != "" {
		n, err := strconv.ParseInt(cache, 10, 64)
		if err != nil || n < 1 {
			t.Fatalf("MILLRACE_SOAK_CACHE is %q, which is no number of bytes", cache)
		}
		d.config.Kafka.CacheBytes = n
	}
	d.start(long != "")
	began := time.Now()
	for hour := 1; hour <= d.hours; hour++ {
		d.hour(hour)
		if hour == d.hours/2 && long != "" {
			d.countCommits()
			d.app.stop() // when nothing is under way: what was fetched is not fetched again
			d.app = startApp(t, d.config)
		}
	}
	d.caughtUp()
	d.rows = append(d.rows, d.count(began))
	t.Logf("%d feeds, %d hours in %v", d.feeds, d.hours, time.Since(began).Round(time.Second))
	t.Logf("requests to feeds: %v, %.1f MB; slowest answers of the page: %v", d.meter.how, float64(d.meter.bytes)/1e6, d.slowest)
	d.countCommits()
	t.Log(d.tellCommits())
	t.Logf("hour by hour, from the beginning:\n%s", d.table())
	d.check()
}

func (d *crowdDay) start(long bool) {
	morning := time.Now().UTC().Truncate(time.Hour).Add(-36 * time.Hour)
	d.clock, d.crowd = &clock{now: morning}, crowd{began: morning}
	d.lastTick = time.NewTicker(d.tick)
	d.t.Cleanup(d.lastTick.Stop)
	address := startCrowd(d.t, morning)
	d.broker = startBroker(d.t)
	d.meter = newMeter(fetch.NewTransport(fetch.TransportOptions{AllowPrivate: true}), d.clock, d.crowd, address)
	list := filepath.Join(d.t.TempDir(), "feeds.txt")
	var lines strings.Builder
	for n := range d.feeds {
		fmt.Fprintln(&lines, d.crowd.feed(n))
	}
	if err := os.WriteFile(list, []byte(lines.String()), 0o644); err != nil {
		d.t.Fatal(err)
	}
	d.config.Brokers, d.config.State, d.config.Feeds, d.config.Now = d.broker.addresses(), d.t.TempDir(), []string{list}, d.clock.Now
	// As it is shipped, but for the clock, and for what takes real time.
	d.config.Fetch = func(c *fetch.Config) { c.Transport, c.Refresh, c.Timeout = d.meter, d.tick, 5*time.Second }
	if !long {
		d.config.Kafka.Partitions = 1 // to start faster
	}
	d.app = startApp(d.t, d.config)
	for n := range d.wants {
		r := topics.Reader{Name: fmt.Sprintf("Reader %d", n)}
		for i := range 3 {
			words := theme(int(draw("reader", n, i) % themes))
			r.Interests = append(r.Interests, topics.Interest{Text: words[0]}, topics.Interest{Text: words[1]})
		}
		d.app.do("PUT", fmt.Sprintf("/v1/readers/reader-%d", n), r, nil, 201)
	}
}

// hour is an hour by the clock, which stands still while the fetcher has no
// place for another poll. A page is open, and readers click.
func (d *crowdDay) hour(hour int) {
	began := time.Now()
	closed := d.app.look()
	for range int(time.Hour / d.step) {
		d.clock.advance(d.step)
		<-d.lastTick.C
		eventually(d.t, "the fetcher has a place", func() string {
			if running, _, _ := d.meter.now(); running >= limit {
				return "it has none"
			}
			return ""
		})
	}
	if hour == d.hours/2 { // the app is stopped then
		eventually(d.t, "no feed is asked", func() string {
			if running, _, _ := d.meter.now(); running > 0 {
				return fmt.Sprint(running, " are")
			}
			return ""
		})
	}
	d.ask(hour)
	closed()
	d.rows = append(d.rows, d.count(began))
	profileHeap(d.t, hour)
}

// ask is what pages do: the list, a search, and what a reader is recommended,
// of which one in ten opens the first.
func (d *crowdDay) ask(hour int) {
	timed := func(what, path string, into any) {
		began := time.Now()
		d.app.do("GET", path, nil, into, 200)
		d.slowest[what] = max(d.slowest[what], time.Since(began).Round(time.Millisecond))
	}
	timed("articles", "/v1/articles", nil)
	timed("search", "/v1/search?q="+url.QueryEscape(theme(hour)[0]), nil)
	timed("feeds", "/v1/feeds", nil)
	for n := range d.wants {
		if (n+hour)%10 > 0 {
			continue
		}
		var list struct {
			Items []struct{ Article string }
		}
		id := fmt.Sprintf("reader-%d", n)
		timed("recommendations", "/v1/readers/"+id+"/recommendations", &list)
		if len(list.Items) > 0 {
			d.app.do("POST", "/v1/clicks", map[string]any{"reader": id, "article": list.Items[0].Article, "kind": topics.ClickOpen}, nil, 204,
				404) // it has just become a copy of another
		}
	}
}

// caughtUp waits until all that was fetched has gone through.
func (d *crowdDay) caughtUp() {
	ctx, cancel := context.WithTimeout(context.Background(), 10*patience)
	defer cancel()
	err := tool.AwaitCaughtUp(ctx, pipeline.Config{Brokers: d.broker.addresses()}, tool.LagOptions{App: run.Topology().Name(), Every: 500 * time.Millisecond})
	if err != nil {
		d.t.Fatal("the app does not catch up: ", err)
	}
}

// count is what there is now.
func (d *crowdDay) count(began time.Time) crowdHour {
	_, requests, items := d.meter.now()
	h := crowdHour{requests: requests, items: items, cpu: processorTime(os.Getpid()), brokerCPU: processorTime(d.broker.pid),
		resident: resident(), brokerSize: residentOf(d.broker.pid), took: time.Since(began)}
	live := []metrics.Sample{{Name: "/gc/heap/live:bytes"}}
	metrics.Read(live)
	if live[0].Value.Kind() == metrics.KindUint64 {
		h.heap = live[0].Value.Uint64()
	}
	return h
}

func (d *crowdDay) table() string {
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 0, 1, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "| hour\t| requests\t| items\t| CPU, s\t| live heap, MB\t| resident, MB\t| broker: CPU, s\t| resident, MB\t| took, s\t|")
	fmt.Fprintln(w, strings.Repeat("|---:\t", 9)+"|")
	for n, h := range d.rows {
		name := fmt.Sprint(n + 1)
		if n == d.hours {
			name = "caught up"
		}
		fmt.Fprintf(w, "| %s\t| %d\t| %d\t| %.0f\t| %.0f\t| %.0f\t| %.0f\t| %.0f\t| %.1f\t|\n", name, h.requests, h.items, h.cpu.Seconds(),
			float64(h.heap)/1e6, float64(h.resident)/1e6, h.brokerCPU.Seconds(), float64(h.brokerSize)/1e6, h.took.Seconds())
	}
	_ = w.Flush() // into memory
	return b.String()
}

// check checks that all that was served is there once, that copies and nothing
// else are under one article, and that no request was impolite.
func (d *crowdDay) check() {
	s := &soak{t: d.t, app: d.app, broker: d.broker}
	place := s.places()
	stories := map[string]map[string]bool{} // by what they tell: the articles
	told := map[string]string{}             // by article: what it tells
	wrong := 0
	for link := range d.meter.served {
		id := place[link]
		if len(id) != len(clean.ID("")) {
			d.t.Errorf("%s is not there just once: %q", link, id)
			continue
		}
		var n, k int
		u, err := url.Parse(link)
		if err == nil {
			_, err = fmt.Sscanf(u.Path, "/story/%d/%d", &n, &k)
		}
		if err != nil {
			d.t.Fatal(link, err)
		}
		story := fmt.Sprint(d.crowd.source(n, k))
		if told[id] != "" && told[id] != story {
			wrong++
		}
		told[id] = story
		if stories[story] == nil {
			stories[story] = map[string]bool{}
		}
		stories[story][id] = true
	}
	apart := 0
	for _, ids := range stories {
		apart += len(ids) - 1
	}
	d.t.Logf("%d items, %d stories, %d articles; %d items under an article that tells another story, %d articles of a story that has one",
		len(d.meter.served), len(stories), len(told), wrong, apart)
	if wrong > 0 || apart*1000 > len(d.meter.served) {
		d.t.Errorf("%d items are taken for copies and are none, %d copies were not found", wrong, apart)
	}
	if len(place) != len(d.meter.served) {
		d.t.Errorf("%d addresses are there, %d were served", len(place), len(d.meter.served))
	}
	for _, r := range d.meter.rude {
		d.t.Error(r)
	}
	served := 0
	for id, shelf := range rows[topics.Shelf](d.app, topics.Recommendations.Name()) {
		if len(shelf.Items) > 0 {
			served++
		} else {
			d.t.Logf("%s has no recommendations", id)
		}
	}
	if served < d.wants/2 {
		d.t.Errorf("%d of %d readers have recommendations", served, d.wants)
	}
	health := map[topics.Health]int{}
	for _, f := range rows[topics.FeedState](d.app, topics.FeedStates.Name()) {
		health[f.Health]++
	}
	d.t.Logf("feeds by health: %v, readers with recommendations: %d", health, served)
	if gone := d.with(retires); d.hours > 13 && (health[topics.HealthGone] != gone || d.meter.how["410"] != gone) {
		d.t.Errorf("%d feeds are gone after %d answers that say so, want %d", health[topics.HealthGone], d.meter.how["410"], gone)
	}
	if moved := d.with(moves); d.meter.how["301"] != moved {
		d.t.Errorf("%d requests were redirected, want %d: each feed that moved once", d.meter.how["301"], moved)
	}
	s.checkFailures()
}

// with counts the feeds that have a trouble.
func (d *crowdDay) with(t trouble) (count int) {
	for n := range d.feeds {
		if d.crowd.trouble(n) == t {
			count++
		}
	}
	return count
}

// processorTime is what a process has used on Linux, and 0 elsewhere.
func processorTime(pid int) time.Duration {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0
	}
	fields := strings.Fields(string(b[slices.Index(b, ')')+1:])) // from the third on
	var ticks int64
	for _, f := range fields[11:13] { // user and system, in hundredths of a second
		n, err := strconv.ParseInt(f, 10, 64)
		if err != nil {
			return 0
		}
		ticks += n
	}
	return time.Duration(ticks) * 10 * time.Millisecond
}
