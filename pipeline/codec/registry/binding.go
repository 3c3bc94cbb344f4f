package registry

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"

	"github.com/twmb/franz-go/pkg/sr"
	"golang.org/x/sync/singleflight"
)

// Option says how a codec finds the schema that it encodes with. Without one
// it registers its own, which is what Confluent's serializers do.
type Option func(*options)

type mode int

const (
	autoRegister mode = iota
	useRegistered
	useLatest
)

type options struct{ mode mode }

// UseRegistered makes a codec encode with its schema only if that is in the
// registry already: for programs that may not register schemas, and schemas
// that are reviewed before.
func UseRegistered() Option { return func(o *options) { o.mode = useRegistered } }

// UseLatest makes a codec encode with the newest schema of its subject, as it
// was at start, instead of its own. The two must be compatible.
func UseLatest() Option { return func(o *options) { o.mode = useLatest } }

// Format is what a codec does with schemas of its format. E encodes by a
// schema, D decodes what was written with one.
type Format[E, D any] struct {
	Schema Schema // the codec's own
	Record string // the full name of what it describes, for Subject
	// Encoder returns how to encode values so that they follow a schema: the
	// codec's own, or the newest of the subject.
	Encoder func(s Schema) (E, error)
	// Decoder returns how to decode what was written with a schema. An error of
	// it is kept as the answer for the schema, and best one of this package.
	Decoder func(s Schema) (D, error)
	// Serialized asks the registry for Protobuf schemas as descriptors instead
	// of source text.
	Serialized bool
}

// Binding joins a format's codec with a subject of a registry: it is what the
// codecs of avro, protobuf and jsonschema are made with. It is safe for
// concurrent use.
type Binding[E, D any] struct {
	r       *Registry
	f       Format[E, D]
	mode    mode
	subject string

	own  atomic.Pointer[written[E]]
	once sync.Mutex // one at a time looks for own

	decoders *cache[D]
	failures *cache[failed]
	asking   singleflight.Group
}

type written[E any] struct {
	id int
	e  E
}

// Bind makes a binding. It asks nothing yet.
func Bind[E, D any](r *Registry, s Subject, f Format[E, D], opts ...Option) (*Binding[E, D], error) {
	if r == nil || s == nil {
		return nil, errors.New("a codec needs a Registry and a Subject: one of them is nil")
	}
	var o options
	for _, opt := range opts {
		opt(&o)
	}
	subject := s(f.Record)
	if subject == "" {
		return nil, fmt.Errorf("%w: its subject would have no name: a schema of a RecordName subject needs a name or a title", ErrInvalidSchema)
	}
	return &Binding[E, D]{r: r, f: f, mode: o.mode, subject: subject,
		decoders: newCache[D](r.cfg.Schemas), failures: newCache[failed](r.cfg.Schemas)}, nil
}

// Encoder returns the id of the schema to encode with, and how. Once it was
// found it is kept for good.
func (b *Binding[E, D]) Encoder() (id int, e E, err error) {
	if w := b.own.Load(); w != nil {
		return w.id, w.e, nil
	}
	w, err := b.encoder(b.r.ctx, b.r.ask)
	if err != nil {
		return 0, e, err
	}
	return w.id, w.e, nil
}

// asker is Registry.ask or Registry.patiently.
type asker func(context.Context, func(context.Context) error) error

func (b *Binding[E, D]) encoder(ctx context.Context, ask asker) (*written[E], error) {
	b.once.Lock()
	defer b.once.Unlock()
	if w := b.own.Load(); w != nil {
		return w, nil
	}
	w, s := &written[E]{}, b.f.Schema
	err := ask(ctx, func(ctx context.Context) (err error) {
		switch b.mode {
		case useRegistered:
			w.id, err = b.r.find(ctx, b.subject, s)
		case useLatest:
			w.id, s, err = b.latest(ctx)
		default:
			w.id, err = b.r.register(ctx, b.subject, s)
		}
		return err
	})
	if err == nil {
		w.e, err = b.f.Encoder(s)
	}
	if err != nil {
		return nil, fmt.Errorf("schema to write %s with: %w", b.subject, err)
	}
	b.own.Store(w)
	return w, nil
}

func (b *Binding[E, D]) latest(ctx context.Context) (id int, s Schema, err error) {
	found, err := b.r.client.SchemaByVersion(b.context(ctx), b.subject, -1)
	if err := classify(err); errors.Is(err, ErrUnknownSchema) {
		return 0, s, fmt.Errorf("%w: %w: register one before, or leave out UseLatest", ErrNotRegistered, err)
	}
	if err != nil {
		return 0, s, err
	}
	s, err = b.r.complete(ctx, found.Schema)
	return found.ID, s, err
}

func (b *Binding[E, D]) context(ctx context.Context) context.Context {
	if b.f.Serialized {
		return sr.WithParams(ctx, sr.Format("serialized"))
	}
	return ctx
}

// Decoder returns how to decode what was written with the schema of an id.
func (b *Binding[E, D]) Decoder(id int) (d D, err error) {
	if d, ok := b.decoders.get(id); ok {
		return d, nil
	}
	if f, ok := b.failures.get(id); ok && b.r.cfg.Now().Before(f.until) {
		return d, f.err
	}
	v, err, _ := b.asking.Do(strconv.Itoa(id), func() (any, error) {
		if d, ok := b.decoders.get(id); ok {
			return d, nil
		}
		var s Schema
		err := b.r.ask(b.r.ctx, func(ctx context.Context) error {
			ctx = b.context(ctx)
			found, err := b.r.client.SchemaByID(ctx, id)
			if err == nil {
				s, err = b.r.complete(ctx, found)
			}
			return err
		})
		if err != nil {
			return nil, b.remember(id, err)
		}
		return b.learn(id, s)
	})
	if err != nil {
		return d, fmt.Errorf("schema %d: %w", id, err)
	}
	return v.(D), nil
}

// learn makes and keeps the decoder of a schema.
func (b *Binding[E, D]) learn(id int, s Schema) (d D, err error) {
	if s.Type != b.f.Schema.Type {
		return d, b.remember(id, fmt.Errorf("%w: it is of type %s, and the codec's is %s", ErrIncompatible, s.Type, b.f.Schema.Type))
	}
	if d, err = b.f.Decoder(s); err != nil {
		return d, b.remember(id, err)
	}
	b.decoders.put(id, d)
	return d, nil
}

// remember keeps an answer of the registry that is an error. That it gave none
// is not kept here.
func (b *Binding[E, D]) remember(id int, err error) error {
	if !errors.Is(err, ErrUnavailable) && !errors.Is(err, ErrRefused) {
		b.failures.put(id, failed{err, b.r.cfg.Now().Add(b.r.cfg.UnknownFor)})
	}
	return err
}

// warmUp bounds the versions of a subject that are read at start.
const warmUp = 16

// Check implements codec.Checker. For writing, the schema to write with is
// registered or looked up. For reading, the newest schema of the subject, if
// there is one, must be readable. The newest versions are read so that
// decoding does not have to ask; that older ones cannot be read is no error, as
// no record may be left of them.
func (b *Binding[E, D]) Check(ctx context.Context, writes bool) error {
	if writes {
		if _, err := b.encoder(ctx, b.r.patiently); err != nil {
			return err
		}
	}
	var versions []int
	err := b.r.patiently(ctx, func(ctx context.Context) (err error) {
		versions, err = b.r.client.SubjectVersions(ctx, b.subject)
		return err
	})
	if errors.Is(err, ErrUnknownSchema) {
		return nil // nothing was written yet
	}
	if err != nil {
		return fmt.Errorf("subject %s: %w", b.subject, err)
	}
	slices.Sort(versions)
	versions = versions[max(0, len(versions)-warmUp):]
	for i, v := range slices.Backward(versions) {
		newest := i == len(versions)-1
		if err := b.read(ctx, v); err != nil && newest && !writes {
			return fmt.Errorf("subject %s, version %d: %w", b.subject, v, err)
		}
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
	}
	return nil
}

// read makes the decoder of a version.
func (b *Binding[E, D]) read(ctx context.Context, version int) error {
	var id int
	var s Schema
	err := b.r.patiently(ctx, func(ctx context.Context) error {
		ctx = b.context(ctx)
		found, err := b.r.client.SchemaByVersion(ctx, b.subject, version)
		if err == nil {
			id = found.ID
			s, err = b.r.complete(ctx, found.Schema)
		}
		return err
	})
	if err != nil {
		return err
	}
	_, err = b.learn(id, s)
	return err
}
