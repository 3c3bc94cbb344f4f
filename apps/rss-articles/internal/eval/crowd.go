package eval

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"time"

	"github.com/millrace/millrace/apps/rss-articles/internal/clean"
	"github.com/millrace/millrace/apps/rss-articles/internal/feed"
	"github.com/millrace/millrace/apps/rss-articles/internal/stages"
	"github.com/millrace/millrace/apps/rss-articles/internal/topics"
	"github.com/millrace/millrace/pipeline"
	"github.com/millrace/millrace/pipeline/pipelinetest"
)

// The protocol of eval-readers.
const (
	matching   = 10  // readers whom an article is for, whatever their number
	wanted     = 100 // matters that articles are on, so that shelves are as full for any number of readers
	crowdWords = 12  // in an article
)

// CrowdFigures are the figures of one number of readers for eval-readers.
type CrowdFigures struct {
	Readers         int     `json:"readers"`
	Setup           float64 `json:"setup_seconds"` // until all readers are known
	Articles        int     `json:"articles"`      // that were timed
	Recommendations int     `json:"recommendations"`
	PerArticle      float64 `json:"microseconds_per_article"`
}

// Crowd measures what an article costs among different numbers of readers, of
// whom as many want it each time, and writes CrowdFigures as JSON lines. It times
// a number of articles, after as many that warm up.
func Crowd(ctx context.Context, readers []int, articles int, out io.Writer) error {
	enc := json.NewEncoder(out)
	for _, n := range readers {
		f, err := crowd(ctx, n, articles)
		if err != nil {
			return fmt.Errorf("%d readers: %w", n, err)
		}
		if err := enc.Encode(f); err != nil {
			return err
		}
	}
	return nil
}

func crowd(ctx context.Context, n, articles int) (CrowdFigures, error) {
	f := CrowdFigures{Readers: n, Articles: articles}
	at := begin
	now := func() time.Time { at = at.Add(time.Second); return at }
	readers := make([]pipeline.Record, 0, n)
	for i := range n {
		id := fmt.Sprint("reader", i)
		readers = append(readers, topics.Readers.Row(id, topics.Reader{ID: id,
			Interests: []topics.Interest{{Text: fmt.Sprintf("topic%dx", i/matching)}}}).At(now()))
	}
	article := func(i int) (pipeline.Record, error) {
		body := fmt.Sprintf("topic%dx", i%max(min(n/matching, wanted), 1))
		for w := range crowdWords {
			body += fmt.Sprintf(" word%dx", (i*7+w*13)%997)
		}
		a, err := clean.Clean(clean.Raw{Feed: "https://feeds.invalid/crowd", Fetched: begin,
			Item: feed.Item{Link: fmt.Sprintf("https://docs.invalid/%d", i), Title: fmt.Sprint("Article ", i), Summary: body}})
		return topics.Articles.Row(a.ID, topics.Entry{Article: a, FirstSeen: begin}).At(now()), err
	}
	var failed error
	err := pipelinetest.RunBounded(matchStages("eval-readers"), func(d *pipelinetest.Driver) {
		began := time.Now()
		pipe(ctx, d, readers)
		f.Setup = seconds(time.Since(began))
		for round := range 2 {
			var list []pipeline.Record
			for i := range articles {
				r, err := article(round*articles + i)
				if err != nil {
					failed = err
					return
				}
				list = append(list, r)
			}
			began = time.Now()
			pipe(ctx, d, list)
		}
		f.PerArticle = math.Round(float64(time.Since(began).Microseconds()) / float64(articles))
		for _, s := range pipelinetest.Rows(d, topics.Recommendations) {
			f.Recommendations += len(s.Items)
		}
	})
	if err == nil {
		err = ctx.Err()
	}
	if err == nil {
		err = failed
	}
	return f, err
}

// matchStages are the stages from articles, readers and clicks to
// recommendations.
func matchStages(app string) *pipeline.Topology {
	o := stages.Options{}
	return pipeline.New(app).From(topics.Articles, topics.Readers, topics.Clicks).
		Add(stages.Index(o), stages.Relate(o), stages.Notify(o), stages.Learn(o), stages.Match(o), stages.Shelve(o)).
		To(topics.Failed, topics.Recommendations)
}

// steadyCommits commits as a pipeline in use does, and not after each record.
func steadyCommits(c *pipeline.Config) { c.CommitInterval = 100 * time.Millisecond }

// pipe sends records in parts, until ctx ends.
func pipe(ctx context.Context, d *pipelinetest.Driver, list []pipeline.Record) {
	for len(list) > 0 && ctx.Err() == nil {
		n := min(len(list), chunk)
		d.Pipe(list[:n]...)
		list = list[n:]
	}
}

func seconds(d time.Duration) float64 { return math.Round(d.Seconds()*1000) / 1000 }
