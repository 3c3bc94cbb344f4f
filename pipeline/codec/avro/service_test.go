package avro_test

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/sr"
	"github.com/twmb/franz-go/pkg/sr/srfake"

	"github.com/millrace/millrace/pipeline"
	"github.com/millrace/millrace/pipeline/codec"
	"github.com/millrace/millrace/pipeline/codec/avro"
	"github.com/millrace/millrace/pipeline/codec/internal/registrytest"
	"github.com/millrace/millrace/pipeline/codec/registry"
	"github.com/millrace/millrace/pipeline/pipelinetest"
	"github.com/millrace/millrace/processors"
)

// topics are those of a shop, with their schemas in a registry.
type topics struct {
	orders, paid pipeline.Topic[order]
	totals       pipeline.Table[order]
	failed       pipeline.Topic[[]byte]
}

func topicsOf(r *registry.Registry) topics {
	of := func(name string) codec.Codec[order] {
		return avro.New[order](r, registry.TopicValue(name), orderSchema)
	}
	return topics{pipeline.NewTopic("orders", of("orders")), pipeline.NewTopic("paid", of("paid")),
		pipeline.NewTable("totals", of("totals")), pipeline.NewTopic("failed", codec.Bytes())}
}

func (ts topics) topology() *pipeline.Topology {
	return pipeline.New("shop").From(ts.orders).Add(
		processors.Filter("pay", ts.orders, ts.paid, func(_ *pipeline.Context, o order) (bool, error) { return o.Cents > 0, nil }).
			OnError(pipeline.Retry(pipeline.Unlimited, pipeline.Backoff{Min: time.Millisecond, Max: 5 * time.Millisecond}).Then(pipeline.DeadLetter(ts.failed))),
		processors.Aggregate("total", ts.paid, ts.totals, func(_ *pipeline.Context, so, o order) (order, error) {
			return order{o.ID, so.Cents + o.Cents}, nil
		})).To(ts.failed)
}

func TestService(t *testing.T) {
	f, r := registrytest.Start(t)
	ts := topicsOf(r)
	pipelinetest.Each(t, ts.topology, func(d *pipelinetest.Driver) {
		d.Send(ts.orders.Record("k", order{"a", 5}), ts.orders.Record("k", order{"b", 0}))
		d.Crash()
		d.Send(ts.orders.Record("k", order{"c", 6}))
		d.Expect(ts.paid.Record("k", order{"a", 5}), ts.paid.Record("k", order{"c", 6}), ts.totals.Row("k", order{"c", 11}))
	})
	for _, s := range []string{"paid-value", "totals-value"} {
		if !f.SubjectExists(s) {
			t.Errorf("no subject %s", s)
		}
	}
}

// All that does not fit is reported, before anything is processed.
func TestServiceDoesNotStart(t *testing.T) {
	f, r := registrytest.Start(t)
	seed(f, 1, 1, record(`{"name": "id", "type": "string"}`))
	f.Intercept(func(w http.ResponseWriter, req *http.Request) bool {
		if req.Method == http.MethodPost && strings.Contains(req.URL.Path, "/subjects/totals-value/") {
			w.WriteHeader(http.StatusConflict)
			_, _ = w.Write([]byte(`{"error_code": 409, "message": "not backward compatible"}`))
			return true
		}
		return false
	})
	err := pipelinetest.Run(topicsOf(r).topology(), func(*pipelinetest.Driver) { t.Error("it started") })
	var v *pipeline.ValidationError
	if !errors.As(err, &v) || !errors.Is(err, registry.ErrIncompatible) {
		t.Fatalf("%v, want a ValidationError", err)
	}
	var where []string
	for _, p := range v.Problems {
		where = append(where, p.Where)
	}
	if want := []string{"table totals", "topic orders"}; !slices.Equal(where, want) {
		t.Errorf("problems of %q, want of %q: %v", where, want, err)
	}
	for _, part := range []string{"orders-value, version 1", "cents", "totals-value", "not backward compatible"} {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("no %q in: %v", part, err)
		}
	}
}

// A registry that is away holds up what needs it, and nothing is lost; bytes
// that no registry can help with go to the dead letters.
func TestServiceWhileTheRegistryIsAway(t *testing.T) {
	f := srfake.New()
	t.Cleanup(f.Close)
	var away atomic.Bool
	var refused atomic.Int64
	back := make(chan struct{})
	f.Intercept(func(w http.ResponseWriter, _ *http.Request) bool {
		if !away.Load() {
			return false
		}
		w.WriteHeader(http.StatusServiceUnavailable)
		if refused.Add(1) == 3 {
			away.Store(false)
			close(back)
		}
		return true
	})
	r, err := registry.New(registry.Config{URLs: []string{f.URL()}, RetryAfter: time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.Close)
	ts := topicsOf(r)
	d := pipelinetest.New(t, ts.topology())
	later := registry.AppendHeader(nil, 77)
	f.SeedSchema("orders-value", 9, 77, sr.Schema{Schema: record(`{"name": "cents", "type": "int"}, {"name": "id", "type": "string"}`)})
	raw := pipeline.NewTopic("orders", codec.Bytes())
	d.Send(ts.orders.Record("k", order{"a", 5}))
	away.Store(true)
	d.Send(raw.Record("k", append(later, 12, 2, 'b'))) // returns once it was handled
	<-back
	d.Send(raw.Record("k", registry.AppendHeader(nil, 123456)), raw.Record("k", []byte("{}")))
	d.Expect(ts.paid.Record("k", order{"a", 5}), ts.paid.Record("k", order{"b", 6}))
	if failed := pipelinetest.Read(d, ts.failed); len(failed) != 2 {
		t.Errorf("%d dead letters, want the two that are malformed", len(failed))
	}
	if n := refused.Load(); n != 3 {
		t.Errorf("%d requests were refused, want 3", n)
	}
}

// A program whose records are Avro, with the schema in a registry.
func Example() {
	fake := srfake.New() // in place of http://localhost:8081
	defer fake.Close()
	reg, err := registry.New(registry.Config{URLs: []string{fake.URL()}})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer reg.Close()

	// doc: codec
	type Order struct {
		ID    string `avro:"id"`
		Cents int64  `avro:"cents"`
	}
	c := avro.New[Order](reg, registry.TopicValue("orders"), `{
		"type": "record", "name": "Order", "namespace": "com.example",
		"fields": [{"name": "id", "type": "string"}, {"name": "cents", "type": "long", "default": 0}]}`)
	orders := pipeline.NewTopic("orders", c)
	totals := pipeline.NewTable("totals", codec.Int64())
	// end

	t := pipeline.New("shop").From(orders).Add(processors.Aggregate("total", orders, totals,
		func(_ *pipeline.Context, so int64, o Order) (int64, error) { return so + o.Cents, nil }))
	pipelinetest.Example(t, func(d *pipelinetest.Driver) {
		d.Send(orders.Record("ada", Order{"1", 995}), orders.Record("ada", Order{"2", 500}))
		fmt.Println(pipelinetest.Rows(d, totals))
	})
	b, err := c.Append(nil, Order{"1", 995})
	fmt.Printf("%x %v\n", b, err)
	// Output:
	// map[ada:1495]
	// 00000000010231c60f <nil>
}
