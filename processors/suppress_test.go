package processors_test

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/millrace/millrace/pipeline"
	"github.com/millrace/millrace/pipeline/codec"
	"github.com/millrace/millrace/pipeline/pipelinetest"
	"github.com/millrace/millrace/processors"
)

func suppress(limit time.Duration) *pipeline.Topology {
	return pipeline.New("t").From(leftTable).Add(processors.Suppress("slow", leftTable, texts, limit)).To(texts)
}

// The model keeps the newest change of each key that waits, and looks after each
// record which are due.
func TestSuppressProperty(t *testing.T) {
	type waiting struct {
		key string
		due int64
		c   change
	}
	rapid.Check(t, func(rt *rapid.T) {
		cs := changes(rt)
		limit := rapid.Int64Range(0, 30).Draw(rt, "limit")
		crash := rapid.IntRange(0, len(cs)).Draw(rt, "crash after")
		restart := rapid.IntRange(0, len(cs)).Draw(rt, "restart after")
		var errs []string
		t.Run("", func(t *testing.T) {
			d := pipelinetest.New(t, suppress(time.Duration(limit)*time.Millisecond))
			var wait []*waiting
			now := int64(0)
			for i, c := range cs {
				if c.right, c.n = false, i; i == crash {
					d.Crash()
				}
				if i == restart {
					d.Restart()
				}
				d.Send(c.record())
				now = max(now, c.at)
				if j := slices.IndexFunc(wait, func(w *waiting) bool { return w.key == c.key }); j >= 0 {
					wait[j].c = c
				} else {
					wait = append(wait, &waiting{c.key, c.at + limit, c})
				}
				slices.SortFunc(wait, func(a, b *waiting) int { return cmp.Or(cmp.Compare(a.due, b.due), strings.Compare(a.key, b.key)) })
				var got, want []string
				for len(wait) > 0 && wait[0].due <= now {
					v := fmt.Sprint(wait[0].c.n)
					if wait[0].c.deleted {
						v = "deleted"
					}
					want = append(want, fmt.Sprintf("%s %s@%d", wait[0].key, v, wait[0].c.at))
					wait = wait[1:]
				}
				for _, m := range pipelinetest.Read(d, texts) {
					if m.Deleted {
						m.Value = "deleted"
					}
					got = append(got, fmt.Sprintf("%s %s@%d", m.Key, m.Value, m.Time.Sub(start).Milliseconds()))
				}
				if !slices.Equal(got, want) {
					errs = append(errs, fmt.Sprintf("change %d, %+v: got %q, want %q", i, c, got, want))
				}
			}
		})
		if errs != nil {
			rt.Fatal(strings.Join(errs, "\n"))
		}
	})
}

func TestSuppressErrors(t *testing.T) {
	if err := suppress(-1).Validate(); !errors.Is(err, pipeline.ErrConfig) {
		t.Errorf("got %v", err)
	}
	d := pipelinetest.New(t, suppress(0))
	if err := d.TrySend(leftTable.Row("", "l").Unkeyed()); !errors.Is(err, pipeline.ErrNoKey) {
		t.Errorf("got %v", err)
	}
}

// A price that changes all the time is told at most once a minute.
func ExampleSuppress() {
	prices := pipeline.NewTable("prices", codec.Int64())
	told := pipeline.NewTopic("told", codec.Int64())
	p := processors.Suppress("told", prices, told, time.Minute)
	noon := time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)
	pipelinetest.Example(pipeline.New("app").From(prices).Add(p).To(told), func(d *pipelinetest.Driver) {
		for i, cents := range []int64{450, 455, 460, 470} {
			d.Send(prices.Row("tea", cents).At(noon.Add(time.Duration(i) * 30 * time.Second)))
		}
		for _, m := range pipelinetest.Read(d, told) {
			fmt.Println(m.Key, m.Value, m.Time.Format("15:04:05"))
		}
	})
	// Output:
	// tea 460 12:01:00
}

func BenchmarkSuppress(b *testing.B) {
	benchmark(b, suppress(10*time.Second), func(i int) pipeline.Record {
		return leftTable.Row(fmt.Sprint("key-", i%10_000), "some value of a row").At(at(int64(i)))
	})
}
