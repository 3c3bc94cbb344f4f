package stages

import (
	"github.com/millrace/millrace/apps/rss-articles/internal/neardup"
	"github.com/millrace/millrace/apps/rss-articles/internal/topics"
	"github.com/millrace/millrace/pipeline"
	"github.com/millrace/millrace/pipeline/codec"
)

// Bands answers an article's probes with the originals that are in the same
// band, and tells articles that are there already of an older one that came
// late.
//
// State: at most 128 sketches of about 300 bytes for each band, for Window
// and Grace after the last of them.
func Bands(o Options) *pipeline.Processor {
	o = o.withDefaults()
	p := pipeline.Process("bands").DeadLetters(topics.Failed)
	bands := pipeline.Store(p, pipeline.NewTable("bands.entries", codec.JSON[neardup.BandState]()))
	ages := newExpiry(p, "bands.ages")
	answers := pipeline.Output(p, Answers)

	pipeline.Input(p, Probes, func(ctx *pipeline.Context, probe neardup.Probe) error {
		keys, now := ages.due(ctx)
		for _, key := range keys {
			if b, ok := bands.Get(ctx, key); ok && b.Expired(now, o.span()) {
				bands.Delete(ctx, key)
			}
		}
		b, _ := bands.Get(ctx, ctx.Key())
		b, out := b.Add(probe, o.span())
		bands.Set(ctx, ctx.Key(), b)
		ages.note(ctx, ctx.Key(), ctx.Timestamp().Add(o.memory()))
		for _, a := range out {
			answers.Emit(ctx, a.Article.ID, a)
		}
		return nil
	})
	return p
}
