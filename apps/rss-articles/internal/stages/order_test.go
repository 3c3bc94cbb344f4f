package stages_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/millrace/millrace/apps/rss-articles/internal/topics"
	"github.com/millrace/millrace/pipeline"
	"github.com/millrace/millrace/pipeline/pipelinetest"
)

// news is a day of items: ten stories, most with copies that are edited a
// little, on other hosts and at other times.
func news(r *rand.Rand) []pipeline.Record {
	subjects := strings.Fields("river harbour budget vaccine rocket orchestra glacier railway election museum")
	verbs := strings.Fields("reopens closes delays doubles divides surprises")
	words := strings.Fields(`engineers neighbours decision winter million plans council evening report mountain
		painting savings doctors captain children market island history machine summer colour silence`)
	var out []pipeline.Record
	minute := 0
	for s, subject := range subjects {
		text := []string{subject}
		for range 50 {
			text = append(text, words[r.IntN(len(words))])
		}
		title := fmt.Sprintf("%s %s the %s and %s of %s", subject, verbs[r.IntN(len(verbs))], words[s], words[s+1], words[s+2])
		for c := range 1 + r.IntN(4) {
			text[5+3*c] = "edited"
			minute += 1 + r.IntN(60)
			out = append(out, item(fmt.Sprintf("feed%d", c), fmt.Sprintf("https://host%d.example/%d", c, s), title, strings.Join(text, " "), minute))
		}
	}
	return out
}

// readers want some of the news.
func readers() []pipeline.Record {
	return []pipeline.Record{reader("a", "rocket", "budget"), reader("b", "museum"), reader("c", "nothing of this")}
}

// The tables end the same in whatever order the items come, with some of them
// twice, and restarts and a crash in the middle.
func TestOrderDoesNotMatter(t *testing.T) {
	for seed := range uint64(2) {
		r := rand.New(rand.NewPCG(seed, 0))
		items := news(r)
		d := driver(t)
		d.Pipe(append(items, readers()...)...)
		want := tables(d)
		copies := strings.Count(catalog(d), " < ")
		if n := len(pipelinetest.Rows(d, topics.Articles)); n != 10 || n+copies != len(items) {
			t.Fatalf("seed %d: %d items gave %d articles with %d copies, want 10 articles:\n%s", seed, len(items), n, copies, catalog(d))
		}

		shuffled := append(append(items, readers()...), items[:3]...)
		r.Shuffle(len(shuffled), func(i, j int) { shuffled[i], shuffled[j] = shuffled[j], shuffled[i] })
		d = driver(t)
		d.Pipe(shuffled[:10]...)
		d.Restart()
		d.Pipe(shuffled[10:20]...)
		d.Crash()
		d.Pipe(shuffled[20:]...)
		same(t, fmt.Sprint("seed ", seed, ", shuffled"), tables(d), want)
	}
}

// All again, as after a reset of offsets, changes nothing.
func TestReplayIsIdempotent(t *testing.T) {
	all := append(news(rand.New(rand.NewPCG(7, 7))), readers()...)
	all = append(all, click("c", "https://host0.example/1", topics.ClickUp, 2000), click("c", "https://host0.example/4", topics.ClickOpen, 2001))
	d := driver(t)
	d.Pipe(all...)
	d.Pipe(all[len(all)-2:]...) // the articles are certainly there now
	want := tables(d)
	d.Pipe(all...)
	same(t, "after a replay", tables(d), want)
	if !strings.Contains(want, "shelf c") {
		t.Errorf("the clicks taught nothing:\n%s", want)
	}
}
