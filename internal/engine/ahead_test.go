package engine_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/millrace/millrace/internal/engine"
	"github.com/millrace/millrace/internal/transport"
	"github.com/millrace/millrace/internal/transport/memory"
	"github.com/millrace/millrace/pipeline"
	"github.com/millrace/millrace/pipeline/codec"
)

// asking passes records on with what is asked for each before its turn, and
// counts them by key.
func asking(order pipeline.Order, ask func(ctx context.Context, v string) (string, error)) *pipeline.Topology {
	counts := pipeline.NewTable("seen", codec.Int64())
	p := pipeline.Process("dedupe").OnError(pipeline.Retry(pipeline.Unlimited, quick))
	state := pipeline.State(p, counts)
	out := pipeline.Output(p, output)
	pipeline.InputAhead(p, input, pipeline.Lookahead{Calls: 3, Records: 7, Order: order},
		func(ctx context.Context, _ pipeline.Coming, v string) (string, error) { return ask(ctx, v) },
		func(ctx *pipeline.Context, v, answer string) error {
			if answer != v+"!" {
				return pipeline.Permanent(fmt.Errorf("%s got the answer %s", v, answer))
			}
			n, _ := state.Get(ctx)
			state.Set(ctx, n+1)
			out.Emit(ctx, ctx.Key(), answer)
			return nil
		})
	return pipeline.New("app").From(input).Add(p).To(output)
}

// Random records whose calls take their time and fail at random, with drains,
// kills, members that come and go, and transactions that are aborted while calls
// are under way: each record comes out once, in the order that is asked for, with
// the answer to its own call.
func TestExactlyOnceAheadAgainstModel(t *testing.T) {
	for _, order := range []pipeline.Order{pipeline.PartitionOrder, pipeline.KeyOrder, pipeline.Unordered} {
		t.Run(order.String(), func(t *testing.T) { aheadAgainstModel(t, order) })
	}
}

func aheadAgainstModel(t *testing.T, order pipeline.Order) {
	rapid.Check(t, func(rt *rapid.T) {
		const partitions = 3
		l := newLab(t, partitions, "in", "out")
		chances := rapid.SliceOfN(rapid.IntRange(0, 9), 11, 11).Draw(rt, "chances")
		var calls atomic.Int64
		topology := func() *pipeline.Topology {
			return asking(order, func(ctx context.Context, v string) (string, error) {
				chance := chances[calls.Add(1)%11]
				select {
				case <-time.After(time.Duration(chance) * 50 * time.Microsecond):
				case <-ctx.Done():
					return "", ctx.Err()
				}
				if chance == 9 {
					return "", errors.New("away")
				}
				return v + "!", nil
			})
		}
		want, n := make([][]string, partitions), map[string]int{}
		first := l.start("m1", topology(), briefDrain)
		var second *service
		defer func() {
			l.SetHook(nil)
			_ = first.stop()
			if second != nil {
				_ = second.stop()
			}
		}()
		for id := range rapid.IntRange(1, 60).Draw(rt, "records") {
			p := rapid.Int32Range(0, partitions-1).Draw(rt, "partition")
			key := fmt.Sprint(p, "-", id%4)
			if err := l.Append(&transport.Record{Topic: "in", Partition: p, Key: []byte(key), Value: fmt.Append(nil, id)}, true); err != nil {
				rt.Fatal(err)
			}
			want[p] = append(want[p], fmt.Sprint(id, "!"))
			n[key]++
			switch rapid.IntRange(0, 24).Draw(rt, "event") {
			case 0:
				_ = first.stop()
				first = l.start("m1", topology(), briefDrain)
			case 1:
				l.kill(first, second)
				first, second = l.start("m1", topology(), briefDrain), nil
			case 2:
				if second == nil {
					second = l.start("m2", topology(), briefDrain)
				} else {
					_ = second.stop()
					second = nil
				}
			case 3:
				h, _ := once(memory.Commit, "", 0, memory.Verdict{Err: fmt.Errorf("%w: refused", transport.ErrTransactionOpen)})
				l.SetHook(h)
			case 4:
				l.neverMind(group, "in")
			}
		}
		l.settled(group, "in")
		got := bySource(l.Records("out"))
		for p := range want {
			inOrder(got[p], order)
			inOrder(want[p], order)
		}
		if !equalRuns(got, want) {
			rt.Errorf("outputs %v, want %v", got, want)
		}
		counts := l.counts()
		for k, c := range n {
			if counts[k] != int64(c) {
				rt.Errorf("count of %s: %d, want %d", k, counts[k], c)
			}
		}
	})
}

// inOrder sorts what came out by what an order does not keep.
func inOrder(answers []string, order pipeline.Order) {
	number := func(answer string) int {
		n, _ := strconv.Atoi(strings.TrimSuffix(answer, "!"))
		return n
	}
	slices.SortStableFunc(answers, func(a, b string) int {
		switch order {
		case pipeline.KeyOrder:
			return number(a)%4 - number(b)%4
		case pipeline.Unordered:
			return number(a) - number(b)
		}
		return 0
	})
}

// What was handled ahead of others counts for the offset with which it was
// committed, and for later ones: a group that was set back before that gets all
// again.
func TestOvertakersOfAGroupThatWasMoved(t *testing.T) {
	for offset, want := range map[int64][]string{
		1: {"1!", "2!", "3!", "4!"},
		2: {"2!"},
		3: {}, // 3 and 4 were handled
	} {
		l := newLab(t, 1, "in", "out")
		var hang atomic.Bool
		hang.Store(true)
		topology := func() *pipeline.Topology {
			return asking(pipeline.Unordered, func(ctx context.Context, v string) (string, error) {
				if v == "2" && hang.Load() {
					<-ctx.Done()
					return "", ctx.Err()
				}
				return v + "!", nil
			})
		}
		s := l.start("m", topology(), briefDrain)
		l.send("in", "0", "1", "2", "3", "4")
		l.until("others have overtaken the call that hangs", func() bool { return len(l.Records("out")) == 4 && l.Committed(group)["in"][0] == 2 })
		l.kill(s)
		before := len(l.Records("out"))
		if err := l.SetGroupOffsets(t.Context(), group, transport.Offsets{"in": {0: offset}}); err != nil {
			t.Fatal(err)
		}
		hang.Store(false)
		l.start("m", topology())
		l.settled(group, "in")
		got := []string{}
		for _, r := range l.Records("out")[before:] {
			got = append(got, string(r.Value))
		}
		slices.Sort(got)
		if !slices.Equal(got, want) {
			t.Errorf("from offset %d on: %v, want %v", offset, got, want)
		}
	}
}

// What is under way when a partition goes away ends with its context, and is
// waited for; what does not heed that is told of and left behind.
func TestAheadEnds(t *testing.T) {
	for _, heeds := range []bool{true, false} {
		l := newLab(t, 1, "in", "out")
		begun, release := make(chan struct{}), make(chan struct{})
		var once sync.Once
		var ended atomic.Bool
		var log bytes.Buffer
		s := l.start("m", asking(pipeline.PartitionOrder, func(ctx context.Context, v string) (string, error) {
			once.Do(func() { close(begun) })
			if heeds {
				<-ctx.Done()
			}
			<-release
			ended.Store(true)
			return "", ctx.Err()
		}), func(e *engine.Config) {
			e.AbandonTimeout = 20 * time.Millisecond
			e.Logger = slog.New(slog.NewTextHandler(&log, nil))
		})
		l.send("in", "a")
		<-begun
		if heeds {
			time.AfterFunc(5*time.Millisecond, func() { close(release) })
		}
		if err := s.stop(); err != nil {
			t.Error(err)
		}
		if told := strings.Contains(log.String(), "left behind"); ended.Load() != heeds || told == heeds {
			t.Errorf("a call that heeds its context, %v: it has ended: %v, was told of: %v", heeds, ended.Load(), told)
		}
		if !heeds {
			close(release)
		}
	}
}
