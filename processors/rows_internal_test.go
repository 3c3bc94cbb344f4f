package processors

import (
	"bytes"
	"encoding/json"
	"testing"

	"github.com/millrace/millrace/pipeline/codec"
)

// again decodes bytes and, if they are a row, wants the same bytes back.
func again[V any](t *testing.T, c codec.Codec[V], b []byte) {
	t.Helper()
	v, err := c.Decode(b)
	if err != nil {
		return
	}
	if got, err := c.Append(nil, v); err != nil || !bytes.Equal(got, b) {
		t.Errorf("%s: %x became %x, %v", c.Name(), b, got, err)
	}
	if m, ok := any(v).(json.Marshaler); ok {
		if _, err := m.MarshalJSON(); err != nil {
			t.Errorf("%s: %x: %v", c.Name(), b, err)
		}
	}
}

// No bytes that lie in a store or a topic make the codecs of the operators' own
// rows panic, and each row has one encoding.
func FuzzRows(f *testing.F) {
	seed := func(b []byte, err error) {
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	s := codec.Bytes()
	seed(waitingCodec(s).Append(nil, waiting[[]byte]{true, []byte("v")}))
	seed(timedCodec(s).Append(nil, timed[[]byte]{-1, []byte("v")}))
	seed(hashedCodec(s).Append(nil, hashed[[]byte]{hash{1}, true, []byte("v")}))
	seed(subscriptionCodec().Append(nil, subscription{answerAlways, hash{2}, "key"}))
	seed(answerCodec(s).Append(nil, answer[[]byte]{hash{3}, true, []byte("v")}))
	seed(answerCodec(s).Append(nil, answer[[]byte]{hash: hash{3}}))
	seed(versionCodec(s).Append(nil, version[[]byte]{value: []byte("v")}))
	seed(versionCodec(s).Append(nil, version[[]byte]{kind: versionTime, ms: 7}))
	seed(versionCodec(s).Append(nil, version[[]byte]{kind: versionDeleted}))
	seed(leaseCodec().Append(nil, lease{1, 2}))
	v := []byte("v")
	seed(regroupedCodec(s).Append(nil, regrouped[[]byte]{old: &v, now: &v}))
	seed(regroupedCodec(s).Append(nil, regrouped[[]byte]{now: &v}))
	seed(suppressedCodec(s).Append(nil, timed[suppressed[[]byte]]{3, suppressed[[]byte]{value: v}}))
	seed(suppressedCodec(s).Append(nil, timed[suppressed[[]byte]]{3, suppressed[[]byte]{deleted: true}}))
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, b []byte) {
		again(t, waitingCodec(s), b)
		again(t, timedCodec(s), b)
		again(t, hashedCodec(s), b)
		again(t, hashCodec(), b)
		again(t, subscriptionCodec(), b)
		again(t, answerCodec(s), b)
		again(t, versionCodec(s), b)
		again(t, leaseCodec(), b)
		again(t, regroupedCodec(s), b)
		again(t, suppressedCodec(s), b)
	})
}

// Rows of one key lie together, in the order of time, and apart from those of keys
// that begin like it.
func TestRowsSort(t *testing.T) {
	for _, rows := range [][]string{
		{joinRow("a", -5, 9), joinRow("a", 0, 1), joinRow("a", 0, 2), joinRow("a", 7, 0)},
		{versionRow("a", 7), versionRow("a", 0), versionRow("a", -5), versionEnd("a")},
		{indexRow("b", -5), indexRow("a", 0), indexRow("b", 0), indexRow("a", 7)},
	} {
		for i := range rows[1:] {
			if rows[i] >= rows[i+1] {
				t.Errorf("%q is not before %q", rows[i], rows[i+1])
			}
		}
	}
	if joinRowTime(joinRow("key", -5, 9)) != -5 || versionRowTime(versionRow("key", -5)) != -5 || indexKey(indexRow("key", 3)) != "key" || indexRowTime(indexRow("key", -3)) != -3 {
		t.Error("a row does not say what it was made of")
	}
}
