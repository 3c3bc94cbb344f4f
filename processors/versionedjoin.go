package processors

import (
	"time"

	"github.com/millrace/millrace/pipeline"
)

// JoinVersioned combines each record with what a table had at its key at the
// record's time, whatever came since; records without a value there are dropped.
// The operator keeps the versions of the table as far back as history says, in the
// table name-versions, which only it reads: see Versions for its size, and for what
// becomes of older changes, which are counted as late, and go to LateChangesTo if it
// is set. Both inputs must be co-partitioned. What has no key fails with
// pipeline.ErrNoKey.
func JoinVersioned[V, T, To any](name string, in pipeline.Topic[V], table pipeline.Table[T], history time.Duration, to pipeline.Topic[To],
	fn func(ctx *pipeline.Context, v V, t T) (To, error), opts ...VersionedOption) *pipeline.Processor {
	return joinVersioned(name, in, table, history, to, false,
		func(ctx *pipeline.Context, v V, t T, _ bool) (To, error) { return fn(ctx, v, t) }, opts)
}

// LeftJoinVersioned is JoinVersioned that keeps records without a value in the
// table: ok is false for them.
func LeftJoinVersioned[V, T, To any](name string, in pipeline.Topic[V], table pipeline.Table[T], history time.Duration, to pipeline.Topic[To],
	fn func(ctx *pipeline.Context, v V, t T, ok bool) (To, error), opts ...VersionedOption) *pipeline.Processor {
	return joinVersioned(name, in, table, history, to, true, fn, opts)
}

// VersionedOption configures a join with a versioned table.
type VersionedOption func(*versionedOptions)

type versionedOptions struct {
	wait time.Duration
	late pipeline.Ref
}

// WaitForVersions lets each record wait until stream time is d past it, so that
// changes of the table that come late are seen (KIP-923, "grace period"). Records
// are joined in the order of their times, then of their keys; one that is older
// than d already at once. The context is then that of a timer, whose key is the
// record's. d must be at most the history. Those that wait are in the table
// name-waiting, with timers in name-waiting-timers: the records of d, each about its
// size and 40 bytes, the key twice. Default: not.
func WaitForVersions(d time.Duration) VersionedOption {
	return func(o *versionedOptions) { o.wait = d }
}

func joinVersioned[V, T, To any](name string, in pipeline.Topic[V], table pipeline.Table[T], history time.Duration, to pipeline.Topic[To],
	keep bool, fn func(ctx *pipeline.Context, v V, t T, ok bool) (To, error), opts []VersionedOption) *pipeline.Processor {
	p := pipeline.Process(name)
	var o versionedOptions
	for _, opt := range opts {
		opt(&o)
	}
	if o.wait < 0 || o.wait > history {
		p.Invalid("a wait of %v for versions: it must not be negative, nor longer than the history, %v", o.wait, history)
	}
	versions := newVersions(p, pipeline.NewTable(name+"-versions", versionCodec(table.Codec())).Internal(), history)
	late := setAside[T](p, o.late, "changes of "+table.Name())
	out := pipeline.Output(p, to)
	join := func(ctx *pipeline.Context, v V, at time.Time) error {
		t, _, ok := versions.AsOf(ctx, ctx.Key(), at)
		if err := ctx.Err(); err != nil || !ok && !keep {
			return err
		}
		o, err := fn(ctx, v, t, ok)
		if err == nil {
			out.EmitAt(ctx, ctx.Key(), o, at)
		}
		return err
	}
	pipeline.Changes(p, table, func(ctx *pipeline.Context, c pipeline.Change[T]) error {
		if !ctx.HasKey() {
			return pipeline.ErrNoKey
		}
		var ok bool
		if c.Deleted {
			_, ok = versions.Delete(ctx, ctx.Key(), ctx.Timestamp())
		} else {
			_, ok = versions.Put(ctx, ctx.Key(), c.Value, ctx.Timestamp())
		}
		if !ok {
			late.change(ctx, c)
		}
		return nil
	})
	wait := func(*pipeline.Context, V) bool { return false }
	if ms := o.wait.Milliseconds(); ms > 0 {
		wait = versionWaits(p, name+"-waiting", in, ms, join)
	}
	pipeline.Input(p, in, func(ctx *pipeline.Context, v V) error {
		if !ctx.HasKey() {
			return pipeline.ErrNoKey
		}
		if wait(ctx, v) {
			return nil
		}
		return join(ctx, v, ctx.Timestamp())
	})
	return p
}

// versionWaits declares what waits for ms past its time. It returns a function that
// lets a record wait, and says whether it has to.
func versionWaits[V any](p *pipeline.Processor, name string, in pipeline.Topic[V], ms int64,
	join func(ctx *pipeline.Context, v V, at time.Time) error) func(ctx *pipeline.Context, v V) bool {
	rows := pipeline.Store(p, pipeline.NewTable(name, in.Codec()).Internal())
	timers := pipeline.EventTimers(p, name+"-timers", nothing())
	timers.Handle(func(ctx *pipeline.Context, _ struct{}) error {
		key := ctx.Key()
		for row, v := range rows.Range(ctx, joinPrefix(key), joinRow(key, ctx.Timestamp().UnixMilli()-ms+1, 0)) {
			rows.Delete(ctx, row)
			if err := join(ctx, v, time.UnixMilli(joinRowTime(row))); err != nil {
				return err
			}
		}
		return nil
	})
	return func(ctx *pipeline.Context, v V) bool {
		at := ctx.Timestamp().UnixMilli()
		if ctx.StreamTime().UnixMilli() >= at+ms {
			return false
		}
		rows.Set(ctx, joinRow(ctx.Key(), at, ctx.Offset()), v)
		timers.Set(ctx, ctx.Key(), time.UnixMilli(at+ms), struct{}{})
		return true
	}
}
