package protobuf

import (
	"encoding/base64"
	"fmt"
	"slices"
	"strings"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/descriptorpb"

	"github.com/millrace/millrace/pipeline/codec/registry"
)

// maxImports bounds how deep a file's imports may be.
const maxImports = 16

// known are the folders of files that registries have.
var known = []string{"google/protobuf/", "google/type/", "confluent/"}

// schemaOf returns a file and those that it imports, as descriptors in base64,
// which registries take beside source text.
func schemaOf(file protoreflect.FileDescriptor, depth int) (registry.Schema, error) {
	s := registry.Schema{Type: registry.Protobuf}
	if depth > maxImports {
		return s, fmt.Errorf("%w: its imports are more than %d deep", registry.ErrInvalidSchema, maxImports)
	}
	b, err := (proto.MarshalOptions{Deterministic: true}).Marshal(protodesc.ToFileDescriptorProto(file))
	if err != nil {
		return s, fmt.Errorf("%w: %w", registry.ErrInvalidSchema, err)
	}
	s.Text = base64.StdEncoding.EncodeToString(b)
	for i := range file.Imports().Len() {
		imported := file.Imports().Get(i)
		if slices.ContainsFunc(known, func(dir string) bool { return strings.HasPrefix(imported.Path(), dir) }) {
			continue
		}
		inner, err := schemaOf(imported.FileDescriptor, depth+1)
		if err != nil {
			return s, err
		}
		s.References = append(s.References, registry.Reference{Name: imported.Path(), Schema: inner})
	}
	return s, nil
}

// schema is a file of the registry: its messages by their full names.
type schema struct {
	messages map[string]message
}

type message struct {
	index  []int
	fields map[int32]*descriptorpb.FieldDescriptorProto
}

// parse reads a descriptor. It reports false for what is none: source text.
func parse(text string) (s schema, ok bool, err error) {
	b, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		return s, false, nil
	}
	var file descriptorpb.FileDescriptorProto
	if err := (proto.UnmarshalOptions{RecursionLimit: maxNesting, DiscardUnknown: true}).Unmarshal(b, &file); err != nil {
		return s, true, fmt.Errorf("%w: %w", registry.ErrInvalidSchema, err)
	}
	s.messages = map[string]message{}
	prefix := "."
	if file.GetPackage() != "" {
		prefix = "." + file.GetPackage() + "."
	}
	s.add(prefix, nil, file.MessageType)
	return s, true, nil
}

func (s schema) add(prefix string, index []int, ms []*descriptorpb.DescriptorProto) {
	for i, m := range ms {
		at := append(slices.Clone(index), i)
		fields := map[int32]*descriptorpb.FieldDescriptorProto{}
		for _, f := range m.Field {
			fields[f.GetNumber()] = f
		}
		s.messages[prefix+m.GetName()] = message{at, fields}
		s.add(prefix+m.GetName()+".", at, m.NestedType)
	}
}

// find returns the index of a message of the program in the schema, if what
// was written as the one can be read as the other.
func (s schema) find(own protoreflect.MessageDescriptor) ([]int, error) {
	name := "." + string(own.FullName())
	m, ok := s.messages[name]
	if !ok {
		return nil, fmt.Errorf("%w: it has no message %s", registry.ErrIncompatible, own.FullName())
	}
	if err := s.compatible(name, own, map[string]bool{}); err != nil {
		return nil, fmt.Errorf("%w: %w", registry.ErrIncompatible, err)
	}
	return m.index, nil
}

// compatible compares the fields of two messages by their numbers, see
// https://protobuf.dev/programming-guides/proto3/#updating.
func (s schema) compatible(name string, own protoreflect.MessageDescriptor, seen map[string]bool) error {
	m, ok := s.messages[name]
	if pair := name + " " + string(own.FullName()); !ok || seen[pair] {
		return nil // of another file; or looked at
	} else {
		seen[pair] = true
	}
	for number, f := range m.fields {
		mine := own.Fields().ByNumber(protoreflect.FieldNumber(number))
		if mine == nil {
			continue
		}
		theirs := protoreflect.Kind(f.GetType())
		repeated := f.GetLabel() == descriptorpb.FieldDescriptorProto_LABEL_REPEATED
		switch {
		case wireKind(theirs) != wireKind(mine.Kind()):
			return fmt.Errorf("field %d of %s is %s there and %s here", number, own.FullName(), theirs, mine.Kind())
		case repeated != (mine.Cardinality() == protoreflect.Repeated) && wireKind(theirs) != wireKind(protoreflect.StringKind) && theirs != protoreflect.MessageKind:
			return fmt.Errorf("field %d of %s is repeated on one side only", number, own.FullName())
		case theirs == protoreflect.MessageKind:
			if err := s.compatible(f.GetTypeName(), mine.Message(), seen); err != nil {
				return err
			}
		}
	}
	return nil
}

// wireKind stands for all kinds that are written alike.
func wireKind(k protoreflect.Kind) protoreflect.Kind {
	switch k {
	case protoreflect.Int32Kind, protoreflect.Uint32Kind, protoreflect.Uint64Kind, protoreflect.BoolKind, protoreflect.EnumKind:
		return protoreflect.Int64Kind
	case protoreflect.Sint32Kind:
		return protoreflect.Sint64Kind
	case protoreflect.BytesKind:
		return protoreflect.StringKind
	case protoreflect.Sfixed32Kind:
		return protoreflect.Fixed32Kind
	case protoreflect.Sfixed64Kind:
		return protoreflect.Fixed64Kind
	}
	return k
}
