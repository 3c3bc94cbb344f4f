package stages

import (
	"maps"
	"slices"

	"github.com/millrace/millrace/apps/rss-articles/internal/match"
	"github.com/millrace/millrace/apps/rss-articles/internal/topics"
	"github.com/millrace/millrace/pipeline"
)

// Learn keeps the readers' profiles: what they declare, and what their clicks
// tell (see match.Profile). The terms of a profile that changed are sent to
// where they are matched. Clicks of unknown readers and on articles that are
// not in the table are left out: Options.Ignored hears of them.
//
// State: one profile for each reader, bounded by match.MaxInterests,
// match.MaxLearned and match.MaxClicked.
func Learn(o Options) *pipeline.Processor {
	o = o.withDefaults()
	p := pipeline.Process("learn").DeadLetters(topics.Failed)
	profiles := pipeline.State(p, Profiles)
	articles := pipeline.Lookup(p, topics.Articles)
	wanted := pipeline.Output(p, Wanted)

	tell := func(ctx *pipeline.Context, before, after match.Profile) {
		was, is := before.Wants(), after.Wants()
		same := slices.Equal(before.Languages, after.Languages)
		for _, key := range slices.Sorted(maps.Keys(was)) {
			if _, ok := is[key]; !ok {
				wanted.Emit(ctx, key, Wish{Reader: ctx.Key(), Gone: true})
			}
		}
		for _, key := range slices.Sorted(maps.Keys(is)) {
			if w, ok := was[key]; !ok || w != is[key] || !same {
				wanted.Emit(ctx, key, Wish{Reader: ctx.Key(), Languages: after.Languages, Want: is[key]})
			}
		}
	}

	pipeline.Changes(p, topics.Readers, func(ctx *pipeline.Context, c pipeline.Change[topics.Reader]) error {
		before, known := profiles.Get(ctx)
		switch {
		case !c.Deleted:
			after := before.Declare(c.Value)
			profiles.Set(ctx, after)
			tell(ctx, before, after)
		case known:
			profiles.Delete(ctx)
			tell(ctx, before, match.Profile{})
		}
		return nil
	})
	pipeline.Input(p, topics.Clicks, func(ctx *pipeline.Context, c topics.Click) error {
		before, known := profiles.Get(ctx)
		a, ok := articles.Get(ctx, c.Article)
		switch {
		case !known:
			o.Ignored(UnknownReader)
			return nil
		case !ok:
			o.Ignored(UnknownArticle)
			return nil
		}
		if c.At.IsZero() || c.At.After(ctx.Timestamp()) {
			c.At = ctx.Timestamp()
		}
		after := before.Learn(c, match.Terms(a.Article))
		profiles.Set(ctx, after)
		tell(ctx, before, after)
		return nil
	})
	return p
}
