package transporttest

import (
	"context"
	"errors"
	"slices"

	"github.com/millrace/millrace/internal/transport"
)

func testTableBounds(l *lab) {
	topic := l.topic(2)
	l.send(topic, 1, "0", "1", "2", "3")
	if first, end, err := l.Bounds(l.ctx, transport.TopicPartition{Topic: topic, Partition: 1}); err != nil || first != 0 || end != 4 {
		l.Errorf("bounds [%d, %d), %v", first, end, err)
	}
	for from, want := range map[int64][]string{0: {"0", "1", "2", "3"}, 2: {"2", "3"}, 4: nil} {
		if got := l.read(topic, 1, from); !slices.Equal(got, want) {
			l.Errorf("from %d: %q", from, got)
		}
	}
	if got := l.read(topic, 0, 0); got != nil {
		l.Errorf("an empty partition holds %q", got)
	}
}

func testTableFollows(l *lab) {
	topic := l.topic(1)
	l.send(topic, 0, "0")
	tp := transport.TopicPartition{Topic: topic}
	ctx, cancel := context.WithCancelCause(l.ctx)
	enough := errors.New("enough")
	var got []string
	next := int64(0)
	first := make(chan struct{}, 1)
	done := make(chan error, 1)
	go func() {
		done <- l.ReadTable(ctx, tp, 0, -1, func(b transport.TableBatch) error {
			if len(b.Records) > 0 && b.Records[0].Offset != next || b.Next > b.End {
				l.Errorf("batch at %d: %+v", next, b)
			}
			next = b.Next
			for _, r := range b.Records {
				got = append(got, string(r.Value))
			}
			if len(got) == 1 {
				first <- struct{}{}
			}
			if len(got) == 3 {
				cancel(enough)
			}
			return nil
		})
	}()
	<-first
	l.send(topic, 0, "1", "2")
	if err := <-done; !errors.Is(err, enough) && !errors.Is(err, context.Canceled) {
		l.Errorf("the read ended with %v", err)
	}
	if !slices.Equal(got, []string{"0", "1", "2"}) {
		l.Errorf("%q", got)
	}
}

func testTableErrors(l *lab) {
	topic := l.topic(1)
	l.send(topic, 0, "0", "1")
	tp := transport.TopicPartition{Topic: topic}
	nothing := func(transport.TableBatch) error { return nil }
	for _, from := range []int64{-1, 3} {
		var out *transport.OffsetOutOfRangeError
		err := l.ReadTable(l.ctx, tp, from, 5, nothing)
		if !errors.As(err, &out) || out.TopicPartition != tp || out.First != 0 || out.End != 2 || out.From != from {
			l.Errorf("from %d: %v", from, err)
		}
	}
	mine := errors.New("mine")
	if err := l.ReadTable(l.ctx, tp, 0, -1, func(transport.TableBatch) error { return mine }); !errors.Is(err, mine) {
		l.Errorf("an error of the callback: %v", err)
	}
	tp.Topic = l.name("missing")
	if err := l.ReadTable(l.ctx, tp, 0, -1, nothing); !errors.Is(err, transport.ErrUnknownTopic) {
		l.Errorf("a topic that is not there: %v", err)
	}
}
