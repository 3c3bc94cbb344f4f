package memory

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/millrace/millrace/internal/leaktest"
	"github.com/millrace/millrace/internal/transport"
)

func TestMain(m *testing.M) { leaktest.Main(m) }

var testTime = time.Date(2026, 3, 4, 5, 6, 7, 8_900_000, time.UTC)

// newCluster returns a cluster with the topics "in" and "out" of two partitions.
func newCluster(t *testing.T) *Cluster {
	t.Helper()
	c := New(Config{Now: func() time.Time { return testTime }})
	for _, name := range []string{"in", "out"} {
		if err := c.Create(t.Context(), transport.TopicSpec{Name: name, Partitions: 2}); err != nil {
			t.Fatal(err)
		}
	}
	return c
}

func limit(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	t.Cleanup(cancel)
	return ctx
}

// fill appends records 0 to n-1 to partitions 0 and 1 of "in" in turn.
func fill(t *testing.T, c *Cluster, n int) {
	t.Helper()
	for i := range n {
		r := &transport.Record{Topic: "in", Partition: int32(i % 2), Value: fmt.Append(nil, i)}
		if err := c.Append(r, true); err != nil {
			t.Fatal(err)
		}
	}
}

// events are what callbacks were called with, in order.
type events chan string

func (e events) next(t *testing.T) string {
	t.Helper()
	select {
	case s := <-e:
		return s
	case <-limit(t).Done():
		t.Fatal("nothing happened")
		return ""
	}
}

// join joins the group "g" with a member that reports its callbacks.
func join(t *testing.T, c *Cluster, name string, e events) transport.Group {
	t.Helper()
	report := func(what string) func(context.Context, transport.Assignment) {
		return func(_ context.Context, a transport.Assignment) { e <- fmt.Sprint(name, " ", what, " ", a["in"]) }
	}
	g, err := c.Join(t.Context(), transport.GroupConfig{Group: "g", ClientID: name, Topics: []string{"in"},
		Assigned: report("has"), Revoked: report("gives"), Lost: report("lost")})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(g.Close)
	return g
}

// poll polls until so many records came, and returns their values in order.
func poll(t *testing.T, g transport.Group, n int) []string {
	t.Helper()
	var got []string
	for len(got) < n {
		fs, err := g.Poll(limit(t))
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range fs {
			for _, r := range f.Records {
				got = append(got, string(r.Value))
			}
		}
	}
	slices.Sort(got)
	return got
}

// polling has a member poll until the test ends, as it must for a rebalance.
func polling(t *testing.T, g transport.Group) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			if _, err := g.Poll(ctx); err != nil {
				return
			}
		}
	}()
	t.Cleanup(func() { cancel(); <-done })
}

func wantStrings(t *testing.T, what string, have []string, want ...string) {
	t.Helper()
	if !slices.Equal(have, want) {
		t.Errorf("%s: %q; want %q", what, have, want)
	}
}
