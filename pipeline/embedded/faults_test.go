package embedded

import (
	"errors"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

func TestFailNext(t *testing.T) {
	b := start(t, Config{})
	create(t, b, "t", 1, nil)
	cl := client(t, b.Addresses(), kgo.RetryBackoffFn(func(int) time.Duration { return time.Millisecond }))
	f, err := b.FailNext(kmsg.Produce, 2, kerr.NotLeaderForPartition)
	if err != nil {
		t.Fatal(err)
	}
	produce(t, cl, "t", "1") // the client tries again
	if err := f.Wait(limit(t), 2); err != nil || f.Hits() != 2 {
		t.Errorf("%d requests failed, %v, want 2", f.Hits(), err)
	}
	fatal, err := b.Inject(Fault{Keys: []kmsg.Key{kmsg.Produce}, Topic: "t", Err: kerr.MessageTooLarge, Count: -1})
	if err != nil {
		t.Fatal(err)
	}
	if err := cl.ProduceSync(limit(t), &kgo.Record{Topic: "t"}).FirstErr(); !errors.Is(err, kerr.MessageTooLarge) {
		t.Errorf("produce: %v, want MESSAGE_TOO_LARGE", err)
	}
	fatal.Remove()
	produce(t, cl, "t", "2")
	if got := values(t, b, "t", kgo.ReadCommitted()); !slices.Equal(got, []string{"1", "2"}) {
		t.Errorf("read %q", got)
	}
	if _, err := b.FailNext(kmsg.Produce, 1, errors.New("of my own")); err == nil {
		t.Error("an error that the protocol does not know was accepted")
	}
	if _, err := b.FailNext(kmsg.Produce, 0, kerr.MessageTooLarge); err == nil {
		t.Error("a fault for no requests was accepted")
	}
}

func TestIntercept(t *testing.T) {
	b := start(t, Config{})
	create(t, b, "t", 1, nil)
	var seen atomic.Int32
	lost := errors.New("lost on the way")
	err := b.Intercept(kmsg.Produce, func(kmsg.Request) (kmsg.Response, error) {
		if seen.Add(1) == 1 {
			return nil, lost // closes the connection
		}
		return nil, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	cl := client(t, b.Addresses(), kgo.RetryBackoffFn(func(int) time.Duration { return time.Millisecond }))
	produce(t, cl, "t", "1", "2")
	if n := seen.Load(); n != 3 {
		t.Errorf("%d requests were seen, want 3", n)
	}
	if got := values(t, b, "t", kgo.ReadCommitted()); !slices.Equal(got, []string{"1", "2"}) {
		t.Errorf("read %q", got)
	}
}

func TestMoveLeader(t *testing.T) {
	b := start(t, Config{Nodes: 2})
	create(t, b, "t", 1, nil)
	cl := client(t, b.Addresses()[:1])
	for i, v := range numbers(0, 4) {
		if err := b.MoveLeader("t", 0, int32(i%2)); err != nil {
			t.Fatal(err)
		}
		produce(t, cl, "t", v)
	}
	if err := b.Restart(limit(t)); err != nil {
		t.Fatal(err)
	}
	if got := values(t, b, "t", kgo.ReadCommitted()); !slices.Equal(got, numbers(0, 4)) {
		t.Errorf("read %q", got)
	}
	if err := b.MoveLeader("t", 0, 2); err == nil {
		t.Error("moved to a node that does not exist")
	}
}
