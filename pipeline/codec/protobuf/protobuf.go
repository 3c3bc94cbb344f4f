package protobuf

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/millrace/millrace/pipeline/codec"
	"github.com/millrace/millrace/pipeline/codec/registry"
)

// maxNesting bounds how deep a message may be, as Java's library does.
const maxNesting = 100

// New makes a codec of a generated message type, such as *shop.Order. What is
// wrong with it, a service says before it starts.
func New[M proto.Message](r *registry.Registry, s registry.Subject, opts ...registry.Option) codec.Codec[M] {
	var m M
	if any(m) == nil {
		return &protoCodec[M]{err: errors.New("protobuf: the type is an interface: name a generated one, such as *shop.Order")}
	}
	return NewType[M](r, s, m.ProtoReflect().Type(), opts...)
}

// NewType makes a codec of messages whose type the compiler does not know, such
// as those of package dynamicpb. M is what the type's messages are.
func NewType[M proto.Message](r *registry.Registry, s registry.Subject, t protoreflect.MessageType, opts ...registry.Option) codec.Codec[M] {
	c := &protoCodec[M]{}
	if t == nil {
		c.err = errors.New("protobuf: no message type")
		return c
	}
	c.message, c.index = t, indexOf(t.Descriptor())
	schema, err := schemaOf(t.Descriptor().ParentFile(), 0)
	if err == nil {
		c.schemas, err = registry.Bind(r, s, registry.Format[[]int, []int]{
			Schema: schema, Record: string(t.Descriptor().FullName()), Encoder: c.find, Decoder: c.find, Serialized: true,
		}, opts...)
	}
	if err != nil {
		c.err = fmt.Errorf("protobuf: message %s: %w", t.Descriptor().FullName(), err)
	}
	return c
}

type protoCodec[M proto.Message] struct {
	message protoreflect.MessageType
	index   []int                           // of the message in its file
	schemas *registry.Binding[[]int, []int] // of a schema, the index of the message in it; nil: not known
	err     error                           // of New
}

// Name implements codec.Codec.
func (c *protoCodec[M]) Name() string { return "confluent-protobuf" }

// Check implements codec.Checker.
func (c *protoCodec[M]) Check(ctx context.Context, writes bool) error {
	if c.err != nil {
		return c.err
	}
	if err := c.schemas.Check(ctx, writes); err != nil {
		return fmt.Errorf("protobuf: %w", err)
	}
	return nil
}

// Append implements codec.Codec.
func (c *protoCodec[M]) Append(dst []byte, m M) ([]byte, error) {
	if c.err != nil {
		return dst, c.err
	}
	id, index, err := c.schemas.Encoder()
	if err != nil {
		return dst, fmt.Errorf("protobuf: %w", err)
	}
	if index == nil {
		index = c.index
	}
	dst = registry.AppendIndex(registry.AppendHeader(dst, id), index)
	if any(m) == nil || !m.ProtoReflect().IsValid() { // nothing is an empty message
		return dst, nil
	}
	if dst, err = (proto.MarshalOptions{Deterministic: true}).MarshalAppend(dst, m); err != nil {
		return dst, fmt.Errorf("protobuf: %w", err)
	}
	return dst, nil
}

// Decode implements codec.Codec.
func (c *protoCodec[M]) Decode(b []byte) (none M, err error) {
	if c.err != nil {
		return none, c.err
	}
	id, rest, err := registry.CutHeader(b)
	if err != nil {
		return none, fmt.Errorf("protobuf: %w", err)
	}
	index, payload, err := registry.CutIndex(rest)
	if err != nil {
		return none, fmt.Errorf("protobuf: %w", err)
	}
	want, err := c.schemas.Decoder(id)
	if err != nil {
		return none, fmt.Errorf("protobuf: %w", err)
	}
	if want != nil && !slices.Equal(index, want) {
		return none, fmt.Errorf("protobuf: schema %d: %w: the record is message %v of it, and %s is message %v",
			id, registry.ErrIncompatible, index, c.message.Descriptor().FullName(), want)
	}
	m := c.message.New().Interface()
	if err := (proto.UnmarshalOptions{RecursionLimit: maxNesting}).Unmarshal(payload, m); err != nil {
		return none, fmt.Errorf("protobuf: schema %d: %w: %w", id, registry.ErrFormat, err)
	}
	v, ok := m.(M)
	if !ok {
		return none, fmt.Errorf("protobuf: messages of the type are %T, not %T", m, none)
	}
	return v, nil
}

// find returns where the message is in a schema.
func (c *protoCodec[M]) find(s registry.Schema) ([]int, error) {
	file, ok, err := parse(s.Text)
	if !ok || err != nil {
		return nil, err
	}
	return file.find(c.message.Descriptor())
}

// indexOf returns where a message is in its file.
func indexOf(m protoreflect.MessageDescriptor) (index []int) {
	for d := protoreflect.Descriptor(m); d != nil; d = d.Parent() {
		if _, ok := d.(protoreflect.MessageDescriptor); !ok {
			break
		}
		index = append(index, d.Index())
	}
	slices.Reverse(index)
	return index
}
