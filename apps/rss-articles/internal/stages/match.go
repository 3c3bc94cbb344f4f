package stages

import (
	"cmp"
	"slices"

	"github.com/millrace/millrace/apps/rss-articles/internal/match"
	"github.com/millrace/millrace/apps/rss-articles/internal/topics"
	"github.com/millrace/millrace/pipeline"
	"github.com/millrace/millrace/pipeline/codec"
)

// MaxPostings is how many articles of a term a newly wanted term finds at most: the
// newest. Between that and MaxPostings and a quarter are kept. An older article
// may still be found by a rarer term; Shelve knows all of its terms then.
const MaxPostings = 128

// Match is where articles and readers meet: at the terms that they share. Both
// an article that arrives and a reader's wish that is new give parts of scores,
// which go to the reader. An article costs what it matches and no more.
//
// How rare a term is goes by how many of the articles in the table have it, as
// far as is known at the time.
//
// State: for each term up to 160 articles and all readers who want it, which a
// profile bounds from the other side; removed as either goes.
func Match(Options) *pipeline.Processor {
	p := pipeline.Process("match").DeadLetters(topics.Failed)
	m := matcher{
		terms:    pipeline.State(p, pipeline.NewTable("match.terms", codec.JSON[TermCount]())),
		articles: pipeline.Store(p, pipeline.NewTable("match.articles", codec.JSON[Posting]())),
		readers:  pipeline.Store(p, pipeline.NewTable("match.readers", codec.JSON[Wish]())),
		totals:   pipeline.Store(p, pipeline.NewTable("match.totals", codec.Int64())),
		parts:    pipeline.Output(p, Parts),
	}
	pipeline.Input(p, Postings, m.posting)
	pipeline.Input(p, Wanted, m.wish)
	return p
}

// TermCount counts the articles of a term and who wants it.
type TermCount struct {
	Articles int64 `json:"articles"`          // in the table
	Kept     int   `json:"kept"`              // here
	Readers  int   `json:"readers,omitempty"` // most terms have none: their articles look for nobody
}

type matcher struct {
	terms    pipeline.Cell[TermCount]
	articles pipeline.KeyValue[Posting] // by term and article
	readers  pipeline.KeyValue[Wish]    // by term and reader
	totals   pipeline.KeyValue[int64]   // articles, by shard of the index; and of all
	parts    pipeline.Out[Part]
}

// within begins the keys of a term's articles or readers; terms have no zero
// byte.
func within(term string) string { return term + "\x00" }

func (m matcher) posting(ctx *pipeline.Context, p Posting) error {
	if t, _ := m.totals.Get(ctx, shardKey(p.Shard)); t != p.Total {
		m.totals.Set(ctx, shardKey(p.Shard), p.Total)
		m.totals.Set(ctx, totalEntry, m.total(ctx)+p.Total-t)
	}
	count, _ := m.terms.Get(ctx)
	key := within(ctx.Key()) + p.Article.ID
	_, kept := m.articles.Get(ctx, key)
	switch {
	case p.Gone:
		count.Articles = max(count.Articles-1, 0)
		if kept {
			count.Kept--
			m.articles.Delete(ctx, key)
		}
	default:
		if !kept {
			count.Kept++
			if !p.Again { // else it was counted, and dropped from a full list since
				count.Articles++
			}
		}
		m.articles.Set(ctx, key, p)
		m.bound(ctx, &count)
	}
	m.count(ctx, count)
	if count.Readers == 0 {
		return nil
	}
	rarity := match.Rarity(count.Articles, m.total(ctx))
	for _, w := range m.readers.Prefix(ctx, within(ctx.Key())) {
		m.meet(ctx, p, w, rarity, false)
	}
	return nil
}

func (m matcher) count(ctx *pipeline.Context, c TermCount) {
	if c == (TermCount{}) {
		m.terms.Delete(ctx)
	} else {
		m.terms.Set(ctx, c)
	}
}

func (m matcher) wish(ctx *pipeline.Context, w Wish) error {
	key := within(ctx.Key()) + w.Reader
	before, known := m.readers.Get(ctx, key)
	count, _ := m.terms.Get(ctx)
	if w.Gone {
		if known { // the profile tells shelve
			m.readers.Delete(ctx, key)
			count.Readers--
			m.count(ctx, count)
		}
		return nil
	}
	m.readers.Set(ctx, key, w)
	if !known {
		count.Readers++
		m.count(ctx, count)
	}
	if known && !stronger(w, before) {
		return nil
	}
	rarity := match.Rarity(count.Articles, m.total(ctx))
	var list []Posting
	for _, p := range m.articles.Prefix(ctx, within(ctx.Key())) {
		list = append(list, p)
	}
	if n := w.reach(); len(list) > n {
		oldest(list, len(list)-n)
		list = list[len(list)-n:]
	}
	for _, p := range list {
		m.meet(ctx, p, w, rarity, true)
	}
	return nil
}

// The reach of wishes: each level below fullReach halves it, to leastReach.
const (
	fullReach  = -3 // what all terms of one clicked article have
	leastReach = 8
)

// reach is how many articles a wish finds: the newest. An article of which a weak
// term is all that the reader wants is worth little, and one that has stronger
// terms too is found by these and counts by all.
func (w Wish) reach() int {
	if w.Want.Declared || w.Want.Level >= fullReach {
		return MaxPostings
	}
	return max(MaxPostings>>min(fullReach-w.Want.Level, 16), leastReach)
}

// stronger says whether a wish can meet articles that an earlier one did not.
func stronger(w, before Wish) bool {
	if w.Want.Declared != before.Want.Declared || len(w.Languages) != len(before.Languages) {
		return true
	}
	for _, l := range w.Languages {
		if !match.Reads(before.Languages, l) {
			return true
		}
	}
	return w.Want.Level > before.Want.Level
}

// meet sends the part of a score that an article and a reader have by a term; sought
// if it is the wish that is new and not the article.
func (m matcher) meet(ctx *pipeline.Context, p Posting, w Wish, rarity float64, sought bool) {
	part := Part{Article: p.Article, Term: p.Term.Key, Gone: p.Gone, Sought: sought}
	if !p.Gone {
		if !match.Reads(w.Languages, p.Article.Lang) || !match.Worth(w.Want, p.Term.Value, rarity) {
			return
		}
		part.Value, part.Rarity = p.Term.Value, rarity
		if w.Want.Declared {
			part.Next = p.Term.Next
		}
	}
	m.parts.Emit(ctx, w.Reader, part)
}

func (m matcher) total(ctx *pipeline.Context) int64 {
	n, _ := m.totals.Get(ctx, totalEntry)
	return n
}

// bound drops the oldest articles of a term when there are a quarter too many.
func (m matcher) bound(ctx *pipeline.Context, count *TermCount) {
	if count.Kept <= MaxPostings*5/4 {
		return
	}
	var list []Posting
	for _, p := range m.articles.Prefix(ctx, within(ctx.Key())) {
		list = append(list, p)
	}
	for _, p := range oldest(list, len(list)-MaxPostings) {
		m.articles.Delete(ctx, within(ctx.Key())+p.Article.ID)
	}
	count.Kept = min(len(list), MaxPostings)
}

// oldest returns the n oldest of a list.
func oldest(list []Posting, n int) []Posting {
	slices.SortFunc(list, func(a, b Posting) int {
		return cmp.Or(a.Article.Published.Compare(b.Article.Published), cmp.Compare(a.Article.ID, b.Article.ID))
	})
	return list[:n]
}
