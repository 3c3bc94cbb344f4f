package stages

import (
	"slices"
	"strconv"

	"github.com/millrace/millrace/apps/rss-articles/internal/match"
	"github.com/millrace/millrace/apps/rss-articles/internal/topics"
	"github.com/millrace/millrace/pipeline"
	"github.com/millrace/millrace/pipeline/codec"
)

// Index follows the table of articles and sends the terms of each to where
// they are matched: a bounded number (see match.Terms), those of an article
// that changed or vanished as gone. All of them together go to Relate, to learn
// from, and into the table that Shelve scores articles by.
//
// State: the keys of the terms of each article in the table.
func Index(Options) *pipeline.Processor {
	p := pipeline.Process("index").DeadLetters(topics.Failed)
	indexed := pipeline.State(p, pipeline.NewTable("index.articles", codec.JSON[Indexed]()))
	total := pipeline.Store(p, pipeline.NewTable("index.total", codec.Int64()))
	postings := pipeline.Output(p, Postings)
	samples := pipeline.Output(p, Samples)
	descriptions := pipeline.OutputTable(p, Descriptions)

	pipeline.Changes(p, topics.Articles, func(ctx *pipeline.Context, c pipeline.Change[topics.Entry]) error {
		was, known := indexed.Get(ctx)
		if c.Deleted && !known || !c.Deleted && known && was.Hash == c.Value.Hash {
			return nil
		}
		n, _ := total.Get(ctx, totalEntry)
		article := match.Article{ID: ctx.Key()}
		had := was.Terms
		var terms []match.Term
		switch {
		case c.Deleted:
			n--
			indexed.Delete(ctx)
		default:
			if !known {
				n++
			}
			article = described(c.Value)
			terms = match.Terms(c.Value.Article)
			now := Indexed{Hash: c.Value.Hash}
			for _, t := range terms {
				now.Terms = append(now.Terms, t.Key)
			}
			indexed.Set(ctx, now)
			was.Terms = slices.DeleteFunc(slices.Clone(was.Terms), func(k string) bool { return slices.Contains(now.Terms, k) })
		}
		total.Set(ctx, totalEntry, n)
		if c.Deleted {
			descriptions.Delete(ctx, ctx.Key())
			samples.Emit(ctx, samplesKey, Sample{Article: ctx.Key(), Gone: true})
		} else {
			descriptions.Emit(ctx, ctx.Key(), match.Describe(terms))
			samples.Emit(ctx, samplesKey, sampleOf(ctx.Key(), terms, ctx.Timestamp()))
		}
		for _, key := range was.Terms {
			postings.Emit(ctx, key, Posting{Article: match.Article{ID: ctx.Key()}, Term: match.Term{Key: key}, Gone: true,
				Shard: ctx.Partition(), Total: n})
		}
		for _, t := range terms {
			t.Label = "" // the readers' profiles have it
			postings.Emit(ctx, t.Key, Posting{Article: article, Term: t, Again: slices.Contains(had, t.Key),
				Shard: ctx.Partition(), Total: n})
		}
		return nil
	})
	return p
}

// Indexed is what was sent of an article.
type Indexed struct {
	Hash  string   `json:"hash"`
	Terms []string `json:"terms"`
}

const totalEntry = "total"

// described is an article as recommendations show it.
func described(e topics.Entry) match.Article {
	a := match.Article{ID: e.ID, Title: e.Title, URL: e.URL, Published: e.Published, Lang: e.Lang}
	if e.FirstSeen.Before(a.Published) { // feeds claim what they like
		a.Published = e.FirstSeen
	}
	return a
}

func shardKey(n int) string { return strconv.Itoa(n) }
