package processors

import (
	"github.com/millrace/millrace/pipeline"
)

// span returns the window of a key that begins at start, with a pane's time.
func (o *windowOperator[V, A]) span(key string, start, at int64) span {
	return span{windowKey(key, start), o.w.closes(later(start, o.w.size)), o.w.expires(start, later(start, o.w.size)), at}
}

// time adds a record to its tumbling or hopping windows, the earliest first, as
// Kafka Streams' KStreamWindowAggregate does.
func (o *windowOperator[V, A]) time(ctx *pipeline.Context, v V, at, now int64) error {
	taken := false
	for start := o.w.firstStart(at); start <= at && start >= 0; start += o.w.step { // it may overflow
		s := o.span(ctx.Key(), start, 0)
		if s.closes <= now {
			continue
		}
		taken = true
		p, ok := o.panes.Get(ctx, s.key)
		p, err := o.add(ctx, p, v, at)
		if err != nil {
			return err
		}
		s.at = p.Time.UnixMilli()
		o.put(ctx, s, p, !ok)
	}
	if !taken {
		o.out.late.record(ctx, v)
	}
	return nil
}

// firstStart returns the start of the first window that has a time in it: none
// begins before 1970.
func (w Windows) firstStart(at int64) int64 { return max(0, at-w.size+w.step) / w.step * w.step }

// findWindow returns the window of a timer.
func (o *windowOperator[V, A]) findWindow(ctx *pipeline.Context) (span, Pane[A], error) {
	p, ok := o.panes.Get(ctx, ctx.Key())
	if !ok {
		return span{}, p, nil
	}
	key, start, err := splitWindow(ctx.Key())
	return o.span(key, start, p.Time.UnixMilli()), p, err
}
