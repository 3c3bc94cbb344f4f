package engine_test

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"pgregory.net/rapid"

	"github.com/millrace/millrace/internal/transport"
	"github.com/millrace/millrace/pipeline"
	"github.com/millrace/millrace/pipeline/codec"
)

// trouble is what the handler of TestPoliciesAgainstModel does with a record:
// its value is an id and how it fails.
//
//	7 ok      handled
//	7 error 2 fails twice
//	7 panic   panics
//	7 broken  does not decode
type trouble struct {
	id   int
	kind string
	n    int // failures before it succeeds
}

func (r trouble) String() string {
	return strings.TrimSuffix(fmt.Sprint(r.id, " ", r.kind, " ", r.n), " 0")
}

type troubleCodec struct{ codec.Codec[string] }

func (c troubleCodec) Decode(b []byte) (string, error) {
	if strings.Contains(string(b), "broken") {
		return "", errors.New("cannot be decoded")
	}
	return c.Codec.Decode(b)
}

// Random records that fail in random ways, under a random policy, on several
// partitions, with drains and restarts in between: each record is handled,
// put aside or skipped exactly once, in the order of its partition, and its
// failed attempts leave nothing in outputs and state.
func TestPoliciesAgainstModel(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		partitions := rapid.Int32Range(1, 3).Draw(rt, "partitions")
		retries := rapid.IntRange(0, 3).Draw(rt, "retries")
		skip := rapid.Bool().Draw(rt, "skip")
		last := pipeline.DeadLetter(failed)
		if skip {
			last = pipeline.Skip()
		}
		policy := last
		if retries > 0 {
			policy = pipeline.Retry(retries, quick).Then(last)
		}
		l := newLab(t, partitions, "in", "out", "failed")
		total := pipeline.NewTable("total", codec.String())
		in := pipeline.NewTopic("in", codec.Codec[string](troubleCodec{codec.String()}))

		var mu sync.Mutex
		tries := map[string]int{}
		topology := func() *pipeline.Topology {
			p := pipeline.Process("dedupe").OnError(policy)
			state := pipeline.State(p, total)
			out := pipeline.Output(p, output)
			pipeline.Input(p, in, func(ctx *pipeline.Context, v string) error {
				so, _ := state.Get(ctx)
				f := strings.Fields(v)
				out.Emit(ctx, ctx.Key(), v)
				state.Set(ctx, so+f[0]+",")
				switch f[1] {
				case "panic":
					panic("trouble")
				case "error":
					mu.Lock()
					defer mu.Unlock()
					tries[v]++
					if n, _ := strconv.Atoi(f[2]); tries[v] <= n {
						return errBad
					}
				}
				return nil
			})
			topology := pipeline.New("app").From(in).Add(p).To(output)
			if !skip {
				topology.To(failed)
			}
			return topology
		}

		handled, aside := make([][]string, partitions), make([][]string, partitions)
		state := map[string]string{}
		s := l.start("m", topology())
		defer func() { _ = s.stop() }()
		for id := range rapid.IntRange(1, 30).Draw(rt, "records") {
			r := trouble{id: id, kind: rapid.SampledFrom([]string{"ok", "ok", "ok", "error", "panic", "broken"}).Draw(rt, "kind")}
			if r.kind == "error" {
				r.n = rapid.IntRange(1, 4).Draw(rt, "failures")
			}
			p := rapid.Int32Range(0, partitions-1).Draw(rt, "partition")
			key := fmt.Sprintf("%d-%d", p, rapid.IntRange(0, 1).Draw(rt, "key"))
			if err := l.Append(&transport.Record{Topic: "in", Partition: p, Key: []byte(key), Value: []byte(r.String())}, true); err != nil {
				rt.Fatal(err)
			}
			if r.kind == "ok" || r.kind == "error" && r.n <= retries {
				handled[p] = append(handled[p], r.String())
				state[key] += fmt.Sprint(id, ",")
			} else {
				aside[p] = append(aside[p], r.String())
			}
			if rapid.IntRange(0, 9).Draw(rt, "restart") == 0 {
				if err := s.stop(); err != nil {
					rt.Fatal(err)
				}
				mu.Lock()
				clear(tries) // a member that is new to a record tries it anew
				mu.Unlock()
				s = l.start("m", topology())
			}
		}
		l.settled(group, "in")
		if err := s.stop(); err != nil {
			rt.Fatal(err)
		}
		if got := bySource(l.Records("out")); !equalRuns(got, handled) {
			rt.Errorf("outputs %v, want %v", got, handled)
		}
		if skip {
			aside = make([][]string, partitions)
		}
		if got := bySource(l.Records("failed")); !equalRuns(got, aside) {
			rt.Errorf("dead letters %v, want %v", got, aside)
		}
		got := map[string]string{}
		for _, r := range l.Records("total") {
			got[string(r.Key)] = string(r.Value)
		}
		if !maps.Equal(got, state) {
			rt.Errorf("state %q, want %q", got, state)
		}
	})
}

// bySource lists values by the partition of the input, which the keys begin
// with. Keys of one partition go to different partitions of the outputs, so
// the order is that of the appends.
func bySource(rs []*transport.Record) map[int][]string {
	values := map[int][]string{}
	for _, r := range rs {
		p := int(r.Key[0] - '0')
		values[p] = append(values[p], string(r.Value))
	}
	return values
}

func equalRuns(got map[int][]string, want [][]string) bool {
	for p, w := range want {
		if !slices.Equal(got[p], w) {
			return false
		}
	}
	return true
}
