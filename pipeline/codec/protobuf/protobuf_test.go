package protobuf_test

import (
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"testing"

	"github.com/twmb/franz-go/pkg/sr"
	"github.com/twmb/franz-go/pkg/sr/srfake"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/dynamicpb"
	"google.golang.org/protobuf/types/known/structpb"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/millrace/millrace/internal/leaktest"
	"github.com/millrace/millrace/pipeline"
	"github.com/millrace/millrace/pipeline/codec"
	"github.com/millrace/millrace/pipeline/codec/internal/registrytest"
	"github.com/millrace/millrace/pipeline/codec/protobuf"
	"github.com/millrace/millrace/pipeline/codec/registry"
	"github.com/millrace/millrace/pipeline/pipelinetest"
	"github.com/millrace/millrace/processors"
)

func TestMain(m *testing.M) { leaktest.Main(m) }

func check[V any](t *testing.T, c codec.Codec[V], writes bool) error {
	t.Helper()
	return c.(codec.Checker).Check(t.Context(), writes)
}

// The bytes are the header, the index, and the message as protoc's own
// encoding of it.
func TestBytes(t *testing.T) {
	_, r := registrytest.Start(t)
	s := protobuf.New[*wrapperspb.StringValue](r, registry.TopicValue("strings"))
	for _, tt := range []struct {
		what string
		b    func() ([]byte, error)
		want string
	}{
		{"message 8 of its file", func() ([]byte, error) { return s.Append([]byte("x"), wrapperspb.String("ab")) }, "78" + "0000000001" + "020e" + "0a026162"},
		{"an empty message", func() ([]byte, error) { return s.Append(nil, nil) }, "0000000001" + "020e"},
		{"the first message", func() ([]byte, error) {
			return protobuf.New[*wrapperspb.DoubleValue](r, registry.TopicValue("doubles")).Append(nil, wrapperspb.Double(0))
		}, "0000000001" + "00"}, // the file is the same, and so is the id
		{"a message in another", func() ([]byte, error) {
			return protobuf.New[*descriptorpb.DescriptorProto_ReservedRange](r, registry.TopicValue("ranges")).
				Append(nil, &descriptorpb.DescriptorProto_ReservedRange{Start: proto.Int32(1)})
		}, "0000000002" + "040402" + "0801"},
	} {
		if b, err := tt.b(); err != nil || hex.EncodeToString(b) != tt.want {
			t.Errorf("%s: %x, %v; want %s", tt.what, b, err, tt.want)
		}
	}
	b, _ := hex.DecodeString("0000000001020e0a026162")
	if v, err := s.Decode(b); err != nil || v.Value != "ab" {
		t.Errorf("%v, %v", v, err)
	}
}

func TestMapsAreSorted(t *testing.T) {
	_, r := registrytest.Start(t)
	c := protobuf.New[*structpb.Struct](r, registry.TopicValue("structs"))
	fields := map[string]any{}
	for i := range 20 {
		fields[fmt.Sprint("field", i)] = map[string]any{"a": i, "b": "x", "c": true}
	}
	v, err := structpb.NewStruct(fields)
	if err != nil {
		t.Fatal(err)
	}
	b, err := c.Append(nil, v)
	if err != nil {
		t.Fatal(err)
	}
	for range 10 {
		got, err := c.Decode(b)
		if err != nil || !proto.Equal(got, v) {
			t.Fatalf("%v, %v", got, err)
		}
		if again, err := c.Append(nil, got); err != nil || string(again) != string(b) {
			t.Fatalf("%x, then %x, %v", b, again, err)
		}
	}
}

func field(name string, number int32, kind descriptorpb.FieldDescriptorProto_Type) *descriptorpb.FieldDescriptorProto {
	return &descriptorpb.FieldDescriptorProto{Name: &name, Number: &number, Type: &kind, Label: descriptorpb.FieldDescriptorProto_LABEL_OPTIONAL.Enum()}
}

func repeated(f *descriptorpb.FieldDescriptorProto) *descriptorpb.FieldDescriptorProto {
	f.Label = descriptorpb.FieldDescriptorProto_LABEL_REPEATED.Enum()
	return f
}

func of(f *descriptorpb.FieldDescriptorProto, message string) *descriptorpb.FieldDescriptorProto {
	f.TypeName = &message
	return f
}

const (
	text   = descriptorpb.FieldDescriptorProto_TYPE_STRING
	raw    = descriptorpb.FieldDescriptorProto_TYPE_BYTES
	long   = descriptorpb.FieldDescriptorProto_TYPE_INT64
	short  = descriptorpb.FieldDescriptorProto_TYPE_INT32
	zigzag = descriptorpb.FieldDescriptorProto_TYPE_SINT64
	other  = descriptorpb.FieldDescriptorProto_TYPE_MESSAGE
)

func message(name string, fields ...*descriptorpb.FieldDescriptorProto) *descriptorpb.DescriptorProto {
	return &descriptorpb.DescriptorProto{Name: &name, Field: fields}
}

func file(messages ...*descriptorpb.DescriptorProto) *descriptorpb.FileDescriptorProto {
	return &descriptorpb.FileDescriptorProto{Name: proto.String("shop.proto"), Package: proto.String("shop"), Syntax: proto.String("proto3"), MessageType: messages}
}

// typeOf is the type of shop.Order in a file.
func typeOf(t testing.TB, f *descriptorpb.FileDescriptorProto, imports ...protoreflect.FileDescriptor) protoreflect.MessageType {
	t.Helper()
	files := &protoregistry.Files{}
	for _, i := range imports {
		if err := files.RegisterFile(i); err != nil {
			t.Fatal(err)
		}
	}
	d, err := protodesc.NewFile(f, files)
	if err != nil {
		t.Fatal(err)
	}
	return dynamicpb.NewMessageType(d.Messages().ByName("Order"))
}

// What was written with one schema is read by a program with another.
func TestEvolution(t *testing.T) {
	for name, tt := range map[string]struct {
		writer, reader *descriptorpb.FileDescriptorProto
		incompatible   bool
	}{
		"same":                     {file(message("Order", field("id", 1, text))), file(message("Order", field("id", 1, text))), false},
		"added field":              {file(message("Order", field("id", 1, text))), file(message("Order", field("id", 1, text), field("cents", 2, long))), false},
		"removed field":            {file(message("Order", field("id", 1, text), field("cents", 2, long))), file(message("Order", field("id", 1, text))), false},
		"renamed field":            {file(message("Order", field("number", 1, text))), file(message("Order", field("id", 1, text))), false},
		"int becomes long":         {file(message("Order", field("id", 1, text), field("cents", 2, short))), file(message("Order", field("id", 1, text), field("cents", 2, long))), false},
		"text becomes bytes":       {file(message("Order", field("id", 1, text), field("x", 2, text))), file(message("Order", field("id", 1, text), field("x", 2, raw))), false},
		"moved in the file":        {file(message("First"), message("Order", field("id", 1, text))), file(message("Order", field("id", 1, text))), false},
		"one becomes several":      {file(message("Order", field("id", 1, text), field("x", 2, text))), file(message("Order", field("id", 1, text), repeated(field("x", 2, text)))), false},
		"text becomes number":      {file(message("Order", field("id", 1, text), field("x", 2, text))), file(message("Order", field("id", 1, text), field("x", 2, long))), true},
		"long becomes zigzag":      {file(message("Order", field("id", 1, text), field("x", 2, long))), file(message("Order", field("id", 1, text), field("x", 2, zigzag))), true},
		"a number becomes several": {file(message("Order", field("id", 1, text), field("x", 2, long))), file(message("Order", field("id", 1, text), repeated(field("x", 2, long)))), true},
		"a message in it":          {file(message("Order", field("id", 1, text), of(field("x", 2, other), ".shop.X")), message("X", field("a", 1, text))), file(message("Order", field("id", 1, text), of(field("x", 2, other), ".shop.X")), message("X", field("a", 1, long))), true},
		"a message in itself":      {file(message("Order", field("id", 1, text), of(field("x", 2, other), ".shop.Order"))), file(message("Order", field("id", 1, text), of(field("x", 2, other), ".shop.Order"))), false},
		"another message":          {file(message("Invoice", field("id", 1, text)), message("Order", field("id", 9, text))), file(message("Order", field("id", 1, text))), false},
		"a file without it at all ": {func() *descriptorpb.FileDescriptorProto {
			f := file(message("Order", field("id", 1, text)))
			f.Package = proto.String("elsewhere")
			return f
		}(), file(message("Order", field("id", 1, text))), true},
	} {
		t.Run(name, func(t *testing.T) {
			_, r := registrytest.Start(t)
			wt := typeOf(t, tt.writer)
			m := wt.New()
			m.Set(wt.Descriptor().Fields().Get(0), protoreflect.ValueOfString("a"))
			b, err := protobuf.NewType[*dynamicpb.Message](r, registry.TopicValue("orders"), wt).Append(nil, m.Interface().(*dynamicpb.Message))
			if err != nil {
				t.Fatal(err)
			}
			rt := typeOf(t, tt.reader)
			reader := protobuf.NewType[*dynamicpb.Message](r, registry.TopicValue("orders"), rt)
			if err := check(t, reader, false); errors.Is(err, registry.ErrIncompatible) != tt.incompatible || (err != nil) != tt.incompatible {
				t.Errorf("Check at start: %v", err)
			}
			got, err := reader.Decode(b)
			if tt.incompatible {
				if !errors.Is(err, registry.ErrIncompatible) {
					t.Errorf("%v, %v; want ErrIncompatible", got, err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if id := got.Get(rt.Descriptor().Fields().ByName("id")).String(); id != "a" && name != "another message" {
				t.Errorf("the id is %q", id)
			}
		})
	}
}

// A record of another message of the same schema is not taken for this one.
func TestAnotherMessageOfTheSchema(t *testing.T) {
	f, r := registrytest.Start(t)
	two := file(message("Order", field("id", 1, text)), message("Invoice", field("id", 1, text)))
	c := protobuf.NewType[*dynamicpb.Message](r, registry.TopicValue("orders"), typeOf(t, two))
	if err := check(t, c, true); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Decode([]byte{0, 0, 0, 0, 1, 2, 2}); !errors.Is(err, registry.ErrIncompatible) {
		t.Errorf("an invoice was taken for an order: %v", err)
	}
	f.SeedSchema("source", 1, 9, sr.Schema{Type: sr.TypeProtobuf, Schema: `syntax = "proto3"; message Order { string id = 1; }`})
	if v, err := c.Decode([]byte{0, 0, 0, 0, 9, 0, 10, 1, 'a'}); err != nil || v.Get(v.Descriptor().Fields().Get(0)).String() != "a" {
		t.Errorf("a schema that came as source text: %v, %v", v, err)
	}
}

// Files that are imported are registered under their paths; those that
// registries know are not.
func TestImports(t *testing.T) {
	f, r := registrytest.Start(t)
	money := message("Money", field("cents", 1, long))
	common, err := protodesc.NewFile(&descriptorpb.FileDescriptorProto{Name: proto.String("common/money.proto"), Package: proto.String("common"),
		Syntax: proto.String("proto3"), MessageType: []*descriptorpb.DescriptorProto{money}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	shop := file(message("Order", of(field("price", 1, other), ".common.Money"), of(field("at", 2, other), ".google.protobuf.StringValue")))
	shop.Dependency = []string{"common/money.proto", "google/protobuf/wrappers.proto"}
	c := protobuf.NewType[*dynamicpb.Message](r, registry.TopicValue("orders"), typeOf(t, shop, common, wrapperspb.File_google_protobuf_wrappers_proto))
	if err := check(t, c, true); err != nil {
		t.Fatal(err)
	}
	s, ok := f.GetSchema("orders-value", 1)
	if !ok || len(s.References) != 1 || s.References[0] != (sr.SchemaReference{Name: "common/money.proto", Subject: "common/money.proto", Version: 1}) {
		t.Errorf("%+v", s.References)
	}
	b, err := base64.StdEncoding.DecodeString(s.Schema.Schema)
	var back descriptorpb.FileDescriptorProto
	if err == nil {
		err = proto.Unmarshal(b, &back)
	}
	if err != nil || back.GetName() != "shop.proto" {
		t.Errorf("%v, %v", &back, err)
	}
	if _, _, err := f.RegisterSchema("x", s.Schema); err != nil {
		t.Error(err)
	}
	again := protobuf.NewType[*dynamicpb.Message](r, registry.TopicValue("orders"), typeOf(t, shop, common, wrapperspb.File_google_protobuf_wrappers_proto), registry.UseRegistered())
	if err := check(t, again, true); err != nil {
		t.Errorf("it is registered: %v", err)
	}
}

func TestBadValues(t *testing.T) {
	_, r := registrytest.Start(t)
	c := protobuf.New[*wrapperspb.StringValue](r, registry.TopicValue("strings"))
	if err := check(t, c, true); err != nil {
		t.Fatal(err)
	}
	for name, tt := range map[string]struct {
		b    string
		want error
	}{
		"nothing":            {"", registry.ErrFormat},
		"no index":           {"0000000001", registry.ErrFormat},
		"an endless index":   {"0000000001feffffff0f", registry.ErrFormat},
		"a negative index":   {"00000000010201", registry.ErrFormat},
		"an index too great": {"0000000001028080808010", registry.ErrIncompatible},
		"a cut message":      {"0000000001020e0a05", registry.ErrFormat},
		"bad UTF-8":          {"0000000001020e0a01ff", registry.ErrFormat},
		"an unknown id":      {"007fffffff020e", registry.ErrUnknownSchema},
		"a negative id":      {"00ffffffff020e", registry.ErrFormat},
	} {
		b, err := hex.DecodeString(tt.b)
		if err != nil {
			t.Fatal(err)
		}
		if v, err := c.Decode(b); !errors.Is(err, tt.want) {
			t.Errorf("%s: %v, %v; want %v", name, v, err, tt.want)
		}
	}
	if _, err := c.Append(nil, wrapperspb.String("\xff")); err == nil {
		t.Error("a string that is not UTF-8 was encoded")
	}
}

func TestBadCodecs(t *testing.T) {
	_, r := registrytest.Start(t)
	for name, c := range map[string]codec.Codec[proto.Message]{
		"an interface": protobuf.New[proto.Message](r, registry.TopicValue("t")),
		"no type":      protobuf.NewType[proto.Message](r, registry.TopicValue("t"), nil),
		"no registry":  protobuf.NewType[proto.Message](nil, registry.TopicValue("t"), (&wrapperspb.StringValue{}).ProtoReflect().Type()),
	} {
		_, err := c.Append(nil, wrapperspb.String("a"))
		_, derr := c.Decode([]byte{0, 0, 0, 0, 1, 0})
		if cerr := check(t, c, true); cerr == nil || err == nil || derr == nil {
			t.Errorf("%s: %v, %v, %v", name, cerr, err, derr)
		}
	}
}

func TestService(t *testing.T) {
	_, r := registrytest.Start(t)
	in := pipeline.NewTopic("in", protobuf.New[*wrapperspb.Int64Value](r, registry.TopicValue("in")))
	sums := pipeline.NewTable("sums", protobuf.New[*wrapperspb.Int64Value](r, registry.TopicValue("sums")))
	d := pipelinetest.New(t, pipeline.New("t").From(in).Add(processors.Aggregate("sum", in, sums,
		func(_ *pipeline.Context, so, v *wrapperspb.Int64Value) (*wrapperspb.Int64Value, error) {
			return wrapperspb.Int64(so.GetValue() + v.GetValue()), nil
		})))
	d.Send(in.Record("k", wrapperspb.Int64(2)))
	d.Crash()
	d.Send(in.Record("k", wrapperspb.Int64(3)))
	if rows := pipelinetest.Rows(d, sums); rows["k"].GetValue() != 5 {
		t.Errorf("%v", rows)
	}
}

func FuzzDecode(f *testing.F) {
	_, r := registrytest.Start(f)
	c := protobuf.New[*structpb.Struct](r, registry.TopicValue("structs"))
	if _, err := c.Append(nil, nil); err != nil {
		f.Fatal(err)
	}
	f.Add([]byte{0, 10, 5, 10, 1, 'a', 18, 0})
	f.Fuzz(func(t *testing.T, b []byte) {
		if v, err := c.Decode(append([]byte{0, 0, 0, 0, 1}, b...)); err == nil {
			again, err := c.Append(nil, v)
			if err != nil {
				t.Fatal(err)
			}
			if w, err := c.Decode(again); err != nil || !proto.Equal(v, w) && fmt.Sprint(v) != fmt.Sprint(w) {
				t.Fatalf("%v came back as %v, %v", v, w, err)
			}
		}
	})
}

// A topic of messages, as programs in other languages write them.
func Example() {
	fake := srfake.New() // in place of http://localhost:8081
	defer fake.Close()
	reg, err := registry.New(registry.Config{URLs: []string{fake.URL()}})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer reg.Close()
	c := protobuf.New[*wrapperspb.StringValue](reg, registry.TopicValue("names"))
	b, err := c.Append(nil, wrapperspb.String("ada"))
	fmt.Printf("%x %v\n", b, err)
	v, err := c.Decode(b)
	fmt.Println(v.GetValue(), err)
	// Output:
	// 0000000001020e0a03616461 <nil>
	// ada <nil>
}
