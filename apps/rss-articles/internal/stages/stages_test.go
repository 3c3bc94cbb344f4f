package stages_test

import (
	"testing"
	"time"

	"github.com/millrace/millrace/apps/rss-articles/internal/stages"
	"github.com/millrace/millrace/apps/rss-articles/internal/topics"
	"github.com/millrace/millrace/apps/rss-articles/internal/topology"
	"github.com/millrace/millrace/pipeline/pipelinetest"
)

func TestPipeline(t *testing.T) {
	pipelinetest.Each(t, topology.New, func(d *pipelinetest.Driver) {
		d.Send(reader("r", "interest rates"))
		d.Send(item("a", "https://a.example/bank?utm_source=x", bank, bank2, 0), item("b", "https://b.example/1", goal, goal2, 1),
			item("c", "https://c.example/x", bank, bank2, 2))
		expect(t, "articles", catalog(d), bank+" < "+bank+"\n"+goal)
		expect(t, "shelf", shelf(d, "r"), bank)
	}, fourPartitions)
}

func TestCleanSetsAside(t *testing.T) {
	d := driver(t)
	d.Send(item("a", "", "", "", 0))
	if got := pipelinetest.Read(d, topics.Failed); len(got) != 1 {
		t.Errorf("%d dead letters, want 1", len(got))
	}
	d.ExpectNone(topics.Clean)
}

func TestSameAddressIsOneArticle(t *testing.T) {
	d := driver(t)
	d.Send(item("a", "https://a.example/1", goal, goal2, 0), item("a", "http://www.a.example/1/?fbclid=2#x", goal, goal2, 1),
		item("b", "https://a.example/1", goal+", agencies say", goal2, 2))
	expect(t, "articles", catalog(d), goal)
	if got := pipelinetest.Read(d, topics.Unique); len(got) != 1 {
		t.Errorf("%d records of unique articles, want 1", len(got))
	}
}

func TestChangeIsAnUpdate(t *testing.T) {
	d := driver(t)
	d.Send(item("a", "https://a.example/1", goal, goal2, 0), item("a", "https://a.example/1", "Visitors win", goal2, 9))
	e := pipelinetest.Rows(d, topics.Articles)[id("https://a.example/1")]
	if e.Title != "Visitors win" || !e.FirstSeen.Equal(at(0)) || !e.Updated.Equal(at(9)) {
		t.Errorf("%q, first seen %v, updated %v", e.Title, e.FirstSeen, e.Updated)
	}
}

func TestChangeOfACopy(t *testing.T) {
	d := driver(t)
	d.Send(item("a", "https://a.example/1", bank, bank2, 0), item("b", "https://b.example/1", bank, bank2, 1),
		item("b", "https://b.example/1", "Rates up", bank2, 9))
	expect(t, "articles", catalog(d), bank+" < Rates up")
}

// The older one comes last, as from a partition that lags.
func TestOriginalComesLate(t *testing.T) {
	d := driver(t)
	d.Send(reader("r", "interest rates"))
	d.Send(item("b", "https://b.example/1", bank+" b", bank2, 5), item("c", "https://c.example/1", bank+" c", bank2, 7))
	expect(t, "articles", catalog(d), bank+" b < "+bank+" c")
	d.Send(item("a", "https://a.example/1", bank+" a", bank2, 0))
	expect(t, "articles", catalog(d), bank+" a < "+bank+" b < "+bank+" c")
	expect(t, "shelf", shelf(d, "r"), bank+" a")
}

func TestWindowAndRetention(t *testing.T) {
	d := driver(t)
	day := 24 * 60
	d.Send(item("a", "https://a.example/1", bank, bank2, 0), item("b", "https://b.example/1", bank, bank2, 4*day))
	expect(t, "articles", catalog(d), bank+"\n"+bank)
	for i := range 40 { // to every partition
		d.Send(item("c", "https://c.example/"+string(rune('A'+i)), string(rune('A'+i)), "", 33*day+i))
	}
	if _, ok := pipelinetest.Rows(d, topics.Articles)[id("https://a.example/1")]; ok {
		t.Error("an article is still there after its retention")
	}
	if _, ok := pipelinetest.Rows(d, topics.Articles)[id("https://b.example/1")]; !ok {
		t.Error("an article is gone before its time")
	}
}

func TestOptions(t *testing.T) {
	d := pipelinetest.New(t, topology.With(stages.Options{Window: time.Hour}))
	d.Send(item("a", "https://a.example/1", bank, bank2, 0), item("b", "https://b.example/1", bank, bank2, 61))
	expect(t, "articles", catalog(d), bank+"\n"+bank)
}
