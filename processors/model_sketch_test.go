package processors_test

import (
	"cmp"
	"fmt"
	"maps"
	"math"
	"slices"
	"testing"
	"time"

	"github.com/millrace/millrace/pipeline"
	"github.com/millrace/millrace/pipeline/codec"
	"github.com/millrace/millrace/pipeline/pipelinetest"
	"github.com/millrace/millrace/processors"
	"github.com/millrace/millrace/processors/aggregate"
)

// The aggregations that keep more than a number, with a crash in the middle: of all
// records of a key, and of its sessions, which records that are out of order merge.
func TestTopKModel(t *testing.T) {
	agg := aggregate.TopK(3, cmp.Compare[int64], codec.Int64())
	checkAggregation(t, agg, func(top []int64) string { return fmt.Sprint(top) }, func(ns []int64) string {
		slices.SortFunc(ns, func(a, b int64) int { return cmp.Compare(b, a) })
		return fmt.Sprint(ns[:min(3, len(ns))])
	})
}

// So few different values are counted exactly.
func TestDistinctModel(t *testing.T) {
	agg := aggregate.Distinct(func(n int64) string { return fmt.Sprint(n) })
	checkAggregation(t, agg, func(c aggregate.Cardinality) string { return fmt.Sprint(c.Estimate()) }, func(ns []int64) string {
		slices.Sort(ns)
		return fmt.Sprint(len(slices.Compact(ns)))
	})
}

// The sketch is that of all values at once, whose quantiles are within 1 % of the
// values at their ranks.
func TestQuantilesModel(t *testing.T) {
	agg := aggregate.Quantiles(func(n int64) float64 { return float64(n) })
	show := func(d aggregate.Distribution) string {
		return fmt.Sprintf("%d: %.9f %.9f %.9f", d.Count(), d.Quantile(0), d.Quantile(0.5), d.Quantile(1))
	}
	checkAggregation(t, agg, show, func(ns []int64) string {
		slices.Sort(ns)
		d, err := agg.First(nil, ns[0])
		for _, n := range ns[1:] {
			if err == nil {
				d, err = agg.Add(nil, d, n)
			}
		}
		for _, q := range []float64{0, 0.5, 1} {
			rank, near := q*float64(len(ns)-1), false
			for _, n := range []int64{ns[int(math.Floor(rank))], ns[int(math.Ceil(rank))]} { // between two it may be either
				near = near || math.Abs(d.Quantile(q)-float64(n)) <= 0.01*math.Abs(float64(n))+1e-9
			}
			if !near {
				return fmt.Sprintf("%v at %v of %v; %v", d.Quantile(q), q, ns, err)
			}
		}
		return show(d)
	})
}

const sketchGap = 10 * time.Second

func checkAggregation[A any](t *testing.T, agg aggregate.Func[int64, A], show func(A) string, model func(ns []int64) string) {
	t.Run("by key", func(t *testing.T) {
		table := pipeline.NewTable("aggregates", agg.Codec)
		check(t, func() *pipeline.Topology {
			return pipeline.New("t").From(numbers).Add(processors.AggregateBy("agg", numbers, agg, table))
		}, numbers, func(d *pipelinetest.Driver) []string {
			return shown(pipelinetest.Rows(d, table), show)
		}, func(rs []rec) []string {
			values := map[string][]int64{}
			for _, r := range rs {
				values[r.key] = append(values[r.key], r.n)
			}
			return shown(values, model)
		})
	})
	t.Run("by session", func(t *testing.T) {
		table := pipeline.NewTable("sessions", processors.Panes(agg.Codec))
		check(t, func() *pipeline.Topology {
			return pipeline.New("t").From(numbers).Add(processors.Window("agg", numbers, processors.Session(sketchGap).Grace(time.Hour), agg, table))
		}, numbers, func(d *pipelinetest.Driver) []string {
			return shown(pipelinetest.Rows(d, table), func(p processors.Pane[A]) string { return show(p.Value) })
		}, func(rs []rec) []string { return shown(sessionsOf(rs), model) })
	})
}

// sessionsOf returns the values of each session of each key.
func sessionsOf(rs []rec) map[string][]int64 {
	rs = slices.Clone(rs)
	slices.SortStableFunc(rs, func(a, b rec) int { return cmp.Or(cmp.Compare(a.key, b.key), cmp.Compare(a.at, b.at)) })
	sessions := map[string][]int64{}
	for i := 0; i < len(rs); {
		j, ns := i, []int64(nil)
		for ; j < len(rs) && rs[j].key == rs[i].key && (j == i || rs[j].at-rs[j-1].at <= int64(sketchGap/time.Second)); j++ {
			ns = append(ns, rs[j].n)
		}
		seconds := func(s int64) time.Time { return start.Add(time.Duration(s) * time.Second) }
		sessions[processors.SessionKey(rs[i].key, seconds(rs[i].at), seconds(rs[j-1].at))] = ns
		i = j
	}
	return sessions
}

// shown prints each entry, in the order of the keys.
func shown[V any](of map[string]V, show func(V) string) (out []string) {
	for _, k := range slices.Sorted(maps.Keys(of)) {
		out = append(out, fmt.Sprintf("%q %s", k, show(of[k])))
	}
	return out
}
