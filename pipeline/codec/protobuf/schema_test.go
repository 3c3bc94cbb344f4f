package protobuf

import (
	"encoding/base64"
	"errors"
	"testing"

	"google.golang.org/protobuf/types/known/structpb"

	"github.com/millrace/millrace/pipeline/codec/registry"
)

// Whatever a registry answers, a schema is readable or an error of the registry's
// package.
func FuzzSchema(f *testing.F) {
	own := (&structpb.Struct{}).ProtoReflect().Descriptor()
	s, err := schemaOf(own.ParentFile(), 0)
	if err != nil {
		f.Fatal(err)
	}
	b, err := base64.StdEncoding.DecodeString(s.Text)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(b)
	f.Add([]byte(nil))
	f.Fuzz(func(t *testing.T, b []byte) {
		file, ok, err := parse(base64.StdEncoding.EncodeToString(b))
		if !ok {
			t.Fatal("base64 was taken for source text")
		}
		if err == nil {
			_, err = file.find(own)
		}
		if err != nil && !errors.Is(err, registry.ErrInvalidSchema) && !errors.Is(err, registry.ErrIncompatible) {
			t.Fatal(err)
		}
	})
}
