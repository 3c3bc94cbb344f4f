package processors_test

import (
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

func joinVersioned(left bool, history, wait int64) *pipeline.Topology {
	ms := time.Millisecond
	opt := processors.WaitForVersions(time.Duration(wait) * ms)
	p := processors.JoinVersioned("join", rights, leftTable, time.Duration(history)*ms, joined,
		func(_ *pipeline.Context, n int64, name string) (string, error) { return fmt.Sprint(n, "+", name), nil }, opt)
	if left {
		p = processors.LeftJoinVersioned("join", rights, leftTable, time.Duration(history)*ms, joined,
			func(_ *pipeline.Context, n int64, name string, ok bool) (string, error) {
				if !ok {
					name = "-"
				}
				return fmt.Sprint(n, "+", name), nil
			}, opt)
	}
	return pipeline.New("t").From(rights, leftTable).Add(p).To(joined)
}

// versionedModel keeps every change that was accepted.
type versionedModel struct {
	left          bool
	history, wait int64
	now, written  int64 // stream time, and that of the table; -1: none yet
	kept          []change
	waiting       []change
}

func (m *versionedModel) join(c change) []string {
	var latest, found *change
	for i := range m.kept {
		k := &m.kept[i]
		if k.key != c.key {
			continue
		}
		if latest == nil || k.at >= latest.at {
			latest = k
		}
		if k.at <= c.at && (found == nil || k.at >= found.at) {
			found = k
		}
	}
	if m.written >= 0 && c.at < m.written-m.history && (latest == nil || latest.at > c.at) {
		found = nil
	}
	switch {
	case found != nil && !found.deleted:
		return []string{fmt.Sprintf("%s %d+%d@%d", c.key, c.n, found.n, c.at)}
	case m.left:
		return []string{fmt.Sprintf("%s %d+-@%d", c.key, c.n, c.at)}
	}
	return nil
}

func (m *versionedModel) change(c change) (want []string) {
	m.now = max(m.now, c.at)
	switch {
	case !c.right:
		if m.written < 0 || c.at >= m.written-m.history {
			m.written = max(m.written, c.at)
			m.kept = append(m.kept, c)
		}
	case m.now >= c.at+m.wait:
		want = m.join(c)
	default:
		m.waiting = append(m.waiting, c)
	}
	slices.SortStableFunc(m.waiting, func(a, b change) int {
		if a.at != b.at {
			return int(a.at - b.at)
		}
		return strings.Compare(a.key, b.key)
	})
	for len(m.waiting) > 0 && m.now >= m.waiting[0].at+m.wait {
		want = append(want, m.join(m.waiting[0])...)
		m.waiting = m.waiting[1:]
	}
	return want
}

func TestJoinVersionedProperty(t *testing.T) {
	for name, left := range map[string]bool{"inner": false, "left": true} {
		t.Run(name, func(t *testing.T) {
			rapid.Check(t, func(rt *rapid.T) {
				cs := changes(rt)
				history := rapid.SampledFrom([]int64{0, 5, 30, 100}).Draw(rt, "history")
				wait := rapid.SampledFrom([]int64{0, min(history, 15)}).Draw(rt, "wait")
				crash := rapid.IntRange(0, len(cs)).Draw(rt, "crash after")
				restart := rapid.IntRange(0, len(cs)).Draw(rt, "restart after")
				m := &versionedModel{left: left, history: history, wait: wait, written: -1}
				var errs []string
				t.Run("", func(t *testing.T) {
					d := pipelinetest.New(t, joinVersioned(left, history, wait))
					for i, c := range cs {
						if c.n = i; i == crash {
							d.Crash()
						}
						if i == restart {
							d.Restart()
						}
						if c.right {
							c.deleted = false // the stream has none
						}
						r := c.record()
						if c.right {
							r = rights.Record(c.key, int64(i)).At(at(c.at))
						}
						d.Send(r)
						if got, want := readJoined(d, joined), m.change(c); !slices.Equal(got, want) {
							errs = append(errs, fmt.Sprintf("change %d, %+v: got %q, want %q", i, c, got, want))
						}
					}
				})
				if errs != nil {
					rt.Fatal(strings.Join(errs, "\n"))
				}
			})
		})
	}
}

func TestJoinVersionedEdges(t *testing.T) {
	row := func(ms int64, v string) pipeline.Record { return leftTable.Row("k", v).At(at(ms)) }
	for _, c := range []struct {
		name string
		in   []pipeline.Record
		want string
	}{
		{"as old as the history is not too old", []pipeline.Record{row(30, "new"), row(10, "old"), rights.Record("k", 1).At(at(10))}, "k 1+old@10"},
		{"older is", []pipeline.Record{row(30, "new"), row(9, "old"), rights.Record("k", 1).At(at(29))}, "k 1+-@29"},
		{"one of the same time is replaced", []pipeline.Record{row(30, "a"), row(30, "b"), rights.Record("k", 1).At(at(30))}, "k 1+b@30"},
		{"the latest version is for ever", []pipeline.Record{row(1, "a"), leftTable.Row("other", "b").At(at(500)), rights.Record("k", 1).At(at(2))}, "k 1+a@2"},
		{"one before it is not", []pipeline.Record{row(1, "a"), row(300, "b"), leftTable.Row("other", "b").At(at(500)), rights.Record("k", 1).At(at(2))}, "k 1+-@2"},
		{"nothing after a deletion", []pipeline.Record{row(1, "a"), leftTable.Deleted("k").At(at(5)), rights.Record("k", 1).At(at(5))}, "k 1+-@5"},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := pipelinetest.New(t, joinVersioned(true, 20, 0))
			d.Send(c.in...)
			if got := strings.Join(readJoined(d, joined), " "); got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

// Versions that ended before the history are deleted, those of keys that are not
// written any more as well.
func TestVersionsAreBounded(t *testing.T) {
	d := pipelinetest.New(t, joinVersioned(true, 20, 0))
	for n := range 10 {
		var rs []pipeline.Record
		for i := range 60 {
			ms := int64(60*n + i)
			rs = append(rs, leftTable.Row(fmt.Sprint("key-", ms%7), fmt.Sprint(ms)).At(at(ms)), leftTable.Deleted(fmt.Sprint("gone-", ms)).At(at(ms)))
		}
		d.Pipe(rs...)
		rows := len(pipelinetest.Rows(d, pipeline.NewTable("join-versions", codec.Bytes())))
		if rows > 1+2*2*21+7 {
			t.Fatalf("%d rows, want those of 20 ms", rows)
		}
	}
}

func TestJoinVersionedReportsWrongArguments(t *testing.T) {
	for _, top := range []*pipeline.Topology{joinVersioned(true, -1, 0), joinVersioned(true, 10, 11), joinVersioned(true, 10, -1)} {
		if err := top.Validate(); !errors.Is(err, pipeline.ErrConfig) {
			t.Errorf("got %v", err)
		}
	}
}

// A sale is valued at the price of its time, not at that of today.
func ExampleJoinVersioned() {
	sales := pipeline.NewTopic("sales", codec.Int64())
	prices := pipeline.NewTable("prices", codec.Int64())
	turnover := pipeline.NewTopic("turnover", codec.Int64())
	p := processors.JoinVersioned("value", sales, prices, 24*time.Hour, turnover,
		func(_ *pipeline.Context, n, cents int64) (int64, error) { return n * cents, nil })
	noon := time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)
	pipelinetest.Example(pipeline.New("app").From(sales, prices).Add(p).To(turnover), func(d *pipelinetest.Driver) {
		d.Send(prices.Row("tea", 450).At(noon), prices.Row("tea", 500).At(noon.Add(time.Hour)),
			sales.Record("tea", 2).At(noon.Add(time.Minute)), // known only now
			sales.Record("tea", 2).At(noon.Add(time.Hour)))
		for _, m := range pipelinetest.Read(d, turnover) {
			fmt.Println(m.Time.Format("15:04"), m.Key, m.Value)
		}
	})
	// Output:
	// 12:01 tea 900
	// 13:00 tea 1000
}

func BenchmarkJoinVersioned(b *testing.B) {
	for name, t := range map[string]*pipeline.Topology{
		"inner": joinVersioned(false, 10_000, 0), "left": joinVersioned(true, 10_000, 0), "waiting": joinVersioned(false, 10_000, 2_000),
	} {
		b.Run(name, func(b *testing.B) {
			benchmark(b, t, func(i int) pipeline.Record {
				key := fmt.Sprint("key-", i/2%1_000)
				if i%2 == 0 {
					return leftTable.Row(key, "some value of a row").At(at(int64(i)))
				}
				return rights.Record(key, int64(i)).At(at(int64(i)))
			})
		})
	}
}
