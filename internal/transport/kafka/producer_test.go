package kafka

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/millrace/millrace/internal/transport"
)

// Produce waits while more is unacknowledged than the bound allows, and goes on
// once there is room.
func TestBackPressure(t *testing.T) {
	k := newFake(t)
	c := newTestCluster(t, k.ListenAddrs())
	topic := newTopic(t, c, 1)
	refused := k.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Produce}, Err: kerr.NotEnoughReplicas, Count: -1})
	p, err := c.NewProducer(t.Context(), transport.ProducerConfig{BufferedBytes: 1000})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	acked, queued := make(chan error, 8), make(chan struct{}, 8)
	go func() {
		for range 4 {
			p.Produce(limited(t), &transport.Record{Topic: topic, Value: make([]byte, 400)}, func(_ *transport.Record, err error) { acked <- err })
			queued <- struct{}{}
		}
	}()
	<-queued
	<-queued
	select {
	case <-queued:
		t.Error("a third record was taken beyond the bound")
	case <-time.After(100 * time.Millisecond):
	}
	refused.Remove()
	for range 4 {
		if err := <-acked; err != nil {
			t.Error(err)
		}
	}
}

// What a broker refuses for good comes back as an error; what passes is tried
// until it goes.
func TestProduceErrors(t *testing.T) {
	k := newFake(t)
	c := newTestCluster(t, k.ListenAddrs())
	topic := newTopic(t, c, 1)
	p, err := c.NewProducer(t.Context(), transport.ProducerConfig{})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	send := func() error {
		result := make(chan error, 1)
		p.Produce(limited(t), &transport.Record{Topic: topic, Value: []byte("v")}, func(_ *transport.Record, err error) { result <- err })
		return <-result
	}
	k.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Produce}, Err: kerr.NotEnoughReplicas, Count: 3})
	if err := send(); err != nil {
		t.Errorf("an error that passes: %v", err)
	}
	k.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Produce}, Err: kerr.TopicAuthorizationFailed, Count: 1})
	if err := send(); !errors.Is(err, kerr.TopicAuthorizationFailed) {
		t.Errorf("an error that stays: %v", err)
	}
	if err := send(); err != nil {
		t.Errorf("after an error that stayed: %v", err)
	}
}

// Refusals with a remedy tell it.
func TestProduceErrorsNameTheRemedy(t *testing.T) {
	k := newFake(t)
	c := newTestCluster(t, k.ListenAddrs())
	topic := newTopic(t, c, 1)
	p, err := c.NewProducer(t.Context(), transport.ProducerConfig{})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	for refusal, remedy := range map[*kerr.Error]string{
		kerr.InvalidTimestamp: "the timestamp 2026-01-02T03:04:05Z is too far from the broker's clock: set this machine's clock, or the topic's message.timestamp.before.max.ms",
		kerr.MessageTooLarge:  "a record of 5 bytes, or the batch that it was in, is too large: raise the topic's max.message.bytes",
	} {
		k.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Produce}, Err: refusal, Count: 1})
		r := &transport.Record{Topic: topic, Key: []byte("k"), Value: []byte("v"), Timestamp: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC),
			Headers: []kgo.RecordHeader{{Key: "h", Value: []byte("vv")}}}
		result := make(chan error, 1)
		p.Produce(limited(t), r, func(_ *transport.Record, err error) { result <- err })
		err := <-result
		if !errors.Is(err, refusal) || !strings.Contains(err.Error(), "produce to topic "+topic+": "+remedy) {
			t.Errorf("%v, want %q of it", err, remedy)
		}
	}
}

// Records may be as large as their topic allows, once the topic was looked at.
func TestLargeRecords(t *testing.T) {
	const size = 2_500_000
	ctx, c := limited(t), newTestCluster(t, brokers(t))
	large, usual := newTopic(t, c, 1, "max.message.bytes", "3000000"), newTopic(t, c, 1)
	if _, err := c.Describe(ctx, large, usual); err != nil {
		t.Fatal(err)
	}
	p, err := c.NewProducer(ctx, transport.ProducerConfig{})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	send := func(topic string) error {
		result := make(chan error, 1)
		p.Produce(ctx, &transport.Record{Topic: topic, Value: make([]byte, size)}, func(_ *transport.Record, err error) { result <- err })
		return <-result
	}
	if err := send(large); err != nil {
		t.Errorf("a record of %d bytes, where 3,000,000 may be: %v", size, err)
	}
	if err := send(usual); !errors.Is(err, kerr.MessageTooLarge) || !strings.Contains(err.Error(), "max.message.bytes") {
		t.Errorf("a record of %d bytes, where 1 MB may be: %v", size, err)
	}
}

// A topic that is changed back has the default again, and bounds are bounded.
func TestLimits(t *testing.T) {
	l := newLimits()
	for _, x := range []struct {
		config string
		want   int32
	}{{"", defaultBatchBytes}, {"2000000", 2_000_000}, {"100", defaultBatchBytes}, {"2147483647", maxBatchBytes}, {"99999999999999999999", defaultBatchBytes}} {
		l.learn(map[string]transport.TopicInfo{"t": {Config: map[string]string{"max.message.bytes": x.config}}})
		if got := l.of("t"); got != x.want {
			t.Errorf("max.message.bytes=%s: %d, want %d", x.config, got, x.want)
		}
	}
}

// A producer that is closed during an outage gives up what it holds.
func TestCloseDuringAnOutage(t *testing.T) {
	r := newRestartable(t)
	c := newTestCluster(t, r.k.ListenAddrs())
	topic := newTopic(t, c, 1)
	p, err := c.NewProducer(t.Context(), transport.ProducerConfig{})
	if err != nil {
		t.Fatal(err)
	}
	r.k.Close()
	result := make(chan error, 1)
	p.Produce(context.Background(), &transport.Record{Topic: topic, Value: []byte("v")}, func(_ *transport.Record, err error) { result <- err })
	p.Close()
	if err := <-result; !errors.Is(err, transport.ErrClosed) {
		t.Errorf("%v", err)
	}
}

// Records wait out an outage.
func TestProduceThroughAnOutage(t *testing.T) {
	r := newRestartable(t)
	c := newTestCluster(t, r.k.ListenAddrs())
	topic := newTopic(t, c, 1)
	p, err := c.NewProducer(t.Context(), transport.ProducerConfig{})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	sendWith(t, p, topic, 0, "before")
	r.k.Close()
	result := make(chan error, 1)
	p.Produce(limited(t), &transport.Record{Topic: topic, Value: []byte("during")}, func(_ *transport.Record, err error) { result <- err })
	r.start()
	if err := <-result; err != nil {
		t.Error(err)
	}
	if got, _ := readAll(t, c, topic, 0); len(got) != 2 || got[1] != "during" {
		t.Errorf("%q", got)
	}
}

// Stock goka asks for the leader's acknowledgement only, and is not idempotent:
// a broker that dies takes acknowledged records with it. Ours asks for that of
// all in-sync replicas, both of groups' members and of producers.
func TestProducersAreSafe(t *testing.T) {
	k := newFake(t)
	c := newTestCluster(t, k.ListenAddrs())
	topic := newTopic(t, c, 1)
	requests := make(chan kmsg.ProduceRequest, 8)
	ids := make(chan struct{}, 8)
	k.ControlKey(int16(kmsg.InitProducerID), func(kmsg.Request) (kmsg.Response, error, bool) {
		k.KeepControl()
		ids <- struct{}{}
		return nil, nil, false
	})
	k.ControlKey(int16(kmsg.Produce), func(req kmsg.Request) (kmsg.Response, error, bool) {
		k.KeepControl()
		requests <- *req.(*kmsg.ProduceRequest)
		return nil, nil, false
	})
	p, err := c.NewProducer(t.Context(), transport.ProducerConfig{})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	g, err := c.Join(t.Context(), transport.GroupConfig{Group: unique(t, "group"), Topics: []string{topic}})
	if err != nil {
		t.Fatal(err)
	}
	defer g.Close()
	for name, p := range map[string]transport.Producer{"producer": p, "member": g} {
		sendWith(t, p, topic, 0, "v")
		if r := <-requests; r.Acks != -1 {
			t.Errorf("%s: acks=%d, want all", name, r.Acks)
		}
		select {
		case <-ids:
		default:
			t.Errorf("%s has no producer id: it is not idempotent", name)
		}
	}
}
