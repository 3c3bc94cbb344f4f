package aggregate

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"

	"github.com/millrace/millrace/pipeline/codec"
)

// TopK keeps the k greatest values by compare, as slices.SortFunc uses it, the
// greatest first; of equal ones the earlier ones. It holds k values at most, and
// one if k is less. c encodes a value.
func TopK[V any](k int, compare func(a, b V) int, c codec.Codec[V]) Func[V, []V] {
	k = max(k, 1)
	top := func(a, b []V) []V {
		all := slices.Concat(a, b)
		slices.SortStableFunc(all, func(x, y V) int { return compare(y, x) })
		return slices.Clip(all[:min(k, len(all))])
	}
	return pure(
		func(v V) []V { return []V{v} },
		func(a []V, v V) []V {
			if len(a) >= k && compare(v, a[len(a)-1]) <= 0 {
				return a
			}
			return top(a, []V{v})
		},
		top, list(c))
}

var errList = errors.New("malformed list")

// list encodes the number of elements, then of each its length and its encoding,
// the numbers as varints.
func list[V any](c codec.Codec[V]) codec.Codec[[]V] {
	return codec.NewAppend("list of "+c.Name(),
		func(dst []byte, vs []V) ([]byte, error) {
			dst = binary.AppendUvarint(dst, uint64(len(vs)))
			var one []byte
			for _, v := range vs {
				var err error
				if one, err = c.Append(one[:0], v); err != nil {
					return dst, err
				}
				dst = append(binary.AppendUvarint(dst, uint64(len(one))), one...)
			}
			return dst, nil
		},
		func(b []byte) ([]V, error) {
			n, size := binary.Uvarint(b)
			if size <= 0 || n > uint64(len(b)-size) { // an element has a byte at least
				return nil, errList
			}
			b = b[size:]
			vs := make([]V, 0, n)
			for i := range n {
				length, size := binary.Uvarint(b)
				if size <= 0 || length > uint64(len(b)-size) {
					return nil, errList
				}
				b = b[size:]
				v, err := c.Decode(b[:length])
				if err != nil {
					return nil, fmt.Errorf("element %d: %w", i, err)
				}
				vs, b = append(vs, v), b[length:]
			}
			if len(b) > 0 {
				return nil, errList
			}
			return vs, nil
		})
}
