package e2e

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/millrace/millrace/internal/transport"
	"github.com/millrace/millrace/pipeline"
)

// each runs a test under both guarantees.
func each(t *testing.T, test func(w *world, guarantee func(*pipeline.Config))) {
	for _, g := range []pipeline.Guarantee{pipeline.AtLeastOnce, pipeline.ExactlyOnce} {
		t.Run(string(g), func(t *testing.T) {
			t.Parallel() // with the other: they wait much
			test(newWorld(t, brokers(t)), func(c *pipeline.Config) { c.Guarantee = g })
		})
	}
}

func keys(n int) (records []string) {
	for i := range n {
		records = append(records, fmt.Sprint("key-", i))
	}
	return records
}

func (w *world) sendKeys(topic string, keys ...string) {
	w.Helper()
	var rs []*transport.Record
	for _, k := range keys {
		rs = append(rs, record(topic, k))
	}
	w.send(rs...)
}

// all says whether a topic holds each of the keys n times and nothing else.
func (w *world) all(topic string, keys []string, n int) bool {
	w.Helper()
	want := map[string]int{}
	for _, k := range keys {
		want[k] = n
	}
	return maps.Equal(w.count(topic), want)
}

// One service with every kind of processor, stopped and started, and started
// with an empty state folder.
func TestRestartAndRestore(t *testing.T) {
	each(t, func(w *world, guarantee func(*pipeline.Config)) {
		a, ks := app(w.app), keys(300)
		create := func(topic, policy string) {
			spec := transport.TopicSpec{Name: a.topic(topic), Partitions: 4, Config: map[string]string{"cleanup.policy": policy}}
			if err := w.cluster.Create(w.ctx, spec); err != nil {
				w.Fatal(err)
			}
		}
		create("in", "delete")
		create("names", "compact")
		w.send(record(a.topic("names"), "key-1", "one"))
		s := w.start("m", a.all(), guarantee)
		w.sendKeys(a.topic("in"), ks...)
		groups := []string{"dedupe", "count", "pass", "join", "loop"}
		settled := func() {
			for _, g := range groups {
				w.settled(a.group(g), a.topic("in"))
			}
		}
		settled()
		if err := s.stop(); err != nil {
			w.Fatal(err)
		}
		s = w.start("m", a.all(), guarantee)
		w.sendKeys(a.topic("in"), ks...)
		settled()
		if err := s.stop(); err != nil {
			w.Fatal(err)
		}
		if err := os.RemoveAll(filepath.Join(w.dir, "m")); err != nil {
			w.Fatal(err)
		}
		s = w.start("m", a.all(), guarantee)
		w.sendKeys(a.topic("in"), ks...)
		settled()
		// Every key has six or seven letters, and goes round as often.
		w.until("the loops", func() bool {
			rounds, want := w.count(a.topic("rounds")), 0
			for _, k := range ks {
				want = max(want, 3*len(k))
				if rounds[k] != 3*len(k) {
					return false
				}
			}
			return want > 0
		})
		if err := s.stop(); err != nil {
			w.Fatal(err)
		}

		if !w.all(a.topic("unique"), ks, 1) {
			t := w.count(a.topic("unique"))
			w.Errorf("%d keys are unique, want each of %d once", len(t), len(ks))
		}
		if !w.all(a.topic("passed"), ks, 3) || !w.all(a.topic("joined"), ks, 3) {
			w.Error("not every record was passed on three times")
		}
		for k, n := range w.rows(a.topic("counts")) {
			if n != string(int64s(3)) {
				w.Errorf("count of %s is %x", k, n)
			}
		}
		for _, r := range w.read(a.topic("joined")) {
			want := string(r.Key) + "="
			if string(r.Key) == "key-1" {
				want += "one"
			}
			if string(r.Value) != want {
				w.Errorf("joined %s, want %s", r.Value, want)
			}
		}
	})
}

// int64s encodes a number as codec.Int64 does.
func int64s(n int64) []byte {
	b, err := app("").table("x").Row("k", n).Encoded()
	if err != nil {
		panic(err)
	}
	return b.Value
}

// Two services share the partitions; one joins, works and leaves, and the
// other takes over with the state of both.
func TestRebalance(t *testing.T) {
	each(t, func(w *world, guarantee func(*pipeline.Config)) {
		a, ks := app(w.app), keys(400)
		if err := w.cluster.Create(w.ctx, transport.TopicSpec{Name: a.topic("in"), Partitions: 4}); err != nil {
			w.Fatal(err)
		}
		parts := func(s *service) (n []int) {
			for _, p := range s.Status().Processors {
				ready := 0
				for _, part := range p.Partitions {
					if part.Ready {
						ready++
					}
				}
				n = append(n, ready)
			}
			return n
		}
		one := w.ready(w.start("one", a.three(), guarantee))
		w.sendKeys(a.topic("in"), ks[:200]...)
		two := w.start("two", a.three(), guarantee)
		half, full := []int{2, 2, 2}, []int{4, 4, 4}
		w.until("two partitions each", func() bool { return slices.Equal(parts(one), half) && slices.Equal(parts(two), half) })
		w.sendKeys(a.topic("in"), ks...)
		settled := func() {
			for _, g := range []string{"dedupe", "count", "pass"} {
				w.settled(a.group(g), a.topic("in"))
			}
		}
		settled()
		if err := one.stop(); err != nil {
			w.Fatal(err)
		}
		w.until("all partitions at the other", func() bool { return slices.Equal(parts(two), full) })
		w.sendKeys(a.topic("in"), ks[200:]...)
		settled()
		if err := two.stop(); err != nil {
			w.Fatal(err)
		}
		if !w.all(a.topic("unique"), ks, 1) {
			w.Errorf("%d records are unique, want each of %d keys once", len(w.read(a.topic("unique"))), len(ks))
		}
		if !w.all(a.topic("passed"), ks, 2) {
			w.Error("not every record was passed on twice")
		}
		rows := w.rows(a.topic("counts"))
		for _, k := range ks {
			if rows[k] != string(int64s(2)) {
				w.Errorf("count of %s is %x, want 2", k, rows[k])
			}
		}
	})
}

// Processors of one topology in services of their own.
func TestSeparateServices(t *testing.T) {
	w := newWorld(t, brokers(t))
	a, ks := app(w.app), keys(100)
	var services []*service
	for _, name := range []string{"dedupe", "count", "pass"} {
		services = append(services, w.start(name, a.three(), func(c *pipeline.Config) { c.Processors = []string{name}; c.Partitions = 2 }))
	}
	for _, s := range services {
		w.ready(s)
	}
	w.sendKeys(a.topic("in"), ks...)
	for _, g := range []string{"dedupe", "count", "pass"} {
		w.settled(a.group(g), a.topic("in"))
	}
	for _, s := range services {
		if n := len(s.Status().Processors); n != 1 {
			t.Errorf("a service runs %d processors", n)
		}
		if err := s.stop(); err != nil {
			t.Error(err)
		}
	}
	if !w.all(a.topic("unique"), ks, 1) || !w.all(a.topic("passed"), ks, 1) || len(w.rows(a.topic("counts"))) != len(ks) {
		t.Error("the outputs are not complete")
	}
}

// Topics are created as declared, and all that does not fit is one error.
func TestTopics(t *testing.T) {
	w := newWorld(t, brokers(t))
	a := app(w.app)
	s := w.ready(w.start("m", a.three(), func(c *pipeline.Config) { c.Partitions = 3 }))
	if err := s.stop(); err != nil {
		t.Fatal(err)
	}
	infos, err := w.cluster.Describe(w.ctx, a.topic("in"), a.topic("seen"), a.topic("unique"))
	if err != nil || len(infos) != 3 {
		t.Fatalf("%v, %v", infos, err)
	}
	for name, i := range infos {
		if i.Partitions != 3 || i.Replication != replication {
			t.Errorf("%s: %d partitions, replication %d", name, i.Partitions, i.Replication)
		}
	}
	if p := infos[a.topic("seen")].Config["cleanup.policy"]; p != "compact" {
		t.Errorf("a table's topic has cleanup.policy=%s", p)
	}

	b := app(w.app + "-b")
	for name, n := range map[string]int32{"in": 2, "seen": 3} {
		if err := w.cluster.Create(w.ctx, transport.TopicSpec{Name: b.topic(name), Partitions: n}); err != nil {
			t.Fatal(err)
		}
	}
	s = w.start("m", b.three())
	select {
	case <-s.ended:
	case <-w.ctx.Done():
		t.Fatal("the service goes on with topics that do not fit")
	}
	var problems []string
	for _, want := range []string{"not co-partitioned", "cleanup.policy=delete"} {
		if s.err == nil || !strings.Contains(s.err.Error(), want) {
			problems = append(problems, want)
		}
	}
	if len(problems) > 0 {
		t.Errorf("no word of %q in: %v", problems, s.err)
	}
	s = w.start("m", app(w.app+"-c").three(), func(c *pipeline.Config) { c.NoTopicCreation = true })
	<-s.ended
	for _, topic := range []string{"in", "seen", "unique", "counts", "passed"} {
		if want := topic + ": does not exist"; s.err == nil || !strings.Contains(s.err.Error(), want) {
			t.Errorf("no word of %q in: %v", want, s.err)
		}
	}
}
