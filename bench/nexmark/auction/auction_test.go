package auction

import (
	"slices"
	"testing"

	"github.com/millrace/millrace/internal/leaktest"
	"github.com/millrace/millrace/pipeline"
	"github.com/millrace/millrace/pipeline/codec"
	"github.com/millrace/millrace/pipeline/pipelinetest"
)

func TestMain(m *testing.M) { leaktest.Main(m) }

func TestEvents(t *testing.T) {
	counts := map[Kind]int{}
	last := int64(0)
	for e := range Events(5000, 1000, 1) {
		counts[e.Kind]++
		if e.Time < last {
			t.Fatalf("%+v comes after time %d", e, last)
		}
		last = e.Time
		if d, err := Decode(e.Append(nil)); err != nil || d != e {
			t.Fatalf("%+v decodes to %+v, %v", e, d, err)
		}
	}
	if counts[Person] != 100 || counts[Auction] != 300 || counts[Bid] != 4600 {
		t.Errorf("of 5000 events: %v", counts)
	}
	if a, b := slices.Collect(Events(500, 1000, 7)), slices.Collect(Events(500, 1000, 7)); !slices.Equal(a, b) {
		t.Error("the same seed gives other events")
	}
}

// TestQueries compares each topology with the computation over all events. The
// events come in two parts with a crash between them.
func TestQueries(t *testing.T) {
	const n, perSecond = 3000, 50 // a minute
	for _, q := range Queries() {
		t.Run(q.Name, func(t *testing.T) {
			t.Parallel()
			d := pipelinetest.New(t, q.Build("run", "events"))
			var rs []pipeline.Record
			in := Input("events")
			for e := range Events(n, perSecond, 1) {
				rs = append(rs, in.Record(e.Key(), e))
			}
			d.Pipe(rs[:n/2]...)
			d.Crash()
			d.Pipe(rs[n/2:]...)
			result := q.NewResult()
			for _, m := range pipelinetest.Read(d, pipeline.NewTopic(Output("run"), codec.Bytes())) {
				value := m.Value
				if m.Deleted {
					value = nil
				}
				if err := result.Add(m.Key, value); err != nil {
					t.Fatal(err)
				}
			}
			want := q.Batch(Events(n, perSecond, 1))
			if len(want) == 0 {
				t.Fatal("nothing is to come out")
			}
			if err := result.Differ(want); err != nil {
				t.Error(err)
			}
		})
	}
}

func FuzzDecode(f *testing.F) {
	for e := range Events(50, 1000, 1) {
		f.Add(e.Append(nil))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		e, err := Decode(b)
		if err != nil {
			return
		}
		if again, err := Decode(e.Append(nil)); err != nil || again != e {
			t.Errorf("%+v decodes to %+v, %v", e, again, err)
		}
	})
}
