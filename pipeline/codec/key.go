package codec

import "fmt"

// Key encodes a typed key. Keys of records are strings of any bytes; through
// the codecs that write what Kafka's serializers write, a program with these
// reads them, and the records of both go to the same partition:
//
//	var customerID = codec.Int64() // as LongSerializer
//
//	key, err := codec.Key(customerID, order.Customer)
//	...
//	out.Emit(ctx, key, order)
//
// Equal keys must have equal encodings, or their records are not found
// together. The codecs of this package have that, JSON of structs and of maps
// too; mind -0 and 0 among floats. The codecs of numbers, Bool, UUID, String
// and Bytes never return an error.
func Key[K any](c Codec[K], k K) (string, error) {
	b, err := c.Append(nil, k)
	if err != nil {
		return "", fmt.Errorf("encode key: %w", err)
	}
	return string(b), nil
}

// ParseKey decodes a key, such as that of a Context.
func ParseKey[K any](c Codec[K], key string) (K, error) {
	k, err := c.Decode([]byte(key))
	if err != nil {
		return k, fmt.Errorf("decode key %.200q: %w", key, err)
	}
	return k, nil
}
