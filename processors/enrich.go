package processors

import (
	"context"
	"strings"
	"time"

	"github.com/millrace/millrace/pipeline"
)

// Enrich turns each record into what call returns for it, which may ask a
// service outside: many calls are under way at once, and their results come out
// in the order of the records.
//
//	time ──▶
//	record 1  ├──────call──────┤ out
//	record 2  ├─call─┤·········· out   it waits for its turn
//	record 3      ├────call────┤ out   from when there is room for one more call
//	                             └ committed up to here
//
// With CallOrder they come out as the calls end, at most in the order of each
// key.
//
// Nothing is committed past a record whose call has not ended. A record whose
// call fails, after the retries of CallRetry, goes by the processor's OnError;
// another attempt calls again. Each record's output is there once, under
// exactly-once; calls are made at least once, so a service that changes
// something should know a call again, by the record's key for instance.
//
// call gets the record's key, "" for one without. Its context ends with
// CallTimeout, and when the partition goes away or the run ends. It runs on
// goroutines of its own, several at once. The operator keeps no state in Kafka,
// unless CallOrder is used; in memory there are the records that it looks ahead
// at, the answers that wait, and those that CallCache keeps.
func Enrich[In, To any](name string, in pipeline.Topic[In], to pipeline.Topic[To],
	call func(ctx context.Context, key string, v In) (To, error), opts ...CallOption) *pipeline.Processor {
	p := pipeline.Process(name)
	o := newCallOptions(p, opts)
	out := pipeline.Output(p, to)
	shared := newAnswers[To](o.entries, o.ttl)
	if call == nil {
		p.Invalid("Enrich: no function to call")
		return p
	}
	pipeline.InputAhead(p, in, o.ahead, func(ctx context.Context, r pipeline.Coming, v In) (To, error) {
		ask := func() (To, error) {
			return calling(ctx, o, func(ctx context.Context) (To, error) { return call(ctx, r.Key, v) })
		}
		if o.ttl == 0 || !r.HasKey {
			return ask()
		}
		return shared.get(ctx, r.Key, r.Now, ask)
	}, func(ctx *pipeline.Context, _ In, answer To) error {
		emit(ctx, out, answer)
		return nil
	})
	return p
}

// EnrichBy asks for what belongs to a record, and puts the two together: call
// gets what by returns of a record, such as the number of its customer, and merge
// the record and the answer. Records with the same of by that come at the same
// time share one call, and with CallCache later ones do without: the answer must
// depend on nothing else, and must not be changed. All else is as with Enrich.
func EnrichBy[In, A, To any](name string, in pipeline.Topic[In], to pipeline.Topic[To], by func(key string, v In) string,
	call func(ctx context.Context, by string) (A, error), merge func(ctx *pipeline.Context, v In, answer A) (To, error),
	opts ...CallOption) *pipeline.Processor {
	p := pipeline.Process(name)
	o := newCallOptions(p, opts)
	out := pipeline.Output(p, to)
	shared := newAnswers[A](o.entries, o.ttl)
	if by == nil || call == nil || merge == nil {
		p.Invalid("EnrichBy: it needs three functions: by, call and merge")
		return p
	}
	pipeline.InputAhead(p, in, o.ahead, func(ctx context.Context, r pipeline.Coming, v In) (A, error) {
		of := strings.Clone(by(r.Key, v)) // which may be part of a large value
		return shared.get(ctx, of, r.Now, func() (A, error) {
			return calling(ctx, o, func(ctx context.Context) (A, error) { return call(ctx, of) })
		})
	}, func(ctx *pipeline.Context, v In, answer A) error {
		o, err := merge(ctx, v, answer)
		if err != nil {
			return err
		}
		emit(ctx, out, o)
		return nil
	})
	return p
}

// CallOption configures the calls of Enrich and EnrichBy.
type CallOption func(*callOptions)

type callOptions struct {
	ahead   pipeline.Lookahead
	timeout time.Duration
	retries int
	backoff pipeline.Backoff
	ttl     time.Duration
	entries int
	wrong   []string
}

func newCallOptions(p *pipeline.Processor, opts []CallOption) callOptions {
	o := callOptions{timeout: 10 * time.Second}
	for _, opt := range opts {
		opt(&o)
	}
	for _, what := range o.wrong {
		p.Invalid("%s", what)
	}
	return o
}

// CallsAtOnce sets how many calls each partition makes at once, default 10, and
// how many records it looks ahead at, those of the calls included: results wait
// there while an earlier call takes long. 0 records are 4 times the calls, or
// what CallOrder says.
func CallsAtOnce(calls, records int) CallOption {
	return func(o *callOptions) {
		if calls < 1 {
			o.wrong = append(o.wrong, "CallsAtOnce: at least one call is needed")
		}
		o.ahead.Calls, o.ahead.Records = calls, records
	}
}

// CallOrder sets in which order results are emitted. Default
// pipeline.PartitionOrder, that of the records.
//
//	pipeline.KeyOrder    that of the records of each key; records of other keys,
//	                     and those without one, overtake them
//	pipeline.Unordered   as the calls end: the last result of a key may be that of
//	                     an older record
//
// Each result has its record's key and time in any case, so that event time is
// out of order as far as results are. The next operator needs a grace for that.
//
// A record is emitted up to 100 times the calls ahead of one whose call has not
// ended, or as many as the second number of CallsAtOnce says, in offsets; the
// offset that is committed waits for that call. Which records are ahead of it is
// kept in the table TOPOLOGY-NAME-overtakers, one row for each partition, so that
// exactly-once holds: see pipeline.InputAhead. What CallRetry cannot mend, and a
// policy of OnError(pipeline.Retry) tries again, holds up all of the partition.
func CallOrder(order pipeline.Order) CallOption {
	return func(o *callOptions) { o.ahead.Order = order }
}

// CallTimeout bounds each call, each attempt of CallRetry by itself. Default 10 s.
func CallTimeout(d time.Duration) CallOption {
	return func(o *callOptions) {
		if o.timeout = d; d <= 0 {
			o.wrong = append(o.wrong, "CallTimeout: it must be positive")
		}
	}
}

// CallRetry makes a call that fails again, up to n times more, with waits between
// as those of pipeline.Retry. An error that is marked as pipeline.Permanent is not
// retried. Other records' calls go on meanwhile, unlike with a policy of
// OnError(pipeline.Retry): that one counts after these retries, at the record's
// turn.
func CallRetry(n int, b pipeline.Backoff) CallOption {
	return func(o *callOptions) {
		if o.retries, o.backoff = n, b; n < 1 || b.Min < 0 || b.Max < 0 || b.Max > 0 && b.Min > b.Max {
			o.wrong = append(o.wrong, "CallRetry: at least one retry is needed, with waits that are not negative, and Max not less than Min")
		}
	}
}

// CallCache keeps answers for a time by the clock on the wall, at most so many,
// those that were asked for lately. They are the process's: its partitions share
// them, and equal questions that come at once are one call. Errors are not kept.
// For Enrich an answer belongs to the record's key, and must depend on that
// alone; use EnrichBy where it does not.
func CallCache(ttl time.Duration, entries int) CallOption {
	return func(o *callOptions) {
		if o.ttl, o.entries = ttl, entries; ttl <= 0 || entries < 1 {
			o.wrong = append(o.wrong, "CallCache: time and number of entries must be positive")
		}
	}
}
