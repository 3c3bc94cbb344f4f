package jsonschema_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/sr"
	"github.com/twmb/franz-go/pkg/sr/srfake"
	"pgregory.net/rapid"

	"github.com/millrace/millrace/internal/leaktest"
	"github.com/millrace/millrace/pipeline"
	"github.com/millrace/millrace/pipeline/codec"
	"github.com/millrace/millrace/pipeline/codec/internal/registrytest"
	"github.com/millrace/millrace/pipeline/codec/jsonschema"
	"github.com/millrace/millrace/pipeline/codec/registry"
	"github.com/millrace/millrace/pipeline/pipelinetest"
	"github.com/millrace/millrace/processors"
)

func TestMain(m *testing.M) { leaktest.Main(m) }

type order struct {
	ID    string         `json:"id"`
	Cents int64          `json:"cents"`
	Tags  map[string]int `json:"tags,omitempty"`
}

const orderSchema = `{"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "Order", "type": "object", "required": ["id"],
	"properties": {"id": {"type": "string", "minLength": 1}, "cents": {"type": "integer", "minimum": 0}, "tags": {"type": "object"}}}`

func check[V any](t *testing.T, c codec.Codec[V], writes bool) error {
	t.Helper()
	return c.(codec.Checker).Check(t.Context(), writes)
}

func seed(f *srfake.Registry, version, id int, text string) {
	f.SeedSchema("orders-value", version, id, sr.Schema{Schema: text, Type: sr.TypeJSON})
}

func TestBytes(t *testing.T) {
	f, r := registrytest.Start(t)
	seed(f, 1, 258, orderSchema)
	c := jsonschema.New[order](r, registry.TopicValue("orders"), orderSchema)
	b, err := c.Append([]byte("x"), order{"a", 5, map[string]int{"z": 1, "b": 2}})
	if want := "x\x00\x00\x00\x01\x02" + `{"id":"a","cents":5,"tags":{"b":2,"z":1}}`; err != nil || string(b) != want {
		t.Errorf("%q, %v; want %q", b, err, want)
	}
	if got, err := c.Decode(b[1:]); err != nil || got.ID != "a" || got.Cents != 5 || len(got.Tags) != 2 {
		t.Errorf("%v, %v", got, err)
	}
}

func TestRoundTrip(t *testing.T) {
	_, r := registrytest.Start(t)
	c := jsonschema.New[order](r, registry.TopicValue("orders"), orderSchema)
	rapid.Check(t, func(t *rapid.T) {
		v := order{ID: rapid.StringN(1, 10, -1).Draw(t, "id"), Cents: rapid.Int64Min(0).Draw(t, "cents")}
		b, err := c.Append(nil, v)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := c.Decode(b); err != nil || got.ID != v.ID || got.Cents != v.Cents {
			t.Fatalf("%v came back as %v, %v", v, got, err)
		}
	})
}

// What was written with one schema is read by a program with another.
func TestEvolution(t *testing.T) {
	object := func(required, properties string) string {
		return fmt.Sprintf(`{"title": "Order", "type": "object", "required": [%s], "properties": {%s}}`, required, properties)
	}
	const id, cents = `"id": {"type": "string"}`, `"cents": {"type": "integer"}`
	for name, tt := range map[string]struct {
		writer, reader, wrote string
		want                  order
		incompatible          bool
	}{
		"added property":            {object(`"id"`, id), object(`"id"`, id+`, `+cents), `{"id": "a"}`, order{ID: "a"}, false},
		"added required property":   {object(`"id"`, id), object(`"id", "cents"`, id+`, `+cents), `{"id": "a"}`, order{}, true},
		"removed property":          {object(`"id"`, id+`, "old": {"type": "array"}`), object(`"id"`, id), `{"id": "a", "old": [1]}`, order{ID: "a"}, false},
		"integer becomes number":    {object(`"id"`, id+`, `+cents), object(`"id"`, id+`, "cents": {"type": "number"}`), `{"id": "a", "cents": 5}`, order{ID: "a", Cents: 5}, false},
		"text becomes integer":      {object(`"id"`, id+`, "cents": {"type": "string"}`), object(`"id"`, id+`, `+cents), `{"id": "a", "cents": "5"}`, order{}, true},
		"one property deeper":       {object(`"id"`, id+`, "tags": {"type": "object", "properties": {"a": {"type": "string"}}}`), object(`"id"`, id+`, "tags": {"type": "object", "properties": {"a": {"type": "integer"}}}`), `{"id": "a"}`, order{}, true},
		"items of another type":     {`{"type": "array", "items": {"type": "string"}}`, `{"type": "array", "items": {"type": "object"}}`, `["a"]`, order{}, true},
		"another title":             {strings.Replace(object(`"id"`, id), "Order", "Invoice", 1), object(`"id"`, id), `{"id": "a"}`, order{}, true},
		"no title":                  {strings.Replace(object(`"id"`, id), `"title": "Order",`, "", 1), object(`"id"`, id), `{"id": "a"}`, order{ID: "a"}, false},
		"anything may be there":     {`true`, object(`"id"`, id), `{"id": "a"}`, order{ID: "a"}, false},
		"what cannot be compared":   {`{"anyOf": [{"type": "object"}]}`, object(`"id"`, id), `{"id": "a"}`, order{ID: "a"}, false},
		"several types, one of own": {object(`"id"`, id+`, "cents": {"type": ["integer", "null"]}`), object(`"id"`, id+`, `+cents), `{"id": "a", "cents": 5}`, order{ID: "a", Cents: 5}, false},
	} {
		t.Run(name, func(t *testing.T) {
			f, r := registrytest.Start(t)
			seed(f, 1, 1, tt.writer)
			c := jsonschema.New[order](r, registry.TopicValue("orders"), tt.reader)
			if err := check(t, c, false); errors.Is(err, registry.ErrIncompatible) != tt.incompatible || (err != nil) != tt.incompatible {
				t.Errorf("Check at start: %v", err)
			}
			got, err := c.Decode(append(registry.AppendHeader(nil, 1), tt.wrote...))
			if errors.Is(err, registry.ErrIncompatible) != tt.incompatible || !tt.incompatible && (err != nil || got.ID != tt.want.ID || got.Cents != tt.want.Cents) {
				t.Errorf("%v, %v; want %v", got, err, tt.want)
			}
		})
	}
}

func TestBadValues(t *testing.T) {
	f, r := registrytest.Start(t)
	seed(f, 1, 1, orderSchema)
	c := jsonschema.New[order](r, registry.TopicValue("orders"), orderSchema)
	for b, want := range map[string]error{
		"":                                      registry.ErrFormat,
		`{"id":"a"}`:                            registry.ErrFormat,
		"\x00\x00\x00\x00\x01":                  registry.ErrFormat,
		"\x00\x00\x00\x00\x01{":                 registry.ErrFormat,
		"\x00\x00\x00\x00\x01{}":                registry.ErrFormat, // no id
		"\x00\x00\x00\x00\x01{\"id\":1}":        registry.ErrFormat,
		"\x00\x00\x00\x00\x01{\"id\":\"a\"} {}": registry.ErrFormat,
		"\x00\x00\x00\x00\x01{\"id\":\"a\",\"cents\":-1}":    registry.ErrFormat,
		"\x00\x00\x00\x00\x01" + strings.Repeat("[", 20_000): registry.ErrFormat,
		"\x00\x00\x00\x00\x07{\"id\":\"a\"}":                 registry.ErrUnknownSchema,
	} {
		if got, err := c.Decode([]byte(b)); !errors.Is(err, want) {
			t.Errorf("%.60q: %v, %v; want %v", b, got, err, want)
		}
	}
	for _, v := range []order{{}, {ID: "a", Cents: -1}} {
		if b, err := c.Append(nil, v); err == nil {
			t.Errorf("%v breaks the schema and was encoded as %q", v, b)
		}
	}
}

func TestBadCodecs(t *testing.T) {
	_, r := registrytest.Start(t)
	file := filepath.Join(t.TempDir(), "schema.json")
	if err := os.WriteFile(file, []byte(`{"type": "object"}`), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]codec.Codec[order]{
		"no JSON":       jsonschema.New[order](r, registry.TopicValue("orders"), "{"),
		"no schema":     jsonschema.New[order](r, registry.TopicValue("orders"), `{"type": 7}`),
		"a bad pattern": jsonschema.New[order](r, registry.TopicValue("orders"), `{"pattern": "("}`),
		"a file":        jsonschema.New[order](r, registry.TopicValue("orders"), `{"$ref": "file://`+file+`"}`),
		"a URL":         jsonschema.New[order](r, registry.TopicValue("orders"), `{"$ref": "http://127.0.0.1/x"}`),
		"no registry":   jsonschema.New[order](nil, registry.TopicValue("orders"), orderSchema),
		"no title":      jsonschema.New[order](r, registry.RecordName(), `{"type": "object"}`),
	} {
		_, err := c.Append(nil, order{ID: "a"})
		_, derr := c.Decode([]byte("\x00\x00\x00\x00\x01{}"))
		if cerr := check(t, c, true); cerr == nil || err == nil || derr == nil {
			t.Errorf("%s: %v, %v, %v", name, cerr, err, derr)
		}
	}
}

// With UseLatest a value must follow the newest schema, with what that refers to.
func TestUseLatest(t *testing.T) {
	f, r := registrytest.Start(t)
	f.SeedSchema("id", 1, 1, sr.Schema{Schema: `{"type": "string", "minLength": 2}`, Type: sr.TypeJSON})
	f.SeedSchema("orders-value", 1, 2, sr.Schema{Schema: `{"title": "Order", "type": "object", "properties": {"id": {"$ref": "id.json"}}}`, Type: sr.TypeJSON,
		References: []sr.SchemaReference{{Name: "id.json", Subject: "id", Version: 1}}})
	c := jsonschema.New[order](r, registry.TopicValue("orders"), orderSchema, registry.UseLatest())
	if b, err := c.Append(nil, order{ID: "ab"}); err != nil || b[4] != 2 {
		t.Errorf("%q, %v", b, err)
	}
	if b, err := c.Append(nil, order{ID: "a"}); err == nil {
		t.Errorf("it breaks the newest schema and was encoded as %q", b)
	}
}

func TestService(t *testing.T) {
	_, r := registrytest.Start(t)
	in := pipeline.NewTopic("in", jsonschema.New[order](r, registry.TopicValue("in"), orderSchema))
	out := pipeline.NewTopic("out", jsonschema.New[order](r, registry.TopicKey("out"), orderSchema))
	d := pipelinetest.New(t, pipeline.New("t").From(in).Add(processors.Map("m", in, out,
		func(_ *pipeline.Context, o order) (order, error) { o.Cents++; return o, nil })).To(out))
	d.Send(in.Record("k", order{ID: "a"}))
	d.Expect(out.Record("k", order{ID: "a", Cents: 1}))
}

func FuzzDecode(f *testing.F) {
	fk, r := registrytest.Start(f)
	seed(fk, 1, 1, orderSchema)
	c := jsonschema.New[order](r, registry.TopicValue("orders"), orderSchema)
	f.Add([]byte(`{"id":"a","cents":5}`))
	f.Add([]byte(`{"title":"Order","required":["id"],"properties":{"id":{"$ref":"#"}},"items":[true]}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		if v, err := c.Decode(append([]byte{0, 0, 0, 0, 1}, b...)); err == nil {
			again, err := c.Append(nil, v)
			if err != nil {
				t.Fatalf("%+v was decoded and does not encode: %v", v, err)
			}
			if _, err := c.Decode(again); err != nil {
				t.Fatal(err)
			}
		}
		jsonschema.New[order](r, registry.TopicValue("orders"), string(b))
	})
}

// A topic of JSON that follows a schema.
func Example() {
	fake := srfake.New() // in place of http://localhost:8081
	defer fake.Close()
	reg, err := registry.New(registry.Config{URLs: []string{fake.URL()}})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer reg.Close()
	type Order struct {
		ID    string `json:"id"`
		Cents int64  `json:"cents"`
	}
	c := jsonschema.New[Order](reg, registry.TopicValue("orders"), `{
		"title": "Order", "type": "object", "required": ["id"],
		"properties": {"id": {"type": "string"}, "cents": {"type": "integer", "minimum": 0}}}`)
	b, err := c.Append(nil, Order{"1", 995})
	fmt.Printf("%q %v\n", b, err)
	_, err = c.Append(nil, Order{"2", -1})
	fmt.Println(err != nil)
	// Output:
	// "\x00\x00\x00\x00\x01{\"id\":\"1\",\"cents\":995}" <nil>
	// true
}
