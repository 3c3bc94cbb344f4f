package engine

import (
	"testing"

	"github.com/millrace/millrace/internal/graph"
)

// The write buffers of all stores that may be open fit into a half of
// StoreBytes, two for each store, as far as the least size allows.
func TestWriteBufferShares(t *testing.T) {
	ref := func(name string) graph.Ref { return graph.Ref{Name: name} }
	topology := &graph.Topology{Processors: []*graph.Processor{
		{Name: "a", States: []graph.State{{Ref: ref("small")}, {Ref: ref("large")}}},
		{Name: "b", Joins: []graph.Lookup{{Ref: ref("small")}}, Lookups: []graph.Lookup{{Ref: ref("large")}}},
	}}
	topics := map[string]topicState{"small": {partitions: 4}, "large": {partitions: 60}}
	for name, tc := range map[string]struct {
		bytes      int64
		processors []string
		view       string
		want       int
	}{
		"128 stores share":                   {64 << 20, nil, "", 128 << 10},
		"more memory":                        {256 << 20, nil, "", 512 << 10},
		"only the processors that run count": {64 << 20, []string{"b"}, "", 64 << 20 / 2 / (2 * 64)},
		"a view counts":                      {64 << 20, []string{"b"}, "large", 64 << 20 / 2 / (2 * 124)},
		"never below the least":              {1 << 20, nil, "", minWriteBuffer},
		"never above the most":               {64 << 30, nil, "", maxWriteBuffer},
		"without stores":                     {1 << 30, []string{}, "", maxWriteBuffer},
	} {
		t.Run(name, func(t *testing.T) {
			e := New(topology, Config{StoreBytes: tc.bytes, Processors: tc.processors})
			e.topics = topics
			if tc.view != "" {
				e.AddView(graph.Lookup{Ref: ref(tc.view)})
			}
			if got := e.writeBuffer(); got != tc.want {
				t.Errorf("the write buffer has %d bytes, want %d", got, tc.want)
			}
		})
	}
}
