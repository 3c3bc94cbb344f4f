package stages

import (
	"strings"
	"time"

	"github.com/millrace/millrace/apps/rss-articles/internal/latent"
	"github.com/millrace/millrace/apps/rss-articles/internal/topics"
	"github.com/millrace/millrace/pipeline"
	"github.com/millrace/millrace/pipeline/codec"
)

// Notify tells the shelves of articles' vectors that came after the articles' terms
// did: one that scored an article without says so, and hears of the vector as soon
// as it is there.
//
// State: the vector of each article; for each that has none yet the readers whom it
// may be for, for as long as the article is there, and not longer than Retention.
func Notify(o Options) *pipeline.Processor {
	o = o.withDefaults()
	p := pipeline.Process("notify").DeadLetters(topics.Failed)
	n := notifier{
		vectors:   pipeline.State(p, pipeline.NewTable("notify.vectors", codec.JSON[latent.Vector]())),
		waiting:   pipeline.Store(p, pipeline.NewTable("notify.waiting", codec.Int64())),
		ages:      newExpiry(p, "notify.ages"),
		pointed:   pipeline.Output(p, Pointed),
		retention: o.Retention,
	}
	pipeline.Changes(p, Vectors, n.vector)
	pipeline.Input(p, Missing, n.missing)
	return p
}

type notifier struct {
	vectors   pipeline.Cell[latent.Vector]
	waiting   pipeline.KeyValue[int64] // by article and reader
	ages      expiry
	pointed   pipeline.Out[Pointer]
	retention time.Duration
}

func (n notifier) vector(ctx *pipeline.Context, c pipeline.Change[latent.Vector]) error {
	if c.Deleted {
		n.vectors.Delete(ctx)
	} else {
		n.vectors.Set(ctx, c.Value)
	}
	for key := range n.waiting.Prefix(ctx, within(ctx.Key())) {
		if _, reader, ok := strings.Cut(key, "\x00"); ok && !c.Deleted {
			n.pointed.Emit(ctx, reader, Pointer{Article: ctx.Key(), Vector: c.Value})
		}
		n.waiting.Delete(ctx, key)
	}
	return nil
}

func (n notifier) missing(ctx *pipeline.Context, a Asker) error {
	keys, _ := n.ages.due(ctx)
	for _, key := range keys {
		n.waiting.Delete(ctx, key)
	}
	if v, ok := n.vectors.Get(ctx); ok {
		n.pointed.Emit(ctx, a.Reader, Pointer{Article: ctx.Key(), Vector: v})
		return nil
	}
	key := within(ctx.Key()) + a.Reader
	n.waiting.Set(ctx, key, 1)
	n.ages.note(ctx, key, ctx.Timestamp().Add(n.retention))
	return nil
}
