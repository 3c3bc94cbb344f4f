package aggregate

import (
	"github.com/millrace/millrace/pipeline"
	"github.com/millrace/millrace/pipeline/codec"
)

// Func is an aggregation of values V into an aggregate A. It has no aggregate of
// nothing: the first value makes one, so that a minimum needs no infinity.
//
// The functions are called by one task at a time for each partition, and by many
// at once: they keep nothing. They must not change an aggregate that they get. The
// context is that of the record; an error fails the record.
type Func[V, A any] struct {
	// First makes the aggregate of one value. Required.
	First func(ctx *pipeline.Context, v V) (A, error)
	// Add adds a value. Required.
	Add func(ctx *pipeline.Context, a A, v V) (A, error)
	// Merge makes one aggregate of two of the same key, of which a is the older
	// one. Sessions require it.
	Merge func(ctx *pipeline.Context, a, b A) (A, error)
	// Codec is for the tables that hold the aggregate.
	Codec codec.Codec[A]
}

// Problems returns what is missing.
func (f Func[V, A]) Problems() (missing []string) {
	if f.First == nil {
		missing = append(missing, "the aggregation has no First")
	}
	if f.Add == nil {
		missing = append(missing, "the aggregation has no Add")
	}
	return missing
}

// Fold makes an aggregation of Kafka Streams' three functions: initial makes the
// aggregate of nothing, add adds a value, merge, which may be nil, makes one of
// two. As there, merge must leave an aggregate as it is that is merged with
// initial().
func Fold[V, A any](initial func() A, add func(ctx *pipeline.Context, a A, v V) (A, error),
	merge func(ctx *pipeline.Context, a, b A) (A, error), c codec.Codec[A]) Func[V, A] {
	f := Func[V, A]{Add: add, Merge: merge, Codec: c}
	if initial != nil && add != nil {
		f.First = func(ctx *pipeline.Context, v V) (A, error) { return add(ctx, initial(), v) }
	}
	return f
}

// Reduce combines values of one type by fn, which gets the earlier one first. The
// first value is kept as it is. fn merges too, so it must be associative where
// sessions are merged.
func Reduce[V any](fn func(ctx *pipeline.Context, a, b V) (V, error), c codec.Codec[V]) Func[V, V] {
	return Func[V, V]{
		First: func(_ *pipeline.Context, v V) (V, error) { return v, nil },
		Add:   fn, Merge: fn, Codec: c,
	}
}

// Count counts the values.
func Count[V any]() Func[V, int64] {
	return pure(func(V) int64 { return 1 }, func(n int64, _ V) int64 { return n + 1 },
		func(a, b int64) int64 { return a + b }, codec.Int64())
}

// pure makes an aggregation of plain functions that cannot fail.
func pure[V, A any](first func(V) A, add func(A, V) A, merge func(a, b A) A, c codec.Codec[A]) Func[V, A] {
	return Func[V, A]{
		First: func(_ *pipeline.Context, v V) (A, error) { return first(v), nil },
		Add:   func(_ *pipeline.Context, a A, v V) (A, error) { return add(a, v), nil },
		Merge: func(_ *pipeline.Context, a, b A) (A, error) { return merge(a, b), nil },
		Codec: c,
	}
}
