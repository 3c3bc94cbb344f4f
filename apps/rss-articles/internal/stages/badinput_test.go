package stages_test

import (
	"testing"

	"github.com/millrace/millrace/apps/rss-articles/internal/stages"
	"github.com/millrace/millrace/apps/rss-articles/internal/topics"
	"github.com/millrace/millrace/pipeline"
	"github.com/millrace/millrace/pipeline/codec"
	"github.com/millrace/millrace/pipeline/pipelinetest"
)

// A record that does not decode stops no stage: it goes to the dead letters,
// and what comes after it is handled.
func TestUndecodableRecordsAreSetAside(t *testing.T) {
	for _, topic := range []string{topics.Raw.Name(), topics.Clean.Name(), topics.Clicks.Name(), topics.Unique.Name(), topics.Duplicates.Name(),
		stages.Probes.Name(), stages.Answers.Name(), stages.Postings.Name(), stages.Wanted.Name(), stages.Parts.Name()} {
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
