package memory

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/millrace/millrace/internal/transport"
)

func offsets(p int32, n int64) transport.Offsets { return transport.Offsets{"in": {p: n}} }

func TestGroupReadsAndCommits(t *testing.T) {
	c := newCluster(t)
	fill(t, c, 4)
	e := make(events, 10)
	g := join(t, c, "a", e)
	wantStrings(t, "polled", poll(t, g, 4), "0", "1", "2", "3")
	if err := errors.Join(g.Commit(limit(t), offsets(0, 1)), g.Commit(limit(t), offsets(1, 2))); err != nil {
		t.Fatal(err)
	}
	if got := fmt.Sprint(c.Committed("g")); got != "map[in:map[0:1 1:2]]" {
		t.Errorf("committed %s", got)
	}
	if got := fmt.Sprint(c.Committed("other")); got != "map[]" {
		t.Errorf("committed %s", got)
	}
	id, generation := g.Member()
	if id != "a-1" || generation < 1 {
		t.Errorf("Member() = %s, %d", id, generation)
	}
	g.Close()
	if _, err := g.Poll(limit(t)); !errors.Is(err, transport.ErrClosed) {
		t.Errorf("Poll after Close: %v", err)
	}
	// Another begins where that one had committed.
	wantStrings(t, "polled", poll(t, join(t, c, "b", e), 1), "2")
}

func TestPause(t *testing.T) {
	c := newCluster(t)
	g := join(t, c, "a", make(events, 10))
	g.Pause(transport.Assignment{"in": {0}})
	fill(t, c, 4)
	wantStrings(t, "polled with 0 paused", poll(t, g, 2), "1", "3")
	g.Resume(transport.Assignment{"in": {0}})
	wantStrings(t, "polled after", poll(t, g, 2), "0", "2")
}

// TestRebalance hands a partition over and back: the one who has it is asked
// first, and what it commits then is where the other begins.
func TestRebalance(t *testing.T) {
	c := newCluster(t)
	fill(t, c, 4)
	e := make(events, 20)
	var first transport.Group
	first, err := c.Join(t.Context(), transport.GroupConfig{Group: "g", ClientID: "a", Topics: []string{"in"},
		Assigned: func(_ context.Context, a transport.Assignment) { e <- fmt.Sprint("a has ", a["in"]) },
		Revoked: func(ctx context.Context, a transport.Assignment) {
			for _, p := range a["in"] {
				if err := first.Commit(ctx, offsets(p, 1)); err != nil {
					t.Errorf("commit while %v is revoked: %v", a, err)
				}
			}
			e <- fmt.Sprint("a gives ", a["in"])
		}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(first.Close)
	poll(t, first, 4)
	wantStrings(t, "first", []string{e.next(t), e.next(t)}, "a has [0]", "a has [1]")
	polling(t, first)
	second := join(t, c, "b", e)
	wantStrings(t, "second polled", poll(t, second, 1), "3")
	wantStrings(t, "handed over", []string{e.next(t), e.next(t)}, "a gives [1]", "b has [1]")
	if err := first.Commit(limit(t), offsets(1, 2)); !errors.Is(err, transport.ErrFenced) {
		t.Errorf("commit of a partition that was handed over: %v; want ErrFenced", err)
	}
	if err := second.Leave(limit(t)); err != nil {
		t.Fatal(err)
	}
	wantStrings(t, "handed back", []string{e.next(t), e.next(t)}, "b gives [1]", "a has [1]")
	if err := second.Leave(limit(t)); err != nil {
		t.Errorf("second Leave: %v", err)
	}
}

// TestExpel takes partitions without asking; the member comes back.
func TestExpel(t *testing.T) {
	c := newCluster(t)
	fill(t, c, 2)
	e := make(events, 20)
	g := join(t, c, "a", e)
	poll(t, g, 2)
	c.Expel("g")
	if err := g.Commit(limit(t), offsets(0, 1)); !errors.Is(err, transport.ErrFenced) {
		t.Errorf("commit after Expel: %v; want ErrFenced", err)
	}
	wantStrings(t, "polled again", poll(t, g, 2), "0", "1")
	wantStrings(t, "callbacks", []string{e.next(t), e.next(t), e.next(t), e.next(t), e.next(t)},
		"a has [0]", "a has [1]", "a lost [0 1]", "a has [0]", "a has [1]")
	c.Expel("no such group")
}

// TestKill cuts a member off: it hears nothing any more, and another goes on.
func TestKill(t *testing.T) {
	c := newCluster(t)
	fill(t, c, 2)
	e := make(events, 20)
	g := join(t, c, "a", e)
	poll(t, g, 2)
	c.Kill()
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if err := g.Commit(ended, offsets(0, 1)); !errors.Is(err, context.Canceled) {
		t.Errorf("commit of a dead member: %v", err)
	}
	if _, err := g.Poll(ended); !errors.Is(err, context.Canceled) {
		t.Errorf("poll of a dead member: %v", err)
	}
	g.Produce(limit(t), out("1"), func(*transport.Record, error) { t.Error("a dead member heard") })
	if err := g.Leave(limit(t)); err != nil {
		t.Error(err)
	}
	if len(c.Committed("g")) > 0 || len(c.Records("out")) > 0 {
		t.Errorf("a dead member wrote: %v, %v", c.Committed("g"), c.Records("out"))
	}
	wantStrings(t, "polled by another", poll(t, join(t, c, "b", e), 2), "0", "1")
}

// TestKilledAtCommit dies before a commit, which does not happen.
func TestKilledAtCommit(t *testing.T) {
	for _, v := range []Verdict{{Kill: true}, {Lose: true}} {
		c := newCluster(t)
		fill(t, c, 2)
		g := join(t, c, "a", make(events, 20))
		poll(t, g, 2)
		ctx, cancel := context.WithCancel(t.Context())
		c.SetHook(func(o Op) Verdict {
			if o.Kind != Commit {
				return Verdict{}
			}
			cancel()
			return v
		})
		if err := g.Commit(ctx, offsets(0, 1)); !errors.Is(err, context.Canceled) || len(c.Committed("g")) > 0 {
			t.Errorf("%+v: commit %v, %v", v, err, c.Committed("g"))
		}
	}
}

func TestWaitCommitted(t *testing.T) {
	c := newCluster(t)
	fill(t, c, 2)
	g := join(t, c, "a", make(events, 20))
	poll(t, g, 2)
	wait := Wait{Group: "g", Topics: []string{"in", "none"}}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if err := c.WaitCommitted(ended, wait); !errors.Is(err, context.Canceled) {
		t.Errorf("WaitCommitted before the commit: %v", err)
	}
	done := make(chan error, 1)
	go func() { done <- c.WaitCommitted(limit(t), wait) }()
	if err := g.Commit(limit(t), transport.Offsets{"in": {0: 1, 1: 1}}); err != nil {
		t.Fatal(err)
	}
	if err := <-done; err != nil {
		t.Error(err)
	}
}

func TestReadTable(t *testing.T) {
	c := newCluster(t)
	fill(t, c, 6)
	tp := transport.TopicPartition{Topic: "in", Partition: 1}
	if first, end, err := c.Bounds(t.Context(), tp); first != 0 || end != 3 || err != nil {
		t.Errorf("Bounds = %d, %d, %v", first, end, err)
	}
	var got []string
	err := c.ReadTable(limit(t), tp, 1, 3, func(b transport.TableBatch) error {
		for _, r := range b.Records {
			got = append(got, string(r.Value))
		}
		return nil
	})
	wantStrings(t, "read", got, "3", "5")
	if err != nil {
		t.Error(err)
	}
	var gone *transport.OffsetOutOfRangeError
	never := func(transport.TableBatch) error { t.Error("called"); return nil }
	if err := c.ReadTable(limit(t), tp, 9, 10, never); !errors.As(err, &gone) {
		t.Errorf("read behind the end: %v", err)
	}
	tp.Partition = 2
	if err := c.ReadTable(limit(t), tp, 0, 1, never); !errors.Is(err, transport.ErrUnknownTopic) {
		t.Errorf("read of an unknown partition: %v", err)
	}
}
