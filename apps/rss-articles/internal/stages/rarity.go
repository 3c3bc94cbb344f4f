package stages

import (
	"maps"
	"math"

	"github.com/millrace/millrace/apps/rss-articles/internal/match"
	"github.com/millrace/millrace/pipeline"
)

const (
	// rarer is how much the rarity of a term must change, as a part of itself, to be
	// noted: that of a term in a long stream changes a little with each article.
	rarer = 0.02
	// unwanted is how many terms that a reader does not want any more are kept: those
	// of a profile that is on its way may be among them.
	unwanted = 256
)

// rare notes how rare a term is, of those that the record's reader wants.
func (s shelver) rare(ctx *pipeline.Context, term string, rarity float64) {
	all, _ := s.rarities.Get(ctx, ctx.Key())
	if was, ok := all[term]; ok && math.Abs(rarity-was) <= rarer*was {
		return
	}
	if all = maps.Clone(all); all == nil {
		all = map[string]float64{}
	}
	all[term] = rarity
	s.rarities.Set(ctx, ctx.Key(), all)
}

// wanted returns how rare the terms are that the record's reader wants, as far as it
// is known, and forgets others when they are many.
func (s shelver) wanted(ctx *pipeline.Context, p match.Profile) map[string]float64 {
	all, _ := s.rarities.Get(ctx, ctx.Key())
	if len(all) <= unwanted {
		return all
	}
	wants := p.Wants()
	if len(all) <= len(wants)+unwanted {
		return all
	}
	all = maps.Clone(all)
	maps.DeleteFunc(all, func(term string, _ float64) bool {
		_, ok := wants[term]
		return !ok
	})
	s.rarities.Set(ctx, ctx.Key(), all)
	return all
}
