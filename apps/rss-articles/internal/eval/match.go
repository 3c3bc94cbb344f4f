package eval

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/millrace/millrace/apps/rss-articles/internal/clean"
	"github.com/millrace/millrace/apps/rss-articles/internal/feed"
	"github.com/millrace/millrace/apps/rss-articles/internal/text"
	"github.com/millrace/millrace/apps/rss-articles/internal/topics"
	"github.com/millrace/millrace/pipeline"
	"github.com/millrace/millrace/pipeline/pipelinetest"
)

// The protocol of eval-match.
const (
	minTopic = 50 // documents that a topic must have
	draws    = 20 // readers for each topic
	clicks   = 5  // articles that each of them clicks
	depth    = 10 // recommendations that count
)

// MatchFigures are the figures of one set for eval-match.
type MatchFigures struct {
	Set       string             `json:"set"`
	Documents int                `json:"documents"`
	Topics    int                `json:"topics"`
	Readers   int                `json:"readers"`
	Precision float64            `json:"precision@10"`
	Filled    float64            `json:"filled"` // how many of the ten places had an article, on average
	Baselines map[string]float64 `json:"baselines"`
	ByTopic   map[string]float64 `json:"by_topic"`
	Seconds   float64            `json:"seconds"`
}

// Match measures recommendations on labelled topics, and writes MatchFigures as
// JSON lines.
func Match(ctx context.Context, in []io.Reader, out io.Writer) error {
	sets, err := read(in)
	if err != nil {
		return err
	}
	enc := json.NewEncoder(out)
	for _, s := range sets {
		began := time.Now()
		c := newCorpus(s)
		if len(c.readers) == 0 {
			continue
		}
		shelves, err := c.recommend(ctx)
		if err != nil {
			return fmt.Errorf("set %s: %w", s.name, err)
		}
		f := c.figures(shelves)
		f.Set, f.Seconds = s.name, time.Since(began).Seconds()
		if err := enc.Encode(f); err != nil {
			return err
		}
	}
	return nil
}

// corpus is a set with its simulated readers.
type corpus struct {
	articles []clean.Article
	labels   [][]string
	readers  []simulated
	topics   map[string]int // documents of each topic that is tried
}

// simulated is a reader who clicked articles of a topic.
type simulated struct {
	id      string
	topic   string
	clicked []int // indexes of articles
}

func newCorpus(s *set) *corpus {
	c := &corpus{topics: map[string]int{}}
	byTopic := map[string][]int{}
	for i, r := range s.records {
		if len(r.topics()) == 0 {
			continue
		}
		a, err := clean.Clean(clean.Raw{Feed: "https://feeds.invalid/" + s.name, Fetched: begin,
			Item: feed.Item{Link: fmt.Sprintf("https://docs.invalid/%d", i), Title: r.Title, Summary: r.Text}})
		if err != nil {
			continue
		}
		for _, t := range r.topics() {
			byTopic[t] = append(byTopic[t], len(c.articles))
		}
		c.articles = append(c.articles, a)
		c.labels = append(c.labels, r.topics())
	}
	names := make([]string, 0, len(byTopic))
	for t, docs := range byTopic {
		if len(docs) >= minTopic {
			names = append(names, t)
			c.topics[t] = len(docs)
		}
	}
	slices.Sort(names)
	for n, t := range names {
		for draw := range draws {
			r := rand.New(rand.NewPCG(uint64(n), uint64(draw)))
			reader := simulated{id: fmt.Sprintf("%s/%d", t, draw), topic: t}
			for _, i := range r.Perm(len(byTopic[t]))[:clicks] {
				reader.clicked = append(reader.clicked, byTopic[t][i])
			}
			c.readers = append(c.readers, reader)
		}
	}
	return c
}

// recommend runs the stages: first the articles that are clicked by any reader,
// then the clicks, then the rest of the stream. It returns the shelves as
// indexes of articles.
func (c *corpus) recommend(ctx context.Context) (map[string][]int, error) {
	clicked := map[int]bool{}
	for _, r := range c.readers {
		for _, i := range r.clicked {
			clicked[i] = true
		}
	}
	var first, clicks, rest []pipeline.Record
	at := begin
	now := func() time.Time { at = at.Add(time.Second); return at }
	index := map[string]int{}
	entry := func(i int) pipeline.Record {
		a := c.articles[i]
		index[a.ID] = i
		return topics.Articles.Row(a.ID, topics.Entry{Article: a, FirstSeen: begin}).At(now())
	}
	for i := range c.articles {
		if clicked[i] {
			first = append(first, entry(i))
		}
	}
	for _, r := range c.readers {
		first = append(first, topics.Readers.Row(r.id, topics.Reader{ID: r.id}).At(now()))
		for _, i := range r.clicked {
			clicks = append(clicks, topics.Clicks.Record(r.id, topics.Click{Reader: r.id, Article: c.articles[i].ID,
				Kind: topics.ClickOpen, At: at}).At(at))
		}
	}
	for i := range c.articles {
		if !clicked[i] {
			rest = append(rest, entry(i))
		}
	}
	shelves := map[string][]int{}
	err := pipelinetest.RunBounded(matchStages("eval-match"), func(d *pipelinetest.Driver) {
		for _, part := range [][]pipeline.Record{first, clicks, rest} {
			pipe(ctx, d, part)
		}
		for id, s := range pipelinetest.Rows(d, topics.Recommendations) {
			for _, item := range s.Items {
				shelves[id] = append(shelves[id], index[item.Article])
			}
		}
	}, steadyCommits)
	if err == nil {
		err = ctx.Err()
	}
	return shelves, err
}

// figures judges the shelves and the baselines.
func (c *corpus) figures(shelves map[string][]int) MatchFigures {
	f := MatchFigures{Documents: len(c.articles), Topics: len(c.topics), Readers: len(c.readers),
		Baselines: map[string]float64{}, ByTopic: map[string]float64{}}
	words := make([]map[string]int, len(c.articles))
	for i, a := range c.articles {
		words[i] = map[string]int{}
		for _, t := range text.Terms(a.Title+"\n"+a.Text, a.Lang, 0) {
			words[i][t]++
		}
	}
	all := map[string]float64{}
	for _, r := range c.readers {
		p := c.precision(r, shelves[r.id])
		all["precision"] += p
		all["filled"] += float64(min(len(shelves[r.id]), depth))
		f.ByTopic[r.topic] += p
		f.Baselines["random"] += float64(c.topics[r.topic]-clicks) / float64(len(c.articles)-clicks)
		f.Baselines["recent"] += c.precision(r, c.recent(r))
		f.Baselines["keyword"] += c.precision(r, c.keyword(r, words))
	}
	mean(f.ByTopic, draws)
	mean(f.Baselines, len(c.readers))
	mean(all, len(c.readers))
	f.Precision, f.Filled = all["precision"], all["filled"]
	return f
}

// mean divides sums by how many they are of.
func mean(sums map[string]float64, n int) {
	for k, x := range sums {
		sums[k] = math.Round(x/float64(n)*1e4) / 1e4
	}
}

// precision is how many of the first ten belong to the reader's topic. Fewer
// than ten count as if the others did not.
func (c *corpus) precision(r simulated, list []int) float64 {
	right := 0
	for _, i := range list[:min(len(list), depth)] {
		if slices.Contains(c.labels[i], r.topic) && !slices.Contains(r.clicked, i) {
			right++
		}
	}
	return float64(right) / depth
}

// recent are the last articles of the stream.
func (c *corpus) recent(r simulated) (list []int) {
	for i := len(c.articles) - 1; i >= 0 && len(list) < depth; i-- {
		if !slices.Contains(r.clicked, i) {
			list = append(list, i)
		}
	}
	return list
}

// keyword searches for the ten words that most of the clicked articles have, and
// ranks by how many of them an article has.
func (c *corpus) keyword(r simulated, words []map[string]int) []int {
	in, times := map[string]int{}, map[string]int{}
	for _, i := range r.clicked {
		for w, n := range words[i] {
			in[w]++
			times[w] += n
		}
	}
	search := make([]string, 0, len(in))
	for w := range in {
		search = append(search, w)
	}
	slices.SortFunc(search, func(a, b string) int {
		return cmp.Or(cmp.Compare(in[b], in[a]), cmp.Compare(times[b], times[a]), cmp.Compare(a, b))
	})
	search = search[:min(len(search), depth)]
	hits := make([]int, len(c.articles))
	list := make([]int, 0, len(c.articles))
	for i := range c.articles {
		for _, w := range search {
			if words[i][w] > 0 {
				hits[i]++
			}
		}
		if hits[i] > 0 && !slices.Contains(r.clicked, i) {
			list = append(list, i)
		}
	}
	slices.SortStableFunc(list, func(a, b int) int { return cmp.Compare(hits[b], hits[a]) })
	return list
}
