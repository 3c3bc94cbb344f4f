package stages_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/millrace/millrace/apps/rss-articles/internal/clean"
	"github.com/millrace/millrace/apps/rss-articles/internal/feed"
	"github.com/millrace/millrace/apps/rss-articles/internal/topics"
	"github.com/millrace/millrace/apps/rss-articles/internal/topology"
	"github.com/millrace/millrace/pipeline"
	"github.com/millrace/millrace/pipeline/pipelinetest"
)

func TestMain(m *testing.M) {
	// The Kafka client of goka starts it once, for good.
	goleak.VerifyTestMain(m, goleak.IgnoreTopFunction("github.com/rcrowley/go-metrics.(*meterArbiter).tick"))
}

// start is when the driver's clock begins.
var start = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// at is the time some minutes after the start.
func at(minutes int) time.Time { return start.Add(time.Duration(minutes) * time.Minute) }

// item is an item of a feed as the fetcher sends it, fetched at a minute.
func item(feedName, link, title, text string, minute int, tags ...string) pipeline.Record {
	url := "https://" + feedName + ".example/feed"
	return topics.Raw.Record(url, clean.Raw{Feed: url, Fetched: at(minute),
		Item: feed.Item{Link: link, Title: title, Summary: text, Published: at(minute), Tags: tags}}).At(at(minute))
}

// id is the id of the article with a link.
func id(link string) string { return clean.ID("url", clean.Canonical(link)) }

// Two stories, long enough to tell copies from others.
const (
	bank  = "Central bank raises interest rates for a second time this year"
	bank2 = "The central bank raised its main interest rate by a quarter point on Thursday, the second rise this year, and said that more may follow if prices keep going up as fast as in the last months."
	goal  = "Late goal sends the visitors through to the cup final"
	goal2 = "A header deep in stoppage was enough for the visitors, who had played with ten men since the break, to reach the final of the cup after three decades without one."
)

// fourPartitions spreads every topic.
func fourPartitions(c *pipeline.Config) { c.Partitions = 4 }

// driver is one of the whole topology.
func driver(t *testing.T) *pipelinetest.Driver {
	return pipelinetest.New(t, topology.New(), fourPartitions)
}

// catalog prints the table of articles: each title with those of its copies.
func catalog(d *pipelinetest.Driver) string {
	var lines []string
	for _, e := range pipelinetest.Rows(d, topics.Articles) {
		line := e.Title
		for _, c := range e.Copies {
			line += " < " + c.Title
		}
		lines = append(lines, line)
	}
	slices.Sort(lines)
	return strings.Join(lines, "\n")
}

// shelf prints the titles on a reader's shelf, best first.
func shelf(d *pipelinetest.Driver, reader string) string {
	var titles []string
	for _, i := range pipelinetest.Rows(d, topics.Recommendations)[reader].Items {
		titles = append(titles, i.Title)
	}
	return strings.Join(titles, " | ")
}

func reader(id string, interests ...string) pipeline.Record {
	r := topics.Reader{ID: id}
	for _, i := range interests {
		r.Interests = append(r.Interests, topics.Interest{Text: i})
	}
	return topics.Readers.Row(id, r)
}

func click(reader, link string, kind topics.ClickKind, minute int) pipeline.Record {
	return topics.Clicks.Record(reader, topics.Click{Reader: reader, Article: id(link), Kind: kind, At: at(minute)}).At(at(minute))
}

func expect(t *testing.T, what, got, want string) {
	t.Helper()
	if got != want {
		t.Errorf("%s:\n%s\nwant:\n%s", what, got, want)
	}
}

// tables prints the tables that people look at, of the shelves which articles
// are on them: their order depends on how rare a term was when it was met.
func tables(d *pipelinetest.Driver) string {
	var b strings.Builder
	print := func(name string, rows map[string]string) {
		for _, k := range slices.Sorted(maps.Keys(rows)) {
			fmt.Fprintf(&b, "%s %s %s\n", name, k, rows[k])
		}
	}
	articles, shelves := map[string]string{}, map[string]string{}
	for k, e := range pipelinetest.Rows(d, topics.Articles) {
		articles[k] = fmt.Sprintf("%+v", e)
	}
	for k, s := range pipelinetest.Rows(d, topics.Recommendations) {
		var titles []string
		for _, i := range s.Items {
			titles = append(titles, i.Title)
		}
		slices.Sort(titles)
		shelves[k] = strings.Join(titles, " | ")
	}
	print("article", articles)
	print("shelf", shelves)
	return b.String()
}

// same compares what tables printed.
func same(t *testing.T, what, got, want string) {
	t.Helper()
	gs, ws := strings.Split(got, "\n"), strings.Split(want, "\n")
	for i := range max(len(gs), len(ws)) {
		var g, w string
		if i < len(gs) {
			g = gs[i]
		}
		if i < len(ws) {
			w = ws[i]
		}
		if g != w {
			t.Fatalf("%s, line %d:\n%s\nwant:\n%s", what, i, g, w)
		}
	}
}
