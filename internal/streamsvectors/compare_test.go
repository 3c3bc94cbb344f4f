package streamsvectors

import (
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/millrace/millrace/internal/leaktest"
	"github.com/millrace/millrace/pipeline"
	"github.com/millrace/millrace/pipeline/codec"
	"github.com/millrace/millrace/pipeline/pipelinetest"
)

func TestMain(m *testing.M) { leaktest.Main(m) }

// The topics that the vectors name, of strings; and with longs as values.
var (
	in, left, right, out = texts("in"), texts("left"), texts("right"), texts("out")
	numbers, results     = longs("in"), longs("out")
)

func texts(name string) pipeline.Topic[string] { return pipeline.NewTopic(name, codec.String()) }
func longs(name string) pipeline.Topic[int64]  { return pipeline.NewTopic(name, codec.Int64()) }

// An order says how far outputs have to come in the order of Kafka Streams'.
type order int

const (
	strict  order = iota
	perKey        // those of one key; where several keys' outputs follow from one record
	perStep       // none, among those that follow from one record
)

// compare runs vectors on topologies of ours, which write to the topic out, and
// skip the records that fail.
func compare(t *testing.T, vs []Vector, rule order, how feed, build func(v Vector) *pipeline.Topology) {
	t.Helper()
	if len(vs) == 0 {
		t.Fatal("no vectors")
	}
	for _, v := range vs {
		t.Run(v.name(), func(t *testing.T) {
			t.Parallel()
			d := run(t, v, how, build(v))
			if diff := differ(v.Steps, outputs(d, v), rule); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// run gives a vector's inputs to a topology.
func run(t *testing.T, v Vector, how feed, topology *pipeline.Topology) *pipelinetest.Driver {
	t.Helper()
	d := pipelinetest.New(t, topology)
	for _, rs := range how(v.Steps) {
		d.Pipe(rs...)
	}
	return d
}

func (v Vector) name() string {
	name := []string{}
	for _, part := range []string{v.Agg, v.Emit, v.Type} {
		if part != "" {
			name = append(name, part)
		}
	}
	if v.Op == "stream-stream" {
		name = append(name, fmt.Sprintf("%d-%d", v.Before, v.After))
	}
	return strings.Join(append(name, fmt.Sprint(v.Seed)), "-")
}

// A feed makes records of inputs, in parts: the topology comes to rest after each.
type feed func([]Step) [][]pipeline.Record

// atOnce is for one input topic, which has one partition.
func atOnce(steps []Step) [][]pipeline.Record {
	var rs []pipeline.Record
	for _, s := range steps {
		rs = append(rs, s.In.record())
	}
	return [][]pipeline.Record{rs}
}

// inTurn keeps the order of several topics.
func inTurn(steps []Step) (parts [][]pipeline.Record) {
	for i, s := range steps {
		if i == 0 || s.In.Topic != steps[i-1].In.Topic {
			parts = append(parts, nil)
		}
		last := len(parts) - 1
		parts[last] = append(parts[last], s.In.record())
	}
	return parts
}

// single is for tables that are compared by their topics: changes of a key that
// are handled together are written as one.
func single(steps []Step) (parts [][]pipeline.Record) {
	for _, s := range steps {
		parts = append(parts, []pipeline.Record{s.In.record()})
	}
	return parts
}

func (r In) record() pipeline.Record {
	key := ""
	if r.Key != nil {
		key = *r.Key
	}
	var rec pipeline.Record
	switch v := r.Value.(type) {
	case nil:
		rec = texts(r.Topic).Tombstone(key)
	case string:
		rec = texts(r.Topic).Record(key, v)
	case int64:
		rec = longs(r.Topic).Record(key, v)
	}
	if r.Key == nil {
		rec = rec.Unkeyed()
	}
	return rec.At(time.UnixMilli(r.Time))
}

// outputs returns what the topic out holds.
func outputs(d *pipelinetest.Driver, v Vector) []Out {
	if v.Value == "long" {
		return outs(pipelinetest.Read(d, results), v.Key)
	}
	return outs(pipelinetest.Read(d, out), v.Key)
}

func outs[V any](ms []pipelinetest.Message[V], key string) (os []Out) {
	for _, m := range ms {
		o := Out{Key: m.Key, Unkeyed: m.Unkeyed, Value: m.Value, Time: m.Time.UnixMilli()}
		if key != "string" {
			o.Key = hex.EncodeToString([]byte(m.Key))
		}
		if m.Deleted {
			o.Value = nil
		}
		os = append(os, o)
	}
	return os
}

// differ compares and says what differs first, with the steps before it.
func differ(steps []Step, got []Out, rule order) string {
	for i, s := range steps {
		n := min(len(s.Out), len(got))
		want, have := slices.Clone(s.Out), slices.Clone(got[:n])
		if rule != strict {
			by := func(a, b Out) int {
				if c := strings.Compare(a.Key, b.Key); c != 0 || rule == perKey {
					return c
				}
				return strings.Compare(fmt.Sprint(a), fmt.Sprint(b))
			}
			slices.SortStableFunc(want, by)
			slices.SortStableFunc(have, by)
		}
		if !slices.Equal(want, have) {
			var b strings.Builder
			for j := max(0, i-25); j <= i; j++ {
				fmt.Fprintf(&b, "step %d: %v -> %v", j, steps[j].In, steps[j].Out)
				if steps[j].Dropped > 0 {
					fmt.Fprintf(&b, ", dropped %d", steps[j].Dropped)
				}
				b.WriteByte('\n')
			}
			return fmt.Sprintf("%sKafka Streams has %v,\nwe have       %v, then %v", &b, s.Out, got[:n], got[n:min(len(got), n+5)])
		}
		got = got[n:]
	}
	if len(got) > 0 {
		return fmt.Sprintf("at the end we have more: %v", got)
	}
	return ""
}

func (r In) String() string {
	key := "none"
	if r.Key != nil {
		key = *r.Key
	}
	return fmt.Sprintf("%s %s=%v@%d", r.Topic, key, r.Value, r.Time)
}

func (o Out) String() string {
	b, err := hex.DecodeString(o.Key)
	key := o.Key
	if n := len(b) - 8; err == nil && n >= 0 {
		key = fmt.Sprintf("%s[%d]", b[:n], be(b[n:n+8]))
		if n -= 8; n >= 0 {
			key = fmt.Sprintf("%s[%d-%d]", b[:n], be(b[n+8:]), be(b[n:n+8]))
		}
	}
	return fmt.Sprintf("%s=%v@%d", key, o.Value, o.Time)
}

// start returns when the window of an output begins: its last eight bytes.
func (o Out) start() int64 {
	b, err := hex.DecodeString(o.Key)
	if err != nil || len(b) < 8 {
		return -1
	}
	return int64(be(b[len(b)-8:]))
}

func be(b []byte) uint64 { return binary.BigEndian.Uint64(b) }

// because changes what is expected where we differ by design. It says why.
func because(_ string, vs []Vector, change func(v *Vector, s *Step)) []Vector {
	for i := range vs {
		for j := range vs[i].Steps {
			change(&vs[i], &vs[i].Steps[j])
		}
	}
	return vs
}

// vectors returns those of a file with an operator.
func vectors(t *testing.T, file, op string) (of []Vector) {
	t.Helper()
	all, err := Vectors(file)
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range all {
		if v.Op == op {
			of = append(of, v)
		}
	}
	return of
}
