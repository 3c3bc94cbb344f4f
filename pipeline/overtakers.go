package pipeline

import (
	"encoding/binary"
	"encoding/json"
	"errors"

	"github.com/millrace/millrace/internal/graph"
	"github.com/millrace/millrace/internal/table"
	"github.com/millrace/millrace/pipeline/codec"
)

// overtakers is a row of the table of what was handled ahead of others, for one
// input, under the name of its topic.
type overtakers graph.Overtakers

// MarshalJSON is for views.
func (o overtakers) MarshalJSON() ([]byte, error) {
	return json.Marshal(struct {
		From    int64   `json:"from"`
		End     int64   `json:"end"`
		Waiting []int64 `json:"waiting"`
	}{o.From, o.End, o.Waiting})
}

// keepOvertakers declares the table.
func (p *Processor) keepOvertakers() *graph.Overtaking {
	kv := Store(p, NewTable(p.spec.Name+"-overtakers", overtakersCodec()).Internal())
	of := func(t *graph.Task) *table.Table[overtakers] { return t.States[kv.i].(*table.Table[overtakers]) }
	key := func(input int) []byte { return raw(p.spec.Inputs[input].Ref.Name) }
	return &graph.Overtaking{
		Load: func(t *graph.Task, input int) (graph.Overtakers, error) {
			o, _, err := of(t).Get(key(input))
			return graph.Overtakers(o), err
		},
		Save: func(t *graph.Task, input int, o graph.Overtakers) error {
			tab := of(t)
			tab.Begin(t.Now())
			if o.End <= o.From {
				return tab.Delete(key(input))
			}
			return tab.Set(key(input), overtakers(o))
		},
	}
}

var errOvertakers = errors.New("malformed row of overtakers")

// overtakersCodec encodes the bounds and the offsets that wait, each as its
// distance from the one before it, as unsigned varints.
func overtakersCodec() codec.Codec[overtakers] {
	return codec.NewAppend("overtakers",
		func(dst []byte, o overtakers) ([]byte, error) {
			dst = binary.AppendUvarint(dst, uint64(o.From))
			dst = binary.AppendUvarint(dst, uint64(o.End-o.From))
			last := o.From
			for _, offset := range o.Waiting {
				dst = binary.AppendUvarint(dst, uint64(offset-last))
				last = offset
			}
			return dst, nil
		},
		func(b []byte) (o overtakers, err error) {
			next := func() (d int64) {
				v, n := binary.Uvarint(b)
				if n <= 0 || v > 1<<62 {
					err, b = errOvertakers, nil
					return 0
				}
				b = b[n:]
				return int64(v)
			}
			o.From = next()
			o.End = o.From + next()
			for last := o.From; len(b) > 0 && err == nil; {
				last += next()
				o.Waiting = append(o.Waiting, last)
				if last >= o.End {
					err = errOvertakers
				}
			}
			if err != nil {
				return overtakers{}, err
			}
			return o, nil
		})
}
