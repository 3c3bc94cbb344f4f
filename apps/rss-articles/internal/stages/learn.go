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
// not in the table are left out: Options.Ignored hears of them. They are kept
// for Window, though, and count if both are there when the reader changes or
// clicks the next time: in a replay a click may come before its reader.
//
// State: one profile for each reader, bounded by match.MaxInterests,
// match.MaxLearned and match.MaxClicked; up to 64 early clicks for each reader.
func Learn(o Options) *pipeline.Processor {
	o = o.withDefaults()
	p := pipeline.Process("learn").DeadLetters(topics.Failed)
	profiles := pipeline.State(p, Profiles)
	articles := pipeline.Lookup(p, topics.Articles)
	early := newWaiting(p)
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

	// learn returns the profile after the clicks that are due.
	learn := func(ctx *pipeline.Context, p match.Profile, clicks []topics.Click) match.Profile {
		for _, c := range clicks {
			if a, ok := articles.Get(ctx, c.Article); ok {
				p = p.Learn(c, match.Terms(a.Article))
				early.forget(ctx, c)
			}
		}
		return p
	}

	pipeline.Changes(p, topics.Readers, func(ctx *pipeline.Context, c pipeline.Change[topics.Reader]) error {
		before, known := profiles.Get(ctx)
		switch {
		case !c.Deleted:
			after := learn(ctx, before.Declare(c.Value), early.of(ctx))
			profiles.Set(ctx, after)
			tell(ctx, before, after)
		case known:
			profiles.Delete(ctx)
			tell(ctx, before, match.Profile{})
		}
		return nil
	})
	pipeline.Input(p, topics.Clicks, func(ctx *pipeline.Context, c topics.Click) error {
		early.expire(ctx)
		if c.At.IsZero() || c.At.After(ctx.Timestamp()) {
			c.At = ctx.Timestamp()
		}
		before, known := profiles.Get(ctx)
		if _, ok := articles.Get(ctx, c.Article); !known || !ok {
			early.keep(ctx, c, ctx.Timestamp().Add(o.Window))
			if known {
				o.Ignored(UnknownArticle)
			} else {
				o.Ignored(UnknownReader)
			}
			return nil
		}
		after := learn(ctx, before, append(early.of(ctx), c))
		profiles.Set(ctx, after)
		tell(ctx, before, after)
		return nil
	})
	return p
}
