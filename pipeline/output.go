package pipeline

import (
	"fmt"
	"time"

	"github.com/millrace/millrace/internal/graph"
	"github.com/millrace/millrace/internal/transport"
)

// Out emits to one topic.
type Out[V any] struct {
	p    *Processor
	def  def[V]
	loop bool
	raw  bool // values are bytes that need no copy
}

// Output declares a topic that the processor writes.
func Output[V any](p *Processor, t Topic[V]) Out[V] {
	d := p.uses(t)
	p.spec.Outputs = append(p.spec.Outputs, d.Ref)
	return Out[V]{p: p, def: t.def, raw: t.borrows()}
}

// OutputTable declares a table that the processor writes as a stream of
// changes, without owning it: for a table that several write, or under other
// keys than those of the inputs.
func OutputTable[V any](p *Processor, t Table[V]) Out[V] {
	d := p.uses(t)
	p.spec.Outputs = append(p.spec.Outputs, d.Ref)
	return Out[V]{p: p, def: t.def}
}

// Header is a record header.
type Header struct {
	Name  string
	Value []byte
}

// Emit sends v under a key, with the event time of the record at hand, once the
// handler has returned nil. The partition is the one that the topic's
// partitioner chooses for the key: see PartitionedBy.
func (o Out[V]) Emit(ctx *Context, key string, v V, headers ...Header) {
	o.EmitAt(ctx, key, v, ctx.at, headers...)
}

// EmitAt is Emit with a time of its own.
func (o Out[V]) EmitAt(ctx *Context, key string, v V, at time.Time, headers ...Header) {
	if r := o.record(ctx, v); r != nil {
		r.Key, r.Timestamp = raw(key), at
		r.Headers = transportHeaders(headers)
	}
}

// EmitUnkeyed sends v without a key. Such records are spread over the
// partitions.
func (o Out[V]) EmitUnkeyed(ctx *Context, v V, headers ...Header) {
	if r := o.record(ctx, v); r != nil {
		r.Timestamp, r.Headers = ctx.at, transportHeaders(headers)
	}
}

// Delete sends a record without a value: a deletion, where the topic is a
// table or compacted.
func (o Out[V]) Delete(ctx *Context, key string) { o.DeleteAt(ctx, key, ctx.at) }

// DeleteAt is Delete with a time of its own.
func (o Out[V]) DeleteAt(ctx *Context, key string, at time.Time) {
	if !ctx.on(o.p) {
		return
	}
	r := ctx.task.Out.Next()
	r.Topic, r.Key, r.Timestamp = o.topic(ctx.task), raw(key), at
}

// record stages a record with the encoded value; nil after a failure.
func (o Out[V]) record(ctx *Context, v V) *transport.Record {
	if !ctx.on(o.p) {
		return nil
	}
	out := ctx.task.Out
	if b, ok := any(v).([]byte); o.raw && ok && b != nil {
		r := out.Next()
		r.Topic, r.Value = o.topic(ctx.task), b
		return r
	}
	stage := ctx.stage
	ctx.stage = atEncode // where a panic of the codec would be
	b, err := o.def.codec.Append(out.Buffer(), v)
	ctx.stage = stage
	if err != nil {
		ctx.fail(atEncode, fmt.Errorf("topic %s: %w", o.topic(ctx.task), err))
		return nil
	}
	if b == nil {
		b = []byte{} // an empty value is not a deletion
	}
	r := out.Next()
	r.Topic, r.Value = o.topic(ctx.task), out.Keep(b)
	return r
}

func (o Out[V]) topic(t *graph.Task) string {
	if o.loop {
		return t.LoopTopic
	}
	return o.def.topic()
}

func transportHeaders(hs []Header) []transport.Header {
	if len(hs) == 0 {
		return nil
	}
	th := make([]transport.Header, len(hs))
	for i, h := range hs {
		th[i] = transport.Header{Key: h.Name, Value: h.Value}
	}
	return th
}
