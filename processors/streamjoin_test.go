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

var (
	lefts      = pipeline.NewTopic("lefts", codec.String())
	rights     = pipeline.NewTopic("rights", codec.Int64())
	joined     = pipeline.NewTopic("joined", codec.String())
	leftsLate  = pipeline.NewTopic("lefts.late", codec.String())
	rightsLate = pipeline.NewTopic("rights.late", codec.Int64())
)

func at(ms int64) time.Time { return start.Add(time.Duration(ms) * time.Millisecond) }

// window is a JoinWindows in ms.
type window struct{ before, after, grace int64 }

func (w window) join() processors.JoinWindows {
	ms := time.Millisecond
	return processors.Within(time.Hour).Before(time.Duration(w.before) * ms).After(time.Duration(w.after) * ms).Grace(time.Duration(w.grace) * ms)
}

// joinStreams is a topology that joins lefts and rights; kind is inner, left or
// outer. What is missing is "-".
func joinStreams(kind string, w window) *pipeline.Topology {
	late := []processors.StreamJoinOption{processors.LateLeft(leftsLate), processors.LateRight(rightsLate)}
	var p *pipeline.Processor
	switch kind {
	case "inner":
		p = processors.JoinStreams("join", lefts, rights, w.join(), joined,
			func(_ *pipeline.Context, l string, r int64) (string, error) { return fmt.Sprint(l, "+", r), nil }, late...)
	case "left":
		p = processors.LeftJoinStreams("join", lefts, rights, w.join(), joined,
			func(_ *pipeline.Context, l string, r int64, ok bool) (string, error) {
				if !ok {
					return l + "+-", nil
				}
				return fmt.Sprint(l, "+", r), nil
			}, late...)
	default:
		p = processors.OuterJoinStreams("join", lefts, rights, w.join(), joined,
			func(_ *pipeline.Context, l *string, r *int64) (string, error) {
				a, b := "-", "-"
				if l != nil {
					a = *l
				}
				if r != nil {
					b = fmt.Sprint(*r)
				}
				return a + "+" + b, nil
			}, late...)
	}
	return pipeline.New("t").From(lefts, rights).Add(p).To(joined, leftsLate, rightsLate)
}

// arrival is a record of one of two streams.
type arrival struct {
	right bool
	key   string
	at    int64
	n     int
}

func (a arrival) record() pipeline.Record {
	if a.right {
		return rights.Record(a.key, int64(a.n)).At(at(a.at))
	}
	return lefts.Record(a.key, fmt.Sprint(a.n)).At(at(a.at))
}

// streamJoinModel says what a join has to emit, in the order in which it may:
// after the arrival of each record its joins, then what is padded.
type streamJoinModel struct {
	w     window
	left  bool // pads left records
	right bool
	now   int64
	late  []string
	kept  []kept
}

type kept struct {
	arrival
	matched, closed bool
}

func (w window) ahead(right bool) int64 {
	if right {
		return w.before
	}
	return w.after
}

func (m *streamJoinModel) arrive(a arrival) (joins, pads []string) {
	m.now = max(m.now, a.at)
	if m.now > a.at+max(m.w.ahead(a.right), 0)+m.w.grace {
		m.late = append(m.late, fmt.Sprintf("%s %d@%d", a.key, a.n, a.at))
	} else {
		k := kept{arrival: a}
		var partners []int
		for i, o := range m.kept {
			l, r := a, o.arrival
			if a.right {
				l, r = r, l
			}
			if o.right != a.right && o.key == a.key && r.at >= l.at-m.w.before && r.at <= l.at+m.w.after &&
				m.now <= o.at+m.w.ahead(o.right)+m.w.grace {
				partners = append(partners, i)
			}
		}
		slices.SortStableFunc(partners, func(i, j int) int { return int(m.kept[i].at - m.kept[j].at) })
		for _, i := range partners {
			o := &m.kept[i]
			o.matched, k.matched = true, true
			l, r := a, o.arrival
			if a.right {
				l, r = r, l
			}
			joins = append(joins, fmt.Sprintf("%s %d+%d@%d", a.key, l.n, r.n, max(l.at, r.at)))
		}
		m.kept = append(m.kept, k)
	}
	for i := range m.kept {
		k := &m.kept[i]
		if k.closed || m.now <= k.at+m.w.ahead(k.right)+m.w.grace {
			continue
		}
		k.closed = true
		switch {
		case k.matched:
		case k.right && m.right:
			pads = append(pads, fmt.Sprintf("%s -+%d@%d", k.key, k.n, k.at))
		case !k.right && m.left:
			pads = append(pads, fmt.Sprintf("%s %d+-@%d", k.key, k.n, k.at))
		}
	}
	slices.Sort(pads)
	return joins, pads
}

func readJoined[V any](d *pipelinetest.Driver, topic pipeline.Topic[V]) (out []string) {
	for _, m := range pipelinetest.Read(d, topic) {
		out = append(out, fmt.Sprintf("%s %v@%d", m.Key, m.Value, m.Time.Sub(start).Milliseconds()))
	}
	return out
}

func TestJoinStreamsProperty(t *testing.T) {
	for _, kind := range []string{"inner", "left", "outer"} {
		t.Run(kind, func(t *testing.T) {
			rapid.Check(t, func(rt *rapid.T) {
				w := rapid.SampledFrom([]window{{10, 10, 0}, {5, 20, 10}, {0, 10, 5}, {10, 0, 5}, {0, 0, 3}, {-2, 8, 0}, {8, -2, 4}, {10, 10, 100}}).Draw(rt, "window")
				rs := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) arrival {
					return arrival{right: rapid.Bool().Draw(t, "right"), key: rapid.SampledFrom([]string{"a", "ab", ""}).Draw(t, "key"),
						at: rapid.Int64Range(0, 60).Draw(t, "at")}
				}), 1, 25).Draw(rt, "records")
				crash := rapid.IntRange(0, len(rs)).Draw(rt, "crash after")
				restart := rapid.IntRange(0, len(rs)).Draw(rt, "restart after")
				m := &streamJoinModel{w: w, left: kind != "inner", right: kind == "outer"}
				var errs []string
				t.Run("", func(t *testing.T) {
					d := pipelinetest.New(t, joinStreams(kind, w))
					for i, r := range append(rs, arrival{key: "end", at: 1000}, arrival{key: "end", at: 2000}) {
						if r.n = i; i == crash {
							d.Crash()
						}
						if i == restart {
							d.Restart()
						}
						d.Send(r.record())
						joins, pads := m.arrive(r)
						got := readJoined(d, joined)
						if len(got) > len(joins) {
							slices.Sort(got[len(joins):])
						}
						if want := append(joins, pads...); !slices.Equal(got, want) {
							errs = append(errs, fmt.Sprintf("record %d, %+v: got %q, want %q", i, r, got, want))
						}
					}
					late := append(readJoined(d, leftsLate), readJoined(d, rightsLate)...)
					slices.Sort(late)
					slices.Sort(m.late)
					if !slices.Equal(late, m.late) {
						errs = append(errs, fmt.Sprintf("late: got %q, want %q", late, m.late))
					}
				})
				if errs != nil {
					rt.Fatal(strings.Join(errs, "\n"))
				}
			})
		})
	}
}

func TestJoinStreamsEdges(t *testing.T) {
	l := func(ms int64, v string) pipeline.Record { return lefts.Record("k", v).At(at(ms)) }
	r := func(ms int64, v int64) pipeline.Record { return rights.Record("k", v).At(at(ms)) }
	for _, c := range []struct {
		name string
		kind string
		w    window
		in   []pipeline.Record
		want string
	}{
		{"both ends belong to the window", "inner", window{10, 20, 100},
			[]pipeline.Record{l(100, "l"), r(89, 1), r(90, 2), r(120, 3), r(121, 4)}, "k l+2@100 k l+3@120"},
		{"duplicates are kept", "inner", window{1, 1, 0},
			[]pipeline.Record{l(5, "a"), l(5, "a"), r(5, 1), r(5, 1)}, "k a+1@5 k a+1@5 k a+1@5 k a+1@5"},
		{"padded one millisecond after the end of the window", "left", window{5, 10, 0},
			[]pipeline.Record{l(0, "l"), l(10, "m"), l(11, "n")}, "k l+-@0"},
		{"not padded within the grace", "left", window{5, 10, 7},
			[]pipeline.Record{l(0, "l"), l(17, "m")}, ""},
		{"never padded after a match", "left", window{5, 10, 0},
			[]pipeline.Record{l(0, "l"), r(10, 1), l(500, "m")}, "k l+1@10"},
		{"a match within the grace counts", "left", window{5, 10, 10},
			[]pipeline.Record{l(0, "l"), l(20, "m"), r(10, 1), l(21, "n"), l(200, "o")},
			"k l+1@10 k m+-@20 k n+-@21"},
		{"right records are padded by the time before", "outer", window{5, 10, 0},
			[]pipeline.Record{r(0, 1), r(5, 2), r(6, 3)}, "k -+1@0"},
		{"right records of a left join are not padded", "left", window{5, 10, 0},
			[]pipeline.Record{r(0, 1), r(500, 2)}, ""},
		{"a late record is not joined", "inner", window{10, 10, 0},
			[]pipeline.Record{r(0, 1), r(100, 2), l(89, "late"), l(90, "l")}, "k l+2@100"},
		{"a window is open at its very end", "inner", window{5, 10, 0},
			[]pipeline.Record{l(10, "m"), l(0, "l"), r(5, 1)}, "k l+1@5 k m+1@10"},
		{"a window that ends before its record", "outer", window{-2, 8, 0},
			[]pipeline.Record{l(0, "l"), r(1, 1), r(2, 2)}, "k -+1@1 k l+2@2"},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := pipelinetest.New(t, joinStreams(c.kind, c.w))
			d.Send(c.in...)
			if got := strings.Join(readJoined(d, joined), " "); got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

// A record without a key has no partner.
func TestJoinStreamsWithoutKey(t *testing.T) {
	d := pipelinetest.New(t, joinStreams("left", window{10, 10, 0}))
	d.Send(lefts.Record("", "l").Unkeyed())
	if got := readJoined(d, joined); len(got) != 1 || !strings.HasPrefix(got[0], " l+-") {
		t.Errorf("got %q", got)
	}
	d = pipelinetest.New(t, joinStreams("inner", window{10, 10, 0}))
	if err := d.TrySend(lefts.Record("", "l").Unkeyed()); !errors.Is(err, pipeline.ErrNoKey) {
		t.Errorf("got %v", err)
	}
}

// What waited is gone once its windows are closed, however many keys there were.
func TestJoinStreamsStateIsBounded(t *testing.T) {
	d := pipelinetest.New(t, joinStreams("outer", window{10, 10, 5}))
	for n := range 20 {
		var rs []pipeline.Record
		for i := range 50 {
			ms := int64(50*n + i)
			rs = append(rs, lefts.Record(fmt.Sprint("key-", ms), "l").At(at(ms)), rights.Record(fmt.Sprint("key-", ms), 1).At(at(ms)))
		}
		d.Pipe(rs...)
		for _, name := range []string{"t-join-left", "t-join-right"} {
			rows := len(pipelinetest.Rows(d, pipeline.NewTable(name, codec.Bytes())))
			timers := len(pipelinetest.Rows(d, pipeline.NewTable(name+"-timers", codec.Bytes())))
			if rows > 16 || timers > 16+1 {
				t.Fatalf("%s: %d rows and %d timers, want those of 16 ms", name, rows, timers)
			}
		}
	}
}

func TestJoinStreamsReportsWrongArguments(t *testing.T) {
	w := processors.Within(-time.Second).Grace(-time.Second)
	p := processors.JoinStreams("join", lefts, rights, w, joined,
		func(*pipeline.Context, string, int64) (string, error) { return "", nil }, processors.LateLeft(rightsLate))
	err := pipeline.New("t").From(lefts, rights).Add(p).To(joined).Validate()
	if !errors.Is(err, pipeline.ErrConfig) {
		t.Fatalf("got %v", err)
	}
	for _, what := range []string{"ends before it begins", "a grace of -1s", "rights.late"} {
		if !strings.Contains(err.Error(), what) {
			t.Errorf("%q is not in: %v", what, err)
		}
	}
}
