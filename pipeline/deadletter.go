package pipeline

import (
	"strconv"
	"unicode/utf8"

	"github.com/millrace/millrace/internal/graph"
	"github.com/millrace/millrace/internal/transport"
)

// The headers of a dead letter. Key, value and timestamp are those of the
// record that failed; its own headers come first, these follow, beginning with
// HeaderProcessor. Numbers are decimal.
const (
	HeaderProcessor = "millrace.dead-letter.processor"
	HeaderStage     = "millrace.dead-letter.stage"     // a Stage
	HeaderError     = "millrace.dead-letter.error"     // the cause
	HeaderTopic     = "millrace.dead-letter.topic"     // where the record came from; it names the handler, too
	HeaderPartition = "millrace.dead-letter.partition" // likewise
	HeaderOffset    = "millrace.dead-letter.offset"    // likewise
	HeaderTimestamp = "millrace.dead-letter.timestamp" // of the record, in milliseconds since 1970
	HeaderAttempts  = "millrace.dead-letter.attempts"  // how often it was tried; 1: no retry
	HeaderFailedAt  = "millrace.dead-letter.failed-at" // when it was given up, in milliseconds since 1970
	HeaderStack     = "millrace.dead-letter.stack"     // of a panic
)

// maxHeader bounds the bytes of an error or a stack in a header.
const maxHeader = 8 << 10

// stageDeadLetter stages a failed record for its dead-letter topic.
func stageDeadLetter(task *graph.Task, topic string, r *graph.Record, re *RecordError) {
	hs := append(make([]transport.Header, 0, len(r.Headers)+10), r.Headers...)
	text := func(key, value string) { hs = append(hs, transport.Header{Key: key, Value: []byte(value)}) }
	number := func(key string, n int64) {
		hs = append(hs, transport.Header{Key: key, Value: strconv.AppendInt(nil, n, 10)})
	}
	text(HeaderProcessor, re.Processor)
	text(HeaderStage, string(re.Stage))
	text(HeaderError, bounded(re.Err.Error()))
	text(HeaderTopic, re.Topic)
	number(HeaderPartition, int64(re.Partition))
	number(HeaderOffset, re.Offset)
	number(HeaderTimestamp, r.Timestamp.UnixMilli())
	number(HeaderAttempts, int64(re.Attempts))
	number(HeaderFailedAt, task.Now().UnixMilli())
	if re.Stack != "" {
		text(HeaderStack, bounded(re.Stack))
	}
	dead := task.Out.Next()
	dead.Topic, dead.Key, dead.Value, dead.Timestamp, dead.Headers = topic, r.Key, r.Value, r.Timestamp, hs
}

// bounded cuts a text at a rune's start.
func bounded(s string) string {
	if len(s) > maxHeader {
		n := maxHeader
		for n > 0 && !utf8.RuneStart(s[n]) {
			n--
		}
		s = s[:n]
	}
	return s
}
