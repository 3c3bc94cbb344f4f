package jsonschema

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"

	validate "github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/millrace/millrace/pipeline/codec"
	"github.com/millrace/millrace/pipeline/codec/registry"
)

// New makes a codec of values of type V, whose JSON follows a schema. What is
// wrong with it, a service says before it starts.
func New[V any](r *registry.Registry, s registry.Subject, schema string, opts ...registry.Option) codec.Codec[V] {
	c := &jsonCodec[V]{}
	own := registry.Schema{Type: registry.JSON, Text: schema}
	if c.own, c.err = compile(own); c.err == nil {
		c.schemas, c.err = registry.Bind(r, s, registry.Format[*compiled, struct{}]{
			Schema: own, Record: c.own.title, Encoder: compile, Decoder: c.reads,
		}, opts...)
	}
	if c.err != nil {
		c.err = fmt.Errorf("json schema: %w", c.err)
	}
	return c
}

type jsonCodec[V any] struct {
	own     *compiled
	schemas *registry.Binding[*compiled, struct{}]
	err     error // of New
}

// compiled is a schema that values can be tried with.
type compiled struct {
	*validate.Schema
	title string
	shape shape
}

// Name implements codec.Codec.
func (c *jsonCodec[V]) Name() string { return "confluent-json" }

// Check implements codec.Checker.
func (c *jsonCodec[V]) Check(ctx context.Context, writes bool) error {
	if c.err != nil {
		return c.err
	}
	if err := c.schemas.Check(ctx, writes); err != nil {
		return fmt.Errorf("json schema: %w", err)
	}
	return nil
}

// Append implements codec.Codec.
func (c *jsonCodec[V]) Append(dst []byte, v V) ([]byte, error) {
	if c.err != nil {
		return dst, c.err
	}
	id, s, err := c.schemas.Encoder()
	if err != nil {
		return dst, fmt.Errorf("json schema: %w", err)
	}
	b, err := json.Marshal(v)
	if err == nil {
		err = s.follow(b)
	}
	if err != nil {
		return dst, fmt.Errorf("json schema: schema %d: %w", id, err)
	}
	return append(registry.AppendHeader(dst, id), b...), nil
}

// Decode implements codec.Codec.
func (c *jsonCodec[V]) Decode(b []byte) (v V, err error) {
	if c.err != nil {
		return v, c.err
	}
	id, payload, err := registry.CutHeader(b)
	if err != nil {
		return v, fmt.Errorf("json schema: %w", err)
	}
	if _, err := c.schemas.Decoder(id); err != nil {
		return v, fmt.Errorf("json schema: %w", err)
	}
	if err = c.own.follow(payload); err == nil {
		err = json.Unmarshal(payload, &v)
	}
	if err != nil {
		var none V
		return none, fmt.Errorf("json schema: %w: schema %d: %w", registry.ErrFormat, id, err)
	}
	return v, nil
}

// follow tries a value.
func (c *compiled) follow(b []byte) error {
	v, err := validate.UnmarshalJSON(bytes.NewReader(b))
	if err != nil {
		return err
	}
	return c.Validate(v)
}

// reads looks whether what follows a schema can be read as the codec's own.
func (c *jsonCodec[V]) reads(s registry.Schema) (none struct{}, err error) {
	writer, err := shapeOf(s.Text)
	if err != nil {
		return none, err
	}
	if writer.Title != "" && c.own.title != "" && writer.Title != c.own.title {
		return none, fmt.Errorf("%w: it is of %.200q, and the codec of %q", registry.ErrIncompatible, writer.Title, c.own.title)
	}
	if err := writer.readableAs(c.own.shape, "value", 0); err != nil {
		return none, fmt.Errorf("%w: %w", registry.ErrIncompatible, err)
	}
	return none, nil
}

// location is where a schema is for the compiler, and what it refers to beside
// it: nowhere.
const location = "registry:///schema"

// compile compiles a schema with those that it refers to.
func compile(s registry.Schema) (*compiled, error) {
	shape, err := shapeOf(s.Text)
	if err != nil {
		return nil, err
	}
	compiler := validate.NewCompiler()
	compiler.UseLoader(nothing{})
	if err := add(compiler, location, s); err != nil {
		return nil, fmt.Errorf("%w: %w", registry.ErrInvalidSchema, err)
	}
	schema, err := compiler.Compile(location)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", registry.ErrInvalidSchema, err)
	}
	return &compiled{schema, shape.Title, shape}, nil
}

func add(c *validate.Compiler, at string, s registry.Schema) error {
	for _, ref := range s.References {
		beside, err := url.Parse(location)
		if err == nil {
			beside, err = beside.Parse(ref.Name)
		}
		if err == nil {
			err = add(c, beside.String(), ref.Schema)
		}
		var exists *validate.ResourceExistsError
		if err != nil && !errors.As(err, &exists) {
			return fmt.Errorf("reference %.200s: %w", ref.Name, err)
		}
	}
	doc, err := validate.UnmarshalJSON(bytes.NewReader([]byte(s.Text)))
	if err != nil {
		return err
	}
	return c.AddResource(at, doc)
}

// nothing loads nothing: a schema must not reach for files or the net.
type nothing struct{}

func (nothing) Load(url string) (any, error) {
	return nil, fmt.Errorf("%.200s is not part of the schema, and nothing is loaded", url)
}
