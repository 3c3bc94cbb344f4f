package streamsvectors

import (
	"strings"
	"testing"

	"github.com/millrace/millrace/pipeline"
	"github.com/millrace/millrace/pipeline/codec"
	"github.com/millrace/millrace/processors"
)

var lefts, rights, joined = rows("left"), rows("right"), rows("out")

func rows(name string) pipeline.Table[string] { return pipeline.NewTable(name, codec.String()) }

func TestTableTable(t *testing.T) {
	compare(t, vectors(t, "joins", "table-table"), strict, single, func(v Vector) *pipeline.Topology {
		var p *pipeline.Processor
		switch v.Type {
		case "inner":
			p = processors.JoinTables("p", lefts, rights, joined, plus)
		case "left":
			p = processors.LeftJoinTables("p", lefts, rights, joined, plusMaybe)
		default:
			p = processors.OuterJoinTables("p", lefts, rights, joined, func(_ *pipeline.Context, a, b *string) (string, error) {
				return orNull(a) + "+" + orNull(b), nil
			})
		}
		return pipeline.New("vectors").From(lefts, rights).Add(skip(p)).To(joined)
	})
}

// TestForeignKey compares joins by a foreign key. A deletion has the time of the
// left entry here, and in Kafka Streams the greater of both if it comes from the
// right side: it is not compared.
func TestForeignKey(t *testing.T) {
	foreign := func(_, l string) (string, bool) {
		key, _, _ := strings.Cut(l, "|")
		return key, key != "-"
	}
	for _, v := range vectors(t, "joins", "foreign-key") {
		t.Run(v.name(), func(t *testing.T) {
			t.Parallel()
			ps := processors.JoinForeign("p", lefts, rights, foreign, joined, plus)
			if v.Type == "left" {
				ps = processors.LeftJoinForeign("p", lefts, rights, foreign, joined, plusMaybe)
			}
			for _, p := range ps {
				skip(p)
			}
			got := outputs(run(t, v, single, pipeline.New("vectors").From(lefts, rights).Add(ps...).To(joined)), v)
			untimed(got)
			for _, s := range v.Steps {
				untimed(s.Out)
			}
			if diff := differ(v.Steps, got, perKey); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func untimed(os []Out) {
	for i := range os {
		if os[i].Value == nil {
			os[i].Time = 0
		}
	}
}
