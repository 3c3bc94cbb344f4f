package processors_test

import (
	"errors"
	"fmt"
	"maps"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/millrace/millrace/pipeline"
	"github.com/millrace/millrace/pipeline/codec"
	"github.com/millrace/millrace/pipeline/pipelinetest"
	"github.com/millrace/millrace/processors"
)

func toTable(opts ...processors.TableOption) *pipeline.Topology {
	return pipeline.New("t").From(lefts).Add(processors.ToTable("keep", lefts, names, opts...))
}

// The model is a map with the time of each key's last update, and what is deleted
// when it is old enough, with stream time looked at after each record.
func TestToTableProperty(t *testing.T) {
	const ttl = 10
	for name, opts := range map[string][]processors.TableOption{
		"plain": nil, "ordered": {processors.DropOutOfOrder()}, "ttl": {processors.TTL(ttl * time.Millisecond)},
		"ordered ttl": {processors.DropOutOfOrder(), processors.TTL(ttl * time.Millisecond)},
	} {
		ordered, expires := strings.HasPrefix(name, "ordered"), strings.HasSuffix(name, "ttl")
		t.Run(name, func(t *testing.T) {
			rapid.Check(t, func(rt *rapid.T) {
				cs := changes(rt)
				crash := rapid.IntRange(0, len(cs)).Draw(rt, "crash after")
				restart := rapid.IntRange(0, len(cs)).Draw(rt, "restart after")
				var errs []string
				t.Run("", func(t *testing.T) {
					d := pipelinetest.New(t, toTable(opts...))
					want := map[string]string{}
					touched, last := map[string]int64{}, map[string]int64{}
					now := int64(0)
					for i, c := range cs {
						if i == crash {
							d.Crash()
						}
						if i == restart {
							d.Restart()
						}
						v := fmt.Sprint(i)
						now = max(now, c.at)
						if l, ok := last[c.key]; !ordered || !ok || c.at >= l {
							last[c.key] = c.at
							if _, ok := touched[c.key]; !ok || c.at > touched[c.key] {
								touched[c.key] = c.at
							}
							want[c.key] = v
							if c.deleted {
								delete(want, c.key)
								if !ordered {
									delete(touched, c.key)
								}
							}
						}
						if c.deleted {
							d.Send(lefts.Tombstone(c.key).At(at(c.at)))
						} else {
							d.Send(lefts.Record(c.key, v).At(at(c.at)))
						}
						for k, at := range touched {
							if expires && now >= at+ttl {
								delete(want, k)
								delete(touched, k)
								delete(last, k)
							}
						}
						if got := pipelinetest.Rows(d, names); !maps.Equal(got, want) {
							errs = append(errs, fmt.Sprintf("change %d, %+v: got %v, want %v", i, c, got, want))
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

// A key that is updated all the time has one timer, which is not written anew.
func TestTTLTimersSetThemselvesAgain(t *testing.T) {
	d := pipelinetest.New(t, toTable(processors.TTL(100*time.Millisecond)))
	timers := pipeline.NewTopic("t-keep-ttl-timers", codec.Bytes())
	for i := range 50 {
		d.Send(lefts.Record("k", fmt.Sprint(i)).At(at(int64(i))))
	}
	written := 0
	for _, m := range pipelinetest.Read(d, timers) {
		if strings.HasSuffix(m.Key, "k") && !m.Deleted {
			written++
		}
	}
	if written != 1 {
		t.Errorf("the timer was written %d times", written)
	}
	d.Send(lefts.Record("other", "").At(at(148)))
	if got := pipelinetest.Rows(d, names)["k"]; got != "49" {
		t.Errorf("got %q a millisecond before the end", got)
	}
	d.Send(lefts.Record("other", "").At(at(149)))
	if got, ok := pipelinetest.Rows(d, names)["k"]; ok {
		t.Errorf("got %q at the end", got)
	}
}

func TestTTLByClock(t *testing.T) {
	d := pipelinetest.New(t, toTable(processors.TTLByClock(time.Minute)))
	d.Send(lefts.Record("k", "v"))
	d.Advance(40 * time.Second)
	d.Send(lefts.Record("k", "w"))
	d.Crash()
	d.Advance(59 * time.Second)
	if got := pipelinetest.Rows(d, names)["k"]; got != "w" {
		t.Errorf("got %q before the end", got)
	}
	d.Advance(time.Second)
	if got, ok := pipelinetest.Rows(d, names)["k"]; ok {
		t.Errorf("got %q at the end", got)
	}
}

func TestToTableErrors(t *testing.T) {
	for _, opt := range []processors.TableOption{processors.TTL(0), processors.OutOfOrderTo(results)} {
		if err := toTable(opt).Validate(); !errors.Is(err, pipeline.ErrConfig) {
			t.Errorf("got %v", err)
		}
	}
	d := pipelinetest.New(t, toTable())
	if err := d.TrySend(lefts.Record("", "l").Unkeyed()); !errors.Is(err, pipeline.ErrNoKey) {
		t.Errorf("got %v", err)
	}
}

func TestToStream(t *testing.T) {
	d := pipelinetest.New(t, pipeline.New("t").From(names).Add(processors.ToStream("changes", names, texts)).To(texts))
	d.Send(names.Row("k", "a").At(at(1)), names.Row("k", "b").At(at(3)), names.Deleted("k").At(at(2)))
	d.Expect(texts.Record("k", "a").At(at(1)), texts.Record("k", "b").At(at(3)), texts.Tombstone("k").At(at(2)))
}

// The last page that each visitor asked for, until half an hour later.
func ExampleToTable() {
	visits := pipeline.NewTopic("visits", codec.String())
	present := pipeline.NewTable("present", codec.String())
	p := processors.ToTable("present", visits, present, processors.TTL(30*time.Minute), processors.DropOutOfOrder())
	noon := time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)
	pipelinetest.Example(pipeline.New("app").From(visits).Add(p), func(d *pipelinetest.Driver) {
		d.Send(visits.Record("ada", "/1").At(noon), visits.Record("ada", "/2").At(noon.Add(10*time.Minute)),
			visits.Record("ada", "/0").At(noon.Add(-time.Minute)), // too late
			visits.Record("bob", "/1").At(noon.Add(39*time.Minute)))
		fmt.Println(pipelinetest.Rows(d, present))
		d.Send(visits.Record("bob", "/2").At(noon.Add(40 * time.Minute)))
		fmt.Println(pipelinetest.Rows(d, present))
	})
	// Output:
	// map[ada:/2 bob:/1]
	// map[bob:/2]
}

func BenchmarkToTable(b *testing.B) {
	b.Run("in order, the rest aside", func(b *testing.B) { // every second one
		benchmark(b, toTable(processors.OutOfOrderTo(texts)).To(texts), func(i int) pipeline.Record {
			return lefts.Record(fmt.Sprint("key-", i/2%10_000), "some value of a record").At(at(int64(i - i%2*100)))
		})
	})
	for name, opts := range map[string][]processors.TableOption{
		"plain": nil, "in order": {processors.DropOutOfOrder()}, "TTL": {processors.TTL(10 * time.Second)},
		"TTL by the clock": {processors.TTLByClock(time.Hour)}, "TTL, in order": {processors.TTL(10 * time.Second), processors.DropOutOfOrder()},
	} {
		b.Run(name, func(b *testing.B) {
			benchmark(b, toTable(opts...), func(i int) pipeline.Record {
				return lefts.Record(fmt.Sprint("key-", i%10_000), "some value of a record").At(at(int64(i)))
			})
		})
	}
}
