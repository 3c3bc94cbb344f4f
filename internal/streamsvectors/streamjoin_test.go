package streamsvectors

import (
	"math"
	"strings"
	"testing"

	"github.com/millrace/millrace/pipeline"
	"github.com/millrace/millrace/processors"
)

// TestStreamStream compares joins of two streams. A record's window is open, by
// the documentation of both, until stream time is past its end and the grace. We
// keep to that: a record that comes later is late, and one whose window is closed
// is joined with nothing any more. Kafka Streams joins what its stores still
// have, which they do for longer or shorter, by their retention and by each
// side's own time; and it emits a record that comes out of order as one without a
// partner right away if its window is over without the grace, even if a partner
// comes within the grace. So:
//
//   - Pairs are equal, in their order, without those of Kafka Streams that it made
//     when a window was closed.
//   - Records without a partner are equal, but for late ones, which only Kafka
//     Streams emits; those that it emits as such and then joins; and those whose
//     partners came only when the window was closed.
//
// When Kafka Streams emits those without a partner depends on a throttle, on
// which side a record comes from, and on whether it is the newest. Ours are
// emitted when the window closes.
func TestStreamStream(t *testing.T) {
	for _, v := range vectors(t, "joins", "stream-stream") {
		t.Run(v.name(), func(t *testing.T) {
			t.Parallel()
			compareStreams(t, v, outputs(run(t, v, inTurn, streams(v)), v))
		})
	}
}

func streams(v Vector) *pipeline.Topology {
	w := processors.Within(0).Before(ms(v.Before)).After(ms(v.After)).Grace(ms(v.Grace))
	var p *pipeline.Processor
	switch v.Type {
	case "inner":
		p = processors.JoinStreams("p", left, right, w, out, plus)
	case "left":
		p = processors.LeftJoinStreams("p", left, right, w, out, plusMaybe)
	default:
		p = processors.OuterJoinStreams("p", left, right, w, out, func(_ *pipeline.Context, a, b *string) (string, error) {
			return orNull(a) + "+" + orNull(b), nil
		})
	}
	return pipeline.New("vectors").From(left, right).Add(skip(p)).To(out)
}

func orNull(s *string) string {
	if s == nil {
		return "null"
	}
	return *s
}

func compareStreams(t *testing.T, v Vector, got []Out) {
	inputs := map[any]In{}
	closes := map[any]int64{} // the last stream time at which the record's window is open
	for _, s := range v.Steps {
		after := v.After
		if s.In.Topic == "right" {
			after = v.Before
		}
		inputs[s.In.Value], closes[s.In.Value] = s.In, s.In.Time+after+v.Grace
	}

	// What Kafka Streams emits, and what of it was joined too late.
	type fate struct{ late, alone, joined, afterwards bool }
	fates := map[string]*fate{}
	of := func(value string) *fate {
		if fates[value] == nil {
			fates[value] = new(fate)
		}
		return fates[value]
	}
	var pairs []Step
	now := int64(math.MinInt64)
	for _, s := range v.Steps {
		if _, ok := s.In.Value.(string); ok && (s.In.Key != nil || v.pads(s.In)) { // others fail, and leave no effect
			now = max(now, s.In.Time)
		}
		if value, ok := s.In.Value.(string); ok && s.In.Key != nil {
			of(value).late = now > closes[value]
		}
		joined := Step{In: s.In}
		for _, o := range s.Out {
			l, r, _ := strings.Cut(o.Value.(string), "+")
			switch {
			case r == "null":
				of(l).alone = true
			case l == "null":
				of(r).alone = true
			case now > closes[l] || now > closes[r]:
				of(l).afterwards, of(r).afterwards = true, true
			default:
				of(l).joined, of(r).joined = true, true
				joined.Out = append(joined.Out, o)
			}
		}
		pairs = append(pairs, joined)
	}

	var ourPairs []Out
	alone := map[string]bool{}
	for _, o := range got {
		l, r, _ := strings.Cut(o.Value.(string), "+")
		if l != "null" && r != "null" {
			ourPairs = append(ourPairs, o)
			continue
		}
		value := l
		if l == "null" {
			value = r
		}
		if alone[value] {
			t.Errorf("%v is emitted twice", o)
		}
		alone[value] = true
		key := ""
		if k := inputs[value].Key; k != nil {
			key = *k
		}
		if o.Time != inputs[value].Time || o.Key != key {
			t.Errorf("%v is not as %v", o, inputs[value])
		}
	}
	if diff := differ(pairs, ourPairs, strict); diff != "" {
		t.Error(diff)
	}
	for value, f := range fates {
		want := f.alone && !f.late && !f.joined || // as Kafka Streams has it
			v.pads(inputs[value]) && f.afterwards && !f.late && !f.joined
		if alone[value] != want {
			t.Errorf("%v is emitted as without a partner: %v; in Kafka Streams it is %+v", inputs[value], alone[value], *f)
		}
	}
}

// pads says whether records like this are emitted without a partner.
func (v Vector) pads(r In) bool { return v.Type == "outer" || v.Type == "left" && r.Topic == "left" }
