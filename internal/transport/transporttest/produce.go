package transporttest

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/millrace/millrace/internal/murmur2"
	"github.com/millrace/millrace/internal/transport"
)

func testCreate(l *lab) {
	name := l.topic(3)
	infos, err := l.Describe(l.ctx, name, l.name("missing"))
	if err != nil || len(infos) != 1 || infos[name].Partitions != 3 || infos[name].ID == [16]byte{} {
		l.Errorf("%v, %v", infos, err)
	}
	if err := l.Create(l.ctx, transport.TopicSpec{Name: name, Partitions: 1}); !errors.Is(err, transport.ErrTopicExists) {
		l.Errorf("create again: %v", err)
	}
}

func testProducerPartitions(l *lab) {
	hashed, explicit, keyless := l.topic(5), l.topic(5), l.topic(2)
	p := l.producer(explicit)
	var records []*transport.Record
	for i := range 50 {
		key := []byte(fmt.Sprint("key-", i))
		records = append(records,
			&transport.Record{Topic: hashed, Key: key, Partition: 4},
			&transport.Record{Topic: explicit, Key: key, Partition: int32(i % 5)},
			&transport.Record{Topic: keyless, Value: key})
	}
	records = append(records, &transport.Record{Topic: hashed, Key: []byte{}})
	if err := produce(l.ctx, p, records...); err != nil {
		l.Fatal(err)
	}
	spread := map[int32]int{}
	for i, r := range records {
		switch r.Topic {
		case hashed:
			if want := murmur2.Partition(r.Key, 5); r.Partition != want {
				l.Errorf("key %q went to partition %d, want %d", r.Key, r.Partition, want)
			}
		case explicit:
			if want := int32(i / 3 % 5); r.Partition != want {
				l.Errorf("a record for partition %d went to %d", want, r.Partition)
			}
		default:
			spread[r.Partition]++
		}
	}
	if len(spread) != 2 {
		l.Errorf("records without a key went to %v", spread)
	}
}

func testProducerOrder(l *lab) {
	topic := l.topic(1)
	p := l.producer()
	var records []*transport.Record
	var want []string
	for i := range 2000 {
		want = append(want, fmt.Sprint(i))
		records = append(records, &transport.Record{Topic: topic, Key: []byte("k"), Value: []byte(want[i])})
	}
	if err := produce(l.ctx, p, records...); err != nil {
		l.Fatal(err)
	}
	for i, r := range records {
		if r.Offset != int64(i) {
			l.Fatalf("record %d has offset %d", i, r.Offset)
		}
	}
	if got := l.read(topic, 0, 0); !slices.Equal(got, want) {
		l.Errorf("%d records, in another order", len(got))
	}
}

func testProducerUnknownTopic(l *lab) {
	p := l.producer()
	if err := produce(l.ctx, p, &transport.Record{Topic: l.name("missing"), Value: []byte("v")}); !errors.Is(err, transport.ErrUnknownTopic) {
		l.Errorf("%v", err)
	}
}

func testProducerClosed(l *lab) {
	topic := l.topic(1)
	p := l.producer()
	p.Close()
	if err := produce(l.ctx, p, &transport.Record{Topic: topic, Value: []byte("v")}); !errors.Is(err, transport.ErrClosed) {
		l.Errorf("%v", err)
	}
	cancelled, cancel := context.WithCancelCause(l.ctx)
	cancel(errors.New("enough"))
	if err := produce(cancelled, l.producer(), &transport.Record{Topic: topic, Value: []byte("v")}); err == nil {
		l.Errorf("a record of an ended context was sent")
	}
}
