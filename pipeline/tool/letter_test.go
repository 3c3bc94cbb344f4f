package tool

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/millrace/millrace/internal/transport"
	"github.com/millrace/millrace/pipeline"
)

// letterHeaders are those of a whole dead letter.
func letterHeaders() []transport.Header {
	var hs []transport.Header
	for _, h := range [][2]string{{pipeline.HeaderProcessor, "count"}, {pipeline.HeaderStage, "handle"}, {pipeline.HeaderError, "no such customer"},
		{pipeline.HeaderTopic, "orders"}, {pipeline.HeaderPartition, "3"}, {pipeline.HeaderOffset, "17"},
		{pipeline.HeaderTimestamp, "-1"}, {pipeline.HeaderAttempts, "2"}, {pipeline.HeaderFailedAt, "1500"}} {
		hs = append(hs, transport.Header{Key: h[0], Value: []byte(h[1])})
	}
	return hs
}

// Of a dead letter of a dead letter, the last failure counts; the headers of
// the first belong to the record.
func TestParseLetter(t *testing.T) {
	own := transport.Header{Key: "own", Value: []byte("x")}
	first := letterHeaders()
	first[0].Value, first[3].Value = []byte("earlier"), []byte("elsewhere")
	r := &transport.Record{Topic: "failed", Partition: 1, Offset: 5, Key: []byte("k"), Value: []byte{0xff},
		Headers: append(append([]transport.Header{own}, first...), letterHeaders()...)}
	l, err := parse(r)
	if err != nil {
		t.Fatal(err)
	}
	if l.Processor != "count" || l.Source.Topic != "orders" || l.Source.Partition != 3 || l.Source.Offset != 17 || l.Attempts != 2 ||
		!l.FailedAt.Equal(time.UnixMilli(1500)) || !l.Source.Timestamp.Equal(time.UnixMilli(-1)) || l.Partition != 1 || l.Offset != 5 {
		t.Errorf("letter %+v", l)
	}
	if o := l.original; o.Topic != "orders" || len(o.Headers) != 10 || o.Headers[0].Key != "own" || string(o.Value) != "\xff" {
		t.Errorf("the record that is put back: %+v", o)
	}
}

// What is no dead letter is an error that says why, with all that is wrong.
func TestParseNoLetter(t *testing.T) {
	for name, tt := range map[string]struct {
		change func(hs []transport.Header) []transport.Header
		want   []string
	}{
		"no headers": {func([]transport.Header) []transport.Header { return nil }, []string{"topic failed, partition 1, offset 5", "no header " + pipeline.HeaderProcessor}},
		"no source": {func(hs []transport.Header) []transport.Header { return append(hs[:3:3], hs[4:]...) },
			[]string{"header " + pipeline.HeaderTopic + " is missing"}},
		"no numbers": {func(hs []transport.Header) []transport.Header {
			hs[4].Value, hs[5].Value, hs[7].Value = []byte("x"), []byte("-2"), []byte("99999999999")
			return hs
		}, []string{pipeline.HeaderPartition + ` is "x"`, pipeline.HeaderOffset + ` is "-2"`, pipeline.HeaderAttempts + ` is "99999999999"`}},
		"nothing after the first": {func(hs []transport.Header) []transport.Header { return hs[:1] },
			[]string{pipeline.HeaderTopic + " is missing", pipeline.HeaderFailedAt + ` is ""`}},
	} {
		_, err := parse(&transport.Record{Topic: "failed", Partition: 1, Offset: 5, Headers: tt.change(letterHeaders())})
		if !errors.Is(err, ErrNoLetter) {
			t.Errorf("%s: %v, want ErrNoLetter", name, err)
			continue
		}
		for _, w := range tt.want {
			if !strings.Contains(err.Error(), w) {
				t.Errorf("%s: no word of %s in: %v", name, w, err)
			}
		}
	}
}

// Each field of a filter that is set must fit.
func TestFilter(t *testing.T) {
	at := time.UnixMilli(1500)
	l := Letter{Processor: "count", Stage: "handle", Error: "no such customer", FailedAt: at, Key: "k", Source: Source{Topic: "orders"}}
	for _, tt := range []struct {
		f    Filter
		want bool
	}{
		{Filter{}, true},
		{Filter{Processor: "count", Stage: "handle", Topic: "orders", Key: "k", Error: "customer", Since: at, Until: at.Add(1)}, true},
		{Filter{Processor: "coun"}, false},
		{Filter{Stage: "decode"}, false},
		{Filter{Topic: "failed"}, false},
		{Filter{Key: "kk"}, false},
		{Filter{Error: "Customer"}, false},
		{Filter{Since: at.Add(1)}, false},
		{Filter{Until: at}, false},
	} {
		if got := tt.f.match(l); got != tt.want {
			t.Errorf("%+v: %v", tt.f, got)
		}
	}
}
