package pipeline_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/millrace/millrace/pipeline"
	"github.com/millrace/millrace/pipeline/codec"
	"github.com/millrace/millrace/pipeline/pipelinetest"
)

// The values of a page stay what they are while it is read on.
func TestRowsOwnTheirValues(t *testing.T) {
	names := pipeline.NewTable("names", codec.JSON[string]())
	p := pipeline.Process("copy")
	pipeline.Changes(p, names, func(*pipeline.Context, pipeline.Change[string]) error { return nil })
	d := pipelinetest.Embedded(t, pipeline.New("app").From(names).Add(p), pipelinetest.Views(names))
	var rows []pipeline.Record
	for i := range 50 {
		rows = append(rows, names.Row(fmt.Sprintf("k%02d", i), strings.Repeat("x", 200-4*i)))
	}
	d.Pipe(rows...)
	list, _, err := d.Service().Rows("names", "", "", 100)
	if err != nil || len(list) != 50 {
		t.Fatalf("%d rows: %v", len(list), err)
	}
	for i, r := range list {
		var v string
		if err := json.Unmarshal(r.Value, &v); err != nil || len(v) != 200-4*i {
			t.Errorf("%s: %s: %v", r.Key, r.Value, err)
		}
	}
}

// A view gives the entries of all partitions in the order of their keys, and
// says what it cannot give.
func TestView(t *testing.T) {
	text := pipeline.NewTable("names", codec.Codec[string](panicky{codec.String()}), pipeline.Partitions(3))
	p := pipeline.Process("copy").OnError(pipeline.Skip())
	pipeline.Changes(p, text, func(*pipeline.Context, pipeline.Change[string]) error { return nil })
	d := pipelinetest.New(t, pipeline.New("app").From(text).Add(p), pipelinetest.Views(text))
	if _, err := pipeline.ViewOf(d.Service(), users); !errors.Is(err, pipeline.ErrNoView) || !strings.Contains(err.Error(), "Config.Views") {
		t.Errorf("a table without a view: %v", err)
	}
	view, err := pipeline.ViewOf(d.Service(), text)
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{}
	for i := range 20 {
		k := fmt.Sprintf("k%02d", i)
		want[k] = fmt.Sprint("v", i)
		d.Pipe(text.Row(k, want[k]))
	}
	d.Pipe(text.Deleted("k07"))
	delete(want, "k07")
	for _, tt := range []struct {
		from, to string
		n        int
	}{{"", "", 19}, {"k05", "k10", 4}, {"k18", "", 2}, {"", "k01", 1}, {"l", "", 0}} {
		seq, failed := view.Range(tt.from, tt.to)
		var keys []string
		for k, v := range seq {
			if v != want[k] {
				t.Errorf("%s is %q, want %q", k, v, want[k])
			}
			keys = append(keys, k)
		}
		if err := failed(); err != nil || len(keys) != tt.n || !slices.IsSorted(keys) {
			t.Errorf("from %q to %q: %q, %v, want %d keys in their order", tt.from, tt.to, keys, err, tt.n)
		}
	}
	seq, failed := view.Range("", "")
	for k := range seq { // one that stops reads on from the beginning
		if k != "k00" || failed() != nil {
			t.Errorf("the first is %s, %v", k, failed())
		}
		break
	}
	if all := maps.Collect(seq); !maps.Equal(all, want) {
		t.Errorf("read again: %v", all)
	}

	for _, v := range []string{"bad", "panic"} {
		d.Pipe(pipeline.NewTable("names", codec.String(), pipeline.Partitions(3)).Row("k05x", v))
		n := 0
		for range seq {
			n++
		}
		if err := failed(); n != 6 || err == nil || !strings.Contains(err.Error(), `table names, key "k05x"`) {
			t.Errorf("%d entries before one that does not decode (%s), %v", n, v, err)
		}
		if _, ok, err := view.Get("k05x"); ok || err == nil || !strings.Contains(err.Error(), "k05x") {
			t.Errorf("Get of one that does not decode (%s): %v, %v", v, ok, err)
		}
		if _, _, err := d.Service().Rows("names", "", "", 100); err == nil || !strings.Contains(err.Error(), "k05x") {
			t.Errorf("Rows with one that does not decode (%s): %v", v, err)
		}
		if v, ok, err := view.Get("k06"); v != "v6" || !ok || err != nil {
			t.Errorf("Get beside it: %q, %v, %v", v, ok, err)
		}
	}
}

// What needs a run says so before it and after it.
func TestNotRunning(t *testing.T) {
	topology := one(func(p *pipeline.Processor) { pipeline.Changes(p, users, nothing[pipeline.Change[visit]]) })
	cfg := memoryConfig()
	cfg.Views = []pipeline.Ref{users}
	s, err := pipeline.NewService(topology, cfg)
	if err != nil {
		t.Fatal(err)
	}
	view, err := pipeline.ViewOf(s, users)
	if err != nil {
		t.Fatal(err)
	}
	e, err := pipeline.EmitterOf(s, clicks)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := pipeline.EmitterOf(s, pages); !errors.Is(err, pipeline.ErrUnknown) || !strings.Contains(err.Error(), "pages") {
		t.Errorf("an emitter of a topic that the topology has not: %v", err)
	}
	look := func(when string) {
		seq, failed := view.Range("", "")
		for k := range seq {
			t.Errorf("%s it has %s", when, k)
		}
		_, _, got := view.Get("k")
		_, _, row := s.Row("users", "k")
		_, _, rows := s.Rows("users", "", "", 1)
		_, watch := s.Watch("users", "", "")
		_, reader := pipeline.ReaderOf(limit(t), s, clicks)
		for what, err := range map[string]error{"Range": failed(), "Get": got, "Row": row, "Rows": rows, "Watch": watch,
			"Emit": e.Emit(limit(t), "k", "v"), "ReaderOf": reader} {
			if !errors.Is(err, pipeline.ErrNotRunning) {
				t.Errorf("%s the run: %s: %v", when, what, err)
			}
		}
	}
	look("before")
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	if err := s.WaitReady(ended(t)); !errors.Is(err, context.Canceled) {
		t.Errorf("WaitReady of a service that does not run, with a context that ended: %v", err)
	}
	run := make(chan error, 1)
	go func() { run <- s.Run(ctx) }()
	if err := s.WaitReady(limit(t)); err != nil {
		t.Error(err)
	}
	if err := s.Run(ctx); err == nil || !strings.Contains(err.Error(), "already") {
		t.Errorf("a second run: %v", err)
	}
	if _, _, err := view.Get("k"); err != nil {
		t.Errorf("in the run: %v", err)
	}
	cancel()
	if err := <-run; err != nil {
		t.Error(err)
	}
	look("after")
	if err := s.WaitReady(limit(t)); !errors.Is(err, pipeline.ErrNotRunning) {
		t.Errorf("WaitReady after the run: %v", err)
	}
	if _, err := pipeline.NewService(nil, cfg); !errors.Is(err, pipeline.ErrIncomplete) {
		t.Errorf("no topology: %v", err)
	}
}

// ended returns a context that has ended.
func ended(t *testing.T) context.Context {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	return ctx
}
