package topology_test

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/millrace/millrace/apps/rss-articles/internal/clean"
	"github.com/millrace/millrace/apps/rss-articles/internal/feed"
	"github.com/millrace/millrace/apps/rss-articles/internal/match"
	"github.com/millrace/millrace/apps/rss-articles/internal/stages"
	"github.com/millrace/millrace/apps/rss-articles/internal/topics"
	"github.com/millrace/millrace/apps/rss-articles/internal/topology"
	"github.com/millrace/millrace/internal/transport"
	"github.com/millrace/millrace/pipeline"
	"github.com/millrace/millrace/pipeline/tool"
)

// day is when the first items of the test were fetched: long enough ago for
// all to be in the past, and not so long that they are forgotten.
func day(n int) time.Time {
	return time.Now().UTC().Truncate(24*time.Hour).AddDate(0, 0, n-12)
}

// story is an item of a feed, one of a few tellings of the same.
func story(subject string, telling int, at time.Time) clean.Raw {
	words := strings.Fields("engineers neighbours decision winter million plans council evening report mountain painting savings doctors " +
		"captain children market island history machine summer colour silence")
	text := []string{subject}
	for i := range 60 {
		text = append(text, words[(i*i+7*len(subject)+i*int(subject[0]))%len(words)])
	}
	text[5+telling] = "edited"
	url := fmt.Sprintf("https://feed%d.example/feed", telling)
	return clean.Raw{Feed: url, Fetched: at, Item: feed.Item{Link: fmt.Sprintf("https://host%d.example/%s", telling, subject),
		Title: subject + " " + words[len(subject)] + " and " + words[len(subject)+3], Summary: strings.Join(text, " "), Published: at}}
}

// app is the pipeline as it runs under an application id.
type app struct {
	t   *testing.T
	cfg pipeline.Config
	s   *pipeline.Service
}

// run starts some processors; none: all. It ends with the test, or by stop.
func run(t *testing.T, cfg pipeline.Config, grace time.Duration, processors ...string) (a app, stop func()) {
	t.Helper()
	cfg.Processors, cfg.StateDir = processors, t.TempDir()
	cfg.Views = []pipeline.Ref{topics.Articles, stages.Profiles, topics.Recommendations}
	s, err := pipeline.NewService(topology.With(stages.Options{Grace: grace}), cfg)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx) }()
	stopped := false
	stop = func() {
		if cancel(); !stopped {
			stopped = true
			if err := <-ended; err != nil {
				t.Error(err)
			}
		}
	}
	t.Cleanup(stop)
	wait, done := context.WithTimeout(t.Context(), time.Minute)
	defer done()
	if err := s.WaitReady(wait); err != nil {
		t.Fatal(err)
	}
	return app{t, cfg, s}, stop
}

// settle waits until all is read; of some processors, or of all.
func (a app) settle(processors ...string) {
	a.t.Helper()
	ctx, done := context.WithTimeout(a.t.Context(), 3*time.Minute)
	defer done()
	id := a.cfg.ApplicationID
	if id == "" {
		id = topology.Name
	}
	if err := tool.AwaitCaughtUp(ctx, a.cfg, tool.LagOptions{App: id, Processors: processors, Every: 50 * time.Millisecond}); err != nil {
		a.t.Fatal(err)
	}
	if err := a.s.SyncTables(ctx); err != nil {
		a.t.Fatal(err)
	}
}

func emit[V any](a app, target pipeline.Target[V], rows map[string]V, at time.Time) {
	a.t.Helper()
	e, err := pipeline.EmitterOf(a.s, target)
	if err != nil {
		a.t.Fatal(err)
	}
	for _, k := range slices.Sorted(maps.Keys(rows)) {
		key, _, _ := strings.Cut(k, " ")
		if err := e.EmitAt(a.t.Context(), key, rows[k], at); err != nil {
			a.t.Fatal(err)
		}
	}
}

// tell emits a telling of each subject.
func tell(a app, subjects string, telling int, at time.Time) {
	a.t.Helper()
	rows := map[string]clean.Raw{}
	for _, s := range strings.Fields(subjects) {
		r := story(s, telling, at)
		rows[r.Feed+" "+s] = r
	}
	emit(a, topics.Raw, rows, at)
}

func id(subject string, telling int) string {
	return clean.ID("url", clean.Canonical(fmt.Sprintf("https://host%d.example/%s", telling, subject)))
}

// tables are the keyed tables that people look at. Of a shelf it is what is on
// it: its order depends on how rare a term was when it was met.
type tables struct {
	articles map[string]topics.Entry
	profiles map[string]match.Profile
	shelves  map[string][]string
}

func (a app) tables() tables {
	a.t.Helper()
	out := tables{rows(a, topics.Articles), rows(a, stages.Profiles), map[string][]string{}}
	for k, s := range rows(a, topics.Recommendations) {
		for _, i := range s.Items {
			out.shelves[k] = append(out.shelves[k], i.Title)
		}
		slices.Sort(out.shelves[k])
	}
	return out
}

func rows[V any](a app, table pipeline.Table[V]) map[string]V {
	a.t.Helper()
	v, err := pipeline.ViewOf(a.s, table)
	if err != nil {
		a.t.Fatal(err)
	}
	seq, failed := v.Range("", "")
	m := maps.Collect(seq)
	if err := failed(); err != nil {
		a.t.Fatal(err)
	}
	return m
}

// first are the processors that a replay begins with: all that make articles of
// items. The others, which look articles up, come when these are done.
var first = []string{"clean", "dedupe", "bands", "catalog", "index", "relate"}

// replay runs the pipeline under another id beside the one that is there, as
// docs/replay.md has it.
func replay(t *testing.T, cfg pipeline.Config, id string, o *tool.BeginOptions) (a app, stop func()) {
	t.Helper()
	cfg.ApplicationID = id
	const grace = 30 * 24 * time.Hour // the partitions may be that far apart
	if o != nil {
		if _, err := tool.Begin(t.Context(), cfg, topology.New(), *o, false); err != nil {
			t.Fatal(err)
		}
	}
	a, stopFirst := run(t, cfg, grace, first...)
	a.settle(first...)
	stopFirst()
	a, stop = run(t, cfg, grace)
	a.settle()
	return a, stop
}

// TestReplay runs the pipeline anew from the oldest records, from a time and
// from offsets, under ids of their own beside the one that runs: the keyed tables end
// equal to those of a run of the same records. Then it is switched over.
func TestReplay(t *testing.T) {
	cfg := pipeline.Config{Brokers: brokers(t), Partitions: 2, CommitInterval: 10 * time.Millisecond, Logger: slog.New(slog.DiscardHandler)}
	a, stop := run(t, cfg, 0)
	emit(a, topics.Readers, map[string]topics.Reader{
		"ann": {ID: "ann", Interests: []topics.Interest{{Text: "rocket"}, {Text: "glacier"}}},
		"bob": {ID: "bob", Interests: []topics.Interest{{Text: "museum"}}},
		"cho": {ID: "cho"}}, day(0))
	tell(a, "river harbour budget vaccine rocket", 0, day(1))
	tell(a, "rocket river budget", 1, day(1).Add(time.Hour)) // copies
	a.settle()
	click := func(a app, reader, subject string, kind topics.ClickKind, at time.Time) {
		a.t.Helper()
		emit(a, topics.Clicks, map[string]topics.Click{reader: {Reader: reader, Article: id(subject, 0), Kind: kind, At: at}}, at)
	}
	click(a, "cho", "harbour", topics.ClickUp, day(2))
	click(a, "bob", "vaccine", topics.ClickDown, day(2))
	a.settle()
	then := positions(t, cfg)

	tell(a, "glacier railway election museum", 0, day(6)) // out of the window of the first
	tell(a, "museum glacier", 1, day(6).Add(time.Hour))
	a.settle()
	click(a, "cho", "railway", topics.ClickUp, day(7))
	a.settle()
	want := a.tables()
	if copies := copiesOf(want); len(want.articles) != 9 || copies != 5 || len(want.profiles) != 3 || len(want.shelves["cho"]) == 0 || len(want.shelves["ann"]) != 2 {
		t.Fatalf("%d articles, %d copies, %d profiles, shelves %v", len(want.articles), copies, len(want.profiles), want.shelves)
	}

	b, stopB := replay(t, cfg, "rss-2", nil)
	same(t, "the replay from the start", b.tables(), want)

	// Only the second part, from a time and from offsets.
	c, stopC := replay(t, cfg, "rss-time", &tool.BeginOptions{From: day(5)})
	later := c.tables()
	maps.DeleteFunc(want.articles, func(_ string, e topics.Entry) bool { return e.FirstSeen.Before(day(5)) })
	if !reflect.DeepEqual(later.articles, want.articles) || len(later.articles) != 4 {
		t.Errorf("articles of the replay from a time:\n%+v\nwant:\n%+v", later.articles, want.articles)
	}
	if p := later.profiles; len(p) != 3 || len(p["cho"].Clicked) != 1 || len(p["bob"].Wishes) != 1 || len(p["bob"].Clicked) != 0 {
		t.Errorf("profiles of the replay from a time: %+v", p)
	}
	stopC()
	c, stopC = replay(t, cfg, "rss-offsets", &tool.BeginOptions{Offsets: then})
	same(t, "the replay from offsets", c.tables(), later)
	stopC()

	// Switched over: the old one ends, the new one goes on.
	stop()
	tell(b, "orchestra", 0, day(8))
	b.settle()
	if got := b.tables(); len(got.articles) != 10 {
		t.Errorf("%d articles after the old one ended", len(got.articles))
	}
	stopB()
}

// positions are the ends of the topics that others write.
func positions(t *testing.T, cfg pipeline.Config) map[string]map[int32]int64 {
	t.Helper()
	cluster, err := cfg.Cluster(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer cluster.Close()
	ends := map[string]map[int32]int64{}
	for _, topic := range []string{topics.Raw.Name(), topics.Clicks.Name()} {
		ends[topic] = map[int32]int64{}
		for n := range int32(cfg.Partitions) {
			_, end, err := cluster.Bounds(t.Context(), transport.TopicPartition{Topic: topic, Partition: n})
			if err != nil {
				t.Fatal(err)
			}
			ends[topic][n] = end
		}
	}
	return ends
}

func copiesOf(t tables) (n int) {
	for _, e := range t.articles {
		n += len(e.Copies)
	}
	return n
}

func same(t *testing.T, what string, got, want tables) {
	t.Helper()
	if !reflect.DeepEqual(got.articles, want.articles) {
		t.Errorf("articles of %s:\n%+v\nwant:\n%+v", what, got.articles, want.articles)
	}
	if !reflect.DeepEqual(got.profiles, want.profiles) {
		t.Errorf("profiles of %s:\n%+v\nwant:\n%+v", what, got.profiles, want.profiles)
	}
	if !reflect.DeepEqual(got.shelves, want.shelves) {
		t.Errorf("shelves of %s:\n%+v\nwant:\n%+v", what, got.shelves, want.shelves)
	}
}
