package kafka

import (
	"strconv"
	"sync"

	"github.com/millrace/millrace/internal/transport"
)

const (
	// defaultBatchBytes is the bound of a batch to a topic of which nothing is
	// known: franz-go's, a little below the brokers' default of max.message.bytes.
	defaultBatchBytes = 1_000_012

	// maxBatchBytes bounds what a topic can raise that to: batches are held in
	// memory, and requests have bounds of their own (socket.request.max.bytes).
	maxBatchBytes = 64 << 20
)

// limits are how large batches to topics may be. Without it the client would
// refuse records above its default, whatever max.message.bytes of their topic.
// A topic with less than the default keeps the default: brokers count bytes
// after compression, the client those before. It is safe for concurrent use.
type limits struct {
	mu    sync.Mutex
	bytes map[string]int32 // of topics above the default
}

func newLimits() *limits { return &limits{bytes: map[string]int32{}} }

// learn notes what topics allow. It holds for producers that have not written
// to them yet.
func (l *limits) learn(infos map[string]transport.TopicInfo) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for name, info := range infos {
		n, err := strconv.ParseInt(info.Config["max.message.bytes"], 10, 64)
		if err != nil || n <= defaultBatchBytes {
			delete(l.bytes, name)
			continue
		}
		l.bytes[name] = int32(min(n, maxBatchBytes))
	}
}

// of is the bound for a topic, in bytes before compression.
func (l *limits) of(topic string) int32 {
	l.mu.Lock()
	defer l.mu.Unlock()
	if n, ok := l.bytes[topic]; ok {
		return n
	}
	return defaultBatchBytes
}
