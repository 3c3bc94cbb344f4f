package engine

import (
	"context"
	"fmt"
	"hash"
	"log/slog"

	"github.com/IBM/sarama"
	"github.com/lovoo/goka"
	"github.com/lovoo/goka/storage"

	"github.com/millrace/millrace/internal/murmur2"
)

// What goka's builders get. goka gives the processor's life: the checks of its
// group, the set-up and end of sessions, and one goroutine for each partition
// that calls back. Records, tables and offsets pass it by: see
// docs/decisions/0002-goka-with-our-parts.md.

// carrier is the value of the only message that goka ever sees: there are
// records in the partition's queue.
var carrier = []byte("millrace")

func (in *instance) sockets() []goka.ProcessorOption {
	return []goka.ProcessorOption{
		goka.WithClientID(in.e.cfg.ClientID),
		goka.WithLogger(gokaLogger{in.log}),
		goka.WithHasher(func() hash.Hash32 { return murmur2.New() }),
		goka.WithNilHandling(goka.NilProcess),
		goka.WithPartitionChannelSize(1),
		goka.WithConsumerGroupBuilder(func([]string, string, string) (sarama.ConsumerGroup, error) {
			return &consumerGroup{in: in, errs: make(chan error)}, nil
		}),
		goka.WithProducerBuilder(func([]string, string, func() hash.Hash32) (goka.Producer, error) {
			return noProducer{}, nil
		}),
		goka.WithConsumerSaramaBuilder(func([]string, string) (sarama.Consumer, error) { return noConsumer{}, nil }),
		goka.WithTopicManagerBuilder(func([]string) (goka.TopicManager, error) { return topicManager{in}, nil }),
		goka.WithStorageBuilder(func(_ string, p int32) (storage.Storage, error) { return in.lease(p) }),
	}
}

// rawCodec leaves the bytes alone: the typed layer does the coding.
type rawCodec struct{}

func (rawCodec) Encode(v any) ([]byte, error) {
	b, ok := v.([]byte)
	if !ok {
		return nil, fmt.Errorf("raw codec: %T is not bytes", v)
	}
	return b, nil
}
func (rawCodec) Decode(b []byte) (any, error) { return b, nil }

// noProducer stands where goka's producer would. Nothing may come this way:
// our context writes to the transport.
type noProducer struct{}

func (noProducer) Emit(topic, _ string, _ []byte) *goka.Promise {
	promise, finish := goka.NewPromiseWithFinisher()
	finish(nil, fmt.Errorf("emit to %s past the commit cycle", topic))
	return promise
}
func (p noProducer) EmitWithHeaders(topic, key string, value []byte, _ goka.Headers) *goka.Promise {
	return p.Emit(topic, key, value)
}
func (noProducer) Close() error { return nil }

// noConsumer stands where goka would read tables.
type noConsumer struct{}

func (noConsumer) Topics() ([]string, error)                  { return nil, nil }
func (noConsumer) Partitions(string) ([]int32, error)         { return nil, nil }
func (noConsumer) HighWaterMarks() map[string]map[int32]int64 { return nil }
func (noConsumer) Close() error                               { return nil }
func (noConsumer) Pause(map[string][]int32)                   {}
func (noConsumer) Resume(map[string][]int32)                  {}
func (noConsumer) PauseAll()                                  {}
func (noConsumer) ResumeAll()                                 {}
func (noConsumer) ConsumePartition(topic string, p int32, _ int64) (sarama.PartitionConsumer, error) {
	return nil, fmt.Errorf("topic %s, partition %d: tables are read by the engine", topic, p)
}

// topicManager tells goka of the topics, which the engine has checked and
// created before. The table's end is 0 for goka: the engine restored it.
type topicManager struct{ in *instance }

func (m topicManager) Partitions(topic string) ([]int32, error) {
	n, ok := m.in.e.partitions(topic)
	if !ok {
		return nil, fmt.Errorf("topic %s is not one of the topology's", topic)
	}
	parts := make([]int32, n)
	for i := range parts {
		parts[i] = int32(i)
	}
	return parts, nil
}
func (topicManager) EnsureTableExists(string, int) error                         { return nil }
func (topicManager) EnsureStreamExists(string, int) error                        { return nil }
func (topicManager) EnsureTopicExists(string, int, int, map[string]string) error { return nil }
func (topicManager) GetOffset(string, int32, int64) (int64, error)               { return 0, nil }
func (topicManager) Close() error                                                { return nil }

// lease is goka's hold on a task's state for the time of a session. The stores
// belong to the task and stay open when goka closes the lease.
type lease struct {
	storage.Storage // nil: goka must not read or write
}

func (in *instance) lease(p int32) (storage.Storage, error) {
	in.mu.Lock()
	defer in.mu.Unlock()
	if !in.ready[p] {
		return nil, fmt.Errorf("partition %d has no open state", p)
	}
	return lease{}, nil
}

func (lease) Open() error                        { return nil }
func (lease) Close() error                       { return nil }
func (lease) GetOffset(def int64) (int64, error) { return def, nil }
func (lease) SetOffset(int64) error              { return nil }
func (lease) MarkRecovered() error               { return nil }

// gokaLogger passes on what goka says, as debug: the engine reports the same
// events in its own words.
type gokaLogger struct{ log *slog.Logger }

func (l gokaLogger) Print(v ...any)                 { l.log.Debug("goka: " + fmt.Sprint(v...)) }
func (l gokaLogger) Println(v ...any)               { l.log.Debug("goka: " + fmt.Sprint(v...)) }
func (l gokaLogger) Printf(format string, v ...any) { l.Debugf(format, v...) }
func (l gokaLogger) Debugf(format string, v ...any) {
	if l.log.Enabled(context.Background(), slog.LevelDebug) {
		l.log.Debug("goka: " + fmt.Sprintf(format, v...))
	}
}
