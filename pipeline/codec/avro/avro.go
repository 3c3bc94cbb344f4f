package avro

import (
	"context"
	"errors"
	"fmt"

	goavro "github.com/twmb/avro"

	"github.com/millrace/millrace/pipeline/codec"
	"github.com/millrace/millrace/pipeline/codec/registry"
)

// New makes a codec of values of type V, which is a struct with avro tags, or
// map[string]any for any record. schema is the one that the program knows: it
// encodes with it, and what was written with another is resolved to it. What
// is wrong with it, a service says before it starts.
func New[V any](r *registry.Registry, s registry.Subject, schema string, opts ...registry.Option) codec.Codec[V] {
	c := &avroCodec[V]{}
	if c.reader, c.err = goavro.Parse(schema); c.err != nil {
		c.err = fmt.Errorf("avro: %w: %w", registry.ErrInvalidSchema, c.err)
		return c
	}
	c.schemas, c.err = registry.Bind(r, s, registry.Format[*encoder, *goavro.Schema]{
		Schema:  registry.Schema{Type: registry.Avro, Text: schema},
		Record:  fullName(c.reader.Root()),
		Encoder: c.encoder,
		Decoder: c.decoder,
	}, opts...)
	if c.err != nil {
		c.err = fmt.Errorf("avro: %w", c.err)
	}
	return c
}

type avroCodec[V any] struct {
	reader  *goavro.Schema
	schemas *registry.Binding[*encoder, *goavro.Schema]
	err     error // of New
}

// encoder encodes by a schema.
type encoder struct {
	schema *goavro.Schema
	sort   *shape // nil: there is no map in it
	// Of a schema that is not the program's own: values become bytes of that
	// first, from which these are resolved.
	own, resolved *goavro.Schema
}

// Name implements codec.Codec.
func (c *avroCodec[V]) Name() string { return "confluent-avro" }

// Check implements codec.Checker.
func (c *avroCodec[V]) Check(ctx context.Context, writes bool) error {
	if c.err != nil {
		return c.err
	}
	if err := c.schemas.Check(ctx, writes); err != nil {
		return fmt.Errorf("avro: %w", err)
	}
	return nil
}

// Append implements codec.Codec.
func (c *avroCodec[V]) Append(dst []byte, v V) ([]byte, error) {
	if c.err != nil {
		return dst, c.err
	}
	id, e, err := c.schemas.Encoder()
	if err != nil {
		return dst, fmt.Errorf("avro: %w", err)
	}
	dst, err = e.append(registry.AppendHeader(dst, id), &v)
	if err != nil {
		return dst, fmt.Errorf("avro: schema %d: %w", id, err)
	}
	return dst, nil
}

func (e *encoder) append(dst []byte, v any) ([]byte, error) {
	if e.resolved != nil {
		b, err := e.own.AppendEncode(nil, v)
		if err != nil {
			return dst, err
		}
		var generic any
		if _, err := e.resolved.Decode(b, &generic, goavro.TaggedUnions()); err != nil {
			return dst, err
		}
		v = generic
	}
	if e.sort == nil {
		return e.schema.AppendEncode(dst, v)
	}
	b, err := e.schema.AppendEncode(nil, v)
	if err != nil {
		return dst, err
	}
	return e.sort.appendSorted(dst, b)
}

// Decode implements codec.Codec.
func (c *avroCodec[V]) Decode(b []byte) (v V, err error) {
	if c.err != nil {
		return v, c.err
	}
	id, payload, err := registry.CutHeader(b)
	if err != nil {
		return v, fmt.Errorf("avro: %w", err)
	}
	d, err := c.schemas.Decoder(id)
	if err != nil {
		return v, fmt.Errorf("avro: %w", err)
	}
	rest, err := d.Decode(payload, &v)
	if err == nil && len(rest) > 0 {
		err = fmt.Errorf("%d bytes follow the value", len(rest))
	}
	if err != nil {
		var none V
		return none, fmt.Errorf("avro: %w: schema %d: %w", registry.ErrFormat, id, err)
	}
	return v, nil
}

func (c *avroCodec[V]) encoder(s registry.Schema) (*encoder, error) {
	schema, err := parse(s)
	if err != nil {
		return nil, err
	}
	e := &encoder{schema: schema}
	if e.sort, err = newShape(schema); err != nil {
		return nil, fmt.Errorf("%w: %w", registry.ErrInvalidSchema, err)
	}
	if string(schema.Canonical()) != string(c.reader.Canonical()) {
		e.own = c.reader
		if e.resolved, err = resolve(c.reader, schema); err != nil {
			return nil, err
		}
	}
	return e, nil
}

func (c *avroCodec[V]) decoder(s registry.Schema) (*goavro.Schema, error) {
	writer, err := parse(s)
	if err != nil {
		return nil, err
	}
	return resolve(writer, c.reader)
}

// resolve returns a schema that decodes what was written with one as if it had
// been written with another.
func resolve(writer, reader *goavro.Schema) (*goavro.Schema, error) {
	s, err := goavro.Resolve(writer, reader)
	var incompatible *goavro.CompatibilityError
	switch {
	case errors.As(err, &incompatible):
		return nil, fmt.Errorf("%w: %w", registry.ErrIncompatible, err)
	case err != nil:
		return nil, fmt.Errorf("%w: %w", registry.ErrInvalidSchema, err)
	}
	return s, nil
}

// parse parses a schema with those that it refers to.
func parse(s registry.Schema) (*goavro.Schema, error) {
	var types goavro.SchemaCache
	return parseInto(&types, s)
}

func parseInto(types *goavro.SchemaCache, s registry.Schema) (*goavro.Schema, error) {
	for _, ref := range s.References {
		if _, err := parseInto(types, ref.Schema); err != nil {
			return nil, fmt.Errorf("reference %.200s: %w", ref.Name, err)
		}
	}
	schema, err := types.Parse(s.Text)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", registry.ErrInvalidSchema, err)
	}
	return schema, nil
}

// fullName is the name of a record with its namespace, empty for others.
func fullName(n *goavro.SchemaNode) string {
	if n.Namespace != "" {
		return n.Namespace + "." + n.Name
	}
	return n.Name
}
