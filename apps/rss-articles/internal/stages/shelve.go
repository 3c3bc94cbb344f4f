package stages

import (
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/millrace/millrace/apps/rss-articles/internal/latent"
	"github.com/millrace/millrace/apps/rss-articles/internal/match"
	"github.com/millrace/millrace/apps/rss-articles/internal/topics"
	"github.com/millrace/millrace/pipeline"
	"github.com/millrace/millrace/pipeline/codec"
)

// Bounds of what is kept for one reader.
const (
	ShelfSize     = 50  // recommendations
	MaxCandidates = 400 // articles with terms in common; some more until the worst are dropped
)

// Shelve keeps each reader's best articles: the parts of scores add up to
// candidates, and the best of these are the shelf, newer ones before older ones
// that are worth as much. A candidate counts by all of its terms that the reader
// wants, also by those whose lists it has been dropped from: whatever part made it
// known, its description has the rest.
//
// A candidate is scored once for the parts that come together, when its record has
// been round the loop, and anew when its vector comes. A new profile scores all
// candidates anew, likewise once for the changes and the parts that come together;
// when a reader is deleted, all goes.
//
// State: for each reader a copy of the profile, up to 500 candidates of the last
// Retention, how rare the wanted terms are, and the shelf.
func Shelve(o Options) *pipeline.Processor {
	o = o.withDefaults()
	p := pipeline.Process("shelve").DeadLetters(topics.Failed)
	s := shelver{
		shelves:    pipeline.Store(p, topics.Recommendations),
		profiles:   pipeline.Store(p, pipeline.NewTable("shelve.profiles", codec.JSON[match.Profile]())),
		candidates: pipeline.Store(p, pipeline.NewTable("shelve.candidates", codec.New("candidate", encodeCandidate, decodeCandidate))),
		rarities:   pipeline.Store(p, pipeline.NewTable("shelve.rarities", codec.JSON[map[string]float64]())),
		due:        pipeline.Store(p, pipeline.NewTable("shelve.due", codec.Int64())),
		tastes:     pipeline.Store(p, pipeline.NewTable("shelve.tastes", codec.JSON[latent.Taste]())),
		vectors:    pipeline.Lookup(p, Vectors),
		described:  pipeline.Lookup(p, Descriptions),
		counts:     pipeline.Store(p, pipeline.NewTable("shelve.counts", codec.Int64())),
		ages:       newExpiry(p, "shelve.ages"),
		missing:    pipeline.Output(p, Missing),
		later:      pipeline.Loop(p, codec.String()),
		retention:  o.Retention,
	}
	s.later.Handle(s.score)
	pipeline.Input(p, Parts, s.part)
	pipeline.Input(p, Pointed, s.pointed)
	pipeline.Changes(p, Profiles, s.profile)
	return p
}

type shelver struct {
	shelves    pipeline.KeyValue[topics.Shelf]
	profiles   pipeline.KeyValue[match.Profile]
	candidates pipeline.KeyValue[candidate]          // by reader and article
	rarities   pipeline.KeyValue[map[string]float64] // of the terms that a reader wants, by reader
	due        pipeline.KeyValue[int64]              // readers whose shelf is to be made anew, and on its way round the loop
	tastes     pipeline.KeyValue[latent.Taste]       // where the articles that a reader liked point, by reader
	vectors    pipeline.Global[latent.Vector]        // of articles
	described  pipeline.Global[match.Description]    // likewise
	counts     pipeline.KeyValue[int64]              // of candidates, by reader
	ages       expiry
	missing    pipeline.Out[Asker]
	later      pipeline.Looped[string] // articles to score, by reader; "" is all of them
	retention  time.Duration
}

func (s shelver) part(ctx *pipeline.Context, p Part) error {
	s.forget(ctx)
	key := within(ctx.Key()) + p.Article.ID
	c, known := s.candidate(ctx, p.Article.ID)
	if p.Gone {
		if _, has := c.Parts[p.Term]; !has {
			return nil
		}
	}
	c.Parts = maps.Clone(c.Parts)
	if p.Gone {
		delete(c.Parts, p.Term)
	} else {
		if c.Parts == nil {
			c.Parts = map[string]match.Partial{}
		}
		c.Article = p.Article
		c.Parts[p.Term] = p.Partial
		s.rare(ctx, p.Term, p.Rarity)
	}
	switch {
	case len(c.Parts) == 0:
		s.remove(ctx, key, c.At)
		return s.place(ctx, c)
	default:
		if !known {
			c.At = ctx.Timestamp()
			s.ages.note(ctx, key, c.At.Add(s.retention))
		}
		if p.Sought {
			s.remake(ctx) // many of them come together
		} else if !c.Due {
			c.Due = true
			s.later.Emit(ctx, ctx.Key(), p.Article.ID)
		}
		s.candidates.Set(ctx, key, c)
		if !known {
			// Not at each one more, which would make each cost as much as all.
			if n := s.count(ctx, ctx.Key(), 1); n > MaxCandidates && n%(MaxCandidates/4) == 0 {
				return s.rebuild(ctx)
			}
		}
	}
	return nil
}

// remake has the shelf made anew, once for all that asks for it until then.
func (s shelver) remake(ctx *pipeline.Context) {
	if _, due := s.due.Get(ctx, ctx.Key()); !due {
		s.due.Set(ctx, ctx.Key(), 1)
		s.later.Emit(ctx, ctx.Key(), "")
	}
}

// score scores a candidate after parts of it have come, or all candidates.
func (s shelver) score(ctx *pipeline.Context, article string) error {
	if article == "" {
		if _, due := s.due.Get(ctx, ctx.Key()); !due {
			return nil // the reader is gone meanwhile
		}
		s.due.Delete(ctx, ctx.Key())
		return s.rebuild(ctx)
	}
	c, ok := s.candidate(ctx, article)
	if !ok || !c.Due {
		return nil // gone meanwhile
	}
	c.Due = false
	s.candidates.Set(ctx, within(ctx.Key())+article, c)
	return s.place(ctx, c)
}

// pointed scores a candidate whose vector came late.
func (s shelver) pointed(ctx *pipeline.Context, p Pointer) error {
	c, ok := s.candidate(ctx, p.Article)
	if !ok {
		return nil
	}
	c.Vector = p.Vector
	s.candidates.Set(ctx, within(ctx.Key())+p.Article, c)
	return s.place(ctx, c)
}

// place puts a candidate where it belongs on the shelf.
func (s shelver) place(ctx *pipeline.Context, c candidate) error {
	profile, ok := s.profiles.Get(ctx, ctx.Key())
	if !ok {
		return nil // the profile is on its way, or gone
	}
	shelf, _ := s.shelves.Get(ctx, ctx.Key())
	taste, _ := s.tastes.Get(ctx, ctx.Key())
	rarities, _ := s.rarities.Get(ctx, ctx.Key())
	next, same, ok := placed(shelf, s.recommend(ctx, profile, rarities, taste, c))
	switch {
	case !ok:
		return s.rebuild(ctx)
	case !same:
		next.Reader, next.Updated = ctx.Key(), later(shelf.Updated, ctx.Timestamp())
		s.shelves.Set(ctx, ctx.Key(), next)
	}
	return nil
}

func (s shelver) profile(ctx *pipeline.Context, c pipeline.Change[match.Profile]) error {
	s.forget(ctx)
	if !c.Deleted {
		s.profiles.Set(ctx, ctx.Key(), c.Value)
		s.remake(ctx)
		return nil
	}
	s.profiles.Delete(ctx, ctx.Key())
	for key, c := range s.candidates.Prefix(ctx, within(ctx.Key())) {
		s.remove(ctx, key, c.At)
	}
	s.counts.Delete(ctx, ctx.Key())
	s.due.Delete(ctx, ctx.Key())
	s.rarities.Delete(ctx, ctx.Key())
	s.tastes.Delete(ctx, ctx.Key())
	s.shelves.Delete(ctx, ctx.Key())
	return nil
}

// rebuild makes the shelf from all candidates, and drops the worst of these if
// there are too many.
func (s shelver) rebuild(ctx *pipeline.Context) error {
	profile, known := s.profiles.Get(ctx, ctx.Key())
	list := s.all(ctx)
	taste := s.taste(ctx, profile)
	if known {
		s.tastes.Set(ctx, ctx.Key(), taste)
	}
	rarities := s.wanted(ctx, profile)
	items := make([]topics.Recommendation, len(list))
	for i, c := range list {
		items[i] = s.recommend(ctx, profile, rarities, taste, c)
	}
	slices.SortFunc(items, better)
	if len(items) > MaxCandidates {
		s.drop(ctx, list, items[MaxCandidates:])
	}
	if !known {
		return nil
	}
	shelf, _ := s.shelves.Get(ctx, ctx.Key())
	items = items[:min(len(items), ShelfSize)]
	if i := slices.IndexFunc(items, func(r topics.Recommendation) bool { return r.Score <= 0 }); i >= 0 {
		items = items[:i]
	}
	s.shelves.Set(ctx, ctx.Key(), topics.Shelf{Reader: ctx.Key(), Items: items, Updated: later(shelf.Updated, ctx.Timestamp())})
	return nil
}

// forget deletes candidates that have outlived the retention: articles that are
// still there then were not withdrawn, because the reader is gone or does not
// want their terms any more.
func (s shelver) forget(ctx *pipeline.Context) {
	keys, _ := s.ages.due(ctx)
	for _, key := range keys {
		if _, ok := s.candidates.Get(ctx, key); !ok {
			continue
		}
		reader, article, _ := strings.Cut(key, "\x00")
		s.candidates.Delete(ctx, key)
		s.count(ctx, reader, -1)
		if shelf, ok := s.shelves.Get(ctx, reader); ok {
			if next, same, _ := placed(shelf, topics.Recommendation{Article: article}); !same {
				s.shelves.Set(ctx, reader, next)
			}
		}
	}
}

// taste is where the articles that a reader judged point, as far as they still
// have vectors: those of what was liked, against those of what was not.
func (s shelver) taste(ctx *pipeline.Context, p match.Profile) latent.Taste {
	var vectors []latent.Vector
	var weights []float64
	for _, id := range slices.Sorted(maps.Keys(p.Clicked)) {
		if v, ok := s.vectors.Get(ctx, id); ok {
			vectors = append(vectors, v)
			weights = append(weights, p.Clicked[id].Weight(p.At))
		}
	}
	return latent.Sum(vectors, weights)
}

// recommend scores a candidate. One whose vector is still under way is scored
// without, and again when Notify tells of it.
func (s shelver) recommend(ctx *pipeline.Context, p match.Profile, rarities map[string]float64, taste latent.Taste, c candidate) topics.Recommendation {
	alike := 0.0
	if len(taste.Vector) > 0 {
		v, ok := s.vectors.Get(ctx, c.ID)
		if !ok {
			v = c.Vector
			s.ask(ctx, c)
		}
		alike = taste.Alike(v)
	}
	all := c.Candidate
	if d, ok := s.described.Get(ctx, c.ID); ok && len(c.Parts) > 0 {
		all = all.Fill(d, rarities)
	}
	score, reasons := match.Score(p, all, rarities, alike)
	return topics.Recommendation{Article: c.ID, Title: c.Title, URL: c.URL, Published: c.Published,
		Score: score, Reasons: reasons}
}

// ask asks Notify for the vector of a candidate, once.
func (s shelver) ask(ctx *pipeline.Context, c candidate) {
	if c.Asked || len(c.Parts) == 0 {
		return
	}
	c.Asked = true
	s.candidates.Set(ctx, within(ctx.Key())+c.ID, c)
	s.missing.Emit(ctx, c.ID, Asker{Reader: ctx.Key()})
}
