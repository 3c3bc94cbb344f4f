package stages

import (
	"cmp"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"time"

	"github.com/millrace/millrace/apps/rss-articles/internal/clean"
	"github.com/millrace/millrace/apps/rss-articles/internal/topics"
	"github.com/millrace/millrace/pipeline"
	"github.com/millrace/millrace/pipeline/codec"
)

// MaxCopies bounds the copies that the table of articles lists under an
// original, and those that are passed on from one article to another. The
// oldest are kept.
const MaxCopies = 50

// maxHops bounds how far copies are passed on, as neardup.Root does.
const maxHops = 32

// Catalog keeps the table of articles: each article once, on its own or as a
// copy under the representative of its cluster.
//
// An article's original can be a copy of another in turn. So each article that
// is a copy tells its original what is under it, the original passes that on to
// its own, and so on to the representative (neardup.Root, spread over
// partitions). What is told is all that there is under an article, so that it
// may be told again, and when an article gets another original it tells the
// former one that nothing is under it there.
//
// State: an entry for each article and the copies under it, for Retention.
func Catalog(o Options) *pipeline.Processor {
	o = o.withDefaults()
	p := pipeline.Process("catalog").DeadLetters(topics.Failed)
	c := catalog{Options: o,
		entries: pipeline.Store(p, topics.Articles),
		places:  pipeline.Store(p, pipeline.NewTable("catalog.places", codec.JSON[Place]())),
		ages:    newExpiry(p, "catalog.ages"),
		loop:    pipeline.Loop(p, codec.JSON[Under]()),
	}
	pipeline.Input(p, topics.Unique, c.unique)
	pipeline.Input(p, topics.Duplicates, c.duplicate)
	c.loop.Handle(c.under)
	return p
}

// Place is where an article is in the tree of its cluster.
type Place struct {
	First    time.Time                `json:"first"`
	Original string                   `json:"original,omitempty"` // none: it is a representative
	Self     topics.Copy              `json:"self,omitzero"`      // what it looks like as a copy
	Under    map[string][]topics.Copy `json:"under,omitempty"`    // by the copies that it is the original of
}

// Under says what is under an original through one of its copies: that copy
// and those under it; none if it is not a copy of this original any more.
type Under struct {
	Copy   string        `json:"copy"`
	Copies []topics.Copy `json:"copies,omitempty"`
	Hops   int           `json:"hops,omitempty"`
}

type catalog struct {
	Options
	entries pipeline.KeyValue[topics.Entry]
	places  pipeline.KeyValue[Place]
	ages    expiry
	loop    pipeline.Looped[Under]
}

// place returns the place of the record's article, after it was first seen at a
// time.
func (c catalog) place(ctx *pipeline.Context, first time.Time) Place {
	c.forget(ctx)
	p, ok := c.places.Get(ctx, ctx.Key())
	if ok && !p.First.IsZero() && first.After(p.First.Add(c.Window)) {
		// It was forgotten by dedupe and seen anew: what it was a copy of then
		// counts no more.
		if p.Original != "" {
			c.loop.Emit(ctx, p.Original, Under{Copy: ctx.Key()})
		}
		p.Original, p.First = "", time.Time{}
	}
	if p.First.IsZero() || first.Before(p.First) {
		p.First = first
		c.ages.note(ctx, ctx.Key(), first.Add(c.Retention))
	}
	return p
}

func (c catalog) unique(ctx *pipeline.Context, a clean.Article) error {
	first, err := firstSeen(ctx)
	if err != nil {
		return err
	}
	p := c.place(ctx, first)
	c.places.Set(ctx, ctx.Key(), p)
	if p.Original != "" {
		return nil // a duplicate is never unique again: this record was overtaken
	}
	e := topics.Entry{Article: a, FirstSeen: p.First, Copies: p.copies()}
	if at := ctx.Timestamp(); at.After(p.First) {
		e.Updated = at
	}
	c.entries.Set(ctx, ctx.Key(), e)
	return nil
}

func (c catalog) duplicate(ctx *pipeline.Context, d topics.Duplicate) error {
	first, err := firstSeen(ctx)
	if err != nil {
		return err
	}
	p := c.place(ctx, first)
	if p.Original != "" && p.Original != d.Original {
		c.loop.Emit(ctx, p.Original, Under{Copy: ctx.Key()})
	}
	a := d.Article
	p.Original = d.Original
	p.Self = topics.Copy{ID: ctx.Key(), URL: a.URL, Title: a.Title, Feed: a.Feed, FeedTitle: a.FeedTitle,
		Published: a.Published, Similarity: d.Similarity}
	c.places.Set(ctx, ctx.Key(), p)
	if _, ok := c.entries.Get(ctx, ctx.Key()); ok {
		c.entries.Delete(ctx, ctx.Key())
	}
	c.loop.Emit(ctx, p.Original, Under{Copy: ctx.Key(), Copies: p.bundle()})
	return nil
}

func (c catalog) under(ctx *pipeline.Context, u Under) error {
	c.forget(ctx)
	p, known := c.places.Get(ctx, ctx.Key())
	if !known {
		c.ages.note(ctx, ctx.Key(), ctx.Timestamp().Add(c.Retention))
	}
	p, differs := p.put(u)
	if !differs && known {
		return nil
	}
	c.places.Set(ctx, ctx.Key(), p)
	if p.Original != "" {
		if u.Hops < maxHops {
			c.loop.Emit(ctx, p.Original, Under{Copy: ctx.Key(), Copies: p.bundle(), Hops: u.Hops + 1})
		}
		return nil
	}
	if e, ok := c.entries.Get(ctx, ctx.Key()); ok {
		e.Copies = p.copies()
		c.entries.Set(ctx, ctx.Key(), e)
	}
	return nil
}

// forget deletes articles that have been there for the retention.
func (c catalog) forget(ctx *pipeline.Context) {
	keys, now := c.ages.due(ctx)
	for _, key := range keys {
		p, ok := c.places.Get(ctx, key)
		if !ok || now.Before(p.First.Add(c.Retention)) {
			continue
		}
		c.places.Delete(ctx, key)
		if _, ok := c.entries.Get(ctx, key); ok {
			c.entries.Delete(ctx, key)
		}
	}
}

// put returns the place with what is under it through one copy, and whether
// that makes a difference.
func (p Place) put(u Under) (Place, bool) {
	if reflect.DeepEqual(p.Under[u.Copy], u.Copies) || len(p.Under[u.Copy])+len(u.Copies) == 0 {
		return p, false
	}
	under := maps.Clone(p.Under)
	if under == nil {
		under = map[string][]topics.Copy{}
	}
	delete(under, u.Copy)
	if len(u.Copies) > 0 {
		under[u.Copy] = u.Copies
	}
	for len(under) > MaxCopies { // without the newest
		delete(under, slices.MaxFunc(slices.Collect(maps.Keys(under)), func(a, b string) int {
			return byAge(under[a][0], under[b][0])
		}))
	}
	p.Under = under
	return p, true
}

// copies returns all that is under an article, oldest first.
func (p Place) copies() []topics.Copy {
	var out []topics.Copy
	for _, cs := range p.Under {
		out = append(out, cs...)
	}
	slices.SortFunc(out, byAge)
	out = slices.CompactFunc(out, func(a, b topics.Copy) bool { return a.ID == b.ID })
	return out[:min(len(out), MaxCopies)]
}

// bundle is the article itself, as a copy, and what is under it.
func (p Place) bundle() []topics.Copy {
	cs := append([]topics.Copy{p.Self}, p.copies()...)
	return cs[:min(len(cs), MaxCopies)]
}

func byAge(a, b topics.Copy) int {
	return cmp.Or(a.Published.Compare(b.Published), cmp.Compare(a.ID, b.ID))
}

// firstSeen reads the header of that name.
func firstSeen(ctx *pipeline.Context) (time.Time, error) {
	v, ok := ctx.Header(HeaderFirstSeen)
	if !ok {
		return ctx.Timestamp(), nil
	}
	t, err := time.Parse(time.RFC3339Nano, string(v))
	if err != nil {
		return t, fmt.Errorf("header %s: %w; it should be a time as RFC 3339", HeaderFirstSeen, err)
	}
	return t.UTC(), nil
}
