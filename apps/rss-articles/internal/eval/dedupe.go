package eval

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"strings"
	"time"

	"github.com/millrace/millrace/apps/rss-articles/internal/clean"
	"github.com/millrace/millrace/apps/rss-articles/internal/feed"
	"github.com/millrace/millrace/apps/rss-articles/internal/stages"
	"github.com/millrace/millrace/apps/rss-articles/internal/topics"
	"github.com/millrace/millrace/pipeline"
	"github.com/millrace/millrace/pipeline/pipelinetest"
)

// DedupeFigures are the figures of one set for eval-dedupe.
type DedupeFigures struct {
	Set       string  `json:"set"`
	Kind      string  `json:"kind"` // clusters or pairs
	Documents int     `json:"documents"`
	Same      int     `json:"same"`      // pairs that belong together
	Different int     `json:"different"` // labelled pairs that do not; of clusters, all others
	Merged    int     `json:"merged"`
	Right     int     `json:"right"` // merged pairs that belong together
	Precision float64 `json:"precision"`
	Recall    float64 `json:"recall"`
	// WrongRate is how many of the different pairs were merged.
	WrongRate float64             `json:"wrong_rate"`
	Baselines map[string]Baseline `json:"baselines"`
	Seconds   float64             `json:"seconds"`
}

// Baseline is what a plainer way gives.
type Baseline struct {
	Precision float64 `json:"precision"`
	Recall    float64 `json:"recall"`
}

// Dedupe measures near-duplicates on labelled clusters and pairs, and writes
// DedupeFigures as JSON lines.
func Dedupe(ctx context.Context, in []io.Reader, out io.Writer) error {
	sets, err := read(in)
	if err != nil {
		return err
	}
	enc := json.NewEncoder(out)
	for _, s := range sets {
		began := time.Now()
		docs, pairs := documents(s)
		if len(docs) == 0 {
			continue
		}
		representative, err := dedupe(ctx, docs)
		if err != nil {
			return fmt.Errorf("set %s: %w", s.name, err)
		}
		f := DedupeFigures{Set: s.name, Kind: "clusters", Documents: len(docs), Baselines: map[string]Baseline{}}
		if pairs != nil {
			f.Kind = "pairs"
		}
		ways := map[string]func(d document) string{
			"":      func(d document) string { return representative[d.id] },
			"url":   func(d document) string { return d.id },
			"title": func(d document) string { return "t" + d.raw.Item.Title + "\x00" + orID(d) },
		}
		for name, key := range ways {
			c := count(docs, pairs, key)
			if name != "" {
				f.Baselines[name] = Baseline{c.precision(), c.recall()}
				continue
			}
			f.Same, f.Different, f.Merged, f.Right = c.same, c.different, c.merged, c.right
			f.Precision, f.Recall = c.precision(), c.recall()
			f.WrongRate = ratio(c.merged-c.right, c.different, 0)
		}
		f.Seconds = time.Since(began).Seconds()
		if err := enc.Encode(f); err != nil {
			return err
		}
	}
	return nil
}

// orID tells documents without a title apart.
func orID(d document) string {
	if d.raw.Item.Title == "" {
		return d.id
	}
	return ""
}

// document is an item of a set.
type document struct {
	id      string // as clean gives it
	cluster string
	raw     clean.Raw
	at      time.Time
}

var begin = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// documents makes items of a set. Of pairs, documents 2i and 2i+1 are pair i,
// and each pair has a window of its own. pairs says which belong together; it
// is nil for clusters.
func documents(s *set) (docs []document, pairs []bool) {
	add := func(title, text, url, cluster string, at time.Time) {
		if url == "" {
			// Each its own publisher, for which package neardup is less strict
			// than within one.
			url = fmt.Sprintf("https://d%d.invalid/%d", len(docs), len(docs))
		}
		raw := clean.Raw{Feed: "https://feeds.invalid/" + s.name, Fetched: at, Item: feed.Item{Link: url, Title: title, Summary: text, Published: at}}
		if a, err := clean.Clean(raw); err == nil {
			docs = append(docs, document{a.ID, cluster, raw, at})
		}
	}
	for i, r := range s.records {
		switch {
		case r.Cluster != "":
			add(r.Title, r.Text, r.URL, r.Cluster, begin.Add(time.Duration(i)*time.Second))
		case r.A != "" && r.B != "":
			at := begin.Add(time.Duration(i) * 4 * 24 * time.Hour)
			for _, side := range []string{r.A, r.B} {
				title, text, _ := strings.Cut(side, "\n")
				add(title, text, "", fmt.Sprint(i), at)
			}
			pairs = append(pairs, r.same())
		}
	}
	return docs, pairs
}

// century is more than any set goes on. Pairs are days apart, and of the records
// that the stages have at a time some partition handles those of years ahead
// first: as in a replay, which pair was found would depend on that without grace.
const century = 100 * 365 * 24 * time.Hour

// dedupe runs documents through the stages and returns the representative of
// each article.
func dedupe(ctx context.Context, docs []document) (map[string]string, error) {
	o := stages.Options{Retention: century, Grace: century}
	topology := pipeline.New("eval-dedupe").From(topics.Raw).
		Add(stages.Clean(o), stages.Dedupe(o), stages.Bands(o), stages.Catalog(o)).
		To(topics.Articles, topics.Failed)
	out := map[string]string{}
	err := pipelinetest.Run(topology, func(d *pipelinetest.Driver) {
		for len(docs) > 0 && ctx.Err() == nil {
			n := min(len(docs), chunk)
			records := make([]pipeline.Record, n)
			for i, doc := range docs[:n] {
				records[i] = topics.Raw.Record(doc.raw.Feed, doc.raw).At(doc.at)
			}
			docs = docs[n:]
			d.Pipe(records...)
		}
		for id, e := range pipelinetest.Rows(d, topics.Articles) {
			out[id] = id
			for _, c := range e.Copies {
				out[c.ID] = id
			}
		}
	})
	if err == nil {
		err = ctx.Err()
	}
	return out, err
}

// chunk is how many records the driver gets before it waits for the stages.
const chunk = 500

// counts are counts of pairs.
type counts struct{ same, different, merged, right int }

// count counts the pairs that have the same key.
func count(docs []document, pairs []bool, key func(document) string) (c counts) {
	add := func(a, b document, same bool) {
		merged := key(a) == key(b)
		switch {
		case same:
			c.same++
		default:
			c.different++
		}
		if merged {
			c.merged++
			if same {
				c.right++
			}
		}
	}
	if pairs != nil {
		for i, same := range pairs {
			add(docs[2*i], docs[2*i+1], same)
		}
		return c
	}
	for i := range docs {
		for j := range i {
			add(docs[i], docs[j], docs[i].cluster == docs[j].cluster)
		}
	}
	return c
}

func (c counts) precision() float64 { return ratio(c.right, c.merged, 1) }
func (c counts) recall() float64    { return ratio(c.right, c.same, 1) }

func ratio(a, b int, otherwise float64) float64 {
	if b == 0 {
		return otherwise
	}
	return math.Round(float64(a)/float64(b)*1e6) / 1e6
}
