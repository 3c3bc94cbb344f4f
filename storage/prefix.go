package storage

import "bytes"

// PrefixEnd returns the first key that is greater than all keys that begin
// with prefix; nil when there is none, as an open bound of Range.
func PrefixEnd(prefix []byte) []byte {
	end := bytes.Clone(prefix)
	for i := len(end) - 1; i >= 0; i-- {
		if end[i] < 0xff {
			end[i]++
			return end[:i+1]
		}
	}
	return nil
}
