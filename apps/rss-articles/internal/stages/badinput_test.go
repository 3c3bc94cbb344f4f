package stages_test

import (
	"slices"
	"testing"

	"github.com/millrace/millrace/apps/rss-articles/internal/topics"
	"github.com/millrace/millrace/apps/rss-articles/internal/topology"
	"github.com/millrace/millrace/pipeline"
	"github.com/millrace/millrace/pipeline/codec"
	"github.com/millrace/millrace/pipeline/pipelinetest"
)

// A record that does not decode stops no stage, whichever topic it is in: it goes
// to the dead letters, and what comes after it is handled.
func TestUndecodableRecordsAreSetAside(t *testing.T) {
	var inputs []string
	for _, p := range topology.New().Describe().Processors {
		if !slices.ContainsFunc(p.Edges, func(e pipeline.EdgeDescription) bool { return e.Role == "failed" }) {
			t.Errorf("%s stops at what it cannot handle: it has no dead letters", p.Name)
		}
		for _, e := range p.Edges {
			if e.Role == "input" && !slices.Contains(inputs, e.Name) {
				inputs = append(inputs, e.Name)
			}
		}
	}
	for _, topic := range inputs {
		t.Run(topic, func(t *testing.T) {
			d := driver(t)
			if err := d.TrySend(pipeline.NewTopic(topic, codec.Bytes()).Record("k", []byte("{"))); err != nil {
				t.Fatal(err)
			}
			if got := pipelinetest.Read(d, topics.Failed); len(got) == 0 {
				t.Error("there is no dead letter")
			}
			d.Send(reader("r", "interest rates"))
			d.Send(item("a", "https://a.example/bank", bank, bank2, 0))
			expect(t, "shelf", shelf(d, "r"), bank)
		})
	}
}
