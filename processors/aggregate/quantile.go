package aggregate

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"

	"github.com/DataDog/sketches-go/ddsketch"
	"github.com/DataDog/sketches-go/ddsketch/mapping"
	"github.com/DataDog/sketches-go/ddsketch/store"

	"github.com/millrace/millrace/pipeline"
	"github.com/millrace/millrace/pipeline/codec"
)

// Distribution is about how values are distributed: a DDSketch, whose quantiles are
// within 1 % of a value that is there (Masson, Rim, Lee: DDSketch, VLDB 2019). The
// zero value has none.
type Distribution struct{ sketch *ddsketch.DDSketch }

const (
	accuracy = 0.01
	// bins bounds each of the sketch's two stores. 2048 bins of 1 % span 17 powers
	// of ten; what is beyond that is taken for larger than it is.
	bins = 2048
)

// Quantile returns the value below which a part q of the values is, 0.5 for the
// median. It is NaN for no values, and for a q that is not between 0 and 1.
func (d Distribution) Quantile(q float64) float64 {
	if d.sketch == nil || d.sketch.IsEmpty() {
		return math.NaN()
	}
	v, err := d.sketch.GetValueAtQuantile(q)
	if err != nil {
		return math.NaN()
	}
	return v
}

// Count returns how many values there are.
func (d Distribution) Count() int64 {
	if d.sketch == nil {
		return 0
	}
	return int64(d.sketch.GetCount())
}

// MarshalJSON is for views: the count and some quantiles.
func (d Distribution) MarshalJSON() ([]byte, error) {
	shown := map[string]float64{"count": float64(d.Count())}
	for name, q := range map[string]float64{"min": 0, "p50": 0.5, "p90": 0.9, "p99": 0.99, "max": 1} {
		if v := d.Quantile(q); !math.IsNaN(v) {
			shown[name] = v
		}
	}
	return json.Marshal(shown)
}

func (d Distribution) copy() (*ddsketch.DDSketch, error) {
	if d.sketch != nil {
		return d.sketch.Copy(), nil
	}
	return newSketch()
}

func newSketch() (*ddsketch.DDSketch, error) {
	m, err := mapping.NewLogarithmicMapping(accuracy)
	if err != nil {
		return nil, err
	}
	return ddsketch.NewDDSketch(m, newBins(), newBins()), nil
}

func newBins() store.Store { return store.NewCollapsingLowestDenseStore(bins) }

// Quantiles gathers the distribution of what of gives: see Distribution. It holds
// 40 KiB at most, some hundred bytes usually. Each value costs a copy of what it
// holds. NaN and what is infinite are errors.
func Quantiles[V any](of func(V) float64) Func[V, Distribution] {
	add := func(_ *pipeline.Context, d Distribution, v V) (Distribution, error) {
		s, err := d.copy()
		if err == nil {
			err = s.Add(of(v))
		}
		if err != nil {
			return d, err
		}
		return Distribution{s}, nil
	}
	return Func[V, Distribution]{
		First: func(ctx *pipeline.Context, v V) (Distribution, error) { return add(ctx, Distribution{}, v) },
		Add:   add,
		Merge: func(_ *pipeline.Context, a, b Distribution) (Distribution, error) {
			if b.sketch == nil {
				return a, nil
			}
			s, err := a.copy()
			if err == nil {
				err = s.MergeWith(b.sketch)
			}
			return Distribution{s}, err
		},
		Codec: DistributionCodec(),
	}
}

var errDistribution = errors.New("ddsketch: it is not of this accuracy, or its numbers make no sense")

// DistributionCodec encodes the sketch as github.com/DataDog/sketches-go does
// (DDSketch.Encode). Its name is "ddsketch".
func DistributionCodec() codec.Codec[Distribution] {
	return codec.NewAppend("ddsketch", func(dst []byte, d Distribution) ([]byte, error) {
		if d.sketch != nil {
			d.sketch.Encode(&dst, false)
		}
		return dst, nil
	}, decodeDistribution)
}

// decodeDistribution decodes a sketch. The library takes numbers as they come: what
// it makes of those that no sketch has may be a panic, or nonsense.
func decodeDistribution(b []byte) (d Distribution, err error) {
	if len(b) == 0 {
		return d, nil
	}
	defer func() {
		if x := recover(); x != nil {
			d, err = Distribution{}, fmt.Errorf("%w: %v", errDistribution, x)
		}
	}()
	mine, err := newSketch()
	if err != nil {
		return d, err
	}
	got, err := ddsketch.DecodeDDSketch(b, newBins, nil)
	if err != nil {
		return d, err
	}
	sane := mine.Equals(got.IndexMapping) && got.GetZeroCount() >= 0
	got.ForEach(func(_, count float64) bool {
		sane = sane && count > 0
		return !sane
	})
	if n := got.GetCount(); !sane || !(n >= 0 && n < math.MaxInt64) {
		return d, errDistribution
	}
	return Distribution{got}, nil
}
