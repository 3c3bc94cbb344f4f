package memory

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/millrace/millrace/internal/transport"
)

// acks are the acknowledgements of a producer's records.
type acks chan string

func (a acks) of(r *transport.Record, err error) { a <- fmt.Sprint(string(r.Value), " ", err) }

func (a acks) next(t *testing.T) string { t.Helper(); return events(a).next(t) }

func newProducer(t *testing.T, c *Cluster, cfg transport.ProducerConfig) transport.Producer {
	t.Helper()
	p, err := c.NewProducer(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Close)
	return p
}

func out(value string) *transport.Record {
	return &transport.Record{Topic: "out", Key: []byte("k"), Value: []byte(value)}
}

func TestProduce(t *testing.T) {
	c := newCluster(t)
	p := newProducer(t, c, transport.ProducerConfig{Partitioning: transport.Partitioning{Explicit: []string{"in"}}})
	a := make(acks, 10)
	r := out("1")
	p.Produce(limit(t), r, a.of)
	p.Produce(limit(t), &transport.Record{Topic: "in", Partition: 1, Value: []byte("2"), Timestamp: testTime.Add(time.Hour)}, a.of)
	p.Produce(limit(t), &transport.Record{Topic: "none", Value: []byte("3")}, a.of)
	for _, want := range []string{"1 <nil>", "2 <nil>", "3 " + transport.ErrUnknownTopic.Error()} {
		if got := a.next(t); got != want {
			t.Errorf("acknowledged %q; want %q", got, want)
		}
	}
	r.Value[0] = 'x' // the client's again
	rs := c.Records("out")
	if len(rs) != 1 || string(rs[0].Value) != "1" || rs[0].Offset != 0 || !rs[0].Timestamp.Equal(testTime.Truncate(time.Millisecond)) {
		t.Errorf("the log has %+v", rs)
	}
	if rs := c.Records("in"); len(rs) != 1 || rs[0].Partition != 1 {
		t.Errorf("the log has %+v", rs)
	}
	if rs := c.Records("none"); rs != nil {
		t.Errorf("an unknown topic has %v", rs)
	}
	p.Close()
	p.Produce(limit(t), out("4"), a.of)
	if n := len(c.Records("out")); n != 1 {
		t.Errorf("a closed producer wrote: %d records", n)
	}
}

// TestBackPressure has Produce wait for acknowledgements.
func TestBackPressure(t *testing.T) {
	c := newCluster(t)
	c.SetHook(func(o Op) Verdict { return Verdict{Hold: true} })
	p := newProducer(t, c, transport.ProducerConfig{BufferedBytes: 4})
	a := make(acks, 10)
	p.Produce(limit(t), out("123"), a.of)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	p.Produce(ctx, out("no room"), a.of)
	if got := a.next(t); got != "no room context canceled" {
		t.Errorf("acknowledged %q", got)
	}
	c.SetHook(nil)
	c.Release()
	p.Produce(limit(t), out("room"), a.of)
	for _, want := range []string{"123 <nil>", "room <nil>"} {
		if got := a.next(t); got != want {
			t.Errorf("acknowledged %q; want %q", got, want)
		}
	}
}

func TestHook(t *testing.T) {
	c := newCluster(t)
	wrong := errors.New("wrong")
	verdicts := map[string]Verdict{"fails": {Err: wrong}, "lost": {Lose: true}, "held": {Hold: true}, "dies": {Kill: true}}
	c.SetHook(func(o Op) Verdict {
		if o.Kind == Ack && string(o.Record.Value) == "ack lost" {
			return Verdict{Lose: true}
		}
		if o.Kind == Produce {
			return verdicts[string(o.Record.Value)]
		}
		return Verdict{}
	})
	p := newProducer(t, c, transport.ProducerConfig{})
	a := make(acks, 10)
	for _, v := range []string{"held", "fails", "lost", "ack lost", "ok"} {
		p.Produce(limit(t), out(v), a.of)
	}
	for _, want := range []string{"fails wrong", "ok <nil>"} {
		if got := a.next(t); got != want {
			t.Errorf("acknowledged %q; want %q", got, want)
		}
	}
	c.Release()
	if got := a.next(t); got != "held <nil>" {
		t.Errorf("acknowledged %q after Release", got)
	}
	p.Produce(limit(t), out("dies"), a.of)
	p.Produce(limit(t), out("dead"), a.of)
	p.Close()
	if len(a) > 0 {
		t.Errorf("a dead client heard %q", <-a)
	}
	var values, ops []string
	for _, r := range c.Records("out") {
		values = append(values, string(r.Value))
	}
	wantStrings(t, "the log", values, "held", "ack lost", "ok")
	for _, o := range c.Journal() {
		ops = append(ops, fmt.Sprintf("%s %s", o.Kind, o.Record.Value))
	}
	for _, want := range []string{"produce held", "produce ack lost", "produce ok", "ack ok", "ack held"} {
		found := 0
		for _, o := range ops {
			if o == want {
				found++
			}
		}
		if found != 1 {
			t.Errorf("the journal %q has %q %d times", ops, want, found)
		}
	}
	for _, o := range ops {
		if o == "produce lost" || o == "ack ack lost" || o == "produce dies" || o == "produce fails" {
			t.Errorf("the journal has %q, which did not happen", o)
		}
	}
}
