package tool_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/millrace/millrace/internal/transport"
	"github.com/millrace/millrace/internal/transport/kafka"
	"github.com/millrace/millrace/pipeline"
)

// outputs lists the output topic's records as key=count, sorted.
func outputs(t *testing.T, cfg pipeline.Config, n names) (all []string) {
	t.Helper()
	c, err := kafka.New(t.Context(), kafka.Config{Brokers: cfg.Brokers, Logger: cfg.Logger})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	}()
	for p := range int32(2) {
		tp := transport.TopicPartition{Topic: n.out, Partition: p}
		first, end, err := c.Bounds(t.Context(), tp)
		if err == nil {
			err = c.ReadTable(t.Context(), tp, first, end, func(b transport.TableBatch) error {
				for _, r := range b.Records {
					all = append(all, fmt.Sprintf("%s=%d", r.Key, r.Value[len(r.Value)-1]))
				}
				return nil
			})
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	slices.Sort(all)
	return all
}

// counted returns the last count of each key.
func counted(t *testing.T, cfg pipeline.Config, n names) map[string]int {
	counts := map[string]int{}
	for _, o := range outputs(t, cfg, n) { // they grow
		k, v := o[:len(o)-2], int(o[len(o)-1]-'0')
		counts[k] = v
	}
	return counts
}
