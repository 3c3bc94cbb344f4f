package registry

import (
	"context"
	"errors"
	"fmt"

	"github.com/twmb/franz-go/pkg/sr"
)

// Type is a format of schemas, by the registry's name for it.
type Type string

// The formats that registries know.
const (
	Avro     Type = "AVRO"
	Protobuf Type = "PROTOBUF"
	JSON     Type = "JSON"
)

func (t Type) wire() sr.SchemaType {
	switch t {
	case Protobuf:
		return sr.TypeProtobuf
	case JSON:
		return sr.TypeJSON
	}
	return sr.TypeAvro
}

// Schema is a schema as the registry keeps it.
type Schema struct {
	Type       Type
	Text       string
	References []Reference
}

// Reference is a schema that another one refers to, by a name that depends on
// the format: an Avro type, the path of a Protobuf import, the URL of a JSON
// Schema.
type Reference struct {
	Name   string
	Schema Schema
}

// Bounds of what a schema may refer to: a registry's answers are not trusted.
const (
	maxReferences = 100 // in all
	maxDepth      = 16
)

// complete returns a schema with the text of all that it refers to.
func (r *Registry) complete(ctx context.Context, s sr.Schema) (Schema, error) {
	left := maxReferences
	return r.completed(ctx, s, &left, 0)
}

func (r *Registry) completed(ctx context.Context, s sr.Schema, left *int, depth int) (Schema, error) {
	out := Schema{Type: Type(s.Type.String()), Text: s.Schema}
	if depth > maxDepth && len(s.References) > 0 {
		return out, fmt.Errorf("%w: its references are more than %d deep", ErrInvalidSchema, maxDepth)
	}
	for _, ref := range s.References {
		if *left--; *left < 0 {
			return out, fmt.Errorf("%w: it refers to more than %d schemas", ErrInvalidSchema, maxReferences)
		}
		found, err := r.client.SchemaByVersion(ctx, ref.Subject, ref.Version)
		if err != nil {
			return out, fmt.Errorf("reference %.200s, subject %.200s, version %d: %w", ref.Name, ref.Subject, ref.Version, err)
		}
		inner, err := r.completed(ctx, found.Schema, left, depth+1)
		if err != nil {
			return out, err
		}
		out.References = append(out.References, Reference{ref.Name, inner})
	}
	return out, nil
}

// register registers a schema, and first what it refers to, each under its
// name as the subject.
func (r *Registry) register(ctx context.Context, subject string, s Schema) (id int, err error) {
	out, err := r.outgoing(ctx, s, r.client.CreateSchema)
	if err == nil {
		id, err = r.client.RegisterSchema(ctx, subject, out, -1, -1)
	}
	return id, err
}

// find looks a schema up, and first what it refers to.
func (r *Registry) find(ctx context.Context, subject string, s Schema) (id int, err error) {
	out, err := r.outgoing(ctx, s, r.client.LookupSchema)
	if err == nil {
		var found sr.SubjectSchema
		found, err = r.client.LookupSchema(ctx, subject, out)
		id = found.ID
	}
	if err := classify(err); errors.Is(err, ErrUnknownSchema) {
		return 0, fmt.Errorf("%w: %w: register it before, or leave out UseRegistered", ErrNotRegistered, err)
	}
	return id, err
}

// outgoing returns a schema for a request, what it refers to registered or
// found by f.
func (r *Registry) outgoing(ctx context.Context, s Schema,
	f func(context.Context, string, sr.Schema) (sr.SubjectSchema, error)) (sr.Schema, error) {
	out := sr.Schema{Schema: s.Text, Type: s.Type.wire()}
	for _, ref := range s.References {
		inner, err := r.outgoing(ctx, ref.Schema, f)
		if err != nil {
			return out, err
		}
		found, err := f(ctx, ref.Name, inner)
		if err != nil {
			return out, fmt.Errorf("reference %s: %w", ref.Name, err)
		}
		out.References = append(out.References, sr.SchemaReference{Name: ref.Name, Subject: ref.Name, Version: found.Version})
	}
	return out, nil
}
