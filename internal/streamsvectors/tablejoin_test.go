package streamsvectors

import (
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
