package processors_test

import (
	"errors"
	"fmt"
	"maps"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/millrace/millrace/pipeline"
	"github.com/millrace/millrace/pipeline/codec"
	"github.com/millrace/millrace/pipeline/pipelinetest"
	"github.com/millrace/millrace/processors"
)

var groupSums = pipeline.NewTable("group.sums", codec.Int64())

func plusInt(_ *pipeline.Context, so, n int64) (int64, error)  { return so + n, nil }
func minusInt(_ *pipeline.Context, so, n int64) (int64, error) { return so - n, nil }

// groupOf puts a third of the numbers in no group.
func groupOf(_ string, n int64) (string, int64, bool) { return fmt.Sprint(n % 3), n, n%3 != 2 }

func sumByGroup() *pipeline.Topology {
	return pipeline.New("t").From(rightTable).Add(
		processors.AggregateTable("sum", rightTable, codec.Int64(), groupOf, groupSums, plusInt, minusInt)...).To(groupSums)
}

// The model sums up the entries that the table has; groups that had one have 0.
func TestAggregateTableProperty(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		cs := changes(rt)
		crash := rapid.IntRange(0, len(cs)).Draw(rt, "crash after")
		restart := rapid.IntRange(0, len(cs)).Draw(rt, "restart after")
		var errs []string
		t.Run("", func(t *testing.T) {
			d := pipelinetest.New(t, sumByGroup())
			entries, groups := map[string]int64{}, map[string]bool{}
			for i, c := range cs {
				if c.right, c.n = true, i; i == crash {
					d.Crash()
				}
				if i == restart {
					d.Restart()
				}
				d.Send(c.record())
				delete(entries, c.key)
				if !c.deleted {
					entries[c.key] = int64(i)
				}
				want := map[string]int64{}
				for key, n := range entries {
					if g, n, ok := groupOf(key, n); ok {
						groups[g] = true
						want[g] += n
					}
				}
				for g := range groups {
					want[g] += 0
				}
				if got := pipelinetest.Rows(d, groupSums); !maps.Equal(got, want) {
					errs = append(errs, fmt.Sprintf("change %d, %+v: got %v, want %v", i, c, got, want))
				}
			}
		})
		if errs != nil {
			rt.Fatal(strings.Join(errs, "\n"))
		}
	})
}

func TestAggregateTableErrors(t *testing.T) {
	ps := processors.AggregateTable[int64, int64, int64]("sum", rightTable, nil, nil, groupSums, nil, nil)
	if err := pipeline.New("t").From(rightTable).Add(ps...).To(groupSums).Validate(); err == nil {
		t.Error("it is valid without codec and functions")
	}
	d := pipelinetest.New(t, sumByGroup())
	if err := d.TrySend(rightTable.Row("", 1).Unkeyed()); !errors.Is(err, pipeline.ErrNoKey) {
		t.Errorf("got %v", err)
	}
}

// How many people live in each town, while they move.
func ExampleAggregateTable() {
	homes := pipeline.NewTable("homes", codec.String()) // a person's town
	inhabitants := pipeline.NewTable("inhabitants", codec.Int64())

	ps := processors.AggregateTable("inhabitants", homes, codec.Int64(),
		func(_, town string) (string, int64, bool) { return town, 1, true }, inhabitants,
		func(_ *pipeline.Context, so, n int64) (int64, error) { return so + n, nil },
		func(_ *pipeline.Context, so, n int64) (int64, error) { return so - n, nil })
	pipelinetest.Example(pipeline.New("app").From(homes).Add(ps...).To(inhabitants), func(d *pipelinetest.Driver) {
		d.Send(homes.Row("ada", "London"), homes.Row("bob", "London"), homes.Row("eve", "Paris"))
		fmt.Println(pipelinetest.Rows(d, inhabitants))
		d.Send(homes.Row("bob", "Paris"), homes.Deleted("ada"))
		fmt.Println(pipelinetest.Rows(d, inhabitants))
	})
	// Output:
	// map[London:2 Paris:1]
	// map[London:0 Paris:2]
}

func BenchmarkAggregateTable(b *testing.B) {
	benchmark(b, sumByGroup(), func(i int) pipeline.Record {
		return rightTable.Row(fmt.Sprint("key-", i%10_000), int64(i)).At(at(int64(i)))
	})
}
