package kafka

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/millrace/millrace/internal/transport"
)

// Produce waits while more is unacknowledged than the bound allows, and goes on
// once there is room.
func TestBackPressure(t *testing.T) {
	k := newFake(t)
	c := newTestCluster(t, k.ListenAddrs())
	topic := newTopic(t, c, 1)
	release := make(chan struct{})
	k.ControlKey(int16(kmsg.Produce), func(kmsg.Request) (kmsg.Response, error, bool) {
		k.KeepControl()
		k.SleepControl(func() { <-release })
		return nil, nil, false
	})
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
	close(release)
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
