package engine_test

import (
	"os"
	"strings"
	"testing"

	"github.com/millrace/millrace/internal/engine"
	"github.com/millrace/millrace/internal/transport"
	"github.com/millrace/millrace/pipeline"
	"github.com/millrace/millrace/pipeline/codec"
)

// The rows of docs/errors.md about topics, word for word.
func TestTableOfBadTopics(t *testing.T) {
	text, err := os.ReadFile("../../docs/errors.md")
	if err != nil {
		t.Fatal(err)
	}
	orders, customers := pipeline.NewTopic("orders", codec.String()), pipeline.NewTable("customers", codec.String())
	topology := func() *pipeline.Topology {
		p := pipeline.Process("enrich")
		pipeline.Join(p, customers)
		pipeline.Input(p, orders, func(*pipeline.Context, string) error { return nil })
		return pipeline.New("shop").From(orders, customers).Add(p)
	}
	for name, tt := range map[string]struct {
		topics map[string]int32
		create bool
	}{
		"missing topic":                {map[string]int32{"customers": 4, "shop-manifest": 1}, false},
		"inputs of unequal partitions": {map[string]int32{"orders": 8, "customers": 4, "shop-manifest": 1}, true},
	} {
		l := newLab(t, 1)
		for topic, n := range tt.topics {
			config := map[string]string{}
			if topic != "orders" {
				config["cleanup.policy"] = "compact"
			}
			if err := l.Create(t.Context(), transport.TopicSpec{Name: topic, Partitions: n, Config: config}); err != nil {
				t.Fatal(err)
			}
		}
		s := l.start("m", topology(), func(e *engine.Config) { e.CreateTopics = tt.create })
		<-s.ended
		if s.err == nil {
			t.Errorf("%s: it ran", name)
			continue
		}
		lines := strings.Split(s.err.Error(), "\n")
		if row := "| " + name + " | `" + strings.TrimPrefix(strings.TrimSpace(lines[len(lines)-1]), "- ") + "` |"; !strings.Contains(string(text), row) {
			t.Errorf("docs/errors.md lacks the row\n%s", row)
		}
	}
}
