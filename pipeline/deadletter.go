package pipeline

import (
	"errors"
	"strconv"
	"unicode/utf8"

	"github.com/millrace/millrace/internal/graph"
	"github.com/millrace/millrace/internal/transport"
)

// The headers of a dead letter. Key, value, timestamp and other headers are
// those of the record that failed.
const (
	HeaderProcessor = "millrace.dead-letter.processor"
	HeaderStage     = "millrace.dead-letter.stage"
	HeaderError     = "millrace.dead-letter.error"
	HeaderStack     = "millrace.dead-letter.stack" // of a panic
	HeaderTopic     = "millrace.dead-letter.topic"
	HeaderPartition = "millrace.dead-letter.partition"
	HeaderOffset    = "millrace.dead-letter.offset"
)

// maxHeader bounds the bytes of an error or a stack in a header.
const maxHeader = 8 << 10

// DeadLetters sends the records that fail to a topic, with the cause in
// headers and their bytes unchanged, and goes on. The dead letter is part of
// the same commit as the record's position. Without a dead-letter topic a
// failed record stops the run before it is committed.
//
// A record that fails because state cannot be read stops the run anyway: it is
// not the record that is at fault.
func (p *Processor) DeadLetters(t Topic[[]byte]) *Processor {
	if p.spec.Failed != nil {
		p.bad(ErrDuplicate, "two dead-letter topics: a processor has one")
	}
	d := p.uses(t)
	p.spec.Outputs = append(p.spec.Outputs, d.Ref)
	p.spec.Failed = func(task *graph.Task, r *graph.Record, err error) error {
		var re *RecordError
		if !errors.As(err, &re) || re.Stage == StageRead && !errors.Is(err, ErrNoKey) {
			return err
		}
		dead := task.Out.Next()
		dead.Topic, dead.Key, dead.Value, dead.Timestamp = t.name, r.Key, r.Value, r.Timestamp
		dead.Headers = append(deadHeaders(re), r.Headers...)
		return nil
	}
	return p
}

func deadHeaders(re *RecordError) []transport.Header {
	hs := []transport.Header{
		{Key: HeaderProcessor, Value: []byte(re.Processor)},
		{Key: HeaderStage, Value: []byte(re.Stage)},
		{Key: HeaderError, Value: bounded(re.Err.Error())},
		{Key: HeaderTopic, Value: []byte(re.Topic)},
		{Key: HeaderPartition, Value: strconv.AppendInt(nil, int64(re.Partition), 10)},
		{Key: HeaderOffset, Value: strconv.AppendInt(nil, re.Offset, 10)},
	}
	if re.Stack != "" {
		hs = append(hs, transport.Header{Key: HeaderStack, Value: bounded(re.Stack)})
	}
	return hs
}

// bounded cuts a text at a rune's start.
func bounded(s string) []byte {
	if len(s) > maxHeader {
		n := maxHeader
		for n > 0 && !utf8.RuneStart(s[n]) {
			n--
		}
		s = s[:n]
	}
	return []byte(s)
}
