package avro_test

import (
	"context"
	"encoding/hex"
	"errors"
	"net/http"
	"reflect"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/twmb/franz-go/pkg/sr"
	"github.com/twmb/franz-go/pkg/sr/srfake"
	"pgregory.net/rapid"

	"github.com/millrace/millrace/internal/leaktest"
	"github.com/millrace/millrace/pipeline/codec"
	"github.com/millrace/millrace/pipeline/codec/avro"
	"github.com/millrace/millrace/pipeline/codec/internal/registrytest"
	"github.com/millrace/millrace/pipeline/codec/registry"
)

func TestMain(m *testing.M) { leaktest.Main(m) }

type order struct {
	ID    string `avro:"id"`
	Cents int64  `avro:"cents"`
}

const orderSchema = `{"type": "record", "name": "Order", "namespace": "com.example", "fields": [
	{"name": "id", "type": "string"}, {"name": "cents", "type": "long"}]}`

func seed(f *srfake.Registry, version, id int, text string) {
	f.SeedSchema("orders-value", version, id, sr.Schema{Schema: text, Type: sr.TypeAvro})
}

// The bytes of a record, worked out by hand from Avro's specification.
func TestBytes(t *testing.T) {
	f, r := registrytest.Start(t)
	seed(f, 1, 258, orderSchema)
	c := avro.New[order](r, registry.TopicValue("orders"), orderSchema)
	b, err := c.Append([]byte("x"), order{"ab", -3})
	if want := hex.EncodeToString([]byte("x")) + "0000000102" + "046162" + "05"; err != nil || hex.EncodeToString(b) != want {
		t.Errorf("%x, %v; want %s", b, err, want)
	}
	if got, err := c.Decode(b[1:]); err != nil || got != (order{"ab", -3}) {
		t.Errorf("%v, %v", got, err)
	}
}

func record(fields string) string {
	return `{"type": "record", "name": "Order", "namespace": "com.example", "fields": [` + fields + `]}`
}

// What was written with one schema is read by a program with another.
func TestEvolution(t *testing.T) {
	const id, cents = `{"name": "id", "type": "string"}`, `{"name": "cents", "type": "long"}`
	for name, tt := range map[string]struct {
		writer, reader string
		wrote          map[string]any
		want           any
		incompatible   bool
	}{
		"added field with a default": {record(id), record(id + `, {"name": "cents", "type": "long", "default": 7}`),
			map[string]any{"id": "a"}, order{"a", 7}, false},
		"added field without": {record(id), record(id + `, ` + cents), map[string]any{"id": "a"}, nil, true},
		"removed field":       {record(id + `, {"name": "old", "type": {"type": "map", "values": "string"}}, ` + cents), record(id + `, ` + cents), map[string]any{"id": "a", "old": map[string]string{"x": "y"}, "cents": int64(5)}, order{"a", 5}, false},
		"renamed with alias":  {record(id + `, {"name": "price", "type": "long"}`), record(id + `, {"name": "cents", "type": "long", "aliases": ["price"]}`), map[string]any{"id": "a", "price": int64(5)}, order{"a", 5}, false},
		"renamed without":     {record(id + `, {"name": "price", "type": "long"}`), record(id + `, ` + cents), map[string]any{"id": "a", "price": int64(5)}, nil, true},
		"int becomes long":    {record(id + `, {"name": "cents", "type": "int"}`), record(id + `, ` + cents), map[string]any{"id": "a", "cents": int32(5)}, order{"a", 5}, false},
		"long becomes int":    {record(id + `, ` + cents), record(id + `, {"name": "cents", "type": "int"}`), map[string]any{"id": "a", "cents": int64(5)}, nil, true},
		"other order":         {record(cents + `, ` + id), record(id + `, ` + cents), map[string]any{"id": "a", "cents": int64(5)}, order{"a", 5}, false},
		"number becomes text": {record(id + `, ` + cents), record(id + `, {"name": "cents", "type": "string"}`), map[string]any{"id": "a", "cents": int64(5)}, nil, true},
		"another record":      {`{"type": "record", "name": "Invoice", "fields": [` + id + `, ` + cents + `]}`, record(id + `, ` + cents), map[string]any{"id": "a", "cents": int64(5)}, nil, true},
		"record under an alias": {`{"type": "record", "name": "Invoice", "fields": [` + id + `, ` + cents + `]}`, `{"type": "record", "name": "Order", "aliases": ["Invoice"], "fields": [` + id + `, ` + cents + `]}`,
			map[string]any{"id": "a", "cents": int64(5)}, order{"a", 5}, false},
	} {
		t.Run(name, func(t *testing.T) {
			f, r := registrytest.Start(t)
			seed(f, 1, 1, tt.writer)
			seed(f, 2, 2, tt.reader)
			b, err := avro.New[map[string]any](r, registry.TopicValue("orders"), tt.writer).Append(nil, tt.wrote)
			if err != nil {
				t.Fatal(err)
			}
			reader := avro.New[order](r, registry.TopicValue("orders"), tt.reader)
			got, err := reader.Decode(b)
			switch {
			case tt.incompatible && !errors.Is(err, registry.ErrIncompatible):
				t.Errorf("decoded as %v, %v; want ErrIncompatible", got, err)
			case !tt.incompatible && (err != nil || got != tt.want):
				t.Errorf("decoded as %v, %v; want %v", got, err, tt.want)
			}
			f2, r2 := registrytest.Start(t)
			seed(f2, 1, 1, tt.writer)
			err = check(t, avro.New[order](r2, registry.TopicValue("orders"), tt.reader), false)
			if errors.Is(err, registry.ErrIncompatible) != tt.incompatible || (err != nil) != tt.incompatible {
				t.Errorf("Check at start: %v", err)
			}
			if err != nil && !strings.Contains(err.Error(), "orders-value, version 1") {
				t.Errorf("it does not say where: %v", err)
			}
		})
	}
}

func check[V any](t *testing.T, c codec.Codec[V], writes bool) error {
	t.Helper()
	checker, ok := c.(codec.Checker)
	if !ok {
		t.Fatal("the codec is no Checker")
	}
	return checker.Check(t.Context(), writes)
}

// A program that has an older schema than the newest writes with that one.
func TestUseLatest(t *testing.T) {
	f, r := registrytest.Start(t)
	latest := record(`{"name": "currency", "type": "string", "default": "EUR"}, {"name": "cents", "type": ["null", "long"], "default": null}, {"name": "id", "type": "string"}`)
	seed(f, 1, 1, orderSchema)
	seed(f, 2, 2, latest)
	c := avro.New[order](r, registry.TopicValue("orders"), orderSchema, registry.UseLatest())
	b, err := c.Append(nil, order{"a", 5})
	if err != nil {
		t.Fatal(err)
	}
	got, err := avro.New[map[string]any](r, registry.TopicValue("orders"), latest).Decode(b)
	if want := map[string]any{"currency": "EUR", "cents": int64(5), "id": "a"}; err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%v, %v; want %v", got, err, want)
	}
	seed(f, 3, 3, record(`{"name": "id", "type": "string"}, {"name": "needed", "type": "string"}`))
	if err := check(t, avro.New[order](r, registry.TopicValue("orders"), orderSchema, registry.UseLatest()), true); !errors.Is(err, registry.ErrIncompatible) {
		t.Errorf("a newest schema with a field that the program does not know: %v", err)
	}
}

type tree struct {
	Name  string           `avro:"name"`
	Tags  map[string]int64 `avro:"tags"`
	Kids  []tree           `avro:"kids"`
	Named map[string]tree  `avro:"named"`
	Kind  string           `avro:"kind"`
	Note  *string          `avro:"note"`
	Ok    bool             `avro:"ok"`
	F     float32          `avro:"f"`
	D     float64          `avro:"d"`
	Hash  [3]byte          `avro:"hash"`
	Raw   []byte           `avro:"raw"`
}

const treeSchema = `{"type": "record", "name": "Tree", "namespace": "t", "fields": [
	{"name": "name", "type": "string"}, {"name": "tags", "type": {"type": "map", "values": "long"}},
	{"name": "kids", "type": {"type": "array", "items": "Tree"}}, {"name": "named", "type": {"type": "map", "values": "t.Tree"}},
	{"name": "kind", "type": {"type": "enum", "name": "Kind", "symbols": ["leaf", "branch"]}},
	{"name": "note", "type": ["null", "string"]}, {"name": "ok", "type": "boolean"}, {"name": "f", "type": "float"},
	{"name": "d", "type": "double"}, {"name": "hash", "type": {"type": "fixed", "name": "Hash", "size": 3}}, {"name": "raw", "type": "bytes"}]}`

func drawTree(t *rapid.T, depth int) tree {
	v := tree{Name: rapid.String().Draw(t, "name"), Tags: rapid.MapOfN(rapid.String(), rapid.Int64(), 0, 5).Draw(t, "tags"),
		Kind: rapid.SampledFrom([]string{"leaf", "branch"}).Draw(t, "kind"), Kids: []tree{}, Named: map[string]tree{},
		Ok: rapid.Bool().Draw(t, "ok"), F: rapid.Float32().Draw(t, "f"), D: rapid.Float64().Draw(t, "d"), Raw: rapid.SliceOf(rapid.Byte()).Draw(t, "raw")}
	copy(v.Hash[:], v.Raw)
	if rapid.Bool().Draw(t, "noted") {
		note := rapid.String().Draw(t, "note")
		v.Note = &note
	}
	if depth > 0 {
		for range rapid.IntRange(0, 2).Draw(t, "kids") {
			v.Kids = append(v.Kids, drawTree(t, depth-1))
		}
		for _, k := range rapid.SliceOfNDistinct(rapid.String(), 0, 3, rapid.ID).Draw(t, "named") {
			v.Named[k] = drawTree(t, depth-1)
		}
	}
	return v
}

// Equal values have equal bytes, whatever the order of Go's maps, and come
// back as they were.
func TestMapsAreSorted(t *testing.T) {
	_, r := registrytest.Start(t)
	c := avro.New[tree](r, registry.TopicValue("trees"), treeSchema)
	rapid.Check(t, func(t *rapid.T) {
		v := drawTree(t, 2)
		b, err := c.Append(nil, v)
		if err != nil {
			t.Fatal(err)
		}
		got, err := c.Decode(b)
		if err != nil || !reflect.DeepEqual(got, v) {
			t.Fatalf("%+v came back as %+v, %v", v, got, err)
		}
		for range 3 {
			again, err := c.Append(nil, got)
			if err != nil || string(again) != string(b) {
				t.Fatalf("%x, then %x, %v", b, again, err)
			}
		}
	})
}

func TestBadValues(t *testing.T) {
	f, r := registrytest.Start(t)
	seed(f, 1, 1, orderSchema)
	f.SeedSchema("other", 1, 2, sr.Schema{Schema: `{"type": "object"}`, Type: sr.TypeJSON})
	c := avro.New[order](r, registry.TopicValue("orders"), orderSchema)
	for name, tt := range map[string]struct {
		b    string
		want error
	}{
		"nothing":               {"", registry.ErrFormat},
		"no magic byte":         {"01000000010461620a", registry.ErrFormat},
		"JSON":                  {hex.EncodeToString([]byte(`{"id":"a"}`)), registry.ErrFormat},
		"no payload":            {"0000000001", registry.ErrFormat},
		"a cut payload":         {"00000000010461", registry.ErrFormat},
		"a long length":         {"0000000001feffffff0f61", registry.ErrFormat},
		"bytes after the value": {"000000000104616205ff", registry.ErrFormat},
		"id 0":                  {"00000000000461620a", registry.ErrFormat},
		"a negative id":         {"00ffffffff0461620a", registry.ErrFormat},
		"an unknown id":         {"007fffffff0461620a", registry.ErrUnknownSchema},
		"a schema of JSON":      {"00000000027b7d", registry.ErrIncompatible},
	} {
		b, err := hex.DecodeString(tt.b)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := c.Decode(b); !errors.Is(err, tt.want) || got != (order{}) {
			t.Errorf("%s: %v, %v; want %v", name, got, err, tt.want)
		}
	}
}

func TestBadCodecs(t *testing.T) {
	_, r := registrytest.Start(t)
	for name, c := range map[string]codec.Codec[order]{
		"no schema":        avro.New[order](r, registry.TopicValue("orders"), ""),
		"no valid schema":  avro.New[order](r, registry.TopicValue("orders"), `{"type": "record"}`),
		"no registry":      avro.New[order](nil, registry.TopicValue("orders"), orderSchema),
		"no subject":       avro.New[order](r, nil, orderSchema),
		"a nameless value": avro.New[order](r, registry.RecordName(), `{"type": "map", "values": "long"}`),
	} {
		if err := check(t, c, true); err == nil {
			t.Errorf("%s: Check found nothing", name)
		}
		if _, err := c.Append(nil, order{}); err == nil {
			t.Errorf("%s: it encoded", name)
		}
		if _, err := c.Decode([]byte{0, 0, 0, 0, 1}); err == nil {
			t.Errorf("%s: it decoded", name)
		}
	}
}

func TestSubjectsOfRecords(t *testing.T) {
	f, r := registrytest.Start(t)
	if _, err := avro.New[order](r, registry.RecordName(), orderSchema).Append(nil, order{}); err != nil {
		t.Fatal(err)
	}
	if !f.SubjectExists("com.example.Order") {
		t.Error("the subject is not the record's full name")
	}
}

// A schema that was written with references to others is put together.
func TestReferences(t *testing.T) {
	f, r := registrytest.Start(t)
	f.SeedSchema("id", 1, 1, sr.Schema{Schema: `{"type": "fixed", "size": 2, "name": "ID", "namespace": "com.example"}`})
	f.SeedSchema("orders-value", 1, 2, sr.Schema{Schema: record(`{"name": "id", "type": "com.example.ID"}, {"name": "cents", "type": "long"}`),
		References: []sr.SchemaReference{{Name: "com.example.ID", Subject: "id", Version: 1}}})
	type fixedOrder struct {
		ID    [2]byte `avro:"id"`
		Cents int64   `avro:"cents"`
	}
	c := avro.New[fixedOrder](r, registry.TopicValue("orders"), record(`{"name": "id", "type": {"type": "fixed", "size": 2, "name": "ID"}}, {"name": "cents", "type": "long"}`))
	if got, err := c.Decode([]byte{0, 0, 0, 0, 2, 'a', 'b', 10}); err != nil || got != (fixedOrder{[2]byte{'a', 'b'}, 5}) {
		t.Errorf("%v, %v", got, err)
	}
}

func TestRefusedByTheRegistry(t *testing.T) {
	f, r := registrytest.Start(t)
	var refuse atomic.Bool
	f.Intercept(func(w http.ResponseWriter, req *http.Request) bool {
		if refuse.Load() && req.Method == http.MethodPost {
			w.WriteHeader(http.StatusConflict)
			_, _ = w.Write([]byte(`{"error_code": 409, "message": "Schema being registered is incompatible with an earlier schema: READER_FIELD_MISSING_DEFAULT_VALUE"}`))
			return true
		}
		return false
	})
	refuse.Store(true)
	err := check(t, avro.New[order](r, registry.TopicValue("orders"), orderSchema), true)
	if !errors.Is(err, registry.ErrIncompatible) || !strings.Contains(err.Error(), "READER_FIELD_MISSING_DEFAULT_VALUE") || !strings.Contains(err.Error(), "orders-value") {
		t.Errorf("%v", err)
	}
}

func FuzzDecode(f *testing.F) {
	fk, r := registrytest.Start(f)
	seed(fk, 1, 1, orderSchema)
	fk.SeedSchema("trees-value", 1, 2, sr.Schema{Schema: treeSchema})
	trees := avro.New[tree](r, registry.TopicValue("trees"), treeSchema)
	orders := avro.New[order](r, registry.TopicValue("orders"), orderSchema)
	for _, c := range []codec.Checker{trees.(codec.Checker), orders.(codec.Checker)} {
		if err := c.Check(context.Background(), true); err != nil {
			f.Fatal(err)
		}
	}
	b, err := trees.Append(nil, tree{Kind: "leaf", Tags: map[string]int64{"a": 1, "b": 2}, Kids: []tree{{Kind: "branch"}}})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(b[5:])
	f.Add([]byte{4, 'a', 'b', 5})
	f.Fuzz(func(t *testing.T, b []byte) {
		if v, err := orders.Decode(append([]byte{0, 0, 0, 0, 1}, b...)); err == nil {
			again, err := orders.Append(nil, v)
			if err != nil {
				t.Fatal(err)
			}
			if w, err := orders.Decode(again); err != nil || w != v {
				t.Fatalf("%v came back as %v, %v", v, w, err)
			}
		}
		if v, err := trees.Decode(append([]byte{0, 0, 0, 0, 2}, b...)); err == nil {
			once, err := trees.Append(nil, v)
			if err != nil {
				t.Fatal(err)
			}
			if twice, err := trees.Append(nil, v); err != nil || string(once) != string(twice) {
				t.Fatalf("%x, then %x, %v", once, twice, err)
			}
		}
	})
}

func BenchmarkAppend(b *testing.B) {
	_, r := registrytest.Start(b)
	for name, tags := range map[string]map[string]int64{"empty map": {}, "five entries": {"a": 1, "b": 2, "c": 3, "d": 4, "e": 5}} {
		c := avro.New[tree](r, registry.TopicValue("trees"), treeSchema)
		v := tree{Name: "n", Kind: "leaf", Tags: tags}
		b.Run(name, func(b *testing.B) {
			var buf []byte
			b.ReportAllocs()
			for b.Loop() {
				var err error
				if buf, err = c.Append(buf[:0], v); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkDecode(b *testing.B) {
	f, r := registrytest.Start(b)
	seed(f, 1, 1, record(`{"name": "cents", "type": "int"}, {"name": "id", "type": "string"}`))
	c := avro.New[order](r, registry.TopicValue("orders"), orderSchema)
	for name, v := range map[string][]byte{"own schema": nil, "another": {0, 0, 0, 0, 1, 10, 4, 'a', 'b'}} {
		if v == nil {
			var err error
			if v, err = c.Append(nil, order{"ab", 5}); err != nil {
				b.Fatal(err)
			}
		}
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := c.Decode(v); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
