package tool_test

import (
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/millrace/millrace/pipeline"
	"github.com/millrace/millrace/pipeline/codec"
	"github.com/millrace/millrace/pipeline/tool"
)

// as are the names of the same topology's topics under another application id.
func (n names) as(id string) names {
	return names{id, n.in, id + "." + n.out, id + "." + n.failed, id + "." + n.seen}
}

// A topology runs a second time under another id, beside the first: what it
// makes of the same records is the same, and neither has anything of the other.
// Then the first is deleted, and the second one does not notice.
func TestReplayIntoANewApplication(t *testing.T) {
	cfg, n := config(t), newNames(t)
	first := start(t, n, cfg, false)
	first.send("a", "b", "a", "bad")
	await(t, "the counts", func() bool { return len(outputs(t, cfg, n)) == 3 && len(letters(t, cfg, n.failed, tool.Filter{})) == 1 })

	id := n.app + "-2"
	cfg2, n2 := cfg, n.as(id)
	cfg2.ApplicationID, cfg2.StateDir = id, t.TempDir()
	second := start(t, n, cfg2, false)
	first.send("c") // meanwhile
	await(t, "the counts of both", func() bool { return len(outputs(t, cfg, n)) == 4 && len(outputs(t, cfg, n2)) == 4 })
	if a, b := outputs(t, cfg, n), outputs(t, cfg, n2); !slices.Equal(a, b) {
		t.Errorf("outputs %q, of the replay %q", a, b)
	}
	if a, b := counted(t, cfg, n), counted(t, cfg, n2); !maps.Equal(a, b) {
		t.Errorf("counted %v, by the replay %v", a, b)
	}
	ls := letters(t, cfg, n2.failed, tool.Filter{})
	if len(ls) != 1 || ls[0].Source.Topic != n.in {
		t.Errorf("dead letters of the replay: %+v", ls)
	}
	if got := second.s.Name(pipeline.NewTopic(n.out, codec.Int64())); got != n2.out {
		t.Errorf("the output is %q, want %q", got, n2.out)
	}

	if err := first.end(); err != nil {
		t.Fatal(err)
	}
	o := tool.ResetOptions{App: n.app, Delete: []string{n.out, n.failed}}
	if _, err := tool.Reset(t.Context(), cfg, o, false); err != nil {
		t.Fatal(err)
	}
	second.send("a")
	await(t, "the count that goes on", func() bool { return counted(t, cfg, n2)["k-a"] == 3 })
	if err := second.end(); err != nil {
		t.Fatal(err)
	}
	plan, err := tool.Reset(t.Context(), cfg2, tool.ResetOptions{App: id, Delete: []string{n2.out}}, true)
	if err != nil || !slices.Equal(plan.Topics, []string{n2.out, n2.seen}) || len(plan.Folders) != 1 {
		t.Errorf("what is reset of the replay:\n%s%v", plan, err)
	}
}

// A replay begins at an offset or at a time, in the topics that others write.
func TestBegin(t *testing.T) {
	cfg, n := config(t), newNames(t)
	r := start(t, n, cfg, true)
	r.send("a", "b", "c")
	await(t, "the counts", func() bool { return len(outputs(t, cfg, n)) == 3 })
	ends := map[int32]int64{} // of the input, now
	await(t, "the positions", func() bool {
		sum := int64(0)
		ends = positions(t, cfg, n.app+"-count", n.in)
		for _, o := range ends {
			sum += o
		}
		return sum >= 3
	})
	then := time.Now().Add(time.Hour)
	r.send("a", "b")
	await(t, "the later counts", func() bool { return len(outputs(t, cfg, n)) == 5 })
	if err := r.end(); err != nil {
		t.Fatal(err)
	}

	for p := range int32(2) {
		if _, ok := ends[p]; !ok {
			ends[p] = 0
		}
	}
	for _, tt := range []struct {
		id   string
		o    tool.BeginOptions
		want []string
	}{
		{"-offset", tool.BeginOptions{Offsets: map[string]map[int32]int64{n.in: ends}}, []string{"k-a=1", "k-b=1", "k-offset=1"}},
		{"-time", tool.BeginOptions{From: then}, []string{"k-time=1"}},
	} {
		id, c := tt.id, cfg
		c.ApplicationID, c.StateDir = n.app+id, t.TempDir()
		if plan, err := tool.Begin(t.Context(), c, n.topology(true), tt.o, true); err != nil || strings.Count(plan.String(), "\n") != 2 {
			t.Errorf("%s: plan:\n%s%v", id, plan, err)
		}
		if got := positions(t, cfg, n.app+id+"-count", n.in); len(got) > 0 {
			t.Errorf("%s: the dry run set %v", id, got)
		}
		if _, err := tool.Begin(t.Context(), c, n.topology(true), tt.o, false); err != nil {
			t.Fatal(err)
		}
		var be *tool.BeginError
		if _, err := tool.Begin(t.Context(), c, n.topology(true), tt.o, false); !errors.As(err, &be) || !strings.Contains(err.Error(), "millrace reset -app "+n.app+id) {
			t.Errorf("%s: a second time: %v", id, err)
		}
		replay := start(t, n, c, true)
		replay.send(strings.TrimPrefix(id, "-")) // the last of the input
		await(t, "the replay "+id, func() bool { return slices.Contains(outputs(t, cfg, n.as(n.app+id)), "k"+id+"=1") })
		if got := outputs(t, cfg, n.as(n.app+id)); !slices.Equal(got, tt.want) {
			t.Errorf("%s: outputs %q, want %q", id, got, tt.want)
		}
		if err := replay.end(); err != nil {
			t.Fatal(err)
		}
	}
}

func TestBeginReportsAll(t *testing.T) {
	cfg, n := config(t), newNames(t)
	if err := start(t, n, cfg, true).end(); err != nil {
		t.Fatal(err)
	}
	_, err := tool.Begin(t.Context(), cfg, n.topology(true), tool.BeginOptions{Offsets: map[string]map[int32]int64{n.out: {0: 0}, n.in: {0: 7, 9: 0}}}, true)
	var be *tool.BeginError
	if !errors.As(err, &be) || len(be.Problems) != 3 {
		t.Errorf("got %v, want three problems", err)
	}
	if _, err := tool.Begin(t.Context(), cfg, n.topology(true), tool.BeginOptions{}, true); !errors.As(err, &be) {
		t.Errorf("with nothing to set: %v", err)
	}
	cfg.ApplicationID = "no/name"
	if _, err := tool.Begin(t.Context(), cfg, n.topology(true), tool.BeginOptions{From: time.Now()}, true); !errors.Is(err, pipeline.ErrConfig) {
		t.Errorf("a bad id: %v", err)
	}
}
