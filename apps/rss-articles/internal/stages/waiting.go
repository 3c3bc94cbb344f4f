package stages

import (
	"slices"
	"time"

	"github.com/millrace/millrace/apps/rss-articles/internal/topics"
	"github.com/millrace/millrace/pipeline"
	"github.com/millrace/millrace/pipeline/codec"
)

// maxEarly bounds the early clicks of a reader.
const maxEarly = 64

// waiting are clicks that came before their reader or their article, by reader
// and article; of each article the last.
type waiting struct {
	clicks pipeline.KeyValue[topics.Click]
	ages   expiry
}

func newWaiting(p *pipeline.Processor) waiting {
	return waiting{pipeline.Store(p, pipeline.NewTable("learn.early", codec.JSON[topics.Click]())), newExpiry(p, "learn.ages")}
}

// of returns those of the record's reader, in the order of their times.
func (w waiting) of(ctx *pipeline.Context) (list []topics.Click) {
	for _, c := range w.clicks.Prefix(ctx, within(ctx.Key())) {
		list = append(list, c)
	}
	slices.SortStableFunc(list, func(a, b topics.Click) int { return a.At.Compare(b.At) })
	return list
}

// keep keeps a click of the record's reader until a time. A reader who has too
// many already gets no more.
func (w waiting) keep(ctx *pipeline.Context, c topics.Click, until time.Time) {
	key, n := within(ctx.Key())+c.Article, 0
	for range w.clicks.Prefix(ctx, within(ctx.Key())) {
		n++
	}
	if old, ok := w.clicks.Get(ctx, key); ok && old.At.After(c.At) || !ok && n >= maxEarly {
		return
	}
	w.clicks.Set(ctx, key, c)
	w.ages.note(ctx, key, until)
}

// forget deletes a click that counts now.
func (w waiting) forget(ctx *pipeline.Context, c topics.Click) {
	w.clicks.Delete(ctx, within(ctx.Key())+c.Article)
}

// expire deletes those that waited in vain.
func (w waiting) expire(ctx *pipeline.Context) {
	keys, _ := w.ages.due(ctx)
	for _, key := range keys {
		w.clicks.Delete(ctx, key)
	}
}
