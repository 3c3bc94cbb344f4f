package pipelinetest_test

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/millrace/millrace/pipeline"
	"github.com/millrace/millrace/pipeline/codec"
	"github.com/millrace/millrace/pipeline/pipelinetest"
)

// What is not as expected is found, each thing by itself, and what is, is not.
func TestExpectFinds(t *testing.T) {
	at := time.Date(2026, 2, 3, 4, 5, 6, 0, time.UTC)
	a, b := order{"a", 1}, order{"b", 2}
	for name, tt := range map[string]struct {
		body func(d *pipelinetest.Driver)
		want string // "": nothing
	}{
		"all as expected": {func(d *pipelinetest.Driver) {
			d.Expect(unique.Record("1", a).At(at), seen.Row("1", at), seen.Deleted("2"))
		}, ""},
		"another value": {func(d *pipelinetest.Driver) { d.Expect(unique.Record("1", b)) }, `topic orders.unique, key "1": {Item:a N:1}, want {Item:b N:2}`},
		"another time":  {func(d *pipelinetest.Driver) { d.Expect(unique.Record("1", a).At(at.Add(1))) }, `key "1": time 2026-02-03 04:05:06 +0000 UTC, want`},
		"one too few":   {func(d *pipelinetest.Driver) { d.Expect(unique.Record("1", a), unique.Record("1", a)) }, `key "1": missing {Item:a N:1}`},
		"one too many": {func(d *pipelinetest.Driver) { d.Send(orders.Record("2", b)); d.Expect(unique.Record("2", b)) },
			`unexpected record "1": {Item:a N:1}`},
		"not none":          {func(d *pipelinetest.Driver) { d.ExpectNone(orders, unique) }, `topic orders.unique: unexpected record "1"`},
		"a row that is not": {func(d *pipelinetest.Driver) { d.Expect(seen.Row("2", at)) }, `table orders.seen["2"] is <nil>, want 2026`},
		"a row that is":     {func(d *pipelinetest.Driver) { d.Expect(seen.Deleted("1")) }, `table orders.seen["1"] is 2026-02-03 04:05:06 +0000 UTC, want <nil>`},
		"a row of another":  {func(d *pipelinetest.Driver) { d.Expect(seen.Row("1", at.Add(1))) }, `table orders.seen["1"] is`},
		"a value no codec has": {func(d *pipelinetest.Driver) {
			d.Expect(pipeline.NewTopic("orders.unique", codec.Int64()).Record("1", 1))
		}, `key "1": "{\"Item\":\"a\",\"N\":1}" (`},
		"an unknown topic": {func(d *pipelinetest.Driver) { d.Send(pipeline.NewTopic("elsewhere", codec.String()).Record("k", "v")) },
			"elsewhere"},
		"a value that does not encode": {func(d *pipelinetest.Driver) {
			bad := codec.New("bad", func(string) ([]byte, error) { panic("no encoding") }, func([]byte) (string, error) { return "", nil })
			d.Pipe(pipeline.NewTopic("orders", bad).Record("k", "v"))
		}, `topic orders, key "k": encode: codec bad panicked: no encoding`},
		"a read that does not decode": {func(d *pipelinetest.Driver) { pipelinetest.Read(d, pipeline.NewTopic("orders.unique", codec.Int64())) }, `topic orders.unique, key "1": `},
		"rows that do not decode":     {func(d *pipelinetest.Driver) { pipelinetest.Rows(d, pipeline.NewTable("orders.unique", codec.Int64())) }, `table orders.unique, key "1": `},
	} {
		err := pipelinetest.Run(dedupe(), func(d *pipelinetest.Driver) {
			d.Send(orders.Record("1", a).At(at))
			tt.body(d)
		})
		switch {
		case tt.want == "" && err != nil:
			t.Errorf("%s: %v", name, err)
		case tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)):
			t.Errorf("%s: %v\nwant: %s", name, err, tt.want)
		}
	}
}

// Read gives each record once, with its headers; Rows gives what a table holds
// now.
func TestReadAndRows(t *testing.T) {
	in, out := pipeline.NewTopic("in", codec.String()), pipeline.NewTopic("out", codec.String())
	table := pipeline.NewTable("table", codec.String())
	topology := func() *pipeline.Topology {
		p := pipeline.Process("p")
		state, o := pipeline.State(p, table), pipeline.Output(p, out)
		pipeline.Input(p, in, func(ctx *pipeline.Context, v string) error {
			if v == "" {
				state.Delete(ctx)
				o.Delete(ctx, ctx.Key())
				return nil
			}
			state.Set(ctx, v)
			o.Emit(ctx, ctx.Key(), v, pipeline.Header{Name: "n", Value: []byte(v)})
			return nil
		})
		return pipeline.New("t").From(in).Add(p).To(out)
	}
	pipelinetest.Each(t, topology, func(d *pipelinetest.Driver) {
		d.Pipe(in.Record("a", "1"), in.Record("b", "2"), in.Record("a", "3"), in.Record("b", ""))
		var got []string
		for _, m := range pipelinetest.Read(d, out) {
			got = append(got, fmt.Sprintf("%s=%s %v %v", m.Key, m.Value, m.Deleted, len(m.Headers) == 1 && string(m.Headers[0].Value) == m.Value))
		}
		if s := strings.Join(got, ", "); s != "a=1 false true, b=2 false true, a=3 false true, b= true false" {
			t.Errorf("read %s", s)
		}
		if ms := pipelinetest.Read(d, out); len(ms) != 0 {
			t.Errorf("read again: %v", ms)
		}
		if rows := pipelinetest.Rows(d, table); !maps.Equal(rows, map[string]string{"a": "3"}) {
			t.Errorf("rows %v", rows)
		}
	})
}

// A topology that does not start, or ended, says why.
func TestDriverOfATopologyThatFails(t *testing.T) {
	none := func(*pipelinetest.Driver) { t.Error("the body ran") }
	if err := pipelinetest.Run(pipeline.New("t"), none); !errors.Is(err, pipeline.ErrIncomplete) {
		t.Errorf("a topology without processors: %v", err)
	}
	refused := errors.New("no such thing")
	topology := func() *pipeline.Topology {
		p := pipeline.Process("p")
		pipeline.Input(p, orders, func(*pipeline.Context, order) error { return refused })
		return pipeline.New("t").From(orders).Add(p)
	}
	for name, again := range map[string]func(d *pipelinetest.Driver){
		"Send":    func(d *pipelinetest.Driver) { d.Send(orders.Record("1", order{})) },
		"Pipe":    func(d *pipelinetest.Driver) { d.Pipe(orders.Record("1", order{})) },
		"Restart": func(d *pipelinetest.Driver) { d.Restart() },
	} {
		err := pipelinetest.Run(topology(), func(d *pipelinetest.Driver) {
			if err := d.TrySend(orders.Record("1", order{})); !errors.Is(err, refused) {
				t.Errorf("TrySend: %v", err)
			}
			again(d)
			t.Errorf("%s: the body went on", name)
		})
		if err == nil || !strings.Contains(err.Error(), refused.Error()) {
			t.Errorf("%s after the end: %v", name, err)
		}
	}
}

// A driver in memory leaves nothing in the folder of the test.
func TestDriverLeavesNoFolder(t *testing.T) {
	t.Chdir(t.TempDir())
	d := pipelinetest.New(t, dedupe())
	d.Send(orders.Record("1", order{"a", 1}))
	left, err := os.ReadDir(".")
	if err != nil || len(left) != 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

// What an example expects in vain is in its output.
func ExampleExample() {
	pipelinetest.Example(dedupe(), func(d *pipelinetest.Driver) {
		d.Send(orders.Record("1", order{"a", 1}), orders.Record("1", order{"a", 1}))
		d.Expect(unique.Record("1", order{"a", 1}))
		d.Send(orders.Record("2", order{"b", 1}))
		d.Expect(unique.Record("2", order{"c", 1}))
	})
	// Output:
	// topic orders.unique, key "2": {Item:b N:1}, want {Item:c N:1}
}
