package streamsvectors

import (
	"strings"
	"testing"

	"github.com/millrace/millrace/pipeline"
	"github.com/millrace/millrace/pipeline/codec"
	"github.com/millrace/millrace/processors"
)

var table = pipeline.NewTable("table", codec.String())

// Left and outer joins of Kafka Streams pass records without a key on.
const noKey = "a record without a key fails, for the processor's error policy"

func plus(_ *pipeline.Context, a, b string) (string, error) { return a + "+" + b, nil }

func plusMaybe(_ *pipeline.Context, a, b string, ok bool) (string, error) {
	if !ok {
		b = "null"
	}
	return a + "+" + b, nil
}

func TestStreamTable(t *testing.T) {
	vs := because(noKey, vectors(t, "joins", "stream-table"), func(_ *Vector, s *Step) {
		if s.In.Key == nil {
			s.Out = nil
		}
	})
	compare(t, vs, strict, inTurn, func(v Vector) *pipeline.Topology {
		p := processors.Join("p", in, table, out, plus)
		if v.Type == "left" {
			p = processors.LeftJoin("p", in, table, out, plusMaybe)
		}
		return pipeline.New("vectors").From(in, table).Add(skip(p)).To(out)
	})
}

func TestStreamGlobal(t *testing.T) {
	foreign := func(_ *pipeline.Context, v string) (string, bool) {
		key, _, _ := strings.Cut(v, "|")
		return key, key != "-"
	}
	compare(t, vectors(t, "joins", "stream-global"), strict, inTurn, func(v Vector) *pipeline.Topology {
		p := processors.JoinGlobal("p", in, table, foreign, out, plus)
		if v.Type == "left" {
			p = processors.LeftJoinGlobal("p", in, table, foreign, out, plusMaybe)
		}
		return pipeline.New("vectors").From(in, table).Add(skip(p)).To(out)
	})
}
