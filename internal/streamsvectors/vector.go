package streamsvectors

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"embed"
	"encoding/json"
	"fmt"
)

//go:embed testdata/*.jsonl.gz
var files embed.FS

// Vector is an operator with its options, and what Kafka Streams made of inputs.
type Vector struct {
	Op    string
	Seed  int
	Nulls bool // records without a key or a value are among the inputs
	Steps []Step

	// Options of windows: Agg is count, sum, reduce or aggregate; Emit is update, close or suppress.
	Agg, Emit            string
	Size, Advance, Grace int64 // ms; the size of a sliding window is its time difference, of a session its gap

	// Options of joins: Type is inner, left or outer.
	Type          string
	Before, After int64 // ms

	History int64 // ms, of a versioned table
	Limit   int64 // ms, of until-time-limit

	Key   string // of the outputs: string, time or session
	Value string // of the outputs: string or long
}

// Step is a record that goes in, and what follows from it.
type Step struct {
	In      In    `json:"i"`
	Out     []Out `json:"o"`
	Dropped int   `json:"d"`
}

// In is a record of an input topic. Key and Value are nil if it has none; Value is a string or an int64.
type In struct {
	Topic string
	Key   *string
	Value any
	Time  int64
}

// Out is a record that comes out. Value is nil, a string or an int64.
type Out struct {
	Key     string // bytes in hex if they are those of a window
	Unkeyed bool   // it has none
	Value   any
	Time    int64
}

func (r *In) UnmarshalJSON(b []byte) error {
	defer whole(&r.Value)
	return tuple(b, &r.Topic, &r.Key, &r.Value, &r.Time)
}

func (r *Out) UnmarshalJSON(b []byte) error {
	var key *string
	err := tuple(b, &key, &r.Value, &r.Time)
	if r.Unkeyed = key == nil; !r.Unkeyed {
		r.Key = *key
	}
	whole(&r.Value)
	return err
}

// whole makes an int64 of a number, all of which are small.
func whole(v *any) {
	if f, ok := (*v).(float64); ok {
		*v = int64(f)
	}
}

func tuple(b []byte, parts ...any) error {
	var raw []json.RawMessage
	if err := json.Unmarshal(b, &raw); err != nil {
		return err
	}
	if len(raw) != len(parts) {
		return fmt.Errorf("%d elements, want %d", len(raw), len(parts))
	}
	for i, p := range parts {
		if err := json.Unmarshal(raw[i], p); err != nil {
			return fmt.Errorf("element %d: %w", i, err)
		}
	}
	return nil
}

// KeyVector is a windowed key with its bytes in Java, and its partition.
type KeyVector struct {
	Kind       string // time or session
	Key        string
	Start, End int64 // ms
	Hex        string
	Partition  int32 // of 7, where Kafka Streams writes it
}

// Vectors returns those of a file in testdata: windows, joins or tables.
func Vectors(file string) ([]Vector, error) { return load[Vector](file) }

// Keys returns the vectors of windowed keys.
func Keys() ([]KeyVector, error) { return load[KeyVector]("keys") }

func load[T any](file string) ([]T, error) {
	b, err := files.ReadFile("testdata/" + file + ".jsonl.gz")
	if err != nil {
		return nil, err
	}
	z, err := gzip.NewReader(bytes.NewReader(b))
	if err != nil {
		return nil, fmt.Errorf("vectors %s: %w", file, err)
	}
	var all []T
	lines := bufio.NewScanner(z)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var v T
		if err := json.Unmarshal(lines.Bytes(), &v); err != nil {
			return nil, fmt.Errorf("vectors %s, line %d: %w", file, len(all)+1, err)
		}
		all = append(all, v)
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("vectors %s: %w", file, err)
	}
	return all, nil
}
