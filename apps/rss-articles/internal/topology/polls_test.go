package topology_test

import (
	"cmp"
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/millrace/millrace/apps/rss-articles/internal/clean"
	"github.com/millrace/millrace/apps/rss-articles/internal/feed"
	"github.com/millrace/millrace/apps/rss-articles/internal/stages"
	"github.com/millrace/millrace/apps/rss-articles/internal/topics"
	"github.com/millrace/millrace/apps/rss-articles/internal/topology"
	"github.com/millrace/millrace/pipeline"
	"github.com/millrace/millrace/pipeline/pipelinetest"
)

var everyNth = flag.Int("polls", 12, "replay every n-th poll of each feed; 1 for all")

// poll is a feed's document at a time.
type poll struct {
	feed string
	at   time.Time
	path string
}

// polls lists the polls of the shared data, in the order of time.
func polls(t *testing.T, nth int) []poll {
	t.Helper()
	dir := os.Getenv("MILLRACE_TESTDATA")
	if dir == "" {
		if os.Getenv("CI") == "true" {
			t.Fatal("MILLRACE_TESTDATA is not set: it must name the folder of the shared test data")
		}
		t.Skip("MILLRACE_TESTDATA is not set: set it to the folder of the shared test data to replay its polls")
	}
	feeds, err := filepath.Glob(filepath.Join(dir, "polls", "*"))
	if err != nil || len(feeds) == 0 {
		t.Fatalf("no polls in %s: %v", dir, err)
	}
	var out []poll
	for _, f := range feeds {
		files, _ := filepath.Glob(filepath.Join(f, "*.xml"))
		slices.Sort(files)
		for i, path := range files {
			seconds, err := strconv.ParseInt(strings.TrimSuffix(filepath.Base(path), ".xml"), 10, 64)
			if err != nil {
				t.Fatal(err)
			}
			if i%nth == 0 {
				out = append(out, poll{filepath.Base(f), time.Unix(seconds, 0).UTC(), path})
			}
		}
	}
	slices.SortFunc(out, func(a, b poll) int { return cmp.Or(a.at.Compare(b.at), cmp.Compare(a.feed, b.feed)) })
	return out
}

// TestPolls replays real feeds as they were polled over time, and counts what
// comes out: each article must be in the table once, on its own or as a copy
// of another.
//
// What there is to find is counted by a map of the ids of all items, which are
// those of their canonical addresses, and of their parts where several share one.
func TestPolls(t *testing.T) {
	list := polls(t, *everyNth)
	// The polls of the feeds are years apart: keep all.
	d := pipelinetest.New(t, topology.With(stages.Options{Retention: 20 * 365 * 24 * time.Hour}),
		func(c *pipeline.Config) { c.Partitions = 4 })
	distinct, links := map[string]string{}, map[string]bool{}
	last := map[string]map[string]bool{} // by feed: the items of its last poll
	read, sent := 0, 0
	began := time.Now()
	for _, p := range list {
		body, err := os.ReadFile(p.path)
		if err != nil {
			t.Fatal(err)
		}
		f, err := feed.Parse(body, feed.Hints{Now: p.at})
		if err != nil {
			t.Fatalf("%s: %v", p.path, err)
		}
		now := map[string]bool{}
		var records []pipeline.Record
		shared := clean.SharedBy(f.Items)
		for _, i := range f.Items {
			read++
			links[i.Link] = true
			raw := clean.Raw{Feed: p.feed, FeedTitle: f.Title, Fetched: p.at, Item: i, Part: shared.Part(i)}
			a, err := clean.Clean(raw)
			if err != nil {
				t.Errorf("%s: %v", p.path, err)
			}
			distinct[a.ID] = a.Title
			hash := clean.ID(i.GUID, i.Link, i.Title, i.Summary, i.Content)
			if !last[p.feed][hash] && !now[hash] {
				records = append(records, topics.Raw.Record(p.feed, raw).At(p.at))
				sent++
			}
			now[hash] = true
		}
		last[p.feed] = now
		d.Pipe(records...)
	}

	times := map[string]int{}
	articles, copies := pipelinetest.Rows(d, topics.Articles), 0
	for id, e := range articles {
		times[id]++
		copies += len(e.Copies)
		for _, c := range e.Copies {
			times[c.ID]++
		}
	}
	lost := 0
	for id, title := range distinct {
		if n := times[id]; n != 1 {
			lost++
			t.Errorf("%q (%s) is in the table %d times", title, id, n)
		}
	}
	if len(times) != len(distinct) || len(pipelinetest.Read(d, topics.Failed)) > 0 {
		t.Errorf("%d articles in the table, %d in the feeds", len(times), len(distinct))
	}
	t.Logf("%d polls, %d items read, %d of them new or changed, %d distinct links, %d distinct articles: "+
		"%d unique, %d copies, %d not just once, in %v", len(list), read, sent, len(links), len(distinct),
		len(articles), copies, lost, time.Since(began).Round(time.Second))
}
