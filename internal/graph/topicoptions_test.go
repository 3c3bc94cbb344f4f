package graph_test

import (
	"reflect"
	"testing"

	"github.com/millrace/millrace/internal/graph"
	"github.com/millrace/millrace/internal/partition"
)

// Two uses of a topic, in either order.
func TestTopicOptionsMerge(t *testing.T) {
	options := func(n int32, by partition.By) *graph.TopicOptions {
		return &graph.TopicOptions{Partitions: n, Config: map[string]string{"retention.ms": "1"}, Partitioner: by}
	}
	windows, sessions := partition.Murmur2.Window(), partition.Murmur2.Session()
	tests := map[string]struct {
		a, b   *graph.TopicOptions
		merged *graph.TopicOptions
		back   *graph.TopicOptions // of b with a
		agree  bool
	}{
		"no options":             {nil, nil, nil, nil, true},
		"one has options":        {options(3, windows), nil, options(3, windows), options(3, windows), true},
		"the same":               {options(3, windows), options(3, windows), options(3, windows), options(3, windows), true},
		"neither partitioner":    {options(3, ""), options(3, ""), options(3, ""), options(3, ""), true},
		"one has a partitioner":  {options(3, ""), options(3, windows), options(3, windows), options(3, windows), true},
		"two partitioners":       {options(3, windows), options(3, sessions), options(3, windows), options(3, sessions), false},
		"open and of a base":     {options(3, partition.By("").Window()), options(3, windows), options(3, partition.By("").Window()), options(3, windows), false},
		"other options":          {options(3, windows), options(9, windows), options(3, windows), options(9, windows), false},
		"other options, one has": {options(3, ""), options(9, windows), options(3, windows), options(9, windows), false},
		"other configuration": {options(3, ""), &graph.TopicOptions{Partitions: 3, Partitioner: windows},
			options(3, windows), &graph.TopicOptions{Partitions: 3, Partitioner: windows}, false},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			check := func(a, b, want *graph.TopicOptions) {
				t.Helper()
				before := []*graph.TopicOptions{copied(a), copied(b)}
				got, agree := a.Merge(b)
				if !reflect.DeepEqual(got, want) || agree != tt.agree {
					t.Errorf("%+v with %+v: %+v, %v; want %+v, %v", a, b, got, agree, want, tt.agree)
				}
				if !reflect.DeepEqual(before, []*graph.TopicOptions{a, b}) {
					t.Errorf("%+v and %+v were changed to %+v and %+v", before[0], before[1], a, b)
				}
			}
			check(tt.a, tt.b, tt.merged)
			check(tt.b, tt.a, tt.back)
		})
	}
}

func copied(o *graph.TopicOptions) *graph.TopicOptions {
	if o == nil {
		return nil
	}
	c := *o
	return &c
}
