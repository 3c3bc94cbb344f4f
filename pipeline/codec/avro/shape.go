package avro

import (
	"encoding/binary"
	"errors"
	"slices"
	"strings"

	goavro "github.com/twmb/avro"
)

// shape is how the bytes of a schema's values lie: what is needed to sort the
// entries of its maps. See https://avro.apache.org/docs/current/specification/#binary-encoding.
type shape struct {
	kind  kind
	size  int      // of fixed
	parts []*shape // fields of a record, branches of a union, the items of an array or a map
}

type kind int

const (
	fixed  kind = iota // size bytes
	varint             // also of enums
	text               // a length and as many bytes
	record
	array
	mapping
	union
)

// newShape returns the shape of a schema, nil if there is no map in it.
func newShape(s *goavro.Schema) (*shape, error) {
	canonical, err := goavro.Parse(string(s.Canonical())) // in which names are full ones
	if err != nil {
		return nil, err
	}
	maps := false
	out := compile(canonical.Root(), map[string]*shape{}, &maps)
	if !maps {
		return nil, nil
	}
	return out, nil
}

func compile(n *goavro.SchemaNode, named map[string]*shape, maps *bool) *shape {
	s := &shape{}
	if n.Name != "" { // before its fields, which may hold it again
		named[n.Name], named[fullName(n)] = s, s
	}
	switch n.Type {
	case "null":
	case "boolean":
		s.size = 1
	case "float":
		s.size = 4
	case "double":
		s.size = 8
	case "fixed":
		s.size = n.Size
	case "int", "long", "enum":
		s.kind = varint
	case "bytes", "string":
		s.kind = text
	case "record", "error":
		s.kind = record
		for i := range n.Fields {
			s.parts = append(s.parts, compile(&n.Fields[i].Type, named, maps))
		}
	case "array":
		s.kind, s.parts = array, []*shape{compile(n.Items, named, maps)}
	case "map":
		*maps = true
		s.kind, s.parts = mapping, []*shape{compile(n.Values, named, maps)}
	case "union":
		s.kind = union
		for i := range n.Branches {
			s.parts = append(s.parts, compile(&n.Branches[i], named, maps))
		}
	default: // the name of a type that was defined before
		return named[n.Type]
	}
	return s
}

var errShape = errors.New("encoding does not follow its schema")

// appendSorted appends an encoded value with the entries of its maps in the
// order of their keys.
func (s *shape) appendSorted(dst, b []byte) ([]byte, error) {
	dst, rest, err := s.sorted(dst, b)
	if err == nil && len(rest) > 0 {
		err = errShape
	}
	return dst, err
}

func (s *shape) sorted(dst, b []byte) (to, rest []byte, err error) {
	if s == nil {
		return dst, b, errShape
	}
	switch s.kind {
	case fixed:
		return take(dst, b, s.size)
	case varint:
		_, n := binary.Varint(b)
		if n <= 0 {
			return dst, b, errShape
		}
		return take(dst, b, n)
	case text:
		l, n := binary.Varint(b)
		if n <= 0 || l < 0 || l > int64(len(b)-n) {
			return dst, b, errShape
		}
		return take(dst, b, n+int(l))
	case union:
		branch, n := binary.Varint(b)
		if n <= 0 || branch < 0 || branch >= int64(len(s.parts)) {
			return dst, b, errShape
		}
		return s.parts[branch].sorted(append(dst, b[:n]...), b[n:])
	case record:
		for _, f := range s.parts {
			if dst, b, err = f.sorted(dst, b); err != nil {
				return dst, b, err
			}
		}
		return dst, b, nil
	}
	return s.blocks(dst, b)
}

// blocks copies an array or a map as a single block.
func (s *shape) blocks(dst, b []byte) (to, rest []byte, err error) {
	type entry struct{ key, all string }
	var entries []entry
	var items []byte
	total := int64(0)
	for {
		count, n := binary.Varint(b)
		if n <= 0 || count < 0 { // no encoder of ours writes a block's size
			return dst, b, errShape
		}
		if b = b[n:]; count == 0 {
			break
		}
		total += count
		for range count {
			before, key := len(items), ""
			if s.kind == mapping {
				l, n := binary.Varint(b)
				if n <= 0 || l < 0 || l > int64(len(b)-n) {
					return dst, b, errShape
				}
				key = string(b[n : n+int(l)])
				items, b = append(items, b[:n+int(l)]...), b[n+int(l):]
			}
			if items, b, err = s.parts[0].sorted(items, b); err != nil {
				return dst, b, err
			}
			if s.kind == mapping {
				entries = append(entries, entry{key, string(items[before:])})
			}
		}
	}
	if total > 0 {
		dst = binary.AppendVarint(dst, total)
	}
	slices.SortFunc(entries, func(a, b entry) int { return strings.Compare(a.key, b.key) })
	for _, e := range entries {
		dst = append(dst, e.all...)
	}
	if s.kind == array {
		dst = append(dst, items...)
	}
	return append(dst, 0), b, nil
}

// take moves n bytes.
func take(dst, b []byte, n int) (to, rest []byte, err error) {
	if n < 0 || n > len(b) {
		return dst, b, errShape
	}
	return append(dst, b[:n]...), b[n:], nil
}
